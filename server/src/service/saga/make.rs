//! What a rollback of a release is made of: its components, what their documents say, and how things stand.

use crate::service::{Caller, PastNoReturn, Point, Result, Service, ServiceError, TrafficStatus, decode};
use std::collections::BTreeMap;
use std::sync::Arc;
use sternway_domain::access::Action;
use sternway_domain::component::{Component, ComponentError, Components, Fit, Layer, Need, Neighbour, Scope};
use sternway_domain::flag::Flag;
use sternway_domain::id::{FlagKey, ReleaseId, SagaId, ServiceName};
use sternway_domain::migration::Migration;
use sternway_domain::plan::{Metric, Weight};
use sternway_domain::preview::{self, Headroom, Load, Observed, PastRun, Preview, Room, Side};
use sternway_domain::recovery::RecoveryPolicy;
use sternway_domain::release::Release;
use sternway_domain::saga::{
    BuildError, ComponentBack, MigrationBack, RollbackOrder, SagaPlan, Settings, StepAct, rollback,
};
use sternway_domain::service::{GoingBack, Service as Document};
use sternway_domain::time::Span;

/// How old a reading may be that says how full a service is.
const FRESH: Span = Span::from_secs(120);

pub(super) type Documents = BTreeMap<ServiceName, Document>;

/// A rollback that is more than traffic.
pub(crate) struct Back {
    pub(crate) plan: SagaPlan,
    /// As they stood when the steps were made.
    pub(crate) migrations: Vec<Migration>,
    /// The fit that a person took upon themselves.
    pub(crate) taken: Option<String>,
}

impl Service {
    /// What a rollback would do now. Nothing is written.
    pub async fn preview_rollback(&self, caller: &Caller, id: ReleaseId, scope: &Scope) -> Result<Option<Preview>> {
        self.authorise(caller, Action::View)?;
        let release = self.load(id).await?;
        let Some(back) = self.rollback_plan(&release, scope, "", None).await? else { return Ok(None) };
        let (past, flags) = (self.past_steps(&release).await?, self.flag_states().await?);
        let traffic = self.loads(&release).await?;
        let mut preview = preview::preview(&back.plan, &Observed { past, flags, traffic, ..Observed::default() });
        let broken = back.migrations.iter().filter_map(|migration| migration.broken.as_ref());
        preview.warnings.extend(broken.map(|glass| glass.notice()));
        Ok(Some(preview))
    }

    /// Whether the baselines can take everything: of what the steps move, or of all that moves in the release.
    pub(crate) async fn rooms(&self, release: &Release, plan: Option<&SagaPlan>) -> Result<Vec<Room>> {
        let loads = self.loads(release).await?;
        let moved = |name: &ServiceName| {
            let shifts = |plan: &SagaPlan| {
                plan.steps
                    .iter()
                    .any(|step| matches!(&step.act, StepAct::ShiftTraffic { service, .. } if service == name))
            };
            plan.is_none_or(shifts)
        };
        let names = names(release).into_iter().filter(moved);
        Ok(names.map(|name| preview::room(&name, loads.get(&name), Weight::ZERO, Headroom::default())).collect())
    }

    /// Both sides of each service as they were seen a moment ago; what was not is left out.
    async fn loads(&self, release: &Release) -> Result<BTreeMap<ServiceName, Load>> {
        let mut loads = BTreeMap::new();
        let since = self.clock.now() - FRESH;
        let newest = self.tick_bodies(release.id, since).await?.pop().map(|body| body.point).unwrap_or_default();
        for name in names(release) {
            let status = self.traffic_status(&name).await?;
            let fresh = |status: &TrafficStatus| status.observed_at.is_some_and(|at| at >= since);
            if let Some(status) = status.filter(fresh) {
                // Only the service that is judged is watched.
                let seen = if name == release.service { newest.clone() } else { Point::default() };
                loads.insert(name, load(&status, &seen));
            }
        }
        Ok(loads)
    }

    /// What takes this release back. `None` when traffic is all there is to take back.
    pub(crate) async fn rollback_plan(
        &self,
        release: &Release,
        scope: &Scope,
        reason: &str,
        accept: Option<Fit>,
    ) -> Result<Option<Back>> {
        let migrations = self.migrations_of(release.id).await?;
        let documents = self.documents_of(&names(release)).await?;
        let alone = release.components.is_empty();
        if alone
            && migrations.is_empty()
            && documents.values().all(|document| document.rollback.is_none() && document.deploy.is_none())
        {
            return Ok(None);
        }
        let components = self.components_of(release, &documents).await?;
        let weight = release.stages_entered.last().map_or(Weight::ZERO, |entry| entry.weight);
        let known =
            documents.iter().map(|(name, document)| (name.clone(), back(document, weight, &migrations))).collect();
        // All of it has run beside its neighbours before; only a part of it may never have.
        let usual = if *scope == Scope::default() { Fit::Undeclared } else { Fit::Fits };
        let accept = accept.map_or(usual, |accept| accept.max(usual));
        let checked = components.check_partial(scope).map_err(|error| ServiceError::Rollback(error.to_string()))?;
        let taken = (checked.fit() > usual).then(|| format!("fit: {}", checked.explain()));
        let settings = Settings { accept, ..settings(release, &documents, reason) };
        let flags = self.flag_states().await?;
        let order = RollbackOrder {
            id: SagaId(self.new_id()),
            release: release.id,
            components: &components,
            scope,
            known: &known,
            flags: &flags,
            settings: &settings,
        };
        let plan = rollback(&order).map_err(|error| match &error {
            BuildError::PastNoReturn { migration, .. } => {
                let refused = migrations.iter().find(|known| known.plan.name == *migration).and_then(PastNoReturn::of);
                refused.map_or_else(
                    || ServiceError::Rollback(error.to_string()),
                    |refused| ServiceError::PastNoReturn(Box::new(refused)),
                )
            }
            _ => ServiceError::Rollback(error.to_string()),
        })?;
        Ok(Some(Back { plan, migrations, taken }))
    }

    /// Everything that moves in a release, with what its documents say today.
    pub(super) async fn components_of(&self, release: &Release, documents: &Documents) -> Result<Components> {
        let alone = release.components.is_empty();
        let list = if alone { vec![the_only(release)] } else { release.components.clone() };
        Components::new(completed(list, documents), self.neighbours(documents).await?)
            .map_err(|errors| ServiceError::Rollback(listed(&errors)))
    }

    /// Refuses components that have no order, by name.
    pub(in crate::service) async fn check_components(&self, list: &[Component]) -> Result<()> {
        let names: Vec<ServiceName> = list.iter().map(|component| component.name.clone()).collect();
        let documents = self.documents_of(&names).await?;
        let checked = Components::new(completed(list.to_vec(), &documents), self.neighbours(&documents).await?);
        let refused = |text| ServiceError::Invalid { field: "components".to_owned(), text };
        checked.map(|_| ()).map_err(|errors| refused(listed(&errors)))
    }

    /// The documents of everything that moves in a release; one that is missing has no way back but its traffic.
    pub(super) async fn documents_of(&self, names: &[ServiceName]) -> Result<Documents> {
        let mut documents = BTreeMap::new();
        for name in names {
            if let Some(document) = self.service_document(name).await? {
                documents.insert(name.clone(), document);
            }
        }
        Ok(documents)
    }

    /// Services beside the release: those that depend on its components, and those that its components depend on.
    async fn neighbours(&self, inside: &Documents) -> Result<Vec<Neighbour>> {
        let rows = self.store.documents("Service").await?;
        let mut neighbours = Vec::new();
        for row in rows {
            let document: Document = decode("service", &row.body)?;
            if inside.contains_key(&document.name) {
                continue;
            }
            let version = self.running_now(&document.name).await?.map(|artifact| artifact.version);
            neighbours.push(Neighbour { name: document.name.clone(), version, needs: needs(&document) });
        }
        Ok(neighbours)
    }

    /// Whether each flag is on where this Sternway's services run.
    async fn flag_states(&self) -> Result<BTreeMap<FlagKey, bool>> {
        let table = self.flags.current(self.store.as_ref()).await?;
        let state = |(key, flag): (&FlagKey, &Arc<Flag>)| (key.clone(), flag.setting(&self.environment).enabled);
        Ok(table.flags.iter().map(state).collect())
    }

    /// Steps of earlier sagas of the same service.
    pub(super) async fn past_steps(&self, release: &Release) -> Result<Vec<PastRun>> {
        let filter = crate::store::rows::ReleaseFilter {
            service: Some(release.service.clone()),
            limit: 20,
            ..Default::default()
        };
        let mut past = Vec::new();
        for row in self.store.releases(&filter).await? {
            for saga in self.store.sagas(row.id).await?.into_iter().filter(|saga| !saga.active) {
                let log = self.saga(saga.id).await?;
                past.extend(PastRun::of(&log.saga, &log.events));
            }
        }
        Ok(past)
    }
}

/// What moves in a release, the service itself first.
pub(crate) fn names(release: &Release) -> Vec<ServiceName> {
    if release.components.is_empty() {
        return vec![release.service.clone()];
    }
    release.components.iter().map(|component| component.name.clone()).collect()
}

/// The one component of a release that moves alone.
fn the_only(release: &Release) -> Component {
    Component {
        name: release.service.clone(),
        layer: Layer::default(),
        baseline: release.baseline.clone(),
        candidate: release.candidate.clone(),
        needs: vec![],
        cells: vec![],
        features: vec![],
    }
}

/// The components with the needs and cells that their documents name today.
fn completed(list: Vec<Component>, documents: &Documents) -> Vec<Component> {
    list.into_iter()
        .map(|mut component| {
            if let Some(document) = documents.get(&component.name) {
                let back = document.rollback.clone().unwrap_or_default();
                component.layer = back.layer;
                component.needs = needs(document);
                component.cells = back.cells;
                component.features = back.kill_switches;
            }
            component
        })
        .collect()
}

fn needs(document: &Document) -> Vec<Need> {
    let works_with = document.rollback.as_ref().map(|back| &back.works_with);
    let need = |on: &ServiceName| {
        let accepts = works_with.and_then(|works| works.get(on)).cloned();
        Need { on: on.clone(), baseline_accepts: accepts.clone(), accepts }
    };
    document.depends_on.iter().map(need).collect()
}

pub(super) fn back(document: &Document, weight: Weight, migrations: &[Migration]) -> ComponentBack {
    let own = migrations.iter().filter(|migration| migration.plan.component == document.name);
    let migrations = own.map(MigrationBack::from).collect();
    let going_back = document.rollback.clone().unwrap_or_default();
    let return_each = going_back.return_each();
    let GoingBack { returns, drain, probes, caches, .. } = going_back;
    let deploy = document.deploy.is_some();
    ComponentBack { weight, beside: true, returns, return_each, drain, deploy, migrations, caches, probes }
}

pub(super) fn settings(release: &Release, documents: &Documents, reason: &str) -> Settings {
    let backs: Vec<&GoingBack> = documents.values().filter_map(|document| document.rollback.as_ref()).collect();
    let mut channels: Vec<String> = backs.iter().flat_map(|back| back.tell.clone()).collect();
    channels.sort();
    channels.dedup();
    let recovery = backs.iter().filter_map(|back| back.recovery.clone()).max_by_key(|policy| policy.steady);
    let message = format!("{} {} → {}. {reason}", release.service, release.candidate.version, release.baseline.version);
    Settings {
        recovery: recovery.unwrap_or_else(RecoveryPolicy::default),
        channels,
        message: message.trim_end().to_owned(),
        objective: documents.values().filter_map(|document| document.objectives.rto).min(),
        ..Settings::default()
    }
}

fn load(status: &TrafficStatus, seen: &Point) -> Load {
    let side = |ready, total, values: &BTreeMap<Metric, f64>| Side {
        ready,
        total,
        saturation: values.get(&Metric::Saturation).copied(),
    };
    Load {
        candidate_share: status.observed,
        baseline: side(status.baseline_ready, status.baseline_total, &seen.baseline),
        candidate: side(status.canary_ready, status.canary_total, &seen.canary),
    }
}

fn listed(errors: &[ComponentError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
