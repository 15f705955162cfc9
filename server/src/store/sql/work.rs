//! What the engine reads and writes while it works: ticks, traffic, messages.

use super::leases::hold_fence;
use super::link::{Link, Row, args};
use super::tx::Tx;
use super::{Dialect, all, body};
use crate::store::Result;
use crate::store::rows::*;
use std::fmt::Display;
use sternway_domain::id::{MessageId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;

/// Touches no row that decisions wait for.
pub(super) async fn put_tick(mut tx: Tx, dialect: &Dialect, tick: &TickWrite) -> Result<()> {
    const TICK: &str = "INSERT INTO tick (release, number, at, body) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (release, number) DO NOTHING";
    const STATE: &str = "INSERT INTO judge_state (release, number, body) VALUES ($1, $2, $3) \
        ON CONFLICT (release) DO UPDATE SET number = excluded.number, body = excluded.body";
    const LIVE: &str = "INSERT INTO live (release, body) VALUES ($1, $2) \
        ON CONFLICT (release) DO UPDATE SET body = excluded.body";
    hold_fence(&mut tx, dialect, &tick.fence).await?;
    if tx.run(TICK, args![tick.release, tick.number, tick.at, &tick.body]).await? == 1 {
        tx.run(STATE, args![tick.release, tick.number, &tick.state]).await?;
        tx.run(LIVE, args![tick.release, &tick.live]).await?;
    }
    tx.commit().await
}

pub(super) async fn ticks(link: Link<'_>, release: ReleaseId, since: Timestamp, limit: u32) -> Result<Vec<TickRow>> {
    const NEWEST: &str = "SELECT number, at, body FROM tick WHERE release = $1 AND at >= $2 \
        ORDER BY number DESC LIMIT $3";
    let mut rows = link.all(NEWEST, args![release, since, i64::from(limit)]).await?;
    rows.reverse();
    all(&rows, |row| Ok(TickRow { number: row.get("number")?, at: row.time("at")?, body: row.get("body")? }))
}

pub(super) async fn judge_state(link: Link<'_>, release: ReleaseId) -> Result<Option<(i64, String)>> {
    let row = link.one("SELECT number, body FROM judge_state WHERE release = $1", args![release]).await?;
    row.map(|row| Ok((row.get("number")?, row.get("body")?))).transpose()
}

pub(super) async fn live(
    link: Link<'_>,
    dialect: &Dialect,
    releases: &[ReleaseId],
) -> Result<Vec<(ReleaseId, String)>> {
    let rows = link.all(dialect.live, args![list(releases)]).await?;
    all(&rows, |row| Ok((row.parse("release")?, row.get("body")?)))
}

pub(super) async fn put_traffic(
    mut tx: Tx,
    dialect: &Dialect,
    service: &ServiceName,
    body: &str,
    fence: &Fence,
) -> Result<()> {
    const TRAFFIC: &str = "INSERT INTO traffic (service, body) VALUES ($1, $2) \
        ON CONFLICT (service) DO UPDATE SET body = excluded.body";
    hold_fence(&mut tx, dialect, fence).await?;
    tx.run(TRAFFIC, args![service, body]).await?;
    tx.commit().await
}

pub(super) async fn traffic(link: Link<'_>, service: &ServiceName) -> Result<Option<String>> {
    body(link.one("SELECT body FROM traffic WHERE service = $1", args![service]).await?)
}

pub(super) async fn traffic_of(
    link: Link<'_>,
    dialect: &Dialect,
    services: &[ServiceName],
) -> Result<Vec<(ServiceName, String)>> {
    let rows = link.all(dialect.traffic, args![list(services)]).await?;
    all(&rows, |row| Ok((row.parse("service")?, row.get("body")?)))
}

/// As a JSON list. Ids and names hold nothing that JSON would escape.
fn list<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", names.join(","))
}

macro_rules! outbox {
    ($which:literal) => {
        concat!(
            "SELECT id, key, release, service, kind, body, created_at, state, attempts, last_error, ended_at FROM outbox",
            " WHERE release = $1",
            $which,
            " ORDER BY seq"
        )
    };
}

pub(super) const OUTBOX: &str = outbox!("");
pub(super) const OUTBOX_PENDING: &str = outbox!(" AND state = 'pending'");

pub(super) async fn outbox(link: Link<'_>, sql: &'static str, release: ReleaseId) -> Result<Vec<OutboxRow>> {
    all(&link.all(sql, args![release]).await?, message)
}

fn message(row: &Row) -> Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.parse("id")?,
        key: row.get("key")?,
        release: row.parse("release")?,
        service: row.parse("service")?,
        kind: row.get("kind")?,
        body: row.get("body")?,
        created_at: row.time("created_at")?,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

/// A message that has ended stays as it ended.
pub(super) async fn outbox_mark(
    mut tx: Tx,
    dialect: &Dialect,
    id: MessageId,
    mark: &OutboxMark,
    fence: &Fence,
) -> Result<()> {
    const ATTEMPTED: &str = "UPDATE outbox SET attempts = attempts + 1, last_error = $2 \
        WHERE id = $1 AND state = 'pending'";
    const ENDED: &str = "UPDATE outbox SET state = $2, ended_at = $3 WHERE id = $1 AND state = 'pending'";
    hold_fence(&mut tx, dialect, fence).await?;
    match mark {
        OutboxMark::Attempted { error } => tx.run(ATTEMPTED, args![id, error]).await?,
        OutboxMark::Done { at } => tx.run(ENDED, args![id, "done", *at]).await?,
        OutboxMark::Superseded { at } => tx.run(ENDED, args![id, "superseded", *at]).await?,
    };
    tx.commit().await
}
