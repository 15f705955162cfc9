//! Tells whoever is connected that something changed; never what. Who hears it reads again.

use crate::store::rows::Committed;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::id::{ReleaseId, ServiceName};
use tokio::sync::broadcast;
use under_way::{Commits, UnderWay};

mod follow;
mod under_way;

pub use follow::follow;

/// Own commits are known, so that they are not told again as if another process had made them.
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
    own: Arc<Mutex<Own>>,
    commits: Arc<Commits>,
}

/// What was committed here: positions of last events, and indexes of entries.
#[derive(Debug, Default)]
struct Own {
    events: VecDeque<i64>,
    entries: VecDeque<i64>,
}

impl Bus {
    pub fn new(capacity: usize) -> Self {
        let (sender, _) = broadcast::channel(capacity);
        Self { sender, position: Arc::default(), own: Arc::default(), commits: Arc::default() }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// To be held from before a commit until it was published.
    pub(crate) fn begin(&self) -> UnderWay {
        self.commits.begin()
    }

    /// Published after a commit.
    pub fn committed(&self, topic: Topic, committed: &Committed) {
        self.known(committed);
        self.heard(topic, committed.position);
    }

    /// After a commit that nobody need hear of.
    pub(crate) fn known(&self, committed: &Committed) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if committed.events > 0 {
            note(&mut own.events, committed.position);
        }
        if let Some(index) = committed.leaf_index {
            note(&mut own.entries, index);
        }
    }

    /// Published when another process has committed.
    fn heard(&self, topic: Topic, position: i64) {
        let version = self.position.fetch_max(position, Ordering::Relaxed).max(position);
        self.send(Change { topic, version });
    }

    /// Whether the event at this position was the last of a unit committed here.
    fn made(&self, position: i64) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).events.contains(&position)
    }

    /// Whether all of these entries were committed here.
    fn wrote(&self, entries: Range<i64>) -> bool {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        entries.end - entries.start <= OWN as i64 && entries.into_iter().all(|index| own.entries.contains(&index))
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

/// Forgets the oldest of many.
fn note(known: &mut VecDeque<i64>, new: i64) {
    if known.back() != Some(&new) {
        known.push_back(new);
    }
    let surplus = known.len().saturating_sub(OWN);
    known.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_commit_without_events_then_the_newest_event_is_not_taken_for_an_own_one() {
        let bus = Bus::new(8);
        bus.committed(Topic::Decisions, &Committed { leaf_index: Some(4), events: 0, position: 100 });
        assert!(!bus.made(100), "another process wrote that event");
        bus.committed(Topic::Decisions, &Committed { leaf_index: Some(6), events: 2, position: 102 });
        assert!(bus.made(102));
        assert!(bus.wrote(4..5) && bus.wrote(6..7) && !bus.wrote(4..7), "entry 5 is another process's");
    }
}
