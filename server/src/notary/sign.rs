//! The loop that signs.

use super::base::{believed, milestones};
use super::climb::{Broken, Stopped, climb};
use super::{KeyFault, Notary, PinFault, Unsigned, pin};
use crate::service::{Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{CheckpointRow, Fence};
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::audit::checkpoint::{Checkpoint, CheckpointError};
use sternway_domain::audit::keys::{Change, KeyList};
use sternway_domain::audit::merkle::Frontier;
use sternway_domain::audit::note::{Note, NoteError, SignerKey, VerifierKey};
use sternway_domain::time::Span;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// One replica signs; another one takes over when it has been silent for so long.
const LEASE: Span = Span::from_secs(10);
const LEASE_NAME: &str = "log";

/// Why there is no newer checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Nothing is done until a person confirms.
    #[error("{0}")]
    Held(String),
    /// Another replica may have it.
    #[error("the log's key `{0}` is not at hand")]
    Missing(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pin(#[from] PinFault),
    #[error(transparent)]
    Keys(#[from] KeyFault),
    #[error("the newest checkpoint cannot be read: {0}")]
    Note(#[from] NoteError),
    #[error("the newest checkpoint cannot be read: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl From<Stopped> for Fault {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Broken(broken) => Fault::Broken(broken),
            Stopped::Store(error) => Fault::Store(error),
        }
    }
}

/// Signs for one replica.
pub struct Signer {
    service: Service,
    notary: Notary,
    holder: String,
    tree: Frontier,
    /// The size of the newest checkpoint that is known to be published.
    published: Option<u64>,
    /// Whether this replica was the one that signs when it looked last.
    held: bool,
    /// What automation was held for.
    told: Option<Broken>,
    /// A person has just confirmed what is observed: what was signed before is set aside if it is in the way.
    lenient: bool,
}

/// At the start, before anything is done: whether the log still begins with what was signed last, by the hashes kept
/// beside the entries. The entries themselves are recomputed before the next checkpoint.
pub async fn look(service: &Service) -> Result<(), LookFault> {
    if service.memory.is_confirmed() {
        return Ok(());
    }
    let Some(head) = service.notary.0.pin.as_deref().map(pin::read).transpose()?.flatten() else { return Ok(()) };
    let leaves = service.store.head().await?.leaves as u64;
    let why = if leaves < head.size {
        format!("the log has {leaves} entries, it had {}", head.size)
    } else {
        match service.root_at(head.size).await {
            Ok(root) if root == head.root => return Ok(()),
            Ok(_) => format!("the first {} entries of the log are not those that were signed", head.size),
            Err(ServiceError::Store(error @ StoreError::Corrupt { .. })) => error.to_string(),
            Err(ServiceError::Store(error)) => return Err(error.into()),
            Err(error) => error.to_string(),
        }
    };
    tracing::error!(why, "the log does not extend what was signed before");
    service.metrics.log_refused(true);
    Ok(service.memory.distrust(service.store.as_ref(), service.clock.now(), why).await?)
}

#[derive(Debug, thiserror::Error)]
pub enum LookFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pin(#[from] PinFault),
}

/// Works until the shutdown.
pub async fn run(service: Service, holder: String, shutdown: CancellationToken) {
    let mut signer = Signer::new(service, holder);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = signer.turn() => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

impl Signer {
    pub fn new(service: Service, holder: String) -> Self {
        let notary = service.notary.clone();
        let tree = Frontier::default();
        Self { service, notary, holder, tree, published: None, held: false, told: None, lenient: false }
    }

    /// Signs if there is news and nothing is wrong.
    pub async fn turn(&mut self) {
        let fault = match self.pass().await {
            Ok(()) => return self.say(None),
            Err(fault) => fault,
        };
        match fault {
            Fault::Store(StoreError::Fenced { .. }) => self.held = false,
            // Everybody is told by other ways that the database does not answer.
            Fault::Store(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the log was not signed");
            }
            Fault::Held(why) => self.say(Some(Unsigned::Fault(why))),
            Fault::Missing(key) => self.say(Some(Unsigned::Key { key, place: self.notary.place() })),
            Fault::Broken(broken) => {
                self.say(Some(Unsigned::Fault(broken.to_string())));
                self.hold(broken).await;
            }
            // The tree may have been left in the middle: it is the same, only further on.
            fault => self.say(Some(Unsigned::Fault(whole(&fault)))),
        }
    }

    /// Why nothing is signed, once for each reason.
    fn say(&self, why: Option<Unsigned>) {
        let before = self.notary.unsigned();
        if before == why {
            return;
        }
        match &why {
            Some(why @ Unsigned::Key { .. }) => tracing::error!(%why, "this replica cannot sign the log"),
            Some(Unsigned::Fault(why)) => tracing::warn!(why, "the log was not signed"),
            None => tracing::info!("the log is signed again"),
        }
        self.service.metrics.log_unsigned(why.is_some());
        self.notary.set_unsigned(why);
    }

    async fn pass(&mut self) -> Result<(), Fault> {
        if self.service.memory.take_confirmed() {
            self.again();
            self.lenient = true;
        }
        if let Some(rewound) = self.service.memory.rewound() {
            return Err(Fault::Held(rewound.why));
        }
        // Before the log is counted: another replica may sign more of it in between, and that is no loss.
        let newest = self.service.store.checkpoint().await?;
        let leaves = self.service.store.head().await?.leaves as u64;
        if self.published == Some(leaves) && self.tree.size() == leaves && self.notary.unsigned().is_none() {
            return Ok(());
        }
        self.service.count_outside().await?;
        // Read after the head: a key that an entry up to there speaks of is in it.
        let list = super::list(self.service.store.as_ref()).await?;
        let head = newest.as_ref().map(|row| believed(row, list.as_ref(), self.notary.keys())).transpose();
        let head = head.map_err(Broken::Inside)?.flatten();
        let milestones = milestones(&self.notary, &self.tree, head)?;
        let known = milestones.keys().next_back().copied().unwrap_or(0).max(self.tree.size());
        if leaves < known {
            return Err(Broken::Past(format!("the log has {leaves} entries, it had {known}")).into());
        }
        let signed = newest.as_ref().map(|row| row.size as u64);
        let stops: Vec<u64> = rotations(list.as_ref(), signed, leaves).chain([leaves]).collect();
        if stops.first().is_some_and(|first| *first < self.tree.size()) {
            // Whoever should have signed there did not.
            self.tree = Frontier::default();
        }
        for stop in stops {
            climb(self.service.store.as_ref(), &mut self.tree, stop, &milestones).await?;
            (self.told, self.lenient) = (None, false);
            self.service.metrics.log_refused(false);
            let keys = self.keys(list.as_ref(), newest.as_ref(), stop).await;
            let fence = match keys {
                Ok(_) => self.fence().await?,
                Err(_) => self.give_back().await?,
            };
            match fence.filter(|_| signed != Some(leaves)) {
                Some(fence) => {
                    let keys = keys?;
                    if let (None, Some(first)) = (&list, keys.last()) {
                        let now = self.service.clock.now();
                        self.service.store.put_first_key(first.verifier(), now, &fence).await?;
                    }
                    self.publish(&keys, fence).await?;
                    self.published = Some(stop);
                }
                None => {
                    // Signed by another replica, or before the start: kept here as well.
                    if let Some(row) = newest.as_ref().filter(|row| row.size as u64 <= leaves) {
                        self.keep(row).await?;
                    }
                    self.published = signed;
                    keys?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whose signatures the checkpoint of this size bears, the key in use last.
    async fn keys(
        &self,
        list: Option<&KeyList>,
        newest: Option<&CheckpointRow>,
        size: u64,
    ) -> Result<Vec<Arc<SignerKey>>, Fault> {
        match self.at_hand(list, newest, size) {
            Err(Fault::Missing(_)) => {
                self.notary.read_again()?;
                self.at_hand(list, newest, size)
            }
            other => other,
        }
    }

    fn at_hand(
        &self,
        list: Option<&KeyList>,
        newest: Option<&CheckpointRow>,
        size: u64,
    ) -> Result<Vec<Arc<SignerKey>>, Fault> {
        let missing = |key: String| Err(Fault::Missing(key));
        if let Some(list) = list {
            let due = list.at(size);
            let found: Vec<Arc<SignerKey>> = due.iter().filter_map(|key| self.notary.secret(key)).collect();
            let Some(last) = due.last() else { return missing(list.newest().key.to_string()) };
            return match found.last() {
                // The earlier one may be gone: its statement vouches for the newer one all the same.
                Some(key) if key.verifier() == *last => Ok(found),
                _ => missing(last.to_string()),
            };
        }
        let keys = self.notary.keys();
        let key = match newest {
            None => keys.into_iter().next(),
            Some(row) => {
                let note = Note::parse(row.note.as_bytes())?;
                let signed = |key: &VerifierKey| note.open(std::slice::from_ref(key)).is_ok();
                match keys.into_iter().find(signed) {
                    Some(key) => Some(key),
                    None => {
                        let by = note.signatures().first();
                        let by = by.map(|by| format!("{}+{:08x}", by.name, by.id)).unwrap_or_default();
                        return missing(by);
                    }
                }
            }
        };
        match key.and_then(|key| self.notary.secret(&key)) {
            Some(key) => Ok(vec![key]),
            None => missing(self.notary.origin().to_owned()),
        }
    }

    /// What is written is written by the one replica that signs.
    async fn fence(&mut self) -> Result<Option<Fence>, Fault> {
        let lease = self.service.store.lease(LEASE_NAME, &self.holder, LEASE).await?;
        self.held = lease.is_some();
        Ok(lease.map(|lease| Fence { lease: lease.name, token: lease.token }))
    }

    /// Another replica has the key.
    async fn give_back(&mut self) -> Result<Option<Fence>, Fault> {
        if std::mem::take(&mut self.held) {
            self.service.store.lease(LEASE_NAME, &self.holder, Span::from_micros(1)).await?;
        }
        Ok(None)
    }

    /// Kept outside first: what is served was kept.
    async fn publish(&self, keys: &[Arc<SignerKey>], fence: Fence) -> Result<(), Fault> {
        let head = Checkpoint::new(self.notary.origin(), self.tree.size(), self.tree.root())?;
        let mut note = head.note()?;
        keys.iter().for_each(|key| note.sign(key));
        let row = CheckpointRow { size: head.size as i64, note: note.to_string(), at: self.service.clock.now() };
        self.keep(&row).await?;
        self.service.store.put_checkpoint(&row, &fence).await?;
        self.service.metrics.log_signed(row.size);
        Ok(())
    }

    async fn keep(&self, row: &CheckpointRow) -> Result<(), Fault> {
        let Some(path) = self.notary.0.pin.clone() else { return Ok(()) };
        let (to, size, note) = (path.clone(), row.size as u64, row.note.clone());
        let kept = tokio::task::spawn_blocking(move || pin::keep(&to, size, &note)).await;
        let ended = || PinFault::Write { path, source: std::io::Error::other("writing ended") };
        Ok(kept.unwrap_or_else(|_| Err(ended()))?)
    }

    /// Nothing is signed, automation holds, and it is told. Once a person has confirmed what is observed, automation goes
    /// on; the log only if all that is wrong is what was signed before.
    async fn hold(&mut self, broken: Broken) {
        self.service.metrics.log_refused(true);
        self.again();
        if std::mem::take(&mut self.lenient)
            && let (Broken::Past(why), Some(path)) = (&broken, &self.notary.0.pin)
        {
            match pin::set_aside(path, self.service.clock.now().micros()) {
                Ok(kept) => {
                    let kept = kept.display().to_string();
                    tracing::warn!(why, kept, "the log goes on, though it is not the one that was signed");
                }
                Err(fault) => tracing::warn!(error = &fault as &dyn std::error::Error, "the log is not signed"),
            }
            return;
        }
        // In other words it is the same: what a person has confirmed is not held for again.
        if self.told.as_ref().is_some_and(|told| discriminant(told) == discriminant(&broken)) {
            return;
        }
        tracing::error!(why = %broken, "the log is not signed: it does not extend what was signed before");
        let now = self.service.clock.now();
        match self.service.memory.distrust(self.service.store.as_ref(), now, broken.to_string()).await {
            Ok(()) => self.told = Some(broken),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "automation could not be held"),
        }
    }

    /// From the first entry.
    fn again(&mut self) {
        self.tree = Frontier::default();
        self.published = None;
    }
}

/// Where one key takes over from another one: these sizes are signed by both, whatever came in meanwhile.
fn rotations(list: Option<&KeyList>, signed: Option<u64>, leaves: u64) -> impl Iterator<Item = u64> {
    let terms = list.map_or_else(Vec::new, |list| list.terms().to_vec());
    let rotated = terms.into_iter().filter(|term| term.change() == Change::Rotated).map(|term| term.from);
    rotated.filter(move |from| *from < leaves && signed.is_none_or(|signed| signed < *from))
}

/// With its causes, for people.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
