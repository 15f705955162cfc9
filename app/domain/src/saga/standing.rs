//! Where a saga stands, in words: what is back, what failed and why, what waits for it, what may be chosen.

use super::{Choice, Outcome, Phase, Saga, Side, Status, Step, StepId, Track};
use crate::component::named;
use crate::id::ServiceName;
use serde::{Deserialize, Serialize};

/// The whole, for a page and for the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub kind: StandingKind,
    /// In the order in which they first appear in the steps.
    pub components: Vec<ComponentStanding>,
    pub steps_done: usize,
    pub steps: usize,
    /// `2 of 5 back. storage failed: …`
    pub sentence: String,
    /// Steps that need a person, with what may be chosen.
    pub needs: Vec<Stuck>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingKind {
    /// Steps move by themselves.
    Working,
    /// Something failed or hangs; other steps still move.
    NeedsPerson,
    /// Nothing moves until a person chooses.
    Partial,
    Complete,
    EndedPartial,
    Undone,
    PartlyUndone,
}

/// One component within the saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentStanding {
    pub name: ServiceName,
    pub kind: ComponentKind,
    /// The error, the reason, or the step under way.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentKind {
    /// All its vital steps are done.
    Back,
    Working,
    /// Begun too long ago, or its outcome is not known.
    Hanging,
    Failed,
    Waiting,
    /// A vital step was skipped.
    Skipped,
    /// Its steps were taken back again.
    Undone,
}

/// A step that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    pub step: StepId,
    pub side: Side,
    pub title: String,
    pub role: String,
    pub why: String,
    pub choices: Vec<Choice>,
}

impl Saga {
    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let components = self.components();
        let needs = self.needs();
        let steps_done = self.tracks.iter().filter(|t| t.does.status == Status::Done).count();
        let kind = self.kind(&needs);
        let sentence = self.sentence(kind, &components, steps_done);
        Standing { kind, components, steps_done, steps: self.tracks.len(), sentence, needs }
    }

    fn kind(&self, needs: &[Stuck]) -> StandingKind {
        match self.phase {
            Phase::Ended(Outcome::Complete) => StandingKind::Complete,
            Phase::Ended(Outcome::Partial) => StandingKind::EndedPartial,
            Phase::Ended(Outcome::Undone) => StandingKind::Undone,
            Phase::Ended(Outcome::PartlyUndone) => StandingKind::PartlyUndone,
            _ if needs.is_empty() => StandingKind::Working,
            _ if self.moves() => StandingKind::NeedsPerson,
            _ => StandingKind::Partial,
        }
    }

    /// Whether anything still goes on by itself.
    fn moves(&self) -> bool {
        let undoable = self.undoable();
        let moving = |track: &Track| {
            let by_itself = matches!(track.status, Status::Running | Status::Asking | Status::Retrying(_));
            by_itself && track.escalated.is_none()
        };
        self.plan.steps.iter().zip(&self.tracks).enumerate().any(|(i, (step, tracks))| {
            let begins = match self.phase {
                Phase::Forward => tracks.does.status == Status::Waiting && self.ready(step),
                _ => tracks.undoes.status == Status::Waiting && undoable[i],
            };
            begins || moving(&tracks.does) || moving(&tracks.undoes)
        })
    }

    fn needs(&self) -> Vec<Stuck> {
        let mut needs = Vec::new();
        if self.ended() {
            return needs;
        }
        for (step, tracks) in self.plan.steps.iter().zip(&self.tracks) {
            for (side, track) in [(Side::Do, &tracks.does), (Side::Undo, &tracks.undoes)] {
                let by_hand = self.act(step, side).is_some_and(super::StepAct::by_hand);
                let hangs = track.escalated.is_some() && matches!(track.status, Status::Running | Status::Asking);
                let hand = by_hand && track.status == Status::Running;
                if !(track.status.stuck() || hangs || hand) {
                    continue;
                }
                let choices = self.choices(step.id, side);
                if !choices.is_empty() {
                    let (title, role) = (step.title.clone(), step.role.clone());
                    needs.push(Stuck { step: step.id, side, title, role, why: why(step, track, side), choices });
                }
            }
        }
        needs
    }

    fn components(&self) -> Vec<ComponentStanding> {
        let mut names: Vec<&ServiceName> = Vec::new();
        for name in self.plan.steps.iter().filter_map(|step| step.component.as_ref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| self.component(name)).collect()
    }

    fn component(&self, name: &ServiceName) -> ComponentStanding {
        let own: Vec<usize> = (0..self.tracks.len())
            .filter(|i| self.plan.steps[*i].vital && self.plan.steps[*i].component.as_ref() == Some(name))
            .collect();
        let undoing =
            matches!(self.phase, Phase::Undoing | Phase::Ended(Outcome::Undone) | Phase::Ended(Outcome::PartlyUndone));
        // While undoing, what failed on the way forward is settled; only its undoing counts.
        let sides: &[Side] = if undoing { &[Side::Undo] } else { &[Side::Do] };
        let pick = |sides: &[Side], wanted: &dyn Fn(&Track) -> bool| {
            own.iter().flat_map(|i| sides.iter().map(move |side| (*i, *side))).find_map(|(i, side)| {
                let track = self.side(i, side);
                wanted(track).then(|| why(&self.plan.steps[i], track, side))
            })
        };
        let hanging = |t: &Track| {
            let late = t.escalated.is_some() || self.ended();
            t.status == Status::Asking || (t.status == Status::Running && late)
        };
        let moving = |t: &Track| matches!(t.status, Status::Running | Status::Retrying(_)) && !self.ended();
        let both = &[Side::Do, Side::Undo];
        let settled = |i: &usize| match undoing {
            true => self.settled_for_undo(*i),
            false => self.tracks[*i].does.status == Status::Done,
        };
        let begun = own.iter().any(|i| self.tracks[*i].does.attempt > 0);
        let (kind, detail) = if let Some(why) = pick(sides, &|t| t.status.stuck()) {
            (ComponentKind::Failed, why)
        } else if let Some(why) = pick(both, &hanging) {
            (ComponentKind::Hanging, why)
        } else if let Some(why) = pick(both, &moving) {
            (ComponentKind::Working, why)
        } else if let Some(why) = pick(sides, &|t| t.status == Status::Skipped) {
            (ComponentKind::Skipped, why)
        } else if !own.iter().all(settled) || (undoing && !begun) {
            (ComponentKind::Waiting, String::new())
        } else if undoing {
            (ComponentKind::Undone, String::new())
        } else {
            (ComponentKind::Back, String::new())
        };
        ComponentStanding { name: name.clone(), kind, detail }
    }

    fn side(&self, i: usize, side: Side) -> &Track {
        match side {
            Side::Do => &self.tracks[i].does,
            Side::Undo => &self.tracks[i].undoes,
        }
    }

    fn sentence(&self, kind: StandingKind, components: &[ComponentStanding], steps_done: usize) -> String {
        let mut out = if components.is_empty() {
            format!("{steps_done} of {} steps done.", self.tracks.len())
        } else {
            let back = components.iter().filter(|c| c.kind == ComponentKind::Back).count();
            let goal = if self.plan.purpose == super::Purpose::Rollback { "back" } else { "done" };
            format!("{back} of {} {goal}.", components.len())
        };
        for component in components {
            let verb = match component.kind {
                ComponentKind::Failed => "failed",
                ComponentKind::Hanging => "hangs",
                ComponentKind::Skipped => "was left out",
                _ => continue,
            };
            out.push_str(&format!(" `{}` {verb}: {}.", component.name, component.detail.trim_end_matches('.')));
        }
        let unfinished = self.phase == Phase::Ended(Outcome::Partial);
        for (step, track) in self.plan.steps.iter().zip(&self.tracks).map(|(s, t)| (s, &t.does)) {
            if step.component.is_some() || !step.vital {
                continue;
            }
            if track.status.stuck() || track.status == Status::Skipped {
                out.push_str(&format!(" {}.", why(step, track, Side::Do).trim_end_matches('.')));
            } else if unfinished && track.status != Status::Done {
                out.push_str(&format!(" Not done: {}.", step.title));
            }
        }
        let of = |kind| {
            let found: Vec<&ServiceName> = components.iter().filter(|c| c.kind == kind).map(|c| &c.name).collect();
            found
        };
        let waiting = of(ComponentKind::Waiting);
        if !waiting.is_empty() && kind != StandingKind::Working {
            let when = if self.ended() { "Not begun" } else { "Waiting" };
            out.push_str(&format!(" {when}: {}.", named(&waiting)));
        }
        let undone = of(ComponentKind::Undone);
        if !undone.is_empty() {
            out.push_str(&format!(" Taken back again: {}.", named(&undone)));
        }
        match kind {
            StandingKind::Partial => out.push_str(" Nothing moves until a person chooses."),
            StandingKind::NeedsPerson => out.push_str(" Other steps go on meanwhile."),
            _ => {}
        }
        out
    }
}

/// Why a step stands where it stands.
fn why(step: &Step, track: &Track, side: Side) -> String {
    let title = match side {
        Side::Do => step.title.clone(),
        Side::Undo => format!("undoing “{}”", step.title),
    };
    match track.status {
        Status::Failed if track.failed > 1 => format!("{title}: {} (after {} tries)", track.said, track.failed),
        Status::Failed => format!("{title}: {}", track.said),
        Status::Unclear => format!("{title}: it may have happened or not, {}", track.said),
        Status::Asking => format!("{title}: no answer, asking what became of it"),
        Status::Running if track.escalated.is_some() => format!("{title}: longer than {}", step.timeout),
        Status::Running => title,
        Status::Retrying(_) => format!("{title}: {}, trying again", track.said),
        Status::Skipped => format!("{title} was skipped: {}", track.said),
        Status::Waiting | Status::Done => String::new(),
    }
}
