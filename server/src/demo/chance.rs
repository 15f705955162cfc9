//! Seeded randomness: the same seed gives the same draws in the same order.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::f64::consts::TAU;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A source of draws that many requests share.
#[derive(Debug)]
pub(super) struct Chance(Mutex<StdRng>);

impl Chance {
    /// Each user of the world's seed has a name, so that adding one does not change the draws of the others.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, because the standard hasher may change between toolchains.
        let own = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(Mutex::new(StdRng::seed_from_u64(seed ^ own)))
    }

    /// 0 up to but not including 1.
    pub(super) fn unit(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random::<f64>()
    }

    pub(super) fn happens(&self, ratio: f64) -> bool {
        self.unit() < ratio
    }

    /// A log-normal time around this median.
    pub(super) fn lognormal(&self, median_ms: f64, sigma: f64) -> Duration {
        if median_ms <= 0.0 {
            return Duration::ZERO;
        }
        // Box-Muller; 1 - u keeps the logarithm finite.
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos();
        Duration::from_secs_f64((median_ms * (sigma * normal).exp()).min(10_000.0) / 1_000.0)
    }

    /// The time to the next of events that happen `rate` times a second on average, independently.
    pub(super) fn next_arrival(&self, rate: f64) -> Duration {
        Duration::from_secs_f64((-(1.0 - self.unit()).ln() / rate.max(0.001)).min(60.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_many_draws_is_the_one_asked_for() {
        let chance = Chance::new(7, "median");
        let mut draws: Vec<f64> = (0..4001).map(|_| chance.lognormal(20.0, 0.25).as_secs_f64() * 1e3).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[2000] - 20.0).abs() < 0.5, "median {}", draws[2000]);
    }

    #[test]
    fn names_part_the_draws_and_seeds_repeat_them() {
        assert_eq!(Chance::new(7, "a").unit(), Chance::new(7, "a").unit());
        assert_ne!(Chance::new(7, "a").unit(), Chance::new(7, "b").unit());
    }
}
