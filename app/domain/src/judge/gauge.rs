//! Gauges: how full an instance is. Neighbouring readings of a gauge resemble each other, so that blocks of them are
//! judged: is the mean of a block beyond what is tolerated, yes or no. Bet against "at most every other block is", which
//! needs no assumption about how the gauge is distributed. Beside it the slope of the difference: a leak is seen before
//! anything is full.

use super::number::{exp, ln};
use super::process::Pace;
use serde::{Deserialize, Serialize};

/// Readings in a block at least.
const TICKS: u32 = 5;
/// Seconds in a block at least.
const SECS: f64 = 20.0;
/// What is bet on a block, of what is there.
const BETS: [f64; 2] = [0.5, 0.9];
/// A slope counts when it is this many times its standard error.
const STEEP: f64 = 4.0;
/// Blocks before a slope is believed.
const BLOCKS: f64 = 6.0;
const CEILING: f32 = 1e4;

/// What is remembered of one gauge, 72 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Gauge {
    mass: [f32; 2],
    block: Block,
    slope: Slope,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Block {
    /// Sums of canary minus tolerated, and of canary minus baseline.
    beyond: f64,
    apart: f64,
    ticks: u32,
    secs: f32,
    stake: f32,
}

/// Sums over blocks of a regression on time, minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Slope {
    n: f32,
    t: f32,
    tt: f32,
    v: f32,
    vv: f32,
    tv: f32,
    now: f32,
}

impl Default for Gauge {
    fn default() -> Gauge {
        Gauge { mass: [(Pace::START / 2.0) as f32; 2], block: Block::default(), slope: Slope::default() }
    }
}

/// A gauge that rises and does not stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leak {
    /// Per minute, canary against baseline, ratio 0-1.
    pub(super) per_minute: f64,
    /// Minutes until the canary's is full.
    pub(super) full_in: f64,
}

impl Gauge {
    /// Another share of traffic changes what is normal.
    pub(super) fn stage(&mut self) {
        self.block = Block::default();
        self.slope = Slope::default();
    }

    /// Takes a tick: the mean over instances of the canary, of the baseline, and what is tolerated.
    pub(super) fn take(&mut self, canary: f64, baseline: Option<f64>, tolerated: f64, secs: f64, stake: f64) {
        let block = &mut self.block;
        block.beyond += canary - tolerated;
        block.apart += canary - baseline.unwrap_or(0.0);
        block.ticks += 1;
        block.secs += secs as f32;
        block.stake += stake as f32;
        if block.ticks < TICKS || f64::from(block.secs) < SECS {
            return;
        }
        let sign = if block.beyond > 0.0 { 1.0 } else { -1.0 };
        for (mass, bet) in self.mass.iter_mut().zip(BETS) {
            let staked = f64::from(*mass) + 0.5 * f64::from(block.stake);
            *mass = ((staked * (1.0 + bet * sign)) as f32).min(CEILING);
        }
        self.slope.take(block.apart / f64::from(block.ticks), f64::from(block.secs) / 60.0);
        *block = Block::default();
    }

    /// Odds against "at most every other block is beyond the line"; `kept` are the stakes not placed.
    pub(super) fn back(&self, kept: f64) -> f64 {
        self.mass.iter().map(|mass| f64::from(*mass)).sum::<f64>() + f64::from(self.block.stake) + kept
    }

    /// Nats per second while every block is beyond the line.
    pub(super) fn pace(&self, interval: f64) -> f64 {
        ln(1.0 + BETS[1]) / (interval * f64::from(TICKS)).max(SECS)
    }

    /// A leak that fills the canary within two hours.
    pub(super) fn leak(&self, canary: f64) -> Option<Leak> {
        let per_minute = self.slope.of()?;
        let full_in = (1.0 - canary) / per_minute;
        (per_minute > 0.0 && full_in < 120.0).then_some(Leak { per_minute, full_in })
    }
}

impl Slope {
    fn take(&mut self, value: f64, minutes: f64) {
        self.now += minutes as f32;
        let (t, v) = (self.now, value as f32);
        self.n += 1.0;
        self.t += t;
        self.tt += t * t;
        self.v += v;
        self.vv += v * v;
        self.tv += t * v;
    }

    /// Per minute, if it is beyond noise.
    fn of(&self) -> Option<f64> {
        let [n, t, tt, v, vv, tv] = [self.n, self.t, self.tt, self.v, self.vv, self.tv].map(f64::from);
        if n < BLOCKS {
            return None;
        }
        let (of_t, of_v, both) = (tt - t * t / n, vv - v * v / n, tv - t * v / n);
        let slope = both / of_t;
        let rest = (of_v - slope * both).max(1e-9) / (n - 2.0);
        let error = exp(0.5 * ln(rest / of_t));
        (slope.is_finite() && slope > STEEP * error).then_some(slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ticks: usize, canary: impl Fn(usize) -> f64) -> Gauge {
        let mut gauge = Gauge::default();
        (0..ticks).for_each(|i| gauge.take(canary(i), Some(0.4), 0.55, 10.0, 0.0));
        gauge
    }

    #[test]
    fn one_full_block_is_no_proof_and_eight_are() {
        assert!(after(5, |_| 0.9).back(0.5) < 2.0);
        assert!(after(45, |_| 0.9).back(0.5) > 20.0);
        assert!(after(45, |i| if i < 10 { 0.9 } else { 0.4 }).back(0.5) < 1.0);
    }

    #[test]
    fn a_leak_is_told_from_noise() {
        let leak = after(60, |i| 0.4 + 0.005 * i as f64).leak(0.7).expect("it rises");
        assert!((leak.per_minute - 0.03).abs() < 0.005 && (8.0..13.0).contains(&leak.full_in), "{leak:?}");
        assert_eq!(after(60, |i| 0.4 + 0.01 * f64::from(i as u32 * 7 % 5)).leak(0.4), None);
    }
}
