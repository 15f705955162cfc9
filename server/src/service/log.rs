//! The log as others read it: signed heads, files of the tree, proofs.

use super::{Caller, Result, Service, ServiceError};
use crate::notary::believed;
use crate::store::StoreError;
use crate::store::rows::CheckpointRow;
use sternway_domain::access::Action;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Opening;
use sternway_domain::audit::merkle::{Plan, TreeHash};
use sternway_domain::audit::note::Note;
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::tile::{Tile, TileSet, bundle};
use sternway_domain::id::DecisionId;

/// The newest signed head.
#[derive(Debug, Clone)]
pub struct SignedHead {
    pub row: CheckpointRow,
    pub note: Note,
    pub checkpoint: Checkpoint,
}

/// The record of a decision as it was hashed, and the texts beside it that are still there.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub index: i64,
    /// The bytes that were hashed; they are text.
    pub entry: String,
    pub openings: Vec<Opening>,
}

fn corrupt(what: &'static str, error: impl std::fmt::Display) -> ServiceError {
    StoreError::Corrupt { what, detail: error.to_string() }.into()
}

impl Service {
    /// `None` before the first entry is signed, about a second after the start.
    pub async fn signed_head(&self) -> Result<Option<SignedHead>> {
        let Some(row) = self.store.checkpoint().await? else { return Ok(None) };
        let note = Note::parse(row.note.as_bytes()).map_err(|error| corrupt("checkpoint", error))?;
        let checkpoint = note.text().parse().map_err(|error| corrupt("checkpoint", error))?;
        Ok(Some(SignedHead { row, note, checkpoint }))
    }

    /// The first entry that nobody has signed yet. `None`: all are signed, or nobody began to sign here. Where keys are at
    /// hand, only they count: the list of keys is what the database says.
    pub(crate) async fn first_unsigned(&self) -> Result<Option<i64>> {
        let keys = self.notary.keys();
        let signed = match self.store.checkpoint().await? {
            None if self.notary.unsigned().is_none() => return Ok(None),
            None => 0,
            Some(row) if !keys.is_empty() => believed(&row, None, keys).ok().flatten().map_or(0, |_| row.size),
            Some(row) => match crate::notary::list(self.store.as_ref()).await {
                Ok(list) => believed(&row, list.as_ref(), keys).map_or(0, |_| row.size),
                // Keys that cannot be read vouch for nothing.
                Err(StoreError::Corrupt { .. }) => 0,
                Err(error) => return Err(error.into()),
            },
        };
        Ok((self.store.head().await?.leaves > signed).then_some(signed))
    }

    /// The hashes of a tile, if the signed tree has it.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>> {
        if !self.is_signed(tile).await? {
            return Ok(None);
        }
        let hashes = self.hashes_of(tile).await?;
        Ok(Some(hashes.iter().flat_map(|hash| hash.0).collect()))
    }

    /// The entries under a tile of level 0, if the signed tree has it.
    pub async fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>> {
        if !self.is_signed(tile).await? {
            return Ok(None);
        }
        let first = tile.index as i64 * 256;
        let rows = self.store.leaves(first, u32::from(tile.width)).await?;
        let whole =
            rows.len() == usize::from(tile.width) && (first..).zip(&rows).all(|(index, row)| row.index == index);
        if !whole {
            return Err(corrupt("log", format!("entries from {first} on are missing")));
        }
        let bytes = bundle(rows.iter().map(|row| row.entry.as_slice()));
        bytes.map(Some).map_err(|error| corrupt("entry of the log", error))
    }

    async fn is_signed(&self, tile: Tile) -> Result<bool> {
        let head = self.store.checkpoint().await?;
        Ok(tile.width > 0 && head.is_some_and(|head| tile.exists_in(head.size as u64)))
    }

    /// Only of tiles that exist: their level and index fit.
    async fn hashes_of(&self, tile: Tile) -> Result<Vec<TreeHash>> {
        let Tile { level, index, width } = tile;
        let hashes = self.store.hashes(level * 8, index as i64 * 256, u32::from(width)).await?;
        if hashes.len() == usize::from(width) {
            return Ok(hashes);
        }
        Err(corrupt("log", format!("tile {index} at level {level} has {} of {width} hashes", hashes.len())))
    }

    /// The root of the first so many entries, by the hashes that are kept.
    pub(crate) async fn root_at(&self, size: u64) -> Result<TreeHash> {
        let root = self.resolve(&Plan::root(size), size).await?;
        root.first().copied().ok_or_else(|| corrupt("log", "a tree has one root"))
    }

    /// That the log of `to` entries begins with the one of `from`.
    pub(crate) async fn growth(&self, from: u64, to: u64) -> Result<Vec<TreeHash>> {
        let plan = Plan::consistency(from, to);
        let plan = plan.map_err(|error| ServiceError::Invalid { field: "from".to_owned(), text: error.to_string() })?;
        self.resolve(&plan, to).await
    }

    /// The hashes of a proof in a tree of this size.
    pub(crate) async fn resolve(&self, plan: &Plan, size: u64) -> Result<Vec<TreeHash>> {
        let mut tiles = TileSet::new(size);
        for tile in Tile::needed(plan, size) {
            let bytes: Vec<u8> = self.hashes_of(tile).await?.iter().flat_map(|hash| hash.0).collect();
            tiles.insert(tile.level, tile.index, &bytes).map_err(|error| corrupt("log", error))?;
        }
        tiles.resolve(plan).map_err(|error| corrupt("log", error))
    }

    /// That the decision's entry is in the log, under the newest signed head. `None`: it is too new to be signed.
    pub async fn inclusion(&self, caller: &Caller, id: DecisionId) -> Result<Option<Proof>> {
        self.authorise(caller, Action::View)?;
        let decision = self.store.decision(id).await?;
        let decision = decision.ok_or_else(|| ServiceError::NotFound { what: "decision", name: id.to_string() })?;
        let index = decision.leaf_index as u64;
        let Some(head) = self.signed_head().await? else { return Ok(None) };
        let Ok(plan) = Plan::inclusion(index, head.checkpoint.size) else { return Ok(None) };
        let hashes = self.resolve(&plan, head.checkpoint.size).await?;
        Ok(Some(Proof { extra: None, index, hashes, checkpoint: head.note }))
    }

    /// What a decision's proof is about: its record, and with which salts its texts were committed to.
    /// Whoever asks reads the decision: that is written down.
    pub async fn sealed(&self, caller: &Caller, id: DecisionId) -> Result<Sealed> {
        let index = self.read_decision(caller, id).await?.leaf_index;
        let leaf = self.store.leaves(index, 1).await?.into_iter().next().filter(|leaf| leaf.index == index);
        let leaf = leaf.ok_or_else(|| corrupt("log", format!("entry {index} is missing")))?;
        let entry = String::from_utf8(leaf.entry).map_err(|error| corrupt("entry of the log", error))?;
        let beside = self.store.texts(index, 1).await?.into_iter().next();
        Ok(Sealed { index, entry, openings: beside.map(|beside| beside.openings).unwrap_or_default() })
    }

    /// That the log of `to` entries begins with the one of `from` entries. `to` is the newest signed size if left out.
    pub async fn consistency(&self, caller: &Caller, from: u64, to: Option<u64>) -> Result<(u64, Vec<TreeHash>)> {
        self.authorise(caller, Action::View)?;
        let signed = self.store.checkpoint().await?.map_or(0, |row| row.size as u64);
        let to = to.unwrap_or(signed);
        let invalid = |field: &str, text: String| ServiceError::Invalid { field: field.to_owned(), text };
        if to > signed {
            return Err(invalid("to", format!("the signed log has {signed} entries")));
        }
        let plan = Plan::consistency(from, to).map_err(|error| invalid("from", error.to_string()))?;
        Ok((to, self.resolve(&plan, to).await?))
    }
}
