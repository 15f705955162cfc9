//! From the components of a release to the steps that take them back.
//!
//! Freeze first. Then, side by side: kill switches, word to people, and traffic, component after component in reverse
//! order of deployment. A component's baseline is deployed once its work in flight is drained, its reads are back on the
//! old data, the kill switches are off, and everything that needs it is deployed. Probes of a component wait for all that
//! it needs. The proof of recovery closes it, and people are told.

use super::{Cache, Purpose, Retry, SagaPlan, Step, StepAct, StepId};
use crate::artifact::Artifact;
use crate::component::{Component, Components, Fit, Scope, ScopeError};
use crate::id::{FlagKey, MigrationName, ReleaseId, SagaId, ServiceName};
use crate::migration::{Migration, Phase};
use crate::plan::Weight;
use crate::probe::Probe;
use crate::recovery::RecoveryPolicy;
use crate::time::Span;
use std::collections::BTreeMap;

/// What a rollback is made from.
#[derive(Debug, Clone)]
pub struct RollbackOrder<'a> {
    pub id: SagaId,
    pub release: ReleaseId,
    pub components: &'a Components,
    pub scope: &'a Scope,
    /// What is known of each component; one that is missing here has a driver for traffic and nothing else.
    pub known: &'a BTreeMap<ServiceName, ComponentBack>,
    /// Flags as they stand now; a flag that is missing here counts as on.
    pub flags: &'a BTreeMap<FlagKey, bool>,
    pub settings: &'a Settings,
}

/// How one component goes back, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentBack {
    /// The candidate's share now, to return to when the rollback is undone.
    pub weight: Weight,
    /// Whether the baseline still runs beside the candidate, so that traffic can be moved before anything is deployed.
    pub beside: bool,
    /// Growing parts of the candidate's share that the baseline takes back one after the other, the last is 100; all at once
    /// when empty. And how long each but the last stands before the next.
    pub returns: Vec<Weight>,
    pub return_each: Span,
    /// Longest wait for work in flight; no drain step when absent.
    pub drain: Option<Span>,
    /// Whether the candidate replaced the baseline, so that it must be deployed again.
    pub deploy: bool,
    /// Migrations of this component and how far they have come.
    pub migrations: Vec<MigrationBack>,
    pub caches: Vec<Cache>,
    pub probes: Vec<Probe>,
}

impl Default for ComponentBack {
    fn default() -> Self {
        Self {
            weight: Weight::ZERO,
            beside: true,
            returns: vec![],
            return_each: Span::ZERO,
            drain: None,
            deploy: false,
            migrations: vec![],
            caches: vec![],
            probes: vec![],
        }
    }
}

/// Where one migration stands when the component goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationBack {
    pub name: MigrationName,
    pub phase: Phase,
    /// Whether it is past its point of no return.
    pub loses: bool,
    /// What is said of the two people who took the loss upon them: then data is repaired by hand.
    pub glass: Option<String>,
}

impl From<&Migration> for MigrationBack {
    fn from(migration: &Migration) -> Self {
        let (loses, glass) = (migration.past_no_return(), migration.broken.as_ref().map(|glass| glass.notice()));
        Self { name: migration.plan.name.clone(), phase: migration.phase, loses, glass }
    }
}

/// What holds for all steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Longest time of a step that only tells a driver something.
    pub timeout: Span,
    pub deploy_timeout: Span,
    /// Longest wait for the proof of recovery before somebody is called.
    pub recovery_timeout: Span,
    pub recovery: RecoveryPolicy,
    pub retry: Retry,
    /// Who is called.
    pub role: String,
    /// Who is told, at the beginning and at the end.
    pub channels: Vec<String>,
    /// What they are told, after `Rollback begins: ` and `Rollback done: `.
    pub message: String,
    pub objective: Option<Span>,
    /// The worst fit between what goes back and what stays that a person has accepted, with a reason in the order.
    pub accept: Fit,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Span::from_secs(30),
            deploy_timeout: Span::from_secs(600),
            recovery_timeout: Span::from_secs(900),
            recovery: RecoveryPolicy::default(),
            retry: Retry::default(),
            role: "recovery lead".to_owned(),
            channels: vec![],
            message: String::new(),
            objective: None,
            accept: Fit::Fits,
        }
    }
}

/// Why there is no such rollback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// With the explanation of the boundary.
    #[error("only a part would go back, and it does not fit what stays. {0}")]
    Unfit(String),
    #[error(
        "`{service}` cannot go back: the migration `{migration}` is past its point of no return, its baseline would not find its data; freeze, roll forward, or break the glass with a second person"
    )]
    PastNoReturn { service: ServiceName, migration: MigrationName },
}

/// The steps of a rollback. Refused when what stays would not fit, or when data would be lost.
pub fn rollback(order: &RollbackOrder<'_>) -> Result<SagaPlan, BuildError> {
    let check = order.components.check_partial(order.scope)?;
    if check.fit() > order.settings.accept {
        return Err(BuildError::Unfit(check.explain()));
    }
    let mut maker = Maker { order, steps: Vec::new() };
    let all = order.components.iter().map(|c| c.name.clone()).collect();
    let freeze = maker.add("Freeze: no further promotion", None, vec![], StepAct::Freeze { components: all });
    maker.tell("Rollback begins", vec![freeze]);
    let switches: Vec<StepId> = check.features.iter().map(|flag| maker.switch(flag, freeze)).collect();
    let back: Vec<&Component> = order
        .components
        .rollback_levels()
        .iter()
        .flatten()
        .filter(|name| check.going_back.contains(name))
        .filter_map(|name| order.components.get(name))
        .collect();
    let mut shifted: Steps<'_> = BTreeMap::new();
    for component in &back {
        let before = [maker.dependents(component, &shifted), vec![freeze]].concat();
        shifted.insert(&component.name, maker.shift(component, before));
    }
    let mut reverted: Steps<'_> = BTreeMap::new();
    for component in &back {
        let users = maker.dependents(component, &reverted);
        let before = [users, switches.clone(), shifted[&component.name].clone()].concat();
        reverted.insert(&component.name, maker.revert(component, before)?);
    }
    let mut last: Vec<StepId> = reverted.values().flatten().copied().chain(switches).collect();
    for component in &back {
        let needs = component.needs.iter().filter_map(|need| reverted.get(&need.on)).flatten().copied();
        let before: Vec<StepId> = needs.chain(reverted[&component.name].iter().copied()).collect();
        last.extend(maker.probes(component, &before));
    }
    // Where nothing but flags goes back there is nothing whose recovery could be proven.
    let done = if check.going_back.is_empty() { last } else { vec![maker.gate(check.going_back.clone(), last)] };
    maker.tell("Rollback done", done);
    let (id, release, objective) = (order.id, order.release, order.settings.objective);
    Ok(SagaPlan { id, release, purpose: Purpose::Rollback, steps: maker.steps, objective })
}

/// The candidate's shares on the way from this one to nothing, each with the part that is back then.
fn parts(from: Weight, returns: &[Weight]) -> Vec<(Weight, Weight)> {
    let left = |part: Weight| (u32::from(from.percent()) * u32::from(100 - part.percent()) + 50) / 100;
    let weight = |part: Weight| Weight::try_from(u8::try_from(left(part)).unwrap_or(0)).unwrap_or(Weight::ZERO);
    let mut parts: Vec<(Weight, Weight)> = returns.iter().map(|part| (weight(*part), *part)).collect();
    let mut before = from;
    // A part of a small share may be none.
    parts.retain(|(weight, _)| *weight > Weight::ZERO && std::mem::replace(&mut before, *weight) > *weight);
    parts.push((Weight::ZERO, Weight::FULL));
    parts
}

/// The last steps of each component: what waits for the component waits for all of them.
type Steps<'a> = BTreeMap<&'a ServiceName, Vec<StepId>>;

struct Maker<'a> {
    order: &'a RollbackOrder<'a>,
    steps: Vec<Step>,
}

impl Maker<'_> {
    fn add(&mut self, title: &str, of: Option<&ServiceName>, mut after: Vec<StepId>, act: StepAct) -> StepId {
        let id = StepId(u16::try_from(self.steps.len() + 1).unwrap_or(u16::MAX));
        after.sort();
        after.dedup();
        let settings = self.order.settings;
        self.steps.push(Step {
            id,
            title: title.to_owned(),
            component: of.cloned(),
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

    fn change(&mut self, id: StepId, change: impl FnOnce(&mut Step)) -> StepId {
        if let Some(step) = self.steps.get_mut(usize::from(id.0) - 1) {
            change(step);
        }
        id
    }

    /// Steps of those that need this component, as far as they go back too.
    fn dependents(&self, component: &Component, steps: &Steps<'_>) -> Vec<StepId> {
        let users = self.order.components.dependents(&component.name);
        users.into_iter().filter_map(|name| steps.get(name)).flatten().copied().collect()
    }

    fn known(&self, name: &ServiceName) -> ComponentBack {
        self.order.known.get(name).cloned().unwrap_or_default()
    }

    fn tell(&mut self, what: &str, after: Vec<StepId>) {
        let settings = self.order.settings;
        if settings.channels.is_empty() {
            return;
        }
        let text = format!("{what}: {}", settings.message);
        let act = StepAct::Notify { channels: settings.channels.clone(), text };
        let id = self.add(&format!("Tell people: {what}"), None, after, act);
        self.change(id, |step| step.vital = false);
    }

    fn switch(&mut self, flag: &FlagKey, after: StepId) -> StepId {
        let was = self.order.flags.get(flag).copied().unwrap_or(true);
        let off = |enabled| StepAct::KillSwitch { flag: flag.clone(), enabled };
        let id = self.add(&format!("Switch off `{flag}`"), None, vec![after], off(false));
        self.change(id, |step| step.undo = was.then(|| off(true)))
    }

    /// Nothing where the baseline does not run any more: then what came before is all there is to wait for. Where the
    /// baseline takes traffic back part by part, each part is a step of its own, with its own way of being undone.
    fn shift(&mut self, component: &Component, after: Vec<StepId>) -> Vec<StepId> {
        let (name, known) = (&component.name, self.known(&component.name));
        if !known.beside {
            return after;
        }
        let cells: Vec<_> = self.order.scope.cells.iter().cloned().collect();
        let to = |weight, settle| StepAct::ShiftTraffic { service: name.clone(), weight, cells: cells.clone(), settle };
        let (version, mut before, mut last) = (&component.baseline.version, known.weight, after);
        for (weight, part) in parts(known.weight, &known.returns) {
            let settle = (weight > Weight::ZERO && known.return_each > Span::ZERO).then_some(known.return_each);
            let title = match part.percent() {
                100 => format!("Shift all traffic of `{name}` to {version}"),
                part => format!(
                    "Shift {part}\u{a0}% of what `{name}` {} has back to {version}",
                    component.candidate.version
                ),
            };
            let id = self.add(&title, Some(name), last, to(weight, settle));
            let timeout = self.order.settings.timeout + settle.unwrap_or_default();
            let undo = (before > Weight::ZERO).then(|| to(before, None));
            last = vec![self.change(id, |step| (step.timeout, step.undo) = (timeout, undo))];
            before = weight;
        }
        last
    }

    /// Drain, reads back, baseline, writes back, caches. What is last of them; what came before where there is nothing.
    fn revert(&mut self, component: &Component, after: Vec<StepId>) -> Result<Vec<StepId>, BuildError> {
        let (name, known) = (&component.name, self.known(&component.name));
        let mut last = after;
        if let Some(limit) = known.drain.filter(|_| known.beside) {
            let act = StepAct::Drain { service: name.clone(), limit };
            let id = self.add(&format!("Drain `{name}` {}", component.candidate.version), Some(name), last, act);
            let longer = limit + self.order.settings.timeout;
            last = vec![self.change(id, |step| step.timeout = longer)];
        }
        for migration in &known.migrations {
            if migration.loses {
                last = vec![self.repair(name, migration, last)?];
            }
            if (Phase::Backfill..Phase::Contract).contains(&migration.phase) {
                last = vec![self.data(name, &migration.name, migration.phase, Phase::DualWrite, last)];
            }
        }
        if known.deploy {
            last = vec![self.deploy(component, last)];
        }
        for migration in &known.migrations {
            if (Phase::DualWrite..Phase::Contract).contains(&migration.phase) {
                last = vec![self.data(name, &migration.name, Phase::DualWrite, Phase::Expand, last)];
            }
        }
        for cache in &known.caches {
            let act = StepAct::InvalidateCache { cache: cache.clone() };
            last = vec![self.add(&format!("Empty the cache of `{name}`"), Some(name), last, act)];
        }
        Ok(last)
    }

    fn deploy(&mut self, component: &Component, after: Vec<StepId>) -> StepId {
        let (name, cells) = (&component.name, self.order.scope.cells.iter().cloned().collect::<Vec<_>>());
        let of = |artifact: &Artifact| StepAct::Deploy {
            service: name.clone(),
            artifact: artifact.clone(),
            cells: cells.clone(),
        };
        let title = format!("Deploy `{name}` {}", component.baseline.version);
        let id = self.add(&title, Some(name), after, of(&component.baseline));
        let (timeout, undo) = (self.order.settings.deploy_timeout, of(&component.candidate));
        self.change(id, |step| (step.timeout, step.undo) = (timeout, Some(undo)))
    }

    fn data(
        &mut self,
        name: &ServiceName,
        migration: &MigrationName,
        from: Phase,
        to: Phase,
        after: Vec<StepId>,
    ) -> StepId {
        let of = |from, to| StepAct::Data { service: name.clone(), migration: migration.clone(), from, to };
        let what = if to == Phase::DualWrite { "Reads" } else { "Writes" };
        let id = self.add(&format!("{what} of `{migration}` back to the old data"), Some(name), after, of(from, to));
        self.change(id, |step| step.undo = Some(of(to, from)))
    }

    fn repair(
        &mut self,
        name: &ServiceName,
        migration: &MigrationBack,
        after: Vec<StepId>,
    ) -> Result<StepId, BuildError> {
        let Some(notice) = &migration.glass else {
            return Err(BuildError::PastNoReturn { service: name.clone(), migration: migration.name.clone() });
        };
        let (settings, migration) = (self.order.settings, &migration.name);
        let instruction =
            format!("{notice} Restore or repair the data of `{migration}` for the old version, and write down how.");
        let act = StepAct::Manual { role: settings.role.clone(), instruction };
        let id = self.add(&format!("Repair the data of `{migration}`: the glass is broken"), Some(name), after, act);
        let timeout = settings.recovery_timeout;
        Ok(self.change(id, |step| step.timeout = timeout))
    }

    fn probes(&mut self, component: &Component, after: &[StepId]) -> Vec<StepId> {
        let name = &component.name;
        let probes = self.known(name).probes;
        let longer = |probe: &Probe| probe.timeout + self.order.settings.timeout;
        let timeouts: Vec<Span> = probes.iter().map(longer).collect();
        let mut ids = Vec::new();
        for (probe, timeout) in probes.into_iter().zip(timeouts) {
            let title = format!("Probe `{name}`: {}", probe.name);
            let id = self.add(&title, Some(name), after.to_vec(), StepAct::Probe { service: name.clone(), probe });
            ids.push(self.change(id, |step| step.timeout = timeout));
        }
        ids
    }

    fn gate(&mut self, components: Vec<ServiceName>, after: Vec<StepId>) -> StepId {
        let policy = self.order.settings.recovery.clone();
        let id = self.add("Prove recovery", None, after, StepAct::RecoveryGate { components, policy });
        let timeout = self.order.settings.recovery_timeout;
        self.change(id, |step| (step.timeout, step.retry) = (timeout, Retry::NONE))
    }
}
