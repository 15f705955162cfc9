//! Services other than the usual one: another share, more or less traffic, more or fewer errors, traffic that grows, a
//! source that fails now and then. Ours alone, tolerated 1.5x.

use crate::cell::Cell;
use crate::ours::Setting;
use crate::race::{Who, cells};
use crate::report::alarms;
use crate::world::{Effect, Noise, World};
use std::fmt::Write as _;

/// What is wrong with the canary, by the heading of its column.
const EFFECTS: [(&str, Effect); 4] = [
    ("x5", Effect::Step { times: 5.0, at: 0 }),
    ("x2", Effect::Step { times: 2.0, at: 0 }),
    ("x1.25, tolerated", Effect::Step { times: 1.25, at: 0 }),
    ("blip x100, 30 s", Effect::Blip { times: 100.0, secs: 30.0 }),
];

/// One service.
pub(crate) struct Service {
    what: String,
    /// Nothing is wrong.
    same: Cell,
    /// In the order of [`EFFECTS`].
    worse: Vec<Cell>,
}

/// `runs` releases without a fault, a quarter of them with each, on those noises that are asked for.
pub(crate) fn all(seeds: u64, runs: u64, asked: impl Fn(&Noise) -> bool) -> Vec<Service> {
    let services = [Noise::Poisson, Noise::All].into_iter().flat_map(|noise| {
        let usual = World::new(noise, 2000.0, Effect::None);
        [
            ("1 % canary", World { share: 0.01, ..usual }),
            ("10 % canary", World { share: 0.1, ..usual }),
            ("50 % canary", World { share: 0.5, ..usual }),
            ("20 requests/s", World { rps: 20.0, ..usual }),
            ("20,000 requests/s", World { rps: 20_000.0, ..usual }),
            ("0.01 % errors as usual", World { usual: 0.0001, ..usual }),
            ("1 % errors as usual", World { usual: 0.01, ..usual }),
            ("traffic grows tenfold within the hour", World { grows: true, ..usual }),
            ("20 % of ticks cannot be read", World { missing: 0.2, ..usual }),
        ]
    });
    // Each has seeds of its own, whatever else is asked for.
    let services = services.zip(1..).filter(|((_, world), _)| asked(&world.noise));
    services.map(|((what, world), i)| Service::of(what, world, seeds + (i << 33), runs)).collect()
}

impl Service {
    fn of(what: &str, world: World, seeds: u64, runs: u64) -> Service {
        let cell = |effect, i: u64, runs| {
            cells(&[Who::Ours(Setting::DEFAULT)], World { effect, ..world }, seeds + (i << 30), runs).remove(0)
        };
        let same = cell(Effect::None, 0, runs);
        let worse = EFFECTS.iter().zip(1..).map(|((_, effect), i)| cell(*effect, i, (runs / 4).max(5))).collect();
        Service { what: format!("{}, {what}", world.noise.name()), same, worse }
    }
}

pub(crate) fn text(all: &[Service]) -> String {
    let columns = EFFECTS.map(|(name, _)| name).join(" | ");
    let mut out = format!(
        "\n## Other services\n\nLike the usual one of 2,000 requests/s but for what is named; tolerated 1.5x. Of x1.25 \
         and of blips: how many were rolled back. A quarter of the releases of the usual ones.\n\n| service | false alarms | {columns} |\n|---|---|{}\n",
        "---|".repeat(EFFECTS.len())
    );
    for service in all {
        let said = |cell: &Cell, effect| match effect {
            Effect::Step { times, .. } if times >= 2.0 => cell.said(),
            _ => alarms(cell),
        };
        let worse: Vec<String> =
            service.worse.iter().zip(EFFECTS).map(|(cell, (_, effect))| said(cell, effect)).collect();
        let _ = writeln!(out, "| {} | {} | {} |", service.what, alarms(&service.same), worse.join(" | "));
    }
    out
}
