//! Keys of the log, and where its heads have been.

use super::leases::hold_fence;
use super::link::{Link, Row, args};
use super::tx::Tx;
use super::{Dialect, all};
use crate::store::rows::{Fence, LogKeyRow, LogKeyWrite, OutsideRow};
use crate::store::{Result, StoreError};
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::time::Timestamp;

pub(super) async fn list(link: Link<'_>) -> Result<Vec<LogKeyRow>> {
    const ALL: &str = "SELECT from_size, key, change, statement, at FROM log_key ORDER BY from_size";
    all(&link.all(ALL, vec![]).await?, read)
}

fn read(row: &Row) -> Result<LogKeyRow> {
    Ok(LogKeyRow {
        from: row.get("from_size")?,
        key: row.parse("key")?,
        change: row.get("change")?,
        statement: row.get("statement")?,
        at: row.time("at")?,
    })
}

/// With an entry, which has its number: until the commit nobody else gets one.
pub(super) async fn put(tx: &mut Tx, write: &LogKeyWrite) -> Result<()> {
    const NEWEST: &str = "SELECT from_size FROM log_key ORDER BY from_size DESC LIMIT 1";
    const PUT: &str = "INSERT INTO log_key (from_size, key, change, statement, at) VALUES ($1, $2, $3, $4, $5)";
    let from = tx.head().await?.leaves;
    let newest: Option<i64> = tx.one(NEWEST, vec![]).await?.map(|row| row.get("from_size")).transpose()?;
    if newest != write.after {
        return Err(StoreError::Conflict { expected: write.after.unwrap_or(-1), actual: newest.unwrap_or(-1) });
    }
    let statement = &write.statement;
    let change = if statement.rotated { "rotated" } else { "lost" };
    let values = args![from, statement.new.to_string(), change, statement.to_string(), write.at];
    tx.add(PUT, values, || format!("key `{}`", statement.new)).await?;
    Ok(())
}

/// Left as it is if there is one already.
pub(super) async fn put_first(
    mut tx: Tx,
    dialect: &Dialect,
    key: &VerifierKey,
    at: Timestamp,
    fence: &Fence,
) -> Result<()> {
    const PUT: &str = "INSERT INTO log_key (from_size, key, change, statement, at) SELECT 0, $1, 'first', '', $2 \
        WHERE NOT EXISTS (SELECT 1 FROM log_key)";
    hold_fence(&mut tx, dialect, fence).await?;
    tx.run(PUT, args![key.to_string(), at]).await?;
    tx.commit().await
}

pub(super) async fn outside(link: Link<'_>) -> Result<Vec<OutsideRow>> {
    const ALL: &str = "SELECT way, who, size, note, at FROM log_outside ORDER BY at DESC, way, who";
    all(&link.all(ALL, vec![]).await?, |row| {
        Ok(OutsideRow {
            way: row.get("way")?,
            who: row.get("who")?,
            size: row.get("size")?,
            note: row.get("note")?,
            at: row.time("at")?,
        })
    })
}

/// The newest one of each counts.
pub(super) async fn put_outside(link: Link<'_>, row: &OutsideRow) -> Result<()> {
    const PUT: &str = "INSERT INTO log_outside (way, who, size, note, at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (way, who) DO UPDATE SET size = excluded.size, note = excluded.note, at = excluded.at \
        WHERE excluded.at >= log_outside.at";
    let OutsideRow { way, who, size, note, at } = row;
    link.run(PUT, args![way, who, *size, note, *at]).await?;
    Ok(())
}
