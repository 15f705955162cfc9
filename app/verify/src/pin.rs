//! Whether the log is still the one this browser remembers.

use crate::report::{Head, Report};
use crate::{open, sentence};
use serde::Deserialize;
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::pin::{Pin, Standing};
use sternway_domain::plan::grouped;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// What `/log/key` says now, and the head as it is now.
    key: String,
    note: String,
    pinned: Pinned,
    /// From the remembered size to the size now; empty when they are the same or none was given.
    hashes: Vec<String>,
}

/// What the browser kept.
#[derive(Debug, Deserialize)]
struct Pinned {
    key: String,
    note: String,
    /// `12 Nov, 14:03 UTC`: when it was first remembered, and how many entries there were then.
    since: String,
    size: u64,
}

pub(crate) fn check(asked: &Asked) -> Report {
    let mut report = Report::default();
    let (remembered, pin) = match asked.pinned.read() {
        Ok(read) => read,
        Err(why) => {
            report.note("pin", "What this browser remembers of the log is damaged", vec![why]);
            return report;
        }
    };
    let trusted = match open(&asked.key, |list| list.trust().open(asked.note.as_bytes())) {
        Ok((list, trusted)) => {
            replaced(&remembered, &list, &mut report);
            trusted
        }
        Err(why) => {
            report.bad("signature", "The head of the log is not signed by its key", vec![why]);
            return report;
        }
    };
    report.head = Some(Head::of(&trusted));
    let proof: Vec<TreeHash> = asked.hashes.iter().filter_map(|hash| hash.parse().ok()).collect();
    let standing = pin.compare(&trusted.checkpoint, &proof);
    let now = &trusted.checkpoint;
    let both = || {
        vec![
            standing.to_string(),
            format!("Remembered: {} entries, root {}", count(pin.size), pin.root),
            format!("Now: {} entries, root {}", count(now.size), now.root),
        ]
    };
    match standing {
        Standing::Same { .. } | Standing::Extends { .. } => {
            let Pinned { since, size, .. } = &asked.pinned;
            let title = format!("The log has only grown since {since}");
            report.good("pin", title, vec![format!("{} entries then, {} now", count(*size), count(now.size))]);
        }
        Standing::Unproven { .. } => {
            report.bad("pin", "It is not shown that the log is the one you remember", both());
        }
        Standing::Shorter { .. } => report.bad("pin", "The log is shorter than the one you remember", both()),
        Standing::Fork { .. } | Standing::Other { .. } => {
            report.bad("pin", "The log is not the one you remember", both());
        }
    }
    report
}

impl Pinned {
    fn read(&self) -> Result<(KeyList, Pin), String> {
        let list: KeyList = self.key.parse().map_err(|error| sentence(&error))?;
        let pin = Pin::read(self.note.as_bytes(), &list.trust()).map_err(|error| sentence(&error))?;
        Ok((list, pin))
    }
}

/// A key may be replaced, if the remembered one vouches for the next.
fn replaced(remembered: &KeyList, now: &KeyList, report: &mut Report) {
    let (known, used) = (&remembered.newest().key, &now.newest().key);
    if known == used {
        return;
    }
    let mut values = vec![format!("Remembered: {known}"), format!("Now: {used}")];
    if now.trust_from(std::slice::from_ref(known)).keys.iter().any(|believed| believed.key == *used) {
        return report.good("key", "The key was replaced; the one you remember vouches for the new one", values);
    }
    values.insert(0, "Ask whoever runs this Sternway whether it was replaced.".to_owned());
    report.bad("key", "The key of the log is not the one you remember", values);
}

pub(crate) fn count(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
