//! Latency guards in native or in Prometheus' default buckets, on durations of three shapes:
//!
//! | shape | durations |
//! |---|---|
//! | log-normal | median 80 ms, p99 514 ms (σ 0.8) |
//! | heavy tail | Pareto from 24 ms with exponent 1.5, p99 514 ms |
//! | cache | 95 % of requests around 5 ms, the rest around 300 ms (log-normal, σ 0.4), p99 420 ms |

use crate::cell::Cell;
use crate::crew::each;
use crate::dice::Dice;
use crate::ours::{Decided, decide_from, policy, tick};
use crate::world::TICKS;
use sternway_domain::judge::number::{exp, ln};
use sternway_domain::judge::{JudgeState, Policy};
use sternway_domain::plan::{Guard, Judging, Metric, Tolerance};
use sternway_domain::signal::{Bucket, Histogram, InstanceTick, Tick};
use sternway_domain::time::Span;

const MEDIAN: f64 = 0.0799;
const SIGMA: f64 = 0.8;
/// Ticks in which a canary is slow until it is warm: two minutes.
const WARM: usize = 8;
const SCHEMA: i8 = 3;
const SHARE: f64 = 0.05;
const PODS: usize = 19;
/// Histories that runs take turns with, at most.
const PASTS: u64 = 16;
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What is slower in the canary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Slower {
    Nothing,
    All(f64),
    /// Only the slowest 2 %, of log-normal durations.
    Tail(f64),
    /// All in the first two minutes, nothing after them.
    Cold(f64),
}

/// How durations are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    LogNormal,
    HeavyTail,
    Cache,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Service {
    pub(crate) rps: f64,
    pub(crate) native: bool,
    pub(crate) shape: Shape,
    pub(crate) slower: Slower,
    /// Guards on these quantiles, percent.
    pub(crate) guards: &'static [u8],
    /// The plan's warm-up, seconds.
    pub(crate) warm_up: i64,
}

/// Share of log-normal durations beyond so many seconds.
fn log_normal(median: f64, sigma: f64, secs: f64) -> f64 {
    let z = ln(secs / median) / sigma;
    if z < 0.0 { 1.0 - crate::peers::upper_tail(-z) } else { crate::peers::upper_tail(z) }
}

impl Shape {
    /// Share of durations beyond so many seconds.
    fn beyond(self, secs: f64) -> f64 {
        match self {
            _ if secs <= 0.0 => 1.0,
            Shape::LogNormal => log_normal(MEDIAN, SIGMA, secs),
            Shape::HeavyTail => exp(1.5 * ln(0.02386 / secs)).min(1.0),
            Shape::Cache => 0.95 * log_normal(0.005, 0.4, secs) + 0.05 * log_normal(0.3, 0.4, secs),
        }
    }
}

impl Slower {
    fn beyond(self, shape: Shape, secs: f64) -> f64 {
        match self {
            Slower::Nothing => shape.beyond(secs),
            Slower::All(times) | Slower::Cold(times) => shape.beyond(secs / times),
            Slower::Tail(times) => {
                // The 98th percentile: z = 2.0537.
                let from = MEDIAN * exp(2.0537 * SIGMA);
                if secs <= from { shape.beyond(secs) } else { shape.beyond((secs / times).max(from)) }
            }
        }
    }
}

/// Upper bounds of the buckets, and how likely a duration lies in each.
fn buckets(native: bool, shape: Shape, slower: Slower) -> Vec<(i32, f64, f64)> {
    let bounds: Vec<(i32, f64)> = if native {
        let step = f64::from(-SCHEMA).exp2();
        (-60..=50).map(|i| (i, (f64::from(i) * step).exp2())).collect()
    } else {
        BOUNDS.iter().enumerate().map(|(i, le)| (i as i32, *le)).chain([(11, f64::INFINITY)]).collect()
    };
    let mut below = 1.0;
    let share = |(i, le): (i32, f64)| {
        let next = if le.is_finite() { slower.beyond(shape, le) } else { 0.0 };
        let share = (below - next).max(0.0);
        below = next;
        (i, le, share)
    };
    bounds.into_iter().map(share).collect()
}

fn instance(dice: &mut Dice, name: String, requests: f64, buckets: &[(i32, f64, f64)], native: bool) -> InstanceTick {
    let counts: Vec<(i32, f64, f64)> =
        buckets.iter().map(|(i, le, share)| (*i, *le, dice.poisson(requests * share))).collect();
    let requests = counts.iter().map(|(.., count)| count).sum();
    let latency = if native {
        let buckets = counts.iter().filter(|(.., count)| *count > 0.0).map(|(i, _, count)| (*i, *count)).collect();
        Histogram::Native { schema: SCHEMA, zero: 0.0, buckets }
    } else {
        let mut sum = 0.0;
        let cumulative = |(_, le, count): &(i32, f64, f64)| {
            sum += count;
            Bucket { le: *le, count: sum }
        };
        Histogram::Classic(counts.iter().map(cumulative).collect())
    };
    InstanceTick { instance: name, requests, errors: Some(0.0), latency: Some(latency), ..InstanceTick::default() }
}

impl Service {
    pub(crate) fn ticks(self, seed: u64) -> impl Iterator<Item = Tick> {
        let mut dice = Dice::new(seed);
        let of = |slower| buckets(self.native, self.shape, slower);
        let (usual, worse) = (of(Slower::Nothing), of(self.slower));
        let warm = if matches!(self.slower, Slower::Cold(_)) { WARM } else { TICKS };
        let each = self.rps * crate::world::TICK;
        (0..TICKS).map(move |number| {
            let pod = each * (1.0 - SHARE) / PODS as f64;
            let baseline = (0..PODS).map(|i| instance(&mut dice, format!("b-{i}"), pod, &usual, self.native)).collect();
            let worse = if number < warm { &worse } else { &usual };
            let canary = vec![instance(&mut dice, "c-0".to_owned(), each * SHARE, worse, self.native)];
            tick(number, baseline, canary)
        })
    }

    /// Minutes until it is rolled back.
    pub(crate) fn cell(self, seeds: u64, runs: u64) -> Cell {
        let tolerance = Tolerance { ratio: Some(1.2), plus: None };
        let guard = |q: &u8| Guard { metric: Metric::Latency(*q), tolerance, slo: None, weight: None };
        let policy = policy(self.guards.iter().map(guard).collect(), SHARE, 30);
        let policy = Policy { judge: Judging { warm_up: Span::from_secs(self.warm_up), ..policy.judge }, ..policy };
        let primed: Vec<JudgeState> = each(PASTS.min(runs), |run| {
            let calm = Service { slower: Slower::Nothing, ..self };
            JudgeState::primed(&calm.ticks(seeds ^ (1 << 60) ^ run).collect::<Vec<Tick>>(), &policy)
        });
        let mut cell = Cell::default();
        for decided in each(runs, |run| {
            let state = primed[run as usize % primed.len()].clone();
            decide_from(state, &policy, self.ticks(seeds + run))
        }) {
            cell.add(Decided { promote: None, ..decided }, 0, &[]);
        }
        cell
    }
}

/// One line of the table.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) service: Service,
    pub(crate) cell: Cell,
}

/// All services that are measured; `runs` of each.
pub(crate) fn all(seeds: u64, runs: u64) -> Vec<Line> {
    const P99: &[u8] = &[99];
    const BOTH: &[u8] = &[90, 99];
    let usual = Service {
        rps: 2000.0,
        native: true,
        shape: Shape::LogNormal,
        slower: Slower::Nothing,
        guards: P99,
        warm_up: 0,
    };
    let mut services = Vec::new();
    for rps in [2000.0, 200.0] {
        let native = Service { rps, ..usual };
        let classic = Service { native: false, ..native };
        services.extend([
            ("unchanged, native", native),
            ("unchanged, p90 and p99, native", Service { guards: BOTH, ..native }),
            ("all x1.2, exactly what is tolerated, native", Service { slower: Slower::All(1.2), ..native }),
            ("all x1.4, native", Service { slower: Slower::All(1.4), ..native }),
            ("all x1.4, p90 and p99, native", Service { slower: Slower::All(1.4), guards: BOTH, ..native }),
            ("all x2, native", Service { slower: Slower::All(2.0), ..native }),
            ("slowest 2 % x1.4, native", Service { slower: Slower::Tail(1.4), ..native }),
            ("unchanged, classic buckets", classic),
            ("all x1.4, classic buckets", Service { slower: Slower::All(1.4), ..classic }),
            ("slowest 2 % x1.4, classic buckets", Service { slower: Slower::Tail(1.4), ..classic }),
        ]);
    }
    let (heavy, cache) = (Service { shape: Shape::HeavyTail, ..usual }, Service { shape: Shape::Cache, ..usual });
    services.extend([
        ("unchanged, heavy tail", heavy),
        ("all x1.4, heavy tail", Service { slower: Slower::All(1.4), ..heavy }),
        ("unchanged, cache", cache),
        ("all x1.4, cache", Service { slower: Slower::All(1.4), ..cache }),
        ("x3 in the first two minutes", Service { slower: Slower::Cold(3.0), ..usual }),
        ("x3 in the first two minutes, `warm_up: 2m`", Service { slower: Slower::Cold(3.0), warm_up: 120, ..usual }),
    ]);
    let line = |(i, (what, service)): (usize, (_, Service))| {
        // An hour without a rollback costs fifty times one with.
        let long = matches!(service.slower, Slower::Nothing | Slower::All(1.2) | Slower::Cold(_));
        let runs = if long { runs / 2 } else { runs }.max(5);
        Line { what, service, cell: service.cell(seeds + ((i as u64 + 1) << 33), runs) }
    };
    services.into_iter().enumerate().map(line).collect()
}

pub(crate) fn text(lines: &[Line]) -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "\n## Latency\n\nTolerated: p99 (or p90 and p99) at most 1.2x. Log-normal durations, p99 514 ms, but \
         where another shape is named: Pareto with exponent 1.5, or one request in twenty that misses a cache.\n\n\
         | slower | requests/s | rolled back after, min, median / 95 % | rolled back within the hour |\n|---|---|---|---|\n",
    );
    for line in lines {
        let (rate, low, high) = line.cell.rate();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.1} % ({:.1}–{:.1}) of {} |",
            line.what,
            line.service.rps,
            line.cell.said(),
            rate * 100.0,
            low * 100.0,
            high * 100.0,
            line.cell.runs
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_p99_is_where_it_should_be_and_shares_sum_to_one() {
        for (shape, p99) in [(Shape::LogNormal, 0.514), (Shape::HeavyTail, 0.514), (Shape::Cache, 0.42)] {
            assert!((shape.beyond(p99) - 0.01).abs() < 2e-4, "{shape:?}: {}", shape.beyond(p99));
            for (native, slower) in [(true, Slower::Nothing), (true, Slower::All(1.4)), (false, Slower::Tail(1.4))] {
                let sum: f64 = buckets(native, shape, slower).iter().map(|(.., share)| share).sum();
                assert!((sum - 1.0).abs() < 2e-3, "{shape:?} {native} {slower:?}: {sum}");
            }
        }
    }
}
