//! The SQL both databases read alike, and the [`Store`] made of it.
//!
//! Every statement is a static string with `$N` parameters; integers, text and bytes are the only column types. What the
//! databases do not read alike (clock, row locks, lists) each adapter supplies as its [`Dialect`].

use crate::store::rows::*;
use crate::store::{Result, Store, StoreError};
use async_trait::async_trait;
pub(super) use dialect::Dialect;
use link::{Link, Row};
use std::collections::BTreeMap;
use sternway_domain::audit::Entry;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::audit::retention::Class;
use sternway_domain::id::{
    DecisionId, Digest, FlagKey, MessageId, MigrationName, PersonId, ReleaseId, SagaId, ServiceName, TokenId,
};
use sternway_domain::time::{Span, Timestamp};
use tokio::sync::watch;
use tx::Tx;

mod alarms;
mod audit;
mod commit;
mod dialect;
mod flags;
mod follow;
mod keys;
mod leases;
pub(super) mod link;
pub(super) mod log;
mod migrations;
mod moving;
mod people;
pub(super) mod privacy;
mod redact;
mod releases;
mod sagas;
pub(super) mod schema;
pub(super) mod search;
mod stream;
mod tally;
mod tree;
pub(super) mod tx;
mod whole;
mod work;
pub(super) mod writer;

/// A database: where to read, where to write, how to begin.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    fn dialect(&self) -> &'static Dialect;
    fn reads(&self, operation: &'static str) -> Link<'_>;
    fn writes(&self, operation: &'static str) -> Link<'_>;
    async fn begin(&self, operation: &'static str) -> Result<Tx>;
    async fn listen(&self) -> Option<watch::Receiver<u64>>;
    async fn scrub(&self) -> Result<bool>;
}

/// For `map_err`: the database failed at this operation.
pub(super) fn unavailable(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError::Unavailable { operation, source }
}

fn all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(read).collect()
}

fn body(row: Option<Row>) -> Result<Option<String>> {
    row.map(|row| row.get("body")).transpose()
}

#[async_trait]
impl<B: Backend> Store for B {
    async fn commit(&self, unit: Unit) -> Result<Committed> {
        commit::check(&unit)?;
        commit::commit(self.begin("commit a decision").await?, self.dialect(), &unit).await
    }

    async fn release(&self, id: ReleaseId) -> Result<Option<ReleaseRow>> {
        releases::one(self.reads("read a release"), id).await
    }

    async fn releases(&self, filter: &ReleaseFilter) -> Result<Vec<ReleaseRow>> {
        releases::list(self.reads("read the releases"), filter).await
    }

    async fn events(&self, id: ReleaseId, after: i64) -> Result<Vec<EventRow>> {
        log::events(self.reads("read the events of a release"), id, after).await
    }

    async fn events_after(&self, after: i64, limit: u32) -> Result<Vec<EventRow>> {
        log::events_after(self.reads("read the events"), after, limit).await
    }

    async fn last_position(&self) -> Result<i64> {
        log::last_position(self.reads("read the position of the newest event")).await
    }

    async fn head(&self) -> Result<Head> {
        follow::head(self.reads("read where the log stands")).await
    }

    async fn extent(&self) -> Result<Extent> {
        follow::extent(self.reads("read how far the database has come")).await
    }

    async fn moved(&self, after: i64) -> Result<Vec<MovedRow>> {
        follow::moved(self.reads("read which releases moved"), after).await
    }

    async fn marks(&self, but: &str) -> Result<Vec<MarkRow>> {
        follow::marks(self.reads("read how far others are"), but).await
    }

    async fn flags(&self, after: i64) -> Result<Vec<FlagRow>> {
        flags::list(self.reads("read the flags"), after).await
    }

    async fn flag(&self, key: &FlagKey) -> Result<Option<FlagRow>> {
        flags::one(self.reads("read a flag"), key).await
    }

    async fn flag_events(&self, key: &FlagKey, after: i64) -> Result<Vec<StreamEventRow>> {
        flags::events(self.reads("read the events of a flag"), key, after).await
    }

    async fn migrations(&self, release: ReleaseId) -> Result<Vec<MigrationRow>> {
        migrations::of(self.reads("read the migrations of a release"), release).await
    }

    async fn migrations_after(&self, after: i64) -> Result<Vec<MigrationRow>> {
        migrations::after(self.reads("read the migrations"), after).await
    }

    async fn migration_events(
        &self,
        release: ReleaseId,
        name: &MigrationName,
        after: i64,
    ) -> Result<Vec<StreamEventRow>> {
        migrations::events(self.reads("read the events of a migration"), release, name, after).await
    }

    async fn decisions(&self, filter: &DecisionFilter) -> Result<Vec<DecisionRow>> {
        search::decisions(self.reads("read the decisions"), self.dialect(), filter).await
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<DecisionRow>> {
        log::decision(self.reads("read a decision"), id).await
    }

    async fn entries(&self, of: &[i64]) -> Result<BTreeMap<i64, Entry>> {
        log::entries(self.reads("read entries of the log"), self.dialect(), of).await
    }

    async fn leaves(&self, from: i64, limit: u32) -> Result<Vec<LeafRow>> {
        log::leaves(self.reads("read the log"), from, limit).await
    }

    async fn tally(&self, of: &TallyFilter) -> Result<Tally> {
        tally::tally(self.reads("count decisions"), of).await
    }

    async fn texts(&self, from: i64, limit: u32) -> Result<Vec<TextRow>> {
        tree::texts(self.reads("read the texts of the log"), from, limit).await
    }

    async fn removed(&self, leaf_index: i64) -> Result<Vec<RemovedRow>> {
        tree::removed(self.reads("read what was redacted"), leaf_index).await
    }

    async fn hashes(&self, level: u8, from: i64, limit: u32) -> Result<Vec<TreeHash>> {
        tree::hashes(self.reads("read the tree of the log"), level, from, limit).await
    }

    async fn checkpoint(&self) -> Result<Option<CheckpointRow>> {
        tree::checkpoint(self.reads("read the newest checkpoint")).await
    }

    async fn put_checkpoint(&self, row: &CheckpointRow, fence: &Fence) -> Result<()> {
        tree::put_checkpoint(self.begin("publish a checkpoint").await?, self.dialect(), row, fence).await
    }

    async fn log_keys(&self) -> Result<Vec<LogKeyRow>> {
        keys::list(self.reads("read the keys of the log")).await
    }

    async fn put_first_key(&self, key: &VerifierKey, at: Timestamp, fence: &Fence) -> Result<()> {
        keys::put_first(self.begin("write down the first key").await?, self.dialect(), key, at, fence).await
    }

    async fn outside(&self) -> Result<Vec<OutsideRow>> {
        keys::outside(self.reads("read who has a head of the log")).await
    }

    async fn put_outside(&self, row: &OutsideRow) -> Result<()> {
        keys::put_outside(self.writes("write down who has a head of the log"), row).await
    }

    async fn redactions(&self, after: i64, entries: u32) -> Result<Vec<RedactionRow>> {
        privacy::redactions(self.reads("read what was redacted"), after, entries).await
    }

    async fn aged(&self, class: Class, after: i64, before: Timestamp, limit: u32) -> Result<Vec<DecisionRow>> {
        privacy::aged(self.reads("read which texts are old"), self.dialect(), class, after, before, limit).await
    }

    async fn repeated(&self, texts: &[&str], but: i64, limit: u32) -> Result<Vec<i64>> {
        privacy::repeated(self.reads("look for a text"), self.dialect(), texts, but, limit).await
    }

    async fn holds(&self) -> Result<Vec<HoldRow>> {
        privacy::holds(self.reads("read the legal holds")).await
    }

    async fn scrub(&self) -> Result<bool> {
        Backend::scrub(self).await
    }

    async fn evidence(&self, digest: &Digest) -> Result<Option<String>> {
        log::evidence(self.reads("read evidence"), digest).await
    }

    async fn idempotency(&self, actor: &str, key: &str) -> Result<Option<IdempotencyRow>> {
        log::idempotency(self.reads("look up an idempotency key"), actor, key).await
    }

    async fn forget_answers(&self, before: Timestamp, limit: u32) -> Result<u64> {
        log::forget_answers(self.writes("remove old answers"), before, limit).await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaRow>> {
        sagas::one(self.reads("read a saga"), id).await
    }

    async fn sagas(&self, release: ReleaseId) -> Result<Vec<SagaRow>> {
        sagas::of(self.reads("read the sagas of a release"), release).await
    }

    async fn saga_events(&self, id: SagaId) -> Result<Vec<SagaEventRow>> {
        sagas::events(self.reads("read the events of a saga"), id).await
    }

    async fn put_said(&self, id: SagaId, said: &str, fence: &Fence) -> Result<()> {
        sagas::put_said(self.begin("record what steps say").await?, self.dialect(), id, said, fence).await
    }

    async fn said(&self, id: SagaId) -> Result<Option<String>> {
        sagas::said(self.reads("read what steps say"), id).await
    }

    async fn put_tick(&self, tick: TickWrite) -> Result<()> {
        work::put_tick(self.begin("record a tick").await?, self.dialect(), &tick).await
    }

    async fn ticks(&self, release: ReleaseId, since: Timestamp, limit: u32) -> Result<Vec<TickRow>> {
        work::ticks(self.reads("read the ticks of a release"), release, since, limit).await
    }

    async fn judge_state(&self, release: ReleaseId) -> Result<Option<(i64, String)>> {
        work::judge_state(self.reads("read the state of the judge"), release).await
    }

    async fn live(&self, releases: &[ReleaseId]) -> Result<Vec<(ReleaseId, String)>> {
        work::live(self.reads("read the live summaries"), self.dialect(), releases).await
    }

    async fn put_traffic(&self, service: &ServiceName, body: &str, fence: &Fence) -> Result<()> {
        work::put_traffic(self.begin("record traffic").await?, self.dialect(), service, body, fence).await
    }

    async fn traffic(&self, service: &ServiceName) -> Result<Option<String>> {
        work::traffic(self.reads("read traffic"), service).await
    }

    async fn traffic_of(&self, services: &[ServiceName]) -> Result<Vec<(ServiceName, String)>> {
        work::traffic_of(self.reads("read the traffic of services"), self.dialect(), services).await
    }

    async fn outbox_pending(&self, release: ReleaseId) -> Result<Vec<OutboxRow>> {
        work::outbox(self.reads("read the pending messages"), work::OUTBOX_PENDING, release).await
    }

    async fn outbox(&self, release: ReleaseId) -> Result<Vec<OutboxRow>> {
        work::outbox(self.reads("read the messages"), work::OUTBOX, release).await
    }

    async fn outbox_mark(&self, id: MessageId, mark: OutboxMark, fence: &Fence) -> Result<()> {
        work::outbox_mark(self.begin("mark a message").await?, self.dialect(), id, &mark, fence).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Span) -> Result<Option<Lease>> {
        leases::take(self.writes("take a lease"), self.dialect(), name, holder, ttl).await
    }

    async fn release_leases(&self, holder: &str) -> Result<()> {
        leases::give_back(self.writes("give leases back"), holder).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<DocumentRow>> {
        people::documents(self.reads("read the documents"), kind).await
    }

    async fn document(&self, kind: &str, name: &str, version: Option<i64>) -> Result<Option<DocumentRow>> {
        people::document(self.reads("read a document"), kind, name, version).await
    }

    async fn document_by_digest(&self, digest: &Digest) -> Result<Option<DocumentRow>> {
        people::document_by_digest(self.reads("read a document by digest"), digest).await
    }

    async fn people(&self) -> Result<Vec<PersonRow>> {
        people::list(self.reads("read the people")).await
    }

    async fn person(&self, id: PersonId) -> Result<Option<PersonRow>> {
        people::one(self.reads("read a person"), id).await
    }

    async fn person_by_login(&self, login: &str) -> Result<Option<PersonRow>> {
        people::by_login(self.reads("read a person by login name"), login).await
    }

    async fn put_session(&self, session: &SessionRow) -> Result<()> {
        people::put_session(self.writes("begin a session"), session).await
    }

    async fn session(&self, hash: &[u8]) -> Result<Option<SessionRow>> {
        people::session(self.reads("read a session"), hash).await
    }

    async fn touch_session(&self, hash: &[u8], seen_at: Timestamp) -> Result<()> {
        people::touch_session(self.writes("prolong a session"), hash, seen_at).await
    }

    async fn end_session(&self, hash: &[u8]) -> Result<()> {
        people::end_session(self.writes("end a session"), hash).await
    }

    async fn tokens(&self, owner: PersonId) -> Result<Vec<TokenRow>> {
        people::tokens(self.reads("read the tokens of a person"), owner).await
    }

    async fn token(&self, id: TokenId) -> Result<Option<TokenRow>> {
        people::token(self.reads("read a token"), id).await
    }

    async fn touch_token(&self, id: TokenId, used_at: Timestamp) -> Result<()> {
        people::touch_token(self.writes("record the use of a token"), id, used_at).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>> {
        people::setting(self.reads("read a setting"), key).await
    }

    async fn put_setting(&self, key: &str, value: &str) -> Result<()> {
        people::put_setting(self.writes("write a setting"), key, value).await
    }

    async fn take_setting(&self, key: &str) -> Result<Option<String>> {
        people::take_setting(self.writes("take a setting"), key).await
    }

    async fn ping(&self) -> Result<()> {
        self.reads("answer").one("SELECT 1 AS one", vec![]).await.map(|_| ())
    }

    async fn listen(&self) -> Option<watch::Receiver<u64>> {
        Backend::listen(self).await
    }
}
