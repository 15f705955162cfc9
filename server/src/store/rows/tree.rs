//! What stands beside the entries of the log.

use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::id::DecisionId;
use sternway_domain::time::Timestamp;

/// The texts of one entry that are still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    pub leaf_index: i64,
    pub openings: Vec<Opening>,
}

/// A text of an entry that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedRow {
    pub field: Field,
    /// The entry that says so.
    pub by_leaf: i64,
    pub at: Timestamp,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    pub size: i64,
    /// As it was published.
    pub note: String,
    pub at: Timestamp,
}

/// Texts that are taken out: of what stands beside the entry, and of everything that was made from it.
#[derive(Debug, Clone)]
pub struct RedactionWrite {
    pub decision: DecisionId,
    pub leaf_index: i64,
    pub fields: Vec<Field>,
    /// What is looked for in events and folds.
    pub texts: Vec<String>,
    /// What stands in its place.
    pub instead: String,
    /// The decision's row from now on.
    pub actor_label: String,
    pub reason: String,
    pub body: String,
    pub at: Timestamp,
}
