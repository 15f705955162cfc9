//! What is taken out of the database, and what is held in it.

use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::hold::Scope;
use sternway_domain::id::{DecisionId, HoldId};
use sternway_domain::time::Timestamp;

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
    pub at: Timestamp,
    /// Although a legal hold covers it: what had been taken out before and came back is not held.
    pub despite_hold: bool,
    /// By age, and not by a person: evidence of decisions from here on is kept, whatever old text it repeats.
    pub kept_from: Option<Timestamp>,
}

/// Texts of one entry that were taken out by one other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionRow {
    pub leaf_index: i64,
    /// `SHA-256(0x00 ‖ entry)` of the entry the texts were of.
    pub leaf_hash: Vec<u8>,
    pub fields: Vec<Field>,
    pub by_leaf: i64,
    /// The rule of how long texts are kept took them out, and would do so again.
    pub by_rule: bool,
}

/// Nothing that it covers is taken out while it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    pub id: HoldId,
    pub scope: Scope,
    pub placed_at: Timestamp,
    pub placed_by: DecisionId,
    pub released: Option<(Timestamp, DecisionId)>,
}

#[derive(Debug, Clone)]
pub enum HoldWrite {
    Place {
        id: HoldId,
        scope: Scope,
    },
    /// Refused as `Exists` when it was released meanwhile.
    Release {
        id: HoldId,
    },
}
