//! What is asked of a release, by name.

use super::{HoldCause, PlanRef, RunbookRef};
use crate::artifact::Artifact;
use crate::checklist::{ItemState, ReleaseChecklist};
use crate::component::Component;
use crate::id::{ReleaseId, SagaId, ServiceName};
use crate::judge::Verdict;
use crate::plan::{Plan, Weight};
use crate::recovery::KnownBad;
use crate::saga::Outcome;
use serde::{Deserialize, Serialize};

/// What a release is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub id: ReleaseId,
    pub service: ServiceName,
    pub baseline: Artifact,
    pub candidate: Artifact,
    /// Everything that moves together, the service included; empty when it moves alone.
    pub components: Vec<Component>,
    pub note: String,
    pub plan: Plan,
    pub plan_ref: PlanRef,
    pub checklist: Option<ReleaseChecklist>,
    /// Builds of these services that were taken back before.
    pub known_bad: Vec<KnownBad>,
    /// Although a candidate is known bad; the note says why.
    pub override_known_bad: bool,
}

/// What is asked of a release. The first ten are acts with a reason; the last two are what the engine saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Check {
        item: String,
        to: ItemState,
    },
    /// `override_checklist` starts although the checklist is not complete or a candidate has become known bad.
    Start {
        runbooks: Vec<RunbookRef>,
        override_checklist: bool,
        /// Deploys the candidates before any traffic.
        saga: Option<SagaId>,
        known_bad: Vec<KnownBad>,
        reason: String,
    },
    /// `override_verdict` promotes without a `pass` for the current stage.
    Promote {
        override_verdict: bool,
        reason: String,
    },
    Hold {
        cause: HoldCause,
        reason: String,
    },
    Resume {
        reason: String,
    },
    /// `saga` carries it out; without one, traffic is all there is to take back. `only`: what goes back where the rest stays,
    /// nothing where only flags are switched off.
    Rollback {
        saga: Option<SagaId>,
        only: Option<Vec<ServiceName>>,
        reason: String,
    },
    /// A build in place of the candidate of the service, or of one of its components. `saga` deploys it; without one it has
    /// been deployed by hand.
    Rollforward {
        hotfix: Artifact,
        component: Option<ServiceName>,
        saga: Option<SagaId>,
        known_bad: Vec<KnownBad>,
        override_known_bad: bool,
        reason: String,
    },
    Freeze {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    /// Rules may act again on what was taken back.
    ResumeAutomation {
        reason: String,
    },
    RecordVerdict(Box<Verdict>),
    ConfirmTraffic {
        weight: Weight,
        from: String,
    },
    /// The saga of the rollback has ended.
    EndRollback {
        outcome: Outcome,
        summary: String,
    },
    /// The saga of the start has ended.
    EndStart {
        outcome: Outcome,
        summary: String,
    },
    /// The saga of the rollforward has ended.
    EndRollforward {
        outcome: Outcome,
        summary: String,
    },
}

/// The acts, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseAct {
    Check,
    Start,
    Promote,
    Hold,
    Resume,
    Rollback,
    Rollforward,
    Freeze,
    Cancel,
    ResumeAutomation,
}

impl ReleaseAct {
    pub const ALL: [ReleaseAct; 10] = [
        ReleaseAct::Check,
        ReleaseAct::Start,
        ReleaseAct::Promote,
        ReleaseAct::Hold,
        ReleaseAct::Resume,
        ReleaseAct::Rollback,
        ReleaseAct::Rollforward,
        ReleaseAct::Freeze,
        ReleaseAct::Cancel,
        ReleaseAct::ResumeAutomation,
    ];

    pub fn as_str(self) -> &'static str {
        self.action().as_str()
    }

    /// For people: `roll back`.
    pub fn label(self) -> &'static str {
        self.action().label()
    }

    /// The permission it needs.
    pub fn action(self) -> crate::access::Action {
        use crate::access::Action;
        match self {
            ReleaseAct::Check => Action::Check,
            ReleaseAct::Start => Action::Start,
            ReleaseAct::Promote => Action::Promote,
            ReleaseAct::Hold => Action::Hold,
            ReleaseAct::Resume => Action::Resume,
            ReleaseAct::Rollback => Action::Rollback,
            ReleaseAct::Rollforward => Action::Rollforward,
            ReleaseAct::Freeze => Action::Freeze,
            ReleaseAct::Cancel => Action::Cancel,
            ReleaseAct::ResumeAutomation => Action::ResumeAutomation,
        }
    }
}

impl Command {
    /// The act this command is, if it is one.
    pub fn act(&self) -> Option<ReleaseAct> {
        Some(match self {
            Command::Check { .. } => ReleaseAct::Check,
            Command::Start { .. } => ReleaseAct::Start,
            Command::Promote { .. } => ReleaseAct::Promote,
            Command::Hold { .. } => ReleaseAct::Hold,
            Command::Resume { .. } => ReleaseAct::Resume,
            Command::Rollback { .. } => ReleaseAct::Rollback,
            Command::Rollforward { .. } => ReleaseAct::Rollforward,
            Command::Freeze { .. } => ReleaseAct::Freeze,
            Command::Cancel { .. } => ReleaseAct::Cancel,
            Command::ResumeAutomation { .. } => ReleaseAct::ResumeAutomation,
            Command::RecordVerdict(_)
            | Command::ConfirmTraffic { .. }
            | Command::EndRollback { .. }
            | Command::EndStart { .. }
            | Command::EndRollforward { .. } => return None,
        })
    }

    /// The reason given, empty where none is asked for.
    pub fn reason(&self) -> &str {
        match self {
            Command::Start { reason, .. }
            | Command::Promote { reason, .. }
            | Command::Hold { reason, .. }
            | Command::Resume { reason }
            | Command::Rollback { reason, .. }
            | Command::Rollforward { reason, .. }
            | Command::Freeze { reason }
            | Command::Cancel { reason }
            | Command::ResumeAutomation { reason } => reason,
            Command::Check { .. }
            | Command::RecordVerdict(_)
            | Command::ConfirmTraffic { .. }
            | Command::EndRollback { .. }
            | Command::EndStart { .. }
            | Command::EndRollforward { .. } => "",
        }
    }
}
