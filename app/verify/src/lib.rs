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
use sternway_domain::audit::checkpoint::{LogKey, Trust, TrustError, Trusted};
use sternway_domain::audit::note::VerifierKey;
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
    match keys(key).and_then(|trust| trust.open(note.as_bytes()).map_err(|error| error.to_string())) {
        Ok(trusted) => report.head = Some(report::Head::of(&trusted)),
        Err(why) => report.bad("signature", "The head of the log is not signed by its key", vec![why]),
    }
    report
}

/// The log's keys, one a line. Trusting them is the reader's choice: what they are is shown, and can be remembered.
fn keys(text: &str) -> Result<Trust, String> {
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    let keys = words.map(|word| word.parse::<VerifierKey>().map_err(|error| error.to_string()));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let first = keys.first().ok_or("no key of the log was given")?;
    let origin = first.name().to_owned();
    let keys = keys.into_iter().map(LogKey::always).collect();
    Ok(Trust { origin, keys, witnesses: Vec::new(), quorum: 0 })
}

/// Whose signature it is, in words.
fn signed_by(trusted: &Trusted) -> Vec<String> {
    trusted.signed_by.iter().map(ToString::to_string).collect()
}

/// Why a head is not believed, and what that means.
fn mistrust(error: &TrustError) -> String {
    let error = error.to_string();
    let mut letters = error.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
