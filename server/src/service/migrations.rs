//! Data of a release: planned with it, moved forward and back, asked questions, signed for, and, past the point of no
//! return, gone back on only when two people say so.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError, act, decode, encode};
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{Digest, MigrationName, ReleaseId};
use sternway_domain::migration::{Command, Event, Migration, Phase, Refusal};
use sternway_domain::plan::Weight;
use sternway_domain::release::{REASON_CHARS, Release, State};
use sternway_domain::time::Timestamp;

mod back;
mod planned;

pub use back::PastNoReturn;

/// How often an act that rests on no version tries again when somebody else writes in between.
const TRIES: u32 = 5;

/// What is wanted, beyond the reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum DataWanted {
    /// Enter the next phase.
    Move {
        to: Phase,
        override_conditions: bool,
    },
    /// One step back to the old data; where there is only one way, it need not be named.
    Back {
        to: Option<Phase>,
    },
    /// Run a query and keep what it gave.
    Validate {
        query: String,
    },
    Sign {
        role: String,
    },
    AskGlass,
    BreakGlass,
}

impl DataWanted {
    fn action(&self) -> Action {
        match self {
            DataWanted::AskGlass | DataWanted::BreakGlass => Action::BreakGlass,
            _ => Action::MoveData,
        }
    }
}

/// The action contract: reason, the version of the migration that was seen, and a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataRequest {
    pub release: ReleaseId,
    pub migration: MigrationName,
    pub wanted: DataWanted,
    pub reason: String,
    pub expected_version: i64,
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Where the migration stands now, what was done, and the decision's place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataActed {
    pub migration: MigrationName,
    pub version: i64,
    pub phase: Phase,
    /// For people: ``moved from `expand` to `dual write` ``.
    pub said: String,
    pub decision: DecisionBrief,
}

/// A migration, the candidate's share that its conditions see, and now.
#[derive(Debug, Clone)]
pub struct DataSeen {
    pub migration: Migration,
    pub share: Weight,
    pub at: Timestamp,
}

/// What one commit is made of.
struct Change<'a> {
    release: &'a Release,
    before: &'a Migration,
    events: &'a [Event],
    act: Act<'a>,
    once: &'a Once,
    fence: Option<Fence>,
}

impl Service {
    /// The data migrations of a release, by name.
    pub async fn data(&self, caller: &Caller, release: ReleaseId) -> Result<Vec<DataSeen>> {
        self.authorise(caller, Action::View)?;
        let release = self.load(release).await?;
        let mut seen = Vec::new();
        for migration in self.migrations_of(release.id).await? {
            let share = self.candidate_share(&release, &migration).await?;
            seen.push(DataSeen { migration, share, at: self.clock.now() });
        }
        Ok(seen)
    }

    /// A person's or a program's act on the data of a release.
    pub async fn move_data(&self, caller: &Caller, request: DataRequest) -> Result<DataActed> {
        let once = Once::new(&caller.actor.key(), &request.idempotency_key, &request);
        if let Some(acted) = self.moved_before(&once).await? {
            return Ok(acted);
        }
        let unknown = Target::Unknown { text: request.release.to_string() };
        let mut described = Act::on(request.wanted.action(), unknown, &request.reason);
        described.expected_version = Some(request.expected_version);
        described.effects.push(wish(&request));
        if let Ok(release) = self.load(request.release).await {
            described.target = act::target(&release);
        }
        let moved = self.move_once(caller, &request, described.clone(), &once).await;
        let Err(error) = moved else { return moved };
        // Somebody with the same key may have been quicker between our look and our act: then nothing was refused.
        if let Some(acted) = self.moved_before(&once).await? {
            return Ok(acted);
        }
        match error {
            ServiceError::Store(StoreError::Conflict { expected, actual }) => {
                Err(self.refuse(caller, &described, ServiceError::DataStale { expected, actual }).await)
            }
            error @ ServiceError::Store(_) => Err(error),
            error => Err(self.refuse(caller, &described, error).await),
        }
    }

    async fn move_once(
        &self,
        caller: &Caller,
        asked: &DataRequest,
        mut act: Act<'_>,
        once: &Once,
    ) -> Result<DataActed> {
        self.authorise(caller, act.action)?;
        // The migration first: whoever orders a rollback after this look writes to it too, and one of us is told.
        let migrations = self.migrations_of(asked.release).await?;
        let release = self.load(asked.release).await?;
        let found = migrations.into_iter().find(|migration| migration.plan.name == asked.migration);
        let none = || ServiceError::NotFound { what: "migration of this release", name: asked.migration.to_string() };
        let before = found.ok_or_else(none)?;
        if before.version != asked.expected_version {
            return Err(ServiceError::DataStale { expected: asked.expected_version, actual: before.version });
        }
        act.effects.clear();
        act.release = Some(&release);
        let now = self.clock.now();
        let reason = asked.reason.trim().to_owned();
        let command = match asked.wanted.clone() {
            DataWanted::Move { to, override_conditions } => {
                if !goes_forward(&release.state) {
                    return Err(Refusal::NotForward(release.state.label()).into());
                }
                let share = self.candidate_share(&release, &before).await?;
                Command::Advance { to, share, override_conditions, reason }
            }
            DataWanted::Back { to } => {
                let back = to.or(before.phase.way_back()).unwrap_or(Phase::Planned);
                Command::Revert { to: back, reason }
            }
            DataWanted::Validate { query } => {
                return self.validate(caller, &release, before, &query, act, once).await;
            }
            DataWanted::Sign { role } => Command::Sign { role, note: reason },
            DataWanted::AskGlass => Command::AskGlass { reason },
            DataWanted::BreakGlass => Command::BreakGlass { reason },
        };
        let events = before.decide(command, &caller.actor, now)?;
        let change = Change { release: &release, before: &before, events: &events, act, once, fence: None };
        self.commit_data(caller, change).await
    }

    /// Runs the query, then writes down what it gave, whatever else happened to the migration meanwhile.
    async fn validate(
        &self,
        caller: &Caller,
        release: &Release,
        mut before: Migration,
        query: &str,
        act: Act<'_>,
        once: &Once,
    ) -> Result<DataActed> {
        let chars = act.reason.trim().chars().count();
        if !REASON_CHARS.contains(&chars) {
            return Err(Refusal::Reason(chars).into());
        }
        let asked = before.plan.queries.get(query).cloned().zip(before.plan.connection.clone());
        let (validation, connection) = asked.ok_or_else(|| Refusal::NoSuchQuery(query.to_owned()))?;
        // Of the moment it was asked: a phase that is entered meanwhile has not been looked at.
        let began = self.clock.now();
        let value = self.queries.number(&connection, &validation.sql, validation.timeout).await;
        let mut tries = 0;
        loop {
            let command = Command::Record { query: query.to_owned(), value: value.clone() };
            let events = before.decide(command, &caller.actor, began)?;
            let act = act.clone();
            let change = Change { release, before: &before, events: &events, act, once, fence: None };
            tries += 1;
            match self.commit_data(caller, change).await {
                Err(ServiceError::Store(StoreError::Conflict { .. })) if tries < TRIES => {
                    before = self.migration(release.id, &before.plan.name).await?;
                }
                other => return other,
            }
        }
    }

    /// One transaction: events, entry, evidence, idempotency record.
    async fn commit_data(&self, caller: &Caller, change: Change<'_>) -> Result<DataActed> {
        let Change { release, before, events, mut act, once, fence } = change;
        let after = events.iter().fold(before.clone(), Migration::evolve);
        let seen = encode(before);
        let digest = Digest::of(seen.as_bytes());
        act.evidence = Some(digest.clone());
        let said = match events.last() {
            Some(event) => told(event),
            None => format!("is at `{}` already; nothing changed", after.phase.label()),
        };
        act.effects.push(format!("migration `{}` {said}", after.plan.name));
        for event in events {
            match event {
                Event::Advanced { moved } => act.overridden.extend(moved.overridden.iter().cloned()),
                Event::GlassBroken { glass } => act.overridden.push(glass.notice()),
                _ => {}
            }
        }
        let decision = self.decision(caller, &act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let (migration, version, phase) = (after.plan.name.clone(), after.version, after.phase);
        let mut acted = DataActed { migration, version, phase, said, decision: brief };
        let unit = Unit {
            migrations: migration_write(before.version, events, &after).into_iter().collect(),
            decision: Some(decision),
            evidence: vec![(digest, seen)],
            idempotency: Some(self.remember(once, 200, &acted)),
            fence,
            ..Unit::default()
        };
        let committed = self.commit(unit, Some(act::topic(release))).await?;
        acted.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok(acted)
    }

    async fn moved_before(&self, once: &Once) -> Result<Option<DataActed>> {
        let Some(mut acted) = self.recall::<DataActed>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(acted.decision.id).await? {
            acted.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(acted))
    }

    pub(in crate::service) async fn migrations_of(&self, release: ReleaseId) -> Result<Vec<Migration>> {
        let rows = self.store.migrations(release).await?;
        rows.iter().map(|row| decode("migration", &row.body)).collect()
    }

    async fn migration(&self, release: ReleaseId, name: &MigrationName) -> Result<Migration> {
        let found = self.migrations_of(release).await?.into_iter().find(|migration| migration.plan.name == *name);
        found.ok_or_else(|| ServiceError::NotFound { what: "migration of this release", name: name.to_string() })
    }

    /// As the driver of the migration's component reports it; zero where nothing is known.
    async fn candidate_share(&self, release: &Release, migration: &Migration) -> Result<Weight> {
        if release.state == State::Promoted {
            return Ok(Weight::FULL);
        }
        if !release.state.active() {
            return Ok(Weight::ZERO);
        }
        let status = self.traffic_status(&migration.plan.component).await?;
        Ok(status.and_then(|status| status.observed).unwrap_or(Weight::ZERO))
    }
}

/// Whether data may still go forward: not while anything goes back, and not while all stays as it is.
pub(crate) fn goes_forward(state: &State) -> bool {
    use State::*;
    !matches!(state, RollingBack | RolledBack | PartiallyRolledBack | Frozen { .. } | Cancelled)
}

/// What was asked for, for the log of a refusal.
fn wish(request: &DataRequest) -> String {
    let what = match &request.wanted {
        DataWanted::Move { to, override_conditions: true } => format!("to `{}`, whatever is missing", to.label()),
        DataWanted::Move { to, .. } => format!("to `{}`", to.label()),
        DataWanted::Back { to: Some(to) } => format!("back to `{}`", to.label()),
        DataWanted::Back { to: None } => "back".to_owned(),
        DataWanted::Validate { query } => format!("run the query `{query}`"),
        DataWanted::Sign { role } => format!("sign as {role}"),
        DataWanted::AskGlass => "ask to break the glass".to_owned(),
        DataWanted::BreakGlass => "break the glass".to_owned(),
    };
    format!("migration `{}`: {what}", request.migration)
}

/// What an event did, after the name of its migration.
fn told(event: &Event) -> String {
    match event {
        Event::Planned { .. } => "is planned".to_owned(),
        Event::Advanced { moved } => format!("moved from `{}` to `{}`", moved.from.label(), moved.to.label()),
        Event::Reverted { moved } => format!("went back from `{}` to `{}`", moved.from.label(), moved.to.label()),
        Event::Validated { query, result } => {
            let good = if result.good { "good" } else { "not good" };
            format!("query `{query}` is {good}: {}", result.detail)
        }
        Event::Signed { signature } => format!("is signed for as {}", signature.role),
        Event::GlassAsked { .. } => "waits for a second person to break the glass".to_owned(),
        Event::GlassBroken { glass } => format!("may go back although data is lost. {}", glass.notice()),
        Event::BackOrdered { .. } => "goes back with its release".to_owned(),
    }
}

/// The events as rows and the migration after them; `None` when nothing happened.
pub(in crate::service) fn migration_write(
    expected: i64,
    events: &[Event],
    after: &Migration,
) -> Option<MigrationWrite> {
    let rows: Vec<EventWrite> =
        events.iter().map(|event| EventWrite { kind: event.kind(), at: event.at(), body: encode(event) }).collect();
    let last = events.last()?.at();
    let row = MigrationRow {
        release: after.release,
        name: after.plan.name.clone(),
        version: after.version,
        position: 0,
        created_at: after.moves.first().map_or(after.since, |first| first.at.min(after.since)),
        updated_at: last,
        body: encode(after),
    };
    Some(MigrationWrite { expected, events: rows, row })
}
