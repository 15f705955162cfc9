//! How fast one core judges, and how much is remembered.

use crate::cell::at;
use crate::dice::Dice;
use crate::latency::{Service, Shape, Slower};
use crate::ours::policy;
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use sternway_domain::judge::number::{exp, ln};
use sternway_domain::judge::process::{GRID, Grid, Process, Showing, Temper};
use sternway_domain::judge::stream::{Bad, Counts, Measure, Stream};
use sternway_domain::judge::{JudgeState, Policy, Shown, conclude, judge};
use sternway_domain::plan::{Guard, Metric, Tolerance};
use sternway_domain::signal::{InstanceTick, Kpi, Tick};
use sternway_domain::time::Timestamp;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// Updates of one e-process per second.
    pub(crate) updates: f64,
    /// The same loop with nothing in it but its logarithms and exponentials.
    pub(crate) floor: f64,
    /// Evidence of five lines from their counts, ten e-processes with all that tempers them, per second.
    pub(crate) evidence: f64,
    /// Verdicts on five guards per second, with what decided them and without words.
    pub(crate) concluded: Rates,
    /// The same in words, with estimates and their ranges.
    pub(crate) said: Rates,
    /// Bytes of one line of one guard.
    pub(crate) bytes: usize,
}

/// With arms of one instance each, and of 19 and 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) of_two: f64,
    pub(crate) of_twenty: f64,
}

impl Rates {
    fn of(judged: impl Fn(&mut JudgeState, &Tick, &Policy) + Copy) -> Rates {
        Rates { of_two: verdicts(false, judged), of_twenty: verdicts(true, judged) }
    }
}

/// Measures on this core, about two seconds per figure.
pub(crate) fn measure() -> Speed {
    let showings: Vec<Showing> = {
        let mut dice = Dice::new(1);
        let mut arm = |mean: f64| dice.poisson(mean);
        (0..1024).map(|_| Showing { x: arm(1.5), m: 1500.0, y: arm(28.5), n: 28_500.0, r: 1.5, d: 0.0 }).collect()
    };
    let mut processes = vec![Process::new(&Grid::MORE, 1.0); 10_000];
    let temper = Temper { phi: 1.3, cap: 1.5, stake: 1e-4, ceiling: 1e4 };
    let mut i = 0;
    let updates = per_second(|| {
        for process in &mut processes {
            i = (i + 1) % showings.len();
            process.settle(&Grid::MORE, showings[i], temper);
        }
        processes.len()
    });
    let mut sums = vec![[0.0_f64; GRID]; 10_000];
    let floor = per_second(|| {
        for sum in &mut sums {
            i = (i + 1) % showings.len();
            let k = showings[i].y;
            for (j, one) in sum.iter_mut().enumerate() {
                *one = exp(ln(1.0 + k + j as f64) * 0.1);
            }
        }
        black_box(&sums);
        sums.len()
    });
    Speed {
        updates,
        floor,
        evidence: evidence(&showings),
        concluded: Rates::of(|state, tick, policy| drop(black_box(conclude(state, tick, policy)))),
        said: Rates::of(|state, tick, policy| drop(black_box(judge(state, tick, policy)))),
        bytes: size_of::<Stream>(),
    }
}

fn evidence(showings: &[Showing]) -> f64 {
    let one = |events: f64, trials: f64| vec![Shown { events, trials }];
    let counts: Vec<Counts> = showings
        .iter()
        .map(|seen| Counts {
            canary: one(seen.x, seen.m),
            baseline: one(seen.y, seen.n),
            r: seen.r,
            ..Counts::default()
        })
        .collect();
    let measure = Measure { secs: 15.0, needed: 20.0, within: 45.0, stake: 1e-4, latest: 0.01, kept: 0.3 };
    let mut releases = vec![[Stream::new(Bad::More); 5]; 2_000];
    let mut i = 0;
    per_second(|| {
        for streams in &mut releases {
            for stream in streams.iter_mut() {
                i = (i + 1) % counts.len();
                stream.take(&counts[i], measure);
            }
            black_box(streams.iter().map(|stream| stream.back(0.3)).sum::<f64>());
        }
        releases.len()
    })
}

fn verdicts(twenty: bool, judged: impl Fn(&mut JudgeState, &Tick, &Policy)) -> f64 {
    let guard = |metric: Metric| Guard {
        tolerance: Tolerance { ratio: Some(if metric.less_is_worse() { 0.97 } else { 1.5 }), plus: None },
        metric,
        slo: None,
        weight: None,
    };
    let kpi = Metric::Kpi("orders".into());
    let guards = [Metric::Errors, Metric::Latency(50), Metric::Latency(99), Metric::Saturation, kpi];
    let policy = policy(guards.map(guard).into(), 0.05, 30);
    let service = Service {
        rps: 2000.0,
        native: true,
        shape: Shape::LogNormal,
        slower: Slower::Nothing,
        guards: &[],
        warm_up: 0,
    };
    let fill = |one: &mut InstanceTick, i: usize| {
        one.errors = Some((i % 3) as f64);
        one.saturation = Some(0.4 + 0.01 * (i % 7) as f64);
        one.kpis.insert("orders".into(), Kpi { good: (one.requests * 0.3).round(), of: one.requests });
    };
    let mut ticks: Vec<Tick> = service
        .ticks(7)
        .enumerate()
        .map(|(i, mut tick)| {
            tick.baseline.instances.truncate(if twenty { usize::MAX } else { 1 });
            tick.baseline.instances.iter_mut().chain(&mut tick.canary.instances).for_each(|one| fill(one, i));
            tick
        })
        .collect();
    let mut state = JudgeState::default();
    let (mut i, mut now) = (0, Timestamp::default());
    per_second(|| {
        for _ in 0..100 {
            let place = i % ticks.len();
            now = now + policy.interval;
            (ticks[place].at, i) = (now, i + 1);
            judged(&mut state, &ticks[place], &policy);
        }
        100
    })
}

/// The median of five stretches of 0.3 s of this thread's own time: what else runs on the machine does not count.
fn per_second(mut work: impl FnMut() -> usize) -> f64 {
    let mut rates: Vec<f64> = (0..5)
        .map(|_| {
            let begin = spent();
            let (mut done, mut secs) = (0, 0.0);
            while secs < 0.3 {
                done += work();
                secs = spent() - begin;
            }
            done as f64 / secs
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    at(&rates, 0.5)
}

/// Seconds that this thread has computed.
fn spent() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

impl Speed {
    pub(crate) fn text(self) -> String {
        let million = |n: f64| format!("{:.1} million", n / 1e6);
        format!(
            "\n## Speed, one core\n\n{} updates of an e-process a second (its logarithms and exponentials alone: {}); {:.0} \
             times the evidence of five lines from their counts; {:.0} verdicts on five guards a second, with native histograms \
             and what decided them, one instance per arm, {:.0} with twenty instances; {:.0} and {:.0} when they are put into \
             words with all estimates; {} bytes per line of a guard.\n",
            million(self.updates),
            million(self.floor),
            self.evidence,
            self.concluded.of_two,
            self.concluded.of_twenty,
            self.said.of_two,
            self.said.of_twenty,
            self.bytes
        )
    }
}
