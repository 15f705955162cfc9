//! A decision, its entry in the log, and what follows from it.

use sternway_domain::audit::commitment::Opening;
use sternway_domain::audit::{Entry, Outcome, Target};
use sternway_domain::id::{DecisionId, Digest, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;

/// A decision with its entry of the log.
#[derive(Debug, Clone)]
pub struct DecisionWrite {
    pub row: DecisionRow,
    /// Canonical bytes of the entry, at most 65,535.
    pub entry: Vec<u8>,
    /// `SHA-256(0x00 ‖ entry)`.
    pub leaf_hash: [u8; 32],
    /// The texts of which the entry holds only commitments.
    pub openings: Vec<Opening>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRow {
    pub id: DecisionId,
    /// Assigned by the store; ignored when writing.
    pub leaf_index: i64,
    pub at: Timestamp,
    pub actor_key: String,
    pub actor_label: String,
    pub action: String,
    pub release: Option<ReleaseId>,
    pub service: Option<ServiceName>,
    /// `accepted` or `refused`.
    pub outcome: String,
    pub reason: String,
    pub evidence: Option<Digest>,
}

impl DecisionRow {
    /// As it follows from the act.
    pub fn of(entry: &Entry, leaf_index: i64) -> Self {
        let (release, service) = match &entry.target {
            Target::Release { id, service } => (Some(*id), Some(service.clone())),
            Target::Service { name } => (None, Some(name.clone())),
            _ => (None, None),
        };
        Self {
            id: entry.id,
            leaf_index,
            at: entry.at,
            actor_key: entry.actor.key(),
            actor_label: entry.actor.label(),
            action: entry.action.clone(),
            release,
            service,
            outcome: if entry.outcome == Outcome::Accepted { "accepted" } else { "refused" }.to_owned(),
            reason: entry.reason.clone(),
            evidence: entry.evidence.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LeafRow {
    pub index: i64,
    pub decision: DecisionId,
    pub entry: Vec<u8>,
    pub leaf_hash: Vec<u8>,
    pub at: Timestamp,
}
