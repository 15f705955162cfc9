//! What must never happen: promotions and rollbacks on silence, verdicts that cannot be recomputed, promotions of what is
//! exactly as bad as tolerated.

use crate::cell::{Cell, wilson};
use crate::crew::each;
use crate::dice::Dice;
use crate::ours::{self, Setting, down};
use crate::race::{Who, cells};
use crate::world::{Effect, Noise, World, before, hour};
use sternway_domain::judge::{JudgeState, VerdictKind, judge};
use sternway_domain::signal::{ArmTick, Data, Tick};
use sternway_domain::time::Span;

/// Canaries exactly as bad as tolerated.
pub(crate) struct Boundary {
    pub(crate) what: String,
    pub(crate) cell: Cell,
}

/// Wrong promotions: of canaries that are exactly on the line, within an hour.
pub(crate) fn boundaries(seeds: u64, runs: u64) -> Vec<Boundary> {
    let mut all = Vec::new();
    for noise in [Noise::Poisson, Noise::Shared, Noise::Over, Noise::Burst, Noise::All] {
        for (ratio, plus) in [(1.5, 0.0), (1.5, 0.0005), (1.0, 0.002)] {
            // Where the usual rate moves, a factor on it does not keep the canary at a margin.
            if plus > 0.0 && matches!(noise, Noise::Shared | Noise::All) {
                continue;
            }
            let setting = Setting { ratio, plus, ..Setting::DEFAULT };
            let usual = World::new(noise, 2000.0, Effect::None).usual;
            let worlds = World::new(noise, 2000.0, Effect::Step { times: ratio + plus / usual, at: 0 });
            let seeds = seeds + ((all.len() as u64 + 1) << 33);
            let cell = cells(&[Who::Ours(setting)], worlds, seeds, runs).remove(0);
            all.push(Boundary { what: format!("{}, {}", noise.name(), setting.name()), cell });
        }
    }
    all
}

impl Boundary {
    /// Share promoted, with its 95 % interval.
    pub(crate) fn promoted(&self) -> (f64, f64, f64) {
        let hits = self.cell.promotions().iter().filter(|minutes| minutes.is_finite()).count();
        wilson(hits as u64, self.cell.runs)
    }
}

/// What was counted on ticks that say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Silence {
    pub(crate) releases: u64,
    pub(crate) ticks: u64,
    pub(crate) promoted: u64,
    pub(crate) rolled_back: u64,
    /// Releases rolled back of those in which nothing was wrong but the source.
    pub(crate) outages: u64,
    pub(crate) outage_rollbacks: u64,
    /// Of all ticks: held for want of data, of the source, of enough seen, for suspicion; and free to go on.
    pub(crate) holds: [u64; 5],
}

/// Releases with every kind of silence, in both arms, and outages of the source of twenty minutes.
pub(crate) fn silence(seeds: u64, runs: u64) -> Silence {
    let mut sum = Silence::default();
    let noises = Noise::ALL;
    for one in each(runs * noises.len() as u64, |run| {
        let noise = noises[(run % noises.len() as u64) as usize];
        let times = [1.0, 5.0, 100.0][(run / noises.len() as u64 % 3) as usize];
        injected(noise, times, seeds + run)
    }) {
        sum.releases += one.releases;
        sum.ticks += one.ticks;
        sum.promoted += one.promoted;
        sum.rolled_back += one.rolled_back;
        sum.outages += one.outages;
        sum.outage_rollbacks += one.outage_rollbacks;
        sum.holds.iter_mut().zip(one.holds).for_each(|(sum, one)| *sum += one);
    }
    sum
}

fn injected(noise: Noise, times: f64, seed: u64) -> Silence {
    let world = World::new(noise, 2000.0, Effect::Step { times, at: 0 });
    let policy = Setting::DEFAULT.policy(world.share);
    let past = ours::ticks(&before(world, seed));
    let (mut dice, mut state) = (Dice::new(seed ^ (1 << 59)), JudgeState::primed(&past, &policy));
    let mut found = Silence { releases: 1, ..Silence::default() };
    let outage = (dice.roll() * 160.0) as usize;
    for (i, tick) in ours::ticks(&hour(world, seed)).into_iter().enumerate() {
        let tick = if (outage..outage + 80).contains(&i) { down(tick) } else { broken(tick, &mut dice) };
        let silent = tick.failure.is_some() || !tick.canary.data.usable() || !tick.baseline.data.usable();
        let kind = judge(&mut state, &tick, &policy).kind;
        if silent {
            found.ticks += 1;
            found.promoted += u64::from(kind == VerdictKind::Pass);
            found.rolled_back += u64::from(kind == VerdictKind::Fail);
        }
        let hold = match kind {
            VerdictKind::NoData => 0,
            VerdictKind::ProviderDown => 1,
            VerdictKind::Suspect => 3,
            VerdictKind::Pass => 4,
            _ => 2,
        };
        found.holds[hold] += 1;
    }
    // Nothing is wrong but the source: down from some tick on, or from the first.
    let calm = World { effect: Effect::None, ..world };
    for from in [0, 40] {
        let mut state = JudgeState::primed(&past, &policy);
        let ticks = ours::ticks(&hour(calm, seed)).into_iter().enumerate();
        let cut = ticks.map(|(i, tick)| if i >= from { down(tick) } else { tick });
        let during = cut
            .enumerate()
            .filter(|(i, tick)| judge(&mut state, tick, &policy).kind == VerdictKind::Fail && *i >= from);
        found.outage_rollbacks += u64::from(during.count() > 0);
        found.outages += 1;
    }
    found
}

/// Three ticks in ten of an arm say nothing, for one reason or another.
fn broken(tick: Tick, dice: &mut Dice) -> Tick {
    if !dice.chance(0.3) {
        return tick;
    }
    let kinds = [
        Data::Missing,
        Data::Stale { age: Span::from_secs(90) },
        Data::Partial { seen: 1, expected: 2 },
        Data::NotANumber,
        Data::Reset { instances: 1 },
        Data::First,
        Data::BucketsChanged,
    ];
    let silent = ArmTick { data: kinds[(dice.roll() * kinds.len() as f64) as usize], instances: vec![] };
    match (dice.roll() * 4.0) as u8 {
        0 => down(tick),
        1 => Tick { baseline: silent, ..tick },
        2 => Tick { canary: silent, ..tick },
        _ => Tick { baseline: silent.clone(), canary: silent, ..tick },
    }
}

/// Verdicts recomputed from a state that was written down and read back after every tick: how many, and how many differ.
pub(crate) fn replayed(seeds: u64, runs: u64) -> (u64, u64) {
    let noises = Noise::ALL;
    let all = each(runs * noises.len() as u64, |run| {
        let noise = noises[(run % noises.len() as u64) as usize];
        let times = if run % 2 == 0 { 1.0 } else { 5.0 };
        let world = World { missing: 0.05, ..World::new(noise, 2000.0, Effect::Step { times, at: 20 }) };
        let policy = Setting::DEFAULT.policy(world.share);
        let mut kept = JudgeState::primed(&ours::ticks(&before(world, seeds + run)), &policy);
        let mut read = kept.clone();
        let mut counted = (0, 0);
        for tick in ours::ticks(&hour(world, seeds + run)) {
            let one = format!("{:?}", judge(&mut kept, &tick, &policy));
            let stored = serde_json::to_string(&read).expect("a state is plain data");
            read = serde_json::from_str(&stored).expect("what was written can be read");
            let other = format!("{:?}", judge(&mut read, &tick, &policy));
            counted = (counted.0 + 1, counted.1 + u64::from(one != other || kept != read));
        }
        counted
    });
    all.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

pub(crate) fn text(boundaries: &[Boundary], silence: &Silence, replayed: (u64, u64)) -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "\n## Exactly as bad as tolerated\n\n| noise and tolerance | promoted within the hour | rolled back |\n|---|---|---|\n",
    );
    for one in boundaries {
        let (rate, low, high) = one.promoted();
        let (back, below, above) = one.cell.rate();
        let percent = |n: f64| n * 100.0;
        let _ = writeln!(
            out,
            "| {} | {:.1} % ({:.1}–{:.1}) | {:.1} % ({:.1}–{:.1}) |",
            one.what,
            percent(rate),
            percent(low),
            percent(high),
            percent(back),
            percent(below),
            percent(above)
        );
    }
    let all: u64 = silence.holds.iter().sum();
    let part = |i: usize| silence.holds[i] as f64 * 100.0 / all.max(1) as f64;
    let _ = write!(
        out,
        "\n## Silence\n\n{} releases, canaries unchanged, x5 and x100, with every kind of unusable tick in either arm and an \
         outage of the source of 20 min: {} silent ticks, {} promotions and {} rollbacks on them. {} releases in which nothing \
         was wrong but the source: {} rolled back by it. Of all ticks {:.0} % were held for want of data, {:.0} % because the \
         source was down, {:.0} % for want of enough evidence or rolled back, {:.0} % as suspect; {:.0} % could have been \
         promoted. {} verdicts recomputed from a state written down and read back, on every noise: {} differ in any bit.\n",
        silence.releases,
        silence.ticks,
        silence.promoted,
        silence.rolled_back,
        silence.outages,
        silence.outage_rollbacks,
        part(0),
        part(1),
        part(2),
        part(3),
        part(4),
        replayed.0,
        replayed.1
    );
    out
}
