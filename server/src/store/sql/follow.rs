//! What those ask who follow what other processes do.

use super::all;
use super::link::{Link, args};
use super::tx::Tx;
use crate::store::rows::{CONFIRMATION, Extent, Head, MarkRow, MovedRow, Restored};
use crate::store::{Result, StoreError};

pub(super) async fn head(link: Link<'_>) -> Result<Head> {
    match link.one("SELECT position, leaves FROM log_head WHERE one = 1", vec![]).await? {
        Some(row) => Ok(Head { position: row.get("position")?, leaves: row.get("leaves")? }),
        None => Err(StoreError::Corrupt { what: "log_head", detail: "its row is missing".into() }),
    }
}

pub(super) async fn extent(link: Link<'_>) -> Result<Extent> {
    const EXTENT: &str = "SELECT position, leaves, (SELECT COALESCE(MAX(token), 0) FROM lease) AS token, \
        (SELECT MIN(at) FROM schema_migration) AS born, \
        (SELECT value FROM setting WHERE key = 'restored') AS restored FROM log_head WHERE one = 1";
    let Some(row) = link.one(EXTENT, vec![]).await? else {
        return Err(StoreError::Corrupt { what: "log_head", detail: "its row is missing".into() });
    };
    Ok(Extent {
        born: row.get("born")?,
        epoch: row.opt_parse("restored")?.unwrap_or(0),
        token: row.get("token")?,
        head: Head { position: row.get("position")?, leaves: row.get("leaves")? },
    })
}

/// Leases are free, and the next holder of any gets a larger token than anybody has seen.
pub(super) async fn put_restored(tx: &mut Tx, restored: &Restored) -> Result<()> {
    const SETTING: &str = "INSERT INTO setting (key, value) VALUES ($1, $2) \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    const FLOOR: &str = "INSERT INTO lease (name, holder, token, until) VALUES ('restored', '', $1, 0) \
        ON CONFLICT (name) DO UPDATE SET token = excluded.token";
    tx.run("UPDATE lease SET holder = '', until = 0", vec![]).await?;
    tx.run(SETTING, args!["restored", restored.epoch.to_string()]).await?;
    tx.run(SETTING, args![CONFIRMATION, &restored.statement]).await?;
    tx.run(FLOOR, args![restored.token]).await?;
    Ok(())
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
