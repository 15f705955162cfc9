//! That a person confirmed what is observed after a restore, signed with the log's key.
//!
//! A row of the database says nothing by itself: whoever can write there could roll the log back and say that somebody agreed.
//! The text is that of a [`Note`], and none of a checkpoint or of a change of keys:
//!
//! ```text
//! sternway.example/log
//! restore confirmed
//! database 1795269795123456
//! times 2
//! ```

use super::note::{Note, NoteError, VerifierKey};
use super::text;
use std::fmt;

/// Which database, and how often it was confirmed by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// When the database was made, in microseconds since the Unix epoch, UTC.
    pub born: i64,
    /// Counts every confirmation.
    pub epoch: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("it does not say which database was confirmed, and how often")]
    Text,
}

impl Confirmation {
    /// To be signed, for the log of this name.
    pub fn note(&self, origin: &str) -> Result<Note, NoteError> {
        Note::new(format!("{origin}\n{self}"))
    }

    /// Reads one, and checks that a known key of the log of this name signed it.
    pub fn open(bytes: &[u8], origin: &str, known: &[VerifierKey]) -> Result<Self, ConfirmationError> {
        let note = Note::parse(bytes)?;
        note.open(known)?;
        let lines: Vec<&str> = note.text().lines().collect();
        let [_, _, database, times] = lines[..] else { return Err(ConfirmationError::Text) };
        let number = |line: &str, name: &str| {
            let number = line.strip_prefix(name).and_then(text::decimal).ok_or(ConfirmationError::Text)?;
            i64::try_from(number).map_err(|_| ConfirmationError::Text)
        };
        let read = Self { born: number(database, "database ")?, epoch: number(times, "times ")? };
        // One spelling, and this log.
        if note.text() == format!("{origin}\n{read}") { Ok(read) } else { Err(ConfirmationError::Text) }
    }
}

/// What follows the name of the log.
impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "restore confirmed\ndatabase {}\ntimes {}", self.born, self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checkpoint::Checkpoint;
    use crate::audit::note::{KeyKind, SignerKey};

    fn key(secret: u8) -> SignerKey {
        SignerKey::new("log", KeyKind::Plain, [secret; 32]).expect("a name")
    }

    fn signed(text: &str, by: &SignerKey) -> String {
        let mut note = Note::new(text).expect("text");
        note.sign(by);
        note.to_string()
    }

    #[test]
    fn given_a_confirmation_then_only_the_logs_key_and_its_one_spelling_make_it_count() {
        let (own, stranger) = (key(1), key(2));
        let known = [own.verifier().clone()];
        let open = |bytes: &str| Confirmation::open(bytes.as_bytes(), "log", &known);
        let one = Confirmation { born: 17, epoch: 2 };
        let mut note = one.note("log").expect("text");
        note.sign(&own);
        assert_eq!(open(&note.to_string()), Ok(one));
        assert!(note.text().parse::<Checkpoint>().is_err(), "it can never be taken for a head of the log");

        let forged = signed(note.text(), &stranger);
        assert!(matches!(open(&forged), Err(ConfirmationError::Note(NoteError::Unknown(_)))), "{forged}");
        let moved = note.to_string().replace("times 2", "times 3");
        assert!(matches!(open(&moved), Err(ConfirmationError::Note(NoteError::Wrong { .. }))), "{moved}");
        for wrong in [
            "other\nrestore confirmed\ndatabase 17\ntimes 2\n",
            "log\nrestore confirmed\ndatabase 17\ntimes 02\n",
            "log\nrestore refused\ndatabase 17\ntimes 2\n",
            "log\nrestore confirmed\ndatabase 17\ntimes 2\nmore\n",
            "log\n17\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        ] {
            assert_eq!(open(&signed(wrong, &own)), Err(ConfirmationError::Text), "{wrong}");
        }
    }
}
