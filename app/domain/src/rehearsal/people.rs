//! The person on call: looks every half minute and chooses among what is offered.

use super::world::World;
use crate::actor::{Actor, Role};
use crate::id::PersonId;
use crate::saga::{Choice, Command, StepAct};
use uuid::Uuid;

impl World<'_> {
    /// One look at the page. Who is patient retries where it is offered, and otherwise calls somebody and waits.
    pub(super) fn person(&mut self) {
        let Some(stuck) = self.saga.standing().needs.into_iter().next() else { return };
        self.people += 1;
        let offered = |choice| stuck.choices.contains(&choice);
        let (impatient, roll) = (self.goes_wrong(|f| f.impatient), self.chance.unit());
        let choice = if offered(Choice::SignOff) {
            Choice::SignOff
        } else if impatient && roll < 0.3 && offered(Choice::Compensate) {
            Choice::Compensate
        } else if impatient && roll < 0.4 {
            Choice::Stop
        } else if impatient && offered(Choice::Skip) {
            Choice::Skip
        } else if offered(Choice::Retry) {
            Choice::Retry
        } else {
            Choice::Escalate
        };
        let (step, side, reason) = (stuck.step, stuck.side, "chosen in the rehearsal".to_owned());
        let command = match choice {
            Choice::SignOff => {
                let found = self.saga.step(step);
                let role = match found.map(|step| &step.act) {
                    Some(StepAct::Manual { role, .. }) => role.clone(),
                    _ => stuck.role,
                };
                Command::SignOff { step, side, role, note: reason }
            }
            Choice::Retry => Command::Retry { step, side, reason },
            Choice::Skip => Command::Skip { step, side, reason },
            Choice::Compensate => Command::Compensate { reason },
            Choice::Escalate => Command::Escalate { step, side, to: None, reason },
            Choice::Stop => Command::Stop { reason },
        };
        let maya = Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".to_owned(), role: Role::OnCall };
        match self.saga.decide(command, &maya, self.now) {
            Ok(events) => self.commit(events),
            Err(refusal) => self.broke(format!("a choice that was offered is refused: {refusal}")),
        }
    }
}
