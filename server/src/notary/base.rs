//! What the tree has to pass through: the checkpoint kept outside, and the newest one in the database if it is one of the
//! log's.

use super::climb::{Broken, Milestone};
use super::sign::Fault;
use super::{Notary, pin};
use crate::store::rows::CheckpointRow;
use std::collections::BTreeMap;
use sternway_domain::audit::checkpoint::{Checkpoint, LogKey, Trust, TrustError};
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::Frontier;
use sternway_domain::audit::note::{NoteError, VerifierKey};

/// What this row says, if the log's key signed it. `None`: with a key of which nothing is known any more.
pub(crate) fn believed(
    row: &CheckpointRow,
    list: Option<&KeyList>,
    at_hand: Vec<VerifierKey>,
) -> Result<Option<Checkpoint>, String> {
    let size = row.size as u64;
    let wrong = |error: &dyn std::fmt::Display| {
        format!(
            "the newest checkpoint in the database, of {size} entries, is none of the log ({error}): somebody wrote it there; \
             look with `sternway audit verify`, keep a copy of it as evidence, and let the owner of the schema take it out, as \
             \"What somebody put into the log\" in Sternway's README says"
        )
    };
    let trust = match list {
        Some(list) => list.trust(),
        None => {
            let Some(origin) = at_hand.first().map(|key| key.name().to_owned()) else { return Ok(None) };
            let keys = at_hand.into_iter().map(LogKey::always).collect();
            Trust { origin, keys, witnesses: Vec::new(), quorum: 0 }
        }
    };
    let listed_from = list.and_then(|list| list.terms().first()).map(|term| term.from);
    match trust.open(row.note.as_bytes()) {
        Ok(trusted) if trusted.checkpoint.size == size => Ok(Some(trusted.checkpoint)),
        Ok(trusted) => Err(wrong(&format!("it is one of {}", trusted.checkpoint.size))),
        // From before keys were written down.
        Err(TrustError::Note(NoteError::Unknown(_))) if listed_from.is_none_or(|from| size < from) => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

pub(super) fn milestones(
    notary: &Notary,
    tree: &Frontier,
    newest: Option<Checkpoint>,
) -> Result<BTreeMap<u64, Milestone>, Fault> {
    let mut all = BTreeMap::new();
    if let Some(head) = newest {
        all.insert(head.size, Milestone { root: head.root, from: "the newest checkpoint" });
    }
    if let Some(head) = notary.0.pin.as_deref().map(pin::read).transpose()?.flatten() {
        let kept = Milestone { root: head.root, from: "the checkpoint kept outside the database" };
        match all.get(&head.size) {
            Some(other) if other.root != kept.root => {
                let text = format!("of {} entries two different checkpoints were signed", head.size);
                return Err(Broken::Past(text).into());
            }
            _ => all.insert(head.size, kept),
        };
    }
    // Below the tree's own size nothing is passed any more.
    if let Some((size, milestone)) = all.range(tree.size()..).next()
        && *size == tree.size()
        && milestone.root != tree.root()
    {
        return Err(Broken::Past(format!("of {size} entries another root was signed ({})", milestone.from)).into());
    }
    Ok(all)
}
