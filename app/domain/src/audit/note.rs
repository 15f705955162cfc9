//! Text signed by one or more keys (C2SP `signed-note`): the text, an empty line, and a line for each signature,
//! `— NAME BASE64` with the key's id before the signature.
//!
//! Reading a note is not trusting it: [`Note::parse`] only takes it apart. [`Note::open`] returns the text if at least
//! one known key signed it and no known key's signature is wrong; signatures of unknown keys are ignored.

mod key;

pub use key::{KeyError, KeyKind, SignerKey, VerifierKey};

use super::text;
use std::fmt;

/// A longer note is refused unread.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// More signatures are refused. The standard asks for at least 16; Go's implementation takes 100 as well.
pub const MAX_SIGNATURES: usize = 100;

/// A note taken apart. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One line under a note.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    /// The first four bytes of a digest over name and key: says which key to try, and nothing else.
    pub id: u32,
    pub bytes: Vec<u8>,
}

/// A signature that a known key really made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'k> {
    pub key: &'k VerifierKey,
    /// When a witness signed, in seconds since the Unix epoch; a plain signature has no time.
    pub at: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the note has {0} bytes, at most {MAX_NOTE_BYTES} are read")]
    Long(usize),
    #[error("the note is not text: byte {0} is not UTF-8")]
    Encoding(usize),
    #[error("the note has a control character at byte {0}")]
    Control(usize),
    #[error("the note has no empty line between text and signatures")]
    NoSignatures,
    #[error("the text of a note must end with a line break")]
    Unended,
    #[error("line {line} under the note is not a signature: `— NAME BASE64` is expected")]
    Line { line: usize },
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    Many,
    #[error("the signature of `{name}` is wrong: the text was changed after it was signed, or somebody else signed it")]
    Wrong { name: String },
    #[error("none of the known keys signed this; it is signed by {}", who(.0))]
    Unknown(Vec<String>),
    #[error("two known keys of `{name}` have the same id {id:08x}; keep one of them")]
    Ambiguous { name: String, id: u32 },
}

fn who(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

impl Note {
    /// A text without signatures. It must end with a line break.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        plain(&text)?;
        if text.ends_with('\n') { Ok(Self { text, signatures: Vec::new() }) } else { Err(NoteError::Unended) }
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Long(bytes.len()));
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| NoteError::Encoding(error.valid_up_to()))?;
        plain(whole)?;
        let split = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&whole[..=split], &whole[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (at, line) in lines.split('\n').enumerate() {
            if at == MAX_SIGNATURES {
                return Err(NoteError::Many);
            }
            signatures.push(Signature::parse(line).ok_or(NoteError::Line { line: at + 1 })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What is signed, with its last line break. To be trusted only after [`Self::open`].
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Who signed this, of the known keys. Every signature of a known key is checked: one wrong one spoils the note.
    pub fn open<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<Verified<'k>>, NoteError> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut keys = known.iter().filter(|key| key.name() == signature.name && key.id() == signature.id);
            let Some(key) = keys.next() else { continue };
            if keys.any(|other| other != key) {
                return Err(NoteError::Ambiguous { name: signature.name.clone(), id: signature.id });
            }
            let wrong = || NoteError::Wrong { name: signature.name.clone() };
            let at = key.verify(&self.text, &signature.bytes).ok_or_else(wrong)?;
            verified.push(Verified { key, at });
        }
        if verified.is_empty() {
            let mut names: Vec<_> = self.signatures.iter().map(|signature| text::quote(&signature.name)).collect();
            names.dedup();
            names.truncate(4);
            return Err(NoteError::Unknown(names));
        }
        Ok(verified)
    }

    /// Adds the signature of a log, replacing an older one of the same key.
    pub fn sign(&mut self, key: &SignerKey) {
        let bytes = key.sign(&self.text);
        self.add(key.verifier(), bytes);
    }

    /// Adds the signature of a witness with the time it signs, in seconds since the Unix epoch.
    pub fn cosign(&mut self, key: &SignerKey, at: u64) {
        let bytes = key.cosign(&self.text, at);
        self.add(key.verifier(), bytes);
    }

    fn add(&mut self, key: &VerifierKey, bytes: Vec<u8>) {
        let (name, id) = (key.name().to_owned(), key.id());
        self.signatures.retain(|signature| signature.name != name || signature.id != id);
        self.signatures.push(Signature { name, id, bytes });
    }

    /// Takes over those signature lines that a known key really made over this text: the answer of a witness. Anything
    /// else in the lines is left out. Returns how many were new.
    pub fn take(&mut self, lines: &[u8], known: &[VerifierKey]) -> Result<usize, NoteError> {
        let answer = Self::parse(&[self.text.as_bytes(), b"\n", lines].concat())?;
        let mut new = 0;
        for signature in answer.signatures {
            let of = |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.id;
            let Some(key) = known.iter().find(of) else { continue };
            if key.verify(&self.text, &signature.bytes).is_none() {
                return Err(NoteError::Wrong { name: signature.name });
            }
            if !self.signatures.contains(&signature) && self.signatures.len() < MAX_SIGNATURES {
                self.signatures.push(signature);
                new += 1;
            }
        }
        Ok(new)
    }
}

/// Text without control characters besides line breaks.
fn plain(text: &str) -> Result<(), NoteError> {
    match text.bytes().position(|byte| byte < 0x20 && byte != b'\n') {
        Some(at) => Err(NoteError::Control(at)),
        None => Ok(()),
    }
}

/// A name of a key: not empty, without spaces and plus signs.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control())
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = text::base64(encoded)?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        if !is_name(name) || bytes.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = text::to_base64(&[&self.id.to_be_bytes()[..], &self.bytes].concat());
        write!(f, "— {} {encoded}", self.name)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}, {} bytes", self.name, self.id, self.bytes.len())
    }
}

/// The note as it is stored and sent.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str("\n")?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
mod tests;
