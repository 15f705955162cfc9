//! Says what the signals of a release mean. Judges; never acts.
//!
//! This is the deterministic part: guards with tolerance and absolute limits on pooled windows with minimum data, hard
//! limits with timers, deadlines. `judge(state, tick, policy)` is the one entrance, so that a sequential test can move in
//! beside it without anyone outside noticing.

use crate::plan::{Bound, Guard, HardLimit, Metric, MinData, Weight};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Goes into every verdict, so that it can be recomputed by the code that made it.
pub const JUDGE_VERSION: &str = "limits-1";

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
    pub judge_version: String,
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
}

/// One hard limit in one verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitFinding {
    pub metric: Metric,
    pub bound: Bound,
    pub value: Option<f64>,
    pub breached: bool,
    /// How long it has been broken, without pauses; out of `lasting`.
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
    /// The share of traffic asked for the canary.
    pub weight: Weight,
    /// Changes whenever the release enters another stage; data of earlier stages does not count toward `min_data`.
    pub stage: u8,
}
