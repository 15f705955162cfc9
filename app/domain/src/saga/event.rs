//! What happened in a saga. Stored as JSON for ever: fields are added with a default, never renamed.

use super::{Outcome, SagaPlan, Side, StepId};
use crate::id::SagaId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One event of a saga's stream. `by` is who, `reason` is why, in their words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Ordered {
        plan: Box<SagaPlan>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// An engine took over. From here on orders and answers of older tokens are refused.
    Taken {
        token: u64,
        holder: String,
        at: Timestamp,
    },
    /// Written before the order leaves.
    Begun {
        step: StepId,
        side: Side,
        /// From 1, over all tries of this side.
        attempt: u32,
        /// The same for every try.
        key: String,
        deadline: Timestamp,
        token: u64,
        at: Timestamp,
    },
    /// Written after. `by` names the person for a step done by hand.
    Succeeded {
        step: StepId,
        side: Side,
        attempt: u32,
        output: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        at: Timestamp,
    },
    /// Known not to have happened. Tried again at `retry_at`; without it a person chooses.
    Failed {
        step: StepId,
        side: Side,
        attempt: u32,
        error: String,
        /// Whether it uses up one of the tries: an order that never left does not.
        counted: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
        at: Timestamp,
    },
    /// It may have happened or not; the driver is asked before anything is repeated.
    OutcomeUnknown {
        step: StepId,
        side: Side,
        attempt: u32,
        detail: String,
        at: Timestamp,
    },
    /// The driver was asked and cannot say; a person chooses.
    CannotTell {
        step: StepId,
        side: Side,
        detail: String,
        at: Timestamp,
    },
    /// No answer in time; the driver is asked.
    Overdue {
        step: StepId,
        side: Side,
        deadline: Timestamp,
        at: Timestamp,
    },
    /// Somebody is called.
    Escalated {
        step: StepId,
        side: Side,
        to: String,
        why: String,
        by: String,
        at: Timestamp,
    },
    RetryOrdered {
        step: StepId,
        side: Side,
        by: String,
        reason: String,
        at: Timestamp,
    },
    Skipped {
        step: StepId,
        side: Side,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// No further step; what was done is undone in reverse.
    UndoOrdered {
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// An answer that came after the end. It changes nothing but what is known.
    Late {
        step: StepId,
        side: Side,
        output: String,
        at: Timestamp,
    },
    /// A person ended it where it stood.
    Stopped {
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// Another order of the release took its place, with `by` to carry it out where that is more than traffic. Nothing more
    /// is begun; what is under way may still happen.
    Superseded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<SagaId>,
        at: Timestamp,
    },
    Ended {
        outcome: Outcome,
        /// The state in words, as it was then.
        summary: String,
        at: Timestamp,
    },
}

impl Event {
    /// The stable name, stored beside the body.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Ordered { .. } => "ordered",
            Event::Taken { .. } => "taken",
            Event::Begun { .. } => "begun",
            Event::Succeeded { .. } => "succeeded",
            Event::Failed { .. } => "failed",
            Event::OutcomeUnknown { .. } => "outcome_unknown",
            Event::CannotTell { .. } => "cannot_tell",
            Event::Overdue { .. } => "overdue",
            Event::Escalated { .. } => "escalated",
            Event::RetryOrdered { .. } => "retry_ordered",
            Event::Skipped { .. } => "skipped",
            Event::UndoOrdered { .. } => "undo_ordered",
            Event::Late { .. } => "late",
            Event::Stopped { .. } => "stopped",
            Event::Superseded { .. } => "superseded",
            Event::Ended { .. } => "ended",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Event::Ordered { at, .. }
            | Event::Taken { at, .. }
            | Event::Begun { at, .. }
            | Event::Succeeded { at, .. }
            | Event::Failed { at, .. }
            | Event::OutcomeUnknown { at, .. }
            | Event::CannotTell { at, .. }
            | Event::Overdue { at, .. }
            | Event::Escalated { at, .. }
            | Event::RetryOrdered { at, .. }
            | Event::Skipped { at, .. }
            | Event::UndoOrdered { at, .. }
            | Event::Late { at, .. }
            | Event::Stopped { at, .. }
            | Event::Superseded { at, .. }
            | Event::Ended { at, .. } => *at,
        }
    }

    /// The step it is about, if it is about one.
    pub fn step(&self) -> Option<(StepId, Side)> {
        match self {
            Event::Begun { step, side, .. }
            | Event::Succeeded { step, side, .. }
            | Event::Failed { step, side, .. }
            | Event::OutcomeUnknown { step, side, .. }
            | Event::CannotTell { step, side, .. }
            | Event::Overdue { step, side, .. }
            | Event::Escalated { step, side, .. }
            | Event::RetryOrdered { step, side, .. }
            | Event::Skipped { step, side, .. }
            | Event::Late { step, side, .. } => Some((*step, *side)),
            Event::Ordered { .. }
            | Event::Taken { .. }
            | Event::UndoOrdered { .. }
            | Event::Stopped { .. }
            | Event::Superseded { .. }
            | Event::Ended { .. } => None,
        }
    }
}
