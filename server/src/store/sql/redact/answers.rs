//! Answers kept for being asked twice show releases and flags as they were, whoever asked. One pass over them for all texts
//! of a unit. Answers that are younger than the rule on ages are left: none is kept longer than a day.

use super::super::link::args;
use super::super::tx::Tx;
use super::longest_first;
use super::words::without;
use crate::store::Result;
use crate::store::rows::RedactionWrite;

/// In memory at once.
const PAGE: i64 = 500;

pub(in crate::store::sql) async fn take_out(
    tx: &mut Tx,
    writes: &[RedactionWrite],
    mut texts: Vec<String>,
) -> Result<()> {
    const ANSWERS: &str = "SELECT actor, key, response FROM idempotency WHERE (actor, key) > ($1, $2) AND at < $3 \
        ORDER BY actor, key LIMIT $4";
    const LEFT: &str = "UPDATE idempotency SET response = $3 WHERE actor = $1 AND key = $2";
    texts.sort_unstable();
    texts.dedup();
    let texts = longest_first(&texts);
    let (Some(write), false) = (writes.first(), texts.is_empty()) else { return Ok(()) };
    let before = write.kept_from.map_or(i64::MAX, |from| from.micros());
    let quoted: Vec<String> = texts.iter().map(|text| inside(text)).collect();
    let (mut actor, mut key) = (String::new(), String::new());
    loop {
        let rows = tx.all(ANSWERS, args![&actor, &key, before, PAGE]).await?;
        for row in &rows {
            let body: String = row.get("response")?;
            (actor, key) = (row.get("actor")?, row.get("key")?);
            if quoted.iter().any(|text| body.contains(text.as_str()))
                && let Some(left) = without(&body, &texts, &write.instead)
            {
                tx.run(LEFT, args![&actor, &key, left]).await?;
            }
        }
        if (rows.len() as i64) < PAGE {
            return Ok(());
        }
    }
}

/// As it stands within stored JSON.
fn inside(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}
