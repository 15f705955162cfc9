//! The key that signs the log: in a file, in a variable, or made at the first start.

use crate::config::Config;
use crate::ports::Rng;
use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use sternway_domain::audit::note::{KeyError, KeyKind, SignerKey};

/// The log's name, if nothing says how people reach this Sternway.
pub(super) const NAMELESS: &str = "sternway";

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// Made there if it is not.
    File(PathBuf),
    /// `PRIVATE+KEY+…`, as it stands in a variable.
    Given(String),
}

/// A key is never shown.
impl fmt::Debug for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::File(path) => f.debug_tuple("File").field(path).finish(),
            KeyPlace::Given(_) => f.write_str("Given(…)"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    #[error("the log's key cannot be read from `{}`", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the log's key cannot be written to `{}`; set `log.key` to a file that can be", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the log's key (`log.key`): {0}")]
    Key(#[from] KeyError),
    #[error(
        "`log.origin` is `{origin}`, but the log's key (`log.key`) is named `{name}`: a log keeps its name; use another \
         key, or leave `log.origin` empty"
    )]
    Name { origin: String, name: String },
}

/// What the log is called if nobody says: the address people use, without scheme, and `/log`.
pub fn origin_of(config: &Config) -> String {
    match config.public_url.as_ref().map(|url| (url, url.host_str())) {
        Some((url, Some(host))) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{host}{port}{}/log", url.path().trim_end_matches('/'))
        }
        _ => NAMELESS.to_owned(),
    }
}

impl KeyPlace {
    /// Reads the key. One that is made gets the given name, or the usual one.
    pub fn key(&self, origin: &str, usual: &str, rng: &dyn Rng) -> Result<SignerKey, KeyFault> {
        let key = match self {
            KeyPlace::Given(text) => SignerKey::from_str(text.trim())?,
            KeyPlace::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => SignerKey::from_str(text.trim())?,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    make(path, if origin.is_empty() { usual } else { origin }, rng)?
                }
                Err(source) => return Err(KeyFault::Read { path: path.clone(), source }),
            },
        };
        let name = key.verifier().name();
        if !origin.is_empty() && origin != name {
            return Err(KeyFault::Name { origin: origin.to_owned(), name: name.to_owned() });
        }
        Ok(key)
    }
}

/// Of two processes that start at once, one makes it and the other reads it.
fn make(path: &Path, name: &str, rng: &dyn Rng) -> Result<SignerKey, KeyFault> {
    let mut secret = [0; 32];
    rng.fill(&mut secret);
    let key = SignerKey::new(name, KeyKind::Plain, secret)?;
    let failed = |source| KeyFault::Write { path: path.to_owned(), source };
    let beside = path.with_added_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(format!("{}\n", key.to_secret_text()).as_bytes())?;
        file.sync_all()
    });
    // Unlike a rename, a link never replaces a key that somebody made in between.
    let linked = written.and_then(|()| std::fs::hard_link(&beside, path));
    let _gone = std::fs::remove_file(&beside);
    match linked {
        Ok(()) => {
            tracing::info!(path = %path.display(), key = %key.verifier(), "the log's key was made; keep a copy of it");
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|source| KeyFault::Read { path: path.to_owned(), source })?;
            Ok(SignerKey::from_str(text.trim())?)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRng;

    #[test]
    fn given_no_key_then_one_is_made_that_only_its_owner_reads_and_is_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.db.key");
        let place = KeyPlace::File(path.clone());
        let made = place.key("", "sternway.example.com/log", &SystemRng).expect("made");
        assert_eq!(made.verifier().name(), "sternway.example.com/log");
        let again = place.key("", "elsewhere", &SystemRng).expect("read");
        assert_eq!(again.verifier(), made.verifier());
        let error = place.key("elsewhere", "", &SystemRng).expect_err("another name").to_string();
        assert!(error.contains("`elsewhere`") && error.contains("`sternway.example.com/log`"), "{error}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let given = KeyPlace::Given(std::fs::read_to_string(&path).expect("there"));
        assert_eq!(given.key("", "", &SystemRng).expect("read").verifier(), made.verifier());
        assert!(!format!("{given:?}").contains("PRIVATE"));
        std::fs::write(&path, "nonsense").expect("written");
        assert!(matches!(place.key("", "x", &SystemRng), Err(KeyFault::Key(_))));
    }
}
