//! What the engine saw becomes events. Every answer may be late, repeated, lost or false; none may do harm.

use super::{Event, Outcome, Phase, Refusal, Saga, Side, Status, Step, StepId, Track};
use crate::id::SagaId;
use crate::saga::Dice;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who calls when nobody did: the engine itself.
pub const BY_ITSELF: &str = "automation";

/// Longest text kept of an answer, in characters.
const SAID_CHARS: usize = 4_000;

/// What the engine saw or is about to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The lease is held with a newer token.
    Take { holder: String },
    /// A step is about to be sent.
    Begin { step: StepId, side: Side },
    /// What the driver said, to the order itself or when asked about its key.
    Answer { step: StepId, side: Side, attempt: u32, answer: Answer },
    /// Time has passed.
    Look,
    /// Another order of the release took its place: it ends where it stands.
    Supersede { by: Option<SagaId> },
}

/// What became of a step. Drivers lie, so the engine looks before it reports: done means seen, failed means looked for and
/// not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It happened, and was seen.
    Done { output: String },
    /// It surely did not happen; `again` when trying again may help.
    Failed { error: String, again: bool },
    /// It may have happened: no answer, a cut connection, a server's error.
    Unknown { detail: String },
    /// It is under way.
    Running,
    /// When asked: nothing under this key ever came, and this try is refused from now on.
    NeverArrived,
    /// When asked: the driver does not remember keys and what it sees does not decide it.
    CannotTell { detail: String },
}

impl Saga {
    /// What the engine with this token saw. Answers that change nothing give no events. Refused: a token that is not the
    /// newest, a step that is not due, a step that does not exist.
    pub fn observe(&self, seen: Observation, token: u64, now: Timestamp, dice: Dice) -> Result<Vec<Event>, Refusal> {
        let taking = matches!(seen, Observation::Take { .. });
        // What has ended is not taken over any more, and whoever comes later may still look at it.
        if token < self.token || (token > self.token && !taking && !self.ended()) {
            return Err(Refusal::Stale { token, newest: self.token });
        }
        let mut events = match seen {
            Observation::Take { .. } if self.ended() || token == self.token => vec![],
            Observation::Take { holder } => vec![Event::Taken { token, holder, at: now }],
            Observation::Begin { step, side } => vec![self.begin(step, side, token, now)?],
            Observation::Answer { step, side, attempt, answer } => {
                self.answer(step, side, attempt, answer, now, dice)?
            }
            Observation::Look => self.look(now, dice),
            Observation::Supersede { .. } if self.ended() => vec![],
            Observation::Supersede { by } => vec![Event::Superseded { by, at: now }],
        };
        self.finish(&mut events, now);
        Ok(events)
    }

    fn begin(&self, id: StepId, side: Side, token: u64, now: Timestamp) -> Result<Event, Refusal> {
        let (step, track) = self.find(id, side)?;
        let due = self
            .due(now)
            .iter()
            .any(|due| matches!(due, super::Due::Begin { step, side: s } if *step == id && *s == side));
        if !due {
            return Err(Refusal::NotDue { step: id, title: step.title.clone() });
        }
        let (attempt, key) = (track.attempt + 1, self.key(id, side));
        Ok(Event::Begun { step: id, side, attempt, key, deadline: now + step.timeout, token, at: now })
    }

    fn answer(
        &self,
        id: StepId,
        side: Side,
        attempt: u32,
        answer: Answer,
        now: Timestamp,
        dice: Dice,
    ) -> Result<Vec<Event>, Refusal> {
        let (step, track) = self.find(id, side)?;
        if track.attempt == 0 {
            return Err(Refusal::NeverBegun { step: id, title: step.title.clone() });
        }
        // All tries carry one key, so whichever of them is done, the step is. A fact outweighs what was thought before.
        if let Answer::Done { output } = answer {
            let output = cut(output);
            return Ok(match track.status {
                Status::Done => vec![],
                _ if self.ended() => vec![Event::Late { step: id, side, output, at: now }],
                _ => vec![Event::Succeeded { step: id, side, attempt, output, by: None, at: now }],
            });
        }
        let open = matches!(track.status, Status::Running | Status::Asking | Status::Unclear);
        if !open || attempt != track.attempt || self.ended() {
            return Ok(vec![]);
        }
        let looks = self.act(step, side).is_some_and(super::StepAct::only_looks);
        Ok(match answer {
            Answer::Done { .. } | Answer::Running => vec![],
            Answer::Failed { error, again } => self.fail(step, side, track, error, again, now, dice),
            // Only an engine loses a look. That is no fault of what it looked at, and looking again does no harm.
            Answer::Unknown { detail } if looks => {
                let retry_at = self.goes_on(side).then(|| now + step.retry.wait(1, dice));
                vec![Event::Failed { step: id, side, attempt, error: cut(detail), counted: false, retry_at, at: now }]
            }
            Answer::Unknown { detail } if track.status == Status::Running => {
                vec![Event::OutcomeUnknown { step: id, side, attempt, detail: cut(detail), at: now }]
            }
            Answer::Unknown { .. } => vec![],
            // Whoever asks while the order is on its way must not be told that it never came.
            Answer::NeverArrived if track.status == Status::Running => vec![],
            Answer::NeverArrived if track.token == self.token => {
                let error = "the order never arrived".to_owned();
                self.fail(step, side, track, error, true, now, dice)
            }
            Answer::NeverArrived => {
                let error = "the order never left before the engine changed".to_owned();
                let retry_at = self.goes_on(side).then_some(now);
                vec![Event::Failed { step: id, side, attempt, error, counted: false, retry_at, at: now }]
            }
            Answer::CannotTell { detail } if track.status == Status::Asking => {
                let detail = cut(detail);
                let why = format!("it may have happened or not, and the driver cannot say: {detail}");
                vec![Event::CannotTell { step: id, side, detail, at: now }, escalated(step, side, why, now)]
            }
            Answer::CannotTell { .. } => vec![],
        })
    }

    #[expect(clippy::too_many_arguments, reason = "each is one part of what failed; a struct would be used only here")]
    fn fail(
        &self,
        step: &Step,
        side: Side,
        track: &Track,
        error: String,
        again: bool,
        now: Timestamp,
        dice: Dice,
    ) -> Vec<Event> {
        let (failed, error) = (track.failed.saturating_add(1), cut(error));
        let retry = again && failed < step.retry.tries && self.goes_on(side);
        let retry_at = retry.then(|| now + step.retry.wait(failed, dice));
        let why = format!("failed: {error}");
        let attempt = track.attempt;
        let mut events = vec![Event::Failed { step: step.id, side, attempt, error, counted: true, retry_at, at: now }];
        if !retry && self.goes_on(side) {
            events.push(escalated(step, side, why, now));
        }
        events
    }

    fn look(&self, now: Timestamp, dice: Dice) -> Vec<Event> {
        let mut events = Vec::new();
        if self.ended() {
            return events;
        }
        for (step, tracks) in self.plan.steps.iter().zip(&self.tracks) {
            for (side, track) in [(Side::Do, &tracks.does), (Side::Undo, &tracks.undoes)] {
                let late = |deadline: &Timestamp| super::due::overdue(*deadline, step, now);
                let Some(deadline) = track.deadline.filter(late) else { continue };
                if track.escalated.is_some() || !matches!(track.status, Status::Running | Status::Asking) {
                    continue;
                }
                let late = format!("no answer within {}", step.timeout);
                let looks = self.act(step, side).is_some_and(super::StepAct::only_looks);
                if looks && track.status == Status::Running {
                    events.extend(self.fail(step, side, track, late, true, now, dice));
                    continue;
                }
                if track.status == Status::Running {
                    events.push(Event::Overdue { step: step.id, side, deadline, at: now });
                }
                events.push(escalated(step, side, late, now));
            }
        }
        events
    }

    /// Adds the end, if these events bring it. Without any there is nothing new that could.
    pub(super) fn finish(&self, events: &mut Vec<Event>, now: Timestamp) {
        if self.ended() || events.is_empty() {
            return;
        }
        let after = events.iter().fold(self.clone(), Saga::evolve);
        let stopped = matches!(events.last(), Some(Event::Stopped { .. } | Event::Superseded { .. }));
        if let Some(outcome) = after.outcome(stopped) {
            let ended = after.evolve(&Event::Ended { outcome, summary: String::new(), at: now });
            events.push(Event::Ended { outcome, summary: ended.standing().sentence, at: now });
        }
    }

    fn outcome(&self, stopped: bool) -> Option<Outcome> {
        let whole =
            || self.plan.steps.iter().zip(&self.tracks).all(|(step, t)| !step.vital || t.does.status == Status::Done);
        let settled = match self.phase {
            Phase::Forward => self.tracks.iter().all(|t| t.does.status.settled()),
            Phase::Undoing => (0..self.tracks.len()).all(|i| self.settled_for_undo(i)),
            Phase::Ended(_) => return None,
        };
        let undone =
            || (0..self.tracks.len()).all(|i| !self.needs_undo(i) || self.tracks[i].undoes.status == Status::Done);
        match self.phase {
            _ if !settled && !stopped => None,
            // Whoever stops when only people remained to be told stops nothing that counts.
            Phase::Forward => Some(if whole() { Outcome::Complete } else { Outcome::Partial }),
            _ if settled && undone() => Some(Outcome::Undone),
            _ => Some(Outcome::PartlyUndone),
        }
    }

    /// Whether this side is still wanted: once undoing has begun, no step forward is tried again.
    fn goes_on(&self, side: Side) -> bool {
        matches!((self.phase, side), (Phase::Forward, Side::Do) | (Phase::Undoing, Side::Undo))
    }

    pub(super) fn act<'a>(&self, step: &'a Step, side: Side) -> Option<&'a super::StepAct> {
        match side {
            Side::Do => Some(&step.act),
            Side::Undo => step.undo.as_ref(),
        }
    }

    pub(super) fn find(&self, id: StepId, side: Side) -> Result<(&Step, &Track), Refusal> {
        self.step(id).zip(self.track(id, side)).ok_or(Refusal::NoSuchStep(id))
    }
}

fn escalated(step: &Step, side: Side, why: String, at: Timestamp) -> Event {
    Event::Escalated { step: step.id, side, to: step.role.clone(), why, by: BY_ITSELF.to_owned(), at }
}

fn cut(text: String) -> String {
    if text.chars().count() <= SAID_CHARS { text } else { text.chars().take(SAID_CHARS - 1).chain(['…']).collect() }
}
