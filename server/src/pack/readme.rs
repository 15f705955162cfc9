//! `README.txt`: what this is, and how to check it, for somebody who has never heard of it.

use super::manifest::About;
use sternway_domain::audit::pack::Asked;

/// What was asked for, in words.
pub(crate) fn asked(asked: &Asked) -> String {
    match asked {
        Asked::Decision { id } => format!("decision {id}"),
        Asked::Release { id } => format!("release {id}"),
        Asked::Period { from, to, service } => {
            let of = service.as_ref().map(|name| format!(", service {name}")).unwrap_or_default();
            format!("period from {from} to before {to}{of}")
        }
    }
}

pub(super) fn text(about: &About) -> String {
    let About { made_at, decisions, stretch, log, .. } = about;
    let asked = asked(&about.asked);
    let (origin, size) = (&log.origin, log.size);
    let entries = match stretch.to.checked_sub(1).filter(|last| *last >= stretch.from) {
        Some(last) => format!("entries {} to {last} of {size}", stretch.from),
        None => "no entry".to_owned(),
    };
    format!(
        "Evidence pack: {asked}\n\
        Log {origin}, {entries}; {decisions} decisions asked for. Made {made_at}.\n\
        \n\
        How to check it, without network:\n\
        1. Get the program `sternway`, and the log's key from somebody other than who gave you this file.\n\
        2. sternway audit verify PACK.zip --key KEY\n\
        3. If you kept a checkpoint: add `--pin CHECKPOINT`. Then the log you remember is part of this one.\n\
        4. `Good` and exit code 0: every entry was signed, none is missing, and every text is what was written down.\n\
        5. By other tools: each proofs/*.tlog-proof is a C2SP tlog-proof of SHA-256(0x00 || entry).\n\
        \n\
        report.pdf       for people; decisions.csv, decisions.jsonl: the same for programs\n\
        entries/         each line an entry as it was hashed, with its texts if it was asked for and they were not redacted\n\
        evidence/        what was seen when a decision was made, named by its SHA-256\n\
        checkpoint       the signed head of the log (C2SP tlog-checkpoint); log.vkey: the key it says it was signed with\n\
        stretch.json     the hashes of the tree before and after these entries: with them, they lead to the signed root\n\
        manifest.json    what was asked, and the digest of every file\n"
    )
}
