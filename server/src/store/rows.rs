//! The rows a store keeps. JSON bodies are opaque here.

use sternway_domain::id::{DecisionId, Digest, FlagKey, MessageId, PersonId, ReleaseId, SagaId, ServiceName, TokenId};
use sternway_domain::time::Timestamp;

mod alarms;
mod data;
mod decision;
mod extent;
mod keys;
mod privacy;
mod tally;
mod tree;

pub use alarms::{AlarmEnd, AlarmMark, AlarmMessageRow, AlarmRaise, AlarmRow, AlarmSaid, AlarmsWrite};
pub use data::{MigrationRow, MigrationWrite};
pub use decision::{DecisionRow, DecisionWrite, LeafRow};
pub use extent::{CONFIRMATION, Extent, Head, MarkRow, MovedRow, Restored};
pub use keys::{LogKeyRow, LogKeyWrite, OutsideRow};
pub use privacy::{HoldRow, HoldWrite, RedactionRow, RedactionWrite};
pub use tally::{DecisionFilter, Tally, TallyFilter};
pub use tree::{CheckpointRow, RemovedRow, TextRow};

/// Everything one decision changes. Empty parts are left alone.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    pub release: Option<ReleaseWrite>,
    pub saga: Option<SagaWrite>,
    /// Each flag at most once.
    pub flags: Vec<FlagWrite>,
    /// Each data migration at most once.
    pub migrations: Vec<MigrationWrite>,
    pub decision: Option<DecisionWrite>,
    /// Stored once per digest; storing it again changes nothing.
    pub evidence: Vec<(Digest, String)>,
    pub outbox: Vec<OutboxWrite>,
    pub documents: Vec<DocumentWrite>,
    pub people: Vec<PersonRow>,
    pub tokens: Vec<TokenRow>,
    /// Ends all sessions and tokens of these people (password changed, disabled).
    pub end_sessions: Vec<PersonId>,
    /// Ends one session, by SHA-256 of its cookie.
    pub end_session: Option<Vec<u8>>,
    pub idempotency: Option<IdempotencyRow>,
    pub fence: Option<Fence>,
    /// Somebody confirmed what is observed after the database was restored.
    pub restored: Option<Restored>,
    /// Texts that go, by the unit's decision.
    pub redactions: Vec<RedactionWrite>,
    /// A legal hold that is placed or released, by the unit's decision.
    pub hold: Option<HoldWrite>,
    /// Another key signs the log from the unit's decision on.
    pub log_key: Option<LogKeyWrite>,
    /// Nobody is told: what is written down changes nothing that is shown.
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    pub leaf_index: Option<i64>,
    /// How many events were written.
    pub events: i64,
    /// Position of the last event written, or of the log when there was none.
    pub position: i64,
}

/// The lease under which something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub lease: String,
    pub token: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub token: i64,
    /// By the database's clock.
    pub until: Timestamp,
}

/// New events and the fold after them.
#[derive(Debug, Clone)]
pub struct ReleaseWrite {
    /// Version of the stream before these events; 0 creates it.
    pub expected: i64,
    /// At least one; they get versions `expected + 1 ..`.
    pub events: Vec<EventWrite>,
    /// The row after the events; `row.version` equals `expected + events.len()`.
    pub row: ReleaseRow,
    /// Services that move from now on, when it becomes active by this. Refused as `Moving` when one moves in another active
    /// release. Given back when it is no longer active.
    pub takes: Vec<ServiceName>,
    /// Services that no longer move with it, although it is active.
    pub leaves: Vec<ServiceName>,
}

/// New events of a flag and the fold after them.
#[derive(Debug, Clone)]
pub struct FlagWrite {
    /// Version of the stream before these events; 0 creates it.
    pub expected: i64,
    /// At least one; they get versions `expected + 1 ..`.
    pub events: Vec<EventWrite>,
    /// The row after the events; `row.version` equals `expected + events.len()`.
    pub row: FlagRow,
}

/// The read model of a flag: the fold.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagRow {
    pub key: FlagKey,
    pub version: i64,
    /// Of its newest event. Assigned by the store; ignored when writing.
    pub position: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// JSON of `sternway_domain::flag::Flag`.
    pub body: String,
}

/// An event of a flag or a data migration.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEventRow {
    /// On one line with the events of releases and sagas.
    pub position: i64,
    pub version: i64,
    pub kind: String,
    pub at: Timestamp,
    pub body: String,
    pub decision: Option<DecisionId>,
}

#[derive(Debug, Clone)]
pub struct EventWrite {
    pub kind: &'static str,
    pub at: Timestamp,
    /// JSON.
    pub body: String,
}

/// New events of a saga.
#[derive(Debug, Clone)]
pub struct SagaWrite {
    /// Version of the stream before these events; 0 creates it.
    pub expected: i64,
    /// At least one; they get versions `expected + 1 ..`.
    pub events: Vec<EventWrite>,
    /// The row after the events; `row.version` equals `expected + events.len()`.
    pub row: SagaRow,
}

/// The read model of a saga.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaRow {
    pub id: SagaId,
    pub release: ReleaseId,
    pub version: i64,
    /// `rollback`, `rollforward`, `start` or `drill`.
    pub purpose: String,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// JSON of `sternway_domain::saga::Standing`.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SagaEventRow {
    pub version: i64,
    pub at: Timestamp,
    /// JSON.
    pub body: String,
    pub decision: Option<DecisionId>,
}

/// What [`StoreError::Exists`](super::StoreError::Exists) names when a service already has an active release.
pub const ACTIVE_RELEASE: &str = "an active release of this service";

/// The read model of a release: the fold, beside what is filtered by.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRow {
    pub id: ReleaseId,
    pub version: i64,
    pub service: ServiceName,
    /// `draft`, `running`, `holding`, …
    pub state: String,
    /// Whether the engine still has work with it. A service moves in at most one such release.
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// JSON of `sternway_domain::release::Release`.
    pub body: String,
}

#[derive(Debug, Clone, Default)]
pub struct ReleaseFilter {
    pub state: Option<String>,
    pub service: Option<ServiceName>,
    pub active: Option<bool>,
    /// Only releases updated at or after this moment.
    pub updated_since: Option<Timestamp>,
    /// Only those created before this one (cursor).
    pub before: Option<(Timestamp, ReleaseId)>,
    /// At most; 0 means 200.
    pub limit: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Order over all streams, those of sagas and flags included.
    pub position: i64,
    pub release: ReleaseId,
    pub version: i64,
    pub kind: String,
    pub at: Timestamp,
    pub body: String,
    pub decision: Option<DecisionId>,
}

#[derive(Debug, Clone)]
pub struct TickWrite {
    pub release: ReleaseId,
    pub number: i64,
    pub at: Timestamp,
    /// JSON of tick and verdict.
    pub body: String,
    /// JSON of the signal window and judge state after it.
    pub state: String,
    /// JSON for the board.
    pub live: String,
    pub fence: Fence,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TickRow {
    pub number: i64,
    pub at: Timestamp,
    pub body: String,
}

/// Something to be done in the world once the unit is durable.
#[derive(Debug, Clone)]
pub struct OutboxWrite {
    pub id: MessageId,
    /// Idempotency key; unique.
    pub key: String,
    pub release: ReleaseId,
    pub service: ServiceName,
    pub kind: String,
    pub body: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    pub id: MessageId,
    pub key: String,
    pub release: ReleaseId,
    pub service: ServiceName,
    pub kind: String,
    pub body: String,
    pub created_at: Timestamp,
    /// `pending`, `done` or `superseded`.
    pub state: String,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum OutboxMark {
    /// Tried, not yet confirmed.
    Attempted { error: Option<String> },
    /// Observed.
    Done { at: Timestamp },
    /// A newer message for the same target replaced it.
    Superseded { at: Timestamp },
}

#[derive(Debug, Clone)]
pub struct DocumentWrite {
    pub kind: String,
    pub name: String,
    pub digest: Digest,
    /// Canonical JSON.
    pub body: String,
    /// As it was written by a person.
    pub source: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DocumentRow {
    pub kind: String,
    pub name: String,
    /// Counted from 1 per kind and name.
    pub version: i64,
    pub digest: Digest,
    pub body: String,
    pub source: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IdempotencyRow {
    pub actor: String,
    pub key: String,
    /// Digest of method, path and body.
    pub request: Digest,
    pub status: u16,
    /// The response body. Its leaf index is not known when it is written: whoever replays it asks the decision.
    pub response: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PersonRow {
    pub id: PersonId,
    pub login: String,
    pub name: String,
    pub role: String,
    /// PHC string.
    pub password_hash: String,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// SHA-256 of the cookie value.
    pub hash: Vec<u8>,
    pub person: PersonId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub agent: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TokenRow {
    pub id: TokenId,
    pub owner: PersonId,
    pub name: String,
    pub role: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}
