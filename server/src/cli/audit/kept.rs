//! Tables beside the log that say what entries say: which texts were taken out, what is held, and which documents were
//! applied. Each row has its entry, and each entry its row.

use super::feed::{Feed, Unread, unread};
use crate::store::Store;
use crate::store::rows::HoldRow;
use std::collections::{BTreeMap, BTreeSet};
use sternway_domain::access::Action;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::hold;
use sternway_domain::audit::record::{Finding, Record, Redactions};
use sternway_domain::audit::{Entry, REDACTED, Target};
use sternway_domain::id::DecisionId;

mod documents;

/// Rows that are read at once.
const PAGE: u32 = 200;

/// What is wrong, and the entry it is about.
type Wrong = Option<(Option<u64>, String)>;

/// Whether an entry places or releases a legal hold.
pub(super) fn concerns(record: &Record) -> bool {
    record.action.as_str() == Action::LegalHold.as_str() && record.outcome == Finding::Accepted {}
}

/// The first thing that is not so in a log of so many entries; what came since is left to the next look.
pub(super) async fn check(
    feed: &Feed,
    size: u64,
    redactions: &Redactions,
    holding: BTreeMap<DecisionId, u64>,
) -> Result<Wrong, Unread> {
    let Some(store) = feed.store() else { return Ok(None) };
    if let Some(wrong) = removed(store, size, redactions).await? {
        return Ok(Some(wrong));
    }
    match holds(store, size, holding).await? {
        Some(wrong) => Ok(Some(wrong)),
        None => documents::check(store, size).await,
    }
}

async fn removed(store: &dyn Store, size: u64, redactions: &Redactions) -> Result<Wrong, Unread> {
    let mut there: BTreeSet<(u64, Field)> = BTreeSet::new();
    let mut after = -1;
    loop {
        let rows = store.redactions(after, PAGE).await.map_err(unread)?;
        let Some(last) = rows.last().map(|row| row.by_leaf) else { break };
        for row in rows.iter().filter(|row| (row.by_leaf as u64) < size) {
            let (index, by) = (row.leaf_index as u64, row.by_leaf as u64);
            for field in &row.fields {
                if redactions.by(index, *field) != Some(by) {
                    let text = format!(
                        "a row of `redaction` says that entry {by} took the text of `{field}` of entry {index} out, and that \
                         entry does not say so"
                    );
                    return Ok(Some((Some(index), text)));
                }
                there.insert((index, *field));
            }
        }
        after = last;
    }
    let gone = redactions.removed().find(|(index, field, by)| *by < size && !there.contains(&(*index, *field)));
    Ok(gone.map(|(index, field, by)| {
        let text = format!(
            "entry {by} took the text of `{field}` of entry {index} out, and the row of `redaction` that said so is gone"
        );
        (Some(by), text)
    }))
}

async fn holds(store: &dyn Store, size: u64, mut holding: BTreeMap<DecisionId, u64>) -> Result<Wrong, Unread> {
    for row in store.holds().await.map_err(unread)? {
        let placed = (row.placed_by, row.placed_at, "placed", row.scope.placed());
        let released = row.released.map(|(at, by)| (by, at, "released", row.scope.released()));
        for (by, at, how, effect) in std::iter::once(placed).chain(released) {
            let decision = store.decision(by).await.map_err(unread)?;
            if decision.as_ref().is_some_and(|decision| decision.leaf_index as u64 >= size) {
                continue;
            }
            let (Some(decision), Some(index)) = (decision, holding.remove(&by)) else {
                let text = format!("legal hold `{}` was {how} by decision `{by}`, of which no entry says so", row.id);
                return Ok(Some((None, text)));
            };
            let entry = store.entries(&[decision.leaf_index]).await.map_err(unread)?.remove(&decision.leaf_index);
            if decision.at != at || !entry.is_some_and(|entry| says(&entry, &row, &effect)) {
                let text = format!("legal hold `{}` is another one than entry {index} {how}", row.id);
                return Ok(Some((Some(index), text)));
            }
        }
    }
    let gone = holding.into_values().min();
    Ok(gone.map(|index| (Some(index), format!("entry {index} is about a legal hold of which no row says so"))))
}

/// Whether the act is about this hold and what it covers, as far as its texts are there. They are those of its entry.
fn says(entry: &Entry, row: &HoldRow, effect: &str) -> bool {
    let is = |found: Option<&String>, expected: &str| found.is_some_and(|text| text == expected || text == REDACTED);
    let Target::Configuration { names } = &entry.target else { return false };
    is(names.first(), &hold::named(row.id)) && is(entry.effects.first(), effect)
}
