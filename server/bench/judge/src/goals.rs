//! What is to be reached, and what was.

use crate::cell::{Cell, at};
use crate::elsewhere::Service;
use crate::faults::{Boundary, Silence};
use crate::latency::{Line, Shape, Slower};
use crate::ours::Setting;
use crate::peers::Rule;
use crate::race::{Race, Who};
use crate::speed::Speed;
use crate::world::Noise;
use std::fmt::Write as _;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) races: Vec<Race>,
    pub(crate) latency: Vec<Line>,
    pub(crate) elsewhere: Vec<Service>,
    pub(crate) boundaries: Vec<Boundary>,
    pub(crate) silence: Silence,
    pub(crate) replayed: (u64, u64),
    pub(crate) speed: Speed,
}

/// One line: the figures to reach, those measured, and how they compare, smaller is better.
struct Goal {
    what: String,
    must: String,
    sensational: String,
    measured: String,
    /// Measured over what is to be reached, the worst of its parts; at most 1 is met.
    of_must: f64,
    of_sensational: f64,
}

const STRICT: Setting = Setting { ratio: 1.2, ..Setting::DEFAULT };
const EAGER: Setting = Setting { ratio: 1.2, patience: 0, ..Setting::DEFAULT };

pub(crate) fn text(measured: &Measured) -> String {
    let mut goals = Vec::new();
    alarms(measured, &mut goals);
    for (name, noises, rps, must, best) in [
        ("G2", &[Noise::Poisson, Noise::Shared][..], 2000.0, (1.25, 2.5), (0.5, 1.25)),
        ("G3", &[Noise::Poisson, Noise::Shared][..], 200.0, (5.5, 14.0), (3.0, 8.5)),
        ("G4", &[Noise::All][..], 2000.0, (5.0, 13.0), (2.5, 7.5)),
    ] {
        for setting in [Setting::DEFAULT, STRICT, EAGER] {
            for noise in noises {
                let Some(cell) = measured.effect(*noise, rps, Who::Ours(setting), 0) else { continue };
                let what = format!("{name} x5, {rps} requests/s, {}, {}", noise.name(), setting.name());
                goals.push(delay(what, &cell.delays(), must, best));
            }
        }
    }
    against(measured, &mut goals);
    latency(measured, &mut goals);
    late(measured, &mut goals);
    never(measured, &mut goals);
    table(&goals)
}

impl Measured {
    fn race(&self, noise: Noise, rps: f64) -> Option<&Race> {
        self.races.iter().find(|race| race.noise == noise && race.rps == rps)
    }

    fn effect(&self, noise: Noise, rps: f64, who: Who, effect: usize) -> Option<&Cell> {
        self.race(noise, rps)?.row(|other| other == who)?.worse.get(effect)
    }

    fn tuned(&self, noise: Noise, rps: f64, family: &str) -> Option<&Cell> {
        self.race(noise, rps)?.row(|who| matches!(who, Who::Tuned(name, _) if name == family))?.worse.first()
    }
}

/// G1.
fn alarms(measured: &Measured, goals: &mut Vec<Goal>) {
    for setting in [Setting::DEFAULT, STRICT] {
        for held_out in [false, true] {
            let races = measured.races.iter().filter(|race| race.noise.held_out() == held_out);
            let of = |race: &Race| Some((race.row(|who| who == Who::Ours(setting))?.same.rate(), race.title()));
            let Some((worst, title)) = races.filter_map(of).max_by(|a, b| a.0.0.total_cmp(&b.0.0)) else { continue };
            let kind = if held_out { "held-out noises" } else { "noises that settings were chosen on" };
            goals.push(Goal {
                what: format!("G1 false rollbacks per hour, worst of all {kind}, {}", setting.name()),
                must: "0.5 %".into(),
                sensational: "0.1 %".into(),
                measured: format!("{:.2} % ({:.2}–{:.2}): {title}", worst.0 * 100.0, worst.1 * 100.0, worst.2 * 100.0),
                of_must: worst.0 / 0.005,
                of_sensational: worst.0 / 0.001,
            });
        }
    }
}

fn delay(what: String, delays: &[f64], must: (f64, f64), best: (f64, f64)) -> Goal {
    let (median, late) = (at(delays, 0.5), at(delays, 0.95));
    let said = |(median, late): (f64, f64)| {
        if late.is_finite() { format!("{} / {}", time(median), time(late)) } else { time(median) }
    };
    let over = |goal: (f64, f64)| (median / goal.0).max(if goal.1.is_finite() { late / goal.1 } else { 0.0 });
    Goal {
        what,
        must: said(must),
        sensational: said(best),
        measured: format!("{} / {}", time(median), time(late)),
        of_must: over(must),
        of_sensational: over(best),
    }
}

fn time(minutes: f64) -> String {
    match minutes {
        m if m.is_infinite() => "never".to_owned(),
        m if m < 3.0 => format!("{:.0} s", m * 60.0),
        m => format!("{m:.1} min"),
    }
}

/// G5 and G5b: beside others tuned with hindsight, medians; ours as a plan has it that says nothing, and tuned in the same
/// way, to the same bound of false alarms.
fn against(measured: &Measured, goals: &mut Vec<Goal>) {
    for ours in [Some(Setting::DEFAULT), Some(STRICT), None] {
        let is = |who: Who| match ours {
            Some(setting) => who == Who::Ours(setting),
            None => matches!(who, Who::TunedOurs(_)),
        };
        let ours = |noise, rps| {
            let row = measured.race(noise, rps)?.row(is)?;
            Some((row.who.name(), at(&row.worse.first()?.delays(), 0.5)))
        };
        for (families, must, best) in
            [(&["Kayenta"][..], 1.7, 3.0), (&["cumulative threshold", "threshold in a row"][..], 2.2, 4.0)]
        {
            let theirs = families.iter().filter_map(|family| measured.tuned(Noise::All, 2000.0, family));
            let Some(theirs) = theirs.map(|cell| at(&cell.delays(), 0.5)).min_by(f64::total_cmp) else { continue };
            let Some((name, ours)) = ours(Noise::All, 2000.0) else { continue };
            goals.push(Goal {
                what: format!("G5 x5, 2000 requests/s, all: times as fast as tuned {}, {name}", families.join(" or ")),
                must: format!("{must}x"),
                sensational: format!("{best}x"),
                measured: format!("{:.1}x ({} against {})", theirs / ours, time(ours), time(theirs)),
                of_must: must * ours / theirs,
                of_sensational: best * ours / theirs,
            });
        }
        for (noise, rps) in [(Noise::Poisson, 200.0), (Noise::Poisson, 2000.0), (Noise::All, 200.0)] {
            let Some(theirs) = measured.tuned(noise, rps, "Dirichlet").map(|cell| at(&cell.delays(), 0.5)) else {
                continue;
            };
            let Some((name, ours)) = ours(noise, rps) else { continue };
            let noise = noise.name();
            goals.push(Goal {
                what: format!("G5b x5, {rps} requests/s, {noise}: delay over that of tuned Dirichlet, {name}"),
                must: "1.3x".into(),
                sensational: "1.0x".into(),
                measured: format!("{:.2}x ({} against {})", ours / theirs, time(ours), time(theirs)),
                of_must: ours / theirs / 1.3,
                of_sensational: ours / theirs,
            });
        }
    }
}

/// G6, medians.
fn latency(measured: &Measured, goals: &mut Vec<Goal>) {
    for (slower, rps, guards, must, best) in [
        (Slower::All(1.4), 2000.0, 1, 1.5, 1.0),
        (Slower::All(1.4), 2000.0, 2, 1.5, 1.0),
        (Slower::All(1.4), 200.0, 1, 7.5, 2.5),
        (Slower::All(1.4), 200.0, 2, 7.5, 2.5),
        (Slower::All(2.0), 2000.0, 1, 1.0, 0.75),
    ] {
        let is = |line: &&Line| {
            let service = &line.service;
            let usual = service.native && service.shape == Shape::LogNormal;
            usual && service.slower == slower && service.rps == rps && service.guards.len() == guards
        };
        let Some(line) = measured.latency.iter().find(is) else { continue };
        let what = format!("G6 latency, {rps} requests/s, {}", line.what);
        goals.push(delay(what, &line.cell.delays(), (must, f64::INFINITY), (best, f64::INFINITY)));
    }
}

/// G7, medians.
fn late(measured: &Measured, goals: &mut Vec<Goal>) {
    for setting in [Setting::DEFAULT, STRICT] {
        let of = |effect| measured.effect(Noise::Poisson, 2000.0, Who::Ours(setting), effect);
        if let Some(cell) = of(2) {
            let what = format!("G7 x5 from minute 20 on, 2000 requests/s, poisson, {}", setting.name());
            goals.push(delay(what, &cell.delays(), (2.5, f64::INFINITY), (1.5, f64::INFINITY)));
        }
        if let Some(cell) = of(3) {
            let minutes = at(&cell.delays(), 0.5);
            let rate = 1.0 + 4.0 * (minutes / 30.0).min(1.0);
            goals.push(Goal {
                what: format!("G7 x1 to x5 in 30 min, 2000 requests/s, poisson: noticed at, {}", setting.name()),
                must: "x3".into(),
                sensational: "x2.4".into(),
                measured: format!("x{rate:.1} after {}", time(minutes)),
                of_must: rate / 3.0,
                of_sensational: rate / 2.4,
            });
        }
    }
}

/// G8 to G10.
fn never(measured: &Measured, goals: &mut Vec<Goal>) {
    if let Some((worst, what)) =
        measured.boundaries.iter().map(|one| (one.promoted(), &one.what)).max_by(|a, b| a.0.0.total_cmp(&b.0.0))
    {
        goals.push(Goal {
            what: "G8 promotions of what is exactly as bad as tolerated, worst case".into(),
            must: "5 %".into(),
            sensational: "3 %".into(),
            measured: format!("{:.1} % ({:.1}–{:.1}): {what}", worst.0 * 100.0, worst.1 * 100.0, worst.2 * 100.0),
            of_must: worst.0 / 0.05,
            of_sensational: worst.0 / 0.03,
        });
    }
    let none = |what: &str, found: u64, of: u64| Goal {
        what: what.into(),
        must: "0".into(),
        sensational: "0".into(),
        measured: format!("{found} of {of}"),
        of_must: found as f64 * 2.0,
        of_sensational: found as f64 * 2.0,
    };
    let silence = &measured.silence;
    goals.push(none("G8 promotions on silent ticks", silence.promoted, silence.ticks));
    goals.push(none("G8 rollbacks on silent ticks", silence.rolled_back, silence.ticks));
    let speed = measured.speed;
    let rate = |what: &str, found: f64, must: f64, best: f64| Goal {
        what: what.into(),
        must: count(must),
        sensational: count(best),
        measured: count(found),
        of_must: must / found,
        of_sensational: best / found,
    };
    goals.push(rate("G9 updates of an e-process per second and core", speed.updates, 3e6, 1e7));
    goals.push(rate("G9 evidence of five guards, ten e-processes, per second and core", speed.evidence, 2.5e5, 1e6));
    goals.push(rate(
        "G9 verdicts on five guards with what decided them, native histograms, per second and core",
        speed.concluded.of_two,
        2.5e5,
        1e6,
    ));
    goals.push(Goal {
        what: "G9 bytes per line of a guard".into(),
        must: "256".into(),
        sensational: "128".into(),
        measured: speed.bytes.to_string(),
        of_must: speed.bytes as f64 / 256.0,
        of_sensational: speed.bytes as f64 / 128.0,
    });
    goals.push(none("G10 rollbacks by an outage of the source alone", silence.outage_rollbacks, silence.outages));
    goals.push(none("G10 recomputed verdicts that differ", measured.replayed.1, measured.replayed.0));
}

fn count(n: f64) -> String {
    if n >= 1e6 { format!("{:.1} million", n / 1e6) } else { format!("{:.0} thousand", n / 1e3) }
}

fn table(goals: &[Goal]) -> String {
    let mut out = String::from(
        "\n## Goals\n\nDelays are median / 95 %.\n\n| goal | must | sensational | measured | |\n|---|---|---|---|---|\n",
    );
    for goal in goals {
        let over = |ratio: f64| {
            if ratio.is_finite() { format!("{ratio:.1}x of what is allowed") } else { "by far".to_owned() }
        };
        let met = match goal {
            goal if goal.of_sensational <= 1.0 => "**sensational**".to_owned(),
            goal if goal.of_must <= 1.0 => format!("met; sensational missed, {}", over(goal.of_sensational)),
            goal => format!("**missed**, {}", over(goal.of_must)),
        };
        let _ = writeln!(out, "| {} | {} | {} | {} | {met} |", goal.what, goal.must, goal.sensational, goal.measured);
    }
    out
}

/// The oracle's row, the floor of every delay.
pub(crate) fn oracle(who: Who) -> bool {
    matches!(who, Who::Rule(Rule::Oracle { .. }))
}
