//! What happened becomes what is. Total: an event that was once accepted is always understood.

use super::{Asked, Back, Event, HoldCause, Release, Replaced, Resumption, StageEntry, State, VerdictNote};
use crate::artifact::Artifact;
use crate::id::ServiceName;
use crate::judge::VerdictKind;
use crate::plan::Weight;
use crate::time::{Span, Timestamp};

impl Release {
    pub(super) fn created(event: &Event) -> Option<Release> {
        let Event::Created {
            id,
            service,
            baseline,
            candidate,
            components,
            note,
            plan,
            plan_ref,
            checklist,
            overridden,
            by,
            at,
        } = event
        else {
            return None;
        };
        let mut release = Release {
            id: *id,
            version: 1,
            service: service.clone(),
            baseline: baseline.clone(),
            candidate: candidate.clone(),
            components: components.clone(),
            note: note.clone(),
            plan: (**plan).clone(),
            plan_ref: plan_ref.clone(),
            checklist: checklist.as_deref().cloned(),
            runbooks: Vec::new(),
            state: State::Draft,
            created_at: *at,
            created_by: by.clone(),
            started_at: None,
            started_by: None,
            stage_entered_at: None,
            held_since: None,
            held_before: Span::ZERO,
            asked: None,
            saga: None,
            verdict: None,
            stages_entered: Vec::new(),
            ended_at: None,
            ended_by: None,
            back: None,
            parts: Vec::new(),
            resumed: None,
            replaced: None,
            forwarded_at: None,
            overridden: overridden.clone(),
        };
        release.settle_readiness();
        Some(release)
    }

    /// The release after this event.
    pub fn evolve(mut self, event: &Event) -> Self {
        self.version += 1;
        match event {
            Event::Created { .. } => {}
            Event::ChecklistItemSet { item, to, by, at } => {
                if let Some(checklist) = &mut self.checklist {
                    checklist.set(item, to.clone(), by, *at);
                }
                self.settle_readiness();
            }
            Event::Started { runbooks, saga, by, at, .. } => {
                if saga.is_some() {
                    self.state = State::Starting;
                }
                self.saga = *saga;
                self.runbooks = runbooks.clone();
                self.started_at = Some(*at);
                self.started_by = Some(by.clone());
            }
            Event::StartEnded { .. } => {
                (self.started_at, self.started_by, self.back, self.ended_by) = (None, None, None, None);
                // Whether or not its checklist was complete, somebody started it: the same may start it again.
                self.settle_readiness();
            }
            Event::StageEntered { stage, weight, key, at } => {
                self.state = State::Running { stage: *stage };
                self.enter_stage(*stage, *weight, *at);
                self.ask(*weight, key, *at);
            }
            Event::Promoted { by, reason, .. } => self.ended_by = Some(format!("{by}: {reason}")),
            Event::Completed { at } => self.end(State::Promoted, *at),
            Event::TrafficConfirmed { at, .. } => {
                if let Some(asked) = &mut self.asked {
                    asked.confirmed_at = Some(*at);
                }
            }
            Event::VerdictChanged { kind, stage, tick, sentence, at } => {
                let before = self.verdict.as_ref().filter(|before| before.stage == *stage);
                let passed_until = before.and_then(|before| match before.kind {
                    VerdictKind::Pass => Some(*at),
                    _ => before.passed_until,
                });
                let (kind, stage, since, tick, sentence) = (*kind, *stage, *at, *tick, sentence.clone());
                self.verdict = Some(VerdictNote { kind, stage, since, tick, sentence, passed_until });
            }
            Event::Held { cause, at, .. } => {
                self.held_since.get_or_insert(*at);
                let stage = self.state.stage().unwrap_or_default();
                self.state = State::Holding { stage, cause: cause.clone() };
            }
            Event::Resumed { at, .. } => {
                self.end_hold(*at);
                self.state = State::Running { stage: self.state.stage().unwrap_or_default() };
            }
            Event::RollbackOrdered { key, saga, only, by, reason, at } => {
                let (only, by, reason) = (only.clone(), by.clone(), reason.clone());
                self.state = State::RollingBack;
                self.saga = *saga;
                self.held_since = None;
                self.ended_at = None;
                self.ended_by = Some(format!("{by}: {reason}"));
                if only.as_ref().is_none_or(|only| only.contains(&self.service)) {
                    self.ask(Weight::ZERO, key, *at);
                }
                self.back = Some(Back { by, reason, at: *at, only });
                self.resumed = None;
            }
            Event::RolledBack { at } => self.end(State::RolledBack, *at),
            Event::PartiallyRolledBack { summary, at } => {
                self.ended_by = Some(summary.clone());
                self.end(State::PartiallyRolledBack, *at);
            }
            Event::PartRolledBack { gone, stage, weight, key, summary, at } => {
                self.part_with(gone, *stage, summary, *at);
                self.ask(*weight, key, *at);
            }
            Event::RollbackUndone { stage, weight, key, at, .. } => {
                self.state = State::Holding { stage: *stage, cause: HoldCause::Person };
                self.held_since = Some(*at);
                self.back = None;
                self.ask(*weight, key, *at);
            }
            Event::RollforwardOrdered { hotfix, component, saga, stage, weight, key, at, .. } => {
                let service = component.clone().unwrap_or_else(|| self.service.clone());
                self.replaced = self.put(&service, hotfix.clone()).map(|build| Replaced { service, build });
                self.saga = *saga;
                self.state = State::RollingForward;
                self.enter_stage(*stage, *weight, *at);
                self.ask(*weight, key, *at);
            }
            Event::RolledForward { at } => {
                self.state = State::Running { stage: self.last_stage() };
                // What is waited for in the stage begins with the hotfix.
                self.stage_entered_at = Some(*at);
                self.forwarded_at = Some(*at);
                self.replaced = None;
            }
            Event::RollforwardEnded { undone, at, .. } => {
                if let Some(replaced) = self.replaced.take().filter(|_| *undone) {
                    self.put(&replaced.service, replaced.build);
                }
                self.held_since = Some(*at);
                self.state = State::Holding { stage: self.last_stage(), cause: HoldCause::Person };
            }
            Event::Frozen { at, .. } => {
                self.held_since.get_or_insert(*at);
                self.state = State::Frozen { stage: self.state.stage().unwrap_or_default() };
            }
            Event::Cancelled { by, reason, at } => {
                self.ended_by = Some(format!("{by}: {reason}"));
                self.end(State::Cancelled, *at);
            }
            Event::AutomationResumed { by, reason, at } => {
                self.parts.iter_mut().for_each(|part| _ = part.resumed.get_or_insert(*at));
                self.resumed = Some(Resumption { by: by.clone(), reason: reason.clone(), at: *at });
            }
        }
        self
    }

    /// Puts a build in place of what a service moves to, and gives back what was there.
    fn put(&mut self, service: &ServiceName, build: Artifact) -> Option<Artifact> {
        let component = self.components.iter_mut().find(|component| component.name == *service);
        let before = component.map(|component| std::mem::replace(&mut component.candidate, build.clone()));
        if *service == self.service {
            return Some(std::mem::replace(&mut self.candidate, build));
        }
        before
    }

    fn last_stage(&self) -> u8 {
        self.stages_entered.last().map_or(0, |entry| entry.stage)
    }

    fn settle_readiness(&mut self) {
        let ready = self.checklist.as_ref().is_none_or(|checklist| checklist.complete());
        self.state = if ready { State::Ready } else { State::Draft };
    }

    fn enter_stage(&mut self, stage: u8, weight: Weight, at: Timestamp) {
        self.stage_entered_at = Some(at);
        self.held_since = None;
        self.held_before = Span::ZERO;
        self.verdict = None;
        self.stages_entered.push(StageEntry { stage, weight, at });
    }

    fn ask(&mut self, weight: Weight, key: &str, at: Timestamp) {
        self.asked = Some(Asked { weight, at, key: key.to_owned(), confirmed_at: None });
    }

    fn end_hold(&mut self, at: Timestamp) {
        if let Some(since) = self.held_since.take() {
            // A clock that was set back when the hold began must not count for more than the stage has lasted.
            let lasted = self.stage_entered_at.map_or(Span::ZERO, |entered| at.since(entered));
            self.held_before = (self.held_before + at.since(since)).min(lasted);
        }
    }

    fn end(&mut self, state: State, at: Timestamp) {
        self.state = state;
        self.ended_at = Some(at);
        self.held_since = None;
    }
}
