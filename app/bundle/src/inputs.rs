//! Knows whether anything changed since the last build.

use std::path::{Path, PathBuf};

use crate::Care;
use crate::failure::Failure;
use crate::house::{self, House};
use crate::publish::Manifest;
use crate::run;

/// What the browser files are made from, files and folders.
const INPUTS: &[&str] = &[
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "app/Cargo.toml",
    "app/bundle/Cargo.toml",
    "app/bundle/package-lock.json",
    "app/bundle/src",
    "app/bundle/style.mjs",
    "app/domain/Cargo.toml",
    "app/domain/src",
    "app/src",
    "app/verify",
    "style",
];

/// One hash over all inputs, the compiler's version and the care asked for.
pub(crate) fn stamp(house: &House, care: Care) -> Result<String, Failure> {
    let mut text = format!("{care:?}\n{}\n", run::read_line("rustc", &["-V"])?);
    for input in INPUTS {
        let path = house.root.join(input);
        let files = if path.is_dir() { house::files_below(&path)? } else { vec![path] };
        for file in files {
            let name = file.strip_prefix(&house.root).unwrap_or(&file);
            text.push_str(&format!("{} {}\n", house::digest(&house::read(&file)?), name.display()));
        }
    }
    Ok(house::digest(text.as_bytes()))
}

pub(crate) fn unchanged(house: &House, stamp: &str) -> bool {
    let Ok(path) = stamp_path(house) else { return false };
    let same = std::fs::read_to_string(path).is_ok_and(|last| last == stamp);
    same && Manifest::read(&house.dist()).is_some_and(|manifest| all_there(&manifest, &house.dist()))
}

pub(crate) fn remember(house: &House, stamp: &str) -> Result<(), Failure> {
    house::write(&stamp_path(house)?, stamp.as_bytes())
}

fn stamp_path(house: &House) -> Result<PathBuf, Failure> {
    Ok(house.work()?.join("stamp"))
}

fn all_there(manifest: &Manifest, dist: &Path) -> bool {
    manifest.0.values().all(|name| dist.join(name).is_file())
}
