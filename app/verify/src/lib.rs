//! What the browser checks by itself: that the record of a decision is in the log, that the log's head is signed, that
//! the page says what the record says, and that the log is still the one this browser remembers.
//!
//! One function, text in and text out; `proof.js` beside it fetches and shows. Everything that is decided is decided by
//! the rules in `sternway_domain::audit`, the same that the server and the command line use. Deliberately absent:
//! fetching, storing, drawing.

mod decision;
mod pin;
mod report;

use report::Report;
use serde::Deserialize;
use sternway_domain::audit::checkpoint::{TrustError, Trusted};
use sternway_domain::audit::keys::KeyList;
use wasm_bindgen::prelude::wasm_bindgen;

/// What there is to check: one of these.
#[derive(Debug, Deserialize)]
struct Asked {
    /// A decision, its page and its proof.
    decision: Option<decision::Asked>,
    /// A head alone.
    head: Option<Signed>,
    /// A head, and one that was kept.
    pin: Option<pin::Asked>,
}

#[derive(Debug, Deserialize)]
struct Signed {
    /// What `/log/key` says.
    key: String,
    note: String,
}

/// Takes what is to be checked and gives what was found, both as JSON.
#[wasm_bindgen]
pub fn check(asked: &str) -> String {
    let unread = |why: String| {
        let mut report = Report::default();
        report.bad("answer", "Sternway's answer cannot be read", vec![why]);
        report
    };
    let report = match serde_json::from_str(asked) {
        Ok(Asked { decision: Some(asked), .. }) => decision::check(&asked),
        Ok(Asked { head: Some(Signed { key, note }), .. }) => head(&key, &note),
        Ok(Asked { pin: Some(asked), .. }) => pin::check(&asked),
        Ok(_) => unread("There is nothing to check.".to_owned()),
        Err(error) => unread(error.to_string()),
    };
    report.to_json()
}

fn head(key: &str, note: &str) -> Report {
    let mut report = Report::default();
    match open(key, |list| list.trust().open(note.as_bytes())) {
        Ok((list, trusted)) => {
            report.breaks(&list);
            report.head = Some(report::Head::of(&trusted));
        }
        Err(why) => report.bad("signature", "The head of the log is not signed by its key", vec![why]),
    }
    report
}

/// Opens a head under the keys that the log says it has. Trusting them is the reader's choice: what they are is shown, and
/// can be remembered.
fn open(keys: &str, with: impl FnOnce(&KeyList) -> Result<Trusted, TrustError>) -> Result<(KeyList, Trusted), String> {
    let list: KeyList = keys.parse().map_err(|error| sentence(&error))?;
    let trusted = with(&list).map_err(|error| sentence(&error))?;
    Ok((list, trusted))
}

/// Whose signature it is, in words.
fn signed_by(trusted: &Trusted) -> Vec<String> {
    trusted.signed_by.iter().map(ToString::to_string).collect()
}

/// What is wrong, beginning large and ending with a full stop.
fn sentence(error: &dyn std::fmt::Display) -> String {
    let error = error.to_string();
    let mut letters = error.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
