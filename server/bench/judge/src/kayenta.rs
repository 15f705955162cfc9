//! Kayenta's NetflixACAJudge for one metric, from its published source: Mann-Whitney confidence interval at 98 %,
//! tolerance 0.25 of the estimate, allowed increase as a ratio of means.
//!
//! `kayenta-judge/.../MannWhitneyClassifier.scala`, `kayenta-mannwhitney/.../MannWhitney.scala`: `W(mu)` with continuity
//! and tie correction, its roots by Brent; here by bisection between the extreme differences.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) estimate: f64,
}

const QUANTILE: f64 = 2.326_347_874_040_841;

/// The shift of `experiment` against `control`.
pub(crate) fn shift(experiment: &[f64], control: &[f64]) -> Interval {
    let lowest = min(experiment) - max(control);
    let highest = max(experiment) - min(control);
    let edge = |quantile: f64, beyond: &dyn Fn(f64) -> bool| {
        let at = |mu: f64| wilcoxon(mu, quantile, experiment, control);
        let (mut a, mut b) = (lowest, highest);
        if !beyond(at(a)) {
            return a;
        }
        if beyond(at(b)) {
            return b;
        }
        for _ in 0..60 {
            let middle = 0.5 * (a + b);
            if beyond(at(middle)) { a = middle } else { b = middle }
        }
        0.5 * (a + b)
    };
    let root = |quantile: f64| edge(quantile, &|w| w > 0.0);
    // The function is a staircase: where it rests at nothing, the middle of that step is the root.
    let middle = 0.5 * (root(0.0) + edge(0.0, &|w| w >= 0.0));
    // In `wilcox.test` the estimate is the root without continuity correction.
    Interval { low: root(QUANTILE), high: root(-QUANTILE), estimate: middle }
}

fn wilcoxon(mu: f64, quantile: f64, x: &[f64], y: &[f64]) -> f64 {
    let (nx, ny) = (x.len() as f64, y.len() as f64);
    let mut all: Vec<(f64, bool)> = x.iter().map(|v| (v - mu, true)).chain(y.iter().map(|v| (*v, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut ties, mut i) = (0.0, 0.0, 0);
    while i < all.len() {
        let mut j = i;
        while j + 1 < all.len() && all[j + 1].0 == all[i].0 {
            j += 1;
        }
        let rank = (i + j) as f64 / 2.0 + 1.0;
        let count = (j - i + 1) as f64;
        ties += count.powi(3) - count;
        ranks += rank * all[i..=j].iter().filter(|one| one.1).count() as f64;
        i = j + 1;
    }
    let dz = ranks - nx * (nx + 1.0) / 2.0 - nx * ny / 2.0;
    let correction = if quantile == 0.0 { 0.0 } else { 0.5 * quantile.signum() };
    let n = nx + ny;
    let sigma = (nx * ny / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)))).sqrt();
    (dz - correction) / sigma - quantile
}

fn min(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::INFINITY, f64::min)
}

fn max(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// `High`: the canary is worse. Identical samples pass; where either mean is 0 the effect size counts as met.
pub(crate) fn high(canary: &[f64], baseline: &[f64], tolerance: f64, allowed: f64) -> bool {
    if canary.is_empty() || baseline.is_empty() || canary == baseline {
        return false;
    }
    let tied = |all: &[f64]| min(all) == max(all);
    if tied(canary) && tied(baseline) && canary[0] == baseline[0] {
        return false;
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let (c, b) = (mean(canary), mean(baseline));
    // Neither needs the interval: an effect too small, and a lower end that cannot lie above 0.
    if c != 0.0 && b != 0.0 && c / b < allowed || wilcoxon(0.0, QUANTILE, canary, baseline) <= 0.0 {
        return false;
    }
    let found = shift(canary, baseline);
    found.low > tolerance * found.estimate.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_fixture_gives_the_published_interval() {
        let found = shift(&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0]);
        let near = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.01, "{found:?}: {got} is not {wanted}");
        near(found.low, 6.0);
        near(found.high, 39.0);
        near(found.estimate, 22.5);
    }
}
