//! Reading events, decisions and the log.

use super::link::{Link, Row, args};
use super::search::decision_columns;
use super::{Dialect, all, body};
use crate::store::rows::*;
use crate::store::{Result, StoreError};
use std::collections::BTreeMap;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::record::Leaf;
use sternway_domain::audit::{Entry, REDACTED};
use sternway_domain::id::{DecisionId, Digest, ReleaseId};
use sternway_domain::time::Timestamp;

pub(super) async fn events(link: Link<'_>, release: ReleaseId, after: i64) -> Result<Vec<EventRow>> {
    const EVENTS: &str = "SELECT position, release, version, kind, at, body, decision FROM events \
        WHERE release = $1 AND version > $2 ORDER BY version";
    all(&link.all(EVENTS, args![release, after]).await?, event)
}

pub(super) async fn events_after(link: Link<'_>, after: i64, limit: u32) -> Result<Vec<EventRow>> {
    const EVENTS: &str = "SELECT position, release, version, kind, at, body, decision FROM events \
        WHERE position > $1 ORDER BY position LIMIT $2";
    all(&link.all(EVENTS, args![after, i64::from(limit)]).await?, event)
}

pub(super) async fn last_position(link: Link<'_>) -> Result<i64> {
    match link.one("SELECT position FROM log_head WHERE one = 1", vec![]).await? {
        Some(row) => row.get("position"),
        None => Err(StoreError::Corrupt { what: "log_head", detail: "its row is missing".into() }),
    }
}

fn event(row: &Row) -> Result<EventRow> {
    Ok(EventRow {
        position: row.get("position")?,
        release: row.parse("release")?,
        version: row.get("version")?,
        kind: row.get("kind")?,
        at: row.time("at")?,
        body: row.get("body")?,
        decision: row.opt_parse("decision")?,
    })
}

pub(super) async fn decision(link: Link<'_>, id: DecisionId) -> Result<Option<DecisionRow>> {
    const ONE: &str = concat!("SELECT ", decision_columns!(), " FROM decision WHERE id = $1");
    link.one(ONE, args![id]).await?.as_ref().map(read_decision).transpose()
}

pub(super) fn read_decision(row: &Row) -> Result<DecisionRow> {
    Ok(DecisionRow {
        id: row.parse("id")?,
        leaf_index: row.get("leaf_index")?,
        at: row.time("at")?,
        actor_key: row.get("actor_key")?,
        actor_label: row.get("actor_label")?,
        action: row.get("action")?,
        release: row.opt_parse("release")?,
        service: row.opt_parse("service")?,
        outcome: row.get("outcome")?,
        reason: row.get("reason")?,
        evidence: row.opt_parse("evidence")?,
    })
}

/// With what the list of their indexes is taken apart by. An entry that is of another decision than the one in its place is
/// none of it.
macro_rules! entries_in {
    ($list:literal) => {
        concat!(
            "SELECT l.leaf_index AS leaf_index, l.entry AS entry, CAST(NULL AS text) AS field, CAST(NULL AS text) AS text",
            " FROM audit_leaf l JOIN decision d ON d.leaf_index = l.leaf_index AND d.id = l.decision",
            " WHERE l.leaf_index IN (",
            $list,
            ") UNION ALL SELECT leaf_index, NULL, field, text FROM audit_text WHERE leaf_index IN (",
            $list,
            ")"
        )
    };
}
pub(in crate::store) use entries_in;

pub(super) async fn entries(link: Link<'_>, dialect: &Dialect, of: &[i64]) -> Result<BTreeMap<i64, Entry>> {
    let list = serde_json::to_string(of).expect("numbers are JSON");
    let (mut leaves, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for row in link.all(dialect.entries, args![list]).await? {
        let index: i64 = row.get("leaf_index")?;
        if let (Ok(Some(field)), Some(text)) = (row.opt_parse::<Field>("field"), row.get::<Option<String>>("text")?) {
            texts.insert((index, field), text);
        }
        leaves.extend(row.get::<Option<Vec<u8>>>("entry")?.map(|entry| (index, entry)));
    }
    let told = |(index, entry): (i64, Vec<u8>)| {
        let text = |field| texts.get(&(index, field)).cloned().unwrap_or_else(|| REDACTED.to_owned());
        Some((index, Leaf::decode(&entry).ok()?.told(text)))
    };
    Ok(leaves.into_iter().filter_map(told).collect())
}

pub(super) async fn leaves(link: Link<'_>, from: i64, limit: u32) -> Result<Vec<LeafRow>> {
    const LEAVES: &str = "SELECT leaf_index, decision, entry, leaf_hash, at FROM audit_leaf \
        WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2";
    all(&link.all(LEAVES, args![from, i64::from(limit)]).await?, |row| {
        Ok(LeafRow {
            index: row.get("leaf_index")?,
            decision: row.parse("decision")?,
            entry: row.get("entry")?,
            leaf_hash: row.get("leaf_hash")?,
            at: row.time("at")?,
        })
    })
}

pub(super) async fn evidence(link: Link<'_>, digest: &Digest) -> Result<Option<String>> {
    body(link.one("SELECT body FROM evidence WHERE digest = $1", args![digest]).await?)
}

pub(super) async fn forget_answers(link: Link<'_>, before: Timestamp, limit: u32) -> Result<u64> {
    const FORGET: &str = "DELETE FROM idempotency WHERE (actor, key) IN (SELECT actor, key FROM idempotency \
        WHERE at < $1 AND key NOT LIKE 'emergency:%' ORDER BY at LIMIT $2)";
    link.run(FORGET, args![before, i64::from(limit)]).await
}

pub(super) async fn idempotency(link: Link<'_>, actor: &str, key: &str) -> Result<Option<IdempotencyRow>> {
    const KEY: &str = "SELECT actor, key, request, status, response, at FROM idempotency WHERE actor = $1 AND key = $2";
    let Some(row) = link.one(KEY, args![actor, key]).await? else {
        return Ok(None);
    };
    let status: i64 = row.get("status")?;
    Ok(Some(IdempotencyRow {
        actor: row.get("actor")?,
        key: row.get("key")?,
        request: row.parse("request")?,
        status: status
            .try_into()
            .map_err(|_| StoreError::Corrupt { what: "status", detail: format!("{status} is no HTTP status") })?,
        response: row.get("response")?,
        at: row.time("at")?,
    }))
}
