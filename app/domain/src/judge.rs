//! Says what the signals of a release mean. Judges; never acts.
//!
//! This is the deterministic part: guards with tolerance and absolute limits on pooled windows with minimum data, hard
//! limits with timers, deadlines. `judge(state, tick, policy)` is the one entrance, so that a sequential test can move in
//! beside it without anyone outside noticing.

use crate::plan::{Bound, Guard, HardLimit, Metric, MinData, Weight};
use crate::signal::Tick;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

pub mod chance;
mod compare;
mod conclude;
mod guard;
mod limit;
mod missing;
mod state;
#[cfg(test)]
mod tests;
mod words;

pub use state::JudgeState;

use conclude::conclude;
use guard::{Judged, View, judge_guard};
use limit::{Limited, judge_limit, paused};
use missing::{Silence, silence};
use state::{alone, step};

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

/// Says what a tick means, after all those before it. Pure: the same state, tick and policy give the same verdict to the
/// last bit.
///
/// In this order: a question that cannot be asked is `config_error`; a tick without usable data is `provider_down`,
/// `no_data` or, at a first reading, `insufficient`, whatever was seen before it; a hard limit whose timer has run out or
/// a failing guard is `fail`; then what is misconfigured or missing for a single guard; then `suspect`; then
/// `insufficient`; and only what is left is `pass`.
pub fn judge(state: &mut JudgeState, tick: &Tick, policy: &Policy) -> Verdict {
    state.enter(tick, policy);
    if policy.guards.is_empty() && policy.hard_limits.is_empty() {
        let silence = Silence {
            kind: VerdictKind::ConfigError,
            sentence: "The plan has neither a guard nor a hard limit: nothing could be concluded.".into(),
            next: "Add a guard to the plan; start with `errors`, `p99` and `traffic`.".into(),
        };
        return silent(state, tick, policy, silence);
    }
    if tick.failure.is_none() {
        state.pass_over(tick);
    }
    if let Some(silence) = silence(state, tick, policy) {
        return silent(state, tick, policy, silence);
    }
    let added = state.take(tick, policy);
    let pool = state.pooled();
    let reference = state.reference.clone().filter(|_| alone(policy));
    let view = View {
        policy,
        pool: &pool,
        baseline: if alone(policy) { reference.as_ref().map(|r| &r.sums) } else { Some(&pool.baseline) },
        remembered: reference.as_ref().map(|reference| reference.at),
        added: &added,
        seen: state.seen,
    };
    let step = if added.canary.span == Span::ZERO { Span::ZERO } else { step(tick, policy) };
    let limits: Vec<Limited> =
        policy.hard_limits.iter().map(|limit| judge_limit(limit, &view, state.timer(limit, policy), step)).collect();
    let guards: Vec<Judged> = policy
        .guards
        .iter()
        .map(|guard| judge_guard(guard, &view, state.bad.entry(guard.metric.clone()).or_insert(0)))
        .collect();
    let concluded = conclude(state, &view, &guards, &limits);
    Verdict {
        kind: concluded.kind,
        at: tick.at,
        tick: tick.number,
        sentence: concluded.sentence,
        next: concluded.next,
        decided_by: concluded.decided_by,
        guards: guards.into_iter().map(|judged| judged.finding).collect(),
        limits: limits.into_iter().map(|limited| limited.finding).collect(),
        judge_version: JUDGE_VERSION.to_owned(),
    }
}

/// The verdict on a tick that says nothing. Findings carry no numbers: none is of now.
fn silent(state: &mut JudgeState, tick: &Tick, policy: &Policy, silence: Silence) -> Verdict {
    let finding = |guard: &Guard| GuardFinding {
        metric: guard.metric.clone(),
        kind: silence.kind,
        canary: None,
        baseline: None,
        tolerated: None,
        requests: (0.0, 0.0),
        sentence: silence.sentence.clone(),
    };
    Verdict {
        kind: silence.kind,
        at: tick.at,
        tick: tick.number,
        guards: policy.guards.iter().map(finding).collect(),
        limits: policy.hard_limits.iter().map(|limit| paused(limit, *state.timer(limit, policy))).collect(),
        sentence: silence.sentence,
        next: silence.next,
        decided_by: None,
        judge_version: JUDGE_VERSION.to_owned(),
    }
}
