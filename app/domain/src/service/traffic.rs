//! The drivers' part of the document.

use super::Secret;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One backend of one HAProxy, steered through its runtime socket (`stats socket … level admin`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Haproxy {
    /// `unix:/run/haproxy/admin.sock` or `tcp:127.0.0.1:9999`.
    pub address: HaproxyAddress,
    pub backend: String,
    /// Servers of the backend that run the baseline.
    pub baseline: Vec<String>,
    /// Servers of the backend that run the canary.
    pub canary: Vec<String>,
    /// Where the server states are kept for `load-server-state-from-file`, so that a reload does not lose the weights.
    /// An absolute path that ends in `.state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_file: Option<String>,
    /// Longest wait for one answer of the socket.
    #[serde(default = "Haproxy::default_timeout")]
    pub timeout: Span,
}

impl Haproxy {
    fn default_timeout() -> Span {
        Span::from_secs(2)
    }
}

/// Where HAProxy's runtime socket listens. Written `unix:/path` or `tcp:host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HaproxyAddress {
    Unix(String),
    Tcp { host: String, port: u16 },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a socket: write `unix:/absolute/path` or `tcp:host:port`")]
pub struct AddressError(String);

impl FromStr for HaproxyAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.chars().take(120).collect());
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if let Some(path) = text.strip_prefix("unix:") {
            let fits = path.starts_with('/') && path.len() <= 100 && !path.contains(odd);
            return if fits { Ok(Self::Unix(path.to_owned())) } else { Err(wrong()) };
        }
        let (host, port) = text.strip_prefix("tcp:").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if port == 0 || host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl TryFrom<String> for HaproxyAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl fmt::Display for HaproxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

impl From<HaproxyAddress> for String {
    fn from(address: HaproxyAddress) -> String {
        address.to_string()
    }
}

/// A program of yours that moves traffic, told by requests signed as Standard Webhooks 1.0 says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Gets a POST for each intent.
    pub url: String,
    /// Answers a GET with `{"canary": PERCENT}` and, if known, `baseline_ready` and `canary_ready`: instances that
    /// take traffic, and `baseline_total` and `canary_total`: how many there are.
    pub observe_url: String,
    /// `whsec_` and 24 to 64 bytes in base64.
    pub secret: Secret,
    /// While a secret is being changed: requests are signed with both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret: Option<Secret>,
    /// Longest wait for one answer.
    #[serde(default = "Webhook::default_timeout")]
    pub timeout: Span,
    /// How often one request is tried before the engine is told that the program cannot be reached.
    #[serde(default = "Webhook::default_attempts")]
    pub attempts: u8,
}

impl Webhook {
    fn default_timeout() -> Span {
        Span::from_secs(15)
    }

    fn default_attempts() -> u8 {
        3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_being_written_and_read() {
        for text in ["unix:/run/haproxy/admin.sock", "tcp:127.0.0.1:9999", "tcp:[::1]:9999", "tcp:proxy-1.example:80"] {
            assert_eq!(text.parse::<HaproxyAddress>().map(|a| a.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            "/run/h.sock",
            "unix:h.sock",
            "unix:/a b",
            "tcp:host",
            "tcp::80",
            "tcp:h:0",
            "tcp:h:99999",
            "tcp:a;b:1",
        ] {
            assert!(wrong.parse::<HaproxyAddress>().is_err(), "{wrong:?} was taken");
        }
    }
}
