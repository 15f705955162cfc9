//! The keys of emergencies: Ed25519, one per person, the secret half in a file of its owner's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How a key file begins: then the owner's sign-in name and the secret in base64.
const FILE: &str = "sternway-emergency-key";
/// What is signed begins with this, so that a signature means nothing anywhere else.
const CONTEXT: &[u8] = b"sternway-emergency-v1\n";

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file `{}` cannot be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the key file `{}` cannot be written; an existing one is never replaced", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is not a key file; make one with `sternway emergency key`", .0.display())]
    Odd(PathBuf),
    #[error("others may read the key file `{}`; run `chmod 600` on it", .0.display())]
    Open(PathBuf),
}

/// Both halves. Never shown.
pub struct SecretKey {
    pub owner: String,
    key: SigningKey,
}

/// The public half and whose it is: `maya=ed25519:BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The sign-in name.
    pub owner: String,
    key: VerifyingKey,
}

impl SecretKey {
    /// `seed` must be random and secret.
    pub fn new(owner: &str, seed: [u8; 32]) -> Self {
        Self { owner: owner.to_owned(), key: SigningKey::from_bytes(&seed) }
    }

    pub fn public(&self) -> Registered {
        Registered { owner: self.owner.clone(), key: self.key.verifying_key() }
    }

    /// In base64.
    pub(super) fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.key.sign(&[CONTEXT, text].concat()).to_bytes())
    }

    /// Creates the file for its owner only.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let text = format!("{FILE} {} {}\n", self.owner, STANDARD.encode(self.key.to_bytes()));
        let written = options.open(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| KeyError::Write { path: path.to_owned(), source })
    }

    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Read { path: path.to_owned(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(KeyError::Open(path.to_owned()));
            }
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let odd = || KeyError::Odd(path.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        let [FILE, owner, secret] = words.as_slice() else { return Err(odd()) };
        let seed = STANDARD.decode(secret).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(odd)?;
        Ok(Self::new(owner, seed))
    }
}

impl Registered {
    /// Whether this key signed it. Strict: a key or a signature of odd form is none.
    pub(super) fn signed(&self, text: &[u8], signature: &str) -> bool {
        let bytes: Option<[u8; 64]> = STANDARD.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
        let signed = [CONTEXT, text].concat();
        bytes.is_some_and(|bytes| self.key.verify_strict(&signed, &Signature::from_bytes(&bytes)).is_ok())
    }

    /// `ed25519:BASE64`.
    pub fn public(&self) -> String {
        format!("ed25519:{}", STANDARD.encode(self.key.to_bytes()))
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.owner, self.public())
    }
}

impl FromStr for Registered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(60).collect();
            format!("`{shown}` is not a key: write `SIGN-IN NAME=ed25519:…`, as `sternway emergency key` prints it")
        };
        let (owner, key) = text.split_once("=ed25519:").ok_or_else(wrong)?;
        let bytes: [u8; 32] = STANDARD.decode(key).ok().and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).ok_or_else(wrong)?;
        if owner.is_empty() || owner.contains(char::is_whitespace) {
            Err(wrong())
        } else {
            Ok(Self { owner: owner.to_owned(), key })
        }
    }
}
