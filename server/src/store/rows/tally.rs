//! How many decisions there are, and where in the log.

use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;

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
