//! Where things are.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::Failure;

pub(crate) struct House {
    pub(crate) root: PathBuf,
}

impl House {
    /// The workspace this tool was compiled from.
    pub(crate) fn of_this_source() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here);
        Self { root: root.to_owned() }
    }

    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("app/bundle")
    }

    /// What is kept between runs.
    pub(crate) fn work(&self) -> Result<PathBuf, Failure> {
        let work = self.target().join("bundle");
        fs::create_dir_all(&work).map_err(Failure::file("create", &work))?;
        Ok(work)
    }

    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }
}

/// All files below `folder`, sorted, so that the same tree always gives the same list.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Failure::file("list", folder))? {
        let path = entry.map_err(Failure::file("list", folder))?.path();
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(Failure::file("read", path))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(Failure::file("write", path))
}

/// SHA-256 in lower-case hex, 64 characters.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_the_text_abc_then_the_digest_is_the_one_of_fips_180() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn given_this_source_then_the_root_holds_the_workspace() {
        assert!(House::of_this_source().root.join("app/bundle/Cargo.toml").is_file());
    }
}
