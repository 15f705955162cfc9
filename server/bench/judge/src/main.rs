//! Measures the judge beside the published rules of others, on made-up services with a known truth.
//!
//! Seeds come in two sets that share none: rules are tuned with hindsight on one, everything is reported on the other.
//! Our own settings are those of a plan that says nothing.

mod dice;
mod kayenta;
mod ours;
mod peers;
mod report;
mod world;

use clap::Parser;
use ours::{Names, Setting};
use peers::Rule;
use report::{Cell, Report};
use sternway_domain::judge::Policy;
use world::{Effect, Noise, Seen, World, hour};

#[derive(Debug, Parser)]
struct Args {
    /// Releases of an unchanged canary per cell; a quarter of them per effect
    #[arg(long, default_value_t = 4000)]
    runs: u64,
    /// Only this noise
    #[arg(long)]
    noise: Option<String>,
    /// Without the rules of others
    #[arg(long)]
    alone: bool,
    /// Folder for the table and the plots; left out: print
    #[arg(long)]
    out: Option<std::path::PathBuf>,
}

/// Seeds of the set that rules are tuned on, and of the one that is reported. Far enough apart for any number of runs.
const TUNING: u64 = 1 << 40;
const REPORTING: u64 = 1 << 41;

/// Who decides.
#[derive(Debug, Clone, Copy)]
enum Who {
    Ours(Setting),
    Rule(Rule),
}

struct Bench {
    names: Names,
    runs: u64,
}

impl Bench {
    fn alarm(&self, who: Who, policy: Option<&Policy>, ticks: &[Seen]) -> Option<usize> {
        match (who, policy) {
            (Who::Ours(_), Some(policy)) => ours::alarm(&self.names, policy, ticks),
            (Who::Rule(rule), _) => rule.alarm(ticks),
            (Who::Ours(_), None) => None,
        }
    }

    /// One cell: a world with an effect, decided so many times.
    fn cell(&self, who: Who, world: World, seeds: u64, runs: u64) -> Cell {
        let policy = match who {
            Who::Ours(setting) => Some(setting.policy(world.share)),
            Who::Rule(_) => None,
        };
        let mut cell = Cell::default();
        for run in 0..runs {
            let ticks = hour(world, seeds + run);
            let alarm = self.alarm(who, policy.as_ref(), &ticks);
            cell.add(alarm, world.effect.onset(), &ticks);
        }
        cell
    }

    /// The quickest of a family that keeps its false alarms at 1 % on the tuning seeds.
    fn tuned(&self, family: &[Rule], world: World) -> Option<Rule> {
        let runs = (self.runs / 10).clamp(50, 400);
        let same: Vec<Vec<Seen>> =
            (0..runs).map(|run| hour(World { effect: Effect::None, ..world }, TUNING + run)).collect();
        let worse: Vec<Vec<Seen>> = (0..runs / 2).map(|run| hour(world, TUNING + (1 << 30) + run)).collect();
        let mut best: Option<(f64, Rule)> = None;
        for rule in family {
            let alarms = same.iter().filter(|ticks| rule.alarm(ticks).is_some()).count() as f64;
            if alarms > 0.01 * runs as f64 {
                continue;
            }
            let mut cell = Cell::default();
            worse.iter().for_each(|ticks| cell.add(rule.alarm(ticks), world.effect.onset(), ticks));
            // The mean with misses as an hour: a median alone could hide half of them.
            let delay = cell.mean_delay(60.0);
            if best.is_none_or(|(least, _)| delay < least) {
                best = Some((delay, *rule));
            }
        }
        best.map(|(_, rule)| rule)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let bench = Bench { names: Names::new(), runs: args.runs };
    let ours = [
        ("Sternway, 1.5x", Setting::DEFAULT),
        ("Sternway, 1.2x", Setting { ratio: 1.2, ..Setting::DEFAULT }),
        ("Sternway, 1.2x, no patience", Setting { ratio: 1.2, patience: 0, ..Setting::DEFAULT }),
    ];
    let mut report = Report::new(args.runs);
    let effects = [
        ("x5", Effect::Step { times: 5.0, at: 0 }),
        ("x2", Effect::Step { times: 2.0, at: 0 }),
        ("x5 at 20 min", Effect::Step { times: 5.0, at: 80 }),
        ("x1 to x5 in 30 min", Effect::Leak { times: 5.0, ticks: 120 }),
        ("blip x100, 30 s", Effect::Blip { times: 100.0, secs: 30.0 }),
    ];
    for noise in Noise::ALL.into_iter().filter(|noise| args.noise.as_deref().is_none_or(|name| name == noise.name())) {
        for rps in [200.0, 2000.0] {
            let world = World::new(noise, rps, Effect::None);
            let title = format!("{}, {rps} requests/s", noise.name());
            eprintln!("{title}");
            let mut who: Vec<(String, Who)> =
                ours.iter().map(|(name, setting)| ((*name).to_owned(), Who::Ours(*setting))).collect();
            if !args.alone {
                who.extend(Rule::documented().into_iter().map(|rule| (rule.name(), Who::Rule(rule))));
                for (family, rules) in Rule::families() {
                    match bench.tuned(&rules, World { effect: effects[0].1, ..world }) {
                        Some(rule) => who.push((format!("tuned: {}", rule.name()), Who::Rule(rule))),
                        None => report.note(&title, format!("tuned: {family}: no setting keeps 1 %")),
                    }
                }
            }
            for (name, who) in who {
                let heavy = matches!(who, Who::Rule(Rule::Kayenta { .. }));
                let runs = if heavy { (args.runs / 8).max(50) } else { args.runs };
                let same = bench.cell(who, world, REPORTING, runs);
                let cells = effects.iter().enumerate().map(|(i, (effect, what))| {
                    let runs = if heavy { runs / 2 } else { (runs / 4).max(20) };
                    let cell =
                        bench.cell(who, World { effect: *what, ..world }, REPORTING + ((i as u64 + 1) << 32), runs);
                    (*effect, cell)
                });
                report.row(&title, name, same, cells.collect());
            }
            let oracle = Rule::Oracle { usual: world.usual, times: 5.0, onset: 0, alpha: 0.01 };
            let cell = bench.cell(
                Who::Rule(oracle),
                World { effect: effects[0].1, ..world },
                REPORTING + (1 << 32),
                args.runs / 4,
            );
            report.row(&title, oracle.name(), Cell::default(), vec![("x5", cell)]);
        }
    }
    report.write(args.out.as_deref())
}
