//! Signs the head of the log, and nothing that does not extend what was signed before.
//!
//! Once a second, while there is news, one replica recomputes the new entries' hashes from their stored bytes, puts them
//! to the tree it holds in memory, and signs the root. The last checkpoint is also kept outside the database, in a file
//! beside the state: a tree that does not extend it is not signed, automation holds, and an alarm is raised until a
//! person confirms what is observed.
//!
//! At a start the whole log is recomputed before anything is signed.

use crate::ports::Rng;
use std::path::PathBuf;
use std::sync::Arc;
use sternway_domain::audit::note::{KeyKind, SignerKey, VerifierKey};

mod climb;
mod key;
mod pin;
mod sign;

pub use key::{KeyFault, KeyPlace, origin_of};
pub use pin::PinFault;
pub use sign::{LookFault, Signer, look, run};

/// Whose checkpoints these are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notary(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: SignerKey,
    /// Where the last checkpoint is kept outside the database; `None`: nowhere.
    pin: Option<PathBuf>,
}

impl Notary {
    pub fn new(key: SignerKey, pin: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { key, pin }))
    }

    /// With a key that is gone when the process ends.
    pub fn passing(rng: &dyn Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        Self::new(SignerKey::new(key::NAMELESS, KeyKind::Plain, secret).expect("letters are a name"), None)
    }

    pub fn key(&self) -> &VerifierKey {
        self.0.key.verifier()
    }

    /// Which log this is. The key has its name.
    pub fn origin(&self) -> &str {
        self.key().name()
    }
}
