//! Whether a service is well again after it was taken back.

use crate::plan::Weight;
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// What must be seen before anyone says "recovered".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
