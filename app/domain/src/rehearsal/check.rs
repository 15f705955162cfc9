//! The promises, looked at whenever something happens.

use super::replica::begun;
use super::stored;
use super::world::World;
use crate::saga::{ComponentKind, Event, Outcome, Phase, Side, Status, StepAct, StepId};

impl World<'_> {
    /// Before an event joins the stream.
    pub(super) fn check_event(&mut self, event: &Event) {
        if self.saga.ended() && !matches!(event, Event::Late { .. }) {
            self.broke(format!("after its end it goes on: {event:?}"));
        }
        if let Some((step, side)) = begun(event) {
            self.check_begun(step, side);
        }
        // What is shown as done has been seen.
        if let Event::Succeeded { step, side, by: None, .. } = event
            && self.changes(*step, *side)
            && !self.there((*step, *side))
        {
            self.broke(format!("step {step} is called done and did not happen"));
        }
        if let Event::Begun { token, .. } = event
            && *token != self.saga.token
        {
            self.broke(format!("a step begins under token {token}, the newest is {}", self.saga.token));
        }
    }

    fn check_begun(&mut self, id: StepId, side: Side) {
        // Nothing is repeated before it is known that it did not happen, or a person said so. Looking again does no harm.
        let last = self.events.iter().rev().find(|event| {
            event.step() == Some((id, side)) && !matches!(event, Event::Escalated { .. } | Event::Overdue { .. })
        });
        let known = matches!(last, None | Some(Event::Failed { .. } | Event::RetryOrdered { .. }));
        if !known && self.changes(id, side) {
            self.broke(format!("step {id} is repeated without knowing what became of it"));
        }
        let wrong = match (self.saga.phase, side) {
            (Phase::Forward, Side::Do) => {
                let before = self.saga.step(id).map(|step| step.after.clone()).unwrap_or_default();
                let open = before
                    .into_iter()
                    .find(|before| self.saga.track(*before, Side::Do).is_none_or(|track| !track.status.settled()));
                open.map(|open| format!("step {id} begins before step {open} is settled"))
            }
            (Phase::Undoing, Side::Undo) => {
                let later = self
                    .saga
                    .plan
                    .steps
                    .iter()
                    .find(|step| step.after.contains(&id) && step.undo.is_some() && self.undo_open(step.id));
                later.map(|later| format!("step {id} is undone before step {}, which came after it", later.id))
            }
            _ => Some(format!("step {id} begins on the wrong side")),
        };
        if let Some(promise) = wrong {
            self.broke(promise);
        }
    }

    /// Right after an engine has looked: nothing hangs without anybody being called, whatever the clocks say.
    pub(super) fn check_hanging(&mut self) {
        let hangs = self.begun.iter().find(|((id, side), at)| {
            let open = self.saga.track(*id, *side).is_some_and(|track| {
                matches!(track.status, Status::Running | Status::Asking) && track.escalated.is_none()
            });
            let timeout = self.saga.step(*id).map_or(0, |step| step.timeout.micros());
            open && self.now.since(**at).micros() > 3 * timeout + 1_000_000
        });
        if let Some(((id, _), _)) = hangs {
            let id = *id;
            self.broke(format!("step {id} hangs and nobody was called"));
        }
    }

    fn undo_open(&self, id: StepId) -> bool {
        let done = self.saga.track(id, Side::Do).is_some_and(|track| track.status == Status::Done);
        let undone = self.saga.track(id, Side::Undo).is_some_and(|track| track.status.settled());
        done && !undone
    }

    /// Whenever a target changes.
    pub(super) fn check_effect(&mut self, id: (StepId, Side)) {
        if !self.is_absolute(id.0) && self.keyed.applied(id) > 1 {
            self.broke(format!("step {} took effect twice", id.0));
        }
        if !self.events.iter().any(|event| begun(event) == Some(id)) {
            self.broke(format!("step {} took effect before it was recorded", id.0));
        }
    }

    /// When everything is over.
    pub(super) fn check_end(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let Phase::Ended(outcome) = self.saga.phase else { return self.broke("it never ended".to_owned()) };
        if stored(&self.events).as_ref() != Some(&self.saga) {
            self.broke("its events fold to something else".to_owned());
        }
        let standing = self.saga.standing();
        let all = standing.components.len();
        let whole = standing.sentence == format!("{all} of {all} back.");
        if whole != (outcome == Outcome::Complete) {
            self.broke(format!("it ended {outcome:?} and says: {}", standing.sentence));
        }
        for component in standing.components {
            let of = |step: &&crate::saga::Step| step.vital && step.component.as_ref() == Some(&component.name);
            let missing = self.plan.steps.iter().filter(of).find(|step| {
                self.changes(step.id, Side::Do) && !self.is_absolute(step.id) && !self.there((step.id, Side::Do))
            });
            if let (ComponentKind::Back, Some(step)) = (component.kind, missing) {
                self.broke(format!("`{}` is called back, step {} never happened", component.name, step.id));
            }
        }
        for step in self.plan.steps.iter().filter(|step| !self.is_absolute(step.id)) {
            let (done, undone) = (self.there((step.id, Side::Do)), self.there((step.id, Side::Undo)));
            let changes = self.changes(step.id, Side::Do);
            match outcome {
                Outcome::Complete if step.vital && changes && (!done || undone) => {
                    self.broke(format!("complete, and step {} is not done", step.id));
                    return;
                }
                Outcome::Undone if step.undo.is_some() && done && !undone => {
                    self.broke(format!("undone, and step {} is still done", step.id));
                    return;
                }
                _ => {}
            }
        }
    }

    /// Whether a side of a step changes anything at a target.
    fn changes(&self, id: StepId, side: Side) -> bool {
        let Some(step) = self.saga.step(id) else { return false };
        let act = if side == Side::Do { Some(&step.act) } else { step.undo.as_ref() };
        act.is_some_and(|act: &StepAct| !act.only_looks() && !act.by_hand())
    }

    /// Whether it is really there.
    fn there(&self, id: (StepId, Side)) -> bool {
        if self.is_absolute(id.0) { self.absolute.holds(id) } else { self.keyed.applied(id) > 0 }
    }
}
