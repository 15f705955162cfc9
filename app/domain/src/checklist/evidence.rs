//! What somebody shows for an item: words, or the address of a page that proves it.

use super::MOST_CHARS;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// 1 to 2000 characters of text, or one `http`/`https` address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Evidence(String);

impl Evidence {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when the whole evidence is one. Only `http` and `https`, never with a user name in it.
    pub fn link(&self) -> Option<&str> {
        scheme(&self.0).map(|_| self.0.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("say what shows it: evidence is 1 to 2000 characters of text, or a link")]
    Length,
    #[error("evidence cannot contain control characters")]
    Control,
    #[error("`{0}` is not a link Sternway will show: use `http://` or `https://` and a host name without a user name")]
    Link(String),
}

impl FromStr for Evidence {
    type Err = EvidenceError;

    fn from_str(text: &str) -> Result<Self, EvidenceError> {
        let text = text.trim();
        if !(1..=MOST_CHARS).contains(&text.chars().count()) {
            return Err(EvidenceError::Length);
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r') {
            return Err(EvidenceError::Control);
        }
        match scheme(text) {
            Some(scheme) if !safe(scheme, text) => Err(EvidenceError::Link(text.chars().take(80).collect())),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// What stands before the first colon, if the text is one word that begins like an address.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let one_word = !text.contains(char::is_whitespace);
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // `sha256:9f2c…` is a digest and `checkout:1.42.0` an image, not addresses that a browser would follow.
    let followed = rest.starts_with("//")
        || ["javascript", "data", "vbscript", "blob", "file", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
    (one_word && named && followed).then_some(scheme)
}

fn safe(scheme: &str, text: &str) -> bool {
    let Some(rest) = text[scheme.len()..].strip_prefix("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && !host.contains(['@', '\\'])
}

impl TryFrom<String> for Evidence {
    type Error = EvidenceError;

    fn try_from(text: String) -> Result<Self, EvidenceError> {
        text.parse()
    }
}

impl From<Evidence> for String {
    fn from(evidence: Evidence) -> String {
        evidence.0
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_plain_links_are_evidence() {
        for text in ["flag new-pricing, flipped 13:20", "see: the ticket", "sha256:9f2c", "https://ci.example/7?x=1"] {
            assert!(text.parse::<Evidence>().is_ok(), "{text} was refused");
        }
        let link = |text: &str| text.parse::<Evidence>().expect("is evidence").link().map(str::to_owned);
        assert_eq!(link("https://ci.example/7"), Some("https://ci.example/7".to_owned()));
        assert_eq!(link("checkout:1.42.0"), None);
        assert_eq!(link("https://ci.example/7 is green"), None);
    }

    #[test]
    fn links_that_could_run_or_mislead_are_refused() {
        for text in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "ftp://a/b",
            "https://maya@evil.example/",
            "https:///x",
            "http://",
            "file:///etc/passwd",
        ] {
            assert!(matches!(text.parse::<Evidence>(), Err(EvidenceError::Link(_))), "{text} was taken");
        }
    }

    #[test]
    fn evidence_has_a_length() {
        assert_eq!("  ".parse::<Evidence>(), Err(EvidenceError::Length));
        assert_eq!("ä".repeat(2_001).parse::<Evidence>(), Err(EvidenceError::Length));
        assert!("ä".repeat(2_000).parse::<Evidence>().is_ok());
        assert_eq!("a\0b".parse::<Evidence>(), Err(EvidenceError::Control));
    }
}
