//! What must be true before a release starts, and how far each release is with it.
//!
//! Whether an incomplete checklist may be overridden is decided where the release is started, not here.

use crate::id::{ChecklistName, Digest, ItemId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

mod check;
mod evidence;

pub use check::{ChecklistProblem, problems};
pub use evidence::{Evidence, EvidenceError};

/// Longest evidence or reason, in characters.
pub const MOST_CHARS: usize = 2_000;

/// The checklist as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    pub name: ChecklistName,
    /// What people call it, 1 to 120 characters.
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// 1 to 50 items, in the order in which they are shown.
    pub items: Vec<Item>,
}

/// One thing that must be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Stable within the checklist, even when the wording changes: `way-back`.
    pub id: ItemId,
    /// A statement that is true or not, 1 to 120 characters.
    pub title: String,
    /// How to find out, up to 2000 characters.
    #[serde(default)]
    pub detail: String,
    /// What to show for it, 1 to 200 characters: `flag key, time of the last flip test`.
    pub evidence: String,
    /// The role that answers for it, 1 to 60 characters: `release manager`.
    pub owner: String,
    /// Whether it may be set aside with a reason.
    #[serde(default)]
    pub may_not_apply: bool,
}

/// Where one item stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ItemState {
    #[default]
    Open,
    /// With a link (`https://…`) or text that proves it, as [`Evidence`] takes it.
    Done {
        evidence: String,
    },
    NotApplicable {
        reason: String,
    },
}

/// A checklist as it was when the release was created, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseChecklist {
    pub name: ChecklistName,
    pub version: i64,
    pub digest: Digest,
    pub items: Vec<ReleaseItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseItem {
    pub item: Item,
    pub state: ItemState,
    /// Who set it last, and when.
    pub by: Option<String>,
    pub at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    #[error("the checklist has no item `{0}`")]
    Unknown(String),
    #[error("evidence for `{title}`: {why}")]
    Evidence { title: String, why: EvidenceError },
    #[error("say why `{0}` does not apply, in 3 to 2000 characters")]
    Reason(String),
    #[error("`{0}` always applies; it cannot be set aside")]
    Applies(String),
}

impl ReleaseChecklist {
    /// The checklist with every item open.
    pub fn pin(checklist: &Checklist, version: i64, digest: Digest) -> Self {
        let open = |item: &Item| ReleaseItem { item: item.clone(), state: ItemState::Open, by: None, at: None };
        Self { name: checklist.name.clone(), version, digest, items: checklist.items.iter().map(open).collect() }
    }

    pub fn complete(&self) -> bool {
        self.open() == 0
    }

    /// How many items are still open.
    pub fn open(&self) -> usize {
        self.items.iter().filter(|item| item.state == ItemState::Open).count()
    }

    /// Whether an item may be set to this. Setting one back to open is always possible.
    pub fn check(&self, id: &str, to: &ItemState) -> Result<(), ItemError> {
        let found = self.items.iter().find(|item| item.item.id.as_str() == id);
        let item = &found.ok_or_else(|| ItemError::Unknown(id.to_owned()))?.item;
        match to {
            ItemState::Open => Ok(()),
            ItemState::Done { evidence } => match evidence.parse::<Evidence>() {
                Ok(_) => Ok(()),
                Err(why) => Err(ItemError::Evidence { title: item.title.clone(), why }),
            },
            ItemState::NotApplicable { .. } if !item.may_not_apply => Err(ItemError::Applies(item.title.clone())),
            ItemState::NotApplicable { reason } => match (3..=MOST_CHARS).contains(&reason.trim().chars().count()) {
                true => Ok(()),
                false => Err(ItemError::Reason(item.title.clone())),
            },
        }
    }

    /// Sets an item that [`check`](Self::check) allowed; an unknown one is left alone.
    pub fn set(&mut self, id: &str, to: ItemState, by: &str, at: Timestamp) {
        if let Some(item) = self.items.iter_mut().find(|item| item.item.id.as_str() == id) {
            item.state = to;
            item.by = Some(by.to_owned());
            item.at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned() -> ReleaseChecklist {
        let checklist: Checklist = serde_json::from_value(serde_json::json!({
            "name": "pre-release", "title": "Before a release",
            "items": [
                {"id": "flag", "title": "Behind a flag", "evidence": "flag key", "owner": "release manager"},
                {"id": "backfill", "title": "Backfill planned", "evidence": "queries", "owner": "data owner", "may_not_apply": true},
            ],
        }))
        .expect("the checklist of the test is well-formed");
        ReleaseChecklist::pin(&checklist, 1, Digest::of(b""))
    }

    fn done(evidence: &str) -> ItemState {
        ItemState::Done { evidence: evidence.to_owned() }
    }

    fn aside(reason: &str) -> ItemState {
        ItemState::NotApplicable { reason: reason.to_owned() }
    }

    #[test]
    fn a_checklist_is_complete_once_every_item_is_settled() {
        let mut checklist = pinned();
        for (item, to, open) in [
            ("flag", done("new-pricing"), 1),
            ("backfill", aside("no stored data changes"), 0),
            ("flag", ItemState::Open, 1),
        ] {
            checklist.check(item, &to).expect("is allowed");
            checklist.set(item, to, "Maya Ortiz", Timestamp::from_secs(1));
            assert_eq!((checklist.open(), checklist.complete()), (open, open == 0));
        }
        assert_eq!(checklist.items[0].by.as_deref(), Some("Maya Ortiz"));
    }

    #[test]
    fn an_item_is_set_aside_only_with_a_reason_and_where_that_is_allowed() {
        let checklist = pinned();
        assert!(matches!(checklist.check("flag", &aside("not this time")), Err(ItemError::Applies(_))));
        for reason in ["", "  a  ", &"a".repeat(2_001)] {
            assert!(matches!(checklist.check("backfill", &aside(reason)), Err(ItemError::Reason(_))), "{reason:?}");
        }
        assert!(matches!(checklist.check("unheard-of", &done("it")), Err(ItemError::Unknown(_))));
    }

    #[test]
    fn done_needs_evidence_that_can_be_shown_safely() {
        let checklist = pinned();
        for wrong in ["", "  ", "javascript:alert(1)", &"a".repeat(2_001)] {
            assert!(matches!(checklist.check("flag", &done(wrong)), Err(ItemError::Evidence { .. })), "{wrong:?}");
        }
        assert_eq!(checklist.check("flag", &done("https://flags.example/new-pricing")), Ok(()));
    }
}
