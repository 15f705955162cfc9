//! Latency guards: log-normal durations, median 80 ms, p99 514 ms (σ 0.8), in native or in Prometheus' default buckets.

use crate::cell::Cell;
use crate::crew::each;
use crate::dice::Dice;
use crate::ours::{Decided, decide_from, policy, tick};
use crate::world::TICKS;
use sternway_domain::judge::JudgeState;
use sternway_domain::judge::number::{exp, ln};
use sternway_domain::plan::{Guard, Metric, Tolerance};
use sternway_domain::signal::{Bucket, Histogram, InstanceTick, Tick};

const MEDIAN: f64 = 0.0799;
const SIGMA: f64 = 0.8;
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
    /// Only the slowest 2 %.
    Tail(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Service {
    pub(crate) rps: f64,
    pub(crate) native: bool,
    pub(crate) slower: Slower,
    /// Guards on these quantiles, percent.
    pub(crate) guards: &'static [u8],
}

/// Share of durations beyond so many seconds.
fn beyond(secs: f64) -> f64 {
    if secs <= 0.0 {
        return 1.0;
    }
    let z = ln(secs / MEDIAN) / SIGMA;
    if z < 0.0 { 1.0 - crate::peers::upper_tail(-z) } else { crate::peers::upper_tail(z) }
}

impl Slower {
    fn beyond(self, secs: f64) -> f64 {
        match self {
            Slower::Nothing => beyond(secs),
            Slower::All(times) => beyond(secs / times),
            Slower::Tail(times) => {
                // The 98th percentile: z = 2.0537.
                let from = MEDIAN * exp(2.0537 * SIGMA);
                if secs <= from { beyond(secs) } else { beyond((secs / times).max(from)) }
            }
        }
    }
}

/// Upper bounds of the buckets, and how likely a duration lies in each.
fn buckets(native: bool, slower: Slower) -> Vec<(i32, f64, f64)> {
    let bounds: Vec<(i32, f64)> = if native {
        let step = f64::from(-SCHEMA).exp2();
        (-60..=50).map(|i| (i, (f64::from(i) * step).exp2())).collect()
    } else {
        BOUNDS.iter().enumerate().map(|(i, le)| (i as i32, *le)).chain([(11, f64::INFINITY)]).collect()
    };
    let mut below = 1.0;
    let share = |(i, le): (i32, f64)| {
        let next = if le.is_finite() { slower.beyond(le) } else { 0.0 };
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
        let (usual, worse) = (buckets(self.native, Slower::Nothing), buckets(self.native, self.slower));
        let each = self.rps * crate::world::TICK;
        (0..TICKS).map(move |number| {
            let pod = each * (1.0 - SHARE) / PODS as f64;
            let baseline = (0..PODS).map(|i| instance(&mut dice, format!("b-{i}"), pod, &usual, self.native)).collect();
            let canary = vec![instance(&mut dice, "c-0".to_owned(), each * SHARE, &worse, self.native)];
            tick(number, baseline, canary)
        })
    }

    /// Minutes until it is rolled back.
    pub(crate) fn cell(self, seeds: u64, runs: u64) -> Cell {
        let tolerance = Tolerance { ratio: Some(1.2), plus: None };
        let guard = |q: &u8| Guard { metric: Metric::Latency(*q), tolerance, slo: None, weight: None };
        let policy = policy(self.guards.iter().map(guard).collect(), SHARE, 30);
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
    let mut lines = Vec::new();
    for rps in [2000.0, 200.0] {
        for (what, native, slower, guards) in [
            ("unchanged, native", true, Slower::Nothing, P99),
            ("unchanged, p90 and p99, native", true, Slower::Nothing, BOTH),
            ("all x1.2, exactly what is tolerated, native", true, Slower::All(1.2), P99),
            ("all x1.4, native", true, Slower::All(1.4), P99),
            ("all x1.4, p90 and p99, native", true, Slower::All(1.4), BOTH),
            ("all x2, native", true, Slower::All(2.0), P99),
            ("slowest 2 % x1.4, native", true, Slower::Tail(1.4), P99),
            ("unchanged, classic buckets", false, Slower::Nothing, P99),
            ("all x1.4, classic buckets", false, Slower::All(1.4), P99),
            ("slowest 2 % x1.4, classic buckets", false, Slower::Tail(1.4), P99),
        ] {
            let service = Service { rps, native, slower, guards };
            let seeds = seeds + ((lines.len() as u64 + 1) << 33);
            // An hour without a rollback costs fifty times one with.
            let long = matches!(slower, Slower::Nothing | Slower::All(1.2));
            lines.push(Line { what, service, cell: service.cell(seeds, if long { runs / 2 } else { runs }.max(5)) });
        }
    }
    lines
}

pub(crate) fn text(lines: &[Line]) -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "\n## Latency\n\nTolerated: p99 (or p90 and p99) at most 1.2x. Log-normal durations, p99 514 ms.\n\n\
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
        assert!((beyond(0.514) - 0.01).abs() < 2e-4, "{}", beyond(0.514));
        for native in [true, false] {
            for slower in [Slower::Nothing, Slower::All(1.4), Slower::Tail(1.4)] {
                let sum: f64 = buckets(native, slower).iter().map(|(.., share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-3, "{native} {slower:?}: {sum}");
            }
        }
    }
}
