//! One guard in one tick: what its numbers are, and what its evidence says.
//!
//! The numbers are those of the pooled window; the evidence has been gathered since the release began
//! ([`Track`](super::track::Track)). A guard *fails* when all guards' evidence together is enough to roll back and it has
//! the largest share of it; is *suspect* on the way there; *passes* when the canary is shown to be no worse than
//! tolerated, minimum data is there and the baseline is healthy. `finding.rs` puts it into words.

use super::VerdictKind;
use super::compare::{Comparison, Gap, Line, Side, compare};
use super::counts::side;
use super::gauge::Leak;
use super::track::{lines, unhealthy};
use super::view::View;
use super::weigh::SUSPECT;
use crate::plan::{Guard, Metric};
use crate::signal::Arm;

/// What a guard says, in numbers.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) kind: VerdictKind,
    /// How near its line the canary is: 1 is on it, more is worse.
    pub(super) nearness: f64,
    /// The line that is shown, and what came of comparing with it; `None` when the guard has none.
    pub(super) shown: Option<(Line, Result<Comparison, Gap>)>,
    /// The strictest tolerated value of all lines.
    pub(super) tolerated: Option<f64>,
    /// The baseline's value, of the first line that has it.
    pub(super) baseline: Option<f64>,
    /// The baseline's value when it breaks the guard's limit itself.
    pub(super) sick: Option<f64>,
    pub(super) leak: Option<Leak>,
    /// The canary is shown to be no worse than tolerated.
    pub(super) proven: bool,
}

/// How much worse one kind is than another when several guards speak at once.
pub(super) fn severity(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Fail => 6,
        VerdictKind::ConfigError => 5,
        VerdictKind::ProviderDown => 4,
        VerdictKind::NoData => 3,
        VerdictKind::Suspect => 2,
        VerdictKind::Insufficient => 1,
        VerdictKind::Pass => 0,
    }
}

pub(super) fn judge_guard(guard: &Guard, index: usize, view: &View) -> Judged {
    let metric = &guard.metric;
    let mut judged = Judged {
        // Without a line nothing could be tested; plans are checked against it.
        kind: VerdictKind::ConfigError,
        nearness: 0.0,
        shown: None,
        tolerated: None,
        baseline: None,
        sick: None,
        leak: None,
        proven: false,
    };
    let mut most = f64::NEG_INFINITY;
    for line in lines(guard) {
        let outcome = compared(metric, line, view);
        if let Ok(comparison) = &outcome {
            judged.take(metric, comparison);
        }
        let urgency = urgency(metric, &outcome);
        if judged.shown.is_none() || urgency.total_cmp(&most).is_ge() {
            (judged.shown, most) = (Some((line, outcome)), urgency);
        }
    }
    match &judged.shown {
        None => {}
        Some((_, Ok(comparison))) => {
            let weight = view.scale.guards[index];
            judged.nearness = most;
            judged.sick = unhealthy(guard, &view.pool.baseline, view.policy);
            judged.leak = view.state.evidence.get(metric).and_then(|track| track.leak(comparison.canary));
            judged.proven = weight.promote.is_none_or(|odds| odds >= view.scale.promote_needed);
            judged.kind = judged.of_comparison(metric, comparison, index, view);
        }
        Some((_, Err(gap))) => judged.kind = of_gap(metric, *gap, index, view),
    }
    judged
}

/// Which of a guard's lines to show: one that cannot be judged, else the one the canary is nearest to or furthest beyond.
fn urgency(metric: &Metric, outcome: &Result<Comparison, Gap>) -> f64 {
    outcome.as_ref().map_or(f64::INFINITY, |comparison| nearness(metric, comparison))
}

fn nearness(metric: &Metric, comparison: &Comparison) -> f64 {
    let near = if metric.less_is_worse() {
        comparison.tolerated / comparison.canary
    } else {
        comparison.canary / comparison.tolerated
    };
    if near.is_finite() { near } else { 0.0 }
}

/// A metric that vanished from the newest reading is not judged by what lies in the window.
fn compared(metric: &Metric, line: Line, view: &View) -> Result<Comparison, Gap> {
    if view.vanished(metric) {
        return Err(Gap::Unreported(Arm::Canary));
    }
    compare(metric, side(metric), line, &view.arms())
}

impl Judged {
    fn take(&mut self, metric: &Metric, comparison: &Comparison) {
        let stricter = |so_far: f64| match side(metric) {
            Side::Above => so_far.min(comparison.tolerated),
            Side::Below => so_far.max(comparison.tolerated),
        };
        self.tolerated = Some(self.tolerated.map_or(comparison.tolerated, stricter));
        self.baseline = self.baseline.or(comparison.baseline);
    }

    fn of_comparison(&self, metric: &Metric, comparison: &Comparison, index: usize, view: &View) -> VerdictKind {
        let scale = &view.scale;
        if *metric == Metric::Traffic {
            return match (comparison.worse, comparison.sure(), view.met()) {
                (true, true, _) => VerdictKind::Suspect,
                (true, false, _) | (_, _, false) => VerdictKind::Insufficient,
                _ => VerdictKind::Pass,
            };
        }
        let decides = scale.heaviest == Some(index);
        if decides && scale.rolls_back() {
            VerdictKind::Fail
        } else if (decides && scale.suspect()) || scale.guards[index].back >= SUSPECT || self.leak.is_some() {
            VerdictKind::Suspect
        } else if self.sick.is_some() || !view.met() || !self.proven || comparison.doubtful() {
            VerdictKind::Insufficient
        } else {
            VerdictKind::Pass
        }
    }
}

fn of_gap(metric: &Metric, gap: Gap, index: usize, view: &View) -> VerdictKind {
    if view.scale.heaviest == Some(index) && view.scale.rolls_back() {
        // The evidence is there although the window shows nothing now.
        return VerdictKind::Fail;
    }
    let served = view.pool.canary.requests > 0.0;
    match gap {
        Gap::Unreported(_) if !served => VerdictKind::Insufficient,
        Gap::Unreported(Arm::Canary) if view.baseline.is_some_and(|sums| sums.reports(metric)) => VerdictKind::NoData,
        Gap::Unreported(_) => VerdictKind::ConfigError,
        Gap::Short { .. } | Gap::Unresolved | Gap::NoBaseline => VerdictKind::Insufficient,
        Gap::Load if view.met() => VerdictKind::Pass,
        Gap::Load => VerdictKind::Insufficient,
    }
}
