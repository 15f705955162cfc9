//! What happened becomes what is. Total: an event that was once accepted is always understood.

use super::{Event, Phase, Saga, Side, Status, StepTracks, Track};
use crate::time::Timestamp;
use std::sync::Arc;

impl Saga {
    pub(super) fn ordered(event: &Event) -> Option<Saga> {
        let Event::Ordered { plan, by, reason, at } = event else { return None };
        Some(Saga {
            plan: Arc::new((**plan).clone()),
            version: 1,
            ordered_at: *at,
            ordered_by: by.clone(),
            reason: reason.clone(),
            phase: Phase::Forward,
            token: 0,
            tracks: vec![StepTracks::default(); plan.steps.len()],
            ended_at: None,
        })
    }

    /// The saga after this event.
    pub fn evolve(mut self, event: &Event) -> Self {
        self.version += 1;
        match event {
            Event::Taken { token, at, .. } => self.take(*token, *at),
            Event::UndoOrdered { .. } => {
                self.phase = Phase::Undoing;
                for tracks in &mut self.tracks {
                    if let Status::Retrying(_) = tracks.does.status {
                        tracks.does.status = Status::Failed;
                    }
                }
            }
            Event::Ended { outcome, at, .. } => {
                self.phase = Phase::Ended(*outcome);
                self.ended_at = Some(*at);
            }
            Event::Ordered { .. } | Event::Late { .. } | Event::Stopped { .. } | Event::Superseded { .. } => {}
            _ => {
                if let Some(index) = event.step().and_then(|(step, _)| self.index(step)) {
                    let by_hand = self.plan.steps[index].act.by_hand();
                    let tracks = &mut self.tracks[index];
                    let track = match event.step() {
                        Some((_, Side::Undo)) => &mut tracks.undoes,
                        _ => &mut tracks.does,
                    };
                    track.evolve(event, by_hand);
                }
            }
        }
        self
    }

    /// What an earlier engine began may have left or not: ask. What only looks may look again. People are not engines.
    fn take(&mut self, token: u64, at: Timestamp) {
        self.token = token;
        let undoing = self.phase == Phase::Undoing;
        for (tracks, step) in self.tracks.iter_mut().zip(&self.plan.steps) {
            let does = (&mut tracks.does, Some(&step.act), !undoing);
            for (track, act, wanted) in [does, (&mut tracks.undoes, step.undo.as_ref(), undoing)] {
                let Some(act) = act.filter(|act| track.status == Status::Running && !act.by_hand()) else { continue };
                if act.only_looks() {
                    // What is no longer wanted is not looked at again, or undoing would wait for it for ever.
                    track.status = if wanted { Status::Retrying(at) } else { Status::Failed };
                } else {
                    track.status = Status::Asking;
                    track.maybe = true;
                }
            }
        }
    }
}

impl Track {
    fn evolve(&mut self, event: &Event, by_hand: bool) {
        match event {
            Event::Begun { attempt, deadline, token, at, .. } => {
                self.status = Status::Running;
                self.attempt = *attempt;
                self.token = *token;
                self.first_begun.get_or_insert(*at);
                self.begun = Some(*at);
                self.deadline = Some(*deadline);
                self.escalated = None;
            }
            Event::Succeeded { output, at, .. } => {
                self.settle(Status::Done, output, *at);
                self.maybe = false;
            }
            Event::Failed { error, counted, retry_at, .. } => {
                self.failed = self.failed.saturating_add(u8::from(*counted));
                self.status = retry_at.map_or(Status::Failed, Status::Retrying);
                self.maybe = false;
                self.said = error.clone();
            }
            Event::OutcomeUnknown { detail, .. } => {
                self.status = Status::Asking;
                self.maybe = true;
                self.said = detail.clone();
            }
            Event::CannotTell { detail, .. } => {
                self.status = Status::Unclear;
                self.maybe = true;
                self.said = detail.clone();
            }
            Event::Overdue { .. } if !by_hand => {
                self.status = Status::Asking;
                self.maybe = true;
            }
            Event::Escalated { at, .. } => self.escalated = Some(*at),
            Event::RetryOrdered { at, .. } => {
                self.status = Status::Retrying(*at);
                self.failed = 0;
            }
            Event::Skipped { reason, at, .. } => {
                self.maybe |= self.status == Status::Running;
                self.settle(Status::Skipped, reason, *at);
            }
            _ => {}
        }
    }

    fn settle(&mut self, status: Status, said: &str, at: Timestamp) {
        self.status = status;
        self.settled = Some(at);
        self.said = said.to_owned();
    }
}
