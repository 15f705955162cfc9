//! Takes texts out: beside the entry, of the decision's row, of its events, and of what was folded from them.
//!
//! The rule for what several decisions share: **what others wrote stays.** Of a fold goes what this decision put into it,
//! known by its moment; a text that cannot be told apart stays while another decision about the same thing still has it.
//! Evidence cannot be rewritten and goes as a whole. A person who takes a text out takes all evidence with that text, unless
//! a hold keeps another decision that rests on it: then nothing goes at all. The rule on ages takes no evidence on which a
//! decision rests that is held, or younger than the rule; that one goes when its own decision's time has come.

use super::link::{Leaf, args};
use super::tx::Tx;
use crate::store::Result;
use crate::store::rows::RedactionWrite;
use sternway_domain::audit::retention::Class;

mod alarms;
mod answers;
mod evidence;
mod part;
mod steps;
mod words;

pub(super) use answers::take_out as answers;
use part::Part;
use words::without;

macro_rules! bodies {
    ($($table:literal, $of:literal;)*) => {
        [$((
            concat!("SELECT DISTINCT body FROM ", $table, " WHERE ", $of),
            concat!("UPDATE ", $table, " SET body = $2 WHERE body = $3 AND (", $of, ")"),
        )),*]
    };
}

/// What decision `$1` alone wrote, as JSON, and how it is put back.
const EVENTS: [(&str, &str); 4] = bodies! {
    "events", "decision = $1";
    "saga_event", "decision = $1";
    "flag_event", "decision = $1";
    "data_event", "decision = $1";
};

macro_rules! folds {
    ($($table:literal, $of:literal, ($($others:tt)+);)*) => {
        [$((
            concat!("SELECT DISTINCT body FROM ", $table, " WHERE ", $of),
            concat!("UPDATE ", $table, " SET body = $2 WHERE body = $3 AND (", $of, ")"),
            concat!(
                "SELECT d.leaf_index FROM decision d WHERE d.id <> $1 AND d.id IN (", $($others)+, ") AND (d.actor_label = $2 \
                OR EXISTS (SELECT 1 FROM audit_text t WHERE t.leaf_index = d.leaf_index AND t.text = $2)) LIMIT 1"
            ),
        )),*]
    };
}

macro_rules! of_release {
    () => {
        "SELECT o.decision FROM events o JOIN decision t ON o.release = t.release WHERE t.id = $1 \
        UNION SELECT o.decision FROM saga_event o JOIN saga s ON s.id = o.saga \
        JOIN decision t ON s.release = t.release WHERE t.id = $1"
    };
}

/// What was made of events of decision `$1` and of others; how it is put back; another decision behind it that has `$2`.
const FOLDS: [(&str, &str, &str); 5] = folds! {
    "release", "id IN (SELECT release FROM events WHERE decision = $1)", (of_release!());
    "saga", "id IN (SELECT saga FROM saga_event WHERE decision = $1) \
        OR release IN (SELECT release FROM events WHERE decision = $1)", (of_release!());
    "outbox", "release IN (SELECT release FROM events WHERE decision = $1)", (of_release!());
    "flag", "key IN (SELECT flag FROM flag_event WHERE decision = $1)",
        ("SELECT o.decision FROM flag_event o JOIN flag_event t ON t.flag = o.flag WHERE t.decision = $1");
    "data_migration", "EXISTS (SELECT 1 FROM data_event e WHERE e.decision = $1 \
        AND e.release = data_migration.release AND e.name = data_migration.name)",
        ("SELECT o.decision FROM data_event o JOIN data_event t ON t.release = o.release AND t.name = o.name \
        WHERE t.decision = $1");
};

/// Gives the texts that are to be looked for in answers, too.
pub(super) async fn put(tx: &mut Tx, write: &RedactionWrite) -> Result<Vec<String>> {
    const DOOR: &str = "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES ($1, $2, $3, $4)";
    const TEXT: &str = "DELETE FROM audit_text WHERE leaf_index = $1 AND field = $2";
    const DECISION: &str = "UPDATE decision SET actor_label = $2, reason = $3 WHERE leaf_index = $1";
    let RedactionWrite { decision, leaf_index, fields, actor_label, reason, at, .. } = write;
    if !write.despite_hold {
        super::privacy::refuse_held(tx, *leaf_index).await?;
    }
    for field in fields {
        let field = field.to_string();
        tx.add(DOOR, args![*leaf_index, &field, Leaf, *at], || format!("the redaction of `{field}`")).await?;
        tx.run(TEXT, args![*leaf_index, field]).await?;
    }
    tx.run(DECISION, args![*leaf_index, actor_label, reason]).await?;
    // Addresses stand nowhere else.
    if fields.iter().all(|field| Class::of(*field) == Class::Addresses) {
        return Ok(Vec::new());
    }
    let mut all = steps::take_out(tx, write).await?;
    all.extend(write.texts.iter().cloned());
    let texts = longest_first(&all);
    let mut part = Part::default();
    for (select, update) in EVENTS {
        for row in tx.all(select, args![*decision]).await? {
            let body: String = row.get("body")?;
            if let Some(left) = without(&body, &texts, &write.instead) {
                part.take(&body, &texts, &write.instead);
                tx.run(update, args![*decision, left, body]).await?;
            }
        }
    }
    for (select, update, others) in FOLDS {
        for row in tx.all(select, args![*decision]).await? {
            let body: String = row.get("body")?;
            let mut left = part.out_of(&body);
            let mut gone = Vec::new();
            for text in &texts {
                let there = without(left.as_deref().unwrap_or(&body), &[text], &write.instead).is_some();
                if there && tx.one(others, args![*decision, *text]).await?.is_none() {
                    gone.push(*text);
                }
            }
            left = without(left.as_deref().unwrap_or(&body), &gone, &write.instead).or(left);
            if let Some(left) = left {
                tx.run(update, args![*decision, left, body]).await?;
            }
        }
    }
    alarms::take_out(tx, write, &texts).await?;
    evidence::take_out(tx, write, &texts).await?;
    Ok(all)
}

/// A short text may stand in a long one.
fn longest_first(texts: &[String]) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}
