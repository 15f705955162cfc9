//! Made-up services with a known truth: instances behind a split, ticks of 15 s, an hour.
//!
//! | noise | what happens |
//! |---|---|
//! | poisson | independent errors |
//! | shared | the rate of all instances moves: ±30 % over the hour, AR(1), and 3 % of ticks have three times the errors |
//! | over | every instance and tick has its own rate, gamma with variance 1/2 |
//! | burst | errors come in clusters of 5 on average, each within one instance and tick |
//! | all | shared, over and burst |
//! | hetero | instances differ for good, by 15 % (standard deviation) |
//! | heavy | cluster sizes have a Pareto tail (1.8, at most 300): never used for tuning |
//! | sticky | an instance's rate is multiplied by 5 for about a minute, 1 % of the time: never used for tuning |
//! | mixed | hetero, and instances carry 0.5 to 1.5 times the usual load, changing: never used for tuning |
//! | zone | now and then a third of the instances has four times the errors for two minutes: never used for tuning |

use crate::dice::Dice;
use sternway_domain::judge::number::exp;

pub(crate) const TICK: f64 = 15.0;
pub(crate) const TICKS: usize = 240;
const PODS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    Poisson,
    Shared,
    Over,
    Burst,
    All,
    Hetero,
    Heavy,
    Sticky,
    Mixed,
    Zone,
}

impl Noise {
    /// Settings were never chosen on it.
    pub(crate) fn held_out(self) -> bool {
        matches!(self, Noise::Heavy | Noise::Sticky | Noise::Mixed | Noise::Zone)
    }

    pub(crate) const ALL: [Noise; 10] = [
        Noise::Poisson,
        Noise::Shared,
        Noise::Over,
        Noise::Burst,
        Noise::All,
        Noise::Hetero,
        Noise::Heavy,
        Noise::Sticky,
        Noise::Mixed,
        Noise::Zone,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Noise::Poisson => "poisson",
            Noise::Shared => "shared",
            Noise::Over => "over",
            Noise::Burst => "burst",
            Noise::All => "all",
            Noise::Hetero => "hetero",
            Noise::Heavy => "heavy",
            Noise::Sticky => "sticky",
            Noise::Mixed => "mixed",
            Noise::Zone => "zone",
        }
    }
}

/// What is wrong with the canary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    None,
    /// So many times the errors from this tick on.
    Step {
        times: f64,
        at: usize,
    },
    /// Grows in a straight line from 1 to so many times within so many ticks.
    Leak {
        times: f64,
        ticks: usize,
    },
    /// So many times the errors for so many seconds, beginning within a tick.
    Blip {
        times: f64,
        secs: f64,
    },
}

impl Effect {
    /// How many times the errors in a tick, on average over it.
    fn times(self, tick: usize, start: f64) -> f64 {
        match self {
            Effect::None => 1.0,
            Effect::Step { times, at } => {
                if tick >= at {
                    times
                } else {
                    1.0
                }
            }
            Effect::Leak { times, ticks } => 1.0 + (times - 1.0) * (tick as f64 / ticks as f64).min(1.0),
            Effect::Blip { times, secs } => {
                let (from, until) = (tick as f64 * TICK, (tick + 1) as f64 * TICK);
                let covered = (until.min(start + secs) - from.max(start)).max(0.0);
                1.0 + (times - 1.0) * covered / TICK
            }
        }
    }

    pub(crate) fn onset(self) -> usize {
        match self {
            Effect::Step { at, .. } => at,
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct World {
    pub(crate) noise: Noise,
    /// Requests per second of the whole service.
    pub(crate) rps: f64,
    /// The canary's share.
    pub(crate) share: f64,
    /// Share of requests that fail anyway.
    pub(crate) usual: f64,
    pub(crate) effect: Effect,
    /// Share of ticks that cannot be read.
    pub(crate) missing: f64,
    /// Traffic begins with a tenth and grows to all of it within the hour.
    pub(crate) grows: bool,
}

impl World {
    pub(crate) fn new(noise: Noise, rps: f64, effect: Effect) -> World {
        World { noise, rps, share: 0.05, usual: 0.001, effect, missing: 0.0, grows: false }
    }

    /// How much of all traffic there is in a tick.
    fn traffic(self, tick: usize) -> f64 {
        if self.grows { 0.1 + 0.9 * tick as f64 / TICKS as f64 } else { 1.0 }
    }
}

/// One tick: requests and errors of each instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) canary: Vec<(f64, f64)>,
    pub(crate) baseline: Vec<(f64, f64)>,
    pub(crate) missing: bool,
    /// Errors the canary would have had without its fault, on average.
    pub(crate) usual: f64,
}

impl Seen {
    pub(crate) fn sums(&self) -> (f64, f64, f64, f64) {
        let sum = |all: &[(f64, f64)]| all.iter().fold((0.0, 0.0), |(m, x), one| (m + one.0, x + one.1));
        let ((m, x), (n, y)) = (sum(&self.canary), sum(&self.baseline));
        (x, m, y, n)
    }
}

/// An hour of a world with a canary.
pub(crate) fn hour(world: World, seed: u64) -> Vec<Seen> {
    play(world, &own(world, seed), Dice::new(seed))
}

/// The hour before: the same instances, no canary yet.
pub(crate) fn before(world: World, seed: u64) -> Vec<Seen> {
    let rps = world.rps * world.traffic(0);
    let calm = World { effect: Effect::None, missing: 0.0, grows: false, rps, ..world };
    let ticks = play(calm, &own(world, seed), Dice::new(seed ^ (1 << 60)));
    ticks.into_iter().map(|seen| Seen { canary: Vec::new(), ..seen }).collect()
}

/// How far each instance differs for good.
fn own(world: World, seed: u64) -> Vec<f64> {
    let mut dice = Dice::new(seed ^ (1 << 61));
    let differs = matches!(world.noise, Noise::Hetero | Noise::Mixed);
    (0..PODS).map(|_| if differs { exp(0.15 * dice.normal()) } else { 1.0 }).collect()
}

fn play(world: World, own: &[f64], mut dice: Dice) -> Vec<Seen> {
    let pods = PODS;
    let canaries = ((world.share * pods as f64).round() as usize).clamp(1, pods - 1);
    let share = |pod: usize| {
        if pod < canaries { world.share / canaries as f64 } else { (1.0 - world.share) / (pods - canaries) as f64 }
    };
    let mut load = vec![1.0; pods];
    let mut stuck = vec![false; pods];
    // The zone that is ill, and for how many more ticks.
    let mut ill = (0, 0);
    let (phase, mut drift) = (dice.roll(), 0.0);
    let start = dice.roll() * TICK * 200.0;
    (0..TICKS)
        .map(|tick| {
            drift = 0.9 * drift + 0.13 * dice.normal();
            let common = if matches!(world.noise, Noise::Shared | Noise::All) {
                let day = 1.0 + 0.3 * (std::f64::consts::TAU * (tick as f64 / TICKS as f64 + phase)).sin();
                day * exp(drift) * if dice.chance(0.03) { 3.0 } else { 1.0 }
            } else {
                1.0
            };
            ill.1 = if ill.1 > 0 { ill.1 - 1 } else { 0 };
            if world.noise == Noise::Zone && dice.chance(2.0 / TICKS as f64) {
                ill = ((dice.roll() * 3.0) as usize, 8);
            }
            let worse = world.effect.times(tick, start);
            let mut seen = Seen { missing: dice.chance(world.missing), ..Seen::default() };
            for pod in 0..pods {
                if world.noise == Noise::Mixed && dice.chance(0.1) {
                    load[pod] = 0.5 + dice.roll();
                }
                if world.noise == Noise::Sticky {
                    stuck[pod] = if stuck[pod] { !dice.chance(0.25) } else { dice.chance(0.0025) };
                }
                let requests = dice.poisson(world.rps * world.traffic(tick) * TICK * share(pod) * load[pod]);
                let zone = if ill.1 > 0 && pod % 3 == ill.0 { 4.0 } else { 1.0 };
                let rate = world.usual * common * own[pod] * zone * if stuck[pod] { 5.0 } else { 1.0 };
                let usual = requests * rate;
                let mean = usual * if pod < canaries { worse } else { 1.0 };
                let mean = if matches!(world.noise, Noise::Over | Noise::All) { mean * dice.gamma(2.0) } else { mean };
                let errors = match world.noise {
                    Noise::Burst | Noise::All => {
                        let clusters = dice.poisson(mean / 5.0) as usize;
                        (0..clusters).map(|_| dice.geometric(5.0)).sum()
                    }
                    Noise::Heavy => {
                        // Mean size of a Pareto tail from 1 with exponent 1.8, cut at 300 and rounded down: about 1.95.
                        let clusters = dice.poisson(mean / 1.95) as usize;
                        (0..clusters).map(|_| dice.roll().powf(-1.0 / 1.8).min(300.0).floor()).sum()
                    }
                    _ => dice.poisson(mean),
                };
                let one = (requests, f64::min(errors, requests));
                if pod < canaries {
                    seen.canary.push(one);
                    seen.usual += usual;
                } else {
                    seen.baseline.push(one);
                }
            }
            seen
        })
        .collect()
}
