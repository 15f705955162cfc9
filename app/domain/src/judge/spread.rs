//! How clustered events are: the spread between instances of the baseline inside the same tick.
//!
//! `phi` is the mean size of the cluster an event belongs to, `sum C² / sum C`; 1 when events are independent. Load,
//! time of day and blips of a shared dependency move all instances together and do not count. Every tick is weighted by
//! its events: a tick with one event says nothing about clusters and is all cluster of size 1. Until enough events were
//! seen a prior of [`PRIOR`] weighs as much as [`PRIOR_EVENTS`] events.
//!
//! Bursts are reduced before: within a tick an instance counts at most [`clip`] events. The same bound on both arms keeps
//! the null hypothesis: for a concave `g` with `g(0) = 0` thinning gives `E g(X) <= r·E g(Y)` whenever `X` has `r` times
//! the events of `Y`.

use super::chance::Shown;
use serde::{Deserialize, Serialize};

/// What is believed of `phi` before anything was seen.
const PRIOR: f64 = 2.0;
/// How many events that belief is worth.
const PRIOR_EVENTS: f64 = 4.0;
/// How many events all of what was seen before a release is worth in it at most.
const PAST_EVENTS: f32 = 400.0;

/// Events of one instance that always count.
const FREE: f64 = 2.0;
/// Beyond those: so many times what is tolerated.
const TIMES: f64 = 6.0;

/// What has been seen of `phi`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Spread {
    /// Sum of events times the tick's cluster size.
    clustered: f32,
    events: f32,
    /// With a single instance: the tick before, against which its rate is compared.
    before: (f32, f32),
}

impl Spread {
    /// Takes in the baseline's instances of one tick.
    pub(super) fn take(&mut self, baseline: impl Iterator<Item = Shown> + Clone) {
        let (events, trials) = sum(baseline.clone());
        let served = baseline.clone().filter(|one| one.trials > 0.0).count();
        let rate = if trials > 0.0 { events / trials } else { return };
        if served >= 2 && events > 0.0 {
            let off = |one: Shown| {
                let expected = one.trials * rate;
                if expected > 0.0 { (one.events - expected).powi(2) / expected } else { 0.0 }
            };
            let phi = baseline.map(off).sum::<f64>() / ((served - 1) as f64 * (1.0 - rate).max(0.1));
            self.add(phi, events);
        } else if served == 1 {
            let (y, n) = (f64::from(self.before.0), f64::from(self.before.1));
            if n > 0.0 && y + events > 0.0 {
                let rate = (y + events) / (n + trials);
                let off = (events / trials - y / n).powi(2);
                let phi = off / (rate * (1.0 - rate).max(0.1) * (1.0 / n + 1.0 / trials));
                // Every tick takes part in two differences.
                self.add(phi, (y + events) / 4.0);
            }
            self.before = (events as f32, trials as f32);
        }
    }

    fn add(&mut self, phi: f64, events: f64) {
        if phi.is_finite() {
            self.clustered += (phi * events) as f32;
            self.events += events as f32;
        }
    }

    /// What was seen so far becomes what was seen before the release: today's spread must still count.
    pub(super) fn past(self) -> Spread {
        let keep = (PAST_EVENTS / self.events.max(PAST_EVENTS)).min(1.0);
        Spread { clustered: self.clustered * keep, events: self.events * keep, before: (0.0, 0.0) }
    }

    /// The dispersion to temper evidence with; at least 1.
    pub(super) fn phi(&self) -> f64 {
        let seen = f64::from(self.clustered) + PRIOR * PRIOR_EVENTS;
        (seen / (f64::from(self.events) + PRIOR_EVENTS)).max(1.0)
    }
}

/// The most events an instance with so many requests counts in a tick at a tolerated `rate`, when instances of the canary
/// have `beside` requests each: an instance that carries more may show more.
pub(super) fn clip(trials: f64, beside: f64, rate: f64) -> f64 {
    let times = if beside > 0.0 { (trials / beside).max(1.0) } else { 1.0 };
    FREE * times + TIMES * trials * rate
}

/// Events and trials of several instances.
pub(super) fn sum(all: impl Iterator<Item = Shown>) -> (f64, f64) {
    all.fold((0.0, 0.0), |(events, trials), one| (events + one.events, trials + one.trials))
}
