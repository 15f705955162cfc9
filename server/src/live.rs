//! Tells whoever is connected that something changed; never what. Who hears it reads again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use sternway_domain::id::{ReleaseId, ServiceName};
use tokio::sync::broadcast;

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// One release; the board and the service's page change with it.
    Release {
        id: ReleaseId,
        service: ServiceName,
    },
    Decisions,
    Configuration,
    /// One or more flags.
    Flags,
}

/// One change. `version` is the position of the log of events when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub topic: Topic,
    pub version: i64,
}

/// Bounded: a slow listener is told that it missed something and reads everything again.
#[derive(Debug, Clone)]
pub struct Bus {
    sender: broadcast::Sender<Change>,
    position: Arc<AtomicI64>,
}

impl Bus {
    pub fn new(capacity: usize) -> Self {
        let (sender, _) = broadcast::channel(capacity);
        Self { sender, position: Arc::default() }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// Published after a commit; `position` is that of its last event.
    pub fn committed(&self, topic: Topic, position: i64) {
        let version = self.position.fetch_max(position, Ordering::Relaxed).max(position);
        self.send(Change { topic, version });
    }

    /// Something without an event of its own changed: a tick, an observation.
    pub fn touched(&self, topic: Topic) {
        let version = self.position.load(Ordering::Relaxed);
        self.send(Change { topic, version });
    }

    pub fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }

    fn send(&self, change: Change) {
        // Nobody listening is no failure.
        let _ = self.sender.send(change);
    }
}
