//! What those ask who follow what other processes do.

use super::all;
use super::link::{Link, args};
use crate::store::rows::{Head, MarkRow, MovedRow};
use crate::store::{Result, StoreError};

pub(super) async fn head(link: Link<'_>) -> Result<Head> {
    match link.one("SELECT position, leaves FROM log_head WHERE one = 1", vec![]).await? {
        Some(row) => Ok(Head { position: row.get("position")?, leaves: row.get("leaves")? }),
        None => Err(StoreError::Corrupt { what: "log_head", detail: "its row is missing".into() }),
    }
}

/// Numbers are given under a lock that is kept until the commit, so nothing below the newest is missing.
pub(super) async fn moved(link: Link<'_>, after: i64) -> Result<Vec<MovedRow>> {
    const MOVED: &str = "SELECT r.id AS release, r.service AS service, MAX(m.position) AS position FROM \
        (SELECT release, position FROM events WHERE position > $1 \
         UNION ALL SELECT release, position FROM saga WHERE position > $1 \
         UNION ALL SELECT release, position FROM data_migration WHERE position > $1) m \
        JOIN release r ON r.id = m.release GROUP BY r.id, r.service ORDER BY 3";
    all(&link.all(MOVED, args![after]).await?, |row| {
        Ok(MovedRow { release: row.parse("release")?, service: row.parse("service")?, position: row.get("position")? })
    })
}

/// Ticks and what steps say are no events: they are counted.
pub(super) async fn marks(link: Link<'_>, but: &str) -> Result<Vec<MarkRow>> {
    const MARKS: &str = "SELECT r.id AS release, r.service AS service, \
        COALESCE((SELECT number FROM judge_state WHERE release = r.id), 0) \
        + COALESCE((SELECT CAST(SUM(said_at) AS bigint) FROM saga WHERE release = r.id), 0) AS mark \
        FROM release r JOIN lease l ON l.name = 'release:' || r.id WHERE r.active = 1 AND l.holder <> $1";
    all(&link.all(MARKS, args![but]).await?, |row| {
        Ok(MarkRow { release: row.parse("release")?, service: row.parse("service")?, mark: row.get("mark")? })
    })
}
