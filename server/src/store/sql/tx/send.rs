//! Sends several statements as one message, and reads what came of each.

use super::together::{self, Part};
use super::{BEGIN, Held, Row, bound, in_time};
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

/// SQLite takes any number of statements at once, the one that begins among them, and answers one after the other.
pub(super) async fn script(held: &mut Held, parts: &[Part]) -> Result<Came> {
    let before = usize::from(!held.is_open());
    let sql = if before > 0 { format!("{BEGIN};\n{}", together::script(parts)) } else { together::script(parts) };
    held.set_open(true);
    let mut answers = held.connection().fetch_many(bound(AssertSqlSafe(sql), values(parts)));
    let (mut counts, mut numbers) = (Vec::new(), None);
    loop {
        match answers.try_next().await {
            Ok(Some(Either::Left(done))) => counts.push(done.rows_affected().cast_signed()),
            Ok(Some(Either::Right(row))) => numbers = Some(Row::Sqlite(row)),
            Ok(None) => return Ok(Came { counts: counts.split_off(before.min(counts.len())), numbers }),
            Err(error) => return Err(Wrong { error, at: counts.len().checked_sub(before), unmet: false }),
        }
    }
}

/// PostgreSQL takes one statement, of which the others are parts. `None`: the entry ends a tile, and must not.
pub(super) async fn query<'c>(
    to: impl Executor<'c, Database = Postgres>,
    parts: &[Part],
    may_end_a_tile: bool,
) -> Result<Option<Came>> {
    let sql = AssertSqlSafe(together::query(parts, may_end_a_tile));
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
    error.message().parse().ok()
}

fn of_table(error: &sqlx::Error, parts: &[Part]) -> Option<usize> {
    let table = error.as_database_error()?.table()?;
    parts.iter().position(|part| part.is_of(table))
}
