//! Tells whoever is connected that something changed; never what. Who hears it reads again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::id::{ReleaseId, ServiceName};
use tokio::sync::broadcast;

mod follow;

pub use follow::follow;

/// Own commits are known by their positions, so that they are not told again as if another process had made them.
const OWN: usize = 4_096;

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
    own: Arc<Mutex<VecDeque<i64>>>,
}

impl Bus {
    pub fn new(capacity: usize) -> Self {
        let (sender, _) = broadcast::channel(capacity);
        Self { sender, position: Arc::default(), own: Arc::default() }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// Published after a commit; `position` is that of its last event.
    pub fn committed(&self, topic: Topic, position: i64) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.back() != Some(&position) {
            own.push_back(position);
        }
        let surplus = own.len().saturating_sub(OWN);
        own.drain(..surplus);
        drop(own);
        self.heard(topic, position);
    }

    /// Published when another process has committed.
    fn heard(&self, topic: Topic, position: i64) {
        let version = self.position.fetch_max(position, Ordering::Relaxed).max(position);
        self.send(Change { topic, version });
    }

    /// Whether the event at this position was the last of a unit committed here.
    fn made(&self, position: i64) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(&position)
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
