//! What guards and limits are judged on, once a tick has been taken in.

use super::Policy;
use super::compare::Arms;
use super::state::{JudgeState, Seen, alone};
use super::weigh::Scale;
use super::window::Pair;
use crate::plan::Metric;
use crate::signal::stats::Sums;
use crate::signal::{ArmTick, Tick};
use crate::time::{Span, Timestamp};

pub(super) struct View<'a> {
    pub(super) state: &'a JudgeState,
    pub(super) tick: &'a Tick,
    pub(super) policy: &'a Policy,
    pub(super) pool: &'a Pair,
    /// The baseline to compare with: today's, or the remembered one.
    pub(super) baseline: Option<&'a Sums>,
    /// When the remembered baseline was last seen, if it is the one compared with.
    pub(super) remembered: Option<Timestamp>,
    /// What the canary showed in this tick; `None` when the tick covers no time of the stage.
    newest: Option<&'a ArmTick>,
    pub(super) seen: Seen,
    pub(super) scale: Scale,
}

impl<'a> View<'a> {
    /// `counted` says whether the tick covers time of the stage.
    pub(super) fn of(state: &'a JudgeState, tick: &'a Tick, policy: &'a Policy, counted: bool) -> View<'a> {
        let pool = state.pool.sums();
        let reference = state.reference.as_ref().filter(|_| alone(policy));
        View {
            state,
            tick,
            policy,
            pool,
            baseline: if alone(policy) { reference.map(|reference| &reference.sums) } else { Some(&pool.baseline) },
            remembered: reference.map(|reference| reference.at),
            newest: counted.then_some(&tick.canary),
            seen: state.seen,
            scale: Scale::of(state, policy, pool),
        }
    }

    /// What guards compare: a single slower request is enough to show a quantile.
    pub(super) fn arms(&self) -> Arms<'_> {
        Arms::of(self.pool, self.baseline, self.policy, 1.0)
    }

    /// The newest reading has requests, and no instance says anything of the metric.
    pub(super) fn vanished(&self, metric: &Metric) -> bool {
        let served = |arm: &&ArmTick| arm.instances.iter().map(|one| one.requests).sum::<f64>() > 0.0;
        self.newest.filter(served).is_some_and(|arm| !arm.reports(metric))
    }

    /// Requests seen in the stage and requests needed, of the arm that is further behind.
    pub(super) fn requests(&self) -> (f64, f64) {
        let need = self.policy.min_data.requests as f64;
        let baseline =
            if alone(self.policy) { self.baseline.map_or(need, |sums| sums.requests) } else { self.seen.baseline };
        (self.seen.canary.min(baseline), need)
    }

    pub(super) fn requests_met(&self) -> bool {
        let (have, need) = self.requests();
        have >= need && self.seen.canary > 0.0
    }

    /// Time that must lie in the window itself, so that a long gap is followed by a fresh look.
    pub(super) fn time(&self) -> (Span, Span) {
        let need = self.policy.min_data.time;
        let in_window = need.min(self.policy.window);
        let slack = Span::from_micros(self.policy.interval.micros() / 2);
        if self.seen.time + slack < need { (self.seen.time, need) } else { (self.pool.canary.span + slack, in_window) }
    }

    pub(super) fn time_met(&self) -> bool {
        let (have, need) = self.time();
        have >= need
    }

    pub(super) fn met(&self) -> bool {
        self.requests_met() && self.time_met()
    }

    /// How long until minimum data is there at the present rate; `None` when nothing comes in.
    pub(super) fn wait(&self) -> Option<Span> {
        let (have, need) = self.requests();
        let (watched, needed) = self.time();
        let rate = have / self.seen.time.secs_f64();
        let requests = if have >= need {
            Span::ZERO
        } else if rate.is_finite() && rate > 0.0 {
            Span::from_micros(((need - have) / rate * 1e6) as i64)
        } else {
            return None;
        };
        Some(requests.max(needed.saturating_sub(watched)))
    }
}
