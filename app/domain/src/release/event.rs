//! What happened to a release. Stored as JSON for ever: fields are added with a default, never renamed.

use super::{HoldCause, PlanRef, RunbookRef};
use crate::artifact::Artifact;
use crate::checklist::{ItemState, ReleaseChecklist};
use crate::component::Component;
use crate::id::{ReleaseId, SagaId, ServiceName};
use crate::judge::VerdictKind;
use crate::plan::{Plan, Weight};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// One event of a release's stream. `by` is who, `reason` is why, in their words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Created {
        id: ReleaseId,
        service: ServiceName,
        baseline: Artifact,
        candidate: Artifact,
        /// Everything that moves together; empty when the service moves alone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        components: Vec<Component>,
        note: String,
        plan: Box<Plan>,
        plan_ref: PlanRef,
        checklist: Option<Box<ReleaseChecklist>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overridden: Vec<String>,
        by: String,
        at: Timestamp,
    },
    ChecklistItemSet {
        item: String,
        to: ItemState,
        by: String,
        at: Timestamp,
    },
    /// `saga` deploys the candidates first; without one, the first stage follows at once.
    Started {
        runbooks: Vec<RunbookRef>,
        overridden: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saga: Option<SagaId>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// The candidates are not all in place, or a rollback before the first traffic was undone: it is as if it had not been
    /// started.
    StartEnded {
        /// What was deployed and what was not, from the saga.
        summary: String,
        at: Timestamp,
    },
    /// Traffic was asked for. Confirmed by a later `TrafficConfirmed`.
    StageEntered {
        stage: u8,
        weight: Weight,
        key: String,
        at: Timestamp,
    },
    /// A person or a rule moved the release on; the next stage follows, or the end.
    Promoted {
        from: u8,
        overridden: Vec<String>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// The last stage was passed.
    Completed {
        at: Timestamp,
    },
    /// The proxy reports the weight that was asked.
    TrafficConfirmed {
        weight: Weight,
        after: Span,
        from: String,
        at: Timestamp,
    },
    VerdictChanged {
        kind: VerdictKind,
        stage: u8,
        tick: u64,
        sentence: String,
        at: Timestamp,
    },
    Held {
        cause: HoldCause,
        by: String,
        reason: String,
        at: Timestamp,
    },
    Resumed {
        by: String,
        reason: String,
        at: Timestamp,
    },
    RollbackOrdered {
        key: String,
        /// What carries it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saga: Option<SagaId>,
        /// What of the release goes back where the rest stays, nothing where only flags are switched off; all of it when
        /// left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<Vec<ServiceName>>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// All traffic is back on the baseline, as the proxy reports; where a saga carried it out, everything is back.
    RolledBack {
        at: Timestamp,
    },
    /// Some of it is back. `summary` says what is not.
    PartiallyRolledBack {
        summary: String,
        at: Timestamp,
    },
    /// What was to go back alone did, as far as `summary` says, and is no longer part of the release. The rest stays with
    /// its candidates, held until a person decides.
    PartRolledBack {
        gone: Vec<ServiceName>,
        stage: u8,
        weight: Weight,
        key: String,
        summary: String,
        at: Timestamp,
    },
    /// The rollback itself was taken back: the candidate runs as before, held.
    RollbackUndone {
        stage: u8,
        weight: Weight,
        key: String,
        summary: String,
        at: Timestamp,
    },
    RollforwardOrdered {
        hotfix: Artifact,
        /// Which component it is for; the judged service when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        component: Option<ServiceName>,
        /// What deploys it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saga: Option<SagaId>,
        /// Where it begins: the first stage, or where the release was frozen.
        #[serde(default)]
        stage: u8,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overridden: Vec<String>,
        weight: Weight,
        key: String,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// The hotfix takes its first traffic, as the proxy reports; where a saga deployed it, it is deployed and probed.
    RolledForward {
        at: Timestamp,
    },
    /// The hotfix is not, or not wholly, in place; held until a person decides. `undone`: the candidate is back as it was.
    RollforwardEnded {
        undone: bool,
        summary: String,
        at: Timestamp,
    },
    Frozen {
        by: String,
        reason: String,
        at: Timestamp,
    },
    Cancelled {
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// Rules may act again on what was taken back.
    AutomationResumed {
        by: String,
        reason: String,
        at: Timestamp,
    },
}

impl Event {
    /// The stable name, stored beside the body.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Created { .. } => "created",
            Event::ChecklistItemSet { .. } => "checklist_item_set",
            Event::Started { .. } => "started",
            Event::StartEnded { .. } => "start_ended",
            Event::StageEntered { .. } => "stage_entered",
            Event::Promoted { .. } => "promoted",
            Event::Completed { .. } => "completed",
            Event::TrafficConfirmed { .. } => "traffic_confirmed",
            Event::VerdictChanged { .. } => "verdict_changed",
            Event::Held { .. } => "held",
            Event::Resumed { .. } => "resumed",
            Event::RollbackOrdered { .. } => "rollback_ordered",
            Event::RolledBack { .. } => "rolled_back",
            Event::PartiallyRolledBack { .. } => "partially_rolled_back",
            Event::PartRolledBack { .. } => "part_rolled_back",
            Event::RollbackUndone { .. } => "rollback_undone",
            Event::RollforwardOrdered { .. } => "rollforward_ordered",
            Event::RolledForward { .. } => "rolled_forward",
            Event::RollforwardEnded { .. } => "rollforward_ended",
            Event::Frozen { .. } => "frozen",
            Event::Cancelled { .. } => "cancelled",
            Event::AutomationResumed { .. } => "automation_resumed",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Event::Created { at, .. }
            | Event::ChecklistItemSet { at, .. }
            | Event::Started { at, .. }
            | Event::StartEnded { at, .. }
            | Event::StageEntered { at, .. }
            | Event::Promoted { at, .. }
            | Event::Completed { at }
            | Event::TrafficConfirmed { at, .. }
            | Event::VerdictChanged { at, .. }
            | Event::Held { at, .. }
            | Event::Resumed { at, .. }
            | Event::RollbackOrdered { at, .. }
            | Event::RolledBack { at }
            | Event::PartiallyRolledBack { at, .. }
            | Event::PartRolledBack { at, .. }
            | Event::RollbackUndone { at, .. }
            | Event::RollforwardOrdered { at, .. }
            | Event::RolledForward { at }
            | Event::RollforwardEnded { at, .. }
            | Event::Frozen { at, .. }
            | Event::Cancelled { at, .. }
            | Event::AutomationResumed { at, .. } => *at,
        }
    }

    /// The weight this event asks the proxy for, with its idempotency key. What goes back in part is asked for by the steps
    /// that take it back.
    pub fn asks(&self) -> Option<(Weight, &str)> {
        match self {
            Event::StageEntered { weight, key, .. }
            | Event::RollforwardOrdered { weight, key, .. }
            | Event::PartRolledBack { weight, key, .. }
            | Event::RollbackUndone { weight, key, .. } => Some((*weight, key)),
            Event::RollbackOrdered { key, only: None, .. } => Some((Weight::ZERO, key)),
            _ => None,
        }
    }
}
