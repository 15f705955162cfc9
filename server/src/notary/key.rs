//! The keys at hand, of which one signs the log: in a file, in a variable, or made at the first start.

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
    /// One a line, the newest first. Made there at the first start.
    File(PathBuf),
    /// `PRIVATE+KEY+…`, as it stands in a variable; several between spaces.
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
    #[error("the log's key stands in a variable; put the new one before it there, then start again and ask again")]
    Given,
    #[error(
        "the log is called `{origin}`, but the key (`log.key`) is named `{name}`: a log keeps its name; use another key, \
         or leave `log.origin` empty"
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
    /// Reads the keys: one a line in a file, between spaces in a variable. `None`: there is no such file.
    pub(super) fn read(&self) -> Result<Option<Vec<SignerKey>>, KeyFault> {
        let text = match self {
            KeyPlace::Given(text) => text.clone(),
            KeyPlace::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(KeyFault::Read { path: path.clone(), source }),
            },
        };
        let keys: Result<Vec<SignerKey>, KeyError> = text.split_whitespace().map(SignerKey::from_str).collect();
        let keys = keys?;
        // Nothing at all is no key either.
        if keys.is_empty() { Err(KeyError::Signer.into()) } else { Ok(Some(keys)) }
    }

    /// Reads the keys, and makes one with this name if there may be none yet. Otherwise a missing file is no key at all.
    pub(super) fn keys(&self, name: Option<&str>, rng: &dyn Rng) -> Result<Vec<SignerKey>, KeyFault> {
        match (self.read()?, self, name) {
            (Some(keys), ..) => Ok(keys),
            (None, KeyPlace::File(path), Some(name)) => {
                make(path, name, rng)?;
                Ok(self.read()?.unwrap_or_default())
            }
            (None, ..) => Ok(Vec::new()),
        }
    }

    /// Puts one more key beside those that are there: before anything is decided with it.
    pub(super) fn add(&self, key: &SignerKey) -> Result<(), KeyFault> {
        let KeyPlace::File(path) = self else { return Err(KeyFault::Given) };
        let before = self.read()?.unwrap_or_default();
        let lines: String =
            std::iter::once(key).chain(&before).map(|key| format!("{}\n", key.to_secret_text())).collect();
        crate::memory::write(path, &lines).map_err(|source| KeyFault::Write { path: path.clone(), source })
    }

    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            KeyPlace::File(path) => format!("`{}`", path.display()),
            KeyPlace::Given(_) => "`STERNWAY_LOG_KEY`".to_owned(),
        }
    }
}

/// A new key for a log of this name.
pub fn fresh(name: &str, rng: &dyn Rng) -> Result<SignerKey, KeyError> {
    let mut secret = [0; 32];
    rng.fill(&mut secret);
    SignerKey::new(name, KeyKind::Plain, secret)
}

/// Of two processes that start at once, one makes it and the other reads it.
fn make(path: &Path, name: &str, rng: &dyn Rng) -> Result<(), KeyFault> {
    let key = fresh(name, rng)?;
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
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
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
        assert!(place.keys(None, &SystemRng).expect("read").is_empty(), "none is made unasked");
        assert!(!path.exists());
        let made = place.keys(Some("sternway.example.com/log"), &SystemRng).expect("made");
        let [made] = &made[..] else { panic!("{made:?}") };
        assert_eq!(made.verifier().name(), "sternway.example.com/log");
        let again = place.keys(Some("elsewhere"), &SystemRng).expect("read");
        assert_eq!(again[0].verifier(), made.verifier());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let given = KeyPlace::Given(std::fs::read_to_string(&path).expect("there"));
        assert_eq!(given.keys(None, &SystemRng).expect("read")[0].verifier(), made.verifier());
        assert!(!format!("{given:?}").contains("PRIVATE"));
        for nonsense in ["nonsense", "", "\n"] {
            std::fs::write(&path, nonsense).expect("written");
            assert!(matches!(place.keys(Some("x"), &SystemRng), Err(KeyFault::Key(_))), "{nonsense:?}");
        }
    }

    #[test]
    fn given_one_more_key_then_it_stands_before_the_others_and_a_variable_takes_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = KeyPlace::File(dir.path().join("t.db.key"));
        let first = place.keys(Some("log"), &SystemRng).expect("made");
        let more = fresh("log", &SystemRng).expect("a good name");
        place.add(&more).expect("added");
        let both = place.keys(None, &SystemRng).expect("read");
        let keys: Vec<_> = both.iter().map(SignerKey::verifier).collect();
        assert_eq!(keys, [more.verifier(), first[0].verifier()]);
        let given = KeyPlace::Given(format!("{} {}", more.to_secret_text(), first[0].to_secret_text()));
        assert_eq!(given.keys(None, &SystemRng).expect("read").len(), 2);
        assert!(matches!(given.add(&more), Err(KeyFault::Given)));
    }
}
