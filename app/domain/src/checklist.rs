//! What must be true before a release starts, and how far each release is with it.

use crate::actor::Role;
use crate::id::{ChecklistName, Digest};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The checklist as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    pub name: ChecklistName,
    #[serde(default)]
    pub title: String,
    pub items: Vec<Item>,
}

/// One thing that must be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Stable within the checklist: `way-back`.
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub detail: String,
    /// What would prove it.
    #[serde(default)]
    pub evidence: String,
    /// The role that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Role>,
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
    /// With a link (`https://…`) or text that proves it.
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

/// Longest evidence or reason, in characters.
const MOST_CHARS: usize = 2_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    #[error("the checklist has no item `{0}`")]
    Unknown(String),
    #[error("name the evidence for `{0}`: a link or a sentence of 3 to 2000 characters")]
    Evidence(String),
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

    /// Whether an item may be set to this.
    pub fn check(&self, id: &str, to: &ItemState) -> Result<(), ItemError> {
        let found = self.items.iter().find(|item| item.item.id == id);
        let item = &found.ok_or_else(|| ItemError::Unknown(id.to_owned()))?.item;
        let fits = |text: &str| (3..=MOST_CHARS).contains(&text.trim().chars().count());
        match to {
            ItemState::Open => Ok(()),
            ItemState::Done { evidence } if fits(evidence) => Ok(()),
            ItemState::Done { .. } => Err(ItemError::Evidence(item.title.clone())),
            ItemState::NotApplicable { .. } if !item.may_not_apply => Err(ItemError::Applies(item.title.clone())),
            ItemState::NotApplicable { reason } if fits(reason) => Ok(()),
            ItemState::NotApplicable { .. } => Err(ItemError::Reason(item.title.clone())),
        }
    }

    /// Sets an item that [`check`](Self::check) allowed; an unknown one is left alone.
    pub fn set(&mut self, id: &str, to: ItemState, by: &str, at: Timestamp) {
        if let Some(item) = self.items.iter_mut().find(|item| item.item.id == id) {
            item.state = to;
            item.by = Some(by.to_owned());
            item.at = Some(at);
        }
    }
}
