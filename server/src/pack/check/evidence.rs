//! What was seen when decisions were made: whether it is what the entries name, and whether verdicts follow from it.

use super::super::open::Pack;
use super::super::*;
use super::walk::Walked;
use super::{Bad, Failed};
use crate::service::{Replay, replay};
use std::collections::BTreeSet;

/// Gives how many bodies there are, and how many verdicts were found again.
pub(super) fn check(
    pack: &Pack,
    manifest: &Manifest,
    walked: &Walked,
    notes: &mut Vec<String>,
) -> Result<(usize, usize), Failed> {
    let (mut bodies, mut replayed, mut others) = (0, 0, BTreeSet::new());
    let mut expected = BTreeSet::new();
    for (digest, named) in &walked.evidence {
        let (name, index) = (evidence(digest), named.index);
        let missing = manifest.evidence_missing.contains(digest);
        if pack.size(&name).is_none() {
            if !missing {
                return Err(Bad::entry(&name, index, format!("the evidence of entry {index} is missing")).into());
            }
            // What holds a text that was taken out goes as a whole.
            if !named.redacted {
                let text = format!("the evidence of entry {index} is gone, and nothing of the entry was redacted");
                return Err(Bad::entry(&name, index, text).into());
            }
            notes.push(format!("the evidence of entry {index} went with a text that was redacted"));
            continue;
        }
        let body = pack.whole(&name)?;
        if missing || Digest::of(&body) != *digest {
            return Err(Bad::entry(&name, index, format!("it is not the evidence that entry {index} names")).into());
        }
        match replay(&body) {
            Replay::Same => replayed += 1,
            Replay::Unjudged => {}
            Replay::Version(version) => {
                others.insert(version);
            }
            Replay::Another => {
                let text = format!("the verdict that entry {index} rests on does not follow from its inputs");
                return Err(Bad::entry(&name, index, text).into());
            }
        }
        bodies += 1;
        expected.insert(name);
    }
    for version in others {
        notes.push(format!("verdicts of judge `{version}` were not judged again: use the program of then"));
    }
    let stranger = pack.names().find(|name| name.starts_with("evidence/") && !expected.contains(*name));
    match stranger {
        Some(name) => Err(Bad::file(name, "no entry in this pack names this evidence").into()),
        None => Ok((bodies, replayed)),
    }
}
