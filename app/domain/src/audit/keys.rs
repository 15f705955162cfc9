//! Which keys the log was signed with, and from which size to which: what is needed to check a checkpoint of any age.
//!
//! A key is replaced in one of two ways. *Rotated*: the old key and the new one sign a [`Statement`] together, and the
//! checkpoint of the first size that the new key signs bears both signatures. Whoever trusts one of them can then trust
//! the other, each for its own sizes. *Lost*: the new key signs alone. Nothing leads from one to the other, and that is
//! shown for good.
//!
//! Either way the entry before the first size of the new key names the statement by its digest. The list is text, one line
//! for each key, oldest first, below the key in use and an empty line:
//!
//! ```text
//! sternway.example/log+c0ffee11+AS…
//!
//! sternway.example/log+12345678+AQ… from 0 until 412
//! sternway.example/log+c0ffee11+AS… from 412 rotated c3Rlcm53YXku…
//! ```
//!
//! What stands at the end of a line is the signed statement in base64.

mod list;

pub use list::{KeyList, KeyListError, KeyTerm};

use super::note::{Note, NoteError, SignerKey, VerifierKey};
use crate::id::Digest;
use std::fmt;

/// How a key came into use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was there from the beginning.
    First,
    /// The earlier key vouches for it.
    Rotated,
    /// The earlier key was not at hand any more.
    Lost,
}

impl Change {
    /// As it is written in lists and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::First => "first",
            Change::Rotated => "rotated",
            Change::Lost => "lost",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Change::First, Change::Rotated, Change::Lost].into_iter().find(|change| change.as_str() == text)
    }
}

/// That one key takes the place of another one, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub rotated: bool,
    /// `None`: it is not known any more.
    pub old: Option<VerifierKey>,
    pub new: VerifierKey,
    note: Note,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("it is no signed note: {0}")]
    Note(#[from] NoteError),
    #[error("it does not say which key takes the place of which")]
    Text,
    #[error("the key `{0}` did not sign it")]
    Unsigned(VerifierKey),
    #[error("the keys are of two logs, `{old}` and `{new}`")]
    Names { old: String, new: String },
}

impl Statement {
    /// The old key vouches for the new one.
    pub fn rotated(old: &SignerKey, new: &SignerKey) -> Result<Self, StatementError> {
        let mut made = Self::write(true, Some(old.verifier().clone()), new.verifier().clone())?;
        made.note.sign(old);
        made.note.sign(new);
        Ok(made)
    }

    /// The old key is gone; the new one says so alone.
    pub fn lost(old: Option<VerifierKey>, new: &SignerKey) -> Result<Self, StatementError> {
        let mut made = Self::write(false, old, new.verifier().clone())?;
        made.note.sign(new);
        Ok(made)
    }

    fn write(rotated: bool, old: Option<VerifierKey>, new: VerifierKey) -> Result<Self, StatementError> {
        if let Some(old) = old.as_ref().filter(|old| old.name() != new.name()) {
            return Err(StatementError::Names { old: old.name().to_owned(), new: new.name().to_owned() });
        }
        let how = if rotated { "rotated" } else { "lost" };
        let before = old.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let note = Note::new(format!("{}\nkey {how}\nold {before}\nnew {new}\n", new.name()))?;
        Ok(Self { rotated, old, new, note })
    }

    /// Reads one, and checks that the keys it names signed it.
    pub fn open(bytes: &[u8]) -> Result<Self, StatementError> {
        let note = Note::parse(bytes)?;
        let lines: Vec<&str> = note.text().lines().collect();
        let [_, how, old, new] = lines[..] else { return Err(StatementError::Text) };
        let rotated = match how {
            "key rotated" => true,
            "key lost" => false,
            _ => return Err(StatementError::Text),
        };
        let key = |text: &str| text.parse::<VerifierKey>().map_err(|_| StatementError::Text);
        let new = key(new.strip_prefix("new ").ok_or(StatementError::Text)?)?;
        let old = match old.strip_prefix("old ").ok_or(StatementError::Text)? {
            "unknown" if !rotated => None,
            text => Some(key(text)?),
        };
        // One spelling: what was written by the same words.
        let mut read = Self::write(rotated, old, new)?;
        if read.note.text() != note.text() {
            return Err(StatementError::Text);
        }
        let signers: Vec<VerifierKey> =
            read.old.iter().filter(|_| rotated).chain(std::iter::once(&read.new)).cloned().collect();
        let verified = note.open(&signers)?;
        if let Some(missing) = signers.iter().find(|key| !verified.iter().any(|one| one.key == *key)) {
            return Err(StatementError::Unsigned(missing.clone()));
        }
        read.note = note;
        Ok(read)
    }

    /// What its entry of the log names it by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }
}

/// The signed note.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.note, f)
    }
}

#[cfg(test)]
mod tests;
