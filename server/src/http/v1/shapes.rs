//! The shapes that more than one endpoint answers with.

use crate::service::{DecisionBrief, ReleaseSummary};
use crate::store::rows::DecisionRow;
use serde::Serialize;
use sternway_domain::audit::Entry;
use utoipa::ToSchema;

/// An act was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ActedView {
    /// As it is after the act; its `version` is what the next act expects.
    pub(in crate::http) release: ReleaseSummary,
    pub(in crate::http) decision: DecisionBrief,
}

impl From<crate::service::Acted> for ActedView {
    fn from(acted: crate::service::Acted) -> Self {
        Self { release: acted.release, decision: acted.decision }
    }
}

/// A decision: an act, accepted or refused, and its place in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DecisionView {
    #[schema(format = "uuid")]
    id: String,
    /// Place in the log, counted from 0.
    leaf_index: i64,
    #[schema(format = "date-time")]
    at: String,
    /// Stable: `person:…`, `token:…`, `automation:…`, `anonymous`.
    actor_key: String,
    /// For people.
    actor: String,
    action: String,
    #[schema(format = "uuid")]
    release: Option<String>,
    service: Option<String>,
    /// `accepted` or `refused`.
    outcome: String,
    reason: String,
    /// Digest of what was seen; see `/api/v1/evidence/{digest}`.
    evidence: Option<String>,
    /// The whole entry, as it is in the log; `null` if it cannot be read: `sternway audit verify` says why.
    #[schema(required, value_type = Option<Object>)]
    entry: Option<Entry>,
}

impl DecisionView {
    pub(super) fn new(row: &DecisionRow, entry: Option<Entry>) -> Self {
        Self {
            id: row.id.to_string(),
            leaf_index: row.leaf_index,
            at: row.at.to_rfc3339(),
            actor_key: row.actor_key.clone(),
            actor: row.actor_label.clone(),
            action: row.action.clone(),
            release: row.release.map(|id| id.to_string()),
            service: row.service.as_ref().map(ToString::to_string),
            outcome: row.outcome.clone(),
            reason: row.reason.clone(),
            evidence: row.evidence.as_ref().map(ToString::to_string),
            entry,
        }
    }
}
