//! Whether counts could be chance: one-sided tails, exact for small counts.
//!
//! Tested is "the canary is just as bad as tolerated": its events come at a rate of `ratio × b + plus` per trial, where
//! the baseline showed `y` events in `n` trials and `b`, its true rate, is unknown. Given `y`, the number of events the
//! canary shows in `m` trials is a negative binomial with shape `y + 1` and odds `m·ratio/n`, plus a Poisson with mean
//! `m·plus`. Without `plus` the tail is exactly the conditional binomial test of two Poisson rates (Przyborowski and
//! Wilenski, Biometrika 31, 1940): `P(Bin(x + y, θ) ≥ x)` with `θ = m·ratio/(m·ratio + n)`. A baseline without a single
//! event is therefore no reason to pass or to fail: what it does not know widens the tail. Poisson instead of binomial
//! errs toward patience, never toward an alarm.
//!
//! Looking after every tick inflates these tails: they tell a hard limit's timer to run, beside which time must pass.
//! Guards use the sequential test of `process.rs`.

use super::number::{exp, ln};

/// The tail below which worse than tolerated is not chance.
pub(super) const SURE: f64 = 0.01;

/// Above this many events sums are replaced by the Gaussian bound `P(Z ≥ z) ≤ exp(-z²/2)/2`.
const EXACT: f64 = 2000.0;

/// What the baseline showed: events of trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    pub events: f64,
    pub trials: f64,
}

/// A tolerated rate: `ratio × baseline + plus`; without a baseline `plus` alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerated {
    pub(super) baseline: Option<(Shown, f64)>,
    pub(super) plus: f64,
}

impl Tolerated {
    /// Shape and odds of the negative binomial part, and mean of the Poisson part.
    fn parts(&self, trials: f64, shape_added: f64) -> (f64, f64, f64) {
        let poisson = trials * self.plus;
        match self.baseline {
            Some((shown, ratio)) if shown.trials > 0.0 && ratio > 0.0 => {
                (shown.events + shape_added, trials * ratio / shown.trials, poisson)
            }
            _ => (0.0, 0.0, poisson),
        }
    }
}

/// The chance of seeing at least this many events in the canary when it is just as bad as tolerated.
pub(super) fn tail_above(canary: Shown, tolerated: Tolerated) -> f64 {
    let (shape, odds, poisson) = tolerated.parts(canary.trials, 1.0);
    let events = canary.events.floor();
    if events <= 0.0 || !poisson.is_finite() || !odds.is_finite() {
        return 1.0;
    }
    if events > EXACT {
        return gaussian(events - 0.5, shape, odds, poisson, 1.0);
    }
    (1.0 - below(events as usize, shape, odds, poisson)).clamp(0.0, 1.0)
}

/// The chance of seeing at most this many events in the canary when it is just as bad as tolerated and fewer is worse.
/// Here `plus` is what may be missing besides, counted in the canary's favour.
pub(super) fn tail_below(canary: Shown, tolerated: Tolerated) -> f64 {
    let (shape, odds, missing) = match tolerated.baseline {
        Some(_) => tolerated.parts(canary.trials, 0.0),
        None => (0.0, 0.0, 0.0),
    };
    let fixed = if tolerated.baseline.is_none() { canary.trials * tolerated.plus } else { 0.0 };
    let events = (canary.events + missing).floor();
    if (odds == 0.0 && fixed == 0.0) || (tolerated.baseline.is_some() && shape <= 0.0) {
        return 1.0;
    }
    if events > EXACT {
        return gaussian(events + 0.5, shape, odds, fixed, -1.0);
    }
    below(events.max(0.0) as usize + 1, shape, odds, fixed).clamp(0.0, 1.0)
}

/// P(NB(shape, odds) + Poisson(mean) < events), summed in logarithms from the smallest count up.
fn below(events: usize, shape: f64, odds: f64, mean: f64) -> f64 {
    let mut poisson = Vec::with_capacity(events);
    let (mut log, mut sum) = (-mean, 0.0);
    for k in 0..events {
        sum += exp(log);
        poisson.push(sum);
        log += if mean > 0.0 { ln(mean / (k as f64 + 1.0)) } else { f64::NEG_INFINITY };
    }
    if odds <= 0.0 {
        return sum;
    }
    let mut log = -shape * ln(1.0 + odds);
    let step = ln(odds / (1.0 + odds));
    let mut sum = 0.0;
    for k in 0..events {
        sum += exp(log) * poisson[events - 1 - k];
        log += ln((k as f64 + shape) / (k as f64 + 1.0)) + step;
    }
    sum
}

fn gaussian(events: f64, shape: f64, odds: f64, poisson: f64, side: f64) -> f64 {
    let mean = shape * odds + poisson;
    let deviation = (mean + shape * odds * odds).sqrt();
    let z = side * (events - mean) / deviation;
    if z > 0.0 { 0.5 * exp(-0.5 * z * z) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(events: f64, trials: f64) -> Shown {
        Shown { events, trials }
    }

    fn fixed(plus: f64) -> Tolerated {
        Tolerated { baseline: None, plus }
    }

    fn close(got: f64, wanted: f64) {
        assert!((got - wanted).abs() < 1e-9, "{got} is not {wanted}");
    }

    #[test]
    fn without_a_baseline_it_is_the_poisson_tail() {
        // P(Poisson(1) >= 3) = 1 - 5/(2e)
        close(tail_above(shown(3.0, 100.0), fixed(0.01)), 1.0 - 2.5 * exp(-1.0));
        // P(Poisson(2) <= 1) = 3/e²
        close(tail_below(shown(1.0, 100.0), fixed(0.02)), 3.0 * exp(-2.0));
    }

    #[test]
    fn without_plus_it_is_the_conditional_binomial_test() {
        // Equal arms, ratio 1: P(Bin(5, 1/2) >= 4) = 6/32, P(Bin(5, 1/2) <= 1) = 6/32.
        let against = |y: f64| Tolerated { baseline: Some((shown(y, 500.0), 1.0)), plus: 0.0 };
        close(tail_above(shown(4.0, 500.0), against(1.0)), 6.0 / 32.0);
        close(tail_below(shown(1.0, 500.0), against(4.0)), 6.0 / 32.0);
    }

    #[test]
    fn one_unlucky_error_is_chance_and_a_broken_canary_beside_a_clean_baseline_is_not() {
        let clean = Tolerated { baseline: Some((shown(0.0, 9500.0), 1.5)), plus: 0.0005 };
        assert!(tail_above(shown(1.0, 500.0), clean) > 0.2);
        assert!(tail_above(shown(10.0, 500.0), clean) < 1e-6);
        assert_eq!(tail_above(shown(0.0, 500.0), clean), 1.0);
    }

    #[test]
    fn many_events_are_bounded_and_agree_in_direction_with_the_sum() {
        let large = |x: f64| tail_above(shown(x, 1e6), fixed(0.003));
        assert!(large(3000.0) >= 0.5 && large(3200.0) < SURE && large(3100.0) > large(3200.0));
        assert!(tail_below(shown(2800.0, 1e6), fixed(0.003)) < SURE);
    }

    proptest! {
        #[test]
        fn a_tail_is_a_probability_and_shrinks_with_every_event(
            x in 0u32..300, m in 1u32..100_000, y in 0u32..2000, n in 1u32..100_000, r in 0.5f64..3.0, d in 0.0f64..0.01,
        ) {
            let tolerated = Tolerated { baseline: Some((shown(f64::from(y), f64::from(n)), r)), plus: d };
            let at = |x: f64| tail_above(shown(x, f64::from(m)), tolerated);
            let (one, more) = (at(f64::from(x)), at(f64::from(x) + 1.0));
            prop_assert!((0.0..=1.0).contains(&one) && (0.0..=1.0).contains(&more));
            prop_assert!(more <= one + 1e-9, "{more} after {one}");
        }
    }
}
