//! From the size that was seen last to the present one, entry by entry, from stored bytes.

use crate::store::rows::LeafRow;
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use sternway_domain::audit::merkle::{Frontier, Node, TreeHash, leaf_hash};

/// How many entries are read at once.
const STEP: u32 = 512;

/// Why the log is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It is not the one that was signed: a person may say that this is how it goes on.
    #[error("{0}")]
    Past(String),
    /// It does not agree with itself: nothing makes it good again but what was there before.
    #[error("{0}")]
    Inside(String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A root the tree must have at its size, and where that is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Milestone {
    pub(super) root: TreeHash,
    pub(super) from: &'static str,
}

/// Puts entries to the tree until it has so many. What is known of it on the way must be true.
pub(super) async fn climb(
    store: &dyn Store,
    tree: &mut Frontier,
    until: u64,
    milestones: &BTreeMap<u64, Milestone>,
) -> Result<(), Stopped> {
    pass(tree, milestones)?;
    while tree.size() < until {
        let from = tree.size();
        let rows = store.leaves(from as i64, STEP.min((until - from).min(u64::from(STEP)) as u32)).await?;
        if rows.is_empty() {
            return Err(Broken::Inside(format!("entry {from} of the log is missing")).into());
        }
        let mut nodes = Vec::new();
        for row in &rows {
            step(tree, row, &mut nodes)?;
            pass(tree, milestones)?;
        }
        for (node, hash) in nodes {
            let stored = store.hashes(node.level, node.index as i64, 1).await?;
            if stored != [hash] {
                let Node { level, index } = node;
                let text = format!("hash {index} at level {level} of the log is not the one its entries lead to");
                return Err(Broken::Inside(text).into());
            }
        }
    }
    Ok(())
}

fn step(tree: &mut Frontier, row: &LeafRow, nodes: &mut Vec<(Node, TreeHash)>) -> Result<(), Broken> {
    let index = tree.size();
    if row.index as u64 != index {
        return Err(Broken::Inside(format!("entry {index} of the log is missing")));
    }
    let hash = leaf_hash(&row.entry);
    if row.leaf_hash != hash.0 {
        return Err(Broken::Inside(format!("entry {index} of the log is not the one whose hash stands beside it")));
    }
    tree.push_seen(hash, |node, hash| {
        if node.level > 0 && node.level % 8 == 0 {
            nodes.push((node, hash));
        }
    });
    Ok(())
}

fn pass(tree: &Frontier, milestones: &BTreeMap<u64, Milestone>) -> Result<(), Broken> {
    match milestones.get(&tree.size()) {
        Some(milestone) if milestone.root != tree.root() => Err(Broken::Past(format!(
            "the first {} entries of the log are not those that were signed ({})",
            tree.size(),
            milestone.from
        ))),
        _ => Ok(()),
    }
}
