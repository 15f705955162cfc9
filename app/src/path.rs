//! Where things are. Every address of the UI is made here.

use crate::view::act::Verb;

pub const BOARD: &str = "/";
pub const SIGN_IN: &str = "/signin";
pub const SIGN_OUT: &str = "/signout";
pub const THEME: &str = "/theme";
pub const DECISIONS: &str = "/decisions";
pub const SERVICES: &str = "/services";
pub const RUNBOOKS: &str = "/runbooks";
pub const FLAGS: &str = "/flags";
pub const NEW_RELEASE: &str = "/releases/new";
/// Fields: `service`, `fault` (a value of `DemoBarView::faults`, or `clear`), `next`.
pub const DEMO_INJECT: &str = "/demo/inject";
/// Fields: `service`, `next`.
pub const DEMO_RELEASE: &str = "/demo/release";
/// The one stream of events of a tab.
pub const EVENTS: &str = "/api/v1/events";
/// Prefix of the server functions: `/ui/board` …
pub const SERVER_FNS: &str = "/ui";

pub fn release(id: &str) -> String {
    format!("/releases/{id}")
}

/// The page of an act on a release, or on a flag.
pub fn act(id: &str, verb: Verb) -> String {
    if verb.of_flag() { format!("{FLAGS}/{id}/{verb}") } else { format!("/releases/{id}/act/{verb}") }
}

/// What an act is on: where the way back leads.
pub fn acted_on(id: &str, verb: Verb) -> String {
    if verb.of_flag() { FLAGS.to_owned() } else { release(id) }
}

pub fn saga(id: &str) -> String {
    format!("/releases/{id}/saga")
}

pub fn rehearsal(id: &str) -> String {
    format!("/releases/{id}/rehearsal")
}

pub fn data(id: &str) -> String {
    format!("/releases/{id}/data")
}

pub fn checklist(id: &str) -> String {
    format!("/releases/{id}/checklist")
}

pub fn decision(id: &str) -> String {
    format!("/decisions/{id}")
}

/// Where texts of a decision are taken out.
pub fn redact(id: &str) -> String {
    format!("/decisions/{id}/redact")
}

/// The decisions of one release or service.
pub fn decisions_of(release: &str) -> String {
    format!("/decisions?release={}", escaped(release))
}

pub fn service(name: &str) -> String {
    format!("/services/{name}")
}

pub fn runbook(name: &str) -> String {
    format!("/runbooks/{name}")
}

/// The runbook with the values of a release filled in.
pub fn runbook_for(name: &str, release: &str) -> String {
    format!("/runbooks/{name}?release={}", escaped(release))
}

/// A new release of this service.
pub fn new_release_of(service: &str) -> String {
    format!("/releases/new?service={}", escaped(service))
}

pub fn setup(token: &str) -> String {
    format!("/setup/{}", escaped(token))
}

/// Percent-encodes everything that is not unreserved (RFC 3986).
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_name_with_signs_when_put_in_an_address_then_nothing_breaks_out() {
        assert_eq!(decisions_of("a&b=c d\"é"), "/decisions?release=a%26b%3Dc%20d%22%C3%A9");
    }
}
