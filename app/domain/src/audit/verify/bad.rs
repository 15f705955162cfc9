//! What is wrong with a log, in words.

use super::super::merkle::TreeHash;
use super::super::record::DecodeError;

/// The first thing that is wrong. Entries are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("{}", order(*.expected, *.found))]
    Index { expected: u64, found: u64 },
    #[error("entry {index} was changed: the log signed another one in its place, in the checkpoint of {size} entries")]
    Changed { index: u64, size: u64 },
    #[error(
        "{}was changed, removed or put in: the checkpoint of {size} entries has the root {root}, the entries lead to {found}{}",
        between(*.after, *.size),
        suspects(*.suspect)
    )]
    Between { after: u64, size: u64, suspect: Option<u64>, found: TreeHash, root: TreeHash },
    #[error(
        "the hash kept for entry {index} (a tile, or the column beside it) was changed; the entry itself is the one that was signed"
    )]
    Memory { index: u64 },
    #[error(
        "entry {index} or the hash kept for it was changed; no checkpoint reaches that far, so it cannot be said which"
    )]
    Unsigned { index: u64 },
    #[error("entry {index} cannot be read: {why}")]
    Malformed { index: u64, why: DecodeError },
    #[error("entry {index} points back to entry {to}, which was not written before it")]
    PointsForward { index: u64, to: u64 },
    #[error("the log ends after {entries} entries, and a checkpoint says that it had {head}: {} are missing at the end", head - entries)]
    Short { entries: u64, head: u64 },
    #[error("two checkpoints of {size} entries have different roots, {one} and {other}: two histories were signed")]
    Heads { size: u64, one: TreeHash, other: TreeHash },
    #[error("the checkpoints are of two logs, `{one}` and `{other}`")]
    Origins { one: String, other: String },
}

fn order(expected: u64, found: u64) -> String {
    if found > expected {
        format!("entry {expected} is missing: entry {found} follows in its place")
    } else {
        format!("entry {found} stands in the place of entry {expected}: it is there twice, or out of order")
    }
}

fn between(after: u64, size: u64) -> String {
    match size - after {
        1 => format!("entry {after} "),
        _ => format!("at least one of the entries {after} to {} ", size - 1),
    }
}

fn suspects(suspect: Option<u64>) -> String {
    suspect.map(|index| format!("; look at entry {index} first")).unwrap_or_default()
}

impl Bad {
    /// The first bad entry, if it can be told.
    pub fn index(&self) -> Option<u64> {
        match self {
            Bad::Index { expected, .. } => Some(*expected),
            Bad::Changed { index, .. }
            | Bad::Memory { index }
            | Bad::Unsigned { index }
            | Bad::Malformed { index, .. }
            | Bad::PointsForward { index, .. } => Some(*index),
            Bad::Between { after, size, suspect, .. } => suspect.or((size - after == 1).then_some(*after)),
            Bad::Short { entries, .. } => Some(*entries),
            Bad::Heads { .. } | Bad::Origins { .. } => None,
        }
    }
}
