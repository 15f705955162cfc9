//! One pass over the log, from the first entry to the last.

use super::aside::Found;
use super::belt::Belt;
use super::feed::{Feed, Seen, Unread};
use super::kept;
use super::keys::Keys;
use super::look::{DEPTH, Looked, More};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::record::{Leaf, Missing, Redactions};
use sternway_domain::audit::tile::{FULL, Tile};
use sternway_domain::audit::verify::{Bad, Verified, Verifier};
use sternway_domain::id::Digest;

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
    /// Evidence that is not there, which goes only with a text that a later entry takes out, and who rests on it.
    lost: BTreeMap<Digest, Vec<u64>>,
    /// Verdicts that were judged again, and what they came to.
    replayed: usize,
}

/// `signed`: how many entries the newest checkpoint has of whom is asked.
pub(super) async fn check(feed: Feed, keys: &Keys, heads: Vec<Checkpoint>, signed: u64) -> Result<Report, Unread> {
    let size = feed.size(signed).await?;
    let mut verifier = match Verifier::new(heads, DEPTH) {
        Ok(verifier) => verifier,
        Err(bad) => return Ok(Report::bad(bad.to_string(), bad.index())),
    };
    let mut aside = Aside::default();
    let mut changes = keys.check();
    let mut holds = BTreeMap::new();
    let mut above: BTreeMap<u8, Vec<TreeHash>> = BTreeMap::new();
    let feed = Arc::new(feed);
    let mut belt = Belt::over(&feed, size);
    while let Some(portion) = belt.next().await {
        let portion = portion?;
        // Whatever has been counted: where there is nothing, all that is to be read was read.
        if portion.is_empty() {
            break;
        }
        for Looked { index, entry, remembered, sealed, replayed, more } in portion {
            let taken = verifier.examined(index, entry, remembered, |node, hash| {
                if node.level > 0 && node.level.is_multiple_of(8) {
                    above.entry(node.level / 8).or_default().push(hash);
                }
            });
            let More { record, evidence, found } = more.map(|more| *more).unwrap_or_default();
            if let Err(bad) = taken {
                aside.take(index, found);
                return Ok(aside.with(&bad));
            }
            if sealed {
                changes.take(index, record.as_deref());
            }
            if let Some(record) = record {
                aside.redactions.take(index, &record);
                holds.extend(kept::concerns(&record).then_some((record.id, index)));
            }
            aside.replayed += usize::from(replayed);
            if let Some((digest, seen)) = evidence {
                aside.saw(index, digest, seen);
            }
            aside.take(index, found);
        }
        progress(verifier.entries(), size);
    }
    progress(size, size);
    let verified = match verifier.finish() {
        Ok(verified) => verified,
        Err(bad) => return Ok(aside.with(&bad)),
    };
    if verified.entries < size {
        let problem = format!("entry {} is missing: the database has counted {size}", verified.entries);
        return Ok(Report::bad(problem, Some(verified.entries)));
    }
    if feed.more(size).await? {
        return Ok(Report::bad(format!("the database has counted {size} entries, and there are more"), Some(size)));
    }
    if let Some(problem) = tiles(&feed, &above).await? {
        return Ok(Report::bad(problem, None));
    }
    if let Some((entry, problem)) = changes.finish(size) {
        return Ok(Report::bad(problem, Some(entry)));
    }
    for level in 1..8 {
        let many = above.get(&level).map_or(0, Vec::len) as u64;
        if feed.beyond(level, many).await? {
            let problem = format!("there is a hash {many} at level {level}, which the entries do not lead to");
            return Ok(Report::bad(problem, None));
        }
    }
    let still = aside.still(&feed).await?;
    if !aside.gone.is_empty() || !aside.lost.is_empty() {
        aside.explain(&feed, size).await?;
    }
    let (redacted, replayed) = (aside.gone.len(), aside.replayed);
    let kept = kept::check(&feed, size, &aside.redactions, holds).await?;
    if let Some((entry, problem)) = still.into_iter().chain(aside.worst()).min_by_key(|(index, _)| *index) {
        return Ok(Report::bad(problem, Some(entry)));
    }
    if let Some((entry, problem)) = kept {
        return Ok(Report::bad(problem, entry));
    }
    if let Some(problem) = feed.events(size).await? {
        return Ok(Report::bad(problem, None));
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
    fn take(&mut self, index: u64, Found { gone, wrong }: Found) {
        self.gone.extend(gone.into_iter().map(|field| (index, field)));
        if let Some(wrong) = wrong {
            self.first.get_or_insert((index, wrong));
        }
    }

    /// The tree tells that something is wrong; what stands beside the entries may tell where.
    fn with(self, bad: &Bad) -> Report {
        let hint = self.first.filter(|(entry, _)| bad.index().is_none_or(|index| *entry < index));
        match hint {
            Some((entry, hint)) => Report::bad(format!("{bad}; look at entry {entry} first: {hint}"), Some(entry)),
            None => Report::bad(bad.to_string(), bad.index()),
        }
    }

    /// Of evidence that is not good, what is wrong with it.
    fn saw(&mut self, index: u64, digest: Digest, seen: Seen) {
        let wrong = match seen {
            Seen::Good { .. } => return,
            Seen::Missing => return self.lost.entry(digest).or_default().push(index),
            Seen::Changed => format!("the evidence of entry {index} is not the one it names"),
            Seen::Another => format!("the verdict that entry {index} rests on does not follow from its inputs"),
        };
        self.first.get_or_insert((index, wrong));
    }

    /// A log in use: what went while this looked is named by entries that came since.
    async fn explain(&mut self, feed: &Feed, size: u64) -> Result<(), Unread> {
        let (mut from, now) = (size, feed.size(size).await?);
        while from < now {
            let until = now.min(from + u64::from(FULL));
            for item in feed.items(from, until).await? {
                if let Ok(Leaf::Sealed(record)) = Leaf::decode(&item.bytes) {
                    self.redactions.take(item.index, &record);
                }
            }
            from = until;
        }
        Ok(())
    }

    /// A text that is there although an entry says that it was taken out: it was put back.
    async fn still(&mut self, feed: &Feed) -> Result<Option<(u64, String)>, Unread> {
        if matches!(feed, Feed::Server(_)) {
            return Ok(None);
        }
        self.gone.sort_unstable();
        let unnoticed = |(index, field, _): &(u64, Field, u64)| self.gone.binary_search(&(*index, *field)).is_err();
        for (index, field, by) in self.redactions.removed().filter(unnoticed) {
            let items = feed.items(index, index + 1).await?;
            let mut openings = items.iter().flat_map(|item| &item.beside).flat_map(|beside| &beside.openings);
            if openings.any(|opening| opening.field == field) {
                return Ok(Some((index, Missing::StillThere { index, field, by }.to_string())));
            }
        }
        Ok(None)
    }

    fn worst(self) -> Option<(u64, String)> {
        let unexplained = self.gone.iter().find(|(index, field)| self.redactions.by(*index, *field).is_none());
        let unexplained = unexplained.map(|(index, field)| {
            (*index, format!("the text of `{field}` of entry {index} is gone, and no entry says that it was redacted"))
        });
        let explained = |rest: &[u64]| rest.iter().any(|index| self.redactions.explain_evidence(*index));
        let lost = self.lost.values().filter(|rest| !explained(rest)).filter_map(|rest| rest.first()).min();
        let lost = lost.map(|index| (*index, format!("the evidence of entry {index} is missing")));
        unexplained.into_iter().chain(self.first).chain(lost).min_by_key(|(index, _)| *index)
    }
}

/// Only for people who wait.
pub(super) fn progress(done: u64, all: u64) {
    if !std::io::stderr().is_terminal() || (done < all && !done.is_multiple_of(25_600)) || all < 25_600 {
        return;
    }
    let mut out = std::io::stderr();
    let end = if done == all { "\r\x1b[K" } else { "" };
    let _gone = write!(out, "\r{done} of {all} entries{end}").and_then(|()| out.flush());
}
