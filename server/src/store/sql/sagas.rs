//! Sagas: their rows and their events.

use super::all;
use super::link::{Link, Row, Tx, args};
use crate::store::rows::{SagaEventRow, SagaRow, SagaWrite};
use crate::store::{Result, StoreError};
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

/// Compares the version and takes the row in one statement; whoever comes second waits, then sees the newer version.
pub(super) async fn put(tx: &mut Tx, write: &SagaWrite) -> Result<()> {
    const CREATE: &str = "INSERT INTO saga (id, release, version, purpose, active, created_at, updated_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    const UPDATE: &str = "UPDATE saga SET version = $2, active = $3, updated_at = $4, body = $5 \
        WHERE id = $1 AND version = $6";
    let SagaRow { id, release, version, purpose, active, created_at, updated_at, body } = &write.row;
    let written = if write.expected == 0 {
        tx.run(CREATE, args![*id, *release, *version, purpose, *active, *created_at, *updated_at, body]).await?
    } else {
        tx.run(UPDATE, args![*id, *version, *active, *updated_at, body, write.expected]).await?
    };
    if written == 1 {
        return Ok(());
    }
    let actual = match tx.one("SELECT version FROM saga WHERE id = $1", args![*id]).await? {
        Some(row) => row.get("version")?,
        None => 0,
    };
    Err(StoreError::Conflict { expected: write.expected, actual })
}

pub(super) async fn put_events(tx: &mut Tx, write: &SagaWrite, decision: Option<DecisionId>) -> Result<()> {
    const EVENT: &str =
        "INSERT INTO saga_event (saga, version, kind, at, body, decision) VALUES ($1, $2, $3, $4, $5, $6)";
    for (n, event) in (1..).zip(&write.events) {
        let (saga, version) = (write.row.id, write.expected + n);
        let values = args![saga, version, event.kind, event.at, &event.body, decision];
        tx.add(EVENT, values, || format!("version {version} of saga `{saga}`")).await?;
    }
    Ok(())
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
