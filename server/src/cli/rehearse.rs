//! `sternway rehearse`: the real rules of a rollback against made-up replicas, drivers and people, in virtual time.

use super::exit;
use super::remote::{Result, Trouble, read_file, wrong};
use super::terminal::{NBSP, clean, say, table, text};
use crate::documents::{Places, read_one};
use clap::Args;
use plan::RehearsalPlan;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use sternway_domain::rehearsal::{End, Faults, Overview, overview, rehearse};
use sternway_domain::saga::{Outcome, SagaPlan};

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
        let faults = self.faults.parse::<Faults>().map_err(|error| wrong(clean(&error.to_string())))?;
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

    fn told(&self, plan: &SagaPlan, seen: &Overview, secs: f64) -> String {
        let mut rows = table(&["how it ends", "runs", "share", "example", "in words"]);
        let ends = seen.ends();
        let hidden = ends.len().saturating_sub(20);
        for end in ends.iter().take(20) {
            let share = format!("{:.1}{NBSP}%", 100.0 * f64::from(end.runs) / f64::from(self.runs));
            let (runs, example) = (end.runs.to_string(), format!("--seed {}", end.seed));
            rows.add_row([name(end).to_owned(), runs, share, example, clean(&end.summary)]);
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

    fn json(&self, plan: &SagaPlan, faults: &Faults, seen: &Overview, secs: f64) -> Value {
        let ends: Vec<Value> = seen
            .ends()
            .iter()
            .map(|end| {
                json!({"outcome": name(end).replace(' ', "_"), "summary": end.summary, "runs": end.runs, "seed": end.seed})
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
fn all(plan: &SagaPlan, faults: &Faults, first: u64, end: u64) -> Overview {
    let cores = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
    let part = (end - first).div_ceil(cores).max(1);
    let mut parts = Vec::new();
    std::thread::scope(|scope| {
        let work: Vec<_> = (first..end)
            .step_by(usize::try_from(part).unwrap_or(usize::MAX))
            .map(|from| {
                let to = from.saturating_add(part).min(end);
                scope.spawn(move || overview(plan, faults, from, to))
            })
            .collect();
        parts.extend(work.into_iter().map(|work| work.join().expect("a rehearsal is total: it does not panic")));
    });
    parts.into_iter().fold(Overview::default(), Overview::join)
}

fn name(end: &End) -> &'static str {
    end.outcome.map_or("never", Outcome::label)
}
