//! A transaction, and statements that wait in it so that several travel as one message: on a fast disk the way to the
//! database and back costs more than most statements do.

use super::link::{Row, Value, bound, in_time, is_there_already};
use super::unavailable;
use super::writer::{Held, Writer};
use crate::store::{Result, StoreError};
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Either, Executor, PgPool, Postgres, Row as _, Transaction};
use together::Part;

mod together;

/// Takes the write lock at once: a transaction that reads first and writes later could lose it in between.
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";

/// Statements that count together or not at all. Dropping it undoes them.
pub(in crate::store) struct Tx {
    inner: Inner,
    waiting: Vec<Waiting>,
    operation: &'static str,
}

enum Inner {
    Sqlite(Held),
    Postgres(Transaction<'static, Postgres>),
}

/// A statement that nobody needs an answer of before the next one goes out.
struct Waiting {
    sql: &'static str,
    values: Vec<Value>,
    /// What people call the row, should it be there already.
    what: Option<String>,
    /// What it means that no row was written.
    unmet: Option<Unmet>,
}

/// Why a statement that has to write one row wrote none.
pub(super) enum Unmet {
    /// The key was used before.
    Key,
    /// The row has another version than the expected one; `version` asks which.
    Version { version: &'static str, of: Vec<Value>, expected: i64 },
}

/// What came of statements that went out together.
#[derive(Default)]
struct Came {
    /// Rows written by each statement that waited.
    counts: Vec<i64>,
    rows: Vec<Row>,
}

impl Tx {
    /// It begins with its first statement.
    pub(in crate::store) async fn sqlite(writer: &Writer, operation: &'static str) -> Result<Self> {
        let held = writer.hold().await.map_err(unavailable(operation))?;
        Ok(Self { inner: Inner::Sqlite(held), waiting: Vec::new(), operation })
    }

    /// Read committed, whatever the database's default: each check sees what was committed before it.
    pub(in crate::store) async fn postgres(pool: &PgPool, operation: &'static str) -> Result<Self> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        // In a task of its own: if nobody waited for its answer any more, an open transaction would go back into the pool,
        // and whatever that connection wrote later would never be committed.
        let pool = pool.clone();
        let begun = tokio::spawn(async move { pool.begin_with(begin).await });
        let begun = async { begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) };
        let inner = in_time(begun).await.map_err(unavailable(operation))?;
        Ok(Self { inner: Inner::Postgres(inner), waiting: Vec::new(), operation })
    }

    /// Adds a row, before the next statement that wants an answer. Those that wait must not need each other's rows other
    /// than by foreign keys: PostgreSQL lets none of them see what the others write.
    pub(super) fn later(&mut self, sql: &'static str, values: Vec<Value>) {
        self.waiting.push(Waiting { sql, values, what: None, unmet: None });
    }

    /// Like `later`, where a row that is there already has a name for people.
    pub(super) fn add_later(&mut self, sql: &'static str, values: Vec<Value>, what: String) {
        self.waiting.push(Waiting { sql, values, what: Some(what), unmet: None });
    }

    /// Like `later`, where no row written means something.
    pub(super) fn one_later(&mut self, sql: &'static str, values: Vec<Value>, what: Option<String>, unmet: Unmet) {
        self.waiting.push(Waiting { sql, values, what, unmet: Some(unmet) });
    }

    /// The one row a statement always has; it takes with it what waits, and must not need to see that.
    pub(super) async fn with_waiting(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Row> {
        if self.waiting.is_empty() {
            return self.the(sql, values).await;
        }
        let rows = self.send(Some((sql, values))).await?;
        rows.into_iter().next().ok_or_else(|| unavailable(self.operation)(sqlx::Error::RowNotFound))
    }

    pub(super) async fn all(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>> {
        self.ready().await?;
        match &mut self.inner {
            Inner::Sqlite(held) => bound(sql, values)
                .fetch_all(held.connection())
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Inner::Postgres(tx) => in_time(bound(sql, values).fetch_all(&mut **tx))
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
        self.ready().await?;
        self.execute(sql, values).await.map_err(unavailable(self.operation))
    }

    /// Like `run`, where a row that is there already has a name for people.
    pub(super) async fn add(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
        what: impl Fn() -> String,
    ) -> Result<u64> {
        self.ready().await?;
        match self.execute(sql, values).await {
            Ok(rows) => Ok(rows),
            Err(error) if is_there_already(&error) => Err(StoreError::Exists { what: what() }),
            Err(error) => Err(unavailable(self.operation)(error)),
        }
    }

    /// Several statements without parameters.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        self.ready().await?;
        match &mut self.inner {
            Inner::Sqlite(held) => sqlx::raw_sql(sql).execute(held.connection()).await.map(|_| ()),
            Inner::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ()),
        }
        .map_err(unavailable(self.operation))
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        if self.waiting.iter().any(|one| one.unmet.is_some()) || matches!(self.inner, Inner::Postgres(_)) {
            self.flush().await?;
        }
        if let Inner::Sqlite(held) = &mut self.inner
            && (held.is_open() || !self.waiting.is_empty())
        {
            self.later(COMMIT, vec![]);
            self.send(None).await?;
        }
        match self.inner {
            Inner::Sqlite(mut held) => {
                held.set_open(false);
                Ok(())
            }
            Inner::Postgres(tx) => in_time(tx.commit()).await.map_err(unavailable(self.operation)),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.send(None).await.map(|_| ()) }
    }

    /// Begun, and nothing waits any more.
    async fn ready(&mut self) -> Result<()> {
        self.flush().await?;
        if let Inner::Sqlite(held) = &mut self.inner
            && !held.is_open()
        {
            held.set_open(true);
            held.run(BEGIN, vec![]).await.map_err(unavailable(self.operation))?;
        }
        Ok(())
    }

    /// Sends what waits, and a statement whose rows are wanted.
    async fn send(&mut self, last: Option<(&'static str, Vec<Value>)>) -> Result<Vec<Row>> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut values: Vec<Value> = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        for one in &mut waiting {
            parts.push(Part { sql: one.sql, values: one.values.len() });
            values.append(&mut one.values);
        }
        let last = last.map(|(sql, more)| {
            let part = Part { sql, values: more.len() };
            values.extend(more);
            part
        });
        let came = match &mut self.inner {
            Inner::Sqlite(held) => script(held, &parts, last.as_ref(), values).await,
            Inner::Postgres(tx) => query(tx, &parts, last.as_ref(), values).await,
        };
        let came = match came {
            Ok(came) => came,
            Err((error, at)) => {
                let what = at.and_then(|at| waiting.get_mut(at)).and_then(|one| one.what.take());
                return Err(match what.filter(|_| is_there_already(&error)) {
                    Some(what) => StoreError::Exists { what },
                    None => unavailable(self.operation)(error),
                });
            }
        };
        for (one, count) in waiting.into_iter().zip(came.counts) {
            if let (Some(unmet), 0) = (one.unmet, count) {
                return Err(self.refused(unmet).await);
            }
        }
        Ok(came.rows)
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

    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> sqlx::Result<u64> {
        match &mut self.inner {
            Inner::Sqlite(held) => held.run(sql, values).await,
            Inner::Postgres(tx) => {
                in_time(bound(sql, values).execute(&mut **tx)).await.map(|done| done.rows_affected())
            }
        }
    }
}

/// With which of the statements that waited it went wrong, if that is known.
type Wrong = (sqlx::Error, Option<usize>);

/// SQLite takes any number of statements at once, the one that begins among them, and answers one after the other.
async fn script(
    held: &mut Held,
    waiting: &[Part],
    last: Option<&Part>,
    values: Vec<Value>,
) -> std::result::Result<Came, Wrong> {
    let begin = (!held.is_open()).then_some(Part { sql: BEGIN, values: 0 });
    held.set_open(true);
    let sql = together::script(begin.iter().chain(waiting).chain(last));
    let mut answers = held.connection().fetch_many(bound(AssertSqlSafe(sql), values));
    let (mut counts, mut rows) = (Vec::new(), Vec::new());
    let before = usize::from(begin.is_some());
    loop {
        match answers.try_next().await {
            Ok(Some(Either::Left(done))) => counts.push(done.rows_affected().cast_signed()),
            Ok(Some(Either::Right(row))) => rows.push(Row::Sqlite(row)),
            Ok(None) => return Ok(Came { counts: counts.split_off(before.min(counts.len())), rows }),
            Err(error) => return Err((error, counts.len().checked_sub(before))),
        }
    }
}

/// PostgreSQL takes one statement, of which the others are parts.
async fn query(
    tx: &mut Transaction<'static, Postgres>,
    waiting: &[Part],
    last: Option<&Part>,
    values: Vec<Value>,
) -> std::result::Result<Came, Wrong> {
    let sql = AssertSqlSafe(together::query(waiting, last));
    let row = in_time(bound(sql, values).fetch_one(&mut **tx)).await.map_err(|error| {
        let table = error.as_database_error().and_then(|error| error.table());
        let at = table.and_then(|table| waiting.iter().position(|part| part.is_of(table)));
        (error, at)
    })?;
    let counts =
        (0..waiting.len()).map(|n| row.try_get(n)).collect::<sqlx::Result<_>>().map_err(|error| (error, None))?;
    let rows = if last.is_some() { vec![Row::Postgres(row)] } else { vec![] };
    Ok(Came { counts, rows })
}
