//! Asking a witness to confirm a head (C2SP `tlog-witness`, `add-checkpoint`): what is sent, and what may come back.
//!
//! A witness answers 200 with signature lines, which [`Note::take`] adds to the checkpoint; 409 with the size it has
//! seen, from which the proof must start ([`seen`]); 404 if it does not know the log, 403 if no key of the log that it
//! knows signed, 422 if the proof does not hold.

use super::{Checkpoint, CheckpointError};
use crate::audit::merkle::TreeHash;
use crate::audit::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::audit::text;
use std::fmt;

/// The content type of an answer 409.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// More hashes may not be sent.
const MAX_HASHES: usize = 63;

/// A longer request is refused unread.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 64 * 100;

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size the witness has confirmed before, 0 if none.
    pub old: u64,
    /// The consistency proof from there; empty from 0.
    pub proof: Vec<TreeHash>,
    pub checkpoint: Note,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("the request has {0} bytes, at most {MAX_REQUEST_BYTES} are read")]
    Long(usize),
    #[error("byte {0} of the request is not UTF-8")]
    Encoding(usize),
    #[error("line 1 of the request should be `old` and a number")]
    Old,
    #[error("line {0} of the request should be a hash, 32 bytes in base64")]
    Hash(usize),
    #[error("the request has more than {MAX_HASHES} hashes")]
    Many,
    #[error("the request ends before the checkpoint")]
    Ends,
    #[error("the checkpoint in the request: {0}")]
    Note(#[from] NoteError),
    #[error("the checkpoint in the request: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Long(bytes.len()));
        }
        let whole = str::from_utf8(bytes).map_err(|error| RequestError::Encoding(error.valid_up_to()))?;
        let (head, note) = whole.split_once("\n\n").ok_or(RequestError::Ends)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(text::decimal);
        let old = old.ok_or(RequestError::Old)?;
        let mut proof = Vec::new();
        for (at, line) in lines.enumerate() {
            if at == MAX_HASHES {
                return Err(RequestError::Many);
            }
            proof.push(line.parse().map_err(|_| RequestError::Hash(at + 2))?);
        }
        let checkpoint = Note::parse(note.as_bytes())?;
        checkpoint.text().parse::<Checkpoint>()?;
        Ok(Self { old, proof, checkpoint })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The size that a witness has confirmed, from the body of its answer 409.
pub fn seen(body: &[u8]) -> Option<u64> {
    text::decimal(str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard.
    const EXAMPLE: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — example.com/behind-the-sofa \
        opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

    #[test]
    fn given_the_example_of_the_standard_then_it_is_read_and_written() {
        let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).expect("a request");
        assert_eq!((request.old, request.proof.len(), request.checkpoint.signatures().len()), (20_852_014, 4, 2));
        assert_eq!(request.to_string(), EXAMPLE);
        let first = AddCheckpoint { old: 0, proof: Vec::new(), ..request };
        assert_eq!(AddCheckpoint::parse(first.to_string().as_bytes()), Ok(first));
    }

    #[test]
    fn given_another_request_then_it_is_refused() {
        let parse = |text: &str| AddCheckpoint::parse(text.as_bytes()).expect_err(text);
        assert_eq!(parse(""), RequestError::Ends);
        assert_eq!(parse(&EXAMPLE.replace("old 2", "old 02")), RequestError::Old);
        assert_eq!(parse(&EXAMPLE.replace("old ", "new ")), RequestError::Old);
        assert_eq!(parse(&EXAMPLE.replace("jrJZ", "")), RequestError::Hash(3));
        let many = format!("old 1\n{}", "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n".repeat(60));
        assert_eq!(parse(&EXAMPLE.replace("old 20852014\n", &many)), RequestError::Many);
        assert!(matches!(parse(&EXAMPLE.replace("\n20852163", "")), RequestError::Checkpoint(_)));
        assert!(matches!(parse(&EXAMPLE.replace('—', "-")), RequestError::Note(_)));
        assert_eq!(AddCheckpoint::parse(b"\xff"), Err(RequestError::Encoding(0)));
        assert!(matches!(parse(&"x".repeat(MAX_REQUEST_BYTES + 1)), RequestError::Long(_)));
    }

    #[test]
    fn given_the_answer_of_a_witness_that_has_seen_another_size_then_it_is_a_number() {
        assert_eq!(seen(b"20852014\n"), Some(20_852_014));
        for wrong in [&b"20852014"[..], b"020\n", b"-1\n", b"20 \n", b"\xff\n", b""] {
            assert_eq!(seen(wrong), None);
        }
    }
}
