//! The log as a tree: texts beside entries, inner hashes, signed heads.
//!
//! Nothing of the tree is kept in one place: at every 256th entry the hash over the last 256 is written, and the same
//! above. What is between them is made from these and the newest hashes when somebody asks.

use super::leases::hold_fence;
use super::link::{Leaf, Link, Row, args};
use super::tx::Tx;
use super::{Dialect, all};
use crate::store::rows::{CheckpointRow, DecisionWrite, Fence, RemovedRow, TextRow};
use crate::store::{Result, StoreError};
use sternway_domain::audit::commitment::Opening;
use sternway_domain::audit::merkle::{Frontier, TreeHash};
use sternway_domain::audit::tile::FULL;

/// So many hashes a tile has.
pub(super) const WIDTH: i64 = FULL as i64;

/// All texts of an entry in one statement.
pub(super) fn put_texts(tx: &mut Tx, dialect: &Dialect, decision: &DecisionWrite) {
    if !decision.openings.is_empty() {
        let list = serde_json::to_string(&decision.openings).expect("openings are texts");
        tx.add_later(dialect.texts, args![Leaf, list], format!("a text of decision `{}`", decision.row.id));
    }
}

/// Writes the hash of each subtree that this entry completes. A gap among the hashes below is left to whoever signs:
/// acts go on.
pub(super) async fn put_nodes(tx: &mut Tx, index: i64) -> Result<()> {
    const LEAVES: &str = "SELECT leaf_hash AS hash FROM audit_leaf WHERE leaf_index >= $1 ORDER BY leaf_index";
    const BELOW: &str = "SELECT hash FROM log_node WHERE level = $1 AND idx >= $2 ORDER BY idx";
    const NODE: &str = "INSERT INTO log_node (level, idx, hash) VALUES ($1, $2, $3)";
    let (mut level, mut last) = (0i64, index);
    while last % WIDTH == WIDTH - 1 {
        let first = last - (WIDTH - 1);
        let rows = match level {
            0 => tx.all(LEAVES, args![first]).await?,
            level => tx.all(BELOW, args![level, first]).await?,
        };
        if rows.len() as i64 != WIDTH {
            tracing::error!(level, first, found = rows.len(), "the log has not all hashes of a tile");
            return Ok(());
        }
        let mut tree = Frontier::default();
        all(&rows, hash)?.into_iter().for_each(|hash| tree.push(hash));
        (level, last) = (level + 8, last / WIDTH);
        let node = args![level, last, tree.root().0.as_slice()];
        tx.add(NODE, node, || format!("node {last} at level {level} of the log")).await?;
    }
    Ok(())
}

fn hash(row: &Row) -> Result<TreeHash> {
    let bytes: Vec<u8> = row.get("hash")?;
    let wrong = |_| StoreError::Corrupt { what: "hash of the log", detail: "it has not 32 bytes".into() };
    bytes.try_into().map(TreeHash).map_err(wrong)
}

pub(super) async fn hashes(link: Link<'_>, level: u8, from: i64, limit: u32) -> Result<Vec<TreeHash>> {
    const LEAVES: &str = "SELECT leaf_hash AS hash FROM audit_leaf WHERE leaf_index >= $1 AND leaf_index < $2 \
        ORDER BY leaf_index";
    const NODES: &str = "SELECT hash FROM log_node WHERE idx >= $1 AND idx < $2 AND level = $3 ORDER BY idx";
    let until = from.saturating_add(i64::from(limit));
    let rows = match level {
        0 => link.all(LEAVES, args![from, until]).await?,
        level => link.all(NODES, args![from, until, i64::from(level)]).await?,
    };
    all(&rows, hash)
}

pub(super) async fn texts(link: Link<'_>, from: i64, limit: u32) -> Result<Vec<TextRow>> {
    const TEXTS: &str = "SELECT leaf_index, field, salt, text FROM audit_text \
        WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index, field";
    let mut found: Vec<TextRow> = Vec::new();
    for row in link.all(TEXTS, args![from, from.saturating_add(i64::from(limit))]).await? {
        let leaf_index = row.get("leaf_index")?;
        let opening = Opening { field: row.parse("field")?, salt: row.parse("salt")?, text: row.get("text")? };
        match found.last_mut().filter(|last| last.leaf_index == leaf_index) {
            Some(last) => last.openings.push(opening),
            None => found.push(TextRow { leaf_index, openings: vec![opening] }),
        }
    }
    Ok(found)
}

pub(super) async fn removed(link: Link<'_>, leaf_index: i64) -> Result<Vec<RemovedRow>> {
    const REMOVED: &str = "SELECT field, by_leaf, at FROM redaction WHERE leaf_index = $1 ORDER BY by_leaf, field";
    all(&link.all(REMOVED, args![leaf_index]).await?, |row| {
        Ok(RemovedRow { field: row.parse("field")?, by_leaf: row.get("by_leaf")?, at: row.time("at")? })
    })
}

pub(super) async fn checkpoint(link: Link<'_>) -> Result<Option<CheckpointRow>> {
    const NEWEST: &str = "SELECT size, note, at FROM log_checkpoint ORDER BY size DESC LIMIT 1";
    let Some(row) = link.one(NEWEST, vec![]).await? else { return Ok(None) };
    Ok(Some(CheckpointRow { size: row.get("size")?, note: row.get("note")?, at: row.time("at")? }))
}

pub(super) async fn put_checkpoint(mut tx: Tx, dialect: &Dialect, row: &CheckpointRow, fence: &Fence) -> Result<()> {
    const PUT: &str = "INSERT INTO log_checkpoint (size, note, at) SELECT $1, $2, $3 \
        WHERE NOT EXISTS (SELECT 1 FROM log_checkpoint WHERE size = $1)";
    hold_fence(&mut tx, dialect, fence).await?;
    tx.run(PUT, args![row.size, &row.note, row.at]).await?;
    tx.commit().await
}
