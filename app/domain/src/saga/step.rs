//! One step of a saga: what is done, for how long, how often, and how it is undone.

use crate::artifact::Artifact;
use crate::id::{CellName, ConnectionName, FlagKey, MigrationName, ServiceName};
use crate::migration::Phase;
use crate::plan::Weight;
use crate::probe::Probe;
use crate::recovery::RecoveryPolicy;
use crate::service::{Headers, Secret};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a step within its saga, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u16);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Forward, or taking it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Do,
    Undo,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Do => "do",
            Side::Undo => "undo",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    /// For people: ``Deploy `checkout` 1.41.3``.
    pub title: String,
    /// Which component is back once all its vital steps are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ServiceName>,
    /// Steps that must be done or skipped before. Lower numbers only, so there is never a circle.
    #[serde(default)]
    pub after: Vec<StepId>,
    pub act: StepAct,
    /// How it is taken back; nothing to take back when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<StepAct>,
    /// Longest time from sending to the answer. After it the driver is asked and the role is called.
    pub timeout: Span,
    #[serde(default)]
    pub retry: Retry,
    /// Who is called when it fails or hangs.
    pub role: String,
    /// Whether the saga is only whole with it. Telling people is not vital.
    #[serde(default = "yes")]
    pub vital: bool,
}

fn yes() -> bool {
    true
}

/// What a step does. Weights, artifacts and flag states are absolute, so that doing it twice is doing it once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepAct {
    /// No further promotion of these by anyone's rule.
    Freeze {
        components: Vec<ServiceName>,
    },
    KillSwitch {
        flag: FlagKey,
        enabled: bool,
    },
    /// The candidate's share of traffic.
    ShiftTraffic {
        service: ServiceName,
        weight: Weight,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cells: Vec<CellName>,
        /// How long the proxy must have reported it without a break; seen once is enough when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settle: Option<Span>,
    },
    /// Wait for work in flight on the candidate, at most `limit`.
    Drain {
        service: ServiceName,
        limit: Span,
    },
    Deploy {
        service: ServiceName,
        artifact: Artifact,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cells: Vec<CellName>,
    },
    /// Move reads and writes of a migration from one phase to another.
    Data {
        service: ServiceName,
        migration: MigrationName,
        from: Phase,
        to: Phase,
    },
    InvalidateCache {
        cache: Cache,
    },
    Probe {
        service: ServiceName,
        probe: Probe,
    },
    RecoveryGate {
        components: Vec<ServiceName>,
        policy: RecoveryPolicy,
    },
    Notify {
        channels: Vec<String>,
        text: String,
    },
    /// A person does it and signs it off in this role.
    Manual {
        role: String,
        instruction: String,
    },
}

/// What holds copies of data that may no longer be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cache {
    /// A POST to this address with an `Idempotency-Key`.
    Http {
        url: String,
        /// `whsec_…`: then it is signed as Standard Webhooks 1.0 says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Secret>,
        #[serde(default, skip_serializing_if = "Headers::is_empty")]
        headers: Headers,
    },
    /// Keys that match are deleted.
    Redis { connection: ConnectionName, pattern: String },
}

impl StepAct {
    /// The stable name.
    pub fn kind(&self) -> &'static str {
        match self {
            StepAct::Freeze { .. } => "freeze",
            StepAct::KillSwitch { .. } => "kill_switch",
            StepAct::ShiftTraffic { .. } => "shift_traffic",
            StepAct::Drain { .. } => "drain",
            StepAct::Deploy { .. } => "deploy",
            StepAct::Data { .. } => "data",
            StepAct::InvalidateCache { .. } => "invalidate_cache",
            StepAct::Probe { .. } => "probe",
            StepAct::RecoveryGate { .. } => "recovery_gate",
            StepAct::Notify { .. } => "notify",
            StepAct::Manual { .. } => "manual",
        }
    }

    /// Whether it only looks. Then an unknown outcome is no danger: it looks again.
    pub fn only_looks(&self) -> bool {
        matches!(self, StepAct::Drain { .. } | StepAct::Probe { .. } | StepAct::RecoveryGate { .. })
    }

    /// Whether a person does it.
    pub fn by_hand(&self) -> bool {
        matches!(self, StepAct::Manual { .. })
    }
}

/// How often and how soon a failed step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries in all, 1 to 20.
    pub tries: u8,
    /// Wait before the second try; it doubles from try to try.
    pub first: Span,
    /// Longest wait.
    pub most: Span,
    /// Which part of the wait is left to chance, 0-1, so that many do not come back at once.
    pub jitter: f64,
}

impl Retry {
    pub const NONE: Retry = Retry { tries: 1, first: Span::ZERO, most: Span::ZERO, jitter: 0.0 };

    /// The wait after `failed` tries: `min(most, first × 2^(failed-1)) × (1 − jitter × dice)`.
    pub fn wait(&self, failed: u8, dice: Dice) -> Span {
        let doubled = self.first.micros().saturating_mul(1_i64 << failed.saturating_sub(1).min(32));
        let base = doubled.min(self.most.micros()) as f64;
        let share = self.jitter.clamp(0.0, 1.0) * dice.0.clamp(0.0, 1.0);
        Span::from_micros((base * (1.0 - share)) as i64)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 3, first: Span::from_secs(1), most: Span::from_secs(30), jitter: 0.5 }
    }
}

/// A throw between 0 and 1, made by the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dice(pub f64);

/// Whether draining is over: nothing in flight, or the limit reached. The text goes into the step's output.
pub fn drained(in_flight: u64, waited: Span, limit: Span) -> Option<String> {
    if in_flight == 0 {
        return Some(format!("nothing in flight after {waited}"));
    }
    (waited >= limit).then(|| format!("after the limit of {limit} still in flight: {in_flight}; went on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_chance_only_shortens_them() {
        let retry = Retry { tries: 9, first: Span::from_secs(1), most: Span::from_secs(5), jitter: 0.5 };
        let secs = |failed, dice| retry.wait(failed, Dice(dice)).secs_f64();
        assert_eq!([1, 2, 3, 4, 200].map(|n| secs(n, 0.0)), [1.0, 2.0, 4.0, 5.0, 5.0]);
        assert_eq!(secs(2, 1.0), 1.0);
        assert_eq!(secs(2, f64::NAN), 0.0, "a throw that is none waits for nothing");
    }

    #[test]
    fn draining_ends_at_its_limit_and_says_what_was_left() {
        assert_eq!(drained(3, Span::from_secs(9), Span::from_secs(10)), None);
        assert_eq!(drained(0, Span::from_secs(9), Span::from_secs(10)).as_deref(), Some("nothing in flight after 9s"));
        let left = drained(3, Span::from_secs(10), Span::from_secs(10)).expect("the limit is reached");
        assert!(left.contains("still in flight: 3"), "{left}");
    }
}
