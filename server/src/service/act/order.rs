//! What carries an act out, where that is more than traffic.

use super::{ActRequest, Overrides, Wanted};
use crate::service::{Result, Service, ServiceError};
use sternway_domain::component::Scope;
use sternway_domain::migration::Migration;
use sternway_domain::preview::permit;
use sternway_domain::release::{Command, Release};
use sternway_domain::saga::SagaPlan;

/// A command with what carries it out.
pub(super) struct Ordered {
    pub(super) command: Command,
    pub(super) saga: Option<SagaPlan>,
    pub(super) data: Vec<Migration>,
    pub(super) overridden: Vec<String>,
}

/// What is given besides the command.
#[derive(Default)]
pub(super) struct Given {
    /// What goes back.
    pub(super) scope: Scope,
    pub(super) overrides: Overrides,
    /// The candidates run already.
    pub(super) deployed: bool,
}

impl Given {
    pub(super) fn of(request: &ActRequest) -> Self {
        let scope = if let Wanted::Rollback { scope } = &request.wanted { scope.clone() } else { Scope::default() };
        let deployed = matches!(request.wanted, Wanted::Start { deployed: true, .. });
        Self { scope, overrides: request.overrides, deployed }
    }
}

impl Service {
    /// What is more than traffic gets the saga that carries it out.
    pub(super) async fn with_saga(&self, release: &Release, command: Command, given: &Given) -> Result<Ordered> {
        let reason = match command {
            Command::Start { runbooks, override_checklist, known_bad, reason, .. } => {
                let plan = if given.deployed { None } else { self.start_plan(release).await? };
                let saga = plan.as_ref().map(|plan| plan.id);
                let command = Command::Start { runbooks, override_checklist, saga, known_bad, reason };
                return Ok(Ordered { command, saga: plan, data: vec![], overridden: vec![] });
            }
            Command::Rollback { reason, .. } => reason,
            Command::Rollforward { hotfix, component, known_bad, override_known_bad, reason, .. } => {
                let plan = self.rollforward_plan(release, component.as_ref(), &hotfix).await?;
                let saga = plan.as_ref().map(|plan| plan.id);
                let command = Command::Rollforward { hotfix, component, saga, known_bad, override_known_bad, reason };
                return Ok(Ordered { command, saga: plan, data: vec![], overridden: vec![] });
            }
            command => return Ok(Ordered { command, saga: None, data: vec![], overridden: vec![] }),
        };
        let back = self.rollback_plan(release, &given.scope, &reason, given.overrides.fit).await?;
        let (plan, data, taken) = match back {
            Some(back) => (Some(back.plan), back.migrations, back.taken),
            None => (None, vec![], None),
        };
        let rooms = self.rooms(release, plan.as_ref()).await?;
        let permitted = permit(&rooms, given.overrides.capacity);
        let permitted = permitted.map_err(|error| ServiceError::Rollback(error.to_string()))?;
        let overridden = taken.into_iter().chain(permitted).collect();
        let saga = plan.as_ref().map(|plan| plan.id);
        let part = plan.as_ref().map(SagaPlan::going_back).filter(|back| back.len() < release.moves().len());
        let command = Command::Rollback { saga, only: part, reason };
        Ok(Ordered { command, saga: plan, data, overridden })
    }
}
