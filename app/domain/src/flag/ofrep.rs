//! The shapes of OFREP 0.3, as its clients really read them: `variant` and `errorDetails` are always there.

use super::{Context, ErrorCode, EvaluationError, Flag, Reason, Resolved};
use crate::audit::canonical_json;
use crate::id::{Digest, EnvironmentName};
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// The answer for one flag.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evaluation {
    Success(Success),
    Failure(Failure),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Success {
    pub key: String,
    pub value: Value,
    pub reason: Reason,
    pub variant: String,
    pub metadata: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub key: String,
    pub error_code: ErrorCode,
    pub error_details: String,
}

impl Failure {
    /// For a key as it came, which may be no key at all.
    pub fn new(key: &str, error: &EvaluationError) -> Self {
        Self { key: key.to_owned(), error_code: error.code(), error_details: error.to_string() }
    }

    /// The HTTP status of a single evaluation: 404 for an unknown flag, 500 for a flag that is broken, 400 otherwise.
    pub fn status(&self) -> u16 {
        match self.error_code {
            ErrorCode::FlagNotFound => 404,
            ErrorCode::General => 500,
            ErrorCode::ParseError | ErrorCode::TargetingKeyMissing | ErrorCode::InvalidContext => 400,
        }
    }
}

/// One flag for one asker.
pub fn single(flag: &Flag, environment: &EnvironmentName, context: &Context) -> Evaluation {
    match flag.evaluate(environment, context) {
        Ok(Resolved { variant, value, reason }) => {
            let metadata = json!({"owner": flag.plan.owner});
            Evaluation::Success(Success { key: flag.plan.key.to_string(), value, reason, variant, metadata })
        }
        Err(error) => Evaluation::Failure(Failure::new(flag.plan.key.as_str(), &error)),
    }
}

/// All flags for one asker.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulk {
    /// Sorted by key.
    pub flags: Vec<Evaluation>,
    /// Strong, in quotes, ready for the header; equal bodies have equal tags.
    pub etag: String,
    /// When any of the flags changed last; `None` without flags.
    pub last_modified: Option<Timestamp>,
}

/// Evaluates every flag. The tag covers what this asker gets, so a change that does not concern them is a 304.
pub fn bulk<'a>(flags: impl IntoIterator<Item = &'a Flag>, environment: &EnvironmentName, context: &Context) -> Bulk {
    let mut sorted: Vec<&Flag> = flags.into_iter().collect();
    sorted.sort_by(|a, b| a.plan.key.cmp(&b.plan.key));
    let last_modified = sorted.iter().map(|flag| flag.changed_at).max();
    // What was retired is not there; that it went is a change all the same.
    let flags: Vec<Evaluation> = sorted
        .into_iter()
        .filter(|flag| flag.retired.is_none())
        .map(|flag| single(flag, environment, context))
        .collect();
    let body = serde_json::to_value(&flags).expect("evaluations hold only JSON values and texts");
    let digest = Digest::of(canonical_json(&body).as_bytes());
    Bulk { flags, etag: format!("\"{}\"", &digest.as_str()["sha256:".len()..][..32]), last_modified }
}

/// Whether an `If-None-Match` header already has this answer. Weak tags and `*` count, as RFC 9110 says for GET-like use.
pub fn unchanged(if_none_match: &str, etag: &str) -> bool {
    if_none_match.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
