//! Runbooks, and one runbook.

use super::{FactView, StateView, StepView, When};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunbooksView {
    pub rows: Vec<RunbookRow>,
    pub empty: Option<StateView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunbookRow {
    pub name: String,
    pub title: String,
    /// `rollback`, `rollforward`, `any`.
    pub purpose: String,
    pub steps: u32,
    /// `recovery lead, communications lead`.
    pub roles: String,
    /// `sha256:9f2c…a41b`.
    pub digest: String,
    pub changed: When,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunbookView {
    pub name: String,
    pub title: String,
    /// Marked.
    pub summary: String,
    pub digest: String,
    /// Set when the page was opened from a release: its values are filled in.
    pub release: Option<super::LinkView>,
    pub steps: Vec<StepView>,
    pub facts: Vec<FactView>,
    /// Rendered by comrak, then cleaned by ammonia: safe to set as inner HTML.
    pub html: String,
}
