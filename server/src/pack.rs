//! Evidence packs: a stretch of the decision log in one zip, for people and for programs, checked without network.
//!
//! [`write`] makes one from the store, in pages, [`check`] takes one apart. Both make `decisions.jsonl`, `decisions.csv`
//! and `report.pdf` from the sealed entries and the texts beside them by the same functions: what is shown is compared
//! with what was sealed, byte for byte. What belongs into a pack is `sternway_domain::audit::pack`.
//!
//! Deliberately absent: who may have one, which is the service's.

mod channel;
pub mod check;
mod consistency;
mod item;
mod manifest;
mod open;
mod readme;
mod report;
mod sheet;
mod write;
mod zip;

pub(crate) use channel::{Channel, Piece};
pub use check::{Bad, Checked, Failed, Known, check};
pub use item::{Decision, Item};
pub use manifest::{About, FORMAT, Manifest, StretchView};
pub(crate) use readme::asked as asked_words;
pub(crate) use write::{Fault, Job};

use sternway_domain::audit::tile::FULL;
use sternway_domain::id::{DecisionId, Digest};

const MANIFEST: &str = "manifest.json";
const CHECKPOINT: &str = "checkpoint";
const KEY: &str = "log.vkey";
const STRETCH: &str = "stretch.json";
const CONSISTENCY: &str = "consistency.json";
const LATER: &str = "entries/later.jsonl";
const DECISIONS: &str = "decisions.jsonl";
const SHEET: &str = "decisions.csv";
const REPORT: &str = "report.pdf";
const README: &str = "README.txt";

/// So many entries stand in one file.
const PER_FILE: u64 = FULL as u64;

/// With more decisions than these there is no proof for each by itself: the stretch proves all of them at once.
const MOST_PROOFS: u64 = 2_000;

/// The report shows so many decisions in detail.
const MOST_DETAILS: u64 = 500;

/// The file of entries that begins with this one. Names sort like the log.
fn entries(first: u64) -> String {
    format!("entries/{first:012}.jsonl")
}

fn proof(id: DecisionId) -> String {
    format!("proofs/{id}.tlog-proof")
}

fn evidence(digest: &Digest) -> String {
    let hex = digest.as_str().split_once(':').map_or(digest.as_str(), |(_, hex)| hex);
    format!("evidence/{hex}.json")
}
