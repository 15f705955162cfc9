//! The panel of a rollback: each step, and what may be chosen where a person is needed.

use super::Plane;
use super::release::{Facts, unsigned};
use super::words::lasting;
use crate::service::{Caller, Result, SagaLog, ServiceError, StepRequest, Words};
use sternway_app::view::act::ActDone;
use sternway_app::view::release::{ChoiceForm, NeedView, SagaPanel};
use sternway_app::view::{StepState, StepView};
use sternway_domain::access::Action;
use sternway_domain::id::ReleaseId;
use sternway_domain::saga::{Choice, Phase, Purpose, Saga, Side, Status, Step, StepId, StepTracks, Stuck};
use sternway_domain::time::Timestamp;

impl Plane {
    /// `None` for a release that never went back by steps.
    pub(super) async fn saga_panel(&self, caller: &Caller, facts: &Facts) -> Result<Option<SagaPanel>> {
        let Some(SagaLog { saga, .. }) = self.service.newest_saga(caller, facts.release.id).await? else {
            return Ok(None);
        };
        let said = self.service.said(saga.plan.id).await?;
        let standing = saga.standing();
        let may = self.may(caller, Action::Steer);
        let end = saga.ended_at.unwrap_or(facts.now);
        let title = match saga.plan.purpose {
            Purpose::Rollforward => "Hotfix, step by step",
            Purpose::Start => "Start, step by step",
            Purpose::Rollback | Purpose::Drill => "Way back, step by step",
        };
        let back = saga.plan.purpose == Purpose::Rollback;
        Ok(Some(SagaPanel {
            title: title.to_owned(),
            version: unsigned(saga.version),
            count: format!("{} of {} steps", standing.steps_done, standing.steps),
            age: lasting(end.since(saga.ordered_at)),
            sentence: standing.sentence,
            needs: standing.needs.into_iter().map(|stuck| self.need(stuck, may, back)).collect(),
            steps: saga
                .plan
                .steps
                .iter()
                .zip(&saga.tracks)
                .map(|(step, tracks)| line(&saga, step, tracks, &said, facts.now))
                .collect(),
            fault: None,
        }))
    }

    fn need(&self, stuck: Stuck, may: bool, back: bool) -> NeedView {
        let note = if may { String::new() } else { "Your role may not choose how it goes on.".to_owned() };
        let choices = stuck.choices.into_iter().filter(|_| may);
        NeedView {
            step: stuck.step.to_string(),
            undo: stuck.side == Side::Undo,
            title: stuck.title,
            why: stuck.why,
            choices: choices.map(|choice| (choice.as_str().to_owned(), label(choice, back).to_owned())).collect(),
            note: if note.is_empty() { format!("Called: {}.", stuck.role) } else { note },
            idempotency_key: self.service.new_id().to_string(),
        }
    }

    pub(super) async fn chosen(&self, caller: &Caller, id: ReleaseId, form: ChoiceForm) -> Result<ActDone> {
        let invalid = |field: &str, text: &str| ServiceError::Invalid { field: field.into(), text: text.into() };
        let choice = Choice::ALL.into_iter().find(|choice| choice.as_str() == form.choice);
        let step = form.step.parse().ok().map(StepId);
        let request = StepRequest {
            release: id,
            choice: choice.ok_or_else(|| invalid("choice", "choose one of the buttons"))?,
            step: Some(step.ok_or_else(|| invalid("step", "the form names no step; load the page again"))?),
            side: if form.undo { Side::Undo } else { Side::Do },
            to: None,
            reason: form.reason,
            expected_version: i64::try_from(form.expected_version).unwrap_or(i64::MAX),
            idempotency_key: form.idempotency_key,
        };
        let acted = self.service.choose(caller, request).await?;
        Ok(ActDone {
            release: id.to_string(),
            version: unsigned(acted.version),
            decision: acted.decision.id.to_string(),
            leaf_index: unsigned(acted.decision.leaf_index),
        })
    }
}

fn line(saga: &Saga, step: &Step, tracks: &StepTracks, said: &Words, now: Timestamp) -> StepView {
    let undoing = tracks.undoes.attempt > 0;
    let track = if undoing { &tracks.undoes } else { &tracks.does };
    let state = match track.status {
        Status::Done => StepState::Done,
        Status::Running | Status::Asking | Status::Retrying(_) => StepState::Now,
        Status::Failed | Status::Unclear => StepState::Failed,
        Status::Waiting | Status::Skipped => StepState::Todo,
    };
    let stopped = matches!(saga.phase, Phase::Ended(_));
    let meta = match (track.status, track.first_begun) {
        (Status::Waiting, _) if stopped => "not begun".to_owned(),
        (Status::Waiting, _) => String::new(),
        (Status::Skipped, _) => "skipped".to_owned(),
        (_, Some(from)) => lasting(track.settled.unwrap_or(now).since(from)),
        (status, None) => status.as_str().to_owned(),
    };
    let name = if undoing { format!("Undo: {}", step.title) } else { step.title.clone() };
    let said = said.get(&step.id).filter(|_| state == StepState::Now);
    let note = said.unwrap_or(&track.said).clone();
    StepView { state, name, note, meta }
}

/// `back`: whether it is a way back.
fn label(choice: Choice, back: bool) -> &'static str {
    match choice {
        Choice::SignOff => "Done, signed off",
        Choice::Retry => "Try again",
        Choice::Skip => "Go on without it",
        Choice::Compensate => "Undo what was done",
        Choice::Escalate => "Call somebody",
        Choice::Stop if back => "Stop here, partially back",
        Choice::Stop => "Stop here",
    }
}
