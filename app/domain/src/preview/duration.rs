//! How long it will take, by what earlier runs took.

use crate::id::ServiceName;
use crate::saga::{Event, Saga, SagaPlan, Side, Step, StepId};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One step of an earlier run that succeeded: from its first try to its success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRun {
    /// The stable name of the step's kind.
    pub kind: String,
    pub component: Option<ServiceName>,
    pub took: Span,
}

impl PastRun {
    /// What a finished saga's events tell of its steps.
    pub fn of(saga: &Saga, events: &[Event]) -> Vec<PastRun> {
        let mut begun: BTreeMap<StepId, Timestamp> = BTreeMap::new();
        let mut past = Vec::new();
        for event in events {
            match event {
                Event::Begun { step, side: Side::Do, at, .. } => {
                    begun.entry(*step).or_insert(*at);
                }
                Event::Succeeded { step, side: Side::Do, at, .. } => {
                    if let (Some(from), Some(step)) = (begun.get(step), saga.step(*step)) {
                        let (kind, component) = (step.act.kind().to_owned(), step.component.clone());
                        past.push(PastRun { kind, component, took: at.since(*from) });
                    }
                }
                _ => {}
            }
        }
        past
    }
}

/// The median of past runs of this kind for this component, else of this kind for any; and how many there were.
pub fn expected(step: &Step, past: &[PastRun]) -> Option<(Span, usize)> {
    let kind = step.act.kind();
    let of = |same: bool| {
        let fits = past.iter().filter(|run| run.kind == kind && (!same || run.component == step.component));
        let mut took: Vec<Span> = fits.map(|run| run.took).collect();
        took.sort();
        (!took.is_empty()).then(|| (took[took.len() / 2], took.len()))
    };
    of(true).or_else(|| of(false))
}

/// The longest way through the steps. `None` when a step has no known length.
pub fn critical_path(plan: &SagaPlan, length: impl Fn(&Step) -> Option<Span>) -> Option<Span> {
    let mut done: BTreeMap<StepId, Span> = BTreeMap::new();
    for step in &plan.steps {
        let begins = step.after.iter().filter_map(|id| done.get(id)).max().copied().unwrap_or(Span::ZERO);
        done.insert(step.id, begins + length(step)?);
    }
    Some(done.into_values().max().unwrap_or(Span::ZERO))
}
