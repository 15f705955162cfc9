//! What came of an act, as entries that point back to it: steps of a saga, its end, what the proxy was seen to do.
//!
//! They are committed with the events they are about, so neither is there without the other. What a person chose for a
//! step is a decision of its own, and what only says who works on it is none.

use super::record::Act;
use super::{Caller, Result, Service, act};
use crate::store::rows::DecisionWrite;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::access::Action;
use sternway_domain::actor::Rule;
use sternway_domain::audit::Outcome;
use sternway_domain::audit::record::{PointsBack, Relation};
use sternway_domain::id::{DecisionId, SagaId};
use sternway_domain::release::{Event as ReleaseEvent, Release};
use sternway_domain::saga::{Event, Saga, Side};

/// Sagas whose order is remembered.
const MOST: usize = 1_000;
/// Events of a release among which the act is looked for that asked for traffic.
const RECENT: i64 = 100;
/// Characters of an answer or error that stand in an entry; the event has all of it.
const DETAIL: usize = 500;

/// Where the orders of sagas stand in the log. Of this replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(Arc<Mutex<HashMap<SagaId, u64>>>);

impl Service {
    /// The entry about these events of a saga; `None` where nothing was done or found out.
    pub(super) async fn step_entry(
        &self,
        release: &Release,
        saga: &Saga,
        events: &[Event],
    ) -> Result<Option<DecisionWrite>> {
        let effects: Vec<String> = events.iter().filter_map(|event| told(saga, event)).collect();
        if effects.is_empty() {
            return Ok(None);
        }
        let ended = events.iter().any(|event| matches!(event, Event::Ended { .. }));
        let relation = if ended { Relation::Outcome } else { Relation::StepOf };
        // What the person said stands in the order that it points back to, and nowhere else.
        let mut act = Act::on(Action::Step, act::target(release), saga.plan.purpose.label());
        act.effects = effects;
        act.release = Some(release);
        act.points_back = self.order_of(saga.plan.id).await?.map(|index| back(index, relation)).into_iter().collect();
        self.decision(&Caller::engine(Rule::CarryOut), &act, Outcome::Accepted).map(Some)
    }

    /// The entry about what was observed of a release.
    pub(super) async fn outcome_entry(
        &self,
        caller: &Caller,
        release: &Release,
        events: &[ReleaseEvent],
    ) -> Result<Option<DecisionWrite>> {
        let effects: Vec<String> = events.iter().filter_map(observed).collect();
        if effects.is_empty() {
            return Ok(None);
        }
        let confirms = events.iter().any(|event| matches!(event, ReleaseEvent::TrafficConfirmed { .. }));
        let asked = match release.saga.filter(|_| !confirms) {
            Some(saga) => self.order_of(saga).await?,
            None => self.asked_by(release).await?,
        };
        let mut act = Act::on(Action::Observe, act::target(release), "");
        act.effects = effects;
        act.release = Some(release);
        act.points_back = asked.map(|index| back(index, Relation::Outcome)).into_iter().collect();
        self.decision(caller, &act, Outcome::Accepted).map(Some)
    }

    /// The index of the entry by which a saga was ordered.
    async fn order_of(&self, id: SagaId) -> Result<Option<u64>> {
        let known = self.orders.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        if known.is_some() {
            return Ok(known);
        }
        let ordered = self.store.saga_events(id).await?.into_iter().next().and_then(|event| event.decision);
        let index = self.index_of(ordered).await?;
        if let Some(index) = index {
            let mut orders = self.orders.0.lock().unwrap_or_else(PoisonError::into_inner);
            if orders.len() >= MOST {
                orders.clear();
            }
            orders.insert(id, index);
        }
        Ok(index)
    }

    /// The index of the entry that asked for the traffic there is.
    async fn asked_by(&self, release: &Release) -> Result<Option<u64>> {
        let rows = self.store.events(release.id, (release.version - RECENT).max(0)).await?;
        let asks = |body: &str| serde_json::from_str::<ReleaseEvent>(body).is_ok_and(|event| event.asks().is_some());
        let asked = rows.iter().rev().find(|row| row.decision.is_some() && asks(&row.body));
        self.index_of(asked.and_then(|row| row.decision)).await
    }

    async fn index_of(&self, decision: Option<DecisionId>) -> Result<Option<u64>> {
        let Some(id) = decision else { return Ok(None) };
        let row = self.store.decision(id).await?;
        Ok(row.and_then(|row| u64::try_from(row.leaf_index).ok()))
    }
}

fn back(index: u64, relation: Relation) -> PointsBack {
    PointsBack { index, relation, fields: Vec::new() }
}

/// `step 4 succeeded: Deploy `checkout` 1.41.3; done in 3 s`; `None` for what a person's own decision says.
fn told(saga: &Saga, event: &Event) -> Option<String> {
    let detail = match event {
        Event::Begun { attempt, .. } => format!("try {attempt}"),
        Event::Succeeded { output, .. } | Event::Late { output, .. } => output.clone(),
        Event::Failed { error, .. } => error.clone(),
        Event::OutcomeUnknown { detail, .. } | Event::CannotTell { detail, .. } => detail.clone(),
        Event::Overdue { .. } => "no answer in time".to_owned(),
        Event::Escalated { to, why, .. } => format!("{to} called: {why}"),
        Event::Superseded { .. } => return Some("another order of the release took its place".to_owned()),
        Event::Ended { summary, .. } => return Some(short(&format!("ended: {summary}"))),
        Event::Ordered { .. }
        | Event::Taken { .. }
        | Event::RetryOrdered { .. }
        | Event::Skipped { .. }
        | Event::UndoOrdered { .. }
        | Event::Stopped { .. } => return None,
    };
    let (id, side) = event.step()?;
    let undo = if side == Side::Undo { "undo of " } else { "" };
    let title = saga.step(id).map(|step| step.title.clone()).unwrap_or_default();
    Some(short(&format!("{undo}step {id} {}: {title}; {detail}", event.kind().replace('_', " "))))
}

fn observed(event: &ReleaseEvent) -> Option<String> {
    match event {
        ReleaseEvent::TrafficConfirmed { from, .. } => Some(short(&format!("traffic as asked, seen at {from}"))),
        // Changes of the verdict are what acts rest on, and stand in their evidence.
        ReleaseEvent::VerdictChanged { .. } => None,
        event => Some(event.kind().replace('_', " ")),
    }
}

fn short(text: &str) -> String {
    let text = text.trim_end_matches(['.', ';', ' ']);
    if text.chars().count() <= DETAIL {
        text.to_owned()
    } else {
        text.chars().take(DETAIL - 1).chain(['…']).collect()
    }
}
