//! Sends several statements as one message, and reads what came of each.

use super::together::{self, Part, Place};
use super::{Held, Row, bound, in_time};
use crate::store::sql::link::Value;
use futures::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either, Executor, Postgres, Row as _};

/// What came of statements that went out together.
#[derive(Default)]
pub(super) struct Came {
    /// Rows written by each of them.
    pub(super) counts: Vec<i64>,
    /// The one with the numbers, if they were taken.
    pub(super) numbers: Option<Row>,
}

pub(super) struct Wrong {
    pub(super) error: sqlx::Error,
    /// With which of the statements it went wrong, if that is known.
    pub(super) at: Option<usize>,
    /// That statement wrote no row, and should have.
    pub(super) unmet: bool,
}

impl From<sqlx::Error> for Wrong {
    fn from(error: sqlx::Error) -> Self {
        Self { error, at: None, unmet: false }
    }
}

type Result<T> = std::result::Result<T, Wrong>;

fn values(parts: &[Part]) -> Vec<Value> {
    parts.iter().flat_map(|part| &part.values).filter(|value| !matches!(value, Value::Numbered(_))).cloned().collect()
}

/// SQLite takes any number of statements, and answers one after the other. `None`: an entry ends a tile and must not, because
/// the transaction is to end here; it is still open.
pub(super) async fn script(held: &mut Held, parts: &[Part], at_once: bool) -> Result<Option<Came>> {
    let (sql, places) = together::script(parts, !held.is_open(), at_once);
    held.set_open(true);
    let mut answers = held.connection().fetch_many(bound(AssertSqlSafe(sql), values(parts)));
    let (mut came, mut left) = (Came::default(), places.into_iter());
    loop {
        match (answers.try_next().await, left.as_slice().first()) {
            (Ok(Some(Either::Right(row))), _) => came.numbers = Some(Row::Sqlite(row)),
            (Ok(Some(Either::Left(done))), _) => {
                if let Some(Place::Part(_)) = left.next() {
                    came.counts.push(done.rows_affected().cast_signed());
                }
            }
            (Ok(None), None) => break,
            // Nobody is there any more who could have come to the end.
            (Ok(None), Some(_)) => return Err(sqlx::Error::WorkerCrashed.into()),
            (Err(error), Some(Place::Within)) if together::is_zero(&error) => return Ok(None),
            (Err(error), Some(Place::Met(n))) if together::is_zero(&error) => {
                return Err(Wrong { error, at: Some(*n), unmet: true });
            }
            (Err(error), Some(Place::Part(n))) => return Err(Wrong { error, at: Some(*n), unmet: false }),
            (Err(error), _) => return Err(error.into()),
        }
    }
    drop(answers);
    held.set_open(!at_once);
    Ok(Some(came))
}

/// PostgreSQL takes one statement, of which the others are parts. `None`: an entry ends a tile and must not, and nothing came of
/// any of it.
pub(super) async fn query<'c>(
    to: impl Executor<'c, Database = Postgres>,
    parts: &[Part],
    at_once: bool,
) -> Result<Option<Came>> {
    let sql = AssertSqlSafe(together::query(parts, at_once));
    // All rows: what is answered before the end of the statement may still come to nothing.
    let rows = match in_time(bound(sql, values(parts)).fetch_all(to)).await {
        Ok(rows) => rows,
        Err(error) => {
            return match refused(&error) {
                Some(-1) => Ok(None),
                Some(place) => Err(Wrong { error, at: usize::try_from(place).ok(), unmet: true }),
                None => Err(Wrong { at: of_table(&error, parts), error, unmet: false }),
            };
        }
    };
    let row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
    let mut came = Came::default();
    for (n, part) in parts.iter().enumerate() {
        came.counts.push(if part.numbers() { 1 } else { count(&row, n)? });
    }
    came.numbers = parts.iter().any(Part::numbers).then_some(Row::Postgres(row));
    Ok(Some(came))
}

fn count(row: &PgRow, n: usize) -> sqlx::Result<i64> {
    row.try_get(format!("w{n}").as_str())
}

/// The place that `refuse_unmet` was called with.
fn refused(error: &sqlx::Error) -> Option<i64> {
    let error = error.as_database_error().filter(|error| error.code().as_deref() == Some("SW001"))?;
    error.message().rsplit(' ').next()?.parse().ok()
}

fn of_table(error: &sqlx::Error, parts: &[Part]) -> Option<usize> {
    let table = error.as_database_error()?.table()?;
    parts.iter().position(|part| part.is_of(table))
}
