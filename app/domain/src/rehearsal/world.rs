//! The world of a rehearsal: one clock, one store, a network, targets, and what happens next.

use super::replica::Replica;
use super::target::{Absolute, Keyed, Taken};
use super::{Faults, Report, Run, START, chance::Chance, stored};
use crate::actor::{Actor, Rule};
use crate::saga::{Answer, Event, Phase, Saga, SagaPlan, Side, StepAct, StepId};
use crate::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// Longest virtual time, and most things that happen, before a run counts as never ending.
const LONGEST: Span = Span::from_secs(6 * 3_600);
const MOST_TASKS: u32 = 200_000;

/// What happens at a moment.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Wake(usize),
    Arrive(Message),
    /// A driver finishes what it was slow with, and says so.
    Finish {
        message: Message,
    },
    Person,
    ClockJump,
}

#[derive(Debug, Clone)]
pub(super) enum Message {
    Order { from: usize, life: u32, id: (StepId, Side), attempt: u32, token: u64 },
    Question { from: usize, life: u32, id: (StepId, Side), attempt: u32, token: u64 },
    Reply { to: usize, life: u32, id: (StepId, Side), attempt: u32, token: u64, answer: Answer },
}

pub(super) struct Lease {
    pub(super) holder: Option<usize>,
    pub(super) token: u64,
    pub(super) until: Timestamp,
}

pub(super) struct World<'a> {
    pub(super) plan: &'a SagaPlan,
    faults: Faults,
    seed: u64,
    pub(super) chance: Chance,
    pub(super) now: Timestamp,
    /// From here on nothing goes wrong any more.
    pub(super) calm: Timestamp,
    tasks: BTreeMap<(Timestamp, u64), Task>,
    count: u64,
    pub(super) events: Vec<Event>,
    /// The fold of `events`.
    pub(super) saga: Saga,
    pub(super) replicas: [Replica; 2],
    /// Replicas that are down or asleep, and until when.
    pub(super) asleep: BTreeMap<usize, Timestamp>,
    pub(super) lease: Lease,
    pub(super) keyed: Keyed,
    pub(super) absolute: Absolute,
    /// When each step was begun last, by the true clock.
    pub(super) begun: BTreeMap<(StepId, Side), Timestamp>,
    pub(super) crashes: u32,
    pub(super) takeovers: u32,
    pub(super) stale_refused: u32,
    pub(super) stale_taken: u32,
    pub(super) people: u32,
    pub(super) broken: Option<String>,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a SagaPlan, faults: &Faults, seed: u64) -> Self {
        let rule = Actor::Automation { rule: Rule::RollBackOnFail };
        let (events, broken) = match Saga::order_new(plan.clone(), &rule, "rehearsal".to_owned(), START) {
            Ok(events) => (events, None),
            Err(refusal) => (vec![], Some(refusal.to_string())),
        };
        let empty =
            Event::Ordered { plan: Box::new(plan.clone()), by: String::new(), reason: String::new(), at: START };
        let saga = stored(&events).or_else(|| stored(&[empty])).expect("a stream that begins with its order is folded");
        Self {
            plan,
            faults: *faults,
            seed,
            chance: Chance::new(seed),
            now: START,
            calm: START + faults.last,
            tasks: BTreeMap::new(),
            count: 0,
            events,
            saga,
            replicas: [Replica::default(), Replica::default()],
            asleep: BTreeMap::new(),
            lease: Lease { holder: None, token: 0, until: START },
            keyed: Keyed::default(),
            absolute: Absolute::default(),
            begun: BTreeMap::new(),
            crashes: 0,
            takeovers: 0,
            stale_refused: 0,
            stale_taken: 0,
            people: 0,
            broken,
        }
    }

    pub(super) fn run(mut self) -> Run {
        for task in [Task::Wake(0), Task::Wake(1), Task::Person, Task::ClockJump] {
            let wait = self.chance.between(0, 1_000);
            self.later(wait, task);
        }
        let mut left = MOST_TASKS;
        while self.broken.is_none() {
            let Some(((at, _), task)) = self.tasks.pop_first() else { break };
            left -= 1;
            self.now = at.max(self.now);
            if left == 0 || self.now.since(START) > LONGEST {
                self.broke("it never ended".to_owned());
            }
            self.happen(task);
            if self.saga.ended() && !self.tasks.values().any(in_flight) {
                break;
            }
        }
        self.check_end();
        self.report()
    }

    fn happen(&mut self, task: Task) {
        match task {
            Task::Wake(who) if self.asleep.get(&who).is_some_and(|until| *until > self.now) => {}
            Task::Wake(who) => {
                if self.saga.ended() {
                    return;
                }
                if self.now >= self.calm {
                    self.keyed.remember();
                }
                self.turn(who);
            }
            Task::Arrive(message) => self.arrive(message),
            Task::Finish { message } => self.finish(message),
            Task::Person if !self.saga.ended() => {
                self.person();
                let wait = self.chance.between(20_000, 40_000);
                self.later(wait, Task::Person);
            }
            Task::ClockJump if !self.saga.ended() => {
                for who in 0..self.replicas.len() {
                    if self.goes_wrong(|f| f.clock) {
                        self.replicas[who].skew = self.chance.between(0, 7_200_000).micros() - 3_600_000_000;
                    }
                }
                self.later(Span::from_secs(10), Task::ClockJump);
            }
            Task::Person | Task::ClockJump => {}
        }
    }

    pub(super) fn later(&mut self, wait: Span, task: Task) {
        self.count += 1;
        self.tasks.insert((self.now + wait, self.count), task);
    }

    pub(super) fn goes_wrong(&mut self, chance: impl Fn(&Faults) -> f64) -> bool {
        let hits = self.chance.hits(chance(&self.faults));
        hits && self.now < self.calm
    }

    /// Puts a message on the wire, where it may be lost, repeated or late.
    pub(super) fn send(&mut self, message: Message) {
        let copies = if self.goes_wrong(|f| f.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            if self.goes_wrong(|f| f.lost) {
                continue;
            }
            let most = if self.goes_wrong(|f| f.late) { 60_000 } else { 50 };
            let wait = self.chance.between(1, most);
            self.later(wait, Task::Arrive(message.clone()));
        }
    }

    fn arrive(&mut self, message: Message) {
        match message {
            Message::Order { from, life, id, attempt, token } => self.ordered(from, life, id, attempt, token),
            Message::Question { from, life, id, attempt, token } => {
                let answer = self.look(id, attempt, token);
                self.send(Message::Reply { to: from, life, id, attempt, token, answer });
            }
            Message::Reply { to, life, id, attempt, token, answer } => {
                let awake = self.asleep.get(&to).is_none_or(|until| *until <= self.now);
                if self.replicas[to].life == life && awake {
                    self.heard(to, id, attempt, token, answer);
                }
            }
        }
    }

    /// An order reaches its target.
    fn ordered(&mut self, from: usize, life: u32, id: (StepId, Side), attempt: u32, token: u64) {
        let message = Message::Order { from, life, id, attempt, token };
        let answer = match self.taken(id, token, attempt) {
            Taken::StaleToken => {
                self.stale_refused += 1;
                Answer::Failed { error: "an older token".to_owned(), again: false }
            }
            Taken::UnderWay => Answer::Running,
            Taken::Already => Answer::Done { output: "ok".to_owned() },
            Taken::Closed => Answer::Failed { error: "this try was closed".to_owned(), again: true },
            Taken::New if self.goes_wrong(|f| f.refuse) => {
                self.keyed.close(id, attempt);
                Answer::Failed { error: "refused".to_owned(), again: self.chance.hits(0.7) }
            }
            Taken::New if self.goes_wrong(|f| f.forget) => {
                self.keyed.forget(id);
                Answer::Unknown { detail: "server error".to_owned() }
            }
            Taken::New if self.goes_wrong(|f| f.lie) => {
                if self.chance.hits(0.5) {
                    self.apply(id, token);
                    Answer::Failed { error: "a lie".to_owned(), again: true }
                } else {
                    Answer::Done { output: "a lie".to_owned() }
                }
            }
            Taken::New => {
                let slow = self.goes_wrong(|f| f.slow);
                let limit = self.saga.step(id.0).map_or(0, |step| step.timeout.micros() / 1_000);
                let most = if slow { limit * 3 } else { 3_000.min(limit / 2) };
                let wait = self.chance.between(10, most.max(11));
                if self.is_absolute(id.0) {
                    self.apply(id, token);
                } else {
                    self.keyed.run(id, self.now + wait);
                }
                self.later(wait, Task::Finish { message });
                return;
            }
        };
        self.send(Message::Reply { to: from, life, id, attempt, token, answer });
    }

    fn taken(&mut self, id: (StepId, Side), token: u64, attempt: u32) -> Taken {
        if self.is_absolute(id.0) { Taken::New } else { self.keyed.take(id, token, attempt) }
    }

    fn finish(&mut self, message: Message) {
        let Message::Order { from, life, id, attempt, token } = message else { return };
        if !self.is_absolute(id.0) {
            self.apply(id, token);
        }
        let output = "ok".to_owned();
        self.send(Message::Reply { to: from, life, id, attempt, token, answer: Answer::Done { output } });
    }

    fn apply(&mut self, id: (StepId, Side), token: u64) {
        if self.is_absolute(id.0) {
            self.stale_taken += u32::from(self.absolute.write(id, token));
        } else {
            self.keyed.apply(id);
        }
        self.check_effect(id);
    }

    /// What is really there.
    pub(super) fn look(&mut self, id: (StepId, Side), attempt: u32, token: u64) -> Answer {
        if self.is_absolute(id.0) { self.absolute.ask(id) } else { self.keyed.ask(id, token, attempt) }
    }

    /// Weights of a proxy are absolute and unfenced; everything else remembers keys.
    pub(super) fn is_absolute(&self, step: StepId) -> bool {
        self.saga.step(step).is_some_and(|step| matches!(step.act, StepAct::ShiftTraffic { .. }))
    }

    /// One transaction: events, or nothing.
    pub(super) fn commit(&mut self, events: Vec<Event>) {
        for event in events {
            self.check_event(&event);
            if let Some(id) = super::replica::begun(&event) {
                self.begun.insert(id, self.now);
            }
            let before = self.saga.clone();
            self.saga = before.evolve(&event);
            self.events.push(event);
        }
    }

    pub(super) fn broke(&mut self, promise: String) {
        let at = self.now.since(START);
        self.broken.get_or_insert(format!("after {at}: {promise}"));
    }

    fn report(self) -> Run {
        let outcome = if let Phase::Ended(outcome) = self.saga.phase { Some(outcome) } else { None };
        let ended = self.events.iter().rev().find(|event| matches!(event, Event::Ended { .. }));
        let report = Report {
            seed: self.seed,
            outcome,
            summary: self.saga.standing().sentence,
            took: ended.map_or(Span::ZERO, |_| self.now.since(START)),
            events: self.events.len(),
            crashes: self.crashes,
            takeovers: self.takeovers,
            stale_refused: self.stale_refused,
            stale_taken: self.stale_taken,
            people: self.people,
            broken: self.broken,
        };
        Run { report, events: self.events }
    }
}

/// Whether something may still reach a target or change what is known.
fn in_flight(task: &Task) -> bool {
    matches!(task, Task::Arrive(_) | Task::Finish { .. })
}
