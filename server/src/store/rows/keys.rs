//! Keys of the log, and where its heads have been.

use sternway_domain::audit::keys::Statement;
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::time::Timestamp;

/// A key and the smallest size it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyRow {
    pub from: i64,
    pub key: VerifierKey,
    /// `first`, `rotated` or `lost`.
    pub change: String,
    /// The signed note; empty for the first key.
    pub statement: String,
    pub at: Timestamp,
}

/// The unit's decision puts another key in place: it signs from the size on that includes the decision's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyWrite {
    /// `from` of the newest key when this was decided; `None`: there was none.
    pub after: Option<i64>,
    pub statement: Statement,
    pub at: Timestamp,
}

/// Somebody outside has a head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideRow {
    /// `witness` or `channel`.
    pub way: String,
    pub who: String,
    pub size: i64,
    /// As they have it; of a witness with its signature.
    pub note: String,
    pub at: Timestamp,
}
