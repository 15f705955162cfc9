//! One pass over the log, from the first entry to the last.

use super::super::terminal::is_terminal;
use super::feed::{Beside, Feed, Seen, Unread};
use super::keys::Keys;
use std::collections::BTreeMap;
use std::io::Write as _;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::merkle::{Frontier, TreeHash, leaf_hash};
use sternway_domain::audit::record::{Finding, Leaf, Record, Redactions, What};
use sternway_domain::audit::tile::{FULL, Tile};
use sternway_domain::audit::verify::{Depth, Verified, Verifier};

/// What was found.
pub(super) struct Report {
    pub(super) problem: Option<String>,
    /// The first bad entry, if it can be told.
    pub(super) entry: Option<u64>,
    pub(super) verified: Option<Verified>,
    /// Texts that are gone, and an entry says so.
    pub(super) redacted: usize,
    /// Verdicts found again from their evidence.
    pub(super) replayed: usize,
}

impl Report {
    pub(super) fn bad(problem: String, entry: Option<u64>) -> Self {
        Self { problem: Some(problem), entry, verified: None, redacted: 0, replayed: 0 }
    }

    pub(super) fn good(&self) -> bool {
        self.problem.is_none()
    }
}

/// What stands beside entries is only reported if the entries themselves are good: they are the evidence.
#[derive(Default)]
struct Aside {
    first: Option<(u64, String)>,
    /// Texts that are not there, which a later entry must explain.
    gone: Vec<(u64, Field)>,
    redactions: Redactions,
    /// Evidence that is not there, which goes only with a text that a later entry takes out.
    lost: Vec<u64>,
    /// Verdicts that were judged again, and what they came to.
    replayed: usize,
}

/// `signed`: how many entries the newest checkpoint has of whom is asked.
pub(super) async fn check(feed: &Feed, keys: &Keys, heads: Vec<Checkpoint>, signed: u64) -> Result<Report, Unread> {
    let size = feed.size(signed).await?;
    let mut verifier = match Verifier::new(heads, Depth::Meaning) {
        Ok(verifier) => verifier,
        Err(bad) => return Ok(Report::bad(bad.to_string(), bad.index())),
    };
    let mut aside = Aside::default();
    let mut changes = keys.check();
    let mut tree = Frontier::default();
    let mut above: BTreeMap<u8, Vec<TreeHash>> = BTreeMap::new();
    let full = u64::from(FULL);
    for index in 0..size.div_ceil(full) {
        progress(index * full, size);
        let width = (size - index * full).min(full) as u16;
        let items = feed.items(index, width).await?;
        let few = items.len() < usize::from(width);
        for item in items {
            let leaf = match verifier.entry(item.index, &item.bytes, item.hash) {
                Ok(leaf) => leaf,
                Err(bad) => return Ok(Report::bad(bad.to_string(), bad.index())),
            };
            tree.push_seen(leaf_hash(&item.bytes), |node, hash| {
                if node.level > 0 && node.level.is_multiple_of(8) {
                    above.entry(node.level / 8).or_default().push(hash);
                }
            });
            if let Some(Leaf::Sealed(record)) = &leaf {
                changes.take(item.index, record);
            }
            if let (Some(Leaf::Sealed(record)), Some(beside)) = (leaf, item.beside) {
                aside.take(item.index, &record, &beside);
                if let Some(digest) = &record.evidence {
                    aside.saw(item.index, &record, feed.evidence(digest).await?);
                }
            }
        }
        if few {
            break;
        }
    }
    progress(size, size);
    let verified = match verifier.finish() {
        Ok(verified) => verified,
        Err(bad) => return Ok(Report::bad(bad.to_string(), bad.index())),
    };
    if verified.entries < size {
        let problem = format!("entry {} is missing: the database has counted {size}", verified.entries);
        return Ok(Report::bad(problem, Some(verified.entries)));
    }
    if feed.more(size).await? {
        return Ok(Report::bad(format!("the database has counted {size} entries, and there are more"), Some(size)));
    }
    if let Some(problem) = tiles(feed, &above).await? {
        return Ok(Report::bad(problem, None));
    }
    if let Some((entry, problem)) = changes.finish(size) {
        return Ok(Report::bad(problem, Some(entry)));
    }
    let (redacted, replayed) = (aside.gone.len(), aside.replayed);
    if let Some((entry, problem)) = aside.worst() {
        return Ok(Report::bad(problem, Some(entry)));
    }
    Ok(Report { problem: None, entry: None, verified: Some(verified), redacted, replayed })
}

/// Whether the hashes kept above the entries are those the entries lead to.
async fn tiles(feed: &Feed, above: &BTreeMap<u8, Vec<TreeHash>>) -> Result<Option<String>, Unread> {
    for (level, hashes) in above {
        for (index, expected) in (0..).zip(hashes.chunks(usize::from(FULL))) {
            let width = expected.len() as u16;
            let kept = feed.tile(Tile { level: *level, index, width }).await?;
            if kept != expected {
                let at = expected.iter().zip(&kept).take_while(|(one, other)| one == other).count();
                let first = ((index * u64::from(FULL)) + at as u64) << (8 * level);
                return Ok(Some(format!(
                    "the hash kept for the entries from {first} on (tile {index} at level {level}) is missing or was \
                     changed; the entries themselves are good"
                )));
            }
        }
    }
    Ok(None)
}

impl Aside {
    fn take(&mut self, index: u64, record: &Record, beside: &Beside) {
        self.redactions.take(index, record);
        match record.texts(&beside.openings) {
            Ok(texts) => {
                let gone = texts.iter().filter(|(_, text)| text.is_none());
                self.gone.extend(gone.map(|(field, _)| (index, *field)));
                if let Some(wrong) = projected(record, &texts, beside) {
                    self.first.get_or_insert((index, wrong));
                }
            }
            Err(error) => {
                self.first.get_or_insert((index, format!("entry {index}: {error}")));
            }
        }
    }

    fn saw(&mut self, index: u64, record: &Record, seen: Seen) {
        let wrong = match seen {
            Seen::Good { replayed } => {
                self.replayed += usize::from(replayed);
                return;
            }
            // The evidence of a flag holds the reason of the switch before it, and goes with that.
            Seen::Missing if matches!(record.target, What::Flag { .. }) => return,
            Seen::Missing => return self.lost.push(index),
            Seen::Changed => format!("the evidence of entry {index} is not the one it names"),
            Seen::Another => format!("the verdict that entry {index} rests on does not follow from its inputs"),
        };
        self.first.get_or_insert((index, wrong));
    }

    fn worst(self) -> Option<(u64, String)> {
        let unexplained = self.gone.iter().find(|(index, field)| self.redactions.by(*index, *field).is_none());
        let unexplained = unexplained.map(|(index, field)| {
            (*index, format!("the text of `{field}` of entry {index} is gone, and no entry says that it was redacted"))
        });
        let redacted = |index: &u64| self.redactions.iter().any(|(of, ..)| of == *index);
        let lost = self.lost.iter().find(|index| !redacted(index));
        let lost = lost.map(|index| (*index, format!("the evidence of entry {index} is missing")));
        self.first.into_iter().chain(unexplained).chain(lost).min_by_key(|(index, _)| *index)
    }
}

/// What the list of decisions shows is what was written down.
fn projected(record: &Record, texts: &[(Field, Option<&str>)], beside: &Beside) -> Option<String> {
    let Some(shown) = &beside.decision else {
        return Some(format!("the entry of decision `{}` has no decision that goes with it", record.id));
    };
    let accepted = matches!(record.outcome, Finding::Accepted {});
    let reason = texts.iter().find(|(field, _)| *field == Field::Reason).and_then(|(_, text)| *text);
    let wrong = if shown.id != record.id {
        "id"
    } else if shown.at != record.at {
        "time"
    } else if shown.action != record.action.as_str() {
        "act"
    } else if (shown.outcome == "accepted") != accepted {
        "outcome"
    } else if shown.evidence != record.evidence {
        "evidence"
    } else if reason.is_some_and(|reason| reason != shown.reason) {
        "reason"
    } else {
        return None;
    };
    Some(format!("decision `{}` shows another {wrong} than its entry {} has", record.id, shown.leaf_index))
}

/// Only for people who wait.
pub(super) fn progress(done: u64, all: u64) {
    if !is_terminal() || (done < all && !done.is_multiple_of(25_600)) || all < 25_600 {
        return;
    }
    let mut out = std::io::stderr();
    let end = if done == all { "\r\x1b[K" } else { "" };
    let _gone = write!(out, "\r{done} of {all} entries{end}").and_then(|()| out.flush());
}
