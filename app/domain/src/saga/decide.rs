//! What people order in a saga that is under way, and what is refused.

use super::{Event, Phase, Saga, SagaPlan, SagaProblem, Side, Status, StepAct, StepId, problems};
use crate::actor::Actor;
use crate::release::REASON_CHARS;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An order of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The step is done by hand.
    SignOff {
        step: StepId,
        side: Side,
        role: String,
        note: String,
    },
    Retry {
        step: StepId,
        side: Side,
        reason: String,
    },
    /// Go on without it.
    Skip {
        step: StepId,
        side: Side,
        reason: String,
    },
    /// No further step; undo what was done, in reverse.
    Compensate {
        reason: String,
    },
    /// Call somebody; the step's role unless another is named.
    Escalate {
        step: StepId,
        side: Side,
        to: Option<String>,
        reason: String,
    },
    /// End it where it stands, as partial: nothing more is begun. What is under way may still happen; the log says so.
    Stop {
        reason: String,
    },
}

/// What a person may choose for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    SignOff,
    Retry,
    Skip,
    Compensate,
    Escalate,
    Stop,
}

impl Choice {
    pub const ALL: [Choice; 6] =
        [Choice::SignOff, Choice::Retry, Choice::Skip, Choice::Compensate, Choice::Escalate, Choice::Stop];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Choice::SignOff => "sign_off",
            Choice::Retry => "retry",
            Choice::Skip => "skip",
            Choice::Compensate => "compensate",
            Choice::Escalate => "escalate",
            Choice::Stop => "stop",
        }
    }
}

/// Why not, in words for a person or for the engine's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("token {token} is not the newest, {newest} is; another engine holds this saga, stop working on it")]
    Stale { token: u64, newest: u64 },
    #[error("there is no step {0}")]
    NoSuchStep(StepId),
    #[error("step {step} ({title}) is not due; look again at what is")]
    NotDue { step: StepId, title: String },
    #[error("step {step} ({title}) was never begun, so there is nothing to answer")]
    NeverBegun { step: StepId, title: String },
    #[error("the saga has ended; order a new one")]
    Ended,
    #[error("only people may choose here")]
    OnlyPeople,
    #[error("the reason has {0} characters; say why in 3 to 2000")]
    Reason(usize),
    #[error("step {step} ({title}) {why}")]
    NotNow { step: StepId, title: String, why: &'static str },
    #[error("step {step} is signed off by the role {wanted}, not {given}")]
    Role { step: StepId, wanted: String, given: String },
    #[error("it is being undone already")]
    Undoing,
    #[error("the steps cannot be run: {0}")]
    Plan(#[source] SagaProblem),
}

type Decided = Result<Vec<Event>, Refusal>;

impl Saga {
    /// The first event of a new stream. Automation may order one: the rule behind it was checked by the release.
    pub fn order_new(plan: SagaPlan, by: &Actor, reason: String, now: Timestamp) -> Decided {
        check_reason(&reason)?;
        if let Some(problem) = problems(&plan).into_iter().next() {
            return Err(Refusal::Plan(problem));
        }
        Ok(vec![Event::Ordered { plan: Box::new(plan), by: by.label(), reason, at: now }])
    }

    /// What an order of a person would bring about.
    pub fn decide(&self, command: Command, by: &Actor, now: Timestamp) -> Decided {
        if !matches!(by, Actor::Person { .. } | Actor::Token { .. }) {
            return Err(Refusal::OnlyPeople);
        }
        if self.ended() {
            return Err(Refusal::Ended);
        }
        check_reason(command.reason())?;
        let by = by.label();
        let mut events = match command {
            Command::SignOff { step, side, role, note } => vec![self.sign_off(step, side, role, note, by, now)?],
            Command::Retry { step, side, reason } => {
                self.check(step, side, Choice::Retry)?;
                vec![Event::RetryOrdered { step, side, by, reason, at: now }]
            }
            Command::Skip { step, side, reason } => {
                self.check(step, side, Choice::Skip)?;
                vec![Event::Skipped { step, side, by, reason, at: now }]
            }
            Command::Compensate { .. } if self.phase == Phase::Undoing => return Err(Refusal::Undoing),
            Command::Compensate { reason } => vec![Event::UndoOrdered { by, reason, at: now }],
            Command::Escalate { step, side, to, reason } => {
                let (found, _) = self.find(step, side)?;
                let to = to.unwrap_or_else(|| found.role.clone());
                vec![Event::Escalated { step, side, to, why: reason, by, at: now }]
            }
            Command::Stop { reason } => vec![Event::Stopped { by, reason, at: now }],
        };
        self.finish(&mut events, now);
        Ok(events)
    }

    /// What a person may choose for one side of a step, now. Empty for a step that needs nobody.
    pub fn choices(&self, id: StepId, side: Side) -> Vec<Choice> {
        let Ok((step, track)) = self.find(id, side) else { return vec![] };
        if self.ended() {
            return vec![];
        }
        let by_hand = self.act(step, side).is_some_and(StepAct::by_hand);
        let mut choices = match track.status {
            Status::Failed | Status::Unclear if self.wanted(side) => vec![Choice::Retry, Choice::Skip],
            Status::Running if by_hand => vec![Choice::SignOff, Choice::Skip],
            Status::Running | Status::Asking | Status::Retrying(_) => vec![Choice::Skip],
            Status::Waiting | Status::Done | Status::Skipped | Status::Failed | Status::Unclear => vec![],
        };
        if choices.is_empty() {
            return choices;
        }
        if self.phase == Phase::Forward {
            choices.push(Choice::Compensate);
        }
        choices.push(Choice::Escalate);
        choices.push(Choice::Stop);
        choices
    }

    fn wanted(&self, side: Side) -> bool {
        (self.phase == Phase::Undoing) == (side == Side::Undo)
    }

    fn check(&self, id: StepId, side: Side, choice: Choice) -> Result<(), Refusal> {
        let (step, track) = self.find(id, side)?;
        if self.choices(id, side).contains(&choice) {
            return Ok(());
        }
        let why = match track.status {
            Status::Running | Status::Asking if choice == Choice::Retry => {
                "may have happened already; the driver is being asked, wait for its answer"
            }
            Status::Retrying(_) => "is tried again by itself",
            Status::Waiting => "has not begun",
            Status::Done => "is done",
            Status::Skipped => "was skipped",
            _ => "cannot be changed now",
        };
        Err(Refusal::NotNow { step: id, title: step.title.clone(), why })
    }

    fn sign_off(
        &self,
        id: StepId,
        side: Side,
        role: String,
        note: String,
        by: String,
        now: Timestamp,
    ) -> Result<Event, Refusal> {
        let (step, track) = self.find(id, side)?;
        let Some(StepAct::Manual { role: wanted, .. }) = self.act(step, side) else {
            let why = "is not done by hand";
            return Err(Refusal::NotNow { step: id, title: step.title.clone(), why });
        };
        if !role.trim().eq_ignore_ascii_case(wanted.trim()) {
            return Err(Refusal::Role { step: id, wanted: wanted.clone(), given: role });
        }
        self.check(id, side, Choice::SignOff)?;
        Ok(Event::Succeeded { step: id, side, attempt: track.attempt, output: note, by: Some(by), at: now })
    }
}

impl Command {
    fn reason(&self) -> &str {
        match self {
            Command::SignOff { note: reason, .. }
            | Command::Retry { reason, .. }
            | Command::Skip { reason, .. }
            | Command::Compensate { reason }
            | Command::Escalate { reason, .. }
            | Command::Stop { reason } => reason,
        }
    }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    let chars = reason.trim().chars().count();
    if REASON_CHARS.contains(&chars) { Ok(()) } else { Err(Refusal::Reason(chars)) }
}
