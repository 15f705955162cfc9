//! A part that goes back while the rest stays: what that leaves of a release, and what may be done with it.

use super::{Asked, Event, HoldCause, Refusal, Release, ReleaseAct, State, table};
use crate::actor::Actor;
use crate::component::Component;
use crate::id::ServiceName;
use crate::plan::Weight;
use crate::recovery;
use crate::saga::Outcome;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// What went back while the rest of its release stayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub by: String,
    pub reason: String,
    /// When it was ordered.
    pub at: Timestamp,
    /// What went back, as it moved. Nothing where only flags were switched off.
    pub components: Vec<Component>,
    /// How its steps ended, in words.
    pub summary: String,
    /// When a person let rules act on it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Timestamp>,
}

impl Release {
    /// Whether the service whose signals are judged still moves in it.
    pub fn judged(&self) -> bool {
        self.components.is_empty() || self.components.iter().any(|component| component.name == self.service)
    }

    /// The share that the judged service should have of what is asked for all that moves.
    pub fn share(&self, asked: &Asked) -> Weight {
        if self.judged() { asked.weight } else { Weight::ZERO }
    }

    /// Whether anything of it went back, so that rules may have to be resumed.
    pub fn went_back(&self) -> bool {
        let back = matches!(self.state, State::RolledBack | State::PartiallyRolledBack);
        back || self.parts.iter().any(|part| !part.components.is_empty())
    }

    /// Whether an act is possible now: legal in this state, and there is something for it to act upon.
    pub fn possible(&self, act: ReleaseAct) -> bool {
        table::allowed(&self.state, act) && self.check_rest(act).is_ok()
    }

    /// What cannot be done with what a rollback in part has left.
    pub(super) fn check_rest(&self, act: ReleaseAct) -> Result<(), Refusal> {
        match act {
            ReleaseAct::Promote | ReleaseAct::Resume | ReleaseAct::Rollforward if !self.judged() => {
                Err(Refusal::NotJudged(self.service.clone()))
            }
            ReleaseAct::ResumeAutomation if !self.went_back() => Err(Refusal::NothingBack),
            _ => Ok(()),
        }
    }

    /// The rest must be known to stand where it stood: before the first traffic and after half a rollback it is not.
    pub(super) fn check_part(&self, only: Option<&[ServiceName]>) -> Result<(), Refusal> {
        let whole = matches!(self.state, State::Starting | State::PartiallyRolledBack);
        if only.is_some() && whole { Err(Refusal::WholeOnly(self.state.label())) } else { Ok(()) }
    }

    /// How a rollback in part ends; `None` where all of it was to go back, or when that was undone.
    pub(super) fn end_part(&self, outcome: Outcome, summary: &str, now: Timestamp) -> Option<Event> {
        let gone = self.back.as_ref()?.only.clone().filter(|_| outcome != Outcome::Undone)?;
        let entry = self.stages_entered.last()?;
        Some(Event::PartRolledBack {
            gone,
            stage: entry.stage,
            weight: entry.weight,
            key: self.traffic_key(1),
            summary: summary.to_owned(),
            at: now,
        })
    }

    pub(super) fn resume_automation(&self, reason: String, by: &Actor, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if let Some(resumed) = &self.resumed {
            return Err(Refusal::NotHeld { by: resumed.by.clone(), at: resumed.at });
        }
        by.person().ok_or(recovery::Refusal::OnlyPeople)?;
        Ok(vec![Event::AutomationResumed { by: by.label(), reason, at: now }])
    }

    /// What went back leaves the release. What stays is another thing than what was judged before: it starts anew.
    pub(super) fn part_with(&mut self, gone: &[ServiceName], stage: u8, summary: &str, at: Timestamp) {
        let (gone, stays) = std::mem::take(&mut self.components).into_iter().partition(|one| gone.contains(&one.name));
        self.components = stays;
        if let Some(order) = self.back.take() {
            let (by, reason, summary) = (order.by, order.reason, summary.to_owned());
            self.parts.push(Part { by, reason, at: order.at, components: gone, summary, resumed: None });
        }
        self.state = State::Holding { stage, cause: HoldCause::PartBack };
        (self.verdict, self.ended_by) = (None, None);
        (self.stage_entered_at, self.held_since, self.held_before) = (Some(at), Some(at), Span::ZERO);
        self.forwarded_at = Some(at);
    }
}
