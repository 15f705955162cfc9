//! Says what the signals of a release mean. Judges; never acts.
//!
//! Guards are judged by a sequential test: evidence gathers tick by tick toward rolling back and toward promoting, and
//! may be looked at after every tick (`process.rs` has the proof). Beside it stand hard limits with timers, which are
//! deterministic. `judge(state, tick, policy)` is the one entrance; [`conclude`] is its part that decides, for those who need
//! no words.
//!
//! What the running version showed before the release tells how its errors cluster ([`JudgeState::primed`]); evidence is
//! only of the release. Deliberately absent: any randomness.

use crate::plan::{Bound, Guard, HardLimit, Judging, Metric, MinData, Plan, Weight};
use crate::signal::Tick;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

pub mod arms;
mod band;
mod bet;
mod chance;
mod compare;
mod conclude;
mod counts;
pub mod estimate;
mod finding;
mod gauge;
mod guard;
mod history;
mod limit;
mod missing;
pub mod pair;
pub mod placebo;
pub mod process;
mod recent;
mod say;
mod split;
mod spread;
mod state;
pub mod stream;
#[cfg(test)]
mod tests;
mod track;
mod view;
mod weigh;
mod window;
mod words;

pub use crate::number;
pub use band::{Band, Range, Seen};
pub use chance::Shown;
pub use conclude::{Conclusion, conclude};
pub use pair::Pair;
pub use state::JudgeState;
pub use words::{about, odds};

/// Goes into every verdict, so that it can be recomputed by the code that made it.
pub const JUDGE_VERSION: &str = "sequential-4";

/// The seven verdicts. Only `pass` may promote; only `fail` may roll back on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    Pass,
    Fail,
    /// Worse than tolerated, not yet long enough or not yet surely: traffic is not increased.
    Suspect,
    /// Too little seen so far.
    Insufficient,
    /// Readings are missing, stale, partial or not numbers.
    NoData,
    /// The source itself cannot be reached.
    ProviderDown,
    /// The question asked of the source is wrong.
    ConfigError,
}

impl VerdictKind {
    pub const ALL: [VerdictKind; 7] = [
        VerdictKind::Pass,
        VerdictKind::Fail,
        VerdictKind::Suspect,
        VerdictKind::Insufficient,
        VerdictKind::NoData,
        VerdictKind::ProviderDown,
        VerdictKind::ConfigError,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            VerdictKind::Pass => "pass",
            VerdictKind::Fail => "fail",
            VerdictKind::Suspect => "suspect",
            VerdictKind::Insufficient => "insufficient",
            VerdictKind::NoData => "no_data",
            VerdictKind::ProviderDown => "provider_down",
            VerdictKind::ConfigError => "config_error",
        }
    }

    /// For people: `Pass`, `Provider down`.
    pub fn label(self) -> &'static str {
        match self {
            VerdictKind::Pass => "Pass",
            VerdictKind::Fail => "Fail",
            VerdictKind::Suspect => "Suspect",
            VerdictKind::Insufficient => "Insufficient",
            VerdictKind::NoData => "No data",
            VerdictKind::ProviderDown => "Provider down",
            VerdictKind::ConfigError => "Config error",
        }
    }
}

/// What a tick means, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub kind: VerdictKind,
    pub at: Timestamp,
    pub tick: u64,
    /// One sentence with numbers and units: `Errors 0.31 % against 0.10 %: 3.1x. Tolerated 1.5x + 0.05 %.`
    pub sentence: String,
    /// What happens if it stays like this, or what is still needed: `Enough in about 40 s: 310 of 500 requests.`
    pub next: String,
    /// The guard or limit that decided, if one did.
    pub decided_by: Option<Metric>,
    pub guards: Vec<GuardFinding>,
    pub limits: Vec<LimitFinding>,
    /// The evidence of all guards together; absent in verdicts of before the sequential test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Weighed>,
    /// What the other source says, where the service names two; absent where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Box<Pair>>,
    pub judge_version: String,
}

/// Evidence as odds: 14.0 is "14:1", what a bettor would have made of a stake of 1 by betting against the release.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    /// Toward rolling back, all guards together.
    pub back: f64,
    /// What rolls back.
    pub back_needed: f64,
    /// What stops promotions.
    pub suspect: f64,
    /// Toward promoting, of the guard that has least; `None` when no guard counts requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote: Option<f64>,
    pub promote_needed: f64,
    /// How long until either is reached if it goes on like this; `None` when it is not moving there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_in: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_in: Option<Span>,
}

/// One guard's part in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GuardEvidence {
    /// Odds toward rolling back, of this guard alone.
    pub back: f64,
    /// Odds toward promoting; `None` for gauges, which have no counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote: Option<f64>,
    /// Its share of all evidence toward rolling back, 0-1.
    pub share: f64,
    /// How many times as frequent its events are in the canary since the stage began: failed requests, requests slower
    /// than tolerated, or successes (failures, where most tries succeed) of a business ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// Mean size of the clusters its events come in; 1 when they are independent.
    pub phi: f64,
}

/// One guard in one verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardFinding {
    pub metric: Metric,
    pub kind: VerdictKind,
    /// Over the pooled window; `None` when there is nothing to show.
    pub canary: Option<f64>,
    pub baseline: Option<f64>,
    /// The largest (or, where less is worse, smallest) tolerated value of the canary.
    pub tolerated: Option<f64>,
    /// Requests in the window, canary then baseline.
    pub requests: (f64, f64),
    pub sentence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<GuardEvidence>,
}

/// One hard limit in one verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitFinding {
    pub metric: Metric,
    pub bound: Bound,
    pub value: Option<f64>,
    pub breached: bool,
    /// How long it has been broken, without a reading in between that kept it; out of `lasting`. Silence only pauses it.
    pub elapsed: Span,
    pub lasting: Span,
    /// The timer stands still because data is missing.
    pub paused: bool,
}

/// What the judge is told besides the ticks: the plan's numbers and where the release stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub guards: Vec<Guard>,
    pub hard_limits: Vec<HardLimit>,
    pub min_data: MinData,
    pub window: Span,
    pub interval: Span,
    #[serde(default)]
    pub judge: Judging,
    /// The share of traffic asked for the canary.
    pub weight: Weight,
    /// Changes whenever the release enters another stage; data of earlier stages does not count toward `min_data`.
    pub stage: u8,
    /// Whether the share is asked of something that splits traffic, so that it can be checked; arms read from files are
    /// as they are.
    #[serde(default = "yes")]
    pub split: bool,
}

fn yes() -> bool {
    true
}

impl Policy {
    /// What a plan asks in a stage.
    pub fn of(plan: &Plan, weight: Weight, stage: u8) -> Policy {
        Policy {
            guards: plan.guards.clone(),
            hard_limits: plan.hard_limits.clone(),
            min_data: plan.min_data,
            window: plan.window,
            interval: plan.interval,
            judge: plan.judge,
            weight,
            stage,
            split: true,
        }
    }
}

/// Says what a tick means, after all those before it. Pure: the same state, tick and policy give the same verdict to the
/// last bit.
///
/// In this order: a question that cannot be asked is `config_error`; a tick without usable data is `provider_down`,
/// `no_data` or, at a release's first reading, `insufficient`, whatever was seen before it; a hard limit whose timer has run out, or
/// enough evidence of the guards together, is `fail`; then what is misconfigured or missing for a single guard; then
/// `suspect`; then `insufficient`; and only what is left is `pass`.
pub fn judge(state: &mut JudgeState, tick: &Tick, policy: &Policy) -> Verdict {
    conclude(state, tick, policy).verdict()
}
