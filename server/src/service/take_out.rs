//! From a decision to what taking texts out of it would write.

use super::{Result, Service};
use crate::store::StoreError;
use crate::store::rows::{DecisionRow, RedactionWrite};
use sternway_domain::audit::REDACTED;
use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::audit::record::{Leaf, Record};
use sternway_domain::time::Timestamp;

/// A sealed entry and the texts that are still beside it.
pub(super) struct Beside {
    pub(super) record: Record,
    pub(super) openings: Vec<Opening>,
}

pub(super) fn corrupt(detail: String) -> StoreError {
    StoreError::Corrupt { what: "entry of the log", detail }
}

impl Service {
    /// `None`: the entry was written in clear; nothing of it can be taken out.
    pub(super) async fn beside(&self, row: &DecisionRow) -> Result<Option<Beside>> {
        let leaf =
            self.store.leaves(row.leaf_index, 1).await?.into_iter().next().filter(|leaf| leaf.decision == row.id);
        let leaf = leaf.ok_or_else(|| corrupt(format!("entry {} is missing", row.leaf_index)))?;
        let record = match Leaf::decode(&leaf.entry).map_err(|error| corrupt(error.to_string()))? {
            Leaf::Sealed(record) => *record,
            Leaf::Clear(_) => return Ok(None),
        };
        let beside = self.store.texts(row.leaf_index, 1).await?.into_iter().next();
        Ok(Some(Beside { record, openings: beside.map(|beside| beside.openings).unwrap_or_default() }))
    }
}

impl Beside {
    /// What is written when these texts go, and the texts themselves; `None`: none of them is there.
    pub(super) fn without(
        &self,
        row: &DecisionRow,
        wanted: impl Fn(Field) -> bool,
        at: Timestamp,
    ) -> Result<Option<(RedactionWrite, Vec<Opening>)>> {
        let (gone, left): (Vec<Opening>, Vec<Opening>) =
            self.openings.iter().cloned().partition(|opening| wanted(opening.field));
        if gone.is_empty() {
            return Ok(None);
        }
        let entry = self.record.open(&left, REDACTED).map_err(|error| corrupt(error.to_string()))?;
        let mut fields: Vec<Field> = gone.iter().map(|opening| opening.field).collect();
        fields.sort();
        // Events name who acted as people are shown: a token with its owner.
        let named = fields.iter().any(|field| matches!(field, Field::ActorName | Field::OwnerName));
        let label = named.then(|| row.actor_label.clone());
        // Addresses stand beside the entry and in the decision's own row, and nowhere else.
        let elsewhere = gone.iter().filter(|opening| !matches!(opening.field, Field::Ip | Field::UserAgent));
        let texts = label.into_iter().chain(elsewhere.map(|opening| opening.text.clone())).collect();
        let write = RedactionWrite {
            decision: row.id,
            leaf_index: row.leaf_index,
            fields,
            texts,
            instead: REDACTED.to_owned(),
            actor_label: entry.actor.label(),
            reason: entry.reason.clone(),
            at,
            despite_hold: false,
            kept_from: None,
        };
        Ok(Some((write, gone)))
    }
}
