//! Flags: their folds, and their events on one line with those of releases.

use super::link::{Back, Link, Row, args};
use super::tx::{Tx, Unmet};
use super::{all, stream};
use crate::store::Result;
use crate::store::rows::{FlagRow, FlagWrite, StreamEventRow};
use sternway_domain::id::{DecisionId, FlagKey};

pub(super) async fn list(link: Link<'_>, after: i64) -> Result<Vec<FlagRow>> {
    const LIST: &str = "SELECT key, version, position, created_at, updated_at, body FROM flag WHERE position > $1 \
        ORDER BY position";
    all(&link.all(LIST, args![after]).await?, read)
}

pub(super) async fn one(link: Link<'_>, key: &FlagKey) -> Result<Option<FlagRow>> {
    const ONE: &str = "SELECT key, version, position, created_at, updated_at, body FROM flag WHERE key = $1";
    link.one(ONE, args![key]).await?.as_ref().map(read).transpose()
}

pub(super) async fn events(link: Link<'_>, key: &FlagKey, after: i64) -> Result<Vec<StreamEventRow>> {
    const EVENTS: &str = "SELECT position, version, kind, at, body, decision FROM flag_event \
        WHERE flag = $1 AND version > $2 ORDER BY version";
    stream::events(&link.all(EVENTS, args![key, after]).await?)
}

/// Compares the version and takes the row in one statement; whoever comes second waits, then sees the newer version.
/// The position follows in [`put`], once it is known.
pub(super) fn claim(tx: &mut Tx, write: &FlagWrite) {
    const CREATE: &str = "INSERT INTO flag (key, version, position, created_at, updated_at, body) \
        VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT (key) DO NOTHING";
    const UPDATE: &str = "UPDATE flag SET version = $2, created_at = $3, updated_at = $4, body = $5 \
        WHERE key = $1 AND version = $6";
    const VERSION: &str = "SELECT version FROM flag WHERE key = $1";
    let FlagRow { key, version, created_at, updated_at, body, .. } = &write.row;
    let mut values = args![key, *version, *created_at, *updated_at, body];
    let sql = if write.expected == 0 { CREATE } else { UPDATE };
    if write.expected != 0 {
        values.extend(args![write.expected]);
    }
    tx.one_later(sql, values, None, Unmet::Version { version: VERSION, of: args![key], expected: write.expected });
}

/// Numbers and writes the events, which are the first of the `last` newest ones.
pub(super) fn put(tx: &mut Tx, writes: &[FlagWrite], mut last: i64, decision: Option<DecisionId>) {
    const EVENT: &str = "INSERT INTO flag_event (position, flag, version, kind, at, body, decision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const PLACE: &str = "UPDATE flag SET position = $2 WHERE key = $1";
    for write in writes {
        let key = &write.row.key;
        for (n, event) in (1..).zip(&write.events) {
            last -= 1;
            let version = write.expected + n;
            let values = args![Back(last), key, version, event.kind, event.at, &event.body, decision];
            tx.add_later(EVENT, values, format!("version {version} of flag `{key}`"));
        }
        tx.later(PLACE, args![key, Back(last)]);
    }
}

fn read(row: &Row) -> Result<FlagRow> {
    Ok(FlagRow {
        key: row.parse("key")?,
        version: row.get("version")?,
        position: row.get("position")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        body: row.get("body")?,
    })
}
