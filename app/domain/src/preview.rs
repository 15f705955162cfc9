//! What a saga would do, before it starts: steps in order, traffic before and after, room on the side that receives it,
//! migrations crossed, flags flipped, people told, and how long it will take by past runs.
//!
//! The same value is shown on the page, by the API and by `--dry-run`. Deliberately absent: reading any of it.

use crate::id::{FlagKey, MigrationName, ServiceName};
use crate::migration::Phase;
use crate::plan::Weight;
use crate::saga::{SagaPlan, Step, StepAct, StepId};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod capacity;
mod duration;
#[cfg(test)]
mod tests;

pub use capacity::{Capacity, Headroom, Load, NoRoom, Room, Side, forbids_rule, permit, room};
pub use duration::{PastRun, critical_path, expected};

/// What was observed of the world a moment ago.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Both sides of each service's traffic; a service that is missing here could not be read.
    pub traffic: BTreeMap<ServiceName, Load>,
    /// Flags as they stand now.
    pub flags: BTreeMap<FlagKey, bool>,
    /// Steps of earlier runs.
    pub past: Vec<PastRun>,
    pub headroom: Headroom,
}

/// The preview of a saga.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub steps: Vec<PreviewStep>,
    pub traffic: Vec<TrafficChange>,
    pub migrations: Vec<MigrationChange>,
    pub flags: Vec<FlagChange>,
    /// Channels, without repetition, in the order of the steps.
    pub told: Vec<String>,
    /// Roles that must do or sign something by hand.
    pub by_hand: Vec<String>,
    /// The longest way through the steps, by past runs; `None` when some step on it was never run before.
    pub expected: Option<Span>,
    /// The same by the steps' timeouts, each once; tries after a timeout come on top.
    pub at_most: Span,
    /// The objective, if the saga has one, and whether the expected time keeps it.
    pub objective: Option<Span>,
    pub keeps_objective: Option<bool>,
    /// What forbids starting. Empty when it may start.
    pub blockers: Vec<String>,
    /// What a person should know before starting.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewStep {
    pub id: StepId,
    /// Steps of one level run side by side, from 1.
    pub level: u16,
    /// The stable name of its kind.
    pub kind: String,
    pub title: String,
    pub component: Option<ServiceName>,
    pub after: Vec<StepId>,
    pub undo: bool,
    pub timeout: Span,
    /// The median of past runs of this kind for this component.
    pub expected: Option<Span>,
    /// How many runs that rests on.
    pub runs: usize,
}

/// The candidate's share of one service before and after, and whether the other side can take the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficChange {
    pub service: ServiceName,
    /// As the driver reports; `None` when it could not be read.
    pub before: Option<Weight>,
    pub after: Weight,
    pub room: Room,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationChange {
    pub service: ServiceName,
    pub migration: MigrationName,
    pub from: Phase,
    pub to: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChange {
    pub flag: FlagKey,
    /// `None` when it is not known.
    pub before: Option<bool>,
    pub after: bool,
}

/// What the saga would do in the observed world.
pub fn preview(plan: &SagaPlan, observed: &Observed) -> Preview {
    let mut out = Preview {
        steps: steps(plan, observed),
        traffic: vec![],
        migrations: vec![],
        flags: vec![],
        told: vec![],
        by_hand: vec![],
        expected: critical_path(plan, |step| expected(step, &observed.past).map(|(span, _)| span)),
        at_most: critical_path(plan, |step| Some(step.timeout)).unwrap_or_default(),
        objective: plan.objective,
        keeps_objective: None,
        blockers: vec![],
        warnings: vec![],
    };
    out.keeps_objective = out.objective.zip(out.expected).map(|(objective, expected)| expected <= objective);
    for step in &plan.steps {
        out.take(step, observed);
    }
    out.judge_room();
    if let (Some(objective), Some(expected), Some(false)) = (out.objective, out.expected, out.keeps_objective) {
        out.warnings.push(format!("By past runs it takes {expected}, longer than the objective of {objective}."));
    }
    out
}

impl Preview {
    /// Whether nothing forbids starting.
    pub fn may_start(&self) -> bool {
        self.blockers.is_empty()
    }

    fn take(&mut self, step: &Step, observed: &Observed) {
        match &step.act {
            StepAct::ShiftTraffic { service, weight, .. } => {
                let load = observed.traffic.get(service);
                let before = load.and_then(|load| load.candidate_share);
                let room = room(service, load, *weight, observed.headroom);
                // Step by step or at once: what counts is where it ends.
                self.traffic.retain(|change| change.service != *service);
                self.traffic.push(TrafficChange { service: service.clone(), before, after: *weight, room });
            }
            StepAct::KillSwitch { flag, enabled } => {
                let before = observed.flags.get(flag).copied();
                if before == Some(*enabled) {
                    let stands = if *enabled { "on" } else { "off" };
                    self.warnings.push(format!("`{flag}` is {stands} already."));
                }
                self.flags.push(FlagChange { flag: flag.clone(), before, after: *enabled });
            }
            StepAct::Data { service, migration, from, to } => self.migrations.push(MigrationChange {
                service: service.clone(),
                migration: migration.clone(),
                from: *from,
                to: *to,
            }),
            StepAct::Notify { channels, .. } => {
                for channel in channels {
                    if !self.told.contains(channel) {
                        self.told.push(channel.clone());
                    }
                }
            }
            StepAct::Manual { role, .. } if !self.by_hand.contains(role) => self.by_hand.push(role.clone()),
            _ => {}
        }
    }

    fn judge_room(&mut self) {
        for change in &self.traffic {
            match change.room.capacity {
                Capacity::Refused => self.blockers.push(change.room.sentence.clone()),
                Capacity::Tight | Capacity::Unknown => self.warnings.push(change.room.sentence.clone()),
                Capacity::Fits => {}
            }
        }
    }
}

fn steps(plan: &SagaPlan, observed: &Observed) -> Vec<PreviewStep> {
    let mut levels: BTreeMap<StepId, u16> = BTreeMap::new();
    let mut steps = Vec::new();
    for step in &plan.steps {
        let level = 1 + step.after.iter().filter_map(|id| levels.get(id)).max().copied().unwrap_or(0);
        levels.insert(step.id, level);
        let past = expected(step, &observed.past);
        steps.push(PreviewStep {
            id: step.id,
            level,
            kind: step.act.kind().to_owned(),
            title: step.title.clone(),
            component: step.component.clone(),
            after: step.after.clone(),
            undo: step.undo.is_some(),
            timeout: step.timeout,
            expected: past.map(|(span, _)| span),
            runs: past.map_or(0, |(_, runs)| runs),
        });
    }
    steps
}
