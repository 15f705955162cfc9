//! The drivers' side: what was asked of it, what it really did.
//!
//! A *keyed* target remembers keys, closed tries and the newest token: it applies a key once and turns older tokens away. An
//! *absolute* one, like a proxy's weight, remembers only its state; whoever writes last is right.

use crate::saga::{Answer, Side, StepId};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// One key's history at a target.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// How often it took effect.
    pub(super) applied: u32,
    /// Tries up to this one are refused.
    closed: u32,
    /// It takes effect then.
    running_until: Option<Timestamp>,
    forgotten: bool,
}

/// What a keyed target made of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// To be carried out now.
    New,
    Already,
    UnderWay,
    Closed,
    StaleToken,
}

#[derive(Debug, Default)]
pub(super) struct Keyed {
    pub(super) keys: BTreeMap<(StepId, Side), Kept>,
    pub(super) newest: u64,
}

impl Keyed {
    pub(super) fn take(&mut self, id: (StepId, Side), token: u64, attempt: u32) -> Taken {
        if token < self.newest {
            return Taken::StaleToken;
        }
        self.newest = token;
        let kept = self.keys.entry(id).or_default();
        match kept {
            Kept { applied: 1.., .. } => Taken::Already,
            Kept { running_until: Some(_), .. } => Taken::UnderWay,
            Kept { closed, .. } if attempt <= *closed => Taken::Closed,
            _ => Taken::New,
        }
    }

    pub(super) fn run(&mut self, id: (StepId, Side), until: Timestamp) {
        self.keys.entry(id).or_default().running_until = Some(until);
    }

    pub(super) fn apply(&mut self, id: (StepId, Side)) {
        let kept = self.keys.entry(id).or_default();
        kept.running_until = None;
        kept.applied += 1;
    }

    pub(super) fn close(&mut self, id: (StepId, Side), attempt: u32) {
        let kept = self.keys.entry(id).or_default();
        kept.closed = kept.closed.max(attempt);
    }

    pub(super) fn forget(&mut self, id: (StepId, Side)) {
        self.keys.entry(id).or_default().forgotten = true;
    }

    pub(super) fn remember(&mut self) {
        self.keys.values_mut().for_each(|kept| kept.forgotten = false);
    }

    /// The answer to a question; from then on this try is refused unless it took effect or is under way.
    pub(super) fn ask(&mut self, id: (StepId, Side), token: u64, attempt: u32) -> Answer {
        self.newest = self.newest.max(token);
        let kept = self.keys.entry(id).or_default();
        match kept {
            Kept { applied: 1.., .. } => Answer::Done { output: "seen".to_owned() },
            Kept { running_until: Some(_), .. } => Answer::Running,
            Kept { forgotten: true, .. } => Answer::CannotTell { detail: "its memory was lost".to_owned() },
            _ => {
                kept.closed = kept.closed.max(attempt);
                Answer::NeverArrived
            }
        }
    }

    pub(super) fn applied(&self, id: (StepId, Side)) -> u32 {
        self.keys.get(&id).map_or(0, |kept| kept.applied)
    }
}

/// Which side of a step wrote last, by step.
#[derive(Debug, Default)]
pub(super) struct Absolute {
    pub(super) state: BTreeMap<StepId, Side>,
    pub(super) newest: u64,
}

impl Absolute {
    /// Whether the write came from an older token than one it saw before. It cannot know, and takes it.
    pub(super) fn write(&mut self, id: (StepId, Side), token: u64) -> bool {
        let stale = token < self.newest;
        self.newest = self.newest.max(token);
        self.state.insert(id.0, id.1);
        stale
    }

    pub(super) fn ask(&self, id: (StepId, Side)) -> Answer {
        if self.holds(id) { Answer::Done { output: "seen".to_owned() } } else { Answer::NeverArrived }
    }

    pub(super) fn holds(&self, id: (StepId, Side)) -> bool {
        self.state.get(&id.0) == Some(&id.1)
    }
}
