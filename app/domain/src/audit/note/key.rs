//! Keys that sign notes, and how they are written down.
//!
//! A *verifier key* is public: `NAME+ID+BASE64`, the id in eight hexadecimal digits, the bytes the kind of key and the
//! key itself. A *signer key* is its secret half, `PRIVATE+KEY+NAME+ID+BASE64`, as Go's `sumdb/note` writes it.

use super::{is_name, text};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A longer key is refused unread.
const MAX_KEY_BYTES: usize = 1_000;

/// What a key signs. Only Ed25519 is known; other kinds are ignored in notes and refused as keys to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The text itself (`signed-note`, type 1).
    Plain,
    /// The text with the time, by a witness (`tlog-cosignature`, version 1, type 4).
    Witness,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            KeyKind::Plain => 1,
            KeyKind::Witness => 4,
        }
    }
}

/// The public half of a key, with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
}

/// The secret half. It is never shown: not by `Debug`, not in an error.
pub struct SignerKey {
    secret: SigningKey,
    verifier: VerifierKey,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("`{0}` is not a verifier key: it is written `NAME+ID+BASE64`, the id in 8 hexadecimal digits")]
    Verifier(String),
    #[error("this is not a signer key: it is written `PRIVATE+KEY+NAME+ID+BASE64`")]
    Signer,
    #[error("`{0}` is not the name of a key: it must have no spaces and no `+`")]
    Name(String),
    #[error("the key `{name}` is of the kind {kind}; Ed25519 (1) and witnesses' Ed25519 (4) are known")]
    Kind { name: String, kind: u8 },
    #[error("the key `{name}` is not a point of the curve")]
    Point { name: String },
    #[error(
        "the key `{name}` has the id {found:08x}, not {written:08x}: it was not copied in whole, or belongs to another name"
    )]
    Id { name: String, written: u32, found: u32 },
}

impl VerifierKey {
    pub fn new(name: impl Into<String>, kind: KeyKind, public: [u8; 32]) -> Result<Self, KeyError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(KeyError::Name(text::quote(&name)));
        }
        // A key of small order would take one signature for many texts.
        match VerifyingKey::from_bytes(&public) {
            Ok(key) if !key.is_weak() => Ok(Self { name, kind, public }),
            _ => Err(KeyError::Point { name: text::quote(&name) }),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// `SHA-256(name ‖ 0x0a ‖ kind ‖ key)`, the first four bytes.
    pub fn id(&self) -> u32 {
        let digest = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.public)
            .finalize();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// Whether this key made the signature over the text: `Some` with the time, if it is a witness's.
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let key = VerifyingKey::from_bytes(&self.public).ok()?;
        let check = |message: &[u8], bytes: &[u8; 64]| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(bytes)).is_ok()
        };
        match self.kind {
            KeyKind::Plain => check(text.as_bytes(), signature.try_into().ok()?).then_some(None),
            KeyKind::Witness => {
                let (at, bytes) = signature.split_first_chunk::<8>()?;
                let at = Some(u64::from_be_bytes(*at)).filter(|at| *at <= text::MOST)?;
                check(cosigned(text, at).as_bytes(), bytes.try_into().ok()?).then_some(Some(at))
            }
        }
    }
}

/// What a witness signs (`tlog-cosignature`, section "Ed25519 signed message").
fn cosigned(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

impl SignerKey {
    /// The key of these 32 secret bytes, which must be random.
    pub fn new(name: impl Into<String>, kind: KeyKind, secret: [u8; 32]) -> Result<Self, KeyError> {
        let secret = SigningKey::from_bytes(&secret);
        let verifier = VerifierKey::new(name, kind, secret.verifying_key().to_bytes())?;
        Ok(Self { secret, verifier })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// As it is kept in a file that nobody else may read.
    pub fn to_secret_text(&self) -> String {
        let VerifierKey { name, kind, .. } = &self.verifier;
        let bytes = [&[kind.byte()][..], &self.secret.to_bytes()].concat();
        format!("PRIVATE+KEY+{name}+{:08x}+{}", self.verifier.id(), text::to_base64(&bytes))
    }

    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        self.secret.sign(text.as_bytes()).to_bytes().to_vec()
    }

    pub(super) fn cosign(&self, text: &str, at: u64) -> Vec<u8> {
        let at = at.min(text::MOST);
        let signature = self.secret.sign(cosigned(text, at).as_bytes()).to_bytes();
        [&at.to_be_bytes()[..], &signature].concat()
    }
}

/// Name, id, kind and the 32 bytes of a key.
fn parse(given: &str) -> Option<(&str, u32, u8, [u8; 32])> {
    let (name, rest) = given.split_once('+')?;
    let (id, encoded) = rest.split_once('+')?;
    let lower = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if id.len() != 8 || !id.bytes().all(lower) {
        return None;
    }
    let bytes = text::base64(encoded)?;
    let (kind, key) = bytes.split_first()?;
    // The keys of unknown kinds have other lengths; they are told apart by the caller.
    let key = if matches!(*kind, 1 | 4) { key.try_into().ok()? } else { [0; 32] };
    Some((name, u32::from_str_radix(id, 16).ok()?, *kind, key))
}

fn kind(name: &str, byte: u8) -> Result<KeyKind, KeyError> {
    [KeyKind::Plain, KeyKind::Witness]
        .into_iter()
        .find(|kind| kind.byte() == byte)
        .ok_or_else(|| KeyError::Kind { name: text::quote(name), kind: byte })
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(given: &str) -> Result<Self, KeyError> {
        let parts = if given.len() > MAX_KEY_BYTES { None } else { parse(given) };
        let (name, written, byte, public) = parts.ok_or_else(|| KeyError::Verifier(text::quote(given)))?;
        let key = Self::new(name, kind(name, byte)?, public)?;
        let found = key.id();
        if found == written { Ok(key) } else { Err(KeyError::Id { name: key.name, written, found }) }
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(given: &str) -> Result<Self, KeyError> {
        let rest = given.strip_prefix("PRIVATE+KEY+").filter(|rest| rest.len() <= MAX_KEY_BYTES);
        let (name, written, byte, secret) = rest.and_then(parse).ok_or(KeyError::Signer)?;
        let key = Self::new(name, kind(name, byte)?, secret)?;
        let found = key.verifier.id();
        if found == written { Ok(key) } else { Err(KeyError::Id { name: key.verifier.name, written, found }) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.byte()][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), text::to_base64(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier)
    }
}
