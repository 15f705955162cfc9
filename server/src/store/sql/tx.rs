//! A transaction, and statements that wait in it so that several travel as one message: on a fast disk the way to the
//! database and back costs more than most statements do.

use super::link::{Row, Value, bound, in_time, is_there_already};
use super::unavailable;
use super::writer::{Held, Writer};
use crate::store::rows::Head;
use crate::store::{Result, StoreError};
use send::{Came, Wrong};
use sqlx::{PgPool, Postgres, Transaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use together::Part;

mod send;
mod together;

/// Takes the write lock at once: a transaction that reads first and writes later could lose it in between.
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";

/// Statements that count together or not at all. Dropping it undoes them.
pub(in crate::store) struct Tx {
    inner: Inner,
    waiting: Vec<Part>,
    /// The numbers it took, once they are known.
    head: Option<Head>,
    count: Count,
    operation: &'static str,
}

enum Inner {
    Sqlite(Held),
    Postgres { pool: PgPool, open: Option<Transaction<'static, Postgres>> },
}

/// How many entries there were when this process wrote last. Others may have added some since.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Count(Arc<AtomicI64>);

impl Count {
    /// Whether the next entry seems to end a tile of the log.
    fn near_the_end_of_a_tile(&self) -> bool {
        (self.0.load(Ordering::Relaxed) + 1) % super::tree::WIDTH == 0
    }
}

/// Why a statement that has to write one row wrote none.
#[derive(Debug, Clone)]
pub(super) enum Unmet {
    /// The key was used before.
    Key,
    /// The row has another version than the expected one; `version` asks which.
    Version { version: &'static str, of: Vec<Value>, expected: i64 },
}

impl Tx {
    /// It begins with its first statement.
    pub(in crate::store) async fn sqlite(writer: &Writer, count: &Count, operation: &'static str) -> Result<Self> {
        let held = writer.hold().await.map_err(unavailable(operation))?;
        Ok(Self::new(Inner::Sqlite(held), count, operation))
    }

    /// The same.
    pub(in crate::store) fn postgres(pool: &PgPool, count: &Count, operation: &'static str) -> Self {
        Self::new(Inner::Postgres { pool: pool.clone(), open: None }, count, operation)
    }

    fn new(inner: Inner, count: &Count, operation: &'static str) -> Self {
        Self { inner, waiting: Vec::new(), head: None, count: count.clone(), operation }
    }

    /// Adds a row, before the next statement that wants an answer. Those that wait must not need each other's rows other
    /// than by foreign keys: PostgreSQL lets none of them see what the others write.
    pub(super) fn later(&mut self, sql: &'static str, values: Vec<Value>) {
        self.waiting.push(Part::plain(sql, values));
    }

    /// Like `later`, where a row that is there already has a name for people.
    pub(super) fn add_later(&mut self, sql: &'static str, values: Vec<Value>, what: String) {
        self.waiting.push(Part { what: Some(what), ..Part::plain(sql, values) });
    }

    /// Like `later`, where no row written means something.
    pub(super) fn one_later(&mut self, sql: &'static str, values: Vec<Value>, what: Option<String>, unmet: Unmet) {
        self.waiting.push(Part { what, unmet: Some(unmet), ..Part::plain(sql, values) });
    }

    /// Takes numbers for so many events, and for entries: none or one. What follows has [`Numbered`](super::link::Numbered)
    /// parameters.
    pub(super) fn advance(&mut self, events: i64, leaves: i64) {
        self.later(together::ADVANCE, vec![events.into(), leaves.into()]);
    }

    /// Where the log stands with the numbers that were taken.
    pub(super) async fn head(&mut self) -> Result<Head> {
        if self.head.is_none() {
            self.flush().await?;
        }
        self.head.ok_or_else(|| unavailable(self.operation)(sqlx::Error::RowNotFound))
    }

    /// Sends all that waits and commits it, as a single message. `None` if that cannot be done, and nothing came of it: it can
    /// be done with numbers, before anything else went out, if the entry ends no tile of the log.
    pub(super) async fn at_once(&mut self) -> Result<Option<Head>> {
        if !self.waiting.iter().any(Part::numbers) || self.count.near_the_end_of_a_tile() {
            return Ok(None);
        }
        let came = match &mut self.inner {
            Inner::Sqlite(held) if !held.is_open() => send::script(held, &self.waiting, true).await,
            Inner::Postgres { pool, open: None } => send::query(&*pool, &self.waiting, true).await,
            _ => return Ok(None),
        };
        match came {
            Ok(Some(came)) => self.came(came).await?,
            Ok(None) => {
                if let Inner::Sqlite(held) = &mut self.inner {
                    held.undo().await;
                }
                return Ok(None);
            }
            Err(wrong) => return Err(self.wrong(wrong).await),
        }
        self.head().await.map(Some)
    }

    pub(super) async fn all(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>> {
        self.flush().await?;
        let values = known(values, self.head);
        match self.ready().await? {
            Ready::Sqlite(held) => bound(sql, values)
                .fetch_all(held.connection())
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Ready::Postgres(tx) => in_time(bound(sql, values).fetch_all(&mut **tx))
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
        .map_err(unavailable(self.operation))
    }

    pub(super) async fn one(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// The one row a statement always has.
    pub(super) async fn the(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Row> {
        let operation = self.operation;
        self.one(sql, values).await?.ok_or_else(|| unavailable(operation)(sqlx::Error::RowNotFound))
    }

    pub(super) async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64> {
        self.execute(sql, values).await?.map_err(unavailable(self.operation))
    }

    /// Like `run`, where a row that is there already has a name for people.
    pub(super) async fn add(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
        what: impl Fn() -> String,
    ) -> Result<u64> {
        match self.execute(sql, values).await? {
            Ok(rows) => Ok(rows),
            Err(error) if is_there_already(&error) => Err(StoreError::Exists { what: what() }),
            Err(error) => Err(unavailable(self.operation)(error)),
        }
    }

    /// Several statements without parameters.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        self.flush().await?;
        match self.ready().await? {
            Ready::Sqlite(held) => sqlx::raw_sql(sql).execute(held.connection()).await.map(|_| ()),
            Ready::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ()),
        }
        .map_err(unavailable(self.operation))
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        if let Inner::Sqlite(held) = &self.inner
            && (held.is_open() || !self.waiting.is_empty())
        {
            self.later(COMMIT, vec![]);
        }
        self.flush().await?;
        match self.inner {
            Inner::Sqlite(mut held) => {
                held.set_open(false);
                Ok(())
            }
            Inner::Postgres { open: Some(tx), .. } => in_time(tx.commit()).await.map_err(unavailable(self.operation)),
            Inner::Postgres { open: None, .. } => Ok(()),
        }
    }

    /// Sends what waits.
    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        for part in &mut self.waiting {
            part.values = known(std::mem::take(&mut part.values), self.head);
        }
        let came = match &mut self.inner {
            Inner::Sqlite(held) => send::script(held, &self.waiting, false).await,
            Inner::Postgres { pool, open } => {
                let tx = begun(pool, open).await.map_err(unavailable(self.operation))?;
                send::query(&mut **tx, &self.waiting, false).await
            }
        };
        match came {
            Ok(came) => self.came(came.unwrap_or_default()).await,
            Err(wrong) => Err(self.wrong(wrong).await),
        }
    }

    /// Nothing waits any more.
    async fn came(&mut self, Came { counts, numbers }: Came) -> Result<()> {
        if let Some(row) = numbers {
            let head = Head { position: row.get("position")?, leaves: row.get("leaves")? };
            self.head = Some(head);
            self.count.0.store(head.leaves, Ordering::Relaxed);
        }
        for (part, count) in std::mem::take(&mut self.waiting).into_iter().zip(counts) {
            if let (Some(unmet), 0) = (part.unmet, count) {
                return Err(self.refused(unmet).await);
            }
        }
        Ok(())
    }

    async fn wrong(&mut self, Wrong { error, at, unmet }: Wrong) -> StoreError {
        let part = at.and_then(|at| std::mem::take(&mut self.waiting).into_iter().nth(at));
        match part {
            Some(Part { unmet: Some(why), .. }) if unmet => {
                // It is over, and another one asks.
                if let Inner::Postgres { open, .. } = &mut self.inner {
                    *open = None;
                }
                self.refused(why).await
            }
            Some(Part { what: Some(what), .. }) if is_there_already(&error) => StoreError::Exists { what },
            _ => unavailable(self.operation)(error),
        }
    }

    async fn refused(&mut self, unmet: Unmet) -> StoreError {
        let Unmet::Version { version, of, expected } = unmet else { return StoreError::KeyUsed };
        // Nothing waits any more, so this is no circle.
        let found = match Box::pin(self.one(version, of)).await {
            Ok(row) => row.map_or(Ok(0), |row| row.get("version")),
            Err(error) => Err(error),
        };
        match found {
            Ok(actual) => StoreError::Conflict { expected, actual },
            Err(error) => error,
        }
    }

    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<sqlx::Result<u64>> {
        self.flush().await?;
        let values = known(values, self.head);
        Ok(match self.ready().await? {
            Ready::Sqlite(held) => held.run(sql, values).await,
            Ready::Postgres(tx) => {
                in_time(bound(sql, values).execute(&mut **tx)).await.map(|done| done.rows_affected())
            }
        })
    }

    /// Begun.
    async fn ready(&mut self) -> Result<Ready<'_>> {
        match &mut self.inner {
            Inner::Sqlite(held) => {
                if !held.is_open() {
                    held.set_open(true);
                    held.run(BEGIN, vec![]).await.map_err(unavailable(self.operation))?;
                }
                Ok(Ready::Sqlite(held))
            }
            Inner::Postgres { pool, open } => {
                begun(pool, open).await.map(Ready::Postgres).map_err(unavailable(self.operation))
            }
        }
    }
}

/// What a statement can be sent to.
enum Ready<'t> {
    Sqlite(&'t mut Held),
    Postgres(&'t mut Transaction<'static, Postgres>),
}

async fn begun<'t>(
    pool: &PgPool,
    open: &'t mut Option<Transaction<'static, Postgres>>,
) -> sqlx::Result<&'t mut Transaction<'static, Postgres>> {
    match open {
        Some(tx) => Ok(tx),
        none => Ok(none.insert(begin(pool.clone()).await?)),
    }
}

/// In a task of its own: if nobody waited for its answer any more, an open transaction would go back into the pool, and
/// whatever that connection wrote later would never be committed.
async fn begin(pool: PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let begun = tokio::spawn(async move { pool.begin().await });
    in_time(async { begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) }).await
}

/// With the numbers that are known.
fn known(mut values: Vec<Value>, head: Option<Head>) -> Vec<Value> {
    for value in &mut values {
        if let (Value::Numbered(number), Some(head)) = (&*value, head) {
            *value = number.of(head).into();
        }
    }
    values
}
