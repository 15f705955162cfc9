//! The evidence that one entry is in the log, as a file (C2SP `tlog-proof`, version 1): its index, the hashes from the
//! leaf to the root, and the signed head. With the entry's bytes and the log's key nothing else is needed, no network
//! and no Sternway.
//!
//! The standard is an untagged draft; the first line names its version.

use super::checkpoint::{Checkpoint, CheckpointError, Trust, TrustError, Trusted};
use super::merkle::{InclusionError, TreeHash, check_inclusion, leaf_hash};
use super::note::{MAX_NOTE_BYTES, Note, NoteError};
use super::text;
use std::fmt;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// What the file's name ends with.
pub const EXTENSION: &str = "tlog-proof";

/// A tree of 2^63 entries needs no more.
const MAX_HASHES: usize = 63;

/// More extra data is refused.
const MAX_EXTRA_BYTES: usize = 100_000;

/// A longer file is refused unread.
pub const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + MAX_EXTRA_BYTES * 2;

/// A proof taken apart. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whatever the sender adds. Nobody vouches for it.
    pub extra: Option<Vec<u8>>,
    pub index: u64,
    /// From the leaf's sibling upwards.
    pub hashes: Vec<TreeHash>,
    pub checkpoint: Note,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the proof has {0} bytes, at most {MAX_PROOF_BYTES} are read")]
    Long(usize),
    #[error("the proof is not text: byte {0} is not UTF-8")]
    Encoding(usize),
    #[error("the proof should begin with the line `{HEADER}`")]
    Header,
    #[error("line {0} of the proof should be `index` and a number")]
    Index(usize),
    #[error("line {0} of the proof should be `extra` and at most {MAX_EXTRA_BYTES} bytes in base64")]
    Extra(usize),
    #[error("line {0} of the proof should be a hash, 32 bytes in base64")]
    Hash(usize),
    #[error("the proof has more than {MAX_HASHES} hashes")]
    Many,
    #[error("the proof ends before the checkpoint")]
    Ends,
    #[error("the checkpoint in the proof: {0}")]
    Note(NoteError),
    #[error("the checkpoint in the proof: {0}")]
    Checkpoint(CheckpointError),
    #[error("the checkpoint in the proof: {0}")]
    Trust(TrustError),
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
}

impl Proof {
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofError::Long(bytes.len()));
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| ProofError::Encoding(error.valid_up_to()))?;
        let mut rest = whole;
        let mut at = 0;
        let mut line = || -> Result<(usize, &str, &str), ProofError> {
            let (line, after) = rest.split_once('\n').ok_or(ProofError::Ends)?;
            rest = after;
            at += 1;
            Ok((at, line, after))
        };
        if !matches!(line(), Ok((_, HEADER, _))) {
            return Err(ProofError::Header);
        }
        let (mut number, mut second, _) = line()?;
        let mut extra = None;
        if let Some(encoded) = second.strip_prefix("extra ") {
            let short = encoded.len() <= MAX_EXTRA_BYTES / 3 * 4 + 4;
            let decoded = if short { text::base64(encoded) } else { None };
            extra = Some(decoded.ok_or(ProofError::Extra(number))?);
            (number, second, _) = line()?;
        }
        let index = second.strip_prefix("index ").and_then(text::decimal).ok_or(ProofError::Index(number))?;
        let mut hashes = Vec::new();
        loop {
            let (number, line, after) = line()?;
            if line.is_empty() {
                let checkpoint = Note::parse(after.as_bytes()).map_err(ProofError::Note)?;
                checkpoint.text().parse::<Checkpoint>().map_err(ProofError::Checkpoint)?;
                return Ok(Self { extra, index, hashes, checkpoint });
            }
            if hashes.len() == MAX_HASHES {
                return Err(ProofError::Many);
            }
            hashes.push(line.parse().map_err(|_| ProofError::Hash(number))?);
        }
    }

    /// Whether these are the bytes of the entry with this index, in a head that deserves trust.
    pub fn check(&self, entry: &[u8], trust: &Trust) -> Result<Trusted, ProofError> {
        let trusted = trust.open_note(self.checkpoint.clone()).map_err(ProofError::Trust)?;
        let head = &trusted.checkpoint;
        check_inclusion(self.index, head.size, leaf_hash(entry), &self.hashes, head.root)?;
        Ok(trusted)
    }
}

/// The file.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checkpoint::Checkpoint;
    use crate::audit::merkle::{Frontier, Plan};
    use crate::audit::note::{KeyKind, SignerKey};
    use crate::audit::tile::{TileSet, tiles_of};

    const ORIGIN: &str = "sternway.example/log";

    fn key(seed: u8) -> SignerKey {
        SignerKey::new(ORIGIN, KeyKind::Plain, [seed; 32]).expect("a good name")
    }

    fn entry(index: u64) -> Vec<u8> {
        format!("entry {index}").into_bytes()
    }

    /// The proof for an entry in a log of this size.
    fn proof(index: u64, size: u64) -> Proof {
        let leaves: Vec<_> = (0..size).map(|index| leaf_hash(&entry(index))).collect();
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let mut set = TileSet::new(size);
        for (tile, bytes) in tiles_of(&leaves) {
            set.insert(tile.level, tile.index, &bytes).expect("a tile of this tree");
        }
        let hashes = set.resolve(&Plan::inclusion(index, size).expect("in range")).expect("all are there");
        let head = Checkpoint::new(ORIGIN, size, frontier.root()).expect("a good origin");
        let mut checkpoint = head.note().expect("text");
        checkpoint.sign(&key(1));
        Proof { extra: None, index, hashes, checkpoint }
    }

    #[test]
    fn given_an_entry_then_its_proof_is_written_read_and_holds() {
        let trust = Trust::one(ORIGIN, key(1).verifier().clone());
        for (index, size) in [(0, 1), (4, 7), (6, 7), (300, 1000)] {
            let mut proof = proof(index, size);
            proof.extra = (index > 0).then(|| vec![1, 2, 3]);
            let text = proof.to_string();
            assert_eq!(Proof::parse(text.as_bytes()), Ok(proof.clone()), "{text}");
            let trusted = proof.check(&entry(index), &trust).expect("it holds");
            assert_eq!(trusted.checkpoint.size, size);
            let other = proof.check(&entry(index + 1), &trust);
            assert!(matches!(other, Err(ProofError::Inclusion(InclusionError::Root { .. }))), "{other:?}");
            proof.index += 1;
            assert!(proof.check(&entry(index), &trust).is_err());
        }
        let stranger = Trust::one(ORIGIN, key(2).verifier().clone());
        assert!(matches!(proof(4, 7).check(&entry(4), &stranger), Err(ProofError::Trust(_))));
    }

    #[test]
    fn given_a_malformed_proof_then_it_is_refused_with_the_line() {
        let good = proof(4, 7).to_string();
        let parse = |text: &str| Proof::parse(text.as_bytes()).expect_err(text);
        assert_eq!(parse(""), ProofError::Header);
        assert_eq!(parse(&good.replace("@v1", "@v2")), ProofError::Header);
        assert_eq!(parse(HEADER), ProofError::Header);
        assert_eq!(parse(&format!("{HEADER}\n")), ProofError::Ends);
        assert_eq!(parse(&good.replace("index 4", "index 04")), ProofError::Index(2));
        assert_eq!(parse(&good.replace("index 4", "index -4")), ProofError::Index(2));
        assert_eq!(parse(&good.replace("index 4", "extra !\nindex 4")), ProofError::Extra(2));
        assert_eq!(parse(&good.replace("index 4", "extra AQI=\nextra AQI=\nindex 4")), ProofError::Index(3));
        assert_eq!(parse(&good.replace("index 4\n", "index 4\nAAAA\n")), ProofError::Hash(3));
        let hash = format!("{}\n", leaf_hash(b""));
        assert_eq!(parse(&good.replace("index 4\n", &format!("index 4\n{}", hash.repeat(64)))), ProofError::Many);
        let end = good.find("\n\n").expect("an empty line");
        assert_eq!(parse(&good[..=end]), ProofError::Ends);
        assert!(matches!(parse(&good[..end + 2]), ProofError::Note(_)));
        assert_eq!(parse(&good.replacen("\n\n", "\n\n\n", 1)), ProofError::Checkpoint(CheckpointError::Empty(1)));
        assert_eq!(
            parse(&format!("{good}{}", "x".repeat(MAX_PROOF_BYTES))),
            ProofError::Long(good.len() + MAX_PROOF_BYTES)
        );
        let extra = format!("index 4\n{}", "A".repeat(MAX_EXTRA_BYTES * 2));
        assert!(matches!(parse(&good.replace("index 4", &extra)), ProofError::Hash(3)));
        let extra = format!("extra {}\nindex 4", "A".repeat(MAX_EXTRA_BYTES / 3 * 4 + 8));
        assert_eq!(parse(&good.replace("index 4", &extra)), ProofError::Extra(2));
        assert_eq!(Proof::parse(b"\xff"), Err(ProofError::Encoding(0)));
    }
}
