//! What a rollforward of a release is made of: a hotfix, deployed in place of the candidate and probed.

use super::make::{back, names, settings};
use crate::service::{Caller, Result, Service, ServiceError};
use std::collections::BTreeMap;
use sternway_domain::access::Action;
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{ReleaseId, SagaId, ServiceName};
use sternway_domain::plan::Weight;
use sternway_domain::preview::{self, Observed, Preview};
use sternway_domain::release::Release;
use sternway_domain::saga::{ForwardOrder, SagaPlan, rollforward};

impl Service {
    /// What a rollforward would do now. `None` when its hotfix is deployed by hand. Nothing is written.
    pub async fn preview_rollforward(
        &self,
        caller: &Caller,
        id: ReleaseId,
        component: Option<&ServiceName>,
        hotfix: &Artifact,
    ) -> Result<Option<Preview>> {
        self.authorise(caller, Action::View)?;
        let release = self.load(id).await?;
        let Some(plan) = self.rollforward_plan(&release, component, hotfix).await? else { return Ok(None) };
        let observed = Observed { past: self.past_steps(&release).await?, ..Observed::default() };
        Ok(Some(preview::preview(&plan, &observed)))
    }

    /// The steps that bring a hotfix into place. `None` for what has no deployer.
    pub(in crate::service) async fn rollforward_plan(
        &self,
        release: &Release,
        component: Option<&ServiceName>,
        hotfix: &Artifact,
    ) -> Result<Option<SagaPlan>> {
        let name = component.unwrap_or(&release.service);
        let documents = self.documents_of(&names(release)).await?;
        if documents.get(name).is_none_or(|document| document.deploy.is_none()) {
            return Ok(None);
        }
        let components = self.components_of(release, &documents).await?;
        let known =
            documents.iter().map(|(name, document)| (name.clone(), back(document, Weight::ZERO, &[]))).collect();
        let order = ForwardOrder {
            id: SagaId(self.new_id()),
            release: release.id,
            components: &components,
            known: &known,
            settings: &settings(release, &documents, ""),
        };
        let plan = rollforward(&order, &BTreeMap::from([(name.clone(), hotfix.clone())]));
        plan.map(Some).map_err(|error| ServiceError::Rollback(error.to_string()))
    }
}
