//! The proof of each decision by itself: a file that other programs read, too.

use super::super::open::Pack;
use super::super::*;
use super::walk::Walked;
use super::{Bad, Failed, Head};
use std::collections::BTreeSet;
use sternway_domain::audit::merkle::check_inclusion;
use sternway_domain::audit::proof::Proof;

pub(super) fn check(pack: &Pack, walked: &Walked, head: &Head) -> Result<(), Failed> {
    let mut expected = BTreeSet::new();
    for (index, id, hash) in &walked.proven {
        let name = proof(*id);
        let proof = read(pack, &name, head)?;
        let wrong = |text: String| Bad::entry(&name, *index, text);
        if proof.index != *index {
            return Err(wrong(format!("it is the proof of entry {}, not of entry {index}", proof.index)).into());
        }
        let root = head.trusted.checkpoint.root;
        check_inclusion(*index, head.size(), *hash, &proof.hashes, root).map_err(|error| wrong(error.to_string()))?;
        expected.insert(name);
    }
    let stranger = pack.names().find(|name| name.starts_with("proofs/") && !expected.contains(*name));
    stranger.map_or(Ok(()), |name| Err(Bad::file(name, "no decision in this pack has this proof").into()))
}

/// A proof under the pack's own checkpoint.
pub(super) fn read(pack: &Pack, name: &str, head: &Head) -> Result<Proof, Failed> {
    if pack.size(name).is_none() {
        return Err(Bad::file(name, "it is missing").into());
    }
    let proof = Proof::parse(&pack.whole(name)?).map_err(|error| Bad::file(name, error.to_string()))?;
    if proof.checkpoint.to_string() != head.note {
        return Err(Bad::file(name, "its checkpoint is not the one of the pack").into());
    }
    Ok(proof)
}
