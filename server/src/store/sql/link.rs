//! One way to send a statement and to read a row, whichever database answers.

use super::unavailable;
use crate::store::{Result, StoreError};
use sqlx::query::Query;
use sqlx::{ColumnIndex, Database, Decode, Encode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction, Type};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::id::{
    DecisionId, Digest, FlagKey, HoldId, MessageId, MigrationName, PersonId, ReleaseId, SagaId, ServiceName, TokenId,
};
use sternway_domain::time::Timestamp;

/// A parameter. An empty one keeps its type: PostgreSQL wants to know.
#[derive(Debug, Clone)]
pub(in crate::store) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// The parameters of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::link::Value::from($value)),*] };
}
pub(super) use args;

/// Text goes in without NUL, which PostgreSQL cannot keep: U+FFFD stands in its place. JSON never holds one.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(text(value)))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.as_deref().map(text))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.micros()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::micros))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

macro_rules! ids_as_text {
    ($($id:ty),+) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }

        impl From<Option<$id>> for Value {
            fn from(value: Option<$id>) -> Self {
                Self::Text(value.map(|id| id.to_string()))
            }
        }
    )+};
}

ids_as_text!(
    ReleaseId,
    SagaId,
    DecisionId,
    PersonId,
    TokenId,
    MessageId,
    HoldId,
    &ServiceName,
    &FlagKey,
    &MigrationName,
    &Digest
);

/// A row of either database.
pub(in crate::store) enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    /// A column: `i64`, `String`, `Vec<u8>` or an `Option` of these.
    pub(super) fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
        for<'c> &'c str: ColumnIndex<sqlx::sqlite::SqliteRow> + ColumnIndex<sqlx::postgres::PgRow>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| StoreError::Corrupt { what: column, detail: error.to_string() })
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp> {
        self.get(column).map(Timestamp)
    }

    pub(super) fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }

    /// A column of text that must read as a `T`.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T> {
        read(column, &self.get::<String>(column)?)
    }

    pub(super) fn opt_parse<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Option<T>> {
        self.get::<Option<String>>(column)?.map(|text| read(column, &text)).transpose()
    }
}

fn read<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| StoreError::Corrupt { what: column, detail: format!("`{text}`: {error}") })
}

fn bound<'q, DB: Database>(sql: &'static str, values: Vec<Value>) -> Query<'q, DB, DB::Arguments>
where
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<String>: Encode<'q, DB> + Type<DB>,
    Vec<u8>: Encode<'q, DB> + Type<DB>,
{
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// Longer than PostgreSQL itself lets a statement run: whoever waits longer waits for a connection that is gone.
const GONE: Duration = Duration::from_secs(16);

async fn in_time<T>(asking: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(GONE, asking).await.unwrap_or_else(|_| Err(late()))
}

/// Single statements, each its own transaction.
pub(in crate::store) enum Link<'a> {
    Sqlite(&'a SqlitePool, &'static str),
    Postgres(&'a PgPool, &'static str),
}

impl Link<'_> {
    pub(super) async fn all(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(pool, operation) => bound(sql, values)
                .fetch_all(*pool)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect())
                .map_err(unavailable(operation)),
            Self::Postgres(pool, operation) => in_time(bound(sql, values).fetch_all(*pool))
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect())
                .map_err(unavailable(operation)),
        }
    }

    pub(super) async fn one(&self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>> {
        // All rows, so that a statement that writes runs to its end.
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    pub(super) async fn run(&self, sql: &'static str, values: Vec<Value>) -> Result<u64> {
        match self {
            Self::Sqlite(pool, operation) => {
                bound(sql, values).execute(*pool).await.map(|done| done.rows_affected()).map_err(unavailable(operation))
            }
            Self::Postgres(pool, operation) => {
                let done = in_time(bound(sql, values).execute(*pool)).await;
                done.map(|done| done.rows_affected()).map_err(unavailable(operation))
            }
        }
    }
}

/// Statements that count together or not at all. Dropping it undoes them.
pub(in crate::store) struct Tx {
    inner: Inner,
    operation: &'static str,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Takes the write lock at once: a transaction that reads first and writes later could lose it in between.
    pub(in crate::store) async fn sqlite(pool: &SqlitePool, operation: &'static str) -> Result<Self> {
        let inner = pool.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable(operation))?;
        Ok(Self { inner: Inner::Sqlite(inner), operation })
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
        Ok(Self { inner: Inner::Postgres(inner), operation })
    }

    pub(super) async fn all(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>> {
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                bound(sql, values).fetch_all(&mut **tx).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
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
        self.send(sql, values).await.map_err(unavailable(self.operation))
    }

    /// Like `run`, where a row that is there already has a name for people.
    pub(super) async fn add(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
        what: impl Fn() -> String,
    ) -> Result<u64> {
        match self.send(sql, values).await {
            Ok(rows) => Ok(rows),
            Err(error) if is_there_already(&error) => Err(StoreError::Exists { what: what() }),
            Err(error) => Err(unavailable(self.operation)(error)),
        }
    }

    /// Several statements without parameters.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ()),
            Inner::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ()),
        }
        .map_err(unavailable(self.operation))
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => in_time(tx.commit()).await,
        }
        .map_err(unavailable(self.operation))
    }

    async fn send(&mut self, sql: &'static str, values: Vec<Value>) -> sqlx::Result<u64> {
        match &mut self.inner {
            Inner::Sqlite(tx) => bound(sql, values).execute(&mut **tx).await.map(|done| done.rows_affected()),
            Inner::Postgres(tx) => {
                in_time(bound(sql, values).execute(&mut **tx)).await.map(|done| done.rows_affected())
            }
        }
    }
}

/// A unique column, or a trigger that guards an append-only table against being replaced.
fn is_there_already(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() || error.message().ends_with("exists already"))
}
