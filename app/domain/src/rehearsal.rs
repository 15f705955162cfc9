//! Rehearsing a saga: its real rules against made-up replicas, drivers, people and faults, in virtual time.
//!
//! Two replicas share one store and a lease; messages are lost, repeated and late; drivers are slow, fail and lie; engines
//! die between any two instructions, sleep through their lease and wake as if nothing had happened; clocks jump; commits
//! succeed without an answer. After every step of the world the promises in `check` are looked at. Everything follows
//! from the seed: the same seed is the same run.
//!
//! Deliberately absent: judging signals, and real drivers.

use crate::saga::{Event, Outcome, Saga, SagaPlan};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

mod chance;
mod check;
mod people;
mod replica;
mod target;
#[cfg(test)]
mod tests;
mod world;

/// How often things go wrong, each a chance 0-1 per occasion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// A replica dies after an instruction: a commit or a message sent.
    pub crash: f64,
    /// A replica sleeps through its lease, between a commit and what it was about to do.
    pub pause: f64,
    /// A commit succeeds and its answer is lost.
    pub commit_lost: f64,
    /// A message is lost, either way.
    pub lost: f64,
    /// A message arrives twice.
    pub repeated: f64,
    /// A message arrives up to a minute late.
    pub late: f64,
    /// A driver takes longer than the step may.
    pub slow: f64,
    /// A driver refuses.
    pub refuse: f64,
    /// A driver says the opposite of what it did.
    pub lie: f64,
    /// A driver forgot what it was asked for and cannot tell.
    pub forget: f64,
    /// A replica's clock jumps by up to an hour, either way.
    pub clock: f64,
    /// The person on call undoes, stops, or leaves a step out, rather than retrying and waiting.
    pub impatient: f64,
    /// How long things go wrong. Afterwards everything works.
    pub last: Span,
}

impl Faults {
    pub const NONE: Faults = Faults {
        crash: 0.0,
        pause: 0.0,
        commit_lost: 0.0,
        lost: 0.0,
        repeated: 0.0,
        late: 0.0,
        slow: 0.0,
        refuse: 0.0,
        lie: 0.0,
        forget: 0.0,
        clock: 0.0,
        impatient: 0.0,
        last: Span::ZERO,
    };

    /// Everything at once, often.
    pub const STORM: Faults = Faults {
        crash: 0.05,
        pause: 0.03,
        commit_lost: 0.03,
        lost: 0.1,
        repeated: 0.1,
        late: 0.1,
        slow: 0.05,
        refuse: 0.1,
        lie: 0.05,
        forget: 0.03,
        clock: 0.01,
        impatient: 0.3,
        last: Span::from_secs(600),
    };
}

impl Default for Faults {
    fn default() -> Self {
        Faults { last: Span::from_secs(600), ..Faults::NONE }
    }
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    /// `None` when it did not end, which is a broken promise.
    pub outcome: Option<Outcome>,
    /// The end in words.
    pub summary: String,
    /// Virtual time from the order to the end.
    pub took: Span,
    pub events: usize,
    pub crashes: u32,
    pub takeovers: u32,
    /// Orders and records of an older token that a fenced target or the store turned away.
    pub stale_refused: u32,
    /// Writes of an older token or a closed try that an unfenced target took; seen and corrected by the reconciler.
    pub stale_taken: u32,
    /// Times a person was needed.
    pub people: u32,
    /// The first promise that was broken, with the moment.
    pub broken: Option<String>,
}

/// The report of one run and the stream it left, for a closer look.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub report: Report,
    pub events: Vec<Event>,
}

/// Runs a saga once. Total: a plan that cannot be run is reported as a broken promise.
pub fn rehearse(plan: &SagaPlan, faults: &Faults, seed: u64) -> Run {
    world::World::new(plan, faults, seed).run()
}

/// Many runs, beside each other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Overview {
    pub runs: u32,
    pub complete: u32,
    pub partial: u32,
    pub undone: u32,
    pub partly_undone: u32,
    /// Runs that needed a person.
    pub with_people: u32,
    pub median: Span,
    pub p95: Span,
    /// Seeds of runs that broke a promise, with the promise.
    pub broken: Vec<(u64, String)>,
}

/// What could happen: one run for each seed from `first`.
pub fn overview(plan: &SagaPlan, faults: &Faults, first: u64, runs: u32) -> Overview {
    let mut out = Overview { runs, ..Overview::default() };
    let mut took = Vec::new();
    for seed in first..first + u64::from(runs) {
        let report = rehearse(plan, faults, seed).report;
        match report.outcome {
            Some(Outcome::Complete) => out.complete += 1,
            Some(Outcome::Partial) => out.partial += 1,
            Some(Outcome::Undone) => out.undone += 1,
            Some(Outcome::PartlyUndone) => out.partly_undone += 1,
            None => {}
        }
        out.with_people += u32::from(report.people > 0);
        took.push(report.took);
        out.broken.extend(report.broken.map(|promise| (seed, promise)));
    }
    took.sort();
    let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).copied();
    (out.median, out.p95) = (at(50).unwrap_or_default(), at(95).unwrap_or_default());
    out
}

/// When every rehearsal begins. Virtual: only differences matter.
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// The saga as the store has it.
fn stored(events: &[Event]) -> Option<Saga> {
    Saga::fold(events)
}
