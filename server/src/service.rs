//! The one application service. Browser, REST, command line and the engine's own decisions all come through here:
//! authorise → load → decide → commit. Nothing exists in one transport only.

use crate::alarms::AlarmSettings;
use crate::documents::DocumentProblem;
use crate::flags::FlagTable;
use crate::ledger::Ledger;
use crate::live::Bus;
use crate::memory::Memory;
use crate::notary::Notary;
use crate::notary::witness::Witnesses;
use crate::outage::Outage;
use crate::ports::{Clock, NoChannels, NoConnections, Queries, Rng, Teller};
use crate::steps::settings::StepSettings;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use std::sync::Arc;
use sternway_domain::access::{self, Action, Denied};
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::audit::Origin;
use sternway_domain::change_freeze::InForce;
use sternway_domain::flag;
use sternway_domain::id::{EnvironmentName, HoldId, ReleaseId, ServiceName};
use sternway_domain::migration;
use sternway_domain::release::{Event, Refusal, Release};
use tokio::sync::Semaphore;
use uuid::Uuid;

mod act;
mod aftermath;
mod alarms;
mod configure;
pub(crate) mod course;
mod create;
mod evidence;
mod expected;
mod export;
mod flag_summary;
mod flags;
mod freezes;
mod holds;
mod keys;
mod log;
mod migrations;
pub(crate) mod once;
mod outcome;
pub(crate) mod outside;
mod past;
mod progress;
mod query;
mod reads;
pub(crate) mod record;
mod redact;
mod replay;
mod restore;
mod retain;
pub(crate) mod saga;
mod searching;
mod start;
mod summary;
mod take_out;

pub use act::{ActRequest, Acted, Overrides, Wanted};
pub use alarms::{AlarmView, AlarmsTried, ChannelTried, ToldView};
pub use configure::{Applied, AppliedDocument};
pub use course::{Course, GuardCourse};
pub use create::{NewArtifact, NewComponent, NewRelease};
pub use evidence::{
    Before, Beside, CHART_SPAN, Evidence, Inputs, Live, Point, SecondBefore, SecondInputs, TickBody, TrafficStatus,
};
pub use expected::{Expected, Played};
pub use export::{ExportRequest, Exported, MOST_EXPORTS};
pub use flag_summary::{FlagSummary, FlipSummary, RetiredSummary};
pub use flags::{FlipRequest, Flipped, RetireRequest, SplitRequest};
pub use freezes::{FreezeView, RunView};
pub use holds::{HoldDone, HoldView};
pub use keys::{ChangeKey, KeyChanged};
pub use log::{Sealed, SignedHead};
pub(crate) use migrations::goes_forward;
pub use migrations::{DataActed, DataRequest, DataSeen, DataWanted, PastNoReturn};
pub use outside::{CheckpointView, LogKeyView, LogStatus, OutsideView, WitnessView};
pub use past::Past;
pub use progress::Words;
pub use reads::Reading;
pub use redact::{AlsoIn, ForgetError, RedactRequest, Redactable, Redacted};
pub use replay::{Replay, judge_again, replay};
pub use restore::{Confirmed, RestoreView};
pub use retain::Batch;
pub use saga::{MOST_REHEARSALS, RehearsalRequest, Rehearsed, SagaLog, StepActed, StepRequest};
pub use summary::{DecisionBrief, GuardSummary, ReleaseSummary, SourceSummary};

/// Who calls, and through which door.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub origin: Origin,
}

impl Caller {
    /// Sternway itself, under a rule.
    pub fn engine(rule: Rule) -> Self {
        let origin = Origin { transport: "engine".into(), ..Origin::default() };
        Self { actor: Actor::Automation { rule }, origin }
    }
}

/// Why an act or a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("there is no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    /// The release is not what the actor saw. `since` is what happened in between.
    #[error("the release has changed: it is at version {actual}, you saw {expected}")]
    Stale { expected: i64, actual: i64, release: Box<Release>, since: Vec<Event> },
    /// The saga is not what the actor saw.
    #[error("the saga has moved on: it is at version {actual}, you saw {expected}; look again")]
    StaleSaga { expected: i64, actual: i64 },
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The saga does not allow this now.
    #[error(transparent)]
    Step(#[from] sternway_domain::saga::Refusal),
    /// There is no such rollback.
    #[error("{0}")]
    Rollback(String),
    /// A rollback would lose data.
    #[error("{0}")]
    PastNoReturn(Box<PastNoReturn>),
    /// Something new would go out while it is frozen.
    #[error("{0}")]
    Frozen(Box<InForce>),
    /// The migration is not what the actor saw.
    #[error("the migration has moved on: it is at version {actual}, you saw {expected}; look again")]
    DataStale { expected: i64, actual: i64 },
    /// A migration of the release moved while it was ordered back.
    #[error("data of this release moved at the same moment; look again, then decide")]
    DataMoved,
    /// The migration does not allow this now.
    #[error(transparent)]
    DataRefused(#[from] migration::Refusal),
    /// The flag is not what the actor saw. `since` is what happened in between.
    #[error("the flag has changed: it is at version {actual}, you saw {expected}")]
    FlagStale { expected: i64, actual: i64, flag: Box<flag::Flag>, since: Vec<flag::Event> },
    #[error(transparent)]
    FlagRefused(#[from] flag::Refusal),
    /// The service moves in another release that is under way; `other` names it.
    #[error("`{service}` moves already, in {other}; end that one first")]
    Busy { service: ServiceName, other: String },
    #[error("the key `{0}` was used for another request; use a new one")]
    KeyReused(String),
    /// Of one field; with an empty name, of the request as a whole.
    #[error("{}{text}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
    Invalid { field: String, text: String },
    /// A legal hold keeps what was to be taken out.
    #[error("legal hold {hold} keeps these texts ({scope}); it has to be released first")]
    Held { hold: HoldId, scope: String },
    /// Everything wrong with a set of documents. Never empty; nothing of the set was applied.
    #[error("{}", listed(.0))]
    Documents(Vec<DocumentProblem>),
    /// So many evidence packs are being made already.
    #[error("{MOST_EXPORTS} evidence packs are being made already; ask again when one is done")]
    Exporting,
    /// The log's newest entries have no checkpoint yet.
    #[error("the entry is not signed yet; ask again in a second")]
    NotSigned,
    #[error(transparent)]
    Store(StoreError),
}

/// The first problem with its place, and how many more there are.
fn listed(problems: &[DocumentProblem]) -> String {
    match problems {
        [] => "the documents cannot be applied".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub type Result<T> = std::result::Result<T, ServiceError>;

/// The application service and what it stands on.
#[derive(Clone)]
pub struct Service {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub bus: Bus,
    /// Counts decisions; the engine counts the rest of its work here.
    pub metrics: Metrics,
    /// What steps of sagas say while they run here.
    pub progress: progress::Progress,
    pub flags: FlagTable,
    /// Runs the queries of data migrations.
    pub queries: Arc<dyn Queries>,
    /// Tells people by the channels of this server's configuration.
    pub teller: Arc<dyn Teller>,
    /// Who is told of what needs a person.
    pub alarms: Arc<AlarmSettings>,
    /// What is known of the database outside of it.
    pub memory: Memory,
    /// What was taken out of the database, known outside of it.
    pub ledger: Ledger,
    /// Signs the log.
    pub notary: Notary,
    /// Who is asked to confirm its heads.
    pub witnesses: Arc<Witnesses>,
    pub outage: Outage,
    /// Where this Sternway's services run: flags are switched and evaluated here unless another one is named.
    pub environment: EnvironmentName,
    /// What this server's configuration lets documents name.
    pub steps: Arc<StepSettings>,
    placebos: course::Placebos,
    /// One rehearsal at a time: it takes a whole core.
    rehearsing: Arc<Semaphore>,
    searches: searching::Searches,
    /// Evidence packs being made.
    exporting: Arc<Semaphore>,
    aftermath: aftermath::AftermathTable,
    readings: reads::Readings,
    orders: outcome::Orders,
}

impl Service {
    /// How many changes a slow listener may lag behind before it has to read everything again.
    const BACKLOG: usize = 1_024;

    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let notary = Notary::passing(rng.as_ref());
        Self {
            store,
            clock,
            rng,
            bus: Bus::new(Self::BACKLOG),
            metrics: Metrics::new(),
            progress: progress::Progress::default(),
            flags: FlagTable::default(),
            queries: Arc::new(NoConnections),
            teller: Arc::new(NoChannels),
            alarms: Arc::default(),
            memory: Memory::default(),
            ledger: Ledger::default(),
            notary,
            witnesses: Arc::default(),
            outage: Outage::default(),
            environment: EnvironmentName::new("production").expect("letters are a name"),
            steps: Arc::default(),
            placebos: course::Placebos::default(),
            rehearsing: Arc::new(Semaphore::new(1)),
            searches: searching::Searches::default(),
            exporting: Arc::new(Semaphore::new(MOST_EXPORTS)),
            aftermath: aftermath::AftermathTable::default(),
            readings: reads::Readings::default(),
            orders: outcome::Orders::default(),
        }
    }

    /// Turns away whoever may not do this. Questions are not logged; refused acts are, by whoever asks.
    pub fn authorise(&self, caller: &Caller, action: Action) -> Result<()> {
        Ok(access::authorise(&caller.actor, action)?)
    }

    /// A new id that sorts by time.
    pub(crate) fn new_id(&self) -> Uuid {
        let mut random = [0u8; 10];
        self.rng.fill(&mut random);
        let millis = self.clock.now().micros().max(0).unsigned_abs() / 1000;
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// The release, or a refusal that names it.
    pub async fn load(&self, id: ReleaseId) -> Result<Release> {
        let row = self.store.release(id).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "release", name: id.to_string() })?;
        decode("release", &row.body)
    }
}

/// Reads a stored JSON body.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(what: &'static str, body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt { what, detail: error.to_string() }.into())
}

/// Writes a JSON body. Our own types have only string keys and finite numbers.
pub(crate) fn encode<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("stored types have string keys only")
}

/// Work that takes a while, on a thread that serves nobody.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("judging does not panic, and nothing ends this thread")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_no_single_field_is_said_without_one() {
        let said = |field: &str| ServiceError::Invalid { field: field.into(), text: "is too long".into() }.to_string();
        assert_eq!(said("reason"), "reason: is too long");
        assert_eq!(said(""), "is too long");
    }
}
