//! The network and what stands at its ends: messages are lost, repeated and late; drivers are slow, refuse, forget and lie.

use super::targets::{Key, Taken, Wrote};
use super::world::{Message, Task, World};
use sternway_domain::plan::Weight;
use sternway_domain::saga::{Answer, Side, StepAct};

impl World {
    /// Puts a message on the wire, where it may be lost, repeated or late.
    pub(crate) fn send(&mut self, message: Message) {
        // Whoever asks a proxy waits for its answer: nothing overtakes.
        let most = if matches!(message, Message::Shift { .. }) { 1_500 } else { 30_000 };
        let copies = if self.goes_wrong(|t| t.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            if self.goes_wrong(|t| t.lost) {
                continue;
            }
            let most = if self.goes_wrong(|t| t.late) { most } else { 50 };
            let wait = self.chance.between(1, most);
            self.later(wait, Task::Arrive(message.clone()));
        }
    }

    pub(crate) fn arrive(&mut self, message: Message) {
        match message {
            Message::Shift { weight, key, token } => {
                self.check_shift(weight, &key);
                if self.goes_wrong(|t| t.lie + t.refuse) {
                    return;
                }
                self.write(weight, token);
            }
            Message::Order { from, life, key, attempt, token } => self.ordered(from, life, key, attempt, token),
            Message::Question { from, life, key, attempt, token } => {
                let answer = self.look(key, attempt, token);
                self.send(Message::Reply { to: from, life, key, attempt, token, answer });
            }
            Message::Reply { to, life, key, attempt, token, answer } => {
                let replica = &self.replicas[to];
                if replica.life == life && replica.asleep_until <= self.now && replica.store_cut <= self.now {
                    self.heard(to, key, attempt, token, answer);
                }
            }
        }
    }

    fn write(&mut self, weight: Weight, token: u64) {
        self.advance();
        match self.proxy.write(weight, token, self.now) {
            Wrote::Refused => self.report.fenced += 1,
            Wrote::Stale => self.report.stale_taken += 1,
            Wrote::Taken => {}
        }
    }

    /// An order of a saga reaches its target.
    fn ordered(&mut self, from: usize, life: u32, key: Key, attempt: u32, token: u64) {
        self.check_order(key);
        let message = Message::Order { from, life, key, attempt, token };
        let weight = self.weight_of(key);
        let taken = if weight.is_some() { Taken::New } else { self.deployer.take(key, token, attempt) };
        let failed = |error: &str, again| Answer::Failed { error: error.to_owned(), again };
        let answer = match taken {
            Taken::StaleToken => {
                self.report.fenced += 1;
                failed("an older token", false)
            }
            Taken::UnderWay => Answer::Running,
            Taken::Already => Answer::Done { output: "ok".to_owned() },
            Taken::Closed => failed("this try was closed", true),
            Taken::New if self.goes_wrong(|t| t.refuse) => {
                self.deployer.close(key, attempt);
                let again = self.chance.hits(0.7);
                failed("refused", again)
            }
            Taken::New if self.goes_wrong(|t| t.forget) => {
                self.deployer.forget(key);
                Answer::Unknown { detail: "server error".to_owned() }
            }
            Taken::New if self.goes_wrong(|t| t.lie) => {
                if self.chance.hits(0.5) {
                    self.apply(key, token);
                    failed("a lie", true)
                } else {
                    Answer::Done { output: "a lie".to_owned() }
                }
            }
            Taken::New => {
                let most = if self.goes_wrong(|t| t.slow) { 40_000 } else { 2_000 };
                let wait = self.chance.between(10, most);
                match weight {
                    Some(_) => self.apply(key, token),
                    None => self.deployer.run(key),
                }
                return self.later(wait, Task::Finish(message));
            }
        };
        self.send(Message::Reply { to: from, life, key, attempt, token, answer });
    }

    pub(crate) fn finish(&mut self, message: Message) {
        let Message::Order { from, life, key, attempt, token } = message else { return };
        if self.weight_of(key).is_none() {
            self.apply(key, token);
        }
        let answer = Answer::Done { output: "ok".to_owned() };
        self.send(Message::Reply { to: from, life, key, attempt, token, answer });
    }

    fn apply(&mut self, key: Key, token: u64) {
        if let Some(weight) = self.weight_of(key) {
            self.write(weight, token);
        } else if self.deployer.apply(key) > 1 {
            self.broke(format!("step {} took effect twice", key.1));
        }
    }

    /// What is really there.
    pub(crate) fn look(&mut self, key: Key, attempt: u32, token: u64) -> Answer {
        match self.weight_of(key) {
            Some(weight) if self.proxy.weight == weight => Answer::Done { output: "seen".to_owned() },
            Some(_) => Answer::NeverArrived,
            None => self.deployer.ask(key, token, attempt),
        }
    }

    /// The weight that one side of a step asks for, if that is what it does.
    pub(crate) fn weight_of(&self, (id, step, side): Key) -> Option<Weight> {
        let step = self.store.sagas.get(&id)?.saga.step(step)?;
        let act = match side {
            Side::Do => Some(&step.act),
            Side::Undo => step.undo.as_ref(),
        };
        if let Some(StepAct::ShiftTraffic { weight, .. }) = act { Some(*weight) } else { None }
    }
}
