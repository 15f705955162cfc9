//! Data migrations: their folds, and their events on one line with those of releases.

use super::link::{Back, Link, Row, args};
use super::tx::{Tx, Unmet};
use super::{all, stream};
use crate::store::Result;
use crate::store::rows::{MigrationRow, MigrationWrite, StreamEventRow};
use sternway_domain::id::{DecisionId, MigrationName, ReleaseId};

/// By name.
pub(super) async fn of(link: Link<'_>, release: ReleaseId) -> Result<Vec<MigrationRow>> {
    const OF: &str = "SELECT release, name, version, position, created_at, updated_at, body FROM data_migration \
        WHERE release = $1 ORDER BY name";
    all(&link.all(OF, args![release]).await?, read)
}

/// Of all releases, in the order of their newest events.
pub(super) async fn after(link: Link<'_>, after: i64) -> Result<Vec<MigrationRow>> {
    const AFTER: &str = "SELECT release, name, version, position, created_at, updated_at, body FROM data_migration \
        WHERE position > $1 ORDER BY position";
    all(&link.all(AFTER, args![after]).await?, read)
}

pub(super) async fn events(
    link: Link<'_>,
    release: ReleaseId,
    name: &MigrationName,
    after: i64,
) -> Result<Vec<StreamEventRow>> {
    const EVENTS: &str = "SELECT position, version, kind, at, body, decision FROM data_event \
        WHERE release = $1 AND name = $2 AND version > $3 ORDER BY version";
    stream::events(&link.all(EVENTS, args![release, name, after]).await?)
}

/// Compares the version and takes the row in one statement; whoever comes second waits, then sees the newer version.
/// The position follows in [`put`], once it is known.
pub(super) fn claim(tx: &mut Tx, write: &MigrationWrite) {
    const CREATE: &str = "INSERT INTO data_migration (release, name, version, position, created_at, updated_at, body) \
        VALUES ($1, $2, $3, 1, $4, $5, $6) ON CONFLICT (release, name) DO NOTHING";
    const UPDATE: &str = "UPDATE data_migration SET version = $3, created_at = $4, updated_at = $5, body = $6 \
        WHERE release = $1 AND name = $2 AND version = $7";
    const VERSION: &str = "SELECT version FROM data_migration WHERE release = $1 AND name = $2";
    let MigrationRow { release, name, version, created_at, updated_at, body, .. } = &write.row;
    let mut values = args![*release, name, *version, *created_at, *updated_at, body];
    let sql = if write.expected == 0 { CREATE } else { UPDATE };
    if write.expected != 0 {
        values.extend(args![write.expected]);
    }
    let of = args![*release, name];
    tx.one_later(sql, values, None, Unmet::Version { version: VERSION, of, expected: write.expected });
}

/// Numbers and writes the events, which are the first of the `last` newest ones.
pub(super) fn put(tx: &mut Tx, writes: &[MigrationWrite], mut last: i64, decision: Option<DecisionId>) {
    const EVENT: &str = "INSERT INTO data_event (position, release, name, version, kind, at, body, decision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const PLACE: &str = "UPDATE data_migration SET position = $3 WHERE release = $1 AND name = $2";
    for write in writes {
        let (release, name) = (write.row.release, &write.row.name);
        for (n, event) in (1..).zip(&write.events) {
            last -= 1;
            let version = write.expected + n;
            let values = args![Back(last), release, name, version, event.kind, event.at, &event.body, decision];
            tx.add_later(EVENT, values, format!("version {version} of migration `{name}`"));
        }
        tx.later(PLACE, args![release, name, Back(last)]);
    }
}

fn read(row: &Row) -> Result<MigrationRow> {
    Ok(MigrationRow {
        release: row.parse("release")?,
        name: row.parse("name")?,
        version: row.get("version")?,
        position: row.get("position")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        body: row.get("body")?,
    })
}
