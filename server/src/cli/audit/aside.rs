//! What stands beside an entry: texts, and the decision as pages and lists show it. All of it follows from the entry.

use super::feed::Beside;
use crate::store::rows::DecisionRow;
use crate::store::scan::Stored;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::record::{Leaf, Record};
use sternway_domain::audit::{Entry, REDACTED};

/// What was found there.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Texts that are not there, which a later entry must explain.
    pub(super) gone: Vec<Field>,
    /// The first thing that is not as it was written down.
    pub(super) wrong: Option<String>,
}

impl Found {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.wrong.is_none()
    }

    /// The same of what is stored as it would be written, which is what is there unless somebody changed something or an
    /// earlier Sternway wrote it in another way. `None`: then it must be read.
    pub(super) fn at_once(record: &Record, stored: &Stored<'_>) -> Option<Self> {
        let shown = stored.shown.as_ref().filter(|shown| shown.id == stored.decision)?;
        let gone = record.shown_by(shown, stored.texts, REDACTED)?;
        Some(Self { gone, wrong: None })
    }

    /// Of an entry that cannot be read nothing can be said.
    pub(super) fn of(index: u64, leaf: Option<&Leaf>, beside: &Beside) -> Self {
        let Some(Leaf::Sealed(record)) = leaf else { return Self::default() };
        let there = |field: &Field| beside.openings.iter().any(|opening| opening.field == *field);
        let fields = record.commitments().into_iter().map(|(field, _)| field);
        let gone = fields.filter(|field| !there(field)).collect();
        let wrong = match record.open(&beside.openings, REDACTED) {
            Ok(entry) => shown(index, record, &entry, beside.decision.as_ref()),
            Err(error) => Some(format!("entry {index}: {error}")),
        };
        Self { gone, wrong }
    }
}

/// What the decision shows is what was written down.
fn shown(index: u64, record: &Record, entry: &Entry, shown: Option<&DecisionRow>) -> Option<String> {
    let Some(row) = shown else {
        return Some(format!("the entry of decision `{}` has no decision that goes with it", record.id));
    };
    let told = DecisionRow::of(entry, row.leaf_index);
    let wrong = if row.id != told.id {
        "id"
    } else if row.at != told.at {
        "time"
    } else if row.action != told.action {
        "act"
    } else if row.outcome != told.outcome {
        "outcome"
    } else if row.evidence != told.evidence {
        "evidence"
    } else if row.reason != plain(&told.reason) {
        "reason"
    } else if row.actor_key != told.actor_key || row.actor_label != plain(&told.actor_label) {
        "actor"
    } else if row.release != told.release || row.service != told.service {
        "target"
    } else {
        return None;
    };
    Some(format!("decision `{}` shows another {wrong} than its entry {index} has", record.id))
}

/// As a database keeps a text.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
