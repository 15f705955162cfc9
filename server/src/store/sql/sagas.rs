//! Sagas: their rows and their events.

use super::leases::hold_fence;
use super::link::{Back, Link, Row, args};
use super::tx::{Tx, Unmet};
use super::{Dialect, all};
use crate::store::Result;
use crate::store::rows::{Fence, SagaEventRow, SagaRow, SagaWrite};
use sternway_domain::id::{DecisionId, ReleaseId, SagaId};

pub(super) async fn one(link: Link<'_>, id: SagaId) -> Result<Option<SagaRow>> {
    const ONE: &str =
        "SELECT id, release, version, purpose, active, created_at, updated_at, body FROM saga WHERE id = $1";
    link.one(ONE, args![id]).await?.as_ref().map(read).transpose()
}

pub(super) async fn of(link: Link<'_>, release: ReleaseId) -> Result<Vec<SagaRow>> {
    const OF: &str = "SELECT id, release, version, purpose, active, created_at, updated_at, body FROM saga \
        WHERE release = $1 ORDER BY created_at, id";
    all(&link.all(OF, args![release]).await?, read)
}

pub(super) async fn events(link: Link<'_>, id: SagaId) -> Result<Vec<SagaEventRow>> {
    const EVENTS: &str = "SELECT version, at, body, decision FROM saga_event WHERE saga = $1 ORDER BY version";
    all(&link.all(EVENTS, args![id]).await?, |row| {
        Ok(SagaEventRow {
            version: row.get("version")?,
            at: row.time("at")?,
            body: row.get("body")?,
            decision: row.opt_parse("decision")?,
        })
    })
}

/// What its steps under way said last, as JSON.
pub(super) async fn said(link: Link<'_>, id: SagaId) -> Result<Option<String>> {
    let row = link.one("SELECT said FROM saga WHERE id = $1", args![id]).await?;
    row.map(|row| row.get("said")).transpose()
}

/// Touches no row that decisions wait for, and tells nobody: others look from time to time.
pub(super) async fn put_said(mut tx: Tx, dialect: &Dialect, id: SagaId, said: &str, fence: &Fence) -> Result<()> {
    hold_fence(&mut tx, dialect, fence).await?;
    tx.run("UPDATE saga SET said = $2, said_at = said_at + 1 WHERE id = $1", args![id, said]).await?;
    tx.commit().await
}

/// Compares the version and takes the row in one statement; whoever comes second waits, then sees the newer version.
/// The position follows in [`put_events`], once it is known.
pub(super) fn put(tx: &mut Tx, write: &SagaWrite) {
    const CREATE: &str = "INSERT INTO saga (id, release, version, position, purpose, active, created_at, updated_at, body) \
        VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    const UPDATE: &str = "UPDATE saga SET version = $2, active = $3, updated_at = $4, body = $5 \
        WHERE id = $1 AND version = $6";
    const VERSION: &str = "SELECT version FROM saga WHERE id = $1";
    let SagaRow { id, release, version, purpose, active, created_at, updated_at, body } = &write.row;
    let (sql, values) = match write.expected {
        0 => (CREATE, args![*id, *release, *version, purpose, *active, *created_at, *updated_at, body]),
        expected => (UPDATE, args![*id, *version, *active, *updated_at, body, expected]),
    };
    tx.one_later(sql, values, None, Unmet::Version { version: VERSION, of: args![*id], expected: write.expected });
}

/// Numbers and writes the events, which are the first of the `last` newest ones.
pub(super) fn put_events(tx: &mut Tx, write: &SagaWrite, last: i64, decision: Option<DecisionId>) {
    const EVENT: &str = "INSERT INTO saga_event (position, saga, version, kind, at, body, decision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for (n, event) in (1..).zip(&write.events) {
        let (saga, version) = (write.row.id, write.expected + n);
        let values = args![Back(last - n), saga, version, event.kind, event.at, &event.body, decision];
        tx.add_later(EVENT, values, format!("version {version} of saga `{saga}`"));
    }
    let position = Back(last - write.events.len() as i64);
    tx.later("UPDATE saga SET position = $2 WHERE id = $1", args![write.row.id, position]);
}

fn read(row: &Row) -> Result<SagaRow> {
    Ok(SagaRow {
        id: row.parse("id")?,
        release: row.parse("release")?,
        version: row.get("version")?,
        purpose: row.get("purpose")?,
        active: row.get::<i64>("active")? != 0,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        body: row.get("body")?,
    })
}
