//! Where the log is read from: the files a server shows, or the tables of a database.

use super::super::remote::{Client, Trouble, wrong};
use crate::service::{Replay, replay};
use crate::store::rows::{DecisionFilter, DecisionRow, LeafRow, TextRow};
use crate::store::scan::Scan;
use crate::store::{self, Store, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use sternway_domain::audit::commitment::Opening;
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::tile::{FULL, Resource, Tile, entries};
use sternway_domain::id::Digest;

pub(super) enum Feed {
    Server(Client),
    Database(Arc<dyn Store>),
    /// The same of an SQLite file, whose log is read past the store.
    File(Arc<dyn Store>, PathBuf),
}

/// One entry and what is said beside it.
pub(super) struct Item {
    pub(super) index: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) hash: Option<TreeHash>,
    /// Only a database has these.
    pub(super) beside: Option<Beside>,
}

pub(super) struct Beside {
    pub(super) openings: Vec<Opening>,
    /// The act this entry is of.
    pub(super) decision: Option<DecisionRow>,
}

/// What became of the evidence that an entry names.
pub(super) enum Seen {
    Good {
        replayed: bool,
    },
    Missing,
    Changed,
    /// Another verdict follows from it.
    Another,
}

impl Seen {
    /// Of evidence with this digest, as it is stored.
    pub(super) fn of(digest: &Digest, body: Option<&str>) -> Self {
        let Some(body) = body.map(str::as_bytes) else { return Seen::Missing };
        if Digest::of(body) != *digest {
            return Seen::Changed;
        }
        match replay(body) {
            Replay::Another => Seen::Another,
            found => Seen::Good { replayed: found == Replay::Same },
        }
    }
}

/// Why something was not read.
pub(super) enum Unread {
    /// It may be good: nobody knows.
    Trouble(Trouble),
    /// What is there is nothing that was ever written.
    Corrupt(String),
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Self {
        Unread::Trouble(trouble)
    }
}

pub(super) fn unread(error: StoreError) -> Unread {
    let mut text = error.to_string();
    if matches!(error, StoreError::Corrupt { .. }) {
        return Unread::Corrupt(text);
    }
    // SQLite's own words for a file that is damaged, or none of its files: 11 and 26, in the lowest byte.
    if let StoreError::Unavailable { source: sqlx::Error::Database(error), .. } = &error
        && error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
    {
        return Unread::Corrupt(format!("the database is damaged: {error}"));
    }
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    wrong(format!("`--database`: {text}")).into()
}

pub(super) fn strange(what: &str, error: impl std::fmt::Display) -> Unread {
    Unread::Corrupt(format!("the server's {what}: {error}"))
}

type Result<T> = std::result::Result<T, Unread>;

impl Feed {
    pub(super) async fn database(address: &str) -> Result<Self> {
        // Whoever checks a copy must not make one, nor a schema in what is none.
        let file = Scan::file(address);
        if let Some(path) = &file {
            let there = path.is_file();
            let log = there && Scan::open(path).and_then(|scan| scan.has_log()).map_err(unread)?;
            if !log {
                let what = if there { "holds no log of Sternway" } else { "is not there" };
                return Err(wrong(format!("`--database`: `{}` {what}", path.display())).into());
            }
        }
        let store = store::look(address).await.map_err(unread)?;
        Ok(file.map_or_else(|| Feed::Database(store.clone()), |path| Feed::File(store.clone(), path)))
    }

    /// As the server or the database says it.
    pub(super) async fn keys(&self) -> Result<Option<KeyList>> {
        match self {
            Feed::Server(client) => {
                let bytes = client.file(&["log", "key"]).await?;
                String::from_utf8_lossy(&bytes).parse().map(Some).map_err(|error| strange("key", error))
            }
            Feed::Database(store) | Feed::File(store, _) => crate::notary::list(store.as_ref()).await.map_err(unread),
        }
    }

    pub(super) async fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Feed::Server(client) => Ok(Some(client.file(&["log", "checkpoint"]).await?)),
            Feed::Database(store) | Feed::File(store, _) => {
                Ok(store.checkpoint().await.map_err(unread)?.map(|row| row.note.into_bytes()))
            }
        }
    }

    /// How many entries there should be: those that are signed, or those the database has counted.
    pub(super) async fn size(&self, signed: u64) -> Result<u64> {
        match self {
            Feed::Server(_) => Ok(signed),
            Feed::Database(store) | Feed::File(store, _) => Ok(store.head().await.map_err(unread)?.leaves as u64),
        }
    }

    /// Whether there are more entries than so many, of which the database knows nothing. One in use may have grown since.
    pub(super) async fn more(&self, size: u64) -> Result<bool> {
        match self {
            Feed::Server(_) => Ok(false),
            Feed::Database(store) | Feed::File(store, _) => {
                let more = !store.leaves(size as i64, 1).await.map_err(unread)?.is_empty();
                Ok(more && store.head().await.map_err(unread)?.leaves as u64 == size)
            }
        }
    }

    /// The database, where there is one.
    pub(super) fn store(&self) -> Option<&dyn Store> {
        match self {
            Feed::Server(_) => None,
            Feed::Database(store) | Feed::File(store, _) => Some(store.as_ref()),
        }
    }

    /// What is missing among the events, or too much among the decisions: what has its number without an entry.
    pub(super) async fn events(&self, size: u64) -> Result<Option<String>> {
        match self {
            Feed::Server(_) => Ok(None),
            Feed::Database(store) | Feed::File(store, _) => store.gap(size as i64).await.map_err(unread),
        }
    }

    /// Entries `from` to `until`, the last one left out; of a server no further than one file goes. What is missing is
    /// left out.
    pub(super) async fn items(&self, from: u64, until: u64) -> Result<Vec<Item>> {
        match self {
            Feed::Server(client) => shown(client, from / u64::from(FULL), (until - from) as u16).await,
            Feed::Database(store) | Feed::File(store, _) => {
                let (from, limit) = (from as i64, (until - from) as u32);
                let leaves = store.leaves(from, limit).await.map_err(unread)?;
                let texts = store.texts(from, limit).await.map_err(unread)?;
                let filter = DecisionFilter { before: Some(until as i64), limit, ..DecisionFilter::default() };
                let mut decisions = store.decisions(&filter).await.map_err(unread)?;
                decisions.reverse();
                Ok(beside(leaves, texts, decisions))
            }
        }
    }

    /// Whether more hashes are kept at this level than so many.
    pub(super) async fn beyond(&self, level: u8, many: u64) -> Result<bool> {
        match self {
            Feed::Server(_) => Ok(false),
            Feed::Database(store) | Feed::File(store, _) => {
                // One that was written since then has its entries.
                let more = !store.hashes(level * 8, many as i64, 1).await.map_err(unread)?.is_empty();
                let leaves = store.head().await.map_err(unread)?.leaves as u64;
                Ok(more && leaves >> (8 * level) == many)
            }
        }
    }

    /// What was seen when an act was done. A server's is not asked for: it is no part of the log's files.
    pub(super) async fn evidence(&self, digest: &Digest) -> Result<Seen> {
        let (Feed::Database(store) | Feed::File(store, _)) = self else { return Ok(Seen::Good { replayed: false }) };
        let body = store.evidence(digest).await.map_err(unread)?;
        Ok(Seen::of(digest, body.as_deref()))
    }

    /// The hashes of a tile above level 0.
    pub(super) async fn tile(&self, tile: Tile) -> Result<Vec<TreeHash>> {
        match self {
            Feed::Server(client) => hashes(client, tile).await,
            Feed::Database(store) | Feed::File(store, _) => {
                let from = tile.index as i64 * i64::from(FULL);
                store.hashes(tile.level * 8, from, u32::from(tile.width)).await.map_err(unread)
            }
        }
    }
}

/// Puts texts and act to each entry.
fn beside(leaves: Vec<LeafRow>, texts: Vec<TextRow>, decisions: Vec<DecisionRow>) -> Vec<Item> {
    let (mut texts, mut acts) = (texts.into_iter().peekable(), decisions.into_iter().peekable());
    let mut items = Vec::with_capacity(leaves.len());
    for row in leaves {
        while texts.next_if(|text| text.leaf_index < row.index).is_some() {}
        while acts.next_if(|act| act.leaf_index < row.index).is_some() {}
        let openings = texts.next_if(|text| text.leaf_index == row.index);
        let decision = acts.next_if(|act| act.leaf_index == row.index).filter(|act| act.id == row.decision);
        items.push(Item {
            index: row.index as u64,
            bytes: row.entry,
            hash: row.leaf_hash.try_into().ok().map(TreeHash),
            beside: Some(Beside { openings: openings.map(|text| text.openings).unwrap_or_default(), decision }),
        });
    }
    items
}

/// A file of entries and the tile over it, as the server shows them.
async fn shown(client: &Client, index: u64, width: u16) -> Result<Vec<Item>> {
    let tile = Tile { level: 0, index, width };
    let bundle = file(client, Resource::Entries(tile)).await?;
    let hashes = hashes(client, tile).await?;
    let entries = entries(&bundle, width).map_err(|error| strange(&named(Resource::Entries(tile)), error))?;
    let first = index * u64::from(FULL);
    let item = |(index, (entry, hash)): (u64, (&[u8], TreeHash))| Item {
        index,
        bytes: entry.to_vec(),
        hash: Some(hash),
        beside: None,
    };
    Ok((first..).zip(entries.into_iter().zip(hashes)).map(item).collect())
}

/// The hashes of a tile, as many as it should have and nothing after them.
async fn hashes(client: &Client, tile: Tile) -> Result<Vec<TreeHash>> {
    let bytes = file(client, Resource::Tile(tile)).await?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != usize::from(tile.width) || !rest.is_empty() {
        let (expected, found) = (usize::from(tile.width) * 32, bytes.len());
        let short = format!("it should have {expected} bytes and has {found}");
        return Err(strange(&named(Resource::Tile(tile)), short));
    }
    Ok(hashes.iter().copied().map(TreeHash).collect())
}

fn named(resource: Resource) -> String {
    format!("file `log/{resource}`")
}

/// What the checkpoint says is there must be there.
async fn file(client: &Client, resource: Resource) -> Result<Vec<u8>> {
    let path = resource.to_string();
    let parts: Vec<&str> = std::iter::once("log").chain(path.split('/')).collect();
    match client.file(&parts).await {
        Ok(bytes) => Ok(bytes),
        Err(trouble) if trouble.is_missing() => {
            Err(strange(&named(resource), "it is missing, though the checkpoint says that there is one"))
        }
        Err(trouble) => Err(trouble.into()),
    }
}
