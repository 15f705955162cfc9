//! Which services move in releases that are under way: each in one at a time, whether it is judged there or moves with
//! what is.

use super::link::args;
use super::tx::Tx;
use crate::store::rows::{ACTIVE_RELEASE, ReleaseWrite};
use crate::store::{Result, StoreError};
use sternway_domain::id::{ReleaseId, ServiceName};

/// How often it is tried against releases that end meanwhile.
const TRIES: u32 = 3;

/// Takes what begins to move with this write, before its row is written. Refused with the release that has it.
pub(super) async fn take(tx: &mut Tx, write: &ReleaseWrite) -> Result<()> {
    let mut services: Vec<&ServiceName> = write.takes.iter().collect();
    // In one order everywhere: of two that want the same one waits for the other, and never both.
    services.sort();
    services.dedup();
    for service in services {
        take_one(tx, service, write.row.id).await?;
    }
    Ok(())
}

async fn take_one(tx: &mut Tx, service: &ServiceName, release: ReleaseId) -> Result<()> {
    const OTHER: &str = "SELECT release FROM moving WHERE service = $1 AND release <> $2 \
        UNION SELECT id FROM release WHERE service = $1 AND id <> $2 AND active = 1 ORDER BY 1 LIMIT 1";
    const TAKE: &str = "INSERT INTO moving (service, release) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const OURS: &str = "SELECT release FROM moving WHERE service = $1 AND release = $2";
    for _ in 0..TRIES {
        if let Some(row) = tx.one(OTHER, args![service, release]).await? {
            return Err(StoreError::Moving { service: service.clone(), release: row.parse("release")? });
        }
        // Waits for whoever takes it at the same moment.
        let taken = tx.run(TAKE, args![service, release]).await?;
        if taken == 1 || tx.one(OURS, args![service, release]).await?.is_some() {
            return Ok(());
        }
    }
    Err(StoreError::Exists { what: ACTIVE_RELEASE.to_owned() })
}

/// What no longer moves may move in another release from now on.
pub(super) fn give_back(tx: &mut Tx, write: &ReleaseWrite) {
    for service in &write.leaves {
        tx.later("DELETE FROM moving WHERE release = $1 AND service = $2", args![write.row.id, service]);
    }
    if !write.row.active {
        tx.later("DELETE FROM moving WHERE release = $1", args![write.row.id]);
    }
}
