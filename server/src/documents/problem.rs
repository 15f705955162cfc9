//! What is wrong with a document, and where.

use super::node::At;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One problem. Lines and columns are counted from 1; columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct DocumentProblem {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// Path of the field, `stages[2].weight`; empty when the problem is not one field's.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl DocumentProblem {
    pub(super) fn new(file: &str, at: At, field: &str, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: at.line, column: at.column, field: field.to_owned(), text: text.into() }
    }
}

/// `plans/canary.yaml:12:5: stages[1].weight: weights must grow from stage to stage`.
impl fmt::Display for DocumentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)
    }
}
