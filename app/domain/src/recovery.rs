//! Whether a service is well again after it was taken back, how long it took, and what follows from it.
//!
//! Traffic being back is not recovery. Every expected check must have been well without a break for the stated time, at
//! each share of its usual traffic; silence adds nothing and a gap starts the time again. Until then the page says what is
//! not yet well. Afterwards the candidate is known bad, and rules keep their hands off the service until a person resumes
//! them.

use crate::plan::Weight;
use crate::time::Span;
use serde::{Deserialize, Serialize};

mod aftermath;
mod proof;
mod times;
mod tolerance;
mod way_back;

pub use aftermath::{Aftermath, AutomationHold, KnownBad, Refusal, check_candidate};
pub use proof::{Assessment, Check, CheckKind, NotYet, Proof, Seen};
pub use times::{Spent, Times};
pub use tolerance::{TOLERATED_ERRORS, Tolerated, tolerated, usual};
pub use way_back::{Ended, WayBack};

/// What must be seen before anyone says "recovered".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryPolicy {
    /// How long everything must be well without a break, at each share of traffic.
    #[serde(default = "RecoveryPolicy::default_steady")]
    pub steady: Span,
    /// A reading older than this says nothing; a gap longer than this breaks the stretch.
    #[serde(default = "RecoveryPolicy::default_max_age")]
    pub max_age: Span,
    /// Growing shares of its usual traffic that the recovered side takes; the last is 100.
    #[serde(default = "RecoveryPolicy::default_returns")]
    pub returns: Vec<Weight>,
}

impl RecoveryPolicy {
    fn default_steady() -> Span {
        Span::from_secs(120)
    }

    fn default_max_age() -> Span {
        Span::from_secs(60)
    }

    fn default_returns() -> Vec<Weight> {
        vec![Weight::FULL]
    }
}

impl Default for RecoveryPolicy {
    fn default() -> Self {
        Self { steady: Self::default_steady(), max_age: Self::default_max_age(), returns: Self::default_returns() }
    }
}
