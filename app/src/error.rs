//! Why a page or an act could not be given, in words for the person who asked. Never carries what only operators may see.

use crate::view::ChangeView;
use serde::{Deserialize, Serialize};

/// What a person is told instead of what they asked for. Every text is already worded; nothing internal goes in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AppError {
    /// HTTP 401. The session is missing or over.
    #[error("You are not signed in.")]
    NotSignedIn,
    /// HTTP 403. `why` names the role that is needed.
    #[error("{why}")]
    Forbidden { why: String },
    /// HTTP 404. `what` names the thing: ``release `0192…` ``.
    #[error("There is no {what}.")]
    NotFound { what: String },
    /// HTTP 409. The release is not what the person saw; `changes` are the events since, oldest first.
    #[error("The release changed: it is now version {version}.")]
    Conflict { version: u64, changes: Vec<ChangeView> },
    /// HTTP 422. The act is not possible in this state.
    #[error("{why}")]
    Refused { why: String },
    /// HTTP 422. Fields of a form that need another value. Never empty.
    #[error("{}", worded(problems))]
    Invalid { problems: Vec<Problem> },
    /// HTTP 503. Sternway could not answer. `what` says what failed and what goes on regardless.
    #[error("{what} Request {request_id}.")]
    Unavailable { what: String, request_id: String },
}

/// One field that needs another value, and what to write there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The `name` of the field in the form; empty for the form as a whole.
    pub field: String,
    /// What to do: `Say why in a few words: 3 to 2 000 characters.`
    pub text: String,
}

impl Problem {
    pub fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into() }
    }
}

fn worded(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.text.as_str()).collect::<Vec<_>>().join(" ")
}

impl AppError {
    /// The HTTP status this is answered with.
    pub fn status(&self) -> u16 {
        match self {
            AppError::NotSignedIn => 401,
            AppError::Forbidden { .. } => 403,
            AppError::NotFound { .. } => 404,
            AppError::Conflict { .. } => 409,
            AppError::Refused { .. } | AppError::Invalid { .. } => 422,
            AppError::Unavailable { .. } => 503,
        }
    }

    /// What is wrong with this field, if anything.
    pub fn problem(&self, field: &str) -> Option<&str> {
        match self {
            AppError::Invalid { problems } => problems.iter().find(|p| p.field == field).map(|p| p.text.as_str()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_faults_in_two_fields_when_asked_for_one_then_only_that_is_told() {
        let error = AppError::Invalid { problems: vec![Problem::new("reason", "Say why."), Problem::new("", "No.")] };
        assert_eq!(error.problem("reason"), Some("Say why."));
        assert_eq!(error.problem("version"), None);
    }
}
