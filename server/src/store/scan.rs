//! The log of an SQLite file from end to end, as fast as the file is read: for whoever checks all of it.
//!
//! Past sqlx on purpose: it hands each row from one thread to another, which costs several times what reading, hashing
//! and checking an entry does. Nothing is written, whatever is found.

use super::sql::unavailable;
use super::{Result, StoreError};
use crate::store::rows::*;
use rusqlite::types::FromSql;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Row, params};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::audit::commitment::Opening;
use sternway_domain::time::Timestamp;

const OPERATION: &str = "read the log";
const LEAVES: &str = "SELECT leaf_index, decision, entry, leaf_hash, at FROM audit_leaf \
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";
const TEXTS: &str = "SELECT leaf_index, field, salt, text FROM audit_text \
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index, field";
const DECISIONS: &str = "SELECT id, leaf_index, at, actor_key, actor_label, action, release, service, outcome, reason, \
    evidence, body FROM decision WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";

/// One reader. Several may read the same file side by side.
#[derive(Debug)]
pub struct Scan(Connection);

/// Some entries that follow each other, and what stands beside them. What is missing is not there.
#[derive(Debug, Default)]
pub struct Part {
    pub leaves: Vec<LeafRow>,
    pub texts: Vec<TextRow>,
    pub decisions: Vec<DecisionRow>,
}

impl Scan {
    /// The file of an address `sqlite:PATH`; `None` for other addresses.
    pub fn file(address: &str) -> Option<PathBuf> {
        address.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path).into())
    }

    /// Only to read. The file must be there.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
        Ok(Self(connection))
    }

    /// Whether there is a log in it.
    pub fn has_log(&self) -> Result<bool> {
        const LOG: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'audit_leaf'";
        self.0.query_row(LOG, [], |row| row.get::<_, i64>(0)).map(|found| found > 0).map_err(failed)
    }

    /// Entries `from` to `until`, the last one left out; all of it as it was at one moment.
    pub fn part(&self, from: u64, until: u64) -> Result<Part> {
        let moment = self.0.unchecked_transaction().map_err(failed)?;
        let mut part = Part::default();
        self.each(LEAVES, 0, from, until, |row| {
            part.leaves.push(LeafRow {
                index: get(row, 0)?,
                decision: parse(row, 1, "decision")?,
                entry: get(row, 2)?,
                leaf_hash: get(row, 3)?,
                at: Timestamp(get(row, 4)?),
            });
            Ok(())
        })?;
        self.each(TEXTS, 0, from, until, |row| {
            let leaf_index = get(row, 0)?;
            let opening = Opening { field: parse(row, 1, "field")?, salt: parse(row, 2, "salt")?, text: get(row, 3)? };
            match part.texts.last_mut().filter(|last| last.leaf_index == leaf_index) {
                Some(last) => last.openings.push(opening),
                None => part.texts.push(TextRow { leaf_index, openings: vec![opening] }),
            }
            Ok(())
        })?;
        self.each(DECISIONS, 1, from, until, |row| {
            part.decisions.push(DecisionRow {
                id: parse(row, 0, "id")?,
                leaf_index: get(row, 1)?,
                at: Timestamp(get(row, 2)?),
                actor_key: get(row, 3)?,
                actor_label: get(row, 4)?,
                action: get(row, 5)?,
                release: opt_parse(row, 6, "release")?,
                service: opt_parse(row, 7, "service")?,
                outcome: get(row, 8)?,
                reason: get(row, 9)?,
                evidence: opt_parse(row, 10, "evidence")?,
                body: get(row, 11)?,
            });
            Ok(())
        })?;
        moment.finish().map_err(failed)?;
        Ok(part)
    }

    /// `place`: the column with the entry's index.
    fn each(
        &self,
        sql: &str,
        place: usize,
        from: u64,
        until: u64,
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.0.prepare(sql).map_err(failed)?;
        let mut rows = statement.query(params![from as i64, until as i64]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row).map_err(|error| match (error, row.get::<_, i64>(place)) {
                (StoreError::Corrupt { what, detail }, Ok(index)) => {
                    StoreError::Corrupt { what, detail: format!("entry {index}: {detail}") }
                }
                (error, _) => error,
            })?;
        }
        Ok(())
    }
}

/// A file that is damaged is not one that cannot be read just now.
fn failed(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { what: "database", detail: error.to_string() }
        }
        _ => unavailable(OPERATION)(sqlx::Error::Io(std::io::Error::other(error))),
    }
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T> {
    row.get(column).map_err(|error| match error {
        Error::SqliteFailure(..) => failed(error),
        error => StoreError::Corrupt { what: "row of the log", detail: error.to_string() },
    })
}

fn parse<T: FromStr<Err: Display>>(row: &Row<'_>, column: usize, what: &'static str) -> Result<T> {
    opt_parse(row, column, what)?.ok_or_else(|| StoreError::Corrupt { what, detail: "it is empty".to_owned() })
}

/// Without a copy of the text.
fn opt_parse<T: FromStr<Err: Display>>(row: &Row<'_>, column: usize, what: &'static str) -> Result<Option<T>> {
    let corrupt = |detail: String| StoreError::Corrupt { what, detail };
    let value = row.get_ref(column).map_err(failed)?;
    let Some(text) = value.as_str_or_null().map_err(|error| corrupt(error.to_string()))? else { return Ok(None) };
    text.parse().map(Some).map_err(|error: T::Err| corrupt(format!("`{text}`: {error}")))
}
