//! One way to send a statement and to read a row, whichever database answers.

use super::unavailable;
use super::writer::Writer;
use crate::store::rows::Head;
use crate::store::{Result, StoreError};
use sqlx::query::Query;
use sqlx::{ColumnIndex, Database, Decode, Encode, PgPool, Postgres, Row as _, SqlSafeStr, Sqlite, SqlitePool, Type};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::id::{
    AlarmId, DecisionId, Digest, FlagKey, HoldId, MessageId, MigrationName, PersonId, ReleaseId, SagaId, ServiceName,
    TokenId,
};
use sternway_domain::time::Timestamp;

/// A parameter. An empty one keeps its type: PostgreSQL wants to know.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
    /// Only in a [`Tx`](super::tx::Tx), which takes the number.
    Numbered(Numbered),
}

/// A number that is taken in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Numbered {
    /// The index of the entry.
    Leaf,
    /// So many positions before the newest event.
    Back(i64),
}

pub(super) use Numbered::{Back, Leaf};

impl Numbered {
    pub(super) fn of(self, head: Head) -> i64 {
        match self {
            Leaf => head.leaves - 1,
            Back(many) => head.position - many,
        }
    }
}

impl From<Numbered> for Value {
    fn from(number: Numbered) -> Self {
        Self::Numbered(number)
    }
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
    AlarmId,
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

pub(super) fn bound<'q, DB: Database>(sql: impl SqlSafeStr, values: Vec<Value>) -> Query<'q, DB, DB::Arguments>
where
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<String>: Encode<'q, DB> + Type<DB>,
    Vec<u8>: Encode<'q, DB> + Type<DB>,
{
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        // Refused by every column that is numbered.
        Value::Numbered(_) => query.bind(None::<i64>),
    })
}

/// Longer than PostgreSQL itself lets a statement run: whoever waits longer waits for a connection that is gone.
const GONE: Duration = Duration::from_secs(16);

pub(super) async fn in_time<T>(asking: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(GONE, asking).await.unwrap_or_else(|_| Err(late()))
}

/// Single statements, each its own transaction.
#[derive(Clone, Copy)]
pub(in crate::store) enum Link<'a> {
    Sqlite(&'a SqlitePool, &'static str),
    Writer(&'a Writer, &'static str),
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
            Self::Writer(writer, operation) => {
                let mut held = writer.hold().await.map_err(unavailable(operation))?;
                let rows = bound(sql, values).fetch_all(held.connection()).await.map_err(unavailable(operation))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
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
            Self::Writer(writer, operation) => {
                let mut held = writer.hold().await.map_err(unavailable(operation))?;
                held.run(sql, values).await.map_err(unavailable(operation))
            }
            Self::Postgres(pool, operation) => {
                let done = in_time(bound(sql, values).execute(*pool)).await;
                done.map(|done| done.rows_affected()).map_err(unavailable(operation))
            }
        }
    }
}

/// A unique column, or a trigger that guards an append-only table against being replaced.
pub(super) fn is_there_already(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() || error.message().ends_with("exists already"))
}
