//! Which decisions are looked for, how many there are, and where in the log.

use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;

/// Which decisions are listed, newest first; what is left out is not asked.
#[derive(Debug, Clone, Default)]
pub struct DecisionFilter {
    pub release: Option<ReleaseId>,
    pub actor_key: Option<String>,
    pub action: Option<String>,
    pub outcome: Option<String>,
    pub service: Option<ServiceName>,
    /// Words of reason, actor label or service, or beginnings of such words; all of them, in any order and case.
    pub text: Option<String>,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
    /// Without what only records: reads, steps, what was observed.
    pub acts: bool,
    /// Only entries with a smaller leaf index (cursor).
    pub before: Option<i64>,
    /// At most; 0 means 50.
    pub limit: u32,
}

/// Which decisions are counted; what is left out is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TallyFilter {
    pub release: Option<ReleaseId>,
    pub service: Option<ServiceName>,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
    /// Only entries with a smaller index.
    pub before: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub count: i64,
    /// The smallest and the largest index; `None` if there is none.
    pub span: Option<(i64, i64)>,
}
