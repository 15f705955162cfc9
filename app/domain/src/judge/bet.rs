//! Lets every guard's evidence take a tick.

use super::Policy;
use super::counts::Known;
use super::process::Pace;
use super::state::{JudgeState, alone, step};
use super::stream::Measure;
use super::track::{Track, unhealthy};
use super::window::Pair;
use crate::plan::Metric;
use crate::signal::Tick;
use crate::time::Span;

impl JudgeState {
    /// Takes a usable tick that is not in the window yet, and what it adds. It teaches nothing while the stage warms up.
    pub(super) fn bet(&mut self, tick: &Tick, policy: &Policy, added: &Pair) {
        let alone = alone(policy);
        if policy.split && !alone {
            let (canary, baseline) = (added.canary.requests, added.baseline.requests);
            self.split.take(canary, baseline, policy.weight.ratio());
        }
        if self.seen.time <= policy.judge.warm_up && policy.judge.warm_up > Span::ZERO {
            return;
        }
        let secs = step(tick, policy).secs_f64();
        let stake = self.pace.step(secs);
        let measure = measure(policy, secs, stake, &self.pace);
        // A window just begun knows less than what is remembered of the stage before.
        let before = self.pool.sums();
        let window = (before.baseline.requests > 0.0).then_some(&before.baseline);
        let reference = self.reference.as_ref().map(|reference| &reference.sums);
        let past = if window.is_some() { None } else { self.past.take() };
        let baseline = if alone { reference } else { window.or(reference).or(past.as_ref()) };
        let known = Known { baseline, alone };
        self.evidence.retain(|metric, _| policy.guards.iter().any(|guard| guard.metric == *metric));
        for guard in policy.guards.iter().filter(|guard| guard.metric != Metric::Traffic) {
            let sick = unhealthy(guard, &before.baseline, policy).is_some();
            let track = self.evidence.entry(guard.metric.clone()).or_insert_with(|| Track::new(&guard.metric));
            track.take(guard, tick, &known, added, sick, measure);
        }
    }
}

/// How a tick of so many seconds counts after a stake was placed for it.
pub(super) fn measure(policy: &Policy, secs: f64, stake: f64, pace: &Pace) -> Measure {
    let interval = policy.interval.secs_f64();
    Measure {
        // A tick that bridges a gap is one look.
        secs: secs.min(interval),
        needed: 1.0 / policy.judge.false_alarms,
        // Ticks that lie across the beginning and the end of something short count whole, hence one more.
        within: policy.judge.patience.secs_f64() + interval,
        stake,
        latest: pace.latest(),
        kept: pace.kept(),
    }
}
