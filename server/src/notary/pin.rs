//! The last checkpoint, outside the database: a file that holds the signed note and nothing else.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use sternway_domain::audit::checkpoint::{Checkpoint, CheckpointError};
use sternway_domain::audit::note::{Note, NoteError};

const ASIDE: &str = "move it aside, keep it as evidence, start again, and run `sternway audit verify`";

#[derive(Debug, thiserror::Error)]
pub enum PinFault {
    #[error("the last checkpoint cannot be read from `{}`; mend its permissions", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` should hold the last checkpoint of the log and holds no signed note; {ASIDE}", .path.display())]
    Note {
        path: PathBuf,
        #[source]
        source: NoteError,
    },
    #[error("`{}` should hold the last checkpoint of the log and holds something else; {ASIDE}", .path.display())]
    Checkpoint {
        path: PathBuf,
        #[source]
        source: CheckpointError,
    },
    #[error("the last checkpoint cannot be kept in `{}`; set `state` to a file beside which one can be written", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// What was kept. Its signature does not count: the file is ours, and the key may have been lost since.
pub(super) fn read(path: &Path) -> Result<Option<Checkpoint>, PinFault> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PinFault::Read { path: path.to_owned(), source }),
    };
    let note = Note::parse(&bytes).map_err(|source| PinFault::Note { path: path.to_owned(), source })?;
    let head = note.text().parse().map_err(|source| PinFault::Checkpoint { path: path.to_owned(), source })?;
    Ok(Some(head))
}

/// Never in the place of a larger one: only [`set_aside`] makes room for less.
pub(super) fn keep(path: &Path, size: u64, note: &str) -> Result<(), PinFault> {
    if read(path)?.is_some_and(|kept| kept.size > size) {
        return Ok(());
    }
    crate::memory::write(path, note).map_err(|source| PinFault::Write { path: path.to_owned(), source })
}

/// Out of the way, but kept: it is evidence.
pub(super) fn set_aside(path: &Path, at: i64) -> Result<PathBuf, PinFault> {
    let aside = path.with_added_extension(format!("before-{at}"));
    match std::fs::rename(path, &aside) {
        Ok(()) => Ok(aside),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(aside),
        Err(source) => Err(PinFault::Write { path: path.to_owned(), source }),
    }
}
