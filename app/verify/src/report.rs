//! What was checked, step by step, and what came out.

use serde::Serialize;
use sternway_domain::audit::checkpoint::Trusted;
use sternway_domain::audit::keys::KeyList;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Found {
    /// It holds.
    Good,
    /// It does not: somebody changed something.
    Bad,
    /// Nothing wrong, and something to know.
    Note,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// Which one, for programs: `record`, `path`, `signature` …
    pub(crate) name: &'static str,
    pub(crate) found: Found,
    pub(crate) title: String,
    /// Hashes, keys, sizes; or what is wrong, in words.
    pub(crate) values: Vec<String>,
}

/// The head of the log that the rest leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Head {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) keys: Vec<String>,
    /// As it was signed, to be kept.
    pub(crate) note: String,
}

impl Head {
    pub(crate) fn of(trusted: &Trusted) -> Self {
        let checkpoint = &trusted.checkpoint;
        Self {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            keys: crate::signed_by(trusted),
            note: trusted.note.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    /// `None` when no head deserves trust.
    pub(crate) head: Option<Head>,
}

impl Report {
    pub(crate) fn good(&mut self, name: &'static str, title: impl Into<String>, values: Vec<String>) {
        self.steps.push(Step { name, found: Found::Good, title: title.into(), values });
    }

    pub(crate) fn bad(&mut self, name: &'static str, title: impl Into<String>, values: Vec<String>) {
        self.steps.push(Step { name, found: Found::Bad, title: title.into(), values });
    }

    pub(crate) fn note(&mut self, name: &'static str, title: impl Into<String>, values: Vec<String>) {
        self.steps.push(Step { name, found: Found::Note, title: title.into(), values });
    }

    /// Where a key was lost: nothing but the word of whoever ran this Sternway then leads across.
    pub(crate) fn breaks(&mut self, list: &KeyList) {
        for term in list.breaks() {
            let title = format!("The key was lost at {} entries: nothing vouches for the next one", term.from);
            self.note("key", title, vec![term.key.to_string()]);
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report is made of texts and numbers")
    }
}
