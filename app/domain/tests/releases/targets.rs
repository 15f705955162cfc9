//! The drivers' side: what was asked of it, what it really did.
//!
//! A proxy has a weight and, when it is fenced, the newest token. A deployer remembers keys, closed tries and the newest
//! token.

use std::collections::BTreeMap;
use sternway_domain::id::SagaId;
use sternway_domain::plan::Weight;
use sternway_domain::saga::{Answer, Side, StepId};
use sternway_domain::time::Timestamp;

/// One side of one step of one saga.
pub(crate) type Key = (SagaId, StepId, Side);

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) fenced: bool,
    pub(crate) weight: Weight,
    pub(crate) newest: u64,
    /// Every weight it ever had, with the moment.
    pub(crate) had: Vec<(Timestamp, Weight)>,
}

/// What a proxy made of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    Refused,
    Taken,
    /// Of an older token; an unfenced proxy cannot know.
    Stale,
}

impl Proxy {
    pub(crate) fn write(&mut self, weight: Weight, token: u64, now: Timestamp) -> Wrote {
        let stale = token < self.newest;
        if stale && self.fenced {
            return Wrote::Refused;
        }
        self.newest = self.newest.max(token);
        self.weight = weight;
        self.had.push((now, weight));
        if stale { Wrote::Stale } else { Wrote::Taken }
    }

    /// Whether it had this weight at some moment since then.
    pub(crate) fn had(&self, weight: Weight, since: Timestamp) -> bool {
        let mut later = self.had.iter().rev();
        for (at, had) in later.by_ref() {
            if *had == weight {
                return true;
            }
            if *at <= since {
                return false;
            }
        }
        false
    }
}

#[derive(Debug, Clone, Default)]
struct Kept {
    applied: u32,
    /// Tries up to this one are refused.
    closed: u32,
    running: bool,
    forgotten: bool,
}

/// What a deployer made of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    Already,
    UnderWay,
    Closed,
    StaleToken,
}

#[derive(Debug, Default)]
pub(crate) struct Deployer {
    keys: BTreeMap<Key, Kept>,
    newest: u64,
}

impl Deployer {
    pub(crate) fn take(&mut self, key: Key, token: u64, attempt: u32) -> Taken {
        if token < self.newest {
            return Taken::StaleToken;
        }
        self.newest = token;
        match self.keys.entry(key).or_default() {
            Kept { applied: 1.., .. } => Taken::Already,
            Kept { running: true, .. } => Taken::UnderWay,
            Kept { closed, .. } if attempt <= *closed => Taken::Closed,
            _ => Taken::New,
        }
    }

    pub(crate) fn run(&mut self, key: Key) {
        self.keys.entry(key).or_default().running = true;
    }

    pub(crate) fn apply(&mut self, key: Key) -> u32 {
        let kept = self.keys.entry(key).or_default();
        kept.running = false;
        kept.applied += 1;
        kept.applied
    }

    pub(crate) fn close(&mut self, key: Key, attempt: u32) {
        let kept = self.keys.entry(key).or_default();
        kept.closed = kept.closed.max(attempt);
    }

    pub(crate) fn forget(&mut self, key: Key) {
        self.keys.entry(key).or_default().forgotten = true;
    }

    pub(crate) fn remember(&mut self) {
        self.keys.values_mut().for_each(|kept| kept.forgotten = false);
    }

    pub(crate) fn ask(&mut self, key: Key, token: u64, attempt: u32) -> Answer {
        self.newest = self.newest.max(token);
        match self.keys.entry(key).or_default() {
            Kept { applied: 1.., .. } => Answer::Done { output: "seen".to_owned() },
            Kept { running: true, .. } => Answer::Running,
            Kept { forgotten: true, .. } => Answer::CannotTell { detail: "its memory was lost".to_owned() },
            kept => {
                kept.closed = kept.closed.max(attempt);
                Answer::NeverArrived
            }
        }
    }

    pub(crate) fn applied(&self, key: Key) -> u32 {
        self.keys.get(&key).map_or(0, |kept| kept.applied)
    }
}
