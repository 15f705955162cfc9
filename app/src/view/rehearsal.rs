//! What could happen if a release went back now.

use super::{CheckView, FactView, LinkView, PillView};
use crate::error::AppError;

#[derive(Debug, Clone, PartialEq)]
pub struct RehearsalView {
    pub release: LinkView,
    pub typed: RehearsalForm,
    /// What is wrong with what was typed, or why there is nothing to rehearse.
    pub fault: Option<AppError>,
    /// `500 runs of 14 steps, faults: storm`; empty when nothing was rehearsed.
    pub count: String,
    /// Why there is nothing to rehearse; mostly empty.
    pub lead: String,
    pub promise: Option<CheckView>,
    pub ends: Vec<EndView>,
    /// `and 12 rarer ends`; empty when all are shown.
    pub more: String,
    pub facts: Vec<FactView>,
}

/// As it stands in the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RehearsalForm {
    pub faults: String,
    pub runs: String,
    pub seed: String,
}

/// One way to end.
#[derive(Debug, Clone, PartialEq)]
pub struct EndView {
    pub pill: PillView,
    /// Marked.
    pub summary: String,
    pub runs: String,
    /// `57.3 %`.
    pub share: String,
    /// The seed of one run that ends so.
    pub example: LinkView,
}
