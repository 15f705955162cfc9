//! Everything that reads bytes of the log from outside, for examples and for whoever bends them.

use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::checkpoint::witness::AddCheckpoint;
use sternway_domain::audit::note::{Note, SignerKey, VerifierKey};
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::record::Leaf;
use sternway_domain::audit::tile::{Resource, TileSet, bundle, entries};

/// Takes bytes; if they are taken, they are written again.
pub(crate) type Parser = fn(&[u8]) -> Option<Vec<u8>>;

pub(crate) const PARSERS: [(&str, Parser); 10] = [
    ("note", |bytes| Note::parse(bytes).ok().map(|note| note.to_string().into_bytes())),
    ("checkpoint", |bytes| text::<Checkpoint>(bytes)),
    ("proof", |bytes| Proof::parse(bytes).ok().map(|proof| proof.to_string().into_bytes())),
    ("request", |bytes| AddCheckpoint::parse(bytes).ok().map(|request| request.to_string().into_bytes())),
    ("key", |bytes| text::<VerifierKey>(bytes)),
    ("secret", |bytes| {
        str::from_utf8(bytes).ok()?.parse::<SignerKey>().ok().map(|key| key.to_secret_text().into_bytes())
    }),
    ("path", |bytes| text::<Resource>(bytes)),
    ("bundle", |bytes| bundle(entries(bytes, 3).ok()?).ok()),
    ("tile", |bytes| TileSet::new(7).insert(0, 0, bytes).ok().map(|()| bytes.to_vec())),
    ("entry", |bytes| match Leaf::decode(bytes).ok()? {
        Leaf::Clear(entry) => entry.canonical().ok(),
        Leaf::Sealed(record) => record.bytes().ok(),
    }),
];

fn text<T: std::str::FromStr + ToString>(bytes: &[u8]) -> Option<Vec<u8>> {
    str::from_utf8(bytes).ok()?.parse::<T>().ok().map(|value| value.to_string().into_bytes())
}

/// A parser may refuse bytes or take them; it must never take a second spelling of something.
pub(crate) fn try_one(parser: &str, parse: Parser, bytes: &[u8]) {
    if let Some(written) = parse(bytes) {
        assert_eq!(written, bytes, "{parser} took a second spelling: {}", String::from_utf8_lossy(bytes));
    }
}
