//! What is known of the database outside of it, in a small file: how far it had come, and the largest token of a lease.
//!
//! A database that has come less far was restored, or failed over to a copy that lagged behind. Its leases would hand out
//! tokens that targets refuse, and its releases stand where they no longer are. Then nothing is done by the engine until a
//! person has looked at what is observed and confirmed it. What says so comes by the database and is signed with the log's
//! key: a row alone confirms nothing.

use crate::notary::Notary;
use crate::store::rows::{CONFIRMATION, Extent, Head};
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use sternway_domain::time::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How far the log has come is written down this often; a larger token at once.
const WRITTEN_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error("what is known of the database cannot be read from `{}`; mend it, or move it away if its database is gone", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("what is known of the database cannot be written to `{}`; set `state` to a file that can be", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Which database, by when it was made.
    born: i64,
    epoch: i64,
    token: i64,
    position: i64,
    leaves: i64,
    /// Hash of the newest entry, hex; empty without one.
    #[serde(default)]
    newest: String,
    written: Timestamp,
}

/// The database has come less far than is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewound {
    pub since: Timestamp,
    /// What differs, for people.
    pub why: String,
    pub known_token: i64,
    pub known_epoch: i64,
}

/// Shared by all of one process.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// `None`: kept while the process runs, and no longer.
    path: Option<PathBuf>,
    known: Mutex<Option<(Known, Instant)>>,
    rewound: RwLock<Option<Rewound>>,
    /// The log is not the one that was signed.
    distrusted: RwLock<Option<Rewound>>,
    /// A person confirmed, and whoever signs the log does not know yet.
    confirmed: AtomicBool,
    generation: AtomicU64,
}

impl Memory {
    /// Reads the file, if it is there.
    pub fn open(path: &Path) -> Result<Self, MemoryError> {
        let failed = |source| MemoryError::Read { path: path.to_owned(), source };
        let known = match std::fs::read_to_string(path) {
            Ok(text) => Some(serde_json::from_str::<Known>(&text).map_err(|error| failed(error.into()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let known = Mutex::new(known.map(|known| (known, Instant::now())));
        Ok(Self(Arc::new(Inner { path: Some(path.to_owned()), known, ..Inner::default() })))
    }

    /// Why nothing is done now, if nothing is.
    pub fn rewound(&self) -> Option<Rewound> {
        let read = |of: &RwLock<Option<Rewound>>| of.read().unwrap_or_else(PoisonError::into_inner).clone();
        read(&self.0.rewound).or_else(|| read(&self.0.distrusted))
    }

    /// Nothing is done from here on, until a person confirms what is observed.
    pub async fn distrust(&self, store: &dyn Store, now: Timestamp, why: String) -> Result<(), StoreError> {
        let extent = store.extent().await?;
        let rewound = Rewound { since: now, why, known_token: extent.token, known_epoch: extent.epoch };
        *self.0.distrusted.write().unwrap_or_else(PoisonError::into_inner) = Some(rewound);
        Ok(())
    }

    /// Whether a person has confirmed since this was asked last.
    pub fn take_confirmed(&self) -> bool {
        self.0.confirmed.swap(false, Ordering::Relaxed)
    }

    /// Whether a person has confirmed, and whoever signs the log does not know yet.
    pub fn is_confirmed(&self) -> bool {
        self.0.confirmed.load(Ordering::Relaxed)
    }

    /// Grows with every confirmation and with every other database: what is kept in memory of one is read again then.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    /// How often the database was confirmed, as far as is known.
    pub async fn epoch(&self) -> i64 {
        self.0.known.lock().await.as_ref().map_or(0, |(known, _)| known.epoch)
    }

    /// Compares the database with what is known, and remembers how far it has come. What is told outside under a new
    /// token must be told after this.
    pub async fn look(
        &self,
        store: &dyn Store,
        notary: &Notary,
        now: Timestamp,
    ) -> Result<Option<Rewound>, MemoryError> {
        let mut known = self.0.known.lock().await;
        let extent = store.extent().await?;
        let Some((before, written)) = known.as_ref() else {
            self.keep(&mut known, store, &extent, now).await?;
            return Ok(None);
        };
        let another = before.born != extent.born;
        if another {
            tracing::info!("this is another database than the one that was known here");
        }
        let says_so = !another && extent.epoch > before.epoch;
        let confirmed = says_so && vouched(store, notary, &extent).await?;
        if another || confirmed {
            if !another {
                *self.0.distrusted.write().unwrap_or_else(PoisonError::into_inner) = None;
                self.0.confirmed.store(true, Ordering::Relaxed);
            }
            self.0.generation.fetch_add(1, Ordering::Relaxed);
            self.set(None);
            self.keep(&mut known, store, &extent, now).await?;
            return Ok(self.rewound());
        }
        let unsigned = says_so.then(|| UNSIGNED.to_owned());
        if let Some(why) = unsigned.or(less(before, &extent)).or(forked(store, before).await?) {
            // Only what another replica takes in after this one's word is more than that.
            let known_epoch = if says_so { extent.epoch } else { before.epoch };
            let rewound = Rewound { since: now, why, known_token: before.token.max(extent.token), known_epoch };
            if self.rewound().is_none() {
                tracing::error!(
                    why = rewound.why,
                    "the database was restored or rewound; nothing is done until a person confirms what is observed"
                );
            }
            let rewound = Rewound { since: self.rewound().map_or(now, |before| before.since), ..rewound };
            self.set(Some(rewound.clone()));
            return Ok(Some(rewound));
        }
        self.set(None);
        let further = extent.head != (Head { position: before.position, leaves: before.leaves });
        if extent.token > before.token || (further && written.elapsed() >= WRITTEN_AGAIN) {
            self.keep(&mut known, store, &extent, now).await?;
        }
        Ok(self.rewound())
    }

    /// Known from here on, even if it cannot be written down.
    async fn keep(
        &self,
        known: &mut Option<(Known, Instant)>,
        store: &dyn Store,
        extent: &Extent,
        now: Timestamp,
    ) -> Result<(), MemoryError> {
        let next = Known {
            born: extent.born,
            epoch: extent.epoch,
            token: extent.token,
            position: extent.head.position,
            leaves: extent.head.leaves,
            newest: entry(store, extent.head.leaves).await?,
            written: now,
        };
        let text = crate::service::encode(&next);
        *known = Some((next, Instant::now()));
        if let Some(path) = self.0.path.clone() {
            let to = path.clone();
            let written = tokio::task::spawn_blocking(move || write(&to, &text)).await;
            let written = written.unwrap_or_else(|_| Err(std::io::Error::other("writing ended")));
            written.map_err(|source| MemoryError::Write { path, source })?;
        }
        Ok(())
    }

    fn set(&self, rewound: Option<Rewound>) {
        *self.0.rewound.write().unwrap_or_else(PoisonError::into_inner) = rewound;
    }
}

/// Anybody who can write into the database can say so there.
const UNSIGNED: &str = "the database says that a restore was confirmed, and no key of the log that is known here has signed that: give this \
     replica the log's key, or confirm here";

/// Whether whoever has the log's key signed that a person confirmed. One who confirmed since counts, too.
async fn vouched(store: &dyn Store, notary: &Notary, extent: &Extent) -> Result<bool, StoreError> {
    let Some(statement) = store.setting(CONFIRMATION).await? else { return Ok(false) };
    let signed = notary.confirmation(store, statement.as_bytes()).await?;
    Ok(signed.is_some_and(|signed| signed.born == extent.born && signed.epoch >= extent.epoch))
}

/// What the database has less of, as a sentence.
fn less(known: &Known, now: &Extent) -> Option<String> {
    let at = known.written.clock();
    let pairs = [
        ("confirmations of a restore", known.epoch, now.epoch),
        ("entries of the log", known.leaves, now.head.leaves),
        ("events", known.position, now.head.position),
        ("for its largest fencing token", known.token, now.token),
    ];
    let (what, before, after) = pairs.into_iter().find(|(_, before, after)| after < before)?;
    Some(format!("the database has {after} {what}, at {at} it had {before}"))
}

/// It has come as far, but not by the same way.
async fn forked(store: &dyn Store, known: &Known) -> Result<Option<String>, StoreError> {
    let same = known.newest.is_empty() || entry(store, known.leaves).await? == known.newest;
    let sentence = || format!("entry {} of the log is another one than at {}", known.leaves - 1, known.written.clock());
    Ok((!same).then(sentence))
}

/// Hash of the newest of so many entries, hex.
async fn entry(store: &dyn Store, leaves: i64) -> Result<String, StoreError> {
    if leaves == 0 {
        return Ok(String::new());
    }
    let row = store.leaves(leaves - 1, 1).await?.into_iter().next();
    Ok(row.map(|row| row.leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default())
}

/// Replaces the file in one step, and waits for the disk: a crash leaves the old one or the new one.
pub(crate) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_added_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}
