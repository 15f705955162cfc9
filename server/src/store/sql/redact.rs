//! Takes texts out: beside the entry, of the decision's row, of its events, and of what was folded from them.

use super::link::{Tx, args};
use crate::store::Result;
use crate::store::rows::RedactionWrite;

mod words;

use words::without;

macro_rules! bodies {
    ($($table:literal, $of:literal;)*) => {
        [$((
            concat!("SELECT DISTINCT body FROM ", $table, " WHERE ", $of),
            concat!("UPDATE ", $table, " SET body = $2 WHERE body = $3 AND (", $of, ")"),
        )),*]
    };
}

/// What holds texts of decision `$1` as JSON, and how it is put back.
const BODIES: [(&str, &str); 9] = bodies! {
    "events", "decision = $1";
    "saga_event", "decision = $1";
    "flag_event", "decision = $1";
    "data_event", "decision = $1";
    "release", "id IN (SELECT release FROM events WHERE decision = $1)";
    "saga", "id IN (SELECT saga FROM saga_event WHERE decision = $1) \
        OR release IN (SELECT release FROM events WHERE decision = $1)";
    "flag", "key IN (SELECT flag FROM flag_event WHERE decision = $1)";
    "data_migration", "EXISTS (SELECT 1 FROM data_event e WHERE e.decision = $1 AND e.release = data_migration.release \
        AND e.name = data_migration.name)";
    "outbox", "release IN (SELECT release FROM events WHERE decision = $1)";
};

/// Evidence is found by its digest and cannot be rewritten: one that holds the text goes as a whole. A flag's evidence is
/// how the flag stood before, with the reason of the flip before; the same with data.
const EVIDENCE: &str = "SELECT digest, body FROM evidence WHERE digest IN (SELECT evidence FROM decision WHERE id = $1 \
    OR id IN (SELECT o.decision FROM flag_event o JOIN flag_event t ON t.flag = o.flag WHERE t.decision = $1) \
    OR id IN (SELECT o.decision FROM data_event o JOIN data_event t ON t.release = o.release AND t.name = o.name \
        WHERE t.decision = $1))";

/// Answers kept for being asked twice show releases and flags as they were, whoever asked.
const ANSWERS: &str = "SELECT DISTINCT response AS body FROM idempotency WHERE replace(response, $1, '') <> response";

pub(super) async fn put(tx: &mut Tx, write: &RedactionWrite, by_leaf: i64) -> Result<()> {
    const DOOR: &str = "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES ($1, $2, $3, $4)";
    const TEXT: &str = "DELETE FROM audit_text WHERE leaf_index = $1 AND field = $2";
    const DECISION: &str = "UPDATE decision SET actor_label = $2, reason = $3, body = $4, \
        search = $5 || COALESCE(service, '') WHERE leaf_index = $1";
    let RedactionWrite { decision, leaf_index, fields, texts, instead, actor_label, reason, body, at, .. } = write;
    if !write.despite_hold {
        super::privacy::refuse_held(tx, *leaf_index).await?;
    }
    for field in fields {
        let field = field.to_string();
        tx.add(DOOR, args![*leaf_index, &field, by_leaf, *at], || format!("the redaction of `{field}`")).await?;
        tx.run(TEXT, args![*leaf_index, field]).await?;
    }
    let search = format!("{reason}\n{actor_label}\n").to_lowercase();
    tx.run(DECISION, args![*leaf_index, actor_label, reason, body, search]).await?;
    // The longest first: a short one may stand in it.
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    for (select, update) in BODIES {
        for row in tx.all(select, args![*decision]).await? {
            let body: String = row.get("body")?;
            if let Some(left) = without(&body, &texts, instead) {
                tx.run(update, args![*decision, left, body]).await?;
            }
        }
    }
    for row in tx.all(EVIDENCE, args![*decision]).await? {
        if without(&row.get::<String>("body")?, &texts, instead).is_some() {
            tx.run("DELETE FROM evidence WHERE digest = $1", args![row.get::<String>("digest")?]).await?;
        }
    }
    for text in &texts {
        for row in tx.all(ANSWERS, args![inside(text)]).await? {
            let body: String = row.get("body")?;
            if let Some(left) = without(&body, &texts, instead) {
                tx.run("UPDATE idempotency SET response = $1 WHERE response = $2", args![left, body]).await?;
            }
        }
    }
    Ok(())
}

/// As it stands within stored JSON.
fn inside(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}
