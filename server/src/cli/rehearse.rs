//! `sternway rehearse`: the real rules of a rollback against made-up replicas, drivers and people, in virtual time.

use super::exit;
use super::remote::{Result, Trouble, read_file, wrong};
use super::terminal::{NBSP, clean, say, table, text};
use crate::documents::{Places, read_one};
use clap::Args;
use plan::RehearsalPlan;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use sternway_domain::rehearsal::{Faults, Report, rehearse};
use sternway_domain::saga::{Outcome, SagaPlan};
use sternway_domain::time::Span;

mod plan;

/// A promise was broken.
const BROKEN: u8 = 1;
/// More takes too long to wait for.
const MOST_RUNS: u32 = 10_000_000;

pub(super) const HELP: &str = "\
The plan, with what is usual filled in:
  components:
    - {name: api, needs: [auth], weight: 25, deploy: true, drain: 30s, features: [new-price]}
    - {name: auth, needs: [storage]}
    - {name: storage, migrations: [{name: orders, phase: switch_reads}]}

Exit codes:
  0   every promise was kept in every run
  1   a promise was broken; the seed replays it
  3   the plan cannot be used; the message says where and why
  64  the command line itself is wrong";

#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// What goes back (`-`: standard input)
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The first seed; the same seed is the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many runs, each with the next seed
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_RUNS)))]
    runs: u32,
    /// `none`, `storm`, or a list of chances 0-1, such as `crash=0.05,lost=0.1,last=10m`
    #[arg(long, value_name = "FAULTS", default_value = "storm")]
    faults: String,
    /// Print JSON; of a single run its events too
    #[arg(long)]
    json: bool,
}

/// All runs beside each other.
#[derive(Default)]
struct Seen {
    /// By how it ended, in words: how often, and the first seed.
    ends: BTreeMap<(u8, String), (u32, u64)>,
    took: Vec<Span>,
    with_people: u32,
    crashes: u64,
    takeovers: u64,
    stale_refused: u64,
    stale_taken: u64,
    broken: Vec<(u64, String)>,
}

impl Rehearse {
    pub(super) fn run(self) -> ExitCode {
        let json = self.json;
        exit::code(self.rehearsed(), json)
    }

    fn rehearsed(self) -> Result<u8> {
        let (file, text) = (self.plan.display().to_string(), read_file(&self.plan)?);
        let listed = |problems: Vec<crate::documents::DocumentProblem>| {
            Trouble::Documents(problems.iter().map(ToString::to_string).collect())
        };
        let (read, places): (RehearsalPlan, Places) = read_one(&file, &text).map_err(listed)?;
        let plan = read.saga(&places).map_err(listed)?;
        let faults = faults(&self.faults).map_err(wrong)?;
        let last = self
            .seed
            .checked_add(u64::from(self.runs))
            .ok_or_else(|| wrong("the seeds go beyond the largest number"))?;
        let begun = Instant::now();
        let seen = all(&plan, &faults, self.seed, last);
        let secs = begun.elapsed().as_secs_f64();
        if self.json {
            say(&self.json(&plan, &faults, &seen, secs).to_string());
        } else {
            say(&self.told(&plan, &seen, secs));
        }
        Ok(if seen.broken.is_empty() { exit::DONE } else { BROKEN })
    }

    fn told(&self, plan: &SagaPlan, seen: &Seen, secs: f64) -> String {
        let mut rows = table(&["how it ends", "runs", "share", "example", "in words"]);
        let mut ends: Vec<_> = seen.ends.iter().collect();
        ends.sort_by_key(|((order, _), (count, _))| (*order, std::cmp::Reverse(*count)));
        let hidden = ends.len().saturating_sub(20);
        for ((order, summary), (count, seed)) in ends.into_iter().take(20) {
            let share = format!("{:.1}{NBSP}%", 100.0 * f64::from(*count) / f64::from(self.runs));
            let cells = [name(*order).to_owned(), count.to_string(), share, format!("--seed {seed}"), clean(summary)];
            rows.add_row(cells);
        }
        let more = if hidden == 0 { String::new() } else { format!("and {hidden} rarer ends; `--json` has all\n") };
        let (median, p95) = seen.times();
        let people = 100.0 * f64::from(seen.with_people) / f64::from(self.runs);
        let promises = if seen.broken.is_empty() {
            "Every promise was kept in every run.".to_owned()
        } else {
            let lines =
                seen.broken.iter().take(10).map(|(seed, text)| format!("  --seed {seed} --runs 1: {}", clean(text)));
            format!("BROKEN in {} runs:\n{}", seen.broken.len(), lines.collect::<Vec<_>>().join("\n"))
        };
        format!(
            "{} runs of {} steps in {secs:.1}{NBSP}s, faults: {}.\n\n{}\n{more}\nTime: {median} in the median, {p95} in 19 of 20. A person was needed in {people:.1}{NBSP}%.\n\
             Crashes: {}, takeovers: {}, stale orders refused: {}, stale writes corrected: {}.\n{promises}",
            self.runs,
            plan.steps.len(),
            clean(&self.faults),
            text(&mut rows),
            seen.crashes,
            seen.takeovers,
            seen.stale_refused,
            seen.stale_taken,
        )
    }

    fn json(&self, plan: &SagaPlan, faults: &Faults, seen: &Seen, secs: f64) -> Value {
        let ends: Vec<Value> = seen
            .ends
            .iter()
            .map(|((order, summary), (runs, seed))| {
                json!({"outcome": name(*order).replace(' ', "_"), "summary": summary, "runs": runs, "seed": seed})
            })
            .collect();
        let broken: Vec<Value> =
            seen.broken.iter().map(|(seed, promise)| json!({"seed": seed, "promise": promise})).collect();
        let (median, p95) = seen.times();
        let mut all = json!({
            "runs": self.runs, "seed": self.seed, "steps": plan.steps.len(), "faults": faults, "seconds": secs,
            "median": median, "p95": p95, "with_people": seen.with_people, "crashes": seen.crashes,
            "takeovers": seen.takeovers, "stale_refused": seen.stale_refused, "stale_taken": seen.stale_taken,
            "ends": ends, "broken": broken,
        });
        if self.runs == 1 {
            let run = rehearse(plan, faults, self.seed);
            all["report"] = json!(run.report);
            all["plan"] = json!(plan);
            all["events"] = json!(run.events);
        }
        all
    }
}

/// On every core; the order of the seeds decides what is told, not which core was quicker.
fn all(plan: &SagaPlan, faults: &Faults, first: u64, end: u64) -> Seen {
    let cores = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
    let part = (end - first).div_ceil(cores).max(1);
    let mut parts = Vec::new();
    std::thread::scope(|scope| {
        let work: Vec<_> = (first..end)
            .step_by(usize::try_from(part).unwrap_or(usize::MAX))
            .map(|from| {
                let to = from.saturating_add(part).min(end);
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    (from..to).for_each(|seed| seen.add(rehearse(plan, faults, seed).report));
                    seen
                })
            })
            .collect();
        parts.extend(work.into_iter().map(|work| work.join().expect("a rehearsal is total: it does not panic")));
    });
    parts.into_iter().fold(Seen::default(), Seen::join)
}

impl Seen {
    fn add(&mut self, report: Report) {
        let order = match report.outcome {
            Some(Outcome::Complete) => 0,
            Some(Outcome::Partial) => 1,
            Some(Outcome::Undone) => 2,
            Some(Outcome::PartlyUndone) => 3,
            None => 4,
        };
        self.ends.entry((order, report.summary)).or_insert((0, report.seed)).0 += 1;
        self.took.push(report.took);
        self.with_people += u32::from(report.people > 0);
        self.crashes += u64::from(report.crashes);
        self.takeovers += u64::from(report.takeovers);
        self.stale_refused += u64::from(report.stale_refused);
        self.stale_taken += u64::from(report.stale_taken);
        self.broken.extend(report.broken.map(|promise| (report.seed, promise)));
    }

    /// `later` holds larger seeds.
    fn join(mut self, later: Self) -> Self {
        for (end, (count, seed)) in later.ends {
            self.ends.entry(end).or_insert((0, seed)).0 += count;
        }
        self.took.extend(later.took);
        self.with_people += later.with_people;
        self.crashes += later.crashes;
        self.takeovers += later.takeovers;
        self.stale_refused += later.stale_refused;
        self.stale_taken += later.stale_taken;
        self.broken.extend(later.broken);
        self
    }

    /// Median, and what 19 of 20 do not exceed.
    fn times(&self) -> (Span, Span) {
        let mut took = self.took.clone();
        took.sort();
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).copied();
        let whole = |span: Option<Span>| Span::from_secs(span.unwrap_or_default().secs());
        (whole(at(50)), whole(at(95)))
    }
}

fn name(order: u8) -> &'static str {
    ["complete", "partial", "undone", "partly undone", "never"][usize::from(order).min(4)]
}

/// `none`, `storm`, or a list over none.
fn faults(text: &str) -> std::result::Result<Faults, String> {
    match text.trim() {
        "none" => return Ok(Faults::NONE),
        "storm" => return Ok(Faults::STORM),
        _ => {}
    }
    let known = serde_json::to_value(Faults::default()).expect("faults are numbers");
    let mut chosen = known.clone();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("`{}`: write `NAME=CHANCE`, `none` or `storm`", clean(part)))?;
        if known.get(name).is_none() {
            let names: Vec<String> =
                known.as_object().into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
            return Err(format!("there is no fault `{}`; there are {}", clean(name), names.join(", ")));
        }
        chosen[name] = match (name, value.parse::<f64>()) {
            ("last", _) => value.into(),
            (_, Ok(chance)) if (0.0..=1.0).contains(&chance) => chance.into(),
            _ => return Err(format!("`{}`: a chance is a number from 0 to 1", clean(part))),
        };
    }
    serde_json::from_value(chosen).map_err(|error| format!("`--faults`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_one_by_one() {
        assert_eq!(faults("storm"), Ok(Faults::STORM));
        let some = faults("crash=0.5, last=1m").expect("well written");
        assert_eq!((some.crash, some.lost, some.last), (0.5, 0.0, Span::from_secs(60)));
        for (wrong, told) in [
            ("crash", "NAME=CHANCE"),
            ("crush=1", "no fault `crush`"),
            ("crash=2", "0 to 1"),
            ("crash=NaN", "0 to 1"),
            ("last=x", "--faults"),
        ] {
            assert!(faults(wrong).expect_err(wrong).contains(told), "{wrong}: {:?}", faults(wrong));
        }
    }
}
