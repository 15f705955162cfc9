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
mod faults;
mod overview;
mod people;
mod replica;
mod target;
#[cfg(test)]
mod tests;
mod world;

pub use faults::{Faults, FaultsError};
pub use overview::{End, Overview, overview};

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

/// When every rehearsal begins. Virtual: only differences matter.
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// The saga as the store has it.
fn stored(events: &[Event]) -> Option<Saga> {
    Saga::fold(events)
}
