//! What steps of a saga said. The entry about them says it in a sentence of its own, so its text is not found elsewhere: with
//! an effect of such an entry goes everything that the events of this decision say.

use super::super::link::args;
use super::super::tx::Tx;
use super::words::without_whole;
use crate::store::Result;
use crate::store::rows::RedactionWrite;
use serde_json::Value;
use sternway_domain::audit::commitment::Field;

/// In events of sagas: what drivers and people said.
const SAID: [&str; 5] = ["output", "error", "detail", "why", "summary"];
/// Shorter ones stand in texts of others by chance: they go from the saga alone.
const WORTH_LOOKING_FOR: usize = 12;

/// Takes them out of the saga, and gives those that are to be looked for elsewhere.
pub(super) async fn take_out(tx: &mut Tx, write: &RedactionWrite) -> Result<Vec<String>> {
    const EVENTS: &str = "SELECT DISTINCT body FROM saga_event WHERE decision = $1";
    const EVENT: &str = "UPDATE saga_event SET body = $2 WHERE body = $3 AND decision = $1";
    const FOLDS: &str = "SELECT DISTINCT body FROM saga WHERE id IN (SELECT saga FROM saga_event WHERE decision = $1)";
    const FOLD: &str = "UPDATE saga SET body = $2 WHERE body = $3 \
        AND id IN (SELECT saga FROM saga_event WHERE decision = $1)";
    // Of steps under way; nobody looks at it any more.
    const LIVE: &str = "UPDATE saga SET said = '{}' WHERE said <> '{}' AND active = 0 \
        AND id IN (SELECT saga FROM saga_event WHERE decision = $1)";
    if !write.fields.iter().any(|field| matches!(field, Field::Effect(_))) {
        return Ok(Vec::new());
    }
    let mut said = Vec::new();
    for row in tx.all(EVENTS, args![write.decision]).await? {
        said.extend(texts(&row.get::<String>("body")?).into_iter().filter(|text| *text != write.instead));
    }
    if said.is_empty() {
        return Ok(said);
    }
    for (select, update) in [(EVENTS, EVENT), (FOLDS, FOLD)] {
        for row in tx.all(select, args![write.decision]).await? {
            let body: String = row.get("body")?;
            if let Some(left) = without_whole(&body, &said, &write.instead) {
                tx.run(update, args![write.decision, left, body]).await?;
            }
        }
    }
    tx.run(LIVE, args![write.decision]).await?;
    said.retain(|text| text.chars().count() >= WORTH_LOOKING_FOR);
    Ok(said)
}

fn texts(event: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    let said = SAID.iter().filter_map(|name| event.get(name)?.as_str());
    said.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}
