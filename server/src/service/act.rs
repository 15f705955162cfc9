//! One act on one release, whoever asks and through whichever door.

use super::aftermath;
use super::record::Act;
use super::saga::saga_write;
use super::{Caller, DecisionBrief, ReleaseSummary, Result, Service, ServiceError, decode, encode};
use crate::live::Topic;
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{Digest, MessageId, ReleaseId, ServiceName};
use sternway_domain::migration::Migration;
use sternway_domain::release::{Command, Event, Refusal, Release, ReleaseAct};
use sternway_domain::saga::{Saga, SagaPlan};
use sternway_domain::time::Timestamp;

mod order;
mod wanted;

use order::{Given, Ordered};
pub use wanted::{Overrides, Wanted};

/// What an act brings about.
struct Decided {
    events: Vec<Event>,
    saga: Option<SagaPlan>,
    /// The migrations that the steps were made from.
    data: Vec<Migration>,
    /// Beyond what the events say.
    overridden: Vec<String>,
}

/// The action contract: reason, the version that was seen, and a key that makes asking twice asking once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActRequest {
    pub release: ReleaseId,
    pub wanted: Wanted,
    pub reason: String,
    pub expected_version: i64,
    #[serde(default, skip_serializing_if = "Overrides::none")]
    pub overrides: Overrides,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// The act was accepted: where the release stands now, and the decision's place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acted {
    pub release: ReleaseSummary,
    pub decision: DecisionBrief,
}

impl Service {
    /// A person's or a program's act.
    pub async fn act(&self, caller: &Caller, request: ActRequest) -> Result<Acted> {
        let actor = caller.actor.key();
        let fingerprint = Digest::of(encode(&request).as_bytes());
        if let Some(acted) = self.replay(&actor, &request.idempotency_key, &fingerprint).await? {
            return Ok(acted);
        }
        let key = request.idempotency_key.clone();
        match self.act_once(caller, request, &fingerprint).await {
            // Somebody with the same key may have been quicker between our look and our act.
            Err(
                error @ (ServiceError::Stale { .. }
                | ServiceError::Refused(_)
                | ServiceError::Busy { .. }
                | ServiceError::Frozen(_)),
            )
            | Err(error @ ServiceError::Store(StoreError::KeyUsed)) => {
                Ok(self.replay(&actor, &key, &fingerprint).await?.ok_or(error)?)
            }
            other => other,
        }
    }

    /// The engine's act under a rule; `fence` is the lease it holds.
    pub(crate) async fn act_by_rule(
        &self,
        caller: &Caller,
        release: Release,
        command: Command,
        fence: Fence,
    ) -> Result<Release> {
        let Some(act) = command.act() else { return self.note(release, command, caller, fence).await };
        let reason = command.reason().to_owned();
        let mut described = Act::on(act.action(), target(&release), &reason);
        described.expected_version = Some(release.version);
        if aftermath::waits(&caller.actor) && self.hold_on(&release).await?.is_some() {
            let why = "something that moves here was taken back, and no person has resumed automation since";
            return Err(Refusal::Automation { act, why }.into());
        }
        self.going_out(&release, &command, false).await?;
        // Whether there is room is looked at by the rule itself.
        let given = Given { overrides: Overrides { capacity: true, ..Overrides::default() }, ..Given::default() };
        let Ordered { command, saga, data, .. } = self.with_saga(&release, command, &given).await?;
        let events = release.decide(command, &caller.actor, self.clock.now())?;
        let decided = Decided { events, saga, data, overridden: vec![] };
        let (after, _) = self.commit_act(caller, &release, decided, described, None, Some(fence)).await?;
        Ok(after)
    }

    /// Something the engine saw: nobody decided it, and what came of an act is written down beside it.
    async fn note(&self, release: Release, command: Command, caller: &Caller, fence: Fence) -> Result<Release> {
        let events = release.decide(command, &caller.actor, self.clock.now())?;
        if events.is_empty() {
            return Ok(release);
        }
        let decision = self.outcome_entry(caller, &release, &events).await?;
        let (write, after) = release_write(&release, &events);
        let unit = Unit { release: Some(write), decision, fence: Some(fence), ..Unit::default() };
        self.commit(unit, Some(topic(&after))).await?;
        Ok(after)
    }

    async fn act_once(&self, caller: &Caller, request: ActRequest, fingerprint: &Digest) -> Result<Acted> {
        let act = request.wanted.act();
        let unknown = Target::Unknown { text: request.release.to_string() };
        let mut described = Act::on(act.action(), unknown, &request.reason);
        described.expected_version = Some(request.expected_version);
        if let Err(error) = self.authorise(caller, act.action()) {
            if let Ok(release) = self.load(request.release).await {
                described.target = target(&release);
            }
            return Err(self.refuse(caller, &described, error).await);
        }
        let release = match self.load(request.release).await {
            Ok(release) => release,
            Err(error @ ServiceError::NotFound { .. }) => return Err(self.refuse(caller, &described, error).await),
            Err(error) => return Err(error),
        };
        described.target = target(&release);
        if release.version != request.expected_version {
            let stale = self.stale(&release, request.expected_version).await?;
            return self.refuse_unless_replayed(caller, &described, stale, &request.idempotency_key).await;
        }
        let runbooks = if act == ReleaseAct::Start { self.runbooks_to_pin(&release).await? } else { Vec::new() };
        let mut command = request.wanted.clone().command(request.reason.trim().to_owned(), runbooks);
        if let Command::Start { known_bad, .. } | Command::Rollforward { known_bad, .. } = &mut command {
            let services: Vec<&ServiceName> = release.moves().into_iter().map(|(name, _)| name).collect();
            *known_bad = self.known_bad(&services).await?;
        }
        let decided = match self.decide(caller, &release, command, &request).await {
            Ok(decided) => decided,
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => {
                return self.refuse_unless_replayed(caller, &described, error, &request.idempotency_key).await;
            }
        };
        let key = Some((request.idempotency_key.as_str(), fingerprint));
        match self.commit_act(caller, &release, decided, described.clone(), key, None).await {
            Ok((after, decision)) => Ok(Acted { release: ReleaseSummary::from(&after), decision }),
            Err(ServiceError::Store(StoreError::Conflict { .. })) => {
                let release = self.load(request.release).await?;
                if release.version == request.expected_version {
                    return self
                        .refuse_unless_replayed(caller, &described, ServiceError::DataMoved, &request.idempotency_key)
                        .await;
                }
                let stale = self.stale(&release, request.expected_version).await?;
                self.refuse_unless_replayed(caller, &described, stale, &request.idempotency_key).await
            }
            Err(error @ ServiceError::Busy { .. }) => Err(self.refuse(caller, &described, error).await),
            Err(error) => Err(error),
        }
    }

    async fn decide(
        &self,
        caller: &Caller,
        release: &Release,
        command: Command,
        request: &ActRequest,
    ) -> Result<Decided> {
        // Legal first: whoever may not roll back now need not hear what a rollback would lack.
        release.decide(command.clone(), &caller.actor, self.clock.now())?;
        let overridden = self.going_out(release, &command, request.overrides.freeze).await?;
        let Ordered { command, saga, data, overridden: more } =
            self.with_saga(release, command, &Given::of(request)).await?;
        let mut events = release.decide(command, &caller.actor, self.clock.now())?;
        for event in &mut events {
            if let Event::Started { overridden: told, .. } | Event::Promoted { overridden: told, .. } = event {
                told.extend(overridden.clone());
            }
        }
        Ok(Decided { events, saga, data, overridden: more })
    }

    /// Logs the refusal, unless the same key has meanwhile succeeded: then nothing was refused.
    async fn refuse_unless_replayed(
        &self,
        caller: &Caller,
        act: &Act<'_>,
        error: ServiceError,
        key: &str,
    ) -> Result<Acted> {
        if self.store.idempotency(&caller.actor.key(), key).await?.is_some() {
            return Err(error);
        }
        Err(self.refuse(caller, act, error).await)
    }

    async fn stale(&self, release: &Release, expected: i64) -> Result<ServiceError> {
        let rows = self.store.events(release.id, expected.max(0)).await?;
        let since = rows.iter().map(|row| decode("event", &row.body)).collect::<Result<Vec<Event>>>()?;
        Ok(ServiceError::Stale { expected, actual: release.version, release: Box::new(release.clone()), since })
    }

    /// One transaction: events, entry, evidence, outbox message, idempotency record.
    async fn commit_act(
        &self,
        caller: &Caller,
        release: &Release,
        decided: Decided,
        mut act: Act<'_>,
        key: Option<(&str, &Digest)>,
        fence: Option<Fence>,
    ) -> Result<(Release, DecisionBrief)> {
        let Decided { events, saga, data, overridden } = decided;
        act.overridden.extend(overridden);
        let (write, after) = release_write(release, &events);
        let saga = match saga {
            Some(plan) => {
                act.effects.extend(plan.steps.iter().map(|step| format!("step {}: {}", step.id, step.title)));
                let ordered = Saga::order_new(plan, &caller.actor, act.reason.to_owned(), self.clock.now())?;
                Some(saga_write(None, &ordered)?.0)
            }
            None => None,
        };
        let (migrations, notices) = self.back_ordered(&data, &caller.actor, act.reason)?;
        act.overridden.extend(notices);
        let (digest, evidence) = self.evidence_for(release).await?;
        act.evidence = Some(digest.clone());
        act.release = Some(&after);
        for event in &events {
            if let Event::Started { overridden, .. }
            | Event::Promoted { overridden, .. }
            | Event::RollforwardOrdered { overridden, .. } = event
            {
                act.overridden.extend(overridden.iter().cloned());
            }
            if let Some((weight, key)) = event.asks() {
                act.effects.push(format!("ask for {} % of traffic, key {key}", weight.percent()));
            }
        }
        let decision = self.decision(caller, &act, Outcome::Accepted)?;
        let id = decision.row.id;
        let at = decision.row.at;
        let idempotency = key.map(|(key, fingerprint)| {
            let brief = DecisionBrief { id, leaf_index: -1 };
            let acted = Acted { release: ReleaseSummary::from(&after), decision: brief };
            let actor = caller.actor.key();
            IdempotencyRow {
                actor,
                key: key.to_owned(),
                request: fingerprint.clone(),
                status: 202,
                response: encode(&acted),
                at,
            }
        });
        let unit = Unit {
            release: Some(write),
            saga,
            migrations,
            decision: Some(decision),
            evidence: vec![(digest, evidence)],
            outbox: self.messages(&after, &events, at),
            idempotency,
            fence,
            ..Unit::default()
        };
        let committed = self.commit(unit, Some(topic(&after))).await?;
        let leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok((after, DecisionBrief { id, leaf_index }))
    }

    fn messages(&self, release: &Release, events: &[Event], at: Timestamp) -> Vec<OutboxWrite> {
        let asked = events.iter().filter_map(Event::asks);
        asked
            .map(|(weight, key)| OutboxWrite {
                id: MessageId(self.new_id()),
                key: key.to_owned(),
                release: release.id,
                service: release.service.clone(),
                kind: "shift_traffic".to_owned(),
                body: encode(&weight),
                created_at: at,
            })
            .collect()
    }

    pub(super) async fn replay(&self, actor: &str, key: &str, fingerprint: &Digest) -> Result<Option<Acted>> {
        let Some(row) = self.store.idempotency(actor, key).await? else { return Ok(None) };
        if row.request != *fingerprint {
            return Err(ServiceError::KeyReused(key.to_owned()));
        }
        let mut acted: Acted = decode("answer", &row.response)?;
        if let Some(decision) = self.store.decision(acted.decision.id).await? {
            acted.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(acted))
    }
}

/// The events as rows, and the release after them.
pub(super) fn release_write(before: &Release, events: &[Event]) -> (ReleaseWrite, Release) {
    let after = events.iter().fold(before.clone(), Release::evolve);
    (write_of(Some(before), events, &after), after)
}

/// `before` is none for a new stream.
pub(super) fn write_of(before: Option<&Release>, events: &[Event], after: &Release) -> ReleaseWrite {
    let rows = events.iter().map(|event| EventWrite { kind: event.kind(), at: event.at(), body: encode(event) });
    let begins = after.state.active() && !before.is_some_and(|before| before.state.active());
    ReleaseWrite {
        expected: before.map_or(0, |before| before.version),
        takes: if begins { moving(after) } else { vec![] },
        leaves: before.map(|before| left(before, after)).unwrap_or_default(),
        events: rows.collect(),
        row: ReleaseRow {
            id: after.id,
            version: after.version,
            service: after.service.clone(),
            state: after.state.as_str().to_owned(),
            active: after.state.active(),
            created_at: after.created_at,
            updated_at: events.last().map_or(after.created_at, Event::at),
            body: encode(after),
        },
    }
}

/// Every service that a release moves while it is active; the judged one counts whatever became of it.
fn moving(release: &Release) -> Vec<ServiceName> {
    let moves = release.moves().into_iter().map(|(name, _)| name);
    moves.chain([&release.service]).cloned().collect()
}

/// What an event took out of the release: it may move in another one from now on.
fn left(before: &Release, after: &Release) -> Vec<ServiceName> {
    let stays = moving(after);
    moving(before).into_iter().filter(|name| !stays.contains(name)).collect()
}

pub(super) fn target(release: &Release) -> Target {
    Target::Release { id: release.id, service: release.service.clone() }
}

pub(super) fn topic(release: &Release) -> Topic {
    Topic::Release { id: release.id, service: release.service.clone() }
}
