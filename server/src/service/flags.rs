//! Switching flags: by a person, a program, or a rule such as a rollback's step.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, FlagSummary, Result, Service, ServiceError, decode, encode};
use crate::live::Topic;
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use sternway_domain::access::Action;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::flag::{Command, Event, Flag, Share};
use sternway_domain::id::{Digest, EnvironmentName, FlagKey};
use sternway_domain::service::Service as Document;

/// How often a rule tries again when somebody else flips in between.
const TRIES: u32 = 5;

/// The action contract: reason, the version that was seen, and a key that makes asking twice asking once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlipRequest {
    pub flag: FlagKey,
    pub environment: EnvironmentName,
    pub enabled: bool,
    pub reason: String,
    pub expected_version: i64,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// People who get other variants than the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitRequest {
    pub flag: FlagKey,
    pub environment: EnvironmentName,
    /// Empty: everybody gets the same.
    pub split: Vec<Share>,
    pub reason: String,
    pub expected_version: i64,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Nothing asks for the flag any more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetireRequest {
    pub flag: FlagKey,
    pub reason: String,
    pub expected_version: i64,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// The flag as it stands now, and the decision's place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flipped {
    pub flag: FlagSummary,
    pub decision: DecisionBrief,
}

impl Service {
    /// All flags, by key.
    pub async fn flags(&self, caller: &Caller) -> Result<Vec<Arc<Flag>>> {
        self.authorise(caller, Action::View)?;
        Ok(self.flags.current(self.store.as_ref()).await?.flags.values().cloned().collect())
    }

    pub async fn flag(&self, caller: &Caller, key: &FlagKey) -> Result<Flag> {
        self.authorise(caller, Action::View)?;
        self.load_flag(key).await
    }

    /// What happened to a flag, oldest first, with the decisions that did it.
    pub async fn flag_events(&self, caller: &Caller, key: &FlagKey) -> Result<Vec<StreamEventRow>> {
        self.authorise(caller, Action::View)?;
        Ok(self.store.flag_events(key, 0).await?)
    }

    /// A person's or a program's flip. To where the flag stands already it changes nothing, and is a decision all the same.
    pub async fn flip(&self, caller: &Caller, request: FlipRequest) -> Result<Flipped> {
        let once = Once::new(&caller.actor.key(), &request.idempotency_key, &request);
        let FlipRequest { flag, environment, enabled, reason, expected_version, .. } = request;
        let mut act = Act::on(Action::Flip, Target::Flag { key: flag, environment: environment.clone() }, &reason);
        act.expected_version = Some(expected_version);
        let command = Command::Flip { environment, enabled, reason: reason.trim().to_owned() };
        self.change_flag(caller, act, command, &once).await
    }

    /// Other shares of people get other variants from now on.
    pub async fn split_flag(&self, caller: &Caller, request: SplitRequest) -> Result<Flipped> {
        let once = Once::new(&caller.actor.key(), &request.idempotency_key, &request);
        let SplitRequest { flag, environment, split, reason, expected_version, .. } = request;
        let mut act = Act::on(Action::Flip, Target::Flag { key: flag, environment: environment.clone() }, &reason);
        act.expected_version = Some(expected_version);
        let command = Command::Split { environment, split, reason: reason.trim().to_owned() };
        self.change_flag(caller, act, command, &once).await
    }

    /// Clients get their own defaults from now on, as if there were no such flag. What still switches it is named.
    pub async fn retire_flag(&self, caller: &Caller, request: RetireRequest) -> Result<Flipped> {
        let once = Once::new(&caller.actor.key(), &request.idempotency_key, &request);
        let RetireRequest { flag, reason, expected_version, .. } = request;
        let target = Target::Flag { key: flag, environment: self.environment.clone() };
        let mut act = Act::on(Action::Apply, target, &reason);
        act.expected_version = Some(expected_version);
        let command = Command::Retire { reason: reason.trim().to_owned() };
        self.change_flag(caller, act, command, &once).await
    }

    async fn change_flag(&self, caller: &Caller, mut act: Act<'_>, command: Command, once: &Once) -> Result<Flipped> {
        if let Some(flipped) = self.flipped_before(once).await? {
            return Ok(flipped);
        }
        let changed = self.change_once(caller, &mut act, command, once).await;
        let Err(error) = changed else { return changed };
        // Somebody with the same key may have been quicker between our look and our act: then nothing was refused.
        if let Some(flipped) = self.flipped_before(once).await? {
            return Ok(flipped);
        }
        match error {
            error @ ServiceError::Store(_) => Err(error),
            error => Err(self.refuse(caller, &act, error).await),
        }
    }

    /// A rule's flip, in this Sternway's environment: a step of a rollback, say. Asked again with the same key it
    /// answers the same and does nothing; `fence` is the lease it is done under. Flips by others in between are read
    /// again, as a rule has seen no version.
    pub async fn switch_by_rule(
        &self,
        caller: &Caller,
        flag: &FlagKey,
        enabled: bool,
        reason: &str,
        idempotency_key: &str,
        fence: Option<Fence>,
    ) -> Result<Flipped> {
        let asked = (flag, &self.environment, enabled, reason);
        let once = Once::new(&caller.actor.key(), idempotency_key, &asked);
        let target = Target::Flag { key: flag.clone(), environment: self.environment.clone() };
        let mut tries = 0;
        loop {
            if let Some(flipped) = self.flipped_before(&once).await? {
                return Ok(flipped);
            }
            self.authorise(caller, Action::Flip)?;
            let before = self.load_flag(flag).await?;
            let mut act = Act::on(Action::Flip, target.clone(), reason);
            act.expected_version = Some(before.version);
            let environment = self.environment.clone();
            let command = Command::Flip { environment, enabled, reason: reason.trim().to_owned() };
            let events = before.decide(command, &caller.actor, self.clock.now())?;
            tries += 1;
            match self.commit_flip(caller, &before, &events, &act, &once, fence.clone()).await {
                Err(ServiceError::Store(StoreError::Conflict { .. } | StoreError::KeyUsed)) if tries < TRIES => {}
                other => return other,
            }
        }
    }

    async fn change_once(&self, caller: &Caller, act: &mut Act<'_>, command: Command, once: &Once) -> Result<Flipped> {
        self.authorise(caller, act.action)?;
        let Target::Flag { key, .. } = act.target.clone() else { return Err(unnamed()) };
        let expected = act.expected_version.unwrap_or_default();
        let before = self.load_flag(&key).await?;
        if before.version != expected {
            return Err(self.flag_stale(before, expected).await?);
        }
        if matches!(command, Command::Retire { .. }) {
            self.check_unused(&key).await?;
        }
        let events = before.decide(command, &caller.actor, self.clock.now())?;
        match self.commit_flip(caller, &before, &events, act, once, None).await {
            Err(ServiceError::Store(StoreError::Conflict { .. })) => {
                let now = self.load_flag(&key).await?;
                Err(self.flag_stale(now, expected).await?)
            }
            other => other,
        }
    }

    /// A rollback that switches a flag off must find one.
    async fn check_unused(&self, key: &FlagKey) -> Result<()> {
        for row in self.store.documents("Service").await? {
            let document: Document = decode("service", &row.body)?;
            if document.rollback.is_some_and(|back| back.kill_switches.contains(key)) {
                let name = document.name;
                let text = format!(
                    "a rollback of `{name}` switches it off; take it out of `rollback.kill_switches` of `{name}` first"
                );
                return Err(ServiceError::Invalid { field: String::new(), text });
            }
        }
        Ok(())
    }

    /// One transaction: event, entry, evidence, idempotency record. In force here as soon as it is durable.
    async fn commit_flip(
        &self,
        caller: &Caller,
        before: &Flag,
        events: &[Event],
        act: &Act<'_>,
        once: &Once,
        fence: Option<Fence>,
    ) -> Result<Flipped> {
        let mut act = act.clone();
        let after = events.iter().fold(before.clone(), Flag::evolve);
        let seen = encode(before);
        let digest = Digest::of(seen.as_bytes());
        act.evidence = Some(digest.clone());
        let Target::Flag { environment, .. } = &act.target else { return Err(unnamed()) };
        act.effects.push(effect(before, &after, events, environment));
        let decision = self.decision(caller, &act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let flag = FlagSummary::of(&after, &self.environment, decision.row.at);
        let mut flipped = Flipped { flag, decision: brief };
        let unit = Unit {
            flags: flag_write(before.version, events, &after).into_iter().collect(),
            decision: Some(decision),
            evidence: vec![(digest, seen)],
            idempotency: Some(self.remember(once, 200, &flipped)),
            fence,
            ..Unit::default()
        };
        let committed = self.commit(unit, Some(Topic::Flags)).await?;
        flipped.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok(flipped)
    }

    /// From the store, not from memory: what is decided on must be the newest.
    pub(super) async fn load_flag(&self, key: &FlagKey) -> Result<Flag> {
        let row = self.store.flag(key).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "flag", name: key.to_string() })?;
        decode("flag", &row.body)
    }

    async fn flag_stale(&self, flag: Flag, expected: i64) -> Result<ServiceError> {
        let rows = self.store.flag_events(&flag.plan.key, expected.max(0)).await?;
        let since = rows.iter().map(|row| decode("event", &row.body)).collect::<Result<Vec<Event>>>()?;
        Ok(ServiceError::FlagStale { expected, actual: flag.version, flag: Box::new(flag), since })
    }

    async fn flipped_before(&self, once: &Once) -> Result<Option<Flipped>> {
        let Some(mut flipped) = self.recall::<Flipped>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(flipped.decision.id).await? {
            flipped.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(flipped))
    }
}

/// For the log: `off in production, was on`.
fn effect(before: &Flag, after: &Flag, events: &[Event], environment: &EnvironmentName) -> String {
    let stands = |flag: &Flag| if flag.setting(environment).enabled { "on" } else { "off" };
    match events {
        [] if before.retired.is_some() => "retired already; nothing changed".to_owned(),
        [] => format!("{} already in {environment}; nothing changed", stands(after)),
        [Event::Retired { .. }, ..] => format!("retired, was {} in {environment}", stands(before)),
        [Event::Split { split, .. }, ..] if split.is_empty() => format!("no split in {environment} any more"),
        [Event::Split { split, .. }, ..] => {
            let share = |share: &Share| format!("{}\u{a0}% `{}`", share.percent, share.variant);
            let shares: Vec<String> = split.iter().map(share).collect();
            format!("split in {environment}: {}, the rest `{}`", shares.join(", "), after.setting(environment).serve)
        }
        _ => format!("{} in {environment}, was {}", stands(after), stands(before)),
    }
}

fn unnamed() -> ServiceError {
    ServiceError::Invalid { field: "flag".into(), text: "the act names no flag".into() }
}

/// The events as rows and the flag after them; `None` when nothing happened.
pub(super) fn flag_write(expected: i64, events: &[Event], after: &Flag) -> Option<FlagWrite> {
    let rows = events.iter().map(|event| EventWrite { kind: event.kind(), at: event.at(), body: encode(event) });
    let row = FlagRow {
        key: after.plan.key.clone(),
        version: after.version,
        position: 0,
        created_at: after.created_at,
        updated_at: after.changed_at,
        body: encode(after),
    };
    (!events.is_empty()).then(|| FlagWrite { expected, events: rows.collect(), row })
}
