//! `sternway audit verify PACK`: an evidence pack, without network.

use super::super::exit;
use super::super::remote::{Result, wrong};
use super::super::terminal::{clean, say};
use super::{BAD, check};
use crate::pack::{Bad, Checked, Failed, Known, asked_words, check as checked};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use sternway_domain::plan::grouped;

pub(super) fn verified(path: &Path, known: Known, as_json: bool) -> Result<u8> {
    let unread = |error: std::io::Error| wrong(format!("`{}` cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(unread)?;
    let given = known.keys.is_some();
    match checked(file, &known, check::progress) {
        Ok(good) => {
            if as_json {
                say(&good_json(&good, given).to_string())
            } else {
                told(&good, given)
            }
            Ok(exit::DONE)
        }
        Err(Failed::Bad(bad)) => {
            if as_json {
                say(&bad_json(&bad).to_string())
            } else {
                say(&format!("BAD: {}.", clean(&bad.to_string())))
            }
            Ok(BAD)
        }
        Err(Failed::Unread(text)) => Err(wrong(text)),
    }
}

fn bad_json(bad: &Bad) -> Value {
    json!({"good": false, "problem": bad.to_string(), "file": bad.file, "entry": bad.entry})
}

fn good_json(good: &Checked, given: bool) -> Value {
    json!({
        "good": true,
        "problem": null,
        "asked": good.about.asked,
        "decisions": good.decisions,
        "entries": good.entries,
        "from": good.about.stretch.from,
        "to": good.about.stretch.to,
        "signed_entries": good.about.log.size,
        "root": good.about.log.root,
        "key": good.key.to_string(),
        "key_given": given,
        "redacted": good.redacted,
        "evidence": good.evidence,
        "verdicts_replayed": good.replayed,
        "notes": good.notes,
    })
}

fn told(good: &Checked, given: bool) {
    let about = &good.about;
    let many = |number: u64| grouped(number as i64);
    say(&format!("Good: {}, {} decisions.", clean(&asked_words(&about.asked)), many(good.decisions)));
    let size = many(about.log.size);
    say(&match about.stretch.to - about.stretch.from {
        0 => format!("Entries: none; the log has {size}."),
        1 => format!("Entries: {} of {size}.", many(about.stretch.from)),
        _ => format!(
            "Entries: {} to {} of {size}, none is missing.",
            many(about.stretch.from),
            many(about.stretch.to - 1)
        ),
    });
    let key = good.key.to_string();
    let signed = if given {
        ""
    } else {
        ", as the pack itself says: compare the key with somebody else's, or give it by `--key`"
    };
    say(&format!("Signed: with {}{signed}.", clean(&key)));
    if good.evidence > 0 {
        say(&format!("Evidence: {}, of them {} verdicts found again to the last bit.", good.evidence, good.replayed));
    }
    if good.redacted > 0 {
        say(&format!("Redacted: {} texts, each with an entry that says so.", good.redacted));
    }
    for note in &good.notes {
        say(&format!("Note: {}.", clean(note)));
    }
}
