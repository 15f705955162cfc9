//! Leases by the database's clock, and the fence they put before writes.

use super::Dialect;
use super::link::{Link, args};
use super::tx::Tx;
use crate::store::rows::{Fence, Lease};
use crate::store::{Result, StoreError};
use sternway_domain::time::Span;

pub(super) async fn take(
    link: Link<'_>,
    dialect: &Dialect,
    name: &str,
    holder: &str,
    ttl: Span,
) -> Result<Option<Lease>> {
    let Some(row) = link.one(dialect.take_lease, args![name, holder, ttl.micros()]).await? else {
        return Ok(None);
    };
    Ok(Some(Lease { name: name.to_owned(), token: row.get("token")?, until: row.time("until")? }))
}

/// The rows stay, so that the next holder gets a larger token.
pub(super) async fn give_back(link: Link<'_>, holder: &str) -> Result<()> {
    link.run("UPDATE lease SET holder = '', until = 0 WHERE holder = $1", args![holder]).await?;
    Ok(())
}

/// Refuses unless the lease is held under this token now, and keeps others from taking it until the commit.
pub(super) async fn hold_fence(tx: &mut Tx, dialect: &Dialect, fence: &Fence) -> Result<()> {
    let held = tx.one(dialect.hold_lease, args![&fence.lease]).await?;
    // Asked after the wait for the row, not before.
    let now: i64 = tx.the(dialect.now, vec![]).await?.get("now")?;
    if let Some(row) = held
        && row.get::<i64>("token")? == fence.token
        && row.get::<i64>("until")? > now
    {
        return Ok(());
    }
    Err(StoreError::Fenced { lease: fence.lease.clone(), token: fence.token })
}
