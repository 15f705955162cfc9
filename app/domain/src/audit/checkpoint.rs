//! The signed head of the log (C2SP `tlog-checkpoint`): its origin, how many entries it has, and their root.
//!
//! A checkpoint is the text of a [`Note`]. [`Trust`] says whose signatures count, and for which sizes: a key that was
//! replaced keeps vouching for the log as it was and for nothing later.

mod trust;
pub mod witness;

pub use trust::{LogKey, Trust, TrustError, Trusted, Witnessed};

use super::merkle::TreeHash;
use super::note::{Note, NoteError};
use super::text;
use std::fmt;
use std::str::FromStr;

/// A longer text is refused: an origin, a size, a root and a few extensions need less.
pub const MAX_CHECKPOINT_BYTES: usize = 64_000;

/// The head of the log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: an address without scheme, `sternway.example.com/log`.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    pub root: TreeHash,
    /// Lines after the root. Sternway writes none, and reads them as they are.
    pub extensions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint has {0} bytes, at most {MAX_CHECKPOINT_BYTES} are read")]
    Long(usize),
    #[error("the checkpoint should have at least three lines that end with a line break: origin, size, root")]
    Lines,
    #[error("line {0} of the checkpoint is empty")]
    Empty(usize),
    #[error("line 2 of the checkpoint should be the number of entries, it is `{0}`")]
    Size(String),
    #[error("line 3 of the checkpoint should be the root, 32 bytes in base64, it is `{0}`")]
    Root(String),
    #[error("the origin `{0}` has a line break, is empty or has control characters")]
    Origin(String),
}

impl Checkpoint {
    pub fn new(origin: impl Into<String>, size: u64, root: TreeHash) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if origin.is_empty() || origin.contains(|c: char| c.is_control()) {
            return Err(CheckpointError::Origin(text::quote(&origin)));
        }
        Ok(Self { origin, size, root, extensions: Vec::new() })
    }

    /// The note to be signed.
    pub fn note(&self) -> Result<Note, NoteError> {
        Note::new(self.to_string())
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(given: &str) -> Result<Self, CheckpointError> {
        if given.len() > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointError::Long(given.len()));
        }
        let lines: Vec<&str> = given.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n').collect();
        if let Some(empty) = lines.iter().position(|line| line.is_empty()) {
            return Err(CheckpointError::Empty(empty + 1));
        }
        let [origin, size, root, extensions @ ..] = &lines[..] else { return Err(CheckpointError::Lines) };
        let size = text::decimal(size).ok_or_else(|| CheckpointError::Size(text::quote(size)))?;
        let root = root.parse().map_err(|_| CheckpointError::Root(text::quote(root)))?;
        let mut read = Self::new(*origin, size, root)?;
        read.extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Ok(read)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::empty_root;
    use proptest::prelude::*;

    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn given_the_example_of_the_standard_then_it_is_read_and_written() {
        let read: Checkpoint = EXAMPLE.parse().expect("a checkpoint");
        assert_eq!((read.origin.as_str(), read.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(read.to_string(), EXAMPLE);
        let extended: Checkpoint = format!("{EXAMPLE}one\ntwo\n").parse().expect("a checkpoint");
        assert_eq!(extended.extensions, ["one", "two"]);
        assert_eq!(extended.to_string(), format!("{EXAMPLE}one\ntwo\n"));
    }

    #[test]
    fn given_another_text_then_it_is_refused() {
        let root = empty_root();
        for wrong in [
            String::new(),
            "\n".into(),
            "a\n1\n".into(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n1 \n{root}\n"),
            format!("a\n9223372036854775808\n{root}\n"),
            format!("a\n1\n{root}=\n"),
            format!("a\n1\n{}\n", &root.to_string()[..40]),
            format!("a\n1\n{root}\n\n"),
            format!("a\n1\n{root}\n\nb\n"),
            format!("a\r\n1\r\n{root}\r\n"),
            format!("a\n1\n{root}\n{}", "x\n".repeat(MAX_CHECKPOINT_BYTES)),
        ] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:.90?}");
        }
        for origin in ["", "a\nb", "a\tb"] {
            assert!(Checkpoint::new(origin, 0, root).is_err(), "{origin:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_has_one_spelling(text in "[a-z/ä ]{1,9}\n[0-9]{1,3}\n(47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=|[A-Za-z0-9+/=]{1,44})\n([a-z]{0,3}\n){0,2}") {
            if let Ok(read) = text.parse::<Checkpoint>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
