//! Latency read from classic buckets of different width. Seeds are fixed and part of every message.

use super::super::number::{exp, ln};
use super::evidence::Dice;
use super::*;

/// Bounds that grow by `growth` from 1 ms to 8 s.
fn bounds(growth: f64) -> Vec<f64> {
    let mut all = vec![0.001];
    while all[all.len() - 1] < 8.0 {
        all.push(all[all.len() - 1] * growth);
    }
    all.push(f64::INFINITY);
    all
}

/// So many requests, log-normal with this median in seconds and a 90 % quantile 1.8 times as high.
fn served(dice: &mut Dice, requests: usize, median: f64, bounds: &[f64]) -> ArmTick {
    let times: Vec<f64> = (0..requests)
        .map(|_| {
            let normal = (-2.0 * ln(dice.roll())).sqrt() * (std::f64::consts::TAU * dice.roll()).cos();
            median * exp(0.46 * normal)
        })
        .collect();
    let count = |le: f64| times.iter().filter(|time| **time <= le).count() as f64;
    let latency = Histogram::Classic(bounds.iter().map(|le| Bucket { le: *le, count: count(*le) }).collect());
    complete(InstanceTick { latency: Some(latency), ..instance((requests as f64, 0.0)) })
}

fn p90(ratio: f64, plus: f64) -> Policy {
    let tolerance = Tolerance { ratio: Some(ratio), plus: Some(plus) };
    policy(vec![Guard { tolerance, ..guard(Metric::Latency(90)) }])
}

/// The tick in which it fails.
fn fails(seed: u64, growth: f64, policy: Policy, times: f64) -> Option<usize> {
    let (mut dice, bounds) = (Dice(seed), bounds(growth));
    let mut run = Run::new(policy);
    (1..=80).find(|tick| {
        let slower = if *tick > 20 { times } else { 1.0 };
        let baseline = served(&mut dice, 400, 0.025, &bounds);
        let canary = served(&mut dice, 100, 0.025 * slower, &bounds);
        run.arms(baseline, canary).kind == VerdictKind::Fail
    })
}

#[test]
fn given_a_latency_far_beyond_a_wide_tolerance_then_it_fails_soon_with_fine_and_with_coarse_buckets() {
    for (seed, growth) in [(1, 1.19), (2, 1.5), (3, 2.5)] {
        let tick = fails(seed, growth, p90(1.6, 0.01), 3.5);
        assert!(tick.is_some_and(|tick| (21..=30).contains(&tick)), "seed {seed}, buckets x{growth}: {tick:?}");
    }
}

#[test]
fn given_a_latency_within_the_tolerance_then_it_never_fails_whatever_the_buckets() {
    for seed in 0..20 {
        for growth in [1.19, 1.5, 2.5] {
            assert_eq!(fails(seed, growth, p90(1.6, 0.01), 1.3), None, "seed {seed}, buckets x{growth}");
        }
    }
}
