//! The sequential test: a bet against "no worse than tolerated", settled tick by tick.
//!
//! In one tick the canary shows `x` events in `m` requests and the baseline `y` in `n`. With `k = m·r/n` and an
//! alternative that is `R` times the tolerated rate, the factor
//!
//! `f_R = R^x · ((1 + k)/(1 + k·R))^(x+y) · exp(-m·d·(R·(1 + k)/(1 + k·R) - 1))`
//!
//! has a mean of at most 1 whenever `p_c <= r·p_b + d` (for `R > 1`; whenever `p_c >= r·p_b + d` for `R < 1`), for every
//! `p_b`: with `e^a = R(1+k)/(1+kR)` and `e^-b = (1+k)/(1+kR)` it is `exp(aX - bY - m·d·(e^a - 1))`, a binomial's
//! moment generating function is at most a Poisson's, and `n(1 - e^-b) = m·r·(e^a - 1)` by construction. With `r = 0`
//! it is the one-sample test against `d`.
//!
//! A [`Process`] spreads a stake of 1 over several `R` and over several moments at which the change may have come
//! ([`Pace`]), and multiplies. Its value is therefore a nonnegative supermartingale that starts at 1, and the chance
//! that it *ever* reaches `1/alpha` is at most `alpha` (Ville): it may be looked at after every tick.
//!
//! Two things only lower it and keep it true: each logarithm is divided by the dispersion `phi >= 1` (a tilted compound
//! Poisson with clusters of size `phi`), and capped per tick.

use super::number::{exp, ln};
use serde::{Deserialize, Serialize};

/// How many alternatives are bet on.
pub const GRID: usize = 8;

/// The alternatives of a process: `R`, its logarithm and the share of the stake on it.
#[derive(Debug)]
pub struct Grid {
    ratio: [f64; GRID],
    ln: [f64; GRID],
    stake: [f64; GRID],
}

impl Grid {
    /// Events more frequent than tolerated: from a quarter more to 16 times; most is staked on three times.
    pub const MORE: Grid = Grid {
        ratio: [1.25, 1.6, 2.1, 2.8, 3.8, 5.2, 8.0, 16.0],
        ln: [
            0.22314355131420976,
            0.47000362924573563,
            0.7419373447293773,
            1.0296194171811581,
            1.33500106673234,
            1.6486586255873816,
            2.0794415416798357,
            2.772588722239781,
        ],
        stake: [0.10, 0.12, 0.16, 0.20, 0.18, 0.12, 0.08, 0.04],
    };
    /// Events rarer than would be intolerable: down to none at all.
    pub const FEWER: Grid = Grid {
        ratio: [0.87, 0.75, 0.65, 0.55, 0.45, 0.33, 0.2, 0.08],
        ln: [
            -0.13926206733350766,
            -0.2876820724517809,
            -0.4307829160924543,
            -0.5978370007556204,
            -0.7985076962177716,
            -1.1086626245216111,
            -1.6094379124341003,
            -2.5257286443082556,
        ],
        stake: [0.125; GRID],
    };
    /// Small increases, for business ratios.
    pub const LITTLE_MORE: Grid = Grid {
        ratio: [1.01, 1.02, 1.035, 1.06, 1.1, 1.2, 1.5, 2.0],
        ln: [
            0.009950330853168083,
            0.01980262729617973,
            0.03440142671733232,
            0.05826890812397576,
            0.09531017980432493,
            0.1823215567939546,
            0.4054651081081644,
            std::f64::consts::LN_2,
        ],
        stake: [0.125; GRID],
    };
    /// Small decreases, for business ratios, down to a tenth.
    pub const LITTLE_FEWER: Grid = Grid {
        ratio: [0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3, 0.1],
        ln: [
            -0.020202707317519466,
            -0.05129329438755058,
            -0.10536051565782628,
            -0.2231435513142097,
            -0.4307829160924543,
            -std::f64::consts::LN_2,
            -1.203972804325936,
            -std::f64::consts::LN_10,
        ],
        stake: [0.125; GRID],
    };
}

/// What one tick showed. Counts need not be whole: sources extrapolate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Showing {
    /// Canary: events and requests.
    pub x: f64,
    pub m: f64,
    /// Baseline: events and requests.
    pub y: f64,
    pub n: f64,
    /// Tolerated: `r` times the baseline's rate and `d` on top.
    pub r: f64,
    pub d: f64,
}

/// How a tick's evidence is tempered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temper {
    /// Events come in clusters of about this size; at least 1.
    pub phi: f64,
    /// The most a tick may add, in nats.
    pub cap: f64,
    /// Stake put on "the change comes with this tick".
    pub stake: f64,
    /// Each alternative stops counting here: more certainty changes no decision and would only be slow to undo.
    pub ceiling: f64,
}

/// The evidence of one process. Its value is the sum of its masses and the stake not yet placed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process {
    mass: [f32; GRID],
}

impl Process {
    /// Begins with a stake between 0 and 1.
    pub fn new(grid: &Grid, stake: f64) -> Process {
        Process { mass: std::array::from_fn(|i| (grid.stake[i] * stake) as f32) }
    }

    /// Settles one tick. Nothing is learned from a tick without requests in an arm that is needed.
    pub fn settle(&mut self, grid: &Grid, seen: Showing, temper: Temper) {
        let Showing { x, m, y, n, r, d } = seen;
        if !(m > 0.0 && (r == 0.0 || n > 0.0)) {
            return;
        }
        let k = if r == 0.0 { 0.0 } else { m * r / n };
        let both = if r == 0.0 { 0.0 } else { x + y };
        let plus = m * d;
        let calm = 1.0 / temper.phi.max(1.0);
        // One thing at a time for all alternatives: so the compiler works on several at once.
        let shrink = grid.ratio.map(|ratio| (1.0 + k) / (1.0 + k * ratio));
        let shrunk = shrink.map(ln);
        let log: [f64; GRID] = std::array::from_fn(|i| {
            let log = x * grid.ln[i] + both * shrunk[i] - plus * (grid.ratio[i] * shrink[i] - 1.0);
            (log * calm).min(temper.cap)
        });
        let factor = log.map(exp);
        for ((mass, factor), stake) in self.mass.iter_mut().zip(factor).zip(grid.stake) {
            let staked = f64::from(*mass) + stake * temper.stake;
            *mass = (staked * factor).min(temper.ceiling) as f32;
        }
    }

    /// The stake that has been placed, with its winnings.
    pub fn won(&self) -> f64 {
        self.mass.iter().map(|mass| f64::from(*mass)).sum()
    }
}

/// When stakes are placed: 0.6 on "the change is there from the start", the rest on every later minute and on every
/// later stage. All of them sum to 1, however long a release runs: the weight of minute `j` is
/// `0.32·30/((29+j)(30+j))`, that of the `j`-th later stage `0.08/(j(j+1))`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// Judged time since a stake was last placed for a minute, seconds.
    since: f64,
    minutes: u32,
    stages: u32,
    /// A stage has been entered and its stake not been placed yet.
    entered: bool,
}

impl Pace {
    pub const START: f64 = 0.6;
    const MINUTES: f64 = 0.32;
    const STAGES: f64 = 0.08;
    const HALF: f64 = 30.0;
    const EVERY: f64 = 60.0;

    /// Whether any time was judged.
    pub(super) fn begun(&self) -> bool {
        self.since > 0.0
    }

    /// The release goes on with another share of traffic.
    pub fn stage(&mut self) {
        self.entered = true;
    }

    /// The stake to place before a tick that covers so many seconds.
    pub fn step(&mut self, secs: f64) -> f64 {
        let mut stake = 0.0;
        if std::mem::take(&mut self.entered) {
            self.stages = self.stages.saturating_add(1);
            let j = f64::from(self.stages);
            stake += Self::STAGES / (j * (j + 1.0));
        }
        if self.since >= Self::EVERY {
            self.since = 0.0;
            self.minutes = self.minutes.saturating_add(1);
            let j = f64::from(self.minutes) + Self::HALF;
            stake += Self::MINUTES * Self::HALF / ((j - 1.0) * j);
        }
        self.since += secs;
        stake
    }

    /// The stake of the latest minute.
    pub fn latest(&self) -> f64 {
        let j = f64::from(self.minutes.max(1)) + Self::HALF;
        Self::MINUTES * Self::HALF / ((j - 1.0) * j)
    }

    /// What has not been placed.
    pub fn kept(&self) -> f64 {
        let minutes = Self::MINUTES * Self::HALF / (f64::from(self.minutes) + Self::HALF);
        let stages = Self::STAGES / (f64::from(self.stages) + 1.0);
        minutes + stages
    }
}
