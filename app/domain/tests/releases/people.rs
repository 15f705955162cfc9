//! People: on their own and at the wrong moment while things go wrong; patient and sensible afterwards.

use super::setup::{artifact, automatic, maya};
use super::store::{Not, Unit};
use super::world::World;
use sternway_domain::change_freeze::permit;
use sternway_domain::checklist::ItemState;
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{Command, HoldCause, Release, State};
use sternway_domain::saga::{self, Choice, StepAct};
use sternway_domain::time::Span;

impl World {
    /// One look at the page.
    pub(crate) fn person(&mut self) {
        if self.goes_wrong(|t| t.person) {
            let command = self.whim();
            self.ask(command);
        } else if let Some(command) = self.sensible() {
            self.ask(command);
        }
        self.choose();
    }

    /// Anything at all, legal or not.
    fn whim(&mut self) -> Command {
        let reason = "on a whim".to_owned();
        let forced = self.chance.hits(0.3);
        match (self.chance.unit() * 10.0) as u8 {
            0 => Command::Check { item: "flag".into(), to: ItemState::Open },
            1 => self.start(forced),
            2 | 3 => Command::Promote { override_verdict: forced, reason },
            4 => Command::Hold { cause: HoldCause::Person, reason },
            5 => Command::Resume { reason },
            6 => Command::Rollback { saga: None, only: None, reason },
            7 => {
                let hotfix = artifact(&format!("1.42.{}", 1 + self.next_id % 1_000));
                let (component, saga, known_bad) = (None, None, vec![]);
                Command::Rollforward { hotfix, component, saga, known_bad, override_known_bad: false, reason }
            }
            8 => Command::Freeze { reason },
            _ if forced => Command::Cancel { reason },
            _ => Command::ResumeAutomation { reason },
        }
    }

    fn start(&self, override_checklist: bool) -> Command {
        let (runbooks, known_bad, reason) = (vec![], vec![], "it is time".to_owned());
        Command::Start { runbooks, override_checklist, saga: None, known_bad, reason }
    }

    /// What brings the release on, if anything has to be done by hand.
    fn sensible(&mut self) -> Option<Command> {
        let release = &self.store.release;
        let verdict = self.store.ticks.last().map(|judged| judged.verdict.kind);
        let reason = "after a look".to_owned();
        let back = Command::Rollback { saga: None, only: None, reason: reason.clone() };
        Some(match &release.state {
            State::Draft => {
                let done = ItemState::Done { evidence: "new-pricing".into() };
                Command::Check { item: "flag".into(), to: done }
            }
            State::Ready => self.start(false),
            State::Running { .. } if automatic(release) => return None,
            State::Running { .. } | State::Holding { .. } => {
                let held = matches!(release.state, State::Holding { .. });
                let long = self.now.since(super::setup::START) > Span::from_secs(1_800);
                match verdict {
                    Some(VerdictKind::Pass) if !automatic(release) && release.confirmed() => {
                        Command::Promote { override_verdict: false, reason }
                    }
                    Some(VerdictKind::Fail) => back,
                    _ if long => back,
                    _ if held && !self.setup.hands_off && self.chance.hits(0.2) => Command::Resume { reason },
                    _ => return None,
                }
            }
            State::Frozen { .. } if self.calm() => Command::Resume { reason },
            _ => return None,
        })
    }

    fn ask(&mut self, command: Command) {
        let person = maya();
        // Some look at a page that is old.
        let seen: Release = if self.chance.hits(0.1) && self.store.events.len() > 1 {
            Release::fold(&self.store.events[..self.store.events.len() - 1]).expect("it begins with its creation")
        } else {
            self.store.release.clone()
        };
        let now = self.now;
        if let Err(_refused) = seen.decide(command.clone(), &person, now) {
            self.report.refused += 1;
            return;
        }
        let goes_out = matches!(command, Command::Start { .. } | Command::Promote { .. });
        let frozen = self.frozen(&seen, now).filter(|_| goes_out);
        let overriding = frozen.is_some() && self.aside.hits(0.2);
        let over_freeze = match permit(frozen, overriding, now) {
            Ok(overridden) => overridden.is_some(),
            Err(_in_force) => {
                self.report.frozen[0] += 1;
                return;
            }
        };
        self.report.frozen[1] += u32::from(over_freeze);
        let (command, ordered) = self.with_saga(&seen, command, &person, now);
        let events = match seen.decide(command, &person, now) {
            Ok(events) => events,
            Err(refusal) => return self.broke(format!("with its steps it is refused: {refusal}")),
        };
        let unit = Unit { over_freeze, ..self.unit(&seen, events, ordered, true, None, &person, now) };
        if self.commit(unit) == Err(Not::Conflict) {
            self.report.stale += 1;
        }
    }

    /// A step of the saga needs somebody.
    fn choose(&mut self) {
        let Some(stream) = self.store.current() else { return };
        let Some(stuck) = stream.saga.standing().needs.into_iter().next() else { return };
        let (id, version) = (stream.saga.plan.id, stream.saga.version);
        let offered = |choice| stuck.choices.contains(&choice);
        let (whim, roll) = (self.goes_wrong(|t| t.person * 3.0), self.chance.unit());
        let choice = match () {
            () if offered(Choice::SignOff) => Choice::SignOff,
            () if whim && roll < 0.3 && offered(Choice::Compensate) => Choice::Compensate,
            () if whim && roll < 0.5 && offered(Choice::Stop) => Choice::Stop,
            () if whim && offered(Choice::Skip) => Choice::Skip,
            () if offered(Choice::Retry) => Choice::Retry,
            () => Choice::Escalate,
        };
        let (step, side, reason) = (stuck.step, stuck.side, "after a look".to_owned());
        let command = match choice {
            Choice::SignOff => {
                let found = self.saga(id).and_then(|saga| saga.step(step));
                let Some(StepAct::Manual { role, .. }) = found.map(|step| &step.act) else { return };
                saga::Command::SignOff { step, side, role: role.clone(), note: reason }
            }
            Choice::Retry => saga::Command::Retry { step, side, reason },
            Choice::Skip => saga::Command::Skip { step, side, reason },
            Choice::Compensate => saga::Command::Compensate { reason },
            Choice::Escalate => saga::Command::Escalate { step, side, to: None, reason },
            Choice::Stop => saga::Command::Stop { reason },
        };
        let Some(decided) = self.saga(id).map(|saga| saga.decide(command, &maya(), self.now)) else { return };
        match decided {
            Ok(events) => {
                let unit = Unit { sagas: vec![(id, version, events)], decision: true, ..Unit::default() };
                if self.commit(unit).is_err() {
                    self.broke("what nobody else touched was changed meanwhile".to_owned());
                }
            }
            Err(refusal) => self.broke(format!("a choice that was offered is refused: {refusal}")),
        }
    }
}
