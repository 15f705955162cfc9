//! What was taken out, what is old, and what is held.

use super::link::{Link, Row, args};
use super::log::read_decision;
use super::tx::Tx;
use super::{Dialect, all};
use crate::store::rows::*;
use crate::store::{Result, StoreError};
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::audit::hold::Scope;
use sternway_domain::audit::retention::Class;
use sternway_domain::id::HoldId;
use sternway_domain::time::Timestamp;

/// The decision's transaction has the head of the log: a hold that is placed at the same time was placed before, and is
/// seen here, or comes after.
pub(super) async fn refuse_held(tx: &mut Tx, leaf_index: i64) -> Result<()> {
    match held(tx, leaf_index).await? {
        Some(hold) => Err(StoreError::Held { hold, leaf_index }),
        None => Ok(()),
    }
}

/// The oldest hold that keeps the texts of this entry.
pub(super) async fn held(tx: &mut Tx, leaf_index: i64) -> Result<Option<HoldId>> {
    const HELD: &str = "SELECT h.id AS id FROM legal_hold h JOIN decision d ON d.leaf_index = $1 \
        WHERE h.released_at IS NULL AND (h.placed_by = d.id OR ((h.release IS NULL OR h.release = d.release) \
        AND (h.service IS NULL OR h.service = d.service) AND (h.from_at IS NULL OR d.at >= h.from_at) \
        AND (h.to_at IS NULL OR d.at < h.to_at))) ORDER BY h.placed_at, h.id LIMIT 1";
    tx.one(HELD, args![leaf_index]).await?.map(|row| row.parse("id")).transpose()
}

pub(super) async fn put_hold(tx: &mut Tx, write: &HoldWrite, by: &DecisionRow) -> Result<()> {
    const PLACE: &str = "INSERT INTO legal_hold (id, release, service, from_at, to_at, placed_at, placed_by) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const RELEASE: &str = "UPDATE legal_hold SET released_at = $2, released_by = $3 \
        WHERE id = $1 AND released_at IS NULL";
    match write {
        HoldWrite::Place { id, scope: Scope { release, service, from, to } } => {
            let values = args![*id, *release, service.as_ref(), *from, *to, by.at, by.id];
            tx.add(PLACE, values, || format!("legal hold `{id}`")).await?;
        }
        HoldWrite::Release { id } => {
            if tx.run(RELEASE, args![*id, by.at, by.id]).await? == 0 {
                return Err(StoreError::Exists { what: format!("the release of legal hold `{id}`") });
            }
        }
    }
    Ok(())
}

pub(super) async fn holds(link: Link<'_>) -> Result<Vec<HoldRow>> {
    const HOLDS: &str = "SELECT id, release, service, from_at, to_at, placed_at, placed_by, released_at, released_by \
        FROM legal_hold ORDER BY placed_at, id";
    all(&link.all(HOLDS, vec![]).await?, |row| {
        Ok(HoldRow {
            id: row.parse("id")?,
            scope: Scope {
                release: row.opt_parse("release")?,
                service: row.opt_parse("service")?,
                from: row.opt_time("from_at")?,
                to: row.opt_time("to_at")?,
            },
            placed_at: row.time("placed_at")?,
            placed_by: row.parse("placed_by")?,
            released: row.opt_time("released_at")?.zip(row.opt_parse("released_by")?),
        })
    })
}

pub(super) async fn redactions(link: Link<'_>, after: i64, entries: u32) -> Result<Vec<RedactionRow>> {
    const REDACTIONS: &str = "SELECT r.leaf_index, r.field, r.by_leaf, l.leaf_hash, b.actor_key FROM redaction r \
        JOIN audit_leaf l ON l.leaf_index = r.leaf_index JOIN decision b ON b.leaf_index = r.by_leaf WHERE r.by_leaf IN (SELECT DISTINCT by_leaf FROM redaction \
        WHERE by_leaf > $1 ORDER BY by_leaf LIMIT $2) ORDER BY r.by_leaf, r.leaf_index, r.field";
    let rule = Actor::Automation { rule: Rule::Retention }.key();
    let mut found: Vec<RedactionRow> = Vec::new();
    for row in link.all(REDACTIONS, args![after, i64::from(entries)]).await? {
        let (leaf_index, by_leaf, field) = (row.get("leaf_index")?, row.get("by_leaf")?, row.parse("field")?);
        match found.last_mut().filter(|last| (last.leaf_index, last.by_leaf) == (leaf_index, by_leaf)) {
            Some(last) => last.fields.push(field),
            None => {
                let by_rule = row.get::<String>("actor_key")? == rule;
                let leaf_hash = row.get("leaf_hash")?;
                found.push(RedactionRow { leaf_index, leaf_hash, fields: vec![field], by_leaf, by_rule });
            }
        }
    }
    Ok(found)
}

/// Decisions of before `$2` with such a text.
macro_rules! aged_where {
    ($fields:expr) => {
        concat!(
            "SELECT ",
            $crate::store::sql::search::decision_columns!(),
            " FROM decision d WHERE leaf_index > $1 AND at < $2 AND EXISTS",
            " (SELECT 1 FROM audit_text t WHERE t.leaf_index = d.leaf_index AND (",
            $fields,
            ")) ORDER BY leaf_index LIMIT $3"
        )
    };
}

pub(in crate::store) use aged_where;

/// Those with a name: who acted, for whom, or whose account it was, which entry `l` says.
macro_rules! aged_names {
    ($of_account:literal) => {
        $crate::store::sql::privacy::aged_where!(concat!(
            "t.field IN ('actor.name', 'actor.owner_name') OR t.field LIKE 'target.%' AND EXISTS",
            " (SELECT 1 FROM audit_leaf l WHERE l.leaf_index = d.leaf_index AND ",
            $of_account,
            ")"
        ))
    };
}
pub(in crate::store) use aged_names;

pub(super) async fn aged(
    link: Link<'_>,
    dialect: &Dialect,
    class: Class,
    after: i64,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<DecisionRow>> {
    const ADDRESSES: &str = aged_where!("t.field IN ('origin.ip', 'origin.user_agent')");
    const TEXTS: &str =
        aged_where!("t.field IN ('reason', 'outcome.why') OR t.field LIKE 'overridden.%' OR t.field LIKE 'effects.%'");
    let sql = match class {
        Class::Addresses => ADDRESSES,
        Class::Names => dialect.aged_names,
        Class::Texts => TEXTS,
    };
    all(&link.all(sql, args![after, before, i64::from(limit)]).await?, read_decision)
}

pub(super) async fn repeated(
    link: Link<'_>,
    dialect: &Dialect,
    texts: &[&str],
    but: i64,
    limit: u32,
) -> Result<Vec<i64>> {
    let index = |row: &Row| row.get("leaf_index");
    let texts = serde_json::to_string(texts).expect("texts are JSON");
    all(&link.all(dialect.repeated, args![texts, but, i64::from(limit)]).await?, index)
}
