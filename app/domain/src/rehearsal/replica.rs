//! One replica of the engine: takes the lease, records, sends, asks, reports; and dies at the worst moments.

use super::world::{Message, Task, World};
use crate::saga::{Answer, Dice, Due, Event, Observation, Refusal, Saga, Side, Status, StepAct, StepId};
use crate::time::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long a lease holds without being renewed.
pub(super) const LEASE: Span = Span::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Replica {
    /// Grows with every crash; answers to an earlier life are lost.
    pub(super) life: u32,
    /// What it believes to hold.
    pub(super) token: Option<u64>,
    /// Its clock, beside the true one.
    pub(super) skew: i64,
    /// Orders it sent in this life.
    sent: BTreeSet<(StepId, Side, u32)>,
    asked: BTreeMap<(StepId, Side), Timestamp>,
    /// Committed, about to be sent when it fell asleep.
    unsent: Vec<Message>,
}

impl World<'_> {
    /// One turn of a replica's loop.
    pub(super) fn turn(&mut self, who: usize) {
        let unsent = std::mem::take(&mut self.replicas[who].unsent);
        // Whoever slept between a commit and its message goes on as if nothing had happened, and for this turn does not
        // look at its lease: the store and the fenced targets must stop it.
        let sleepwalks = !unsent.is_empty();
        for message in unsent {
            self.send(message);
        }
        let clock = self.clock(who);
        if !sleepwalks && !self.hold_lease(who) {
            self.later(Span::from_millis(1_500), Task::Wake(who));
            return;
        }
        let _ = self.act(who, clock);
        let wait = self.chance.between(1_000, 3_000);
        self.later(wait, Task::Wake(who));
    }

    fn clock(&self, who: usize) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + self.replicas[who].skew)
    }

    /// The lease is kept by the store's clock, which is the true one.
    fn hold_lease(&mut self, who: usize) -> bool {
        if self.lease.holder == Some(who) && self.replicas[who].token == Some(self.lease.token) {
            self.lease.until = self.now + LEASE;
            return true;
        }
        if self.lease.until > self.now {
            self.replicas[who].token = None;
            return false;
        }
        self.lease.token += 1;
        self.lease.holder = Some(who);
        self.lease.until = self.now + LEASE;
        self.replicas[who].token = Some(self.lease.token);
        self.takeovers += 1;
        true
    }

    /// `None` when it died, lost the race for a commit, or is no longer the holder.
    fn act(&mut self, who: usize, clock: Timestamp) -> Option<()> {
        let token = self.replicas[who].token?;
        if self.saga.token < token {
            self.record(who, Observation::Take { holder: format!("replica {who}") }, clock)?;
        }
        self.record(who, Observation::Look, clock)?;
        self.check_hanging();
        self.doubt_unsent(who, clock)?;
        for due in self.saga.due(clock) {
            match due {
                Due::Begin { step, side } => self.begin(who, step, side, clock)?,
                Due::Ask { step, side, attempt, token, .. } => self.ask(who, step, side, attempt, token),
                Due::Wake { .. } => {}
            }
        }
        Some(())
    }

    /// A step that this life's records show as begun and that it never sent: the commit's answer was lost.
    fn doubt_unsent(&mut self, who: usize, clock: Timestamp) -> Option<()> {
        for (step, side, attempt) in running(&self.saga) {
            if !self.replicas[who].sent.contains(&(step, side, attempt)) {
                let answer = Answer::Unknown { detail: "not known whether it was sent".to_owned() };
                self.record(who, Observation::Answer { step, side, attempt, answer }, clock)?;
            }
        }
        Some(())
    }

    fn begin(&mut self, who: usize, step: StepId, side: Side, clock: Timestamp) -> Option<()> {
        self.record(who, Observation::Begin { step, side }, clock)?;
        let Some(order) = self.saga.order(step, side) else { return Some(()) };
        let (attempt, token, life) = (order.attempt, order.token, self.replicas[who].life);
        let message = Message::Order { from: who, life, id: (step, side), attempt, token };
        self.replicas[who].sent.insert((step, side, attempt));
        if self.goes_wrong(|f| f.pause) {
            self.replicas[who].unsent.push(message);
            let sleep = self.chance.between(11_000, 40_000);
            self.later(sleep, Task::Wake(who));
            self.asleep.insert(who, self.now + sleep);
            return None;
        }
        self.send(message);
        self.may_die(who)
    }

    fn ask(&mut self, who: usize, step: StepId, side: Side, attempt: u32, token: u64) {
        let last = self.replicas[who].asked.get(&(step, side)).copied();
        if last.is_some_and(|at| self.now.since(at) < crate::saga::ASK_EVERY) {
            return;
        }
        self.replicas[who].asked.insert((step, side), self.now);
        let life = self.replicas[who].life;
        self.send(Message::Question { from: who, life, id: (step, side), attempt, token });
    }

    /// What came back. Whoever hears it looks for itself before it believes.
    pub(super) fn heard(&mut self, who: usize, id: (StepId, Side), attempt: u32, token: u64, answer: Answer) {
        let looks = self.saga.step(id.0).is_some_and(|step| step.act.only_looks());
        let answer = match answer {
            _ if looks => answer,
            Answer::Done { .. } | Answer::Failed { .. } => match (self.look(id, attempt, token), answer) {
                (Answer::Done { output }, _) => Answer::Done { output },
                (Answer::NeverArrived, Answer::Failed { error, again }) => Answer::Failed { error, again },
                (_, said) => Answer::Unknown { detail: format!("it said {said:?}, which is not what is seen") },
            },
            other => other,
        };
        let clock = self.clock(who);
        let (step, side) = id;
        let _ = self.record(who, Observation::Answer { step, side, attempt, answer }, clock);
    }

    /// Decides by the state that was read, and commits. `None` when the replica died or is no longer the holder.
    fn record(&mut self, who: usize, seen: Observation, clock: Timestamp) -> Option<()> {
        let token = self.replicas[who].token?;
        let dice = Dice(self.chance.unit());
        let events = match self.saga.observe(seen, token, clock, dice) {
            Ok(events) => events,
            Err(Refusal::Stale { .. }) => {
                self.stale_refused += 1;
                self.replicas[who].token = None;
                return None;
            }
            // Something else happened meanwhile; the next turn looks again.
            Err(_) => return Some(()),
        };
        if events.is_empty() {
            return Some(());
        }
        if token < self.saga.token {
            self.broke(format!("an engine with token {token} writes, the newest is {}", self.saga.token));
        }
        self.commit(events);
        if self.goes_wrong(|f| f.commit_lost) {
            return None;
        }
        self.may_die(who)
    }

    fn may_die(&mut self, who: usize) -> Option<()> {
        if !self.goes_wrong(|f| f.crash) {
            return Some(());
        }
        self.crashes += 1;
        let life = self.replicas[who].life + 1;
        self.replicas[who] = Replica { life, skew: self.replicas[who].skew, ..Replica::default() };
        let down = self.chance.between(500, 20_000);
        self.asleep.insert(who, self.now + down);
        self.later(down, Task::Wake(who));
        None
    }
}

/// Orders that should be on their way under the newest token.
fn running(saga: &Saga) -> Vec<(StepId, Side, u32)> {
    let mut found = Vec::new();
    for (step, tracks) in saga.plan.steps.iter().zip(&saga.tracks) {
        let sides = [(Side::Do, &tracks.does, Some(&step.act)), (Side::Undo, &tracks.undoes, step.undo.as_ref())];
        for (side, track, act) in sides {
            let sent = act.is_some_and(|act: &StepAct| !act.by_hand());
            if sent && track.status == Status::Running && track.token == saga.token {
                found.push((step.id, side, track.attempt));
            }
        }
    }
    found
}

/// Whether an event was written by an engine, which needs the newest token for it.
pub(super) fn begun(event: &Event) -> Option<(StepId, Side)> {
    if let Event::Begun { step, side, .. } = event { Some((*step, *side)) } else { None }
}
