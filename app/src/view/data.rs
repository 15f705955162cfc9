//! The data migrations of a release. Drawn on the server into HTML that the browser keeps as it is: forms work without
//! scripts, and the program for the browser grows by nothing.

#[cfg(feature = "ssr")]
use super::{FormFault, LinkView, StepView};
use serde::{Deserialize, Serialize};

/// One migration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DataPanel {
    /// What changes from look to look: phases, results, what is missing.
    pub facts: String,
    /// Changes only when the migration does, so that nothing is taken away while somebody types.
    pub form: String,
    #[cfg(feature = "ssr")]
    #[serde(skip)]
    pub parts: Box<DataParts>,
}

/// What a panel is drawn from.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataParts {
    pub release: String,
    pub name: String,
    /// What changes, in plain words.
    pub description: String,
    pub phases: Vec<StepView>,
    /// Marked: whether it may still go back.
    pub safety: String,
    /// Whether going back loses data, so that the sentence stands out.
    pub lost: bool,
    /// Marked: what is missing before the next phase. Empty when nothing is.
    pub missing: Vec<String>,
    pub queries: Vec<QueryView>,
    /// Marked: who signed, who asked to break the glass.
    pub notes: Vec<String>,
    /// The two other ways, while going back is refused.
    pub instead: Vec<LinkView>,
    /// Value and words of each button.
    pub acts: Vec<(String, String)>,
    /// Words beside the box that overrides what is missing.
    pub overriding: Option<String>,
    /// Why there are no buttons.
    pub why_not: String,
    pub version: i64,
    pub idempotency_key: String,
    pub typed: DataForm,
    pub fault: Option<FormFault>,
}

#[cfg(feature = "ssr")]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryView {
    pub name: String,
    pub sql: String,
    /// `exactly 0`.
    pub wanted: String,
    /// `None` before it was run.
    pub good: Option<bool>,
    /// What it gave, or the error.
    pub detail: String,
    /// `14:03:10, 2 min ago`.
    pub at: String,
}

/// Posted to `/releases/{id}/data`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataForm {
    pub migration: String,
    /// `move:PHASE`, `back`, `validate:QUERY`, `sign:ROLE`, `ask_glass` or `break_glass`.
    pub act: String,
    pub reason: String,
    #[serde(rename = "override")]
    pub overridden: String,
    pub expected_version: i64,
    pub idempotency_key: String,
}
