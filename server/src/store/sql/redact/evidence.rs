//! What was seen when decisions were made. It is found by its digest and goes as a whole.

use super::super::link::args;
use super::super::privacy::held;
use super::super::tx::Tx;
use super::words::without;
use crate::store::rows::RedactionWrite;
use crate::store::{Result, StoreError};

/// Of a flag and of data it is how they stood before, with names and reasons of others.
const OWN: &str = "SELECT e.digest, e.body, CAST(CASE WHEN EXISTS (SELECT 1 FROM flag_event WHERE decision = $1) \
    OR EXISTS (SELECT 1 FROM data_event WHERE decision = $1) THEN 1 ELSE 0 END AS bigint) AS of_others \
    FROM evidence e WHERE e.digest IN (SELECT evidence FROM decision WHERE id = $1)";

/// What those saw who decided later about the same flag or data: what decision `$1` wrote may stand in it. Who defined or
/// split a flag, planned a migration or ordered its release back does not stand there.
const LATER: &str = "SELECT digest, body, CAST(0 AS bigint) AS of_others FROM evidence WHERE digest IN (SELECT evidence FROM decision \
    WHERE id IN (SELECT o.decision FROM flag_event o JOIN flag_event t ON t.flag = o.flag AND t.version < o.version \
        WHERE t.decision = $1 AND t.kind NOT IN ('defined', 'split')) \
    OR id IN (SELECT o.decision FROM data_event o JOIN data_event t ON t.release = o.release AND t.name = o.name \
        AND t.version < o.version WHERE t.decision = $1 AND t.kind NOT IN ('planned', 'back_ordered')))";

pub(super) async fn take_out(tx: &mut Tx, write: &RedactionWrite, texts: &[&str]) -> Result<()> {
    for select in [OWN, LATER] {
        for row in tx.all(select, args![write.decision]).await? {
            let own = write.kept_from.is_some() && row.get::<i64>("of_others")? == 1;
            let goes = own || without(&row.get::<String>("body")?, texts, &write.instead).is_some();
            let digest: String = row.get("digest")?;
            if goes && !stays(tx, write, &digest).await? {
                tx.run("DELETE FROM evidence WHERE digest = $1", args![digest]).await?;
            }
        }
    }
    Ok(())
}

/// Whether another decision that rests on it keeps it. For a person a hold is a refusal.
async fn stays(tx: &mut Tx, write: &RedactionWrite, digest: &str) -> Result<bool> {
    const OTHERS: &str = "SELECT leaf_index, at FROM decision WHERE evidence = $1 AND id <> $2 ORDER BY leaf_index";
    if write.despite_hold {
        return Ok(false);
    }
    for other in tx.all(OTHERS, args![digest, write.decision]).await? {
        let leaf_index = other.get("leaf_index")?;
        if write.kept_from.is_some_and(|from| other.get::<i64>("at").is_ok_and(|at| at >= from.micros())) {
            return Ok(true);
        }
        if let Some(hold) = held(tx, leaf_index).await? {
            return if write.kept_from.is_some() { Ok(true) } else { Err(StoreError::Held { hold, leaf_index }) };
        }
    }
    Ok(false)
}
