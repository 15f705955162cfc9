//! What is asked of a release.

use crate::service::create::is_false;
use serde::Serialize;
use sternway_domain::artifact::Artifact;
use sternway_domain::checklist::ItemState;
use sternway_domain::component::{Fit, Scope};
use sternway_domain::id::ServiceName;
use sternway_domain::release::{Command, HoldCause, ReleaseAct, RunbookRef};

/// What is wanted, beyond the reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Wanted {
    Check {
        item: String,
        to: ItemState,
    },
    Start {
        override_checklist: bool,
        /// The candidates run already: traffic is all there is to move.
        #[serde(skip_serializing_if = "is_false")]
        deployed: bool,
    },
    Promote {
        override_verdict: bool,
    },
    Hold,
    Resume,
    Rollback {
        #[serde(skip_serializing_if = "is_all")]
        scope: Scope,
    },
    Rollforward {
        hotfix: Artifact,
        /// Which component it is for; the judged service when left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        component: Option<ServiceName>,
        /// Although the hotfix is known bad.
        #[serde(skip_serializing_if = "is_false")]
        override_known_bad: bool,
    },
    Freeze,
    Cancel,
    ResumeAutomation,
}

/// Whether everything goes back.
fn is_all(scope: &Scope) -> bool {
    *scope == Scope::default()
}

/// What a person takes upon themselves. The reason says why, and the decision shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Overrides {
    /// A rollback, although the baseline has no room for all traffic.
    pub capacity: bool,
    /// Of a rollback: the worst fit between what goes back and what stays.
    pub fit: Option<Fit>,
    /// Something new, although a change freeze is in force.
    #[serde(skip_serializing_if = "is_false")]
    pub freeze: bool,
}

impl Overrides {
    pub(super) fn none(&self) -> bool {
        *self == Self::default()
    }
}

impl Wanted {
    pub fn act(&self) -> ReleaseAct {
        match self {
            Wanted::Check { .. } => ReleaseAct::Check,
            Wanted::Start { .. } => ReleaseAct::Start,
            Wanted::Promote { .. } => ReleaseAct::Promote,
            Wanted::Hold => ReleaseAct::Hold,
            Wanted::Resume => ReleaseAct::Resume,
            Wanted::Rollback { .. } => ReleaseAct::Rollback,
            Wanted::Rollforward { .. } => ReleaseAct::Rollforward,
            Wanted::Freeze => ReleaseAct::Freeze,
            Wanted::Cancel => ReleaseAct::Cancel,
            Wanted::ResumeAutomation => ReleaseAct::ResumeAutomation,
        }
    }

    pub(super) fn command(self, reason: String, runbooks: Vec<RunbookRef>) -> Command {
        match self {
            Wanted::Check { item, to } => Command::Check { item, to },
            Wanted::Start { override_checklist, .. } => {
                Command::Start { runbooks, override_checklist, saga: None, known_bad: vec![], reason }
            }
            Wanted::Promote { override_verdict } => Command::Promote { override_verdict, reason },
            Wanted::Hold => Command::Hold { cause: HoldCause::Person, reason },
            Wanted::Resume => Command::Resume { reason },
            Wanted::Rollback { .. } => Command::Rollback { saga: None, only: None, reason },
            Wanted::Rollforward { hotfix, component, override_known_bad } => {
                let (saga, known_bad) = (None, vec![]);
                Command::Rollforward { hotfix, component, saga, known_bad, override_known_bad, reason }
            }
            Wanted::Freeze => Command::Freeze { reason },
            Wanted::Cancel => Command::Cancel { reason },
            Wanted::ResumeAutomation => Command::ResumeAutomation { reason },
        }
    }
}
