//! What brings a release forward: its candidates before any traffic, or a hotfix in place of one; deployed and probed.

use super::make::{Documents, back, names, settings};
use crate::service::{Caller, Result, Service, ServiceError};
use std::collections::BTreeMap;
use sternway_domain::access::Action;
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{ReleaseId, SagaId, ServiceName};
use sternway_domain::plan::Weight;
use sternway_domain::preview::{self, Observed, Preview};
use sternway_domain::release::Release;
use sternway_domain::saga::{ForwardError, ForwardOrder, SagaPlan, rollforward, start};

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
        let hotfixes = BTreeMap::from([(name.clone(), hotfix.clone())]);
        self.forward(release, &documents, |order| rollforward(order, &hotfixes)).await.map(Some)
    }

    /// Whether starting it deploys anything.
    pub(crate) async fn deploys(&self, release: &Release) -> Result<bool> {
        let documents = self.documents_of(&names(release)).await?;
        Ok(documents.values().any(|document| document.deploy.is_some()))
    }

    /// The steps that deploy the candidates, in order of need. `None` when nothing here has a deployer.
    pub(in crate::service) async fn start_plan(&self, release: &Release) -> Result<Option<SagaPlan>> {
        let documents = self.documents_of(&names(release)).await?;
        if documents.values().all(|document| document.deploy.is_none()) {
            return Ok(None);
        }
        self.forward(release, &documents, start).await.map(Some)
    }

    async fn forward(
        &self,
        release: &Release,
        documents: &Documents,
        make: impl FnOnce(&ForwardOrder<'_>) -> std::result::Result<SagaPlan, ForwardError>,
    ) -> Result<SagaPlan> {
        let components = self.components_of(release, documents).await?;
        let known =
            documents.iter().map(|(name, document)| (name.clone(), back(document, Weight::ZERO, &[]))).collect();
        let order = ForwardOrder {
            id: SagaId(self.new_id()),
            release: release.id,
            components: &components,
            known: &known,
            settings: &settings(release, documents, ""),
        };
        make(&order).map_err(|error| ServiceError::Rollback(error.to_string()))
    }
}
