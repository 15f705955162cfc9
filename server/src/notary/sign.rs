//! The loop that signs.

use super::climb::{Broken, Milestone, Stopped, climb};
use super::{Notary, PinFault, pin};
use crate::service::{Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{CheckpointRow, Fence};
use std::collections::BTreeMap;
use std::mem::discriminant;
use std::time::Duration;
use sternway_domain::audit::checkpoint::{Checkpoint, CheckpointError};
use sternway_domain::audit::merkle::Frontier;
use sternway_domain::audit::note::{Note, NoteError};
use sternway_domain::time::Span;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// One replica signs; another one takes over when it has been silent for so long.
const LEASE: Span = Span::from_secs(10);
const LEASE_NAME: &str = "log";

/// Why there is no newer checkpoint.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pin(#[from] PinFault),
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
        Self { service, notary, holder, tree: Frontier::default(), published: None, told: None, lenient: false }
    }

    /// Signs if there is news and nothing is wrong.
    pub async fn turn(&mut self) {
        match self.pass().await {
            Ok(()) => {}
            Err(Fault::Broken(broken)) => self.hold(broken).await,
            Err(Fault::Store(StoreError::Fenced { .. })) => {}
            // The tree may have been left in the middle: it is the same, only further on.
            Err(fault) => tracing::warn!(error = &fault as &dyn std::error::Error, "the log was not signed"),
        }
    }

    async fn pass(&mut self) -> Result<(), Fault> {
        if self.service.memory.take_confirmed() {
            self.again();
            self.lenient = true;
        }
        if self.service.memory.rewound().is_some() {
            return Ok(());
        }
        // Before the log is counted: another replica may sign more of it in between, and that is no loss.
        let newest = self.service.store.checkpoint().await?;
        let leaves = self.service.store.head().await?.leaves as u64;
        if self.published == Some(leaves) && self.tree.size() == leaves {
            return Ok(());
        }
        let milestones = self.milestones(newest.as_ref())?;
        let known = milestones.keys().next_back().copied().unwrap_or(0).max(self.tree.size());
        if leaves < known {
            return Err(Broken::Past(format!("the log has {leaves} entries, it had {known}")).into());
        }
        climb(self.service.store.as_ref(), &mut self.tree, leaves, &milestones).await?;
        (self.told, self.lenient) = (None, false);
        self.service.metrics.log_refused(false);
        let published = newest.as_ref().map(|row| row.size as u64);
        match self.service.store.lease(LEASE_NAME, &self.holder, LEASE).await? {
            Some(lease) if published != Some(leaves) => {
                self.publish(Fence { lease: lease.name, token: lease.token }).await?;
                self.published = Some(leaves);
            }
            _ => {
                // Signed by another replica, or before the start: kept here as well.
                if let Some(row) = newest.filter(|row| row.size as u64 <= leaves) {
                    self.keep(row.note).await?;
                }
                self.published = published;
            }
        }
        Ok(())
    }

    /// What the tree has to pass through: the checkpoint kept outside, and the newest one in the database.
    fn milestones(&self, newest: Option<&CheckpointRow>) -> Result<BTreeMap<u64, Milestone>, Fault> {
        let mut all = BTreeMap::new();
        if let Some(row) = newest {
            let note = Note::parse(row.note.as_bytes())?;
            let head: Checkpoint = note.text().parse()?;
            all.insert(head.size, Milestone { root: head.root, from: "the newest checkpoint" });
            if self.published.is_none() && note.open(&[self.notary.key().clone()]).is_err() {
                tracing::warn!(key = %self.notary.key(), "the log was signed with another key and goes on under this one");
            }
        }
        if let Some(head) = self.notary.0.pin.as_deref().map(pin::read).transpose()?.flatten() {
            let kept = Milestone { root: head.root, from: "the checkpoint kept outside the database" };
            match all.get(&head.size) {
                Some(other) if other.root != kept.root => {
                    let text = format!("of {} entries two different checkpoints were signed", head.size);
                    return Err(Broken::Past(text).into());
                }
                _ => all.insert(head.size, kept),
            };
        }
        // Below the tree's own size nothing is passed any more.
        if let Some((size, milestone)) = all.range(self.tree.size()..).next()
            && *size == self.tree.size()
            && milestone.root != self.tree.root()
        {
            return Err(Broken::Past(format!("of {size} entries another root was signed ({})", milestone.from)).into());
        }
        Ok(all)
    }

    /// Kept outside first: what is served was kept.
    async fn publish(&self, fence: Fence) -> Result<(), Fault> {
        let head = Checkpoint::new(self.notary.origin(), self.tree.size(), self.tree.root())?;
        let mut note = head.note()?;
        note.sign(&self.notary.0.key);
        let row = CheckpointRow { size: head.size as i64, note: note.to_string(), at: self.service.clock.now() };
        self.keep(row.note.clone()).await?;
        self.service.store.put_checkpoint(&row, &fence).await?;
        self.service.metrics.log_signed(row.size);
        Ok(())
    }

    async fn keep(&self, note: String) -> Result<(), Fault> {
        let Some(path) = self.notary.0.pin.clone() else { return Ok(()) };
        let to = path.clone();
        let kept = tokio::task::spawn_blocking(move || pin::write(&to, &note)).await;
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
