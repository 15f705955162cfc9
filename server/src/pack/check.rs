//! The check of a pack, without network and without believing anything in it but what was signed.
//!
//! Read twice: once to see that every file is the one the manifest names, once to see that what the files say follows from
//! the sealed entries, and these from the signed head. Of the log, one line is held at a time.

mod evidence;
mod files;
mod pins;
mod proofs;
mod walk;

use super::manifest::{About, Stretch};
use super::open::Pack;
use super::*;
use std::fs::File;
use sternway_domain::audit::checkpoint::{Trust, Trusted};
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::audit::pack::Asked;

/// The first thing that is wrong with a pack, in which file, and with which entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{text}", .file.as_ref().map(|file| format!("`{file}`: ")).unwrap_or_default())]
pub struct Bad {
    pub file: Option<String>,
    pub entry: Option<u64>,
    pub text: String,
}

impl Bad {
    pub(super) fn file(name: &str, text: impl Into<String>) -> Self {
        Self { file: Some(name.to_owned()), entry: None, text: text.into() }
    }

    pub(super) fn entry(name: &str, index: u64, text: impl Into<String>) -> Self {
        Self { entry: Some(index), ..Self::file(name, text) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Bad(#[from] Bad),
    /// It may be good: nobody knows.
    #[error("{0}")]
    Unread(String),
}

/// What is known from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The log's keys; `None`: what the pack says, on trust.
    pub keys: Option<Vec<VerifierKey>>,
    /// Checkpoints that were kept, and where.
    pub pins: Vec<(String, Vec<u8>)>,
}

/// A pack in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct Checked {
    pub about: About,
    pub key: VerifierKey,
    /// Of those that were asked for.
    pub decisions: u64,
    /// All of the stretch.
    pub entries: u64,
    /// Texts that are gone, each with an entry that says so.
    pub redacted: usize,
    /// Bodies of evidence that have their digest.
    pub evidence: usize,
    /// Of them: verdicts that were found again, to the last bit.
    pub replayed: usize,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
}

/// Takes a pack apart. `progress` hears how many entries were read.
pub fn check(file: File, known: &Known, progress: impl FnMut(u64, u64)) -> Result<Checked, Failed> {
    let pack = Pack::open(file)?;
    let manifest = files::check(&pack)?;
    let about = manifest.about.clone();
    // What people read must be what the entries make: a report that cannot be made again is not believed.
    if about.report_version != report::VERSION {
        return Err(Failed::Unread(format!(
            "its report is of version {}, this program makes version {}: check it with sternway {}",
            about.report_version,
            report::VERSION,
            about.program
        )));
    }
    let head = Head::read(&pack, &about, known)?;
    let stretch: Stretch = files::json(&pack, STRETCH)?;
    let mut pins = pins::Pins::read(&pack, &head, known)?;
    let walked = walk::walk(&pack, &about, &stretch, &head, &mut pins, progress)?;
    proofs::check(&pack, &walked, &head)?;
    let mut notes = walked.notes.clone();
    let (evidence, replayed) = evidence::check(&pack, &manifest, &walked, &mut notes)?;
    pins.settled()?;
    if walked.decisions != about.decisions {
        let text = format!("it says {} decisions, {} are here", about.decisions, walked.decisions);
        return Err(Bad::file(MANIFEST, text).into());
    }
    if !same(&pack, REPORT, &walked.report) {
        return Err(Bad::file(REPORT, "it is not the report that these entries make").into());
    }
    if pack.whole(README)? != readme::text(&about).as_bytes() {
        return Err(Bad::file(README, "it is not the text that belongs to this pack").into());
    }
    if about.unsigned > 0 {
        notes.push(format!("{} newer decisions were not signed yet when the pack was made", about.unsigned));
    }
    Ok(Checked {
        key: head.key,
        decisions: walked.decisions,
        entries: about.stretch.to - about.stretch.from,
        redacted: walked.redacted,
        evidence,
        replayed,
        notes,
        about,
    })
}

/// Byte by byte; a file that cannot be read is none.
fn same(pack: &Pack, name: &str, expected: &[u8]) -> bool {
    pack.size(name) == Some(expected.len() as u64) && pack.whole(name).is_ok_and(|found| found == expected)
}

/// The signed head, and whom it is believed.
struct Head {
    trust: Trust,
    trusted: Trusted,
    key: VerifierKey,
    note: String,
}

impl Head {
    fn read(pack: &Pack, about: &About, known: &Known) -> Result<Self, Failed> {
        let text = |name: &str| -> Result<String, Failed> {
            let bytes = pack.whole(name)?;
            Ok(String::from_utf8(bytes).map_err(|_| Bad::file(name, "it is not text"))?)
        };
        let said = text(KEY)?;
        let said = said.parse::<KeyList>().map_err(|error| Bad::file(KEY, error.to_string()))?;
        let trust = known.keys.as_ref().map_or_else(|| said.trust(), |known| said.trust_from(known));
        let key = said.newest().key.clone();
        let note = text(CHECKPOINT)?;
        let believed = || trust.keys.iter().map(|known| known.key.to_string()).collect::<Vec<_>>().join(" or ");
        let trusted = trust
            .open(note.as_bytes())
            .map_err(|error| Bad::file(CHECKPOINT, format!("with the key {}: {error}", believed())))?;
        if !trust.keys.iter().any(|known| known.key == key) {
            return Err(Bad::file(KEY, format!("it is {key}, the log's key is {}", believed())).into());
        }
        let (head, log) = (&trusted.checkpoint, &about.log);
        if (head.origin.as_str(), head.size, head.root) != (log.origin.as_str(), log.size, log.root) {
            return Err(Bad::file(MANIFEST, "its `log` is not the one of the checkpoint").into());
        }
        Ok(Self { trust, trusted, key, note })
    }

    fn size(&self) -> u64 {
        self.trusted.checkpoint.size
    }
}
