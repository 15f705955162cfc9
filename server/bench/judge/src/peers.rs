//! The rules of others, from their published sources, on the same ticks: when would they roll back?

use crate::kayenta;
use crate::world::{Seen, TICK};
use sternway_domain::judge::number::{ln, ln_gamma};

/// Ticks in a minute.
const MINUTE: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// Canary's error rate per minute beyond a line, counted cumulatively; acts on the next check.
    Flagger { line: f64, threshold: usize },
    /// The same without waiting; more than `limit` failures.
    Argo { line: f64, limit: usize },
    /// So many readings in a row beyond a line.
    Consecutive { line: f64, times: usize, every: usize },
    /// Two proportions, one-sided, on all data so far, after every tick.
    Z { alpha: f64 },
    /// Eppo's sequential interval (Howard et al. 2021, eq. 14), N = 10 000.
    Gavi { alpha: f64 },
    /// Lindon and Malek (2022), prior 100 times the shares.
    Dirichlet { alpha: f64 },
    /// Howard and Ramdas' band for distribution functions, on failed or not.
    Dkw { alpha: f64 },
    /// Kayenta every so many minutes on a growing or sliding window (minutes), full or equal-size baseline.
    Kayenta { every: usize, lookback: Option<usize>, equal: bool, tolerance: f64 },
    /// Knows both rates and when it begins: the floor.
    Oracle { usual: f64, times: f64, onset: usize, alpha: f64 },
}

impl Rule {
    pub(crate) fn name(self) -> String {
        match self {
            Rule::Flagger { line, threshold } => format!("Flagger > {:.2} %, threshold {threshold}", line * 100.0),
            Rule::Argo { line, limit } => format!("Argo > {:.2} %, failureLimit {limit}", line * 100.0),
            Rule::Consecutive { line, times, every } => {
                format!("{times} × {:.0} s in a row > {:.2} %", every as f64 * TICK, line * 100.0)
            }
            Rule::Z { alpha } => format!("z, p < {} every tick", small(alpha)),
            Rule::Gavi { alpha } => format!("GAVI, {}", small(alpha)),
            Rule::Dirichlet { alpha } => format!("Dirichlet, {}", small(alpha)),
            Rule::Dkw { alpha } => format!("DKW band, {}", small(alpha)),
            Rule::Kayenta { every, lookback, equal, tolerance } => format!(
                "Kayenta every {every} min, {}{}{}",
                lookback.map_or("growing".to_owned(), |minutes| format!("last {minutes} min")),
                if equal { ", equal-size baseline" } else { "" },
                if tolerance == 0.25 { String::new() } else { format!(", tolerance {tolerance}") }
            ),
            Rule::Oracle { .. } => "oracle SPRT".to_owned(),
        }
    }

    /// The tick in which it would roll back.
    pub(crate) fn alarm(self, ticks: &[Seen]) -> Option<usize> {
        let sums: Vec<(f64, f64, f64, f64)> = ticks.iter().map(Seen::sums).collect();
        match self {
            Rule::Flagger { line, threshold } => {
                let mut failed = 0;
                minutes(&sums, MINUTE).find_map(|(tick, x, m)| {
                    if failed >= threshold {
                        return Some(tick);
                    }
                    failed += usize::from(m > 0.0 && x / m > line);
                    None
                })
            }
            Rule::Argo { line, limit } => {
                let mut failed = 0;
                minutes(&sums, MINUTE).find_map(|(tick, x, m)| {
                    failed += usize::from(m > 0.0 && x / m > line);
                    (failed > limit).then_some(tick)
                })
            }
            Rule::Consecutive { line, times, every } => {
                let mut row = 0;
                minutes(&sums, every).find_map(|(tick, x, m)| {
                    row = if m > 0.0 && x / m > line { row + 1 } else { 0 };
                    (row >= times).then_some(tick)
                })
            }
            Rule::Z { alpha } => {
                let line = normal_quantile(1.0 - alpha);
                growing(&sums, |x, m, y, n| {
                    let pooled = (x + y) / (m + n);
                    let error = (pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n)).sqrt();
                    error > 0.0 && (x / m - y / n) / error > line
                })
            }
            Rule::Gavi { alpha } => {
                let rho = 10_000.0 / (ln(ln(std::f64::consts::E / (alpha * alpha))) - 2.0 * ln(alpha));
                growing(&sums, |x, m, y, n| {
                    let (c, b, t) = (x / m, y / n, m + n);
                    let error = (c * (1.0 - c) / m + b * (1.0 - b) / n).sqrt();
                    let bound = ((t + rho) / t * ln((t + rho) / (rho * alpha * alpha))).sqrt();
                    error > 0.0 && c - b > error * bound
                })
            }
            Rule::Dirichlet { alpha } => growing(&sums, |x, m, y, n| {
                let share = m / (m + n);
                let (a, b) = (100.0 * share, 100.0 * (1.0 - share));
                let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
                let odds = beta(a + x, b + y) - beta(a, b) - x * ln(share) - y * ln(1.0 - share);
                x / m > y / n && odds >= -ln(alpha)
            }),
            Rule::Dkw { alpha } => {
                let u = |n: f64| 0.85 * ((ln(1.0 + ln(n.max(1.0))) + 0.8 * ln(1612.0 / (alpha / 2.0))) / n).sqrt();
                growing(&sums, |x, m, y, n| x / m - y / n > u(m) + u(n))
            }
            Rule::Kayenta { every, lookback, equal, tolerance } => {
                let rates = |of: &dyn Fn(&Seen) -> (f64, f64)| -> Vec<f64> {
                    let chunk = |all: &[Seen]| {
                        let sum = all.iter().map(of).fold((0.0, 0.0), |s, one| (s.0 + one.0, s.1 + one.1));
                        if sum.1 > 0.0 { sum.0 / sum.1 } else { 0.0 }
                    };
                    ticks.chunks_exact(MINUTE).map(chunk).collect()
                };
                let canary = rates(&|seen| {
                    let (x, m, ..) = seen.sums();
                    (x, m)
                });
                let baseline = rates(&|seen| {
                    if equal {
                        let one = seen.baseline.first().copied().unwrap_or_default();
                        (one.1, one.0)
                    } else {
                        let (.., y, n) = seen.sums();
                        (y, n)
                    }
                });
                let looks = (5..=canary.len()).filter(|minute| minute % every == 0);
                looks
                    .map(|until| (until, lookback.map_or(0, |minutes| until.saturating_sub(minutes))))
                    .find(|(until, from)| {
                        kayenta::high(&canary[*from..*until], &baseline[*from..*until], tolerance, 1.0)
                    })
                    .map(|(until, _)| until * MINUTE - 1)
            }
            Rule::Oracle { usual, times, onset, alpha } => {
                let mut odds = 0.0;
                sums.iter().enumerate().skip(onset).find_map(|(tick, (x, m, ..))| {
                    odds += x * ln(times) - m * usual * (times - 1.0);
                    (odds >= -ln(alpha)).then_some(tick)
                })
            }
        }
    }

    /// As documented: what a person gets who copies the examples.
    pub(crate) fn documented() -> Vec<Rule> {
        let kayenta = |every| Rule::Kayenta { every, lookback: None, equal: false, tolerance: 0.25 };
        vec![
            Rule::Flagger { line: 0.01, threshold: 5 },
            Rule::Flagger { line: 0.003, threshold: 5 },
            Rule::Argo { line: 0.003, limit: 3 },
            Rule::Consecutive { line: 0.003, times: 3, every: MINUTE },
            kayenta(1),
            kayenta(5),
            kayenta(10),
            Rule::Kayenta { every: 1, lookback: Some(15), equal: false, tolerance: 0.25 },
            Rule::Kayenta { every: 1, lookback: None, equal: true, tolerance: 0.25 },
            Rule::Z { alpha: 0.01 },
            Rule::Gavi { alpha: 0.02 },
            Rule::Dirichlet { alpha: 0.02 },
            Rule::Dkw { alpha: 0.02 },
        ]
    }

    /// What may be tuned with hindsight, by family.
    pub(crate) fn families() -> Vec<(&'static str, Vec<Rule>)> {
        let lines = [0.0015, 0.002, 0.0025, 0.003, 0.004, 0.005, 0.007, 0.01, 0.015, 0.02];
        let mut cumulative = Vec::new();
        let mut row = Vec::new();
        for line in lines {
            for count in [0, 1, 2, 3, 5, 8, 12, 20] {
                cumulative.push(Rule::Argo { line, limit: count });
            }
            for times in [1, 2, 3, 4, 5, 6, 8, 10] {
                row.push(Rule::Consecutive { line, times, every: 1 });
                row.push(Rule::Consecutive { line, times, every: MINUTE });
            }
        }
        let alphas: Vec<f64> = (2..=30).map(|i| 10f64.powf(-f64::from(i) / 2.0)).collect();
        let kayenta = [1, 2, 5, 10]
            .into_iter()
            .flat_map(|every| [None, Some(10), Some(20)].map(|lookback| (every, lookback)))
            .flat_map(|(every, lookback)| {
                [0.0, 0.25, 0.5, 0.75].map(|tolerance| Rule::Kayenta { every, lookback, equal: false, tolerance })
            });
        vec![
            ("cumulative threshold", cumulative),
            ("threshold in a row", row),
            ("Kayenta", kayenta.collect()),
            ("z", alphas.iter().map(|alpha| Rule::Z { alpha: *alpha }).collect()),
            ("GAVI", alphas.iter().map(|alpha| Rule::Gavi { alpha: *alpha }).collect()),
            ("Dirichlet", alphas.iter().map(|alpha| Rule::Dirichlet { alpha: *alpha }).collect()),
        ]
    }
}

/// `0.02`, `3e-9`.
fn small(alpha: f64) -> String {
    if alpha >= 0.01 { format!("{alpha:.2}") } else { format!("{alpha:.0e}") }
}

/// Errors and requests of the canary over so many ticks each, with the last of them.
fn minutes(sums: &[(f64, f64, f64, f64)], every: usize) -> impl Iterator<Item = (usize, f64, f64)> + '_ {
    sums.chunks_exact(every).enumerate().map(move |(i, all)| {
        let (x, m) = all.iter().fold((0.0, 0.0), |s, one| (s.0 + one.0, s.1 + one.1));
        ((i + 1) * every - 1, x, m)
    })
}

/// The first tick at which something holds of all counts so far.
fn growing(sums: &[(f64, f64, f64, f64)], holds: impl Fn(f64, f64, f64, f64) -> bool) -> Option<usize> {
    let mut all = (0.0, 0.0, 0.0, 0.0);
    sums.iter().position(|(x, m, y, n)| {
        all = (all.0 + x, all.1 + m, all.2 + y, all.3 + n);
        all.1 > 0.0 && all.3 > 0.0 && holds(all.0, all.1, all.2, all.3)
    })
}

/// By bisection on Abramowitz and Stegun's 26.2.17; enough digits for a line.
fn normal_quantile(p: f64) -> f64 {
    let (mut a, mut b) = (0.0, 40.0);
    for _ in 0..60 {
        let z = 0.5 * (a + b);
        if upper_tail(z) > 1.0 - p { a = z } else { b = z }
    }
    0.5 * (a + b)
}

pub(crate) fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.2316419 * z);
    let series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() * series
}
