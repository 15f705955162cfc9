//! What the engine should do now, from the whole state. Level-triggered: asking twice yields the same.

use super::{Phase, Saga, Side, Status, Step, StepAct, StepId};
use crate::time::{Span, Timestamp};

/// How long the engine waits between two questions about the same step.
pub const ASK_EVERY: Span = Span::from_secs(2);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Record that the step begins, commit, then send its [`Order`].
    Begin { step: StepId, side: Side },
    /// Ask the driver what became of this key; at most every [`ASK_EVERY`]. The question carries the newest token, so that
    /// a fenced target refuses orders of older ones from then on, and the try, which a target that answers "never
    /// arrived" refuses from then on: an order that is still on its way must not take effect after such an answer.
    Ask { step: StepId, side: Side, attempt: u32, key: String, token: u64 },
    /// Nothing before this moment, unless an answer comes: a retry, or a deadline.
    Wake { at: Timestamp },
}

/// What is sent to a driver. Whatever it carries was committed before.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    pub step: &'a Step,
    pub side: Side,
    pub act: &'a StepAct,
    /// The same for every try; a target that remembers keys applies it once.
    pub key: String,
    /// From 1; only for the log and for the answer.
    pub attempt: u32,
    /// A fenced target refuses a token older than the newest it has seen.
    pub token: u64,
    pub deadline: Timestamp,
}

impl Saga {
    /// What to do now, steps in their order; the next moment to look comes last.
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        let mut wake: Option<Timestamp> = None;
        if self.ended() {
            return due;
        }
        let mut later = |at: Timestamp| wake = Some(wake.map_or(at, |other| other.min(at)));
        let undoable = self.undoable();
        for (i, (step, tracks)) in self.plan.steps.iter().zip(&self.tracks).enumerate() {
            for (side, track) in [(Side::Do, &tracks.does), (Side::Undo, &tracks.undoes)] {
                let may_begin = match (self.phase, side) {
                    (Phase::Forward, Side::Do) => self.ready(step),
                    (Phase::Undoing, Side::Undo) => undoable[i],
                    _ => false,
                };
                match track.status {
                    Status::Waiting if may_begin => due.push(Due::Begin { step: step.id, side }),
                    Status::Retrying(at) if may_begin && over(at, step, now) => {
                        due.push(Due::Begin { step: step.id, side });
                    }
                    Status::Retrying(at) if may_begin => later(at),
                    Status::Asking => {
                        let (attempt, key) = (track.attempt, self.key(step.id, side));
                        due.push(Due::Ask { step: step.id, side, attempt, key, token: self.token });
                    }
                    Status::Running => {
                        if let Some(deadline) = track.deadline.filter(|deadline| *deadline > now) {
                            later(deadline.min(now + step.timeout));
                        }
                    }
                    _ => {}
                }
            }
        }
        due.extend(wake.map(|at| Due::Wake { at }));
        due
    }

    /// The order of a step that was begun under the present token and has no answer yet. Steps done by hand have none.
    pub fn order(&self, id: StepId, side: Side) -> Option<Order<'_>> {
        let step = self.step(id)?;
        let track = self.track(id, side).filter(|t| t.status == Status::Running && t.token == self.token)?;
        let act = match side {
            Side::Do => &step.act,
            Side::Undo => step.undo.as_ref()?,
        };
        if act.by_hand() {
            return None;
        }
        let deadline = track.deadline?;
        Some(Order { step, side, act, key: self.key(id, side), attempt: track.attempt, token: self.token, deadline })
    }

    /// Whether everything before a step is done or skipped.
    pub(super) fn ready(&self, step: &Step) -> bool {
        step.after.iter().filter_map(|id| self.track(*id, Side::Do)).all(|track| track.status.settled())
    }

    /// By step: whether it needs undoing and everything that came after it is undone or never happened.
    pub(super) fn undoable(&self) -> Vec<bool> {
        let count = self.plan.steps.len();
        if self.phase != Phase::Undoing {
            return vec![false; count];
        }
        // Steps name lower numbers only, so going down meets every later step before the ones it came after.
        let mut clear = vec![true; count];
        let mut undoable = vec![false; count];
        for i in (0..count).rev() {
            let free = clear[i];
            undoable[i] = free && self.needs_undo(i);
            let settled = free && self.settled_for_undo(i);
            if !settled {
                for before in self.plan.steps[i].after.iter().filter_map(|id| self.index(*id)) {
                    clear[before] = false;
                }
            }
        }
        undoable
    }

    /// Whether it happened, or may have, and there is a way to take it back.
    pub(super) fn needs_undo(&self, i: usize) -> bool {
        let (step, does) = (&self.plan.steps[i], &self.tracks[i].does);
        let happened = does.status == Status::Done
            || does.status == Status::Unclear
            || (does.status == Status::Skipped && does.maybe);
        happened && step.undo.is_some()
    }

    /// Whether nothing more will come of this step while undoing.
    pub(super) fn settled_for_undo(&self, i: usize) -> bool {
        let tracks = &self.tracks[i];
        match tracks.does.status {
            Status::Running | Status::Asking | Status::Retrying(_) => false,
            _ => !self.needs_undo(i) || tracks.undoes.status.settled(),
        }
    }
}

/// Whether a step has had its time. A clock that was set back must not prolong it beyond twice what was asked: calling
/// somebody too early does less harm than too late.
pub(super) fn overdue(deadline: Timestamp, step: &Step, now: Timestamp) -> bool {
    deadline <= now || deadline.since(now) > step.timeout + step.timeout
}

/// Whether the wait is over. A clock that was set back must not prolong it beyond what was asked.
fn over(at: Timestamp, step: &Step, now: Timestamp) -> bool {
    at <= now || at.since(now) > step.retry.most
}
