//! Everything that leaves this process by HTTP goes through here.
//!
//! One client: no redirects, no proxies from the environment, names resolved by us and every address checked against the
//! [guard](guard) before it is connected to, answers read up to a limit, the caller's trace passed on. Deliberately
//! absent: retries. Who asks knows whether asking again is harmless.

use guard::Guard;
use ipnet::IpNet;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::service::Secret;

mod guard;
pub(crate) mod sign;

pub use guard::Blocked;

tokio::task_local! {
    static TRACEPARENT: String;
}

/// Runs `work` with a W3C `traceparent` that every outbound call of it carries.
pub async fn traced<F: Future>(traceparent: String, work: F) -> F::Output {
    TRACEPARENT.scope(traceparent, work).await
}

/// Looks up an environment variable.
type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The guarded way out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Arc<Guard>,
    environment: Environment,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// For the whole exchange, body included.
    pub timeout: Duration,
    /// The longest body that is read, in bytes.
    pub max_bytes: usize,
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    #[error("{text:?} is not a URL")]
    Url { text: String, source: url::ParseError },
    #[error("`{to}` is not allowed: {blocked}")]
    Blocked { to: String, blocked: Blocked },
    #[error("`{to}` did not answer within {}\u{a0}ms", .after.as_millis())]
    TimedOut {
        to: String,
        after: Duration,
        /// Whether anything of the request may have left.
        sent: bool,
    },
    #[error("`{to}` cannot be reached: {detail}")]
    Unreachable {
        to: String,
        detail: String,
        /// Whether anything of the request may have left.
        sent: bool,
    },
    #[error("`{to}` answers with more than {limit}\u{a0}bytes")]
    TooLarge { to: String, limit: usize },
}

/// Why a secret is not at hand. Never holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    #[error("the environment variable `{0}` may not be read: its name must begin with `STERNWAY_SECRET_`")]
    Forbidden(String),
    #[error("the file `{path}` cannot be read: {detail}")]
    File { path: String, detail: String },
}

impl Outbound {
    /// Private, loopback and other special addresses are refused unless listed in `allow`.
    pub fn new(allow: Vec<IpNet>) -> Result<Self, OutboundError> {
        // Fails only if a provider was installed before, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Arc::new(Guard::new(allow));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::clone(&guard))
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("sternway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(OutboundError::Client)?;
        Ok(Self { client, guard, environment: Arc::new(|name| std::env::var(name).ok()) })
    }

    /// The same, reading secrets from `environment` instead of the process.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.environment = Arc::new(environment);
        self
    }

    /// A secret that a document names.
    pub async fn secret(&self, secret: &Secret) -> Result<String, SecretError> {
        match secret {
            Secret::Value(value) => Ok(value.clone()),
            Secret::Env(name) if !name.starts_with("STERNWAY_SECRET_") => Err(SecretError::Forbidden(name.clone())),
            Secret::Env(name) => (self.environment)(name).ok_or_else(|| SecretError::Unset(name.clone())),
            Secret::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Ok(text.trim().to_owned()),
                Err(e) => Err(SecretError::File { path: path.clone(), detail: e.to_string() }),
            },
        }
    }

    /// The addresses of a host that may be connected to. For what is not HTTP.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        let to = format!("{host}:{port}");
        match self.guard.resolve(host, port).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(blocked)) => Err(OutboundError::Blocked { to, blocked }),
            Err(e) => Err(OutboundError::Unreachable { to, detail: e.to_string(), sent: false }),
        }
    }

    /// Sends one request and reads the whole answer.
    pub async fn send(&self, call: Call) -> Result<Answer, OutboundError> {
        let (to, limit, after) = (place(&call.url), call.max_bytes, call.timeout);
        self.guard.check_literal(&call.url).map_err(|blocked| OutboundError::Blocked { to: to.clone(), blocked })?;
        let mut headers = call.headers;
        if let Ok(Ok(value)) = TRACEPARENT.try_with(|trace| HeaderValue::from_str(trace)) {
            headers.insert(HeaderName::from_static("traceparent"), value);
        }
        let request = self.client.request(call.method, call.url).headers(headers).timeout(after).body(call.body);
        let failed = |e: reqwest::Error| failure(&to, after, &e);
        let mut response = request.send().await.map_err(failed)?;
        let too_large = || OutboundError::TooLarge { to: to.clone(), limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }
}

impl Call {
    pub fn get(url: Url, timeout: Duration, max_bytes: usize) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new(), timeout, max_bytes }
    }
}

impl Answer {
    /// The first line of the body, at most 200 characters, without control characters and signs that turn text around:
    /// fit for a message.
    pub fn gist(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]).into_owned();
        let shows = |c: &char| {
            !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        text.lines().next().unwrap_or_default().chars().filter(shows).take(200).collect()
    }
}

/// Reads a URL.
pub fn parse_url(text: &str) -> Result<Url, OutboundError> {
    text.parse().map_err(|source| OutboundError::Url { text: text.chars().take(120).collect(), source })
}

/// Where a URL leads, without what may be confidential in it: `http://host:9090/api/v1/query`.
pub fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn failure(to: &str, after: Duration, error: &reqwest::Error) -> OutboundError {
    let to = to.to_owned();
    // Not connected, TLS included: then nothing was said yet.
    let sent = !(error.is_connect() || error.is_builder());
    if error.is_timeout() {
        return OutboundError::TimedOut { to, after, sent };
    }
    let mut cause = error.source();
    let mut last = None;
    while let Some(inner) = cause {
        if let Some(blocked) = inner.downcast_ref::<Blocked>() {
            return OutboundError::Blocked { to, blocked: blocked.clone() };
        }
        last = Some(inner.to_string());
        cause = inner.source();
    }
    let detail = last.unwrap_or_else(|| error.to_string());
    OutboundError::Unreachable { to, detail, sent }
}
