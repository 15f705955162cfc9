//! Whose signature makes a checkpoint one of the log.

use super::{Checkpoint, CheckpointError};
use crate::audit::note::{Note, NoteError, VerifierKey};

/// What a reader knows of a log before reading: from configuration, or printed on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    pub origin: String,
    /// At least one of these must have signed.
    pub keys: Vec<LogKey>,
    /// Their signatures are checked and reported, and not needed unless `quorum` says so.
    pub witnesses: Vec<VerifierKey>,
    /// How many different witnesses must have signed.
    pub quorum: usize,
}

/// A key of the log and the sizes it may sign. After a rotation the old key ends where the new one has begun, with the
/// entry that says so between; both may sign in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    pub key: VerifierKey,
    /// The smallest size it signs.
    pub from: u64,
    /// The largest size it signs; `None` while it is in use.
    pub until: Option<u64>,
}

impl LogKey {
    /// A key for all sizes.
    pub fn always(key: VerifierKey) -> Self {
        Self { key, from: 0, until: None }
    }

    fn covers(&self, size: u64) -> bool {
        self.from <= size && self.until.is_none_or(|until| size <= until)
    }
}

/// A checkpoint that deserves trust, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    pub checkpoint: Checkpoint,
    /// The log's keys that signed, valid for this size.
    pub signed_by: Vec<VerifierKey>,
    /// Who confirmed it from outside, newest first.
    pub witnessed: Vec<Witnessed>,
    pub note: Note,
}

/// A witness saw this head, and every earlier one it saw is a beginning of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    pub name: String,
    /// In seconds since the Unix epoch.
    pub at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("this is a checkpoint of `{found}`, not of `{expected}`")]
    Origin { expected: String, found: String },
    #[error("no key of the log signed this, only its witnesses did")]
    NotTheLog,
    #[error("the key `{key}` may not sign a log of {size} entries: it was replaced earlier or came into use later")]
    Retired { key: VerifierKey, size: u64 },
    #[error("{found} of the known witnesses signed, {quorum} are required")]
    Quorum { quorum: usize, found: usize },
}

impl Trust {
    /// A log with one key and no witnesses.
    pub fn one(origin: impl Into<String>, key: VerifierKey) -> Self {
        Self { origin: origin.into(), keys: vec![LogKey::always(key)], witnesses: Vec::new(), quorum: 0 }
    }

    /// Whether this is a checkpoint of the log.
    pub fn open(&self, bytes: &[u8]) -> Result<Trusted, TrustError> {
        self.open_note(Note::parse(bytes)?)
    }

    /// Like [`Self::open`], for a note that was taken apart already.
    pub fn open_note(&self, note: Note) -> Result<Trusted, TrustError> {
        // One list, so that a wrong signature of anybody known spoils the note.
        let known: Vec<VerifierKey> = self.keys.iter().map(|one| &one.key).chain(&self.witnesses).cloned().collect();
        let verified = note.open(&known)?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != self.origin {
            return Err(TrustError::Origin { expected: self.origin.clone(), found: checkpoint.origin });
        }
        let mut signed_by: Vec<VerifierKey> = Vec::new();
        let mut retired = None;
        let mut witnessed: Vec<Witnessed> = Vec::new();
        for one in verified {
            let mut terms = self.keys.iter().filter(|term| term.key == *one.key).peekable();
            if terms.peek().is_some() {
                if terms.any(|term| term.covers(checkpoint.size)) {
                    signed_by.push(one.key.clone());
                } else {
                    retired = Some(one.key.clone());
                }
            } else if let Some(at) = one.at {
                witnessed.push(Witnessed { name: one.key.name().to_owned(), at });
            }
        }
        if signed_by.is_empty() {
            let size = checkpoint.size;
            return Err(retired.map_or(TrustError::NotTheLog, |key| TrustError::Retired { key, size }));
        }
        witnessed.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.name.cmp(&b.name)));
        let mut names: Vec<&str> = witnessed.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.quorum {
            return Err(TrustError::Quorum { quorum: self.quorum, found: names.len() });
        }
        Ok(Trusted { checkpoint, signed_by, witnessed, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::empty_root;
    use crate::audit::note::{KeyKind, SignerKey};

    const ORIGIN: &str = "sternway.example/log";

    fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(name, kind, [seed; 32]).expect("a good name")
    }

    fn note(origin: &str, size: u64, keys: &[&SignerKey]) -> Note {
        let head = Checkpoint::new(origin, size, empty_root()).expect("a good origin");
        let mut note = head.note().expect("text");
        for key in keys {
            match key.verifier().kind() {
                KeyKind::Plain => note.sign(key),
                KeyKind::Witness => note.cosign(key, 1_700_000_000 + u64::from(key.verifier().id() % 2)),
            }
        }
        note
    }

    #[test]
    fn given_a_checkpoint_of_the_log_then_it_is_trusted_and_says_who_saw_it() {
        let log = key(ORIGIN, KeyKind::Plain, 1);
        let (one, two) = (key("w1.example", KeyKind::Witness, 2), key("w2.example", KeyKind::Witness, 3));
        let mut trust = Trust::one(ORIGIN, log.verifier().clone());
        let alone = note(ORIGIN, 7, &[&log]).to_string();
        let opened = trust.open(alone.as_bytes()).expect("signed by the log");
        assert_eq!((opened.checkpoint.size, opened.witnessed.len()), (7, 0));
        assert_eq!(opened.signed_by, [log.verifier().clone()]);

        trust.witnesses = vec![one.verifier().clone(), two.verifier().clone()];
        trust.quorum = 2;
        assert_eq!(trust.open(alone.as_bytes()), Err(TrustError::Quorum { quorum: 2, found: 0 }));
        // One witness twice is one witness.
        let mut twice = note(ORIGIN, 7, &[&log, &one]);
        let mut later = note(ORIGIN, 7, &[]);
        later.cosign(&one, 1_800_000_000);
        let line = format!("{}\n", later.signatures()[0]);
        assert_eq!(twice.take(line.as_bytes(), &trust.witnesses), Ok(1));
        assert_eq!(trust.open_note(twice), Err(TrustError::Quorum { quorum: 2, found: 1 }));
        let both = trust.open_note(note(ORIGIN, 7, &[&log, &one, &two])).expect("two saw it");
        assert_eq!(both.witnessed.len(), 2);
        assert!(both.witnessed[0].at >= both.witnessed[1].at, "newest first");
    }

    #[test]
    fn given_another_log_or_only_witnesses_then_it_is_not_trusted() {
        let (log, witness) = (key(ORIGIN, KeyKind::Plain, 1), key("w1.example", KeyKind::Witness, 2));
        let mut trust = Trust::one(ORIGIN, log.verifier().clone());
        trust.witnesses = vec![witness.verifier().clone()];
        let error = TrustError::Origin { expected: ORIGIN.into(), found: "other.example".into() };
        assert_eq!(trust.open_note(note("other.example", 7, &[&log])), Err(error));
        assert_eq!(trust.open_note(note(ORIGIN, 7, &[&witness])), Err(TrustError::NotTheLog));
        let stranger = key(ORIGIN, KeyKind::Plain, 9);
        let unknown = trust.open_note(note(ORIGIN, 7, &[&stranger]));
        assert!(matches!(unknown, Err(TrustError::Note(NoteError::Unknown(_)))), "{unknown:?}");
        let mut text = Note::new("not a checkpoint\n").expect("text");
        text.sign(&log);
        assert_eq!(trust.open_note(text), Err(TrustError::Checkpoint(CheckpointError::Lines)));
    }

    #[test]
    fn given_a_rotation_then_each_key_vouches_for_its_own_sizes() {
        let (old, new) = (key(ORIGIN, KeyKind::Plain, 1), key(ORIGIN, KeyKind::Plain, 2));
        let keys = vec![
            LogKey { key: old.verifier().clone(), from: 0, until: Some(100) },
            LogKey { key: new.verifier().clone(), from: 100, until: None },
        ];
        let trust = Trust { origin: ORIGIN.into(), keys, witnesses: Vec::new(), quorum: 0 };
        let open =
            |size: u64, keys: &[&SignerKey]| trust.open_note(note(ORIGIN, size, keys)).map(|one| one.signed_by.len());
        assert_eq!(open(99, &[&old]), Ok(1));
        assert_eq!(open(100, &[&old, &new]), Ok(2));
        assert_eq!(open(101, &[&new]), Ok(1));
        assert_eq!(open(101, &[&old, &new]), Ok(1));
        assert_eq!(open(101, &[&old]), Err(TrustError::Retired { key: old.verifier().clone(), size: 101 }));
        assert_eq!(open(99, &[&new]), Err(TrustError::Retired { key: new.verifier().clone(), size: 99 }));
    }
}
