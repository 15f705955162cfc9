//! A runbook: what to do, step by step, and in which role. It is written as Markdown with a header.
//!
//! A step is a heading of the second level that begins with its number, `## 1. Freeze`; a runbook without such headings
//! may number its steps in a list instead. The first line under it says who does it: `Role: recovery lead`, or
//! `Role: recovery lead, automatic` where Sternway does it and the role watches.
//!
//! Deliberately absent: turning Markdown into HTML, and versions, which the store counts.

use crate::id::RunbookName;
use crate::time::Span;
use serde::{Deserialize, Serialize};

mod read;
mod values;

pub use values::{Placeholder, Values, fill};

/// What stands above the text, between two lines of `---`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: RunbookName,
    /// What people call it, 1 to 120 characters.
    pub title: String,
    #[serde(default)]
    pub purpose: Purpose,
    /// When to use it, up to 500 characters.
    #[serde(default)]
    pub summary: String,
    /// Everyone who has a part in it. A step may only name these.
    pub roles: Vec<Part>,
    /// How long all of it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Span>,
    /// Who is called when it stalls, up to 500 characters.
    #[serde(default)]
    pub escalation: String,
}

/// Which way a runbook leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Back to the baseline.
    Rollback,
    /// On to a hotfix.
    Rollforward,
    #[default]
    Other,
}

impl Purpose {
    /// The stable name, as stored and as written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Rollback => "rollback",
            Purpose::Rollforward => "rollforward",
            Purpose::Other => "other",
        }
    }
}

/// A role and what it answers for. The person is named when the runbook is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `recovery lead`, 1 to 60 characters.
    pub role: String,
    /// `drives the rollback`, 1 to 200 characters.
    pub duty: String,
}

/// A runbook, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runbook {
    #[serde(flatten)]
    pub header: Header,
    /// Markdown before the first step.
    pub intro: String,
    pub steps: Vec<Step>,
    /// Markdown after the last step: sections that are no steps.
    pub closing: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From 1, without gaps.
    pub number: u16,
    /// Plain text, may hold placeholders.
    pub title: String,
    pub role: String,
    pub mode: StepMode,
    /// Markdown, may hold placeholders.
    pub body: String,
}

/// Who does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepMode {
    /// Sternway does it; the role watches.
    Auto,
    /// The role does it and signs it off.
    Manual,
}

/// One thing wrong with a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookProblem {
    pub place: Place,
    /// What is wrong and what to do.
    pub text: String,
}

/// Where a runbook is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the header: path of the field, `roles[1].duty`.
    Header(String),
    /// In the text: line from 1, counted from the end of the header.
    Line(usize),
}

impl Runbook {
    /// Reads the text below the header. All problems are reported together.
    pub fn read(header: Header, text: &str) -> Result<Self, Vec<RunbookProblem>> {
        read::read(header, text)
    }
}
