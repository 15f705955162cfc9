//! What stands beside the entries of the log.

use sternway_domain::audit::commitment::{Field, Opening};
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
