//! Sagas of a release: ordered, written down before and after each step, acted upon by people.

use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError, act, decode, encode};
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{Digest, ReleaseId, SagaId};
use sternway_domain::release::Release;
use sternway_domain::saga::{Choice, Command, Dice, Event, Observation, Saga, Side, Standing, StepAct, StepId};

mod forward;
mod make;
mod rehearse;

pub use rehearse::{MOST_REHEARSALS, RehearsalRequest, Rehearsed};

pub(crate) use make::names;

/// A saga with what happened in it.
#[derive(Debug, Clone)]
pub struct SagaLog {
    pub saga: Saga,
    pub events: Vec<Event>,
}

/// What a person chooses for a step that needs one, or for the saga as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRequest {
    pub release: ReleaseId,
    pub choice: Choice,
    /// Left out for what concerns all of it: compensate and stop.
    pub step: Option<StepId>,
    pub side: Side,
    /// Who else is called; only for `escalate`.
    pub to: Option<String>,
    pub reason: String,
    /// The version of the saga that was seen.
    pub expected_version: i64,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// The choice was accepted: where the saga stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepActed {
    pub saga: SagaId,
    pub version: i64,
    pub standing: Standing,
    pub decision: DecisionBrief,
}

impl Service {
    /// One saga as its events tell it.
    pub async fn saga(&self, id: SagaId) -> Result<SagaLog> {
        let rows = self.store.saga_events(id).await?;
        let events = rows.iter().map(|row| decode("event of a saga", &row.body)).collect::<Result<Vec<Event>>>()?;
        let saga = Saga::fold(&events).ok_or_else(|| ServiceError::NotFound { what: "saga", name: id.to_string() })?;
        Ok(SagaLog { saga, events })
    }

    /// The newest saga of a release, if it ever had one.
    pub async fn newest_saga(&self, caller: &Caller, release: ReleaseId) -> Result<Option<SagaLog>> {
        self.authorise(caller, Action::View)?;
        match self.store.sagas(release).await?.pop() {
            Some(row) => self.saga(row.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Writes down what the engine saw or is about to do, under its lease. Nothing is written when nothing changes.
    pub(crate) async fn saga_saw(
        &self,
        release: &Release,
        saga: Saga,
        seen: Observation,
        dice: Dice,
        fence: &Fence,
    ) -> Result<Saga> {
        let token = u64::try_from(fence.token).unwrap_or_default();
        let events = saga.observe(seen, token, self.clock.now(), dice)?;
        if events.is_empty() {
            return Ok(saga);
        }
        let decision = self.step_entry(release, &saga, &events).await?;
        let (write, after) = saga_write(Some(saga), &events)?;
        let unit = Unit { saga: Some(write), decision, fence: Some(fence.clone()), ..Unit::default() };
        self.commit(unit, Some(act::topic(release))).await?;
        Ok(after)
    }

    /// A person's choice.
    pub async fn choose(&self, caller: &Caller, request: StepRequest) -> Result<StepActed> {
        let fingerprint = Digest::of(encode(&request).as_bytes());
        if let Some(acted) = self.replay_choice(caller, &request.idempotency_key, &fingerprint).await? {
            return Ok(acted);
        }
        let unknown = Target::Unknown { text: request.release.to_string() };
        let mut described = Act::on(Action::Steer, unknown, &request.reason);
        described.expected_version = Some(request.expected_version);
        described.effects.push(described_choice(&request));
        let found = self.load(request.release).await;
        if let Ok(release) = &found {
            described.target = act::target(release);
        }
        let release = match (self.authorise(caller, Action::Steer), found) {
            (Ok(()), Ok(release)) => release,
            (Ok(()), Err(error @ ServiceError::Store(_))) => return Err(error),
            (Err(error), _) | (Ok(()), Err(error)) => return Err(self.refuse(caller, &described, error).await),
        };
        match self.choose_once(caller, &release, &request, described.clone(), &fingerprint).await {
            // Somebody with the same key may have been quicker between our look and our act.
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => {
                self.replay_choice(caller, &request.idempotency_key, &fingerprint).await?.ok_or(error)
            }
            Err(ServiceError::Store(StoreError::Conflict { expected, actual })) => {
                Err(self.refuse(caller, &described, ServiceError::StaleSaga { expected, actual }).await)
            }
            Err(error @ ServiceError::Store(_)) => Err(error),
            Err(error) => Err(self.refuse(caller, &described, error).await),
            Ok(acted) => Ok(acted),
        }
    }

    async fn choose_once(
        &self,
        caller: &Caller,
        release: &Release,
        request: &StepRequest,
        mut described: Act<'_>,
        fingerprint: &Digest,
    ) -> Result<StepActed> {
        let none = || ServiceError::NotFound { what: "saga of release", name: release.id.to_string() };
        let SagaLog { saga, .. } = self.saga(release.saga.ok_or_else(none)?).await?;
        if saga.version != request.expected_version {
            return Err(ServiceError::StaleSaga { expected: request.expected_version, actual: saga.version });
        }
        let command = command(request, &saga)?;
        let events = saga.decide(command, &caller.actor, self.clock.now())?;
        let evidence = encode(&saga.standing());
        let digest = Digest::of(evidence.as_bytes());
        described.evidence = Some(digest.clone());
        described.release = Some(release);
        let decision = self.decision(caller, &described, Outcome::Accepted)?;
        let (write, after) = saga_write(Some(saga), &events)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let mut acted =
            StepActed { saga: after.plan.id, version: after.version, standing: after.standing(), decision: brief };
        let idempotency = IdempotencyRow {
            actor: caller.actor.key(),
            key: request.idempotency_key.clone(),
            request: fingerprint.clone(),
            status: 202,
            response: encode(&acted),
            at: decision.row.at,
        };
        let unit = Unit {
            saga: Some(write),
            decision: Some(decision),
            evidence: vec![(digest, evidence)],
            idempotency: Some(idempotency),
            ..Unit::default()
        };
        let committed = self.commit(unit, Some(act::topic(release))).await?;
        acted.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok(acted)
    }

    async fn replay_choice(&self, caller: &Caller, key: &str, fingerprint: &Digest) -> Result<Option<StepActed>> {
        let Some(row) = self.store.idempotency(&caller.actor.key(), key).await? else { return Ok(None) };
        if row.request != *fingerprint {
            return Err(ServiceError::KeyReused(key.to_owned()));
        }
        let mut acted: StepActed = decode("answer", &row.response)?;
        if let Some(decision) = self.store.decision(acted.decision.id).await? {
            acted.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(acted))
    }
}

/// The row and events of a saga after these events; `None` before its first.
pub(super) fn saga_write(before: Option<Saga>, events: &[Event]) -> Result<(SagaWrite, Saga)> {
    let expected = before.as_ref().map_or(0, |saga| saga.version);
    let after = match before {
        Some(saga) => events.iter().fold(saga, Saga::evolve),
        None => Saga::fold(events).ok_or_else(|| StoreError::Corrupt {
            what: "saga",
            detail: "it does not begin with its order".to_owned(),
        })?,
    };
    let rows = events.iter().map(|event| EventWrite { kind: event.kind(), at: event.at(), body: encode(event) });
    let write = SagaWrite {
        expected,
        events: rows.collect(),
        row: SagaRow {
            id: after.plan.id,
            release: after.plan.release,
            version: after.version,
            purpose: after.plan.purpose.label().to_owned(),
            active: !after.ended(),
            created_at: after.ordered_at,
            updated_at: events.last().map_or(after.ordered_at, Event::at),
            body: encode(&after.standing()),
        },
    };
    Ok((write, after))
}

fn command(request: &StepRequest, saga: &Saga) -> Result<Command> {
    let reason = request.reason.trim().to_owned();
    let step = || {
        let text = "name the step that this is about".to_owned();
        request.step.ok_or(ServiceError::Invalid { field: "step".to_owned(), text })
    };
    let side = request.side;
    Ok(match request.choice {
        Choice::Retry => Command::Retry { step: step()?, side, reason },
        Choice::Skip => Command::Skip { step: step()?, side, reason },
        Choice::Escalate => Command::Escalate { step: step()?, side, to: request.to.clone(), reason },
        Choice::SignOff => {
            let step = step()?;
            let role = match saga.step(step).map(|step| &step.act) {
                Some(StepAct::Manual { role, .. }) => role.clone(),
                _ => String::new(),
            };
            Command::SignOff { step, side, role, note: reason }
        }
        Choice::Compensate => Command::Compensate { reason },
        Choice::Stop => Command::Stop { reason },
    })
}

/// For the log: `skip step 4`.
fn described_choice(request: &StepRequest) -> String {
    let choice = request.choice.as_str().replace('_', " ");
    match request.step {
        Some(step) => format!("{choice} step {step}"),
        None => choice,
    }
}
