//! Whether the files are those that the manifest names.

use super::super::manifest::FileView;
use super::super::open::Pack;
use super::super::*;
use super::{Asked, Bad, Failed};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io::Read;
use sternway_domain::id::hex;

/// A file in the shape it has.
pub(super) fn json<T: DeserializeOwned>(pack: &Pack, name: &str) -> Result<T, Failed> {
    let bytes = pack.whole(name)?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| Bad::file(name, error.to_string()))?)
}

/// Digest by digest. Gives the manifest.
pub(super) fn check(pack: &Pack) -> Result<Manifest, Failed> {
    let manifest: Manifest = json(pack, MANIFEST)?;
    if manifest.format != FORMAT {
        let text = format!("its format is `{}`, this program reads `{FORMAT}`", manifest.format);
        return Err(Failed::Unread(Bad::file(MANIFEST, text).to_string()));
    }
    let mut named = BTreeSet::new();
    for file in &manifest.files {
        if !named.insert(file.name.as_str()) {
            return Err(Bad::file(MANIFEST, format!("it names `{}` twice", file.name)).into());
        }
        same(pack, file)?;
    }
    if let Some(stranger) = pack.names().find(|name| *name != MANIFEST && !named.contains(name)) {
        return Err(Bad::file(stranger, "the manifest does not name it").into());
    }
    belong(&manifest, &named)?;
    Ok(manifest)
}

fn same(pack: &Pack, file: &FileView) -> Result<(), Failed> {
    let FileView { name, size, sha256 } = file;
    let Some(found) = pack.size(name) else {
        return Err(Bad::file(name, "it is missing; the manifest names it").into());
    };
    if found != *size {
        return Err(Bad::file(name, format!("it has {found} bytes, the manifest says {size}")).into());
    }
    let mut reader = pack.reader(name)?;
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer).map_err(|error| Bad::file(name, error.to_string()))? {
            0 => break,
            read => sha.update(&buffer[..read]),
        }
    }
    if hex(&sha.finalize()) == *sha256 {
        Ok(())
    } else {
        Err(Bad::file(name, "it is not the file the manifest names").into())
    }
}

/// The fixed ones are there, and files of entries are those of the stretch. What else may be there is seen when it is used.
fn belong(manifest: &Manifest, named: &BTreeSet<&str>) -> Result<(), Failed> {
    let fixed = [README, CHECKPOINT, KEY, STRETCH, DECISIONS, SHEET, REPORT];
    if let Some(missing) = fixed.into_iter().find(|name| !named.contains(name)) {
        return Err(Bad::file(missing, "it is missing").into());
    }
    let StretchView { from, to } = manifest.about.stretch;
    if from > to || to > manifest.about.log.size {
        return Err(Bad::file(MANIFEST, format!("its stretch, {from} to {to}, is none of this log")).into());
    }
    if let Asked::Decision { .. } = manifest.about.asked
        && to - from != 1
    {
        return Err(Bad::file(MANIFEST, "one decision is one entry").into());
    }
    let mut expected = from;
    for name in named.iter().filter(|name| name.starts_with("entries/") && **name != LATER) {
        if expected >= to || *name != entries(expected) {
            return Err(Bad::file(name, "no entries of this name belong to the pack").into());
        }
        expected = expected.saturating_add(PER_FILE);
    }
    if expected < to {
        return Err(Bad::entry(&entries(expected), expected, "it is missing").into());
    }
    Ok(())
}
