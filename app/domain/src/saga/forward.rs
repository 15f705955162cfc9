//! From the components of a release to the steps that bring them forward: the candidates before traffic, or a hotfix in
//! place of them.
//!
//! What is needed is deployed before what needs it, and probed before anything is built on it. Traffic is not moved here:
//! the staged rollout does that, with its own gates.

use super::{ComponentBack, Purpose, SagaPlan, Settings, Step, StepAct, StepId};
use crate::artifact::Artifact;
use crate::component::{Component, Components};
use crate::id::{ReleaseId, SagaId, ServiceName};
use std::collections::BTreeMap;

/// What is brought forward.
#[derive(Debug, Clone)]
pub struct ForwardOrder<'a> {
    pub id: SagaId,
    pub release: ReleaseId,
    pub components: &'a Components,
    /// Probes of each component, and whether there is a deployer for it (`deploy`).
    pub known: &'a BTreeMap<ServiceName, ComponentBack>,
    pub settings: &'a Settings,
}

/// Why there is nothing to bring forward.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    #[error("no component has a deployer, so there is nothing to deploy; deploy by hand, then start")]
    Nothing,
    #[error("the release has no component `{0}` to put a hotfix into")]
    NoComponent(ServiceName),
    #[error("`{0}` has no deployer, so its hotfix must be deployed by hand")]
    NoDeployer(ServiceName),
    #[error("the hotfix of `{0}` is the build that runs already")]
    Same(ServiceName),
}

/// Deploys every candidate that has a deployer, in order of need. Undone, the baselines are deployed again.
pub fn start(order: &ForwardOrder<'_>) -> Result<SagaPlan, ForwardError> {
    let artifacts = order.components.iter().filter(|c| order.known.get(&c.name).is_some_and(|known| known.deploy));
    let artifacts: BTreeMap<_, _> = artifacts.map(|c| (c.name.clone(), c.candidate.clone())).collect();
    if artifacts.is_empty() {
        return Err(ForwardError::Nothing);
    }
    Ok(deploy(order, Purpose::Start, &artifacts, |component| &component.baseline))
}

/// Deploys hotfixes in place of the candidates. Undone, the candidates are deployed again.
pub fn rollforward(
    order: &ForwardOrder<'_>,
    hotfixes: &BTreeMap<ServiceName, Artifact>,
) -> Result<SagaPlan, ForwardError> {
    for (name, hotfix) in hotfixes {
        let component = order.components.get(name).ok_or_else(|| ForwardError::NoComponent(name.clone()))?;
        if !order.known.get(name).is_some_and(|known| known.deploy) {
            return Err(ForwardError::NoDeployer(name.clone()));
        }
        if [&component.candidate.digest, &component.baseline.digest].contains(&&hotfix.digest) {
            return Err(ForwardError::Same(name.clone()));
        }
    }
    if hotfixes.is_empty() {
        return Err(ForwardError::Nothing);
    }
    Ok(deploy(order, Purpose::Rollforward, hotfixes, |component| &component.candidate))
}

fn deploy(
    order: &ForwardOrder<'_>,
    purpose: Purpose,
    artifacts: &BTreeMap<ServiceName, Artifact>,
    before: impl Fn(&Component) -> &Artifact,
) -> SagaPlan {
    let mut steps: Vec<Step> = Vec::new();
    // The last steps of each component, its own or, where it has none, those it waits for.
    let mut last: BTreeMap<&ServiceName, Vec<StepId>> = BTreeMap::new();
    for component in order.components.start_levels().iter().flatten().filter_map(|name| order.components.get(name)) {
        let name = &component.name;
        let mut after: Vec<StepId> =
            component.needs.iter().filter_map(|need| last.get(&need.on)).flatten().copied().collect();
        after.sort();
        after.dedup();
        if let Some(artifact) = artifacts.get(name) {
            let of = |artifact: &Artifact| StepAct::Deploy {
                service: name.clone(),
                artifact: artifact.clone(),
                cells: component.cells.clone(),
            };
            let title = format!("Deploy `{name}` {}", artifact.version);
            let deployed = add(&mut steps, order.settings, title, name, after, of(artifact));
            if let Some(step) = steps.last_mut() {
                step.undo = Some(of(before(component)));
                step.timeout = order.settings.deploy_timeout;
            }
            after = vec![deployed];
            let probes = order.known.get(name).map(|known| known.probes.clone()).unwrap_or_default();
            let mut probed = Vec::new();
            for probe in probes {
                let (title, longer) = (format!("Probe `{name}`: {}", probe.name), probe.timeout);
                let act = StepAct::Probe { service: name.clone(), probe };
                probed.push(add(&mut steps, order.settings, title, name, vec![deployed], act));
                if let Some(step) = steps.last_mut() {
                    step.timeout = step.timeout + longer;
                }
            }
            if !probed.is_empty() {
                after = probed;
            }
        }
        last.insert(name, after);
    }
    SagaPlan { id: order.id, release: order.release, purpose, steps, objective: order.settings.objective }
}

fn add(
    steps: &mut Vec<Step>,
    settings: &Settings,
    title: String,
    of: &ServiceName,
    after: Vec<StepId>,
    act: StepAct,
) -> StepId {
    let id = StepId(u16::try_from(steps.len() + 1).unwrap_or(u16::MAX));
    steps.push(Step {
        id,
        title,
        component: Some(of.clone()),
        after,
        act,
        undo: None,
        timeout: settings.timeout,
        retry: settings.retry,
        role: settings.role.clone(),
        vital: true,
    });
    id
}
