//! Whether the log is still the one this browser remembers.

use crate::report::{Head, Report};
use crate::{keys, mistrust};
use serde::Deserialize;
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
    let pin = keys(&asked.pinned.key)
        .and_then(|trust| Pin::read(asked.pinned.note.as_bytes(), &trust).map_err(|error| error.to_string()));
    let pin = match pin {
        Ok(pin) => pin,
        Err(why) => {
            report.note("pin", "What this browser remembers of the log is damaged", vec![why]);
            return report;
        }
    };
    let (before, now) = (in_use(&asked.pinned.key), in_use(&asked.key));
    if before != now {
        let values = vec![
            "Ask whoever runs this Sternway whether it was replaced.".to_owned(),
            format!("Remembered: {before}"),
            format!("Now: {now}"),
        ];
        report.bad("key", "The key of the log is not the one you remember", values);
    }
    let opened = match keys(&asked.key) {
        Ok(trust) => trust.open(asked.note.as_bytes()).map_err(|error| mistrust(&error)),
        Err(why) => Err(why),
    };
    let trusted = match opened {
        Ok(trusted) => trusted,
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

/// The key in use is the first one of the list.
fn in_use(list: &str) -> &str {
    list.split_whitespace().next().unwrap_or("none")
}

pub(crate) fn count(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
