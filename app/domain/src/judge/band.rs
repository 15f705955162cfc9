//! The confidence sequence of an estimate: all ratios that the counts do not speak against by 20:1.
//!
//! Against the baseline it is the Dirichlet mixture of Lindon and Malek ("Anytime-valid inference for multinomial count
//! data", NeurIPS 2022) for two arms, against a fixed rate the Gamma mixture of a Poisson; both hold after every tick of
//! a stage. Counts are divided by the dispersion first. The canary's rate alone has the Beta mixture of a binomial.

use super::number::{exp, ln, ln_gamma};
use super::stream::Tally;
use serde::{Deserialize, Serialize};

/// `ln 20`: 95 % at every moment.
const SURE: f64 = 2.995_732_273_553_991;

/// How many times as frequent the canary's events are as the baseline's (or as the limit allows), with 95 % certainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    pub estimate: f64,
    pub low: f64,
    /// `None` when nothing bounds it: the baseline showed no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// What it rests on: events and requests since the stage began. Of a comparison with a limit the baseline's are
    /// there too, and not looked at.
    pub seen: Seen,
}

/// Events and requests of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub canary: f64,
    pub of: f64,
    pub baseline: f64,
    pub baseline_of: f64,
}

impl From<Tally> for Seen {
    fn from(tally: Tally) -> Seen {
        Seen { canary: tally.x, of: tally.m, baseline: tally.y, baseline_of: tally.n }
    }
}

/// What a rate surely is, 0-1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
}

impl Band {
    /// The canary's own rate of these events since the stage began, with 95 % certainty at every moment, when they come in
    /// clusters of `phi`.
    pub fn canary(&self, phi: f64) -> Range {
        let Seen { canary: x, of: m, .. } = self.seen;
        let (bad, good) = (x / phi, (m - x).max(0.0) / phi);
        let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        let gained = beta(bad + 0.5, good + 0.5) - beta(0.5, 0.5);
        let against = |rate: f64| gained - bad * ln(rate) - good * ln(1.0 - rate);
        let seen = x / m;
        let edge = |end: f64| {
            let (mut near, mut far) = (seen, end);
            for _ in 0..50 {
                let half = 0.5 * (near + far);
                if against(half) < SURE { near = half } else { far = half }
            }
            far
        };
        Range { low: if x > 0.0 { edge(0.0) } else { 0.0 }, high: if x < m { edge(1.0) } else { 1.0 } }
    }
}

/// The canary against the baseline; `None` before both had requests and an event was seen.
pub(super) fn against_baseline(tally: Tally, phi: f64) -> Option<Band> {
    let Tally { x, m, y, n } = tally;
    if !(m > 0.0 && n > 0.0 && x + y > 0.0) {
        return None;
    }
    let (cx, cy) = (x / phi, y / phi);
    let (a, b) = (1.0, n / m);
    let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let gained = beta(a + cx, b + cy) - beta(a, b);
    let against = |ratio: f64| {
        let odds = ratio * m / n;
        gained - cx * ln(odds / (1.0 + odds)) + cy * ln(1.0 + odds)
    };
    let middle = ((x + 0.5) / m) / ((y + 0.5) / n);
    let high = (y > 0.0).then(|| edge(against, middle, 1.0)).flatten();
    let low = if x > 0.0 { edge(against, middle, -1.0).unwrap_or(0.0) } else { 0.0 };
    Some(Band { estimate: if y > 0.0 { x / m / (y / n) } else { middle }, low, high, seen: tally.into() })
}

/// The canary against a fixed tolerated rate.
pub(super) fn against_rate(tally: Tally, rate: f64, phi: f64) -> Option<Band> {
    let (x, mean) = (tally.x / phi, tally.m * rate / phi);
    if mean.is_nan() || mean <= 0.0 {
        return None;
    }
    let gained = ln_gamma(x + 1.0) - (x + 1.0) * ln(1.0 + mean);
    let against = |ratio: f64| gained - x * ln(ratio) + mean * ratio;
    let middle = (x + 0.5) / mean;
    let low = if x > 0.0 { edge(against, middle, -1.0).unwrap_or(0.0) } else { 0.0 };
    Some(Band { estimate: x / mean, low, high: edge(against, middle, 1.0), seen: tally.into() })
}

/// Where the counts begin to speak against a ratio, from the middle up (`1`) or down (`-1`).
fn edge(against: impl Fn(f64) -> f64, middle: f64, side: f64) -> Option<f64> {
    let centre = ln(middle);
    let at = |far: f64| against(exp(centre + side * far));
    let mut far = 0.05;
    while at(far) < SURE {
        far *= 2.0;
        if far > 40.0 {
            return None;
        }
    }
    let mut near = 0.0;
    for _ in 0..40 {
        let half = 0.5 * (near + far);
        if at(half) < SURE { near = half } else { far = half }
    }
    Some(exp(centre + side * far))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_holds_the_estimate_and_narrows_with_counts() {
        let few = against_baseline(Tally { x: 5.0, m: 1e3, y: 20.0, n: 2e4 }, 1.0).expect("counts");
        let many = against_baseline(Tally { x: 500.0, m: 1e5, y: 2000.0, n: 2e6 }, 1.0).expect("counts");
        for band in [few, many] {
            let high = band.high.expect("the baseline has events");
            assert!((band.estimate - 5.0).abs() < 1e-9 && band.low < 5.0 && high > 5.0, "{band:?}");
        }
        assert!(few.low < many.low && few.high > many.high);
        let clustered = against_baseline(Tally { x: 500.0, m: 1e5, y: 2000.0, n: 2e6 }, 4.0).expect("counts");
        assert!(clustered.low < many.low && clustered.high > many.high);
    }

    #[test]
    fn the_canarys_own_rate_is_held_and_clusters_widen_it() {
        let band = against_baseline(Tally { x: 50.0, m: 1e4, y: 20.0, n: 2e4 }, 1.0).expect("counts");
        let (alone, clustered) = (band.canary(1.0), band.canary(4.0));
        assert!(0.002 < alone.low && alone.low < 0.005 && 0.005 < alone.high && alone.high < 0.009, "{alone:?}");
        assert!(clustered.low < alone.low && clustered.high > alone.high, "{clustered:?}");
        let clean = against_baseline(Tally { x: 0.0, m: 1e3, y: 9.0, n: 2e4 }, 1.0).expect("an event");
        assert!(clean.canary(1.0).low == 0.0 && clean.canary(1.0).high < 0.01, "{:?}", clean.canary(1.0));
    }

    #[test]
    fn without_events_nothing_is_made_up() {
        assert_eq!(against_baseline(Tally { x: 0.0, m: 10.0, y: 0.0, n: 10.0 }, 1.0), None);
        let clean = against_baseline(Tally { x: 3.0, m: 100.0, y: 0.0, n: 1000.0 }, 1.0).expect("an event");
        assert_eq!(clean.high, None);
        let none = against_rate(Tally { x: 0.0, m: 1e5, y: 0.0, n: 0.0 }, 0.001, 1.0).expect("a mean");
        assert!(none.low == 0.0 && none.high.is_some_and(|high| high < 0.2), "{none:?}");
    }
}
