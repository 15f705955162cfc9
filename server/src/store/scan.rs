//! The log of an SQLite file from end to end, as fast as the file is read: for whoever checks all of it.
//!
//! Past sqlx on purpose: it hands each row from one thread to another, which costs several times what reading, hashing
//! and checking an entry does. Nothing of a row is copied but the texts beside an entry: those that belong together are
//! looked at together, where SQLite has them. Nothing is written, whatever is found.

use super::sql::unavailable;
use super::{Result, StoreError};
use crate::store::rows::DecisionRow;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Row, Rows, Statement};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::audit::record::{Shown, Texts};
use sternway_domain::id::Digest;
use sternway_domain::time::Timestamp;

const OPERATION: &str = "read the log";
const LEAVES: &str = "SELECT leaf_index, decision, entry, leaf_hash FROM audit_leaf \
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";
const TEXTS: &str = "SELECT leaf_index, field, salt, text FROM audit_text \
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index, field";
const DECISIONS: &str = "SELECT leaf_index, id, at, actor_key, actor_label, action, release, service, outcome, reason, \
    evidence FROM decision WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";
const EVIDENCE: &str = "SELECT body FROM evidence WHERE digest = $1";

/// Pages, of which each is read once: few enough to stay near the processor.
const CACHE: i64 = 100;

/// One who reads. Several may read the same file side by side.
#[derive(Debug)]
pub struct Scan(Connection);

/// Reads portion after portion.
#[derive(Debug)]
pub struct Reader<'s> {
    connection: &'s Connection,
    leaves: Statement<'s>,
    texts: Statement<'s>,
    decisions: Statement<'s>,
    evidence: Statement<'s>,
    /// Of the entry that is looked at.
    found: Texts,
}

/// An entry and what stands beside it, while it is looked at.
#[derive(Debug)]
pub struct Stored<'r> {
    pub index: i64,
    /// The act that it is said to be of.
    pub decision: &'r [u8],
    pub entry: &'r [u8],
    pub hash: &'r [u8],
    pub texts: &'r Texts,
    /// What has the same place among the acts.
    pub shown: Option<Shown<'r>>,
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
        connection.pragma_update(None, "cache_size", CACHE).map_err(failed)?;
        Ok(Self(connection))
    }

    /// Whether there is a log in it.
    pub fn has_log(&self) -> Result<bool> {
        const LOG: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'audit_leaf'";
        self.0.query_row(LOG, [], |row| row.get::<_, i64>(0)).map(|found| found > 0).map_err(failed)
    }

    pub fn reader(&self) -> Result<Reader<'_>> {
        let prepare = |sql| self.0.prepare(sql).map_err(failed);
        Ok(Reader {
            connection: &self.0,
            leaves: prepare(LEAVES)?,
            texts: prepare(TEXTS)?,
            decisions: prepare(DECISIONS)?,
            evidence: prepare(EVIDENCE)?,
            found: Texts::default(),
        })
    }
}

impl Reader<'_> {
    /// Shows entries `from` to `until`, the last one left out, in their order; all of it as it was at one moment. What is
    /// missing is left out.
    pub fn each(&mut self, from: u64, until: u64, mut look: impl FnMut(Stored<'_>) -> Result<()>) -> Result<()> {
        let Self { connection, leaves, texts, decisions, found, .. } = self;
        let moment = connection.unchecked_transaction().map_err(failed)?;
        let span = (from as i64, until as i64);
        {
            let mut leaves = leaves.query(span).map_err(failed)?;
            let mut texts = texts.query(span).map_err(failed)?;
            let mut decisions = decisions.query(span).map_err(failed)?;
            let mut text = next(&mut texts)?;
            let mut decision = next(&mut decisions)?;
            while let Some(leaf) = next(&mut leaves)? {
                let index: i64 = get(leaf, 0)?;
                let named = |error| of_entry(index, error);
                found.clear();
                while let Some(row) = text {
                    let of: i64 = get(row, 0).map_err(named)?;
                    if of > index {
                        break;
                    } else if of == index {
                        opening(row, found).map_err(named)?;
                    }
                    text = next(&mut texts)?;
                }
                while let Some(row) = decision {
                    if get::<i64>(row, 0).map_err(named)? >= index {
                        break;
                    }
                    decision = next(&mut decisions)?;
                }
                let of_it = |row: &&Row<'_>| get::<i64>(row, 0).is_ok_and(|of| of == index);
                let beside: &Texts = found;
                let stored = || {
                    Ok(Stored {
                        index,
                        decision: column(leaf, 1)?,
                        entry: blob(leaf, 2)?,
                        hash: blob(leaf, 3)?,
                        texts: beside,
                        shown: decision.filter(of_it).map(shown).transpose()?,
                    })
                };
                stored().and_then(&mut look).map_err(named)?;
            }
        }
        moment.finish().map_err(failed)
    }

    /// The body of evidence, if it is there.
    pub fn evidence<T>(&mut self, digest: &Digest, look: impl FnOnce(Option<&str>) -> T) -> Result<T> {
        let mut rows = self.evidence.query([digest.as_str()]).map_err(failed)?;
        let body = next(&mut rows)?.map(|row| column(row, 0).and_then(text)).transpose()?;
        Ok(look(body))
    }
}

impl Stored<'_> {
    /// The act this entry is of, taken apart.
    pub fn act(&self) -> Result<Option<DecisionRow>> {
        let decision = parsed(self.decision, "decision")?;
        let Some(shown) = &self.shown else { return Ok(None) };
        let owned = |bytes| text(bytes).map(str::to_owned);
        let row = DecisionRow {
            id: parsed(shown.id, "id")?,
            leaf_index: self.index,
            at: shown.at,
            actor_key: owned(shown.actor_key)?,
            actor_label: owned(shown.actor_label)?,
            action: owned(shown.action)?,
            release: shown.release.map(|text| parsed(text, "release")).transpose()?,
            service: shown.service.map(|text| parsed(text, "service")).transpose()?,
            outcome: owned(shown.outcome)?,
            reason: owned(shown.reason)?,
            evidence: shown.evidence.map(|text| parsed(text, "evidence")).transpose()?,
        };
        Ok(Some(row).filter(|row| row.id == decision))
    }
}

fn opening(row: &Row<'_>, found: &mut Texts) -> Result<()> {
    found.push(parsed(column(row, 1)?, "field")?, parsed(column(row, 2)?, "salt")?, text(column(row, 3)?)?);
    Ok(())
}

fn shown<'r>(row: &'r Row<'_>) -> Result<Shown<'r>> {
    Ok(Shown {
        id: column(row, 1)?,
        at: Timestamp(get(row, 2)?),
        actor_key: column(row, 3)?,
        actor_label: column(row, 4)?,
        action: column(row, 5)?,
        release: some(row, 6)?,
        service: some(row, 7)?,
        outcome: column(row, 8)?,
        reason: column(row, 9)?,
        evidence: some(row, 10)?,
    })
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

fn of_entry(index: i64, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { what, detail } => {
            StoreError::Corrupt { what, detail: format!("entry {index}: {detail}") }
        }
        error => error,
    }
}

fn next<'r, 's>(rows: &'r mut Rows<'s>) -> Result<Option<&'r Row<'s>>> {
    rows.next().map_err(failed)
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T> {
    row.get(column).map_err(|error| match error {
        Error::SqliteFailure(..) => failed(error),
        error => strange(error),
    })
}

fn strange(error: impl Display) -> StoreError {
    StoreError::Corrupt { what: "row of the log", detail: error.to_string() }
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8]> {
    row.get_ref(column).map_err(failed)?.as_blob().map_err(strange)
}

/// The bytes of a text.
fn column<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8]> {
    some(row, column)?.ok_or_else(|| strange("there is no text in a column"))
}

fn some<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r [u8]>> {
    match row.get_ref(column).map_err(failed)? {
        ValueRef::Text(bytes) => Ok(Some(bytes)),
        ValueRef::Null => Ok(None),
        other => Err(strange(format_args!("there is a {} instead of a text", other.data_type()))),
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    str::from_utf8(bytes).map_err(strange)
}

fn parsed<T: FromStr<Err: Display>>(bytes: &[u8], what: &'static str) -> Result<T> {
    let text = text(bytes)?;
    text.parse().map_err(|error: T::Err| StoreError::Corrupt { what, detail: format!("`{text}`: {error}") })
}
