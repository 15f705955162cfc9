//! One reading statement of the user's against a named connection: one row, one number.
//!
//! Three things keep it from changing anything: the statement must look like one `SELECT`, the transaction is read-only
//! (PostgreSQL) or the file is opened for reading (SQLite), and there is a limit of time that the database itself
//! enforces. Give the connection a user that may only read besides: a function can still do what its user may.
//!
//! This is the only place that hands text of a document to a database.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement, TypeInfo, ValueRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sternway_domain::probe::check_query;

/// Virtual machine instructions of SQLite between two looks at the clock: well under a millisecond.
const INSTRUCTIONS: i32 = 10_000;

/// Which database an address leads to.
pub(super) enum Database {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Database {
    /// Never shows the address: it may hold a password.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options: PgConnectOptions = url.parse().map_err(|_| "its address cannot be read as PostgreSQL's")?;
            return Ok(Self::Postgres(Box::new(options.application_name("sternway probe"))));
        }
        let path = url.strip_prefix("sqlite:").ok_or("its address begins neither with `postgres://` nor `sqlite:`")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('?') || path == ":memory:" {
            return Err("its address does not name a file: write `sqlite:/path`".to_owned());
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
        Ok(Self::Sqlite(Box::new(options.pragma("query_only", "1").pragma("trusted_schema", "0"))))
    }

    /// The number, or why there is none.
    pub(super) async fn number(&self, query: &str, within: Duration) -> Result<f64, String> {
        check_query(query).map_err(|error| error.to_string())?;
        let query = query.trim().trim_end_matches(';');
        // The database ends the statement by itself; this is for when it does not answer at all.
        let late = within + Duration::from_millis(500);
        let number = async {
            match self {
                Database::Postgres(options) => postgres(options, query, within).await,
                Database::Sqlite(options) => sqlite(options, query, within).await,
            }
        };
        let ms = within.as_millis();
        tokio::time::timeout(late, number).await.unwrap_or_else(|_| Err(format!("no answer within {ms}\u{a0}ms")))
    }
}

async fn postgres(options: &PgConnectOptions, query: &str, within: Duration) -> Result<f64, String> {
    let limit = format!("{}ms", within.as_millis().max(1));
    let options = options.clone().options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", limit.as_str()),
        ("lock_timeout", limit.as_str()),
        ("idle_in_transaction_session_timeout", limit.as_str()),
    ]);
    let mut connection: PgConnection = options.connect().await.map_err(told)?;
    let mut transaction = connection.begin_with("BEGIN READ ONLY").await.map_err(told)?;
    // Prepared by itself first: so it is one statement, it has one column, and its errors speak of the user's own text.
    let prepared = (&mut *transaction).prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(told)?;
    one_column(prepared.columns().len())?;
    // The line break ends a comment at the end of the query.
    let wrapped = format!("SELECT CAST(number AS float8) FROM (\n{query}\n) AS probe(number) LIMIT 2");
    let rows = (&mut *transaction).fetch_all(sqlx::query(AssertSqlSafe(wrapped))).await.map_err(told)?;
    let number = match rows.as_slice() {
        [row] => row.try_get::<Option<f64>, _>(0).map_err(told)?,
        rows => return Err(several(rows.len())),
    };
    transaction.rollback().await.map_err(told)?;
    let _closing = connection.close().await;
    number.ok_or_else(|| "the query gives NULL, not a number".to_owned())
}

/// Sets the flag when it is dropped, whether its time was over or nobody waits any more.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn sqlite(options: &SqliteConnectOptions, query: &str, within: Duration) -> Result<f64, String> {
    let options = options.clone().busy_timeout(within);
    let mut connection: SqliteConnection = options.connect().await.map_err(told)?;
    let over = Arc::new(AtomicBool::new(false));
    let _ends = Ends(over.clone());
    let end = tokio::time::Instant::now() + within;
    let goes_on = move || !over.load(Ordering::Relaxed) && tokio::time::Instant::now() < end;
    connection.lock_handle().await.map_err(told)?.set_progress_handler(INSTRUCTIONS, goes_on);
    let prepared = (&mut connection).prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(told)?;
    one_column(prepared.columns().len())?;
    let wrapped = format!("SELECT * FROM (\n{query}\n) LIMIT 2");
    let rows = (&mut connection).fetch_all(sqlx::query(AssertSqlSafe(wrapped))).await.map_err(|error| {
        let text = told(error);
        if text.contains("interrupted") { format!("ended after {}\u{a0}ms", within.as_millis()) } else { text }
    })?;
    let [row] = rows.as_slice() else { return Err(several(rows.len())) };
    let kind = row.try_get_raw(0).map_err(told)?.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => row.try_get::<i64, _>(0).map(|whole| whole as f64).map_err(told),
        "REAL" => row.try_get::<f64, _>(0).map_err(told),
        other => Err(format!("the query gives {other}, not a number")),
    }
}

fn one_column(columns: usize) -> Result<(), String> {
    if columns == 1 { Ok(()) } else { Err(format!("the query gives {columns} columns; write one with one number")) }
}

fn several(rows: usize) -> String {
    match rows {
        0 => "the query gives no row; write one that always gives one number, such as `count(*)`".to_owned(),
        _ => "the query gives more than one row; write one that gives one number".to_owned(),
    }
}

/// What the database said, fit for a message. Errors of connecting name host and user, never a password.
fn told(error: sqlx::Error) -> String {
    let text = match &error {
        sqlx::Error::Database(said) => said.message().to_owned(),
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
