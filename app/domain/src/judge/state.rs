//! What the judge remembers between ticks: a bounded window of sums, evidence, what the stage has seen, timers.

use super::Policy;
use super::process::Pace;
use super::split::Split;
use super::track::Track;
use super::window::{Pair, Window};
use crate::plan::{Bound, HardLimit, Metric, Weight};
use crate::signal::stats::Sums;
use crate::signal::{Arm, Data, Tick};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Form of the evidence in a stored state.
const FORM: u32 = 2;

/// Everything [`judge`](super::judge) remembers of a release. Starts empty; serialises to some tens of kilobytes, with
/// native histograms some hundred, however long the release runs and however many instances it has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JudgeState {
    stage: Option<u8>,
    /// When the stage was entered; ticks that began before belong to no stage. `None` in the first stage.
    entered: Option<Timestamp>,
    /// Usable ticks of this stage within the window, oldest first.
    pub(super) pool: Window,
    pub(super) seen: Seen,
    /// Of what form the evidence is; what another form left behind is begun anew.
    #[serde(default)]
    form: u32,
    /// Evidence by guard. It goes on from stage to stage.
    #[serde(default)]
    pub(super) evidence: BTreeMap<Metric, Track>,
    #[serde(default)]
    pub(super) pace: Pace,
    #[serde(default)]
    pub(super) split: Split,
    pub(super) timers: Timers,
    /// The baseline as last seen while it carried traffic, for the stage in which it carries none.
    pub(super) reference: Option<Reference>,
    /// The baseline before the release, until its first tick: where a latency guard begins to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) past: Option<Sums>,
    /// The last usable tick, or the first tick of all: what "no data for" is counted from.
    heard: Option<Timestamp>,
}

/// What a stage has shown so far. Missing data stops these clocks.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) canary: f64,
    pub(super) baseline: f64,
    /// Time with usable data.
    pub(super) time: Span,
    /// Usable time since the canary's last request.
    pub(super) silent: Span,
    /// Requests the canary should have had by its share since its last one.
    pub(super) awaited: f64,
    /// Restarts, canary and baseline.
    pub(super) restarts: (u32, u32),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub(super) at: Timestamp,
    pub(super) sums: Sums,
}

/// How long each hard limit has been broken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Timers(Vec<Timer>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Timer {
    metric: Metric,
    bound: Bound,
    elapsed: Span,
}

impl Timers {
    /// The timer of a limit, begun at zero. Limits no longer in the policy are forgotten.
    pub(super) fn of(&mut self, limit: &HardLimit, policy: &Policy) -> &mut Span {
        let is = |timer: &Timer, limit: &HardLimit| timer.metric == limit.metric && timer.bound == limit.bound;
        self.0.retain(|timer| policy.hard_limits.iter().any(|limit| is(timer, limit)));
        let index = self.0.iter().position(|timer| is(timer, limit)).unwrap_or_else(|| {
            self.0.push(Timer { metric: limit.metric.clone(), bound: limit.bound, elapsed: Span::ZERO });
            self.0.len() - 1
        });
        &mut self.0[index].elapsed
    }
}

impl JudgeState {
    /// Begins with evidence that has seen nothing of the release yet.
    pub(super) fn holding(evidence: BTreeMap<Metric, Track>, past: Option<Sums>) -> JudgeState {
        JudgeState { form: FORM, evidence, past, ..JudgeState::default() }
    }

    /// Instance restarts seen in this stage, canary and baseline.
    pub fn restarts(&self) -> (u32, u32) {
        self.seen.restarts
    }

    /// Begins anew when the stage is another one. Timers of hard limits and the memory of the baseline go on.
    pub(super) fn enter(&mut self, tick: &Tick, policy: &Policy) {
        self.heard.get_or_insert(tick.at);
        if self.form != FORM {
            (self.form, self.pace, self.split) = (FORM, Pace::default(), Split::default());
            self.evidence.clear();
        }
        if self.stage == Some(policy.stage) {
            return;
        }
        if self.stage.is_some() {
            self.remember_baseline(policy);
            self.entered = Some(tick.at);
            self.pace.stage();
            self.split = Split::default();
            self.evidence.values_mut().for_each(Track::stage);
        }
        self.stage = Some(policy.stage);
        self.pool.clear();
        self.seen = Seen::default();
    }

    /// Counts a usable tick; gives what it adds, or nothing when it covers no time of this stage.
    pub(super) fn take(&mut self, tick: &Tick, policy: &Policy) -> Option<Pair> {
        self.heard = Some(tick.at);
        if tick.span == Span::ZERO || self.entered.is_some_and(|entered| tick.at - tick.span < entered) {
            return None;
        }
        let added = Pair { canary: Sums::of(&tick.canary, tick.span), baseline: Sums::of(&tick.baseline, tick.span) };
        self.seen.canary += added.canary.requests;
        self.seen.baseline += added.baseline.requests;
        self.seen.time = self.seen.time + step(tick, policy);
        if added.canary.requests > 0.0 {
            (self.seen.silent, self.seen.awaited) = (Span::ZERO, 0.0);
        } else {
            self.seen.silent = self.seen.silent + step(tick, policy);
            self.seen.awaited += policy.weight.ratio() * added.baseline.requests;
        }
        Some(added)
    }

    /// Takes note of a tick that counts for neither arm. No clock runs.
    pub(super) fn pass_over(&mut self, tick: &Tick) {
        for (arm, count) in [(Arm::Canary, &mut self.seen.restarts.0), (Arm::Baseline, &mut self.seen.restarts.1)] {
            if let Data::Reset { instances } = tick.arm(arm).data {
                *count = count.saturating_add(instances);
            }
        }
    }

    /// How long there has been no usable tick.
    pub(super) fn unheard(&self, now: Timestamp) -> Span {
        self.heard.map_or(Span::ZERO, |heard| now.since(heard))
    }

    /// A thin window never replaces a memory that rests on enough requests.
    fn remember_baseline(&mut self, policy: &Policy) {
        let Some(at) = self.pool.until() else { return };
        let sums = self.pool.baseline();
        let enough = sums.requests >= policy.min_data.requests as f64;
        let better = self.reference.as_ref().is_none_or(|known| sums.requests >= known.sums.requests);
        if sums.requests > 0.0 && (enough || better) {
            self.reference = Some(Reference { at, sums });
        }
    }
}

/// How far clocks run on a tick: a gap that was bridged does not count as watched time beyond two intervals.
pub(super) fn step(tick: &Tick, policy: &Policy) -> Span {
    tick.span.min(policy.interval + policy.interval)
}

/// Whether the whole of traffic is asked for the canary, so that the baseline shows nothing any more.
pub(super) fn alone(policy: &Policy) -> bool {
    policy.weight == Weight::FULL
}
