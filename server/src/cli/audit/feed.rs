//! Where the log is read from: the files a server shows, or the tables of a database.

use super::super::remote::{Client, Trouble, wrong};
use crate::service::{Replay, replay};
use crate::store::rows::{DecisionFilter, DecisionRow};
use crate::store::{self, Store, StoreError};
use std::sync::Arc;
use sternway_domain::audit::commitment::Opening;
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::tile::{FULL, Resource, Tile, entries};
use sternway_domain::id::Digest;

pub(super) enum Feed {
    Server(Client),
    Database(Arc<dyn Store>),
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

fn unread(error: StoreError) -> Unread {
    let mut text = error.to_string();
    if matches!(error, StoreError::Corrupt { .. }) {
        return Unread::Corrupt(text);
    }
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    wrong(format!("`--database`: {text}")).into()
}

fn strange(what: &str, error: impl std::fmt::Display) -> Unread {
    Unread::Corrupt(format!("the server's {what}: {error}"))
}

type Result<T> = std::result::Result<T, Unread>;

impl Feed {
    pub(super) async fn database(address: &str) -> Result<Self> {
        Ok(Feed::Database(store::open(address).await.map_err(unread)?))
    }

    /// As the server or the database says it.
    pub(super) async fn keys(&self) -> Result<Option<KeyList>> {
        match self {
            Feed::Server(client) => {
                let bytes = client.file(&["log", "key"]).await?;
                String::from_utf8_lossy(&bytes).parse().map(Some).map_err(|error| strange("key", error))
            }
            Feed::Database(store) => crate::notary::list(store.as_ref()).await.map_err(unread),
        }
    }

    pub(super) async fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Feed::Server(client) => Ok(Some(client.file(&["log", "checkpoint"]).await?)),
            Feed::Database(store) => Ok(store.checkpoint().await.map_err(unread)?.map(|row| row.note.into_bytes())),
        }
    }

    /// How many entries there should be: those that are signed, or those the database has counted.
    pub(super) async fn size(&self, signed: u64) -> Result<u64> {
        match self {
            Feed::Server(_) => Ok(signed),
            Feed::Database(store) => Ok(store.head().await.map_err(unread)?.leaves as u64),
        }
    }

    /// Whether there are more entries than so many.
    pub(super) async fn more(&self, size: u64) -> Result<bool> {
        match self {
            Feed::Server(_) => Ok(false),
            Feed::Database(store) => Ok(!store.leaves(size as i64, 1).await.map_err(unread)?.is_empty()),
        }
    }

    /// A file's worth of entries. Fewer than asked for: that was all.
    pub(super) async fn items(&self, index: u64, width: u16) -> Result<Vec<Item>> {
        match self {
            Feed::Server(client) => {
                let tile = Tile { level: 0, index, width };
                let bundle = file(client, Resource::Entries(tile)).await?;
                let hashes = file(client, Resource::Tile(tile)).await?;
                let entries = entries(&bundle, width).map_err(|error| strange("entries", error))?;
                let hash = |at: usize| {
                    let bytes = hashes.get(at * 32..at * 32 + 32)?;
                    bytes.try_into().ok().map(TreeHash)
                };
                let first = index * u64::from(FULL);
                let item = |(at, entry): (usize, &&[u8])| Item {
                    index: first + at as u64,
                    bytes: entry.to_vec(),
                    hash: hash(at),
                    beside: None,
                };
                Ok(entries.iter().enumerate().map(item).collect())
            }
            Feed::Database(store) => {
                let first = index as i64 * i64::from(FULL);
                let rows = store.leaves(first, u32::from(width)).await.map_err(unread)?;
                let until = rows.last().map_or(first, |row| row.index + 1);
                let mut texts =
                    store.texts(first, (until - first) as u32).await.map_err(unread)?.into_iter().peekable();
                let filter =
                    DecisionFilter { before: Some(until), limit: u32::from(FULL), ..DecisionFilter::default() };
                let mut acts = store.decisions(&filter).await.map_err(unread)?;
                acts.reverse();
                let mut acts = acts.into_iter().peekable();
                let mut items = Vec::with_capacity(rows.len());
                for row in rows {
                    while texts.next_if(|text| text.leaf_index < row.index).is_some() {}
                    while acts.next_if(|act| act.leaf_index < row.index).is_some() {}
                    let openings = texts.next_if(|text| text.leaf_index == row.index);
                    let decision = acts.next_if(|act| act.leaf_index == row.index).filter(|act| act.id == row.decision);
                    let openings = openings.map(|text| text.openings).unwrap_or_default();
                    items.push(Item {
                        index: row.index as u64,
                        bytes: row.entry,
                        hash: row.leaf_hash.try_into().ok().map(TreeHash),
                        beside: Some(Beside { openings, decision }),
                    });
                }
                Ok(items)
            }
        }
    }

    /// What was seen when an act was done. A server's is not asked for: it is no part of the log's files.
    pub(super) async fn evidence(&self, digest: &Digest) -> Result<Seen> {
        let Feed::Database(store) = self else { return Ok(Seen::Good { replayed: false }) };
        let Some(body) = store.evidence(digest).await.map_err(unread)? else { return Ok(Seen::Missing) };
        if Digest::of(body.as_bytes()) != *digest {
            return Ok(Seen::Changed);
        }
        Ok(match replay(body.as_bytes()) {
            Replay::Another => Seen::Another,
            found => Seen::Good { replayed: found == Replay::Same },
        })
    }

    /// The hashes of a tile above level 0.
    pub(super) async fn tile(&self, tile: Tile) -> Result<Vec<TreeHash>> {
        match self {
            Feed::Server(client) => {
                let bytes = file(client, Resource::Tile(tile)).await?;
                Ok(bytes.as_chunks::<32>().0.iter().copied().map(TreeHash).collect())
            }
            Feed::Database(store) => {
                let from = tile.index as i64 * i64::from(FULL);
                store.hashes(tile.level * 8, from, u32::from(tile.width)).await.map_err(unread)
            }
        }
    }
}

async fn file(client: &Client, resource: Resource) -> Result<Vec<u8>> {
    let path = resource.to_string();
    let parts: Vec<&str> = std::iter::once("log").chain(path.split('/')).collect();
    Ok(client.file(&parts).await?)
}
