//! What people are told of a release says what drivers and rules said: what is taken out of the release goes from there too.

use super::super::link::args;
use super::super::tx::Tx;
use super::words::without;
use crate::store::Result;
use crate::store::rows::RedactionWrite;

pub(super) async fn take_out(tx: &mut Tx, write: &RedactionWrite, texts: &[&str]) -> Result<()> {
    const ALARMS: &str =
        "SELECT DISTINCT body FROM alarm WHERE release IN (SELECT release FROM decision WHERE id = $1)";
    const ALARM: &str = "UPDATE alarm SET body = $2 WHERE body = $3 \
        AND release IN (SELECT release FROM decision WHERE id = $1)";
    for row in tx.all(ALARMS, args![write.decision]).await? {
        let body: String = row.get("body")?;
        if let Some(left) = without(&body, texts, &write.instead) {
            tx.run(ALARM, args![write.decision, left, body]).await?;
        }
    }
    Ok(())
}
