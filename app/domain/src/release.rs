//! A release: moving a service from its baseline to a candidate under a plan. An event-sourced aggregate.
//!
//! [`Release::decide`] says what would happen, [`Release::evolve`] makes it so; neither reads a clock. Which act is legal
//! in which state is one table, [`table::allowed`].

use crate::artifact::Artifact;
use crate::checklist::ReleaseChecklist;
use crate::component::Component;
use crate::id::{Digest, PlanName, ReleaseId, RunbookName, SagaId, ServiceName};
use crate::judge::VerdictKind;
use crate::plan::{Plan, Weight};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

mod command;
mod decide;
mod event;
mod evolve;
mod forward;
mod part;
mod running;
pub mod table;
#[cfg(test)]
mod tests;

pub use command::{Command, Draft, ReleaseAct};
pub use decide::{REASON_CHARS, Refusal};
pub use event::Event;
pub use part::Part;
pub use running::Running;

/// The fold of a release's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    /// Number of events so far.
    pub version: i64,
    pub service: ServiceName,
    pub baseline: Artifact,
    pub candidate: Artifact,
    /// Everything that moves together, the service included; empty when it moves alone. What went back by itself is in
    /// `parts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// What the release is for, in the words of who made it.
    pub note: String,
    pub plan: Plan,
    pub plan_ref: PlanRef,
    pub checklist: Option<ReleaseChecklist>,
    /// Pinned when the release starts.
    pub runbooks: Vec<RunbookRef>,
    pub state: State,
    pub created_at: Timestamp,
    pub created_by: String,
    pub started_at: Option<Timestamp>,
    pub started_by: Option<String>,
    /// When the current stage was entered.
    pub stage_entered_at: Option<Timestamp>,
    /// When the hold began, if there is one.
    pub held_since: Option<Timestamp>,
    /// Time held within the current stage, before the present hold.
    pub held_before: Span,
    /// What the proxy was asked for last.
    pub asked: Option<Asked>,
    /// What carries out the start, or the newest rollback or rollforward, if it is more than traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saga: Option<SagaId>,
    /// The last change of verdict.
    pub verdict: Option<VerdictNote>,
    /// Weights asked so far, so that charts can mark stage changes.
    pub stages_entered: Vec<StageEntry>,
    pub ended_at: Option<Timestamp>,
    /// What ended it, in words: the reason of the last act.
    pub ended_by: Option<String>,
    /// The newest order to go back; none once that was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
    /// What went back while the rest stayed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// A person let rules act again after the rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumption>,
    /// What the newest hotfix replaces, until it takes its first traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
    /// When the newest hotfix began its own staged run, or a part went back: what was seen before says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_at: Option<Timestamp>,
    /// What was overridden when it was created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
}

/// An order to go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
    /// What of the release goes back where the rest stays, nothing where only flags are switched off; all of it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<ServiceName>>,
}

/// A build in whose place a hotfix is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    pub service: ServiceName,
    pub build: Artifact,
}

/// Rules may act again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// The plan as it was when the release was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRef {
    pub name: PlanName,
    pub version: i64,
    pub digest: Digest,
}

/// A runbook as it was when the release was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookRef {
    pub name: RunbookName,
    pub version: i64,
    pub digest: Digest,
}

/// A weight that was asked of the proxy, and whether it has been seen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub weight: Weight,
    pub at: Timestamp,
    /// Idempotency key of the effect.
    pub key: String,
    /// When the proxy reported this weight for the first time.
    pub confirmed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    pub stage: u8,
    pub weight: Weight,
    pub at: Timestamp,
}

/// The last change of verdict, as recorded in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictNote {
    pub kind: VerdictKind,
    /// The stage it was given for.
    pub stage: u8,
    pub since: Timestamp,
    pub tick: u64,
    pub sentence: String,
    /// When a `pass` of this stage ended last: the deadline counts from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_until: Option<Timestamp>,
}

/// Where a release stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The checklist is not complete.
    Draft,
    Ready,
    /// The candidates are being deployed, in order of need; no traffic was asked for yet.
    Starting,
    Running {
        stage: u8,
    },
    Holding {
        stage: u8,
        cause: HoldCause,
    },
    Promoted,
    RollingBack,
    RolledBack,
    /// Some components are back, others are not; named in the saga.
    PartiallyRolledBack,
    /// A hotfix replaces the candidate: it is not deployed yet, or the proxy has not yet confirmed its first stage. Nothing
    /// is judged meanwhile.
    RollingForward,
    /// Neither forward nor back, because going back would harm data.
    Frozen {
        stage: u8,
    },
    Cancelled,
}

/// Why there is no further promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum HoldCause {
    /// A person said so; only a person resumes.
    Person,
    /// There is no evidence; ends by itself when there is some again.
    NoEvidence { verdict: VerdictKind },
    /// The stage was not decided in time; a person decides.
    Deadline,
    /// It should go back, and the baseline has no room for all traffic. Goes back as soon as there is some.
    NoRoom,
    /// A part went back; a person decides about the rest.
    PartBack,
}

impl State {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Ready => "ready",
            State::Starting => "starting",
            State::Running { .. } => "running",
            State::Holding { .. } => "holding",
            State::Promoted => "promoted",
            State::RollingBack => "rolling_back",
            State::RolledBack => "rolled_back",
            State::PartiallyRolledBack => "partially_rolled_back",
            State::RollingForward => "rolling_forward",
            State::Frozen { .. } => "frozen",
            State::Cancelled => "cancelled",
        }
    }

    /// For people: `rolling back`.
    pub fn label(&self) -> String {
        self.as_str().replace('_', " ")
    }

    pub fn stage(&self) -> Option<u8> {
        match self {
            State::Running { stage } | State::Holding { stage, .. } | State::Frozen { stage } => Some(*stage),
            _ => None,
        }
    }

    /// Whether the engine still has work with it.
    pub fn active(&self) -> bool {
        matches!(
            self,
            State::Starting
                | State::Running { .. }
                | State::Holding { .. }
                | State::RollingBack
                | State::RollingForward
                | State::Frozen { .. }
        )
    }

    pub fn ended(&self) -> bool {
        matches!(self, State::Promoted | State::RolledBack | State::PartiallyRolledBack | State::Cancelled)
    }
}

impl Release {
    /// The fold of a stream. `None` when it does not begin with its creation.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Release> {
        let mut events = events.into_iter();
        let first = Release::created(events.next()?)?;
        Some(events.fold(first, Release::evolve))
    }

    /// Time in the current stage that counts as baking: without holds.
    pub fn baked(&self, now: Timestamp) -> Span {
        let Some(entered) = self.stage_entered_at else { return Span::ZERO };
        let held_now = self.held_since.map_or(Span::ZERO, |since| now.since(since));
        now.since(entered).saturating_sub(self.held_before).saturating_sub(held_now)
    }

    /// Bake time of the current stage still to go.
    pub fn bake_left(&self, now: Timestamp) -> Option<Span> {
        let stage = self.plan.stage(self.state.stage()?)?;
        Some(stage.bake.saturating_sub(self.baked(now)))
    }

    /// The last verdict, if it was given for the current stage.
    pub fn current_verdict(&self) -> Option<&VerdictNote> {
        self.verdict.as_ref().filter(|note| Some(note.stage) == self.state.stage())
    }

    /// Everything that moves: each service with what it moves to, the judged one first where it moves alone.
    pub fn moves(&self) -> Vec<(&ServiceName, &Artifact)> {
        if self.components.is_empty() {
            return vec![(&self.service, &self.candidate)];
        }
        self.components.iter().map(|component| (&component.name, &component.candidate)).collect()
    }

    /// Every service it concerns: all that move, and the judged one whatever became of it.
    pub fn concerns(&self) -> Vec<&ServiceName> {
        self.moves().into_iter().map(|(name, _)| name).chain([&self.service]).collect()
    }

    pub fn confirmed(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.confirmed_at.is_some())
    }
}
