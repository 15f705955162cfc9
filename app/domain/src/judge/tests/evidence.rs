//! The mathematics of the evidence, measured and by hand. Seeds are fixed and part of every message.

use super::super::Shown;
use super::super::gauge::Gauge;
use super::super::number::{exp, ln};
use super::super::process::{GRID, Grid, Pace, Process, Showing, Temper};
use super::super::stream::{Bad, Counts, Measure, Stream};
use super::*;
use proptest::prelude::*;

const PLAIN: Temper = Temper { phi: 1.0, cap: f64::INFINITY, stake: 0.0, ceiling: f64::INFINITY };

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// By counting exponential gaps.
    fn poisson(&mut self, mean: f64) -> f64 {
        let (mut time, mut count) = (0.0, 0.0);
        loop {
            time -= ln(self.roll());
            if time > mean {
                return count;
            }
            count += 1.0;
        }
    }
}

/// A release whose canary is exactly as bad as tolerated: share, usual rate and noise change as it runs.
fn boundary(dice: &mut Dice, r: f64, d: f64, ticks: usize) -> Vec<Showing> {
    (0..ticks)
        .map(|i| {
            let m = [50.0, 250.0, 500.0][i * 3 / ticks];
            let n = 1000.0 - m;
            let usual = 0.004 * (0.3 + 1.4 * dice.roll());
            let (x, y) = (dice.poisson(m * (r * usual + d)), dice.poisson(n * usual));
            Showing { x, m, y, n, r, d }
        })
        .collect()
}

#[test]
fn given_one_tick_then_the_factor_is_the_formula() {
    let seen = Showing { x: 4.0, m: 500.0, y: 6.0, n: 9500.0, r: 1.5, d: 0.0005 };
    let mut process = Process::new(&Grid::MORE, 1.0);
    process.settle(&Grid::MORE, seen, PLAIN);
    let ratios: [f64; GRID] = [1.25, 1.6, 2.1, 2.8, 3.8, 5.2, 8.0, 16.0];
    let stakes: [f64; GRID] = [0.10, 0.12, 0.16, 0.20, 0.18, 0.12, 0.08, 0.04];
    let k: f64 = 500.0 * 1.5 / 9500.0;
    let by_hand: f64 = ratios
        .iter()
        .zip(stakes)
        .map(|(ratio, stake)| {
            let e_a = ratio * (1.0 + k) / (1.0 + k * ratio);
            let e_b = (1.0 + k * ratio) / (1.0 + k);
            stake * e_a.powi(4) / e_b.powi(6) * exp(-500.0 * 0.0005 * (e_a - 1.0))
        })
        .sum();
    assert!((process.won() / by_hand - 1.0).abs() < 1e-5, "{} is not {by_hand}", process.won());
    assert!((stakes.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn given_no_requests_then_the_factor_is_exactly_one() {
    for seen in [
        Showing { x: 0.0, m: 0.0, y: 3.0, n: 100.0, r: 1.5, d: 0.1 },
        Showing { x: 3.0, m: 100.0, y: 0.0, n: 0.0, r: 1.5, d: 0.1 },
    ] {
        let mut process = Process::new(&Grid::MORE, 1.0);
        let before = process;
        process.settle(&Grid::MORE, seen, PLAIN);
        assert_eq!(process, before);
    }
}

#[test]
fn all_stakes_ever_placed_sum_to_one() {
    let mut pace = Pace::default();
    let mut placed = Pace::START;
    for i in 0..10_000 {
        if i % 777 == 776 {
            pace.stage();
        }
        placed += pace.step(15.0);
        assert!((placed + pace.kept() - 1.0).abs() < 1e-9, "after {i} ticks {placed} and {}", pace.kept());
    }
}

/// The heart of it: on a canary exactly as bad as tolerated the mean of the odds stays at or below 1, and the share of
/// releases in which they ever reach 20:1 stays below 1 in 20, in both directions.
#[test]
fn at_the_boundary_the_evidence_is_a_supermartingale() {
    for (seed, r, d) in [(11, 1.0, 0.0), (12, 1.5, 0.0), (13, 1.5, 0.002), (14, 0.0, 0.006)] {
        for grid in [&Grid::MORE, &Grid::FEWER] {
            let mut dice = Dice(seed);
            let runs = 3000;
            let (mut sum, mut square, mut reached) = (0.0, 0.0, 0);
            for _ in 0..runs {
                let mut process = Process::new(grid, 1.0);
                let mut highest: f64 = 0.0;
                for seen in boundary(&mut dice, r, d, 60) {
                    process.settle(grid, seen, Temper { ceiling: 1e6, ..PLAIN });
                    highest = highest.max(process.won());
                }
                sum += process.won().min(50.0);
                square += process.won().min(50.0).powi(2);
                reached += u32::from(highest >= 20.0);
            }
            let n = f64::from(runs);
            let error = (square / n - (sum / n).powi(2)).sqrt() / n.sqrt();
            println!("seed {seed}, r {r}, d {d}: mean {:.3} ± {error:.3}, reached {reached} of {runs}", sum / n);
            assert!(sum / n <= 1.0 + 3.0 * error, "seed {seed}: mean {} ± {error}", sum / n);
            assert!(f64::from(reached) / n < 0.05, "seed {seed}: {reached} of {runs} reached 20:1");
        }
    }
}

/// The same through clipping, dispersion, restarts and the cap, with clustered errors.
#[test]
fn at_the_boundary_clustered_errors_reach_the_line_no_more_often_than_promised() {
    let seed = 21;
    let mut dice = Dice(seed);
    let (runs, mut back, mut promote) = (1500, 0, 0);
    for _ in 0..runs {
        let (mut stream, mut pace) = (Stream::new(Bad::More), Pace::default());
        let mut reached = (false, false);
        for _ in 0..120 {
            let mut cluster = |mean: f64| {
                let mut sum = 0.0;
                for _ in 0..dice.poisson(mean / 4.0) as u32 {
                    sum += 1.0 + dice.poisson(3.0);
                }
                sum
            };
            let unit = |events: f64| Shown { events, trials: 500.0 };
            let canary = vec![unit(cluster(0.75))];
            let baseline = (0..19).map(|_| unit(cluster(0.5))).collect();
            let stake = pace.step(15.0);
            let measure =
                Measure { secs: 15.0, needed: 20.0, within: 45.0, stake, latest: pace.latest(), kept: pace.kept() };
            stream.take(&Counts { canary, baseline, r: 1.5, ..Counts::default() }, measure);
            reached.0 |= stream.back(pace.kept()) >= 20.0;
            reached.1 |= stream.promote() >= 20.0;
        }
        back += u32::from(reached.0);
        promote += u32::from(reached.1);
    }
    println!("seed {seed}: {back} and {promote} of {runs}");
    assert!(f64::from(back) < 0.05 * f64::from(runs), "seed {seed}: rolled back {back} of {runs}");
    assert!(f64::from(promote) < 0.05 * f64::from(runs), "seed {seed}: promoted {promote} of {runs}");
}

#[test]
fn given_any_number_of_errors_then_the_line_is_not_reached_within_the_patience_and_soon_after_it() {
    // Seconds of a tick and of the patience, and how many ticks that one can touch.
    for (secs, patience, ticks) in [(15.0, 30.0, 3), (10.0, 30.0, 4), (5.0, 30.0, 7), (15.0, 0.0, 1), (15.0, 600.0, 41)]
    {
        for errors in [40.0, 500.0] {
            let (mut stream, mut pace) = (Stream::new(Bad::More), Pace::default());
            let unit = |events: f64| Shown { events, trials: 500.0 };
            let mut take = |canary: f64| {
                let counts =
                    Counts { canary: vec![unit(canary)], baseline: vec![unit(0.5); 19], r: 1.5, ..Counts::default() };
                let (stake, within) = (pace.step(secs), patience + secs);
                let measure = Measure { secs, needed: 20.0, within, stake, latest: pace.latest(), kept: pace.kept() };
                stream.take(&counts, measure);
                stream.back(pace.kept())
            };
            (0..10).for_each(|_| {
                take(0.5);
            });
            for i in 0..ticks {
                let odds = take(errors);
                assert!(odds < 20.0, "{secs} s, {patience} s, tick {i}: {odds}");
            }
            let after = (0..ticks + 2).position(|_| take(errors) >= 20.0);
            assert!(after.is_some(), "{secs} s, {patience} s: not even after twice the time");
        }
    }
}

#[test]
fn given_quiet_ticks_then_one_that_shows_much_may_add_all_that_is_allowed() {
    let odds = |heaps: [f64; 3]| {
        let (mut stream, mut pace) = (Stream::new(Bad::More), Pace::default());
        for canary in heaps {
            let unit = |events: f64| Shown { events, trials: 5000.0 };
            let counts =
                Counts { canary: vec![unit(canary)], baseline: vec![unit(5.0); 19], r: 1.5, ..Counts::default() };
            let stake = pace.step(15.0);
            let measure =
                Measure { secs: 15.0, needed: 20.0, within: 45.0, stake, latest: pace.latest(), kept: pace.kept() };
            stream.take(&counts, measure);
        }
        stream.back(0.0)
    };
    let (quiet, heap) = (odds([5.0, 5.0, 5.0]), odds([5.0, 5.0, 60.0]));
    assert!(heap > 6.0 * quiet && heap < 20.0, "from {quiet} to {heap}");
}

#[test]
fn the_state_of_a_stream_is_small() {
    assert!(size_of::<Stream>() <= 128, "{} bytes", size_of::<Stream>());
    assert!(size_of::<Gauge>() <= 128);
}

fn showing() -> impl Strategy<Value = Showing> {
    (0.0f64..20.0, 100.0f64..5000.0, 0.0f64..200.0, 1000.0f64..50_000.0, 1.0f64..2.0, 0.0f64..0.01)
        .prop_map(|(x, m, y, n, r, d)| Showing { x: x.floor(), m, y: y.floor(), n, r, d })
}

fn settled(grid: &Grid, seen: &[Showing], temper: Temper) -> f64 {
    let mut process = Process::new(grid, 1.0);
    seen.iter().for_each(|one| process.settle(grid, *one, temper));
    process.won()
}

proptest! {
    #[test]
    fn more_canary_errors_are_more_evidence_back_and_less_to_promote(seen in showing(), more in 1.0f64..20.0) {
        let worse = Showing { x: seen.x + more, ..seen };
        prop_assert!(settled(&Grid::MORE, &[worse], PLAIN) >= settled(&Grid::MORE, &[seen], PLAIN));
        prop_assert!(settled(&Grid::FEWER, &[worse], PLAIN) <= settled(&Grid::FEWER, &[seen], PLAIN));
        let clean = Showing { y: seen.y + more, ..seen };
        prop_assert!(settled(&Grid::MORE, &[clean], PLAIN) <= settled(&Grid::MORE, &[seen], PLAIN));
    }

    #[test]
    fn a_wider_tolerance_is_never_more_evidence_back(seen in showing(), wider in 1.0f64..3.0, plus in 0.0f64..0.01) {
        let relative = Showing { d: 0.0, ..seen };
        let tight = settled(&Grid::MORE, &[relative], PLAIN);
        let loose = settled(&Grid::MORE, &[Showing { r: seen.r * wider, ..relative }], PLAIN);
        prop_assert!(loose <= tight * 1.000_01 + 1e-6, "{loose} beyond {tight}");
        let tight = settled(&Grid::MORE, &[seen], PLAIN);
        let loose = settled(&Grid::MORE, &[Showing { d: seen.d + plus, ..seen }], PLAIN);
        prop_assert!(loose <= tight * 1.000_01 + 1e-6, "{loose} beyond {tight}");
    }

    #[test]
    fn splitting_a_tick_changes_nothing_beyond_the_cap(seen in showing(), part in 0.1f64..0.9) {
        let of = |share: f64| Showing {
            x: seen.x * share, m: seen.m * share, y: seen.y * share, n: seen.n * share, ..seen
        };
        let whole = settled(&Grid::MORE, &[seen], PLAIN);
        let parts = settled(&Grid::MORE, &[of(part), of(1.0 - part)], PLAIN);
        prop_assert!((parts - whole).abs() <= 1e-4 * whole.max(1e-3), "{parts} is not {whole}");
    }

    #[test]
    fn dispersion_and_cap_only_calm(seen in prop::collection::vec(showing(), 1..20), phi in 1.0f64..10.0, cap in 0.1f64..3.0) {
        let mut process = Process::new(&Grid::MORE, 1.0);
        for one in seen {
            let before = process.won();
            process.settle(&Grid::MORE, one, Temper { phi, cap, ..PLAIN });
            // Next to nothing is kept with fewer digits.
            prop_assert!(process.won() <= before * exp(cap) * 1.001 + 1e-30);
        }
    }

    #[test]
    fn silence_never_moves_evidence(
        before in prop::collection::vec(any_counts(), 1..30), silent in prop::collection::vec(any_silence(), 1..20),
    ) {
        let mut run = Run::new(errors_guarded());
        before.iter().for_each(|(b, c)| drop(run.tick(*b, *c)));
        let odds = |run: &Run| format!("{:?} {:?}", run.state.evidence, run.state.pace);
        let then = odds(&run);
        for data in silent {
            match data {
                Some(data) => drop(run.arms(complete(instance(HEALTHY)), arm(data))),
                None => drop(run.goes_down()),
            }
            prop_assert_eq!(&odds(&run), &then);
        }
        drop(run.tick((0.0, 0.0), (0.0, 0.0)));
        let streams = |run: &Run| format!("{:?}", run.state.evidence);
        prop_assert!(then.starts_with(&streams(&run)), "a tick without requests teaches nothing");
    }
}

fn any_counts() -> impl Strategy<Value = (super::Counts, super::Counts)> {
    let one = || (1u32..3000, 0.0f64..0.1).prop_map(|(n, rate)| (f64::from(n), (f64::from(n) * rate).floor()));
    (one(), one())
}

fn any_silence() -> impl Strategy<Value = Option<Data>> {
    prop_oneof![
        Just(None),
        Just(Some(Data::Missing)),
        Just(Some(Data::NotANumber)),
        Just(Some(Data::First)),
        Just(Some(Data::BucketsChanged)),
        Just(Some(Data::Partial { seen: 1, expected: 2 })),
        Just(Some(Data::Reset { instances: 1 })),
        Just(Some(Data::Stale { age: Span::from_secs(70) })),
    ]
}
