//! What must be remembered, and the one way to remember it.
//!
//! Everything a decision changes goes into one [`Unit`], committed in one transaction or not at all. The rows are plain:
//! bodies are JSON whose shape the service owns; a store keeps, orders and refuses, and knows no rules.

use crate::store::rows::*;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use sternway_domain::audit::Entry;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::audit::retention::Class;
use sternway_domain::id::{Digest, FlagKey, HoldId, MigrationName, PersonId, ReleaseId, SagaId, ServiceName, TokenId};
use sternway_domain::time::{Span, Timestamp};
use tokio::sync::watch;

mod alarms;
mod audit;
mod postgres;
pub mod rows;
pub mod scan;
mod sql;
mod sqlite;

pub use alarms::AlarmStore;
pub use audit::AuditStore;
pub use postgres::{PostgresStore, unproven};
pub use sqlite::{SqliteOptions, SqliteStore};

/// Opens the database at `sqlite:PATH` or `postgres://USER@HOST/NAME` and brings its schema up to date.
pub async fn open(address: &str) -> Result<Arc<dyn Store>> {
    match address.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(SqliteStore::open(address).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(PostgresStore::connect(address).await?)),
        // Only the scheme is repeated: what follows may hold a password.
        Some((scheme, _)) => Err(StoreError::Address { given: format!("{scheme}:…") }),
        None => Err(StoreError::Address { given: address.to_owned() }),
    }
}

/// Opens the database of [`open`] for one who only reads: nothing of it is changed, its schema and journal neither. One
/// whose schema this program does not read is refused.
pub async fn look(address: &str) -> Result<Arc<dyn Store>> {
    match address.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(PostgresStore::look(address).await?)),
        Some(("sqlite", _)) => Ok(Arc::new(SqliteStore::look(address).await?)),
        _ => open(address).await,
    }
}

/// What went wrong, by the operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first. `actual` is the version the stream has now.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict { expected: i64, actual: i64 },
    /// The idempotency key was used before; look its record up.
    #[error("this idempotency key was used before")]
    KeyUsed,
    /// The lease under which this was written is no longer held.
    #[error("lease `{lease}` is held under a newer token than {token}")]
    Fenced { lease: String, token: i64 },
    /// The service moves in another release that is under way.
    #[error("`{service}` moves in release {release} already")]
    Moving { service: ServiceName, release: ReleaseId },
    /// A unique name is taken (login name, document version).
    #[error("{what} exists already")]
    Exists { what: String },
    /// The database cannot be reached or is busy. Nothing was written, as far as is known.
    #[error("the database did not answer while trying to {operation}")]
    Unavailable {
        operation: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// A legal hold keeps this text.
    #[error("legal hold {hold} keeps the texts of entry {leaf_index}; release it first")]
    Held { hold: HoldId, leaf_index: i64 },
    /// A stored row cannot be read.
    #[error("a stored {what} cannot be read: {detail}")]
    Corrupt { what: &'static str, detail: String },
    /// The address names no database this program can use.
    #[error("`{given}` is no database address; write `sqlite:PATH` or `postgres://USER@HOST/NAME`")]
    Address { given: String },
    /// The schema is newer than this program knows. Nothing was written.
    #[error("the database has schema {found}, this program knows {known}; use a newer sternway")]
    SchemaTooNew { found: i64, known: i64 },
    /// The schema is older, and whoever only reads brings none up to date.
    #[error(
        "the database has schema {found}, this program reads {known} and changes nothing here: \
         use the sternway that wrote it, or let `sternway serve` bring a copy up to date"
    )]
    SchemaOld { found: i64, known: i64 },
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The events, the log, the outbox, the configuration and the people.
#[async_trait]
pub trait Store: AlarmStore + AuditStore {
    /// Commits all of it or nothing. Order of checks: idempotency key, fence, expected version, unique names.
    /// Returns the leaf index of the unit's entry, if it has one, and the position of its last event.
    async fn commit(&self, unit: Unit) -> Result<Committed>;

    async fn release(&self, id: ReleaseId) -> Result<Option<ReleaseRow>>;
    /// Newest first by creation.
    async fn releases(&self, filter: &ReleaseFilter) -> Result<Vec<ReleaseRow>>;
    /// Events of one stream with a version above `after`, in order.
    async fn events(&self, id: ReleaseId, after: i64) -> Result<Vec<EventRow>>;
    /// Events of all streams with a position above `after`, in order: what a reconnecting browser missed.
    async fn events_after(&self, after: i64, limit: u32) -> Result<Vec<EventRow>>;
    async fn last_position(&self) -> Result<i64>;
    async fn head(&self) -> Result<Head>;
    async fn extent(&self) -> Result<Extent>;
    /// Releases of which, or of whose sagas, an event has a position above `after`, in the order of the newest.
    async fn moved(&self, after: i64) -> Result<Vec<MovedRow>>;
    /// Active releases whose lease somebody but this holder has or had last.
    async fn marks(&self, but: &str) -> Result<Vec<MarkRow>>;

    /// Flags whose newest event has a position above `after`, in the order of these positions; 0 for all of them.
    async fn flags(&self, after: i64) -> Result<Vec<FlagRow>>;
    async fn flag(&self, key: &FlagKey) -> Result<Option<FlagRow>>;
    /// Events of one flag with a version above `after`, in order.
    async fn flag_events(&self, key: &FlagKey, after: i64) -> Result<Vec<StreamEventRow>>;

    /// Data migrations of a release, by name.
    async fn migrations(&self, release: ReleaseId) -> Result<Vec<MigrationRow>>;
    /// Those of all releases whose newest event has a position above `after`, in the order of these positions.
    async fn migrations_after(&self, after: i64) -> Result<Vec<MigrationRow>>;
    /// Events of one migration with a version above `after`, in order.
    async fn migration_events(
        &self,
        release: ReleaseId,
        name: &MigrationName,
        after: i64,
    ) -> Result<Vec<StreamEventRow>>;

    /// Newest first.
    async fn decisions(&self, filter: &DecisionFilter) -> Result<Vec<DecisionRow>>;
    async fn decision(&self, id: sternway_domain::id::DecisionId) -> Result<Option<DecisionRow>>;
    /// These entries as acts, with the texts that are there. One that is missing, cannot be read, or is of another decision
    /// than the one in its place is left out.
    async fn entries(&self, of: &[i64]) -> Result<BTreeMap<i64, Entry>>;
    /// Entries with an index of at least `from`, in order.
    async fn leaves(&self, from: i64, limit: u32) -> Result<Vec<LeafRow>>;
    /// How many decisions there are of this kind, and between which entries.
    async fn tally(&self, of: &TallyFilter) -> Result<Tally>;
    /// What stands beside these entries, those of one together.
    async fn texts(&self, from: i64, limit: u32) -> Result<Vec<TextRow>>;
    /// Which texts of this entry were taken out, and by which entries.
    async fn removed(&self, leaf_index: i64) -> Result<Vec<RemovedRow>>;
    /// Neighbouring hashes of the tree: of entries at level 0, of complete subtrees at levels 8, 16, …
    async fn hashes(&self, level: u8, from: i64, limit: u32) -> Result<Vec<TreeHash>>;
    /// The newest signed head.
    async fn checkpoint(&self) -> Result<Option<CheckpointRow>>;
    /// Refused as `Fenced` when the lease is lost. A size that was signed already is left as it is.
    async fn put_checkpoint(&self, row: &CheckpointRow, fence: &Fence) -> Result<()>;
    /// Keys that sign the log, oldest first.
    async fn log_keys(&self) -> Result<Vec<LogKeyRow>>;
    /// Writes the first key down, unless there is one. Refused as `Fenced` when the lease is lost.
    async fn put_first_key(&self, key: &VerifierKey, at: Timestamp, fence: &Fence) -> Result<()>;
    /// Who outside has a head of the log, newest first.
    async fn outside(&self) -> Result<Vec<OutsideRow>>;
    async fn put_outside(&self, row: &OutsideRow) -> Result<()>;
    /// What was taken out by entries after this one, in their order: by at most so many of them.
    async fn redactions(&self, after: i64, entries: u32) -> Result<Vec<RedactionRow>>;
    /// Decisions after this entry that were written down before this moment and have a text of this class, in order.
    async fn aged(&self, class: Class, after: i64, before: Timestamp, limit: u32) -> Result<Vec<DecisionRow>>;
    /// Other entries of which a text holds one of these, by index.
    async fn repeated(&self, texts: &[&str], but: i64, limit: u32) -> Result<Vec<i64>>;
    /// Every legal hold, also those that were released; oldest first.
    async fn holds(&self) -> Result<Vec<HoldRow>>;
    /// Makes sure that what was deleted is not left in the database's own files, as far as the database lets one.
    /// `false`: somebody was reading; try again.
    async fn scrub(&self) -> Result<bool>;
    async fn evidence(&self, digest: &Digest) -> Result<Option<String>>;
    async fn idempotency(&self, actor: &str, key: &str) -> Result<Option<IdempotencyRow>>;
    /// Removes at most so many answers from before this moment, the oldest first. Those of emergencies stay: a spooled file
    /// may be read again at any time. Returns how many went.
    async fn forget_answers(&self, before: Timestamp, limit: u32) -> Result<u64>;

    async fn saga(&self, id: SagaId) -> Result<Option<SagaRow>>;
    /// Oldest first.
    async fn sagas(&self, release: ReleaseId) -> Result<Vec<SagaRow>>;
    /// All of one saga, in order.
    async fn saga_events(&self, id: SagaId) -> Result<Vec<SagaEventRow>>;
    /// What steps under way say (JSON), for the pages of other processes. Written only by the lease holder.
    async fn put_said(&self, id: SagaId, said: &str, fence: &Fence) -> Result<()>;
    async fn said(&self, id: SagaId) -> Result<Option<String>>;

    /// One tick with its verdict, the judge's state after it and the live summary, in one transaction. Refused as
    /// `Fenced` when the lease is lost. A tick number that exists already is left as it is.
    async fn put_tick(&self, tick: TickWrite) -> Result<()>;
    /// In order of number; `since` inclusive; at most `limit`, the newest ones.
    async fn ticks(&self, release: ReleaseId, since: Timestamp, limit: u32) -> Result<Vec<TickRow>>;
    /// State of the signal window and the judge after the last tick: `(tick number, JSON)`.
    async fn judge_state(&self, release: ReleaseId) -> Result<Option<(i64, String)>>;
    /// Live summaries (JSON) of these releases.
    async fn live(&self, releases: &[ReleaseId]) -> Result<Vec<(ReleaseId, String)>>;

    /// Asked and observed traffic of a service (JSON). Written only by the lease holder.
    async fn put_traffic(&self, service: &ServiceName, body: &str, fence: &Fence) -> Result<()>;
    async fn traffic(&self, service: &ServiceName) -> Result<Option<String>>;
    /// The same of many services at once, by name; those without any are left out.
    async fn traffic_of(&self, services: &[ServiceName]) -> Result<Vec<(ServiceName, String)>>;

    /// Messages not yet done, oldest first.
    async fn outbox_pending(&self, release: ReleaseId) -> Result<Vec<OutboxRow>>;
    async fn outbox(&self, release: ReleaseId) -> Result<Vec<OutboxRow>>;
    /// Records an attempt or the end of a message. `Fenced` when the lease is lost.
    async fn outbox_mark(&self, id: sternway_domain::id::MessageId, mark: OutboxMark, fence: &Fence) -> Result<()>;

    /// Takes or renews a lease by the database's clock. `None`: somebody else holds it. A new holder gets a larger token;
    /// the same holder renewing keeps its own.
    async fn lease(&self, name: &str, holder: &str, ttl: Span) -> Result<Option<Lease>>;
    /// Gives leases of this holder back at once.
    async fn release_leases(&self, holder: &str) -> Result<()>;

    /// Newest version of each document of this kind, by name.
    async fn documents(&self, kind: &str) -> Result<Vec<DocumentRow>>;
    /// One version, or the newest.
    async fn document(&self, kind: &str, name: &str, version: Option<i64>) -> Result<Option<DocumentRow>>;
    async fn document_by_digest(&self, digest: &Digest) -> Result<Option<DocumentRow>>;

    async fn people(&self) -> Result<Vec<PersonRow>>;
    async fn person(&self, id: PersonId) -> Result<Option<PersonRow>>;
    async fn person_by_login(&self, login: &str) -> Result<Option<PersonRow>>;
    async fn put_session(&self, session: &SessionRow) -> Result<()>;
    /// By SHA-256 of the cookie value.
    async fn session(&self, hash: &[u8]) -> Result<Option<SessionRow>>;
    async fn touch_session(&self, hash: &[u8], seen_at: Timestamp) -> Result<()>;
    async fn end_session(&self, hash: &[u8]) -> Result<()>;
    async fn tokens(&self, owner: PersonId) -> Result<Vec<TokenRow>>;
    async fn token(&self, id: TokenId) -> Result<Option<TokenRow>>;
    async fn touch_token(&self, id: TokenId, used_at: Timestamp) -> Result<()>;

    async fn setting(&self, key: &str) -> Result<Option<String>>;
    async fn put_setting(&self, key: &str, value: &str) -> Result<()>;
    /// Removes the setting and says whether it was there: of two callers one gets `true`.
    async fn take_setting(&self, key: &str) -> Result<Option<String>>;

    /// Answers when the database does.
    async fn ping(&self) -> Result<()>;

    /// Counts up when somebody, here or in another process, may have made a decision. A hint: it can be lost while the
    /// connection is away, so look from time to time anyway. `None`: no other process can write to this store.
    async fn listen(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}
