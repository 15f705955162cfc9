//! Making a release: a form or pasted YAML, and what the plan would do.

use super::chart::TableView;
use super::{CheckView, ChoiceView, FactView, FormFault};
use serde::{Deserialize, Serialize};

/// Posted to `/releases/new`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewReleaseForm {
    /// `form` or `yaml`.
    pub how: String,
    pub service: String,
    /// `1.42.0`.
    pub version: String,
    /// `sha256:…`.
    pub digest: String,
    /// What runs now. Empty: the outcome of the service's last release.
    pub baseline_version: String,
    pub baseline_digest: String,
    pub plan: String,
    /// Empty: none.
    pub checklist: String,
    /// `on` when ticked, else empty.
    pub override_known_bad: String,
    /// Why this release is made.
    pub reason: String,
    pub yaml: String,
    pub idempotency_key: String,
    /// `preview` or `create`: the button that was used.
    pub intent: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NewReleaseView {
    pub services: Vec<ChoiceView>,
    pub plans: Vec<ChoiceView>,
    pub checklists: Vec<ChoiceView>,
    /// An example to begin with.
    pub yaml_example: String,
    pub can_create: bool,
    pub why_not: Option<String>,
    pub typed: NewReleaseForm,
    /// The candidate is known bad: the words beside the box that overrides. Marked.
    pub known_bad: Option<String>,
    pub fault: Option<FormFault>,
    /// What would happen, when it was asked for.
    pub preview: Option<PreviewView>,
}

/// What the plan would do to this service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PreviewView {
    /// `checkout 1.41.3 → 1.42.0 under canary-standard`.
    pub title: String,
    /// A row per stage: traffic, time, how soon a worse version would be noticed.
    pub stages: TableView,
    /// What the numbers of the table mean.
    pub stages_note: String,
    /// Guards, limits, deadline, mode.
    pub facts: Vec<FactView>,
    /// What the linter of plans and the recent past say, worst first.
    pub findings: Vec<CheckView>,
    /// `At the earliest promoted 52 min after the start.`
    pub note: String,
}
