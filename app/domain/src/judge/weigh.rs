//! All guards' evidence on one scale.
//!
//! A release is rolled back when the weighted mean of the guards' odds reaches `1/false_alarms`: valid whatever the
//! guards have to do with each other, and never later than asking each for its own share. For promoting every guard must
//! be shown to be no worse than tolerated, so nothing is divided.

use super::number::ln;
use super::state::JudgeState;
use super::track::{Weight, unhealthy};
use super::window::Pair;
use super::{Policy, Weighed, words};
use crate::plan::{Guard, Metric};
use crate::time::Span;

/// Odds at which traffic is no longer increased.
pub(super) const SUSPECT: f64 = 10.0;

/// What the evidence weighs.
#[derive(Debug)]
pub(super) struct Scale {
    /// In the order of the policy's guards.
    pub(super) guards: Vec<Weight>,
    /// How much each counts; they sum to 1, or all are 0.
    parts: Vec<f64>,
    pub(super) back: f64,
    back_needed: f64,
    /// The guard with the largest share of the evidence.
    pub(super) heaviest: Option<usize>,
    /// Of the guard that has least, odds and nats per second; `None` when no guard counts.
    promote: Option<(f64, f64)>,
    pub(super) promote_needed: f64,
}

impl Scale {
    pub(super) fn of(state: &JudgeState, policy: &Policy, pool: &Pair) -> Scale {
        let kept = state.pace.kept();
        let interval = policy.interval.secs_f64();
        let none = Weight { back: 1.0, promote: None, pace: (0.0, 0.0), phi: 1.0 };
        let guards = policy.guards.iter().map(|guard| {
            let counted = !matches!(guard.metric, Metric::Saturation | Metric::Traffic);
            let unseen = Weight { promote: counted.then_some(0.0), ..none };
            state.evidence.get(&guard.metric).map_or(unseen, |track| match guard.metric {
                Metric::Traffic => none,
                _ => {
                    let sick = unhealthy(guard, &pool.baseline, policy).is_some();
                    track.weight(guard, kept, sick, interval)
                }
            })
        });
        let guards: Vec<Weight> = guards.collect();
        let weights = policy.guards.iter().map(Guard::effective_weight);
        let all: f64 = weights.clone().sum();
        let parts: Vec<f64> = weights.map(|weight| if all > 0.0 { weight / all } else { 0.0 }).collect();
        let back = if all > 0.0 { parts.iter().zip(&guards).map(|(part, guard)| part * guard.back).sum() } else { 1.0 };
        let weight = |i: &usize| parts[*i] * guards[*i].back;
        let weighing = (0..guards.len()).filter(|i| parts[*i] > 0.0);
        let heaviest = weighing.max_by(|a, b| weight(a).total_cmp(&weight(b)));
        let least = guards.iter().filter_map(|guard| Some((guard.promote?, guard.pace.1)));
        let promote = least.min_by(|a, b| a.0.total_cmp(&b.0));
        let (back_needed, promote_needed) = (1.0 / policy.judge.false_alarms, 1.0 / policy.judge.wrong_promotions);
        Scale { guards, parts, back, back_needed, heaviest, promote, promote_needed }
    }

    /// How much of the evidence toward rolling back is this guard's, 0-1.
    pub(super) fn share(&self, index: usize) -> f64 {
        if self.back > 0.0 { self.parts[index] * self.guards[index].back / self.back } else { 0.0 }
    }

    pub(super) fn rolls_back(&self) -> bool {
        self.back >= self.back_needed
    }

    pub(super) fn suspect(&self) -> bool {
        self.back >= SUSPECT.min(self.back_needed / 2.0)
    }

    /// `evidence toward rolling back 143:1, 20:1 needed, 96 % of it from errors`.
    pub(super) fn said_back(&self) -> String {
        format!("evidence toward rolling back {}, {} needed", words::odds(self.back), words::odds(self.back_needed))
    }

    /// How long until it rolls back if it goes on like this.
    pub(super) fn back_in(&self) -> Option<Span> {
        until(self.back, self.back_needed, self.guards[self.heaviest?].pace.0)
    }

    pub(super) fn weighed(&self) -> Weighed {
        Weighed {
            back: self.back,
            back_needed: self.back_needed,
            suspect: SUSPECT.min(self.back_needed / 2.0),
            promote: self.promote.map(|(odds, _)| odds),
            promote_needed: self.promote_needed,
            back_in: self.back_in().filter(|_| self.back >= 1.0 && !self.rolls_back()),
            promote_in: self.promote.and_then(|(odds, pace)| until(odds, self.promote_needed, pace)),
        }
    }
}

/// How long until odds are reached at so many nats per second; `None` when they are not growing, or not within a week.
pub(super) fn until(odds: f64, needed: f64, pace: f64) -> Option<Span> {
    if odds >= needed {
        return Some(Span::ZERO);
    }
    let secs = (ln(needed) - ln(odds.max(1e-30))) / pace;
    (pace > 0.0 && secs < 604_800.0).then(|| Span::from_micros((secs * 1e6) as i64))
}
