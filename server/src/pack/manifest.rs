//! `manifest.json`: what was asked, what is there, and the digest of every file. Written last, when all is known.

use serde::{Deserialize, Serialize};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::pack::Asked;
use sternway_domain::id::{DecisionId, Digest};

/// Of this shape of pack.
pub const FORMAT: &str = "sternway-evidence-pack/1";

/// Nothing in it is signed; everything in it is compared with what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    pub about: About,
    /// Digests that entries name and that the server had no body for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence_missing: Vec<Digest>,
    /// All but this one, in the order in which they were written.
    pub files: Vec<FileView>,
}

/// What is known before the first entry is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub asked: Asked,
    /// RFC 3339, by the server's clock.
    pub made_at: String,
    /// The version of the program.
    pub program: String,
    /// Of the report's shape: the same entries give the same bytes.
    pub report_version: u32,
    /// The entry of the log that says who asked for this pack.
    pub export: DecisionId,
    pub log: LogView,
    pub stretch: StretchView,
    /// How many decisions were asked for and are here.
    pub decisions: u64,
    /// How many more there were that no checkpoint reached yet.
    pub unsigned: u64,
}

impl About {
    pub(crate) fn new(
        asked: Asked,
        (made_at, export): (String, DecisionId),
        head: &Checkpoint,
        (from, to): (u64, u64),
        (decisions, unsigned): (u64, u64),
    ) -> Self {
        let Checkpoint { origin, size, root, .. } = head;
        Self {
            asked,
            made_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            report_version: super::report::VERSION,
            export,
            log: LogView { origin: origin.clone(), size: *size, root: *root },
            stretch: StretchView { from, to },
            decisions,
            unsigned,
        }
    }
}

/// The head under which everything here is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogView {
    pub origin: String,
    pub size: u64,
    pub root: TreeHash,
}

/// The entries from `from` to before `to` are here without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StretchView {
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileView {
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
}

/// `stretch.json`: everything of the tree before and after the entries, as complete subtrees from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stretch {
    pub from: u64,
    pub to: u64,
    pub size: u64,
    pub before: Vec<TreeHash>,
    pub after: Vec<TreeHash>,
}
