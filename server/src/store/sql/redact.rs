//! Takes texts out: beside the entry, of the decision's row, of its events, and of what was folded from them.

use super::link::{Tx, args};
use crate::store::Result;
use crate::store::rows::RedactionWrite;

/// Texts of at least so many characters are looked for within longer ones, too: a shorter one may stand there by chance.
const WITHIN: usize = 12;

/// What holds texts of a decision as JSON: `$1` is replaced by `$2` where decision `$3` wrote.
const BODIES: [&str; 9] = [
    "UPDATE events SET body = replace(body, $1, $2) WHERE decision = $3",
    "UPDATE saga_event SET body = replace(body, $1, $2) WHERE decision = $3",
    "UPDATE flag_event SET body = replace(body, $1, $2) WHERE decision = $3",
    "UPDATE data_event SET body = replace(body, $1, $2) WHERE decision = $3",
    "UPDATE release SET body = replace(body, $1, $2) WHERE id IN (SELECT release FROM events WHERE decision = $3)",
    "UPDATE saga SET body = replace(body, $1, $2) WHERE id IN (SELECT saga FROM saga_event WHERE decision = $3) \
     OR release IN (SELECT release FROM events WHERE decision = $3)",
    "UPDATE flag SET body = replace(body, $1, $2) WHERE key IN (SELECT flag FROM flag_event WHERE decision = $3)",
    "UPDATE data_migration SET body = replace(body, $1, $2) WHERE EXISTS (SELECT 1 FROM data_event e \
     WHERE e.decision = $3 AND e.release = data_migration.release AND e.name = data_migration.name)",
    "UPDATE outbox SET body = replace(body, $1, $2) WHERE release IN (SELECT release FROM events WHERE decision = $3)",
];

/// Evidence is found by its digest and cannot be rewritten: one that holds the text goes as a whole. A flag's evidence is
/// how the flag stood before, with the reason of the flip before.
const EVIDENCE: &str = "DELETE FROM evidence WHERE replace(body, $1, '') <> body AND digest IN (SELECT evidence \
    FROM decision WHERE id = $2 OR id IN (SELECT o.decision FROM flag_event o JOIN flag_event t ON t.flag = o.flag \
    WHERE t.decision = $2))";

/// Answers kept for being asked twice show releases and flags as they were, whoever asked.
const ANSWERS: &str =
    "UPDATE idempotency SET response = replace(response, $1, $2) WHERE replace(response, $1, '') <> response";

pub(super) async fn put(tx: &mut Tx, write: &RedactionWrite, by_leaf: i64) -> Result<()> {
    const DOOR: &str = "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES ($1, $2, $3, $4)";
    const TEXT: &str = "DELETE FROM audit_text WHERE leaf_index = $1 AND field = $2";
    const DECISION: &str = "UPDATE decision SET actor_label = $2, reason = $3, body = $4, \
        search = $5 || COALESCE(service, '') WHERE leaf_index = $1";
    let RedactionWrite { decision, leaf_index, fields, texts, instead, actor_label, reason, body, at } = write;
    for field in fields {
        let field = field.to_string();
        tx.add(DOOR, args![*leaf_index, &field, by_leaf, *at], || format!("the redaction of `{field}`")).await?;
        tx.run(TEXT, args![*leaf_index, field]).await?;
    }
    let search = format!("{reason}\n{actor_label}\n").to_lowercase();
    tx.run(DECISION, args![*leaf_index, actor_label, reason, body, search]).await?;
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let (text, instead) = (quoted(text), quoted(instead));
        let whole = (text.as_str(), instead.as_str());
        // Without the quotation marks.
        let within = (&text[1..text.len() - 1], &instead[1..instead.len() - 1]);
        let within = Some(within).filter(|(text, _)| text.chars().count() >= WITHIN);
        for (text, instead) in [whole].into_iter().chain(within) {
            for sql in BODIES {
                tx.run(sql, args![text, instead, *decision]).await?;
            }
            tx.run(ANSWERS, args![text, instead]).await?;
            tx.run(EVIDENCE, args![text, *decision]).await?;
        }
    }
    Ok(())
}

/// As it stands in stored JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}
