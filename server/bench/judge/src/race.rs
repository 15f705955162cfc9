//! The same made-up releases, decided by every rule.

use crate::cell::Cell;
use crate::crew::each;
use crate::ours::{self, Decided, Setting};
use crate::peers::Rule;
use crate::world::{Effect, Noise, Seen, World, before, hour};
use sternway_domain::judge::Policy;

/// Seeds of the set that rules and settings are chosen on, and of the one that is reported. Far enough apart for any
/// number of runs.
pub(crate) const TUNING: u64 = 1 << 40;
pub(crate) const REPORTING: u64 = 1 << 41;

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Who {
    Ours(Setting),
    Rule(Rule),
    /// The quickest of its family that keeps its false alarms at 1 % on the tuning seeds.
    TunedOurs(Setting),
    Tuned(&'static str, Rule),
}

impl Who {
    pub(crate) fn name(self) -> String {
        match self {
            Who::Ours(setting) => setting.name(),
            Who::Rule(rule) => rule.name(),
            Who::TunedOurs(setting) => format!("tuned: {}", setting.name()),
            Who::Tuned(_, rule) => format!("tuned: {}", rule.name()),
        }
    }

    /// If it is one of ours.
    pub(crate) fn setting(self) -> Option<Setting> {
        match self {
            Who::Ours(setting) | Who::TunedOurs(setting) => Some(setting),
            Who::Rule(_) | Who::Tuned(..) => None,
        }
    }

    /// The tick in which it rolls an hour back.
    fn alarm(self, hour: &Hour) -> Option<usize> {
        match self {
            Who::Ours(setting) | Who::TunedOurs(setting) => {
                let past = if setting.history { ours::ticks(&hour.before) } else { Vec::new() };
                ours::decide(&past, &setting.policy(hour.share), &ours::ticks(&hour.seen)).back
            }
            Who::Rule(rule) | Who::Tuned(_, rule) => rule.alarm(&hour.seen),
        }
    }

    /// So slow that fewer runs must do.
    fn heavy(self) -> bool {
        matches!(self, Who::Rule(Rule::Kayenta { .. }) | Who::Tuned(_, Rule::Kayenta { .. }))
    }
}

/// What is wrong with the canary, by the heading of its column.
pub(crate) const EFFECTS: [(&str, Effect); 5] = [
    ("x5", Effect::Step { times: 5.0, at: 0 }),
    ("x2", Effect::Step { times: 2.0, at: 0 }),
    ("x5 at 20 min", Effect::Step { times: 5.0, at: 80 }),
    ("x1 to x5 in 30 min", Effect::Leak { times: 5.0, ticks: 120 }),
    ("blip x100, 30 s", Effect::Blip { times: 100.0, secs: 30.0 }),
];

/// One rule on one service.
pub(crate) struct Row {
    pub(crate) who: Who,
    /// Nothing is wrong.
    pub(crate) same: Cell,
    /// In the order of [`EFFECTS`].
    pub(crate) worse: Vec<Cell>,
}

/// All rules on one service.
pub(crate) struct Race {
    pub(crate) noise: Noise,
    pub(crate) rps: f64,
    pub(crate) rows: Vec<Row>,
    /// Families of rules of which no setting keeps 1 %.
    pub(crate) none: Vec<&'static str>,
}

impl Race {
    pub(crate) fn title(&self) -> String {
        format!("{}, {} requests/s", self.noise.name(), self.rps)
    }

    /// `runs` releases without a fault, a quarter of them with each.
    pub(crate) fn run(noise: Noise, rps: f64, who: &[Who], peers: bool, seeds: u64, runs: u64) -> Race {
        let world = World::new(noise, rps, Effect::None);
        let mut race = Race { noise, rps, rows: Vec::new(), none: Vec::new() };
        let mut who = who.to_vec();
        if peers {
            who.extend(Rule::documented().into_iter().map(Who::Rule));
            for (family, best) in tuned(World { effect: EFFECTS[0].1, ..world }, (runs / 10).clamp(50, 400)) {
                match best {
                    Some(best) => who.push(best),
                    None => race.none.push(family),
                }
            }
            who.push(Who::Rule(Rule::Oracle { usual: world.usual, times: 5.0, onset: 0, alpha: 0.01 }));
        }
        let same = cells(&who, world, seeds, runs);
        let mut worse: Vec<Vec<Cell>> = vec![Vec::new(); who.len()];
        for (i, (_, effect)) in EFFECTS.into_iter().enumerate() {
            let found = cells(&who, World { effect, ..world }, seeds + ((i as u64 + 1) << 32), (runs / 4).max(20));
            worse.iter_mut().zip(found).for_each(|(row, cell)| row.push(cell));
        }
        race.rows = who.into_iter().zip(same).zip(worse).map(|((who, same), worse)| Row { who, same, worse }).collect();
        race
    }

    pub(crate) fn row(&self, is: impl Fn(Who) -> bool) -> Option<&Row> {
        self.rows.iter().find(|row| is(row.who))
    }
}

/// Every rule's outcomes in one world.
pub(crate) fn cells(who: &[Who], world: World, seeds: u64, runs: u64) -> Vec<Cell> {
    let policies: Vec<Option<(Setting, Policy)>> =
        who.iter().map(|who| who.setting().map(|setting| (setting, setting.policy(world.share)))).collect();
    let history = policies.iter().flatten().any(|(setting, _)| setting.history);
    let done = each(runs, |run| {
        let seen = hour(world, seeds + run);
        let ticks = ours::ticks(&seen);
        let past = if history { ours::ticks(&before(world, seeds + run)) } else { Vec::new() };
        let decided: Vec<Option<Decided>> = who
            .iter()
            .zip(&policies)
            .map(|(who, policy)| match (who, policy) {
                (who, _) if who.heavy() && run >= (runs / 4).max(20) => None,
                (_, Some((setting, policy))) => {
                    Some(ours::decide(if setting.history { &past } else { &[] }, policy, &ticks))
                }
                (Who::Rule(rule) | Who::Tuned(_, rule), None) => {
                    Some(Decided { back: rule.alarm(&seen), promote: None })
                }
                (Who::Ours(_) | Who::TunedOurs(_), None) => None,
            })
            .collect();
        (seen, decided)
    });
    let mut cells = vec![Cell::default(); who.len()];
    for (seen, decided) in done {
        for (cell, decided) in cells.iter_mut().zip(decided) {
            if let Some(decided) = decided {
                cell.add(decided, world.effect.onset(), &seen);
            }
        }
    }
    cells
}

/// An hour that candidates are tried on.
struct Hour {
    share: f64,
    before: Vec<Seen>,
    seen: Vec<Seen>,
}

impl Hour {
    fn of(world: World, seed: u64) -> Hour {
        Hour { share: world.share, before: before(world, seed), seen: hour(world, seed) }
    }
}

/// Of each family, ours and those of published rules, the quickest that keeps its false alarms at 1 % on the tuning seeds.
fn tuned(world: World, runs: u64) -> Vec<(&'static str, Option<Who>)> {
    let same: Vec<Hour> = each(runs, |run| Hour::of(World { effect: Effect::None, ..world }, TUNING + run));
    let worse: Vec<Hour> = each(runs / 2, |run| Hour::of(world, TUNING + (1 << 30) + run));
    let allowed = (0.01 * runs as f64) as usize;
    let best = |family: Vec<Who>| {
        let delays = each(family.len() as u64, |i| {
            let who = family[i as usize];
            if same.iter().filter(|hour| who.alarm(hour).is_some()).take(allowed + 1).count() > allowed {
                return f64::INFINITY;
            }
            let mut cell = Cell::default();
            for hour in &worse {
                cell.add(Decided { back: who.alarm(hour), promote: None }, world.effect.onset(), &hour.seen);
            }
            // The mean with misses as an hour: a median alone could hide half of them.
            cell.mean_delay(60.0)
        });
        let least = delays.iter().zip(family).filter(|(delay, _)| delay.is_finite());
        least.min_by(|a, b| a.0.total_cmp(b.0)).map(|(_, who)| who)
    };
    let ours = ("Sternway", Setting::family().into_iter().map(Who::TunedOurs).collect());
    let theirs = Rule::families().into_iter().map(|(family, rules)| {
        let rules = rules.into_iter().map(|rule| Who::Tuned(family, rule));
        (family, rules.collect())
    });
    std::iter::once(ours).chain(theirs).map(|(family, all): (_, Vec<Who>)| (family, best(all))).collect()
}
