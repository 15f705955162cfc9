//! A saga: an ordered list of idempotent steps, recorded before and after each, resumable from its events alone.
//!
//! The engine's loop: take the saga with a fencing token ([`Observation::Take`]), look what is [`Saga::due`], record
//! [`Observation::Begin`] and commit it, only then send the [`Order`]; record what comes back as [`Observation::Answer`].
//! Whoever finds a step begun without an answer (after a crash, a takeover, a lost reply) does not repeat it: the driver
//! is asked by the step's key first. The key is the same for every try of a step, so a target that remembers keys applies
//! it at most once.
//!
//! Steps whose predecessors are settled run side by side. A step that fails stops only what comes after it; the rest goes
//! on, and then the saga stands still with the choices [`Choice`] until a person takes one.
//!
//! Deliberately absent: sending, waiting, and what a step's driver is.

use crate::id::{ReleaseId, SagaId, ServiceName};
use crate::plan::Weight;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

mod build;
mod check;
mod decide;
mod due;
mod event;
mod evolve;
mod forward;
mod observe;
mod standing;
mod step;
#[cfg(test)]
mod tests;

pub use build::{BuildError, ComponentBack, MigrationBack, RollbackOrder, Settings, rollback};
pub use check::{SagaProblem, problems};
pub use decide::{Choice, Command, Refusal};
pub use due::{ASK_EVERY, Due, Order};
pub use event::Event;
pub use forward::{ForwardError, ForwardOrder, rollforward, start};
pub use observe::{Answer, BY_ITSELF, Observation};
pub use standing::{ComponentKind, ComponentStanding, Standing, StandingKind, Stuck};
pub use step::{Cache, Dice, Retry, Side, Step, StepAct, StepId, drained};

/// What a saga is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Start,
    Rollback,
    Rollforward,
    Drill,
}

impl Purpose {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Purpose::Start => "start",
            Purpose::Rollback => "rollback",
            Purpose::Rollforward => "rollforward",
            Purpose::Drill => "drill",
        }
    }
}

/// The steps as they were decided. Never changes after the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SagaPlan {
    pub id: SagaId,
    pub release: ReleaseId,
    pub purpose: Purpose,
    /// Numbered from 1 without gaps.
    pub steps: Vec<Step>,
    /// How long all of it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Span>,
}

impl SagaPlan {
    /// What goes back by it: the components whose recovery it proves. Nothing where only flags are switched off.
    pub fn going_back(&self) -> Vec<ServiceName> {
        let gates = self.steps.iter().filter_map(|step| match &step.act {
            StepAct::RecoveryGate { components, .. } => Some(components.clone()),
            _ => None,
        });
        gates.flatten().collect()
    }
}

/// The fold of a saga's events.
#[derive(Debug, Clone, PartialEq)]
pub struct Saga {
    pub plan: Arc<SagaPlan>,
    /// Number of events so far.
    pub version: i64,
    pub ordered_at: Timestamp,
    pub ordered_by: String,
    pub reason: String,
    pub phase: Phase,
    /// The newest fencing token that took the saga; 0 before the first.
    pub token: u64,
    /// In the order of the plan's steps.
    pub tracks: Vec<StepTracks>,
    pub ended_at: Option<Timestamp>,
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Forward,
    Undoing,
    Ended(Outcome),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every vital step is done.
    Complete,
    /// A vital step was skipped, or a person stopped it.
    Partial,
    /// Everything done was undone.
    Undone,
    /// Something that was done could not be undone.
    PartlyUndone,
}

impl Outcome {
    /// For people: `partly undone`.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Partial => "partial",
            Outcome::Undone => "undone",
            Outcome::PartlyUndone => "partly undone",
        }
    }
}

/// Both sides of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepTracks {
    pub does: Track,
    pub undoes: Track,
}

/// Where one side of one step stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    pub status: Status,
    /// Tries so far, over takeovers and orders to retry.
    pub attempt: u32,
    /// Tries that failed since the last order to retry.
    pub failed: u8,
    /// Whether it may have happened although nobody could confirm it.
    pub maybe: bool,
    /// The token under which the last try was begun.
    pub token: u64,
    pub first_begun: Option<Timestamp>,
    pub begun: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    pub settled: Option<Timestamp>,
    /// When somebody was called for it last.
    pub escalated: Option<Timestamp>,
    /// What the driver said: the output, the error, or the reason for skipping it.
    pub said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    #[default]
    Waiting,
    Running,
    /// The outcome is not known; the driver is asked.
    Asking,
    /// The driver cannot say; a person chooses.
    Unclear,
    /// Failed, and tried again at this time.
    Retrying(Timestamp),
    /// Failed for good, until a person says otherwise.
    Failed,
    Done,
    Skipped,
}

impl Status {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Running => "running",
            Status::Asking => "asking",
            Status::Unclear => "unclear",
            Status::Retrying(_) => "retrying",
            Status::Failed => "failed",
            Status::Done => "done",
            Status::Skipped => "skipped",
        }
    }

    pub fn settled(self) -> bool {
        matches!(self, Status::Done | Status::Skipped)
    }

    /// Whether a person has to choose.
    pub fn stuck(self) -> bool {
        matches!(self, Status::Failed | Status::Unclear)
    }
}

impl Saga {
    /// The fold of a stream. `None` when it does not begin with its order.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Saga> {
        let mut events = events.into_iter();
        let first = Saga::ordered(events.next()?)?;
        Some(events.fold(first, Saga::evolve))
    }

    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.index(id).map(|i| &self.plan.steps[i])
    }

    /// `None` for a step that does not exist.
    pub fn track(&self, id: StepId, side: Side) -> Option<&Track> {
        let tracks = &self.tracks[self.index(id)?];
        Some(match side {
            Side::Do => &tracks.does,
            Side::Undo => &tracks.undoes,
        })
    }

    /// The idempotency key of one side of a step: saga, step, purpose. The same for every try and every engine.
    pub fn key(&self, id: StepId, side: Side) -> String {
        format!("{}:{id}:{}", self.plan.id, side.as_str())
    }

    /// The candidate's share of a service as the steps that were begun want it; `None` before the first of them.
    pub fn share(&self, service: &ServiceName) -> Option<Weight> {
        self.shares().remove(service)
    }

    /// The share where a step has put it and seen it; `None` while one is under way, and before the first.
    pub fn settled_share(&self, service: &ServiceName) -> Option<Weight> {
        let moving = self.plan.steps.iter().zip(&self.tracks).any(|(step, tracks)| {
            let about = matches!(&step.act, StepAct::ShiftTraffic { service: name, .. } if name == service);
            let under_way = |track: &Track| track.attempt > 0 && !track.status.settled();
            about && (under_way(&tracks.does) || under_way(&tracks.undoes))
        });
        if moving { None } else { self.share(service) }
    }

    /// Whether any step moves the traffic of a service.
    pub fn shifts(&self, service: &ServiceName) -> bool {
        let about = |step: &Step| matches!(&step.act, StepAct::ShiftTraffic { service: name, .. } if name == service);
        self.plan.steps.iter().any(about)
    }

    /// The same of every service whose traffic is moved.
    pub fn shares(&self) -> BTreeMap<ServiceName, Weight> {
        let mut shares = BTreeMap::new();
        let steps = self.plan.steps.iter().zip(&self.tracks);
        let does = steps.clone().map(|(step, tracks)| (Some(&step.act), &tracks.does));
        // Undone from the last to the first.
        let undoes = steps.rev().map(|(step, tracks)| (step.undo.as_ref(), &tracks.undoes));
        for (act, track) in does.chain(undoes) {
            if let Some(StepAct::ShiftTraffic { service, weight, .. }) = act
                && track.attempt > 0
            {
                shares.insert(service.clone(), *weight);
            }
        }
        shares
    }

    pub fn ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Steps are numbered from 1 without gaps; [`problems`] sees to it.
    fn index(&self, id: StepId) -> Option<usize> {
        usize::from(id.0).checked_sub(1).filter(|i| *i < self.plan.steps.len())
    }
}
