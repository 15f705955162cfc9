//! Signs the head of the log, and nothing that does not extend what was signed before.
//!
//! Once a second, while there is news, one replica recomputes the new entries' hashes from their stored bytes, puts them
//! to the tree it holds in memory, and signs the root. The last checkpoint is also kept outside the database, in a file
//! beside the state: a tree that does not extend it is not signed, automation holds, and an alarm is raised until a
//! person confirms what is observed.
//!
//! Which key signs stands in the database, in the log itself: see [`sternway_domain::audit::keys`]. A replica that does not
//! have it signs nothing, and says so; it never goes on under another one by itself.
//!
//! At a start the whole log is recomputed before anything is signed. Witnesses are asked beside all this: see [`witness`].

use crate::ports::Rng;
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::confirmation::Confirmation;
use sternway_domain::audit::keys::{KeyList, KeyTerm, Statement};
use sternway_domain::audit::note::{Note, SignerKey, VerifierKey};

mod base;
mod climb;
mod key;
mod pin;
mod sign;
pub mod witness;

pub(crate) use base::believed;
pub use key::{KeyFault, KeyPlace, fresh, origin_of};
pub use pin::PinFault;
pub use sign::{LookFault, Signer, look, run};

/// Whose checkpoints these are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notary(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where keys are read again; `None`: they are gone when the process ends.
    place: Option<KeyPlace>,
    /// Which log this is: the name of its keys.
    origin: String,
    keys: RwLock<Vec<Arc<SignerKey>>>,
    /// Where the last checkpoint is kept outside the database; `None`: nowhere.
    pin: Option<PathBuf>,
    /// Why this replica signs nothing now.
    unsigned: RwLock<Option<Unsigned>>,
    /// What is wrong with witnesses, by name.
    witnesses: RwLock<BTreeMap<String, String>>,
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error(
        "the log's key `{key}` is not in {place}: put it there from your copy (another replica may have it), or, if it is \
         lost for good, go on with `sternway audit new-key --reason …`"
    )]
    Key { key: String, place: String },
    #[error("{0}")]
    Fault(String),
}

/// Gets the keys ready before the first start of a log, or finds them at a later one.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    pub place: &'a KeyPlace,
    /// What the log is to be called; empty: as it is called already.
    pub origin: &'a str,
    /// What a new log is called if nobody says.
    pub usual: &'a str,
    pub pin: Option<PathBuf>,
}

fn read<T: Clone>(of: &RwLock<T>) -> T {
    of.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Notary {
    /// With one key, and nowhere to put another one.
    pub fn new(key: SignerKey, pin: Option<PathBuf>) -> Self {
        let origin = key.verifier().name().to_owned();
        Self::with(None, origin, vec![key], pin)
    }

    /// With a key that is gone when the process ends.
    pub fn passing(rng: &dyn Rng) -> Self {
        Self::new(fresh(key::NAMELESS, rng).expect("letters are a name"), None)
    }

    /// A key is made only for a log that was never signed.
    pub async fn open(store: &dyn Store, opening: Opening<'_>, rng: &dyn Rng) -> Result<Self, OpenFault> {
        let Opening { place, origin, usual, pin } = opening;
        let (signed, before) = signed_as(store).await?;
        let name = if origin.is_empty() { usual } else { origin };
        let keys = place.keys((!signed).then_some(name), rng)?;
        let named = before.or_else(|| keys.first().map(|key| key.verifier().name().to_owned()));
        let named = named.unwrap_or_else(|| name.to_owned());
        let stranger = keys.iter().map(|key| key.verifier().name()).find(|name| *name != named);
        if let Some(name) = stranger.or_else(|| (!origin.is_empty() && origin != named).then_some(named.as_str())) {
            let origin = if origin.is_empty() || origin == name { named.clone() } else { origin.to_owned() };
            return Err(KeyFault::Name { origin, name: name.to_owned() }.into());
        }
        Ok(Self::with(Some(place.clone()), named, keys, pin))
    }

    fn with(place: Option<KeyPlace>, origin: String, keys: Vec<SignerKey>, pin: Option<PathBuf>) -> Self {
        let keys = RwLock::new(keys.into_iter().map(Arc::new).collect());
        let (unsigned, witnesses) = (RwLock::default(), RwLock::default());
        Self(Arc::new(Inner { place, origin, keys, pin, unsigned, witnesses }))
    }

    /// Which log this is. Its keys have its name.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The public halves of the keys at hand. The first one begins a new log.
    pub fn keys(&self) -> Vec<VerifierKey> {
        read(&self.0.keys).iter().map(|key| key.verifier().clone()).collect()
    }

    /// Why nothing is signed now, if nothing is.
    pub fn unsigned(&self) -> Option<Unsigned> {
        read(&self.0.unsigned)
    }

    /// What is wrong with witnesses, by name, as far as this replica asked them.
    pub fn witness_troubles(&self) -> BTreeMap<String, String> {
        read(&self.0.witnesses)
    }

    /// The secret half, if it is at hand.
    pub(crate) fn secret(&self, key: &VerifierKey) -> Option<Arc<SignerKey>> {
        read(&self.0.keys).into_iter().find(|at_hand| at_hand.verifier() == key)
    }

    /// Keys may have been put there since.
    pub(crate) fn read_again(&self) -> Result<(), KeyFault> {
        let Some(place) = &self.0.place else { return Ok(()) };
        let read: Vec<Arc<SignerKey>> = place.read()?.unwrap_or_default().into_iter().map(Arc::new).collect();
        if let Some(other) = read.iter().find(|key| key.verifier().name() != self.origin()) {
            let (origin, name) = (self.origin().to_owned(), other.verifier().name().to_owned());
            return Err(KeyFault::Name { origin, name });
        }
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// A key that never signed: one that lies ready, or a new one, which then does.
    pub(crate) fn next(&self, used: Option<&KeyList>, rng: &dyn Rng) -> Result<Arc<SignerKey>, KeyFault> {
        self.read_again()?;
        let is_used = |key: &VerifierKey| used.is_some_and(|list| list.terms().iter().any(|term| term.key == *key));
        if let Some(ready) = read(&self.0.keys).into_iter().find(|key| !is_used(key.verifier())) {
            return Ok(ready);
        }
        let made = Arc::new(fresh(self.origin(), rng)?);
        if let Some(place) = &self.0.place {
            place.add(&made)?;
        }
        self.0.keys.write().unwrap_or_else(PoisonError::into_inner).insert(0, made.clone());
        Ok(made)
    }

    /// Signs with the keys at hand that a person confirmed a restored database. `None`: there is no key that counts.
    pub(crate) async fn confirm(
        &self,
        store: &dyn Store,
        confirmation: Confirmation,
    ) -> Result<Option<String>, StoreError> {
        if read(&self.0.keys).is_empty() {
            self.again_at_hand();
        }
        let retired = retired(store).await?;
        let mut keys = read(&self.0.keys);
        keys.retain(|key| !retired.contains(key.verifier()));
        let Ok(mut note) = confirmation.note(self.origin()) else { return Ok(None) };
        keys.iter().for_each(|key| note.sign(key));
        Ok((!keys.is_empty()).then(|| note.to_string()))
    }

    /// What [`Notary::confirm`] signed here or at a replica with the same key. Only keys at hand count: which keys there
    /// were otherwise is said by the database. One that another took the place of counts no longer.
    pub(crate) async fn confirmation(
        &self,
        store: &dyn Store,
        note: &[u8],
    ) -> Result<Option<Confirmation>, StoreError> {
        let retired = match retired(store).await {
            Err(StoreError::Corrupt { .. }) => return Ok(None),
            found => found?,
        };
        let open = || {
            let mut keys = self.keys();
            keys.retain(|key| !retired.contains(key));
            Confirmation::open(note, self.origin(), &keys).ok()
        };
        Ok(open().or_else(|| {
            self.again_at_hand();
            open()
        }))
    }

    fn again_at_hand(&self) {
        if let Err(fault) = self.read_again() {
            tracing::warn!(error = &fault as &dyn std::error::Error, "the log's keys were not read again");
        }
    }

    pub(crate) fn place(&self) -> String {
        self.0.place.as_ref().map_or_else(|| "memory".to_owned(), KeyPlace::shown)
    }

    fn set_unsigned(&self, why: Option<Unsigned>) {
        *self.0.unsigned.write().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn set_witness(&self, name: &str, trouble: Option<String>) {
        let mut all = self.0.witnesses.write().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(text) => all.insert(name.to_owned(), text),
            None => all.remove(name),
        };
    }
}

/// Why the keys are not ready.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// Whether the log was signed before, and what it is called by those who have seen that.
async fn signed_as(store: &dyn Store) -> Result<(bool, Option<String>), StoreError> {
    if let Some(row) = store.log_keys().await?.pop() {
        return Ok((true, Some(row.key.name().to_owned())));
    }
    let Some(row) = store.checkpoint().await? else { return Ok((false, None)) };
    // What cannot be read was signed all the same, and will be noticed.
    let head = Note::parse(row.note.as_bytes()).ok().and_then(|note| note.text().parse::<Checkpoint>().ok());
    Ok((true, head.map(|head| head.origin)))
}

/// Keys that vouched for the one after them, which no other could have said.
async fn retired(store: &dyn Store) -> Result<Vec<VerifierKey>, StoreError> {
    let list = list(store).await?;
    let terms = list.as_ref().map_or(&[][..], KeyList::terms);
    let rotated = terms.iter().filter_map(|term| term.statement.as_ref()).filter(|statement| statement.rotated);
    let in_use = terms.last().map(|term| &term.key);
    Ok(rotated.filter_map(|statement| statement.old.clone()).filter(|old| Some(old) != in_use).collect())
}

/// The keys the log was signed with, as far as the database says. `None`: nothing was signed since it keeps them.
pub(crate) async fn list(store: &dyn Store) -> Result<Option<KeyList>, StoreError> {
    let rows = store.log_keys().await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let corrupt = |detail: String| StoreError::Corrupt { what: "key of the log", detail };
    let mut terms = Vec::with_capacity(rows.len());
    for row in rows {
        let statement = match row.statement.as_str() {
            "" => None,
            text => Some(Statement::open(text.as_bytes()).map_err(|error| corrupt(error.to_string()))?),
        };
        terms.push(KeyTerm { key: row.key, from: row.from as u64, statement });
    }
    KeyList::new(terms).map(Some).map_err(|error| corrupt(error.to_string()))
}
