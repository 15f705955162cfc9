//! Taking texts of a decision out of everything that is stored.

use super::LinkView;
use crate::error::AppError;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub struct RedactView {
    pub decision: LinkView,
    pub texts: Vec<RedactText>,
    /// Why nothing can be taken out now.
    pub why_not: Option<String>,
    /// Other entries that hold one of the texts too; empty for none.
    pub also_in: String,
    pub typed: RedactForm,
    /// What is wrong with what was typed.
    pub fault: Option<AppError>,
}

/// One text of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactText {
    /// `reason`, `actor.name`, …
    pub field: String,
    /// For people: `The reason`.
    pub label: String,
    /// `None`: it was taken out before.
    pub text: Option<String>,
}

/// Posted to `/decisions/{id}/redact`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RedactForm {
    pub reason: String,
    pub idempotency_key: String,
    /// `take.` and a field, for each that is to go.
    #[serde(flatten)]
    pub chosen: BTreeMap<String, String>,
}

impl RedactForm {
    /// Before the name of a text.
    pub const TAKE: &str = "take.";

    /// The fields that are to go.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.chosen.keys().filter_map(|key| key.strip_prefix(Self::TAKE))
    }
}
