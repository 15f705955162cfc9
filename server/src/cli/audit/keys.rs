//! Whose signatures count: what the reader was told elsewhere, what follows from it, and what the log itself says of its keys.

use super::super::remote::{Result, read_file, wrong};
use super::feed::{Feed, Unread};
use std::path::Path;
use sternway_domain::audit::checkpoint::{Trust, Trusted};
use sternway_domain::audit::keys::{KeyList, KeyTerm};
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::audit::record::{Finding, Record};

/// As the act is called in its entry.
const CHANGES_KEY: &str = "change_key";

/// What is known of the log's keys.
pub(super) struct Keys {
    /// As it is said by whoever shows the log.
    list: Option<KeyList>,
    /// `None`: signatures are not checked.
    pub(super) trust: Option<Trust>,
}

/// Keys as they are written, or the file they are in.
pub(super) fn given(text: &str) -> Result<Vec<VerifierKey>> {
    let text = if text.contains('+') { text.to_owned() } else { read_file(Path::new(text))? };
    let list: KeyList = text.parse().map_err(|error| wrong(format!("`--key`: {error}")))?;
    Ok(list.terms().iter().map(|term| term.key.clone()).collect())
}

impl Keys {
    /// From the keys that were given, rotations lead to others. Without any, a server is believed, and a database is not.
    pub(super) async fn of(feed: &Feed, given: Option<Vec<VerifierKey>>) -> std::result::Result<Self, Unread> {
        let list = feed.keys().await?;
        let trust = match (&list, given) {
            (Some(list), Some(given)) => Some(list.trust_from(&given)),
            (None, Some(given)) => given.split_first().map(|(first, _)| KeyList::one(first.clone()).trust_from(&given)),
            (Some(list), None) if matches!(feed, Feed::Server(_)) => Some(list.trust()),
            _ => None,
        };
        Ok(Self { list, trust })
    }

    /// A checkpoint with a signature that counts, or what is wrong with it.
    pub(super) fn open(&self, bytes: &[u8], what: &str) -> std::result::Result<Option<Trusted>, String> {
        let Some(trust) = &self.trust else { return Ok(None) };
        trust.open(bytes).map(Some).map_err(|error| {
            let known = |term: &&KeyTerm| !trust.keys.iter().any(|known| known.key == term.key);
            let broken = self.list.iter().flat_map(|list| list.breaks().filter(known)).last();
            match broken {
                Some(term) => format!(
                    "{what}: {error}. The log's earlier key was lost, and from {} entries on `{}` signs, for which the key \
                     you know does not vouch: if you believe those who say so, give both in a file with `--key`",
                    term.from, term.key
                ),
                None => format!("{what}: {error}"),
            }
        })
    }

    /// Sizes from which on nobody vouches for the key that signs.
    pub(super) fn breaks(&self) -> Vec<u64> {
        self.list.iter().flat_map(KeyList::breaks).map(|term| term.from).collect()
    }

    /// To be shown every entry.
    pub(super) fn check(&self) -> KeyCheck<'_> {
        KeyCheck { list: self.list.as_ref(), wrong: None, next: 0 }
    }
}

/// Whether an entry puts another key in place.
pub(super) fn changes(record: &Record) -> bool {
    record.action.as_str() == CHANGES_KEY && matches!(record.outcome, Finding::Accepted {})
}

/// That every change of keys has its entry, and every such entry its key.
pub(super) struct KeyCheck<'a> {
    list: Option<&'a KeyList>,
    wrong: Option<(u64, String)>,
    /// Terms before this one were found.
    next: usize,
}

impl KeyCheck<'_> {
    /// `record`: of an entry that may put another key in place; of others it need not be told.
    pub(super) fn take(&mut self, index: u64, record: Option<&Record>) {
        let change = record.filter(|record| changes(record));
        let term = self.list.and_then(|list| list.terms().iter().find(|term| term.from == index + 1));
        let statement = term.and_then(|term| term.statement.as_ref());
        let wrong = match (change, statement) {
            (Some(record), Some(statement)) if record.documents.contains(&statement.digest()) => None,
            (Some(_), Some(_)) => Some("names another statement than the list of keys has"),
            (Some(_), None) => Some("puts another key in place, and the list of keys does not have it"),
            (None, Some(_)) => Some("is no change of keys, and the list of keys says that it is one"),
            (None, None) => None,
        };
        if let Some(wrong) = wrong {
            self.wrong.get_or_insert((index, format!("entry {index} {wrong}")));
        } else if statement.is_some() {
            self.next += 1;
        }
    }

    /// That was all, of a log with so many entries.
    pub(super) fn finish(self, size: u64) -> Option<(u64, String)> {
        let due = |term: &&KeyTerm| term.statement.is_some() && term.from <= size;
        let missing = || {
            let mut terms = self.list.iter().flat_map(|list| list.terms().iter().filter(due));
            let term = terms.nth(self.next)?;
            let index = term.from.saturating_sub(1);
            Some((index, format!("entry {index} should be the one that puts the key `{}` in place", term.key)))
        };
        self.wrong.clone().or_else(missing)
    }
}
