//! Carries a saga on, as the server's engine does: takes it over, begins what is due, writes down what came back.

use super::store::{Not, Unit};
use super::targets::Key;
use super::world::{Message, World};
use sternway_domain::id::SagaId;
use sternway_domain::release::State;
use sternway_domain::saga::{ASK_EVERY, Answer, Dice, Due, Observation, Refusal, Saga, Side, Status, StepId};

impl World {
    /// `None` when the replica died, lost a race, or is no longer the holder.
    pub(crate) fn carry_on(&mut self, who: usize) -> Option<()> {
        let release = &self.store.release;
        let carried = matches!(release.state, State::Starting | State::RollingBack | State::RollingForward);
        let (current, token) = (release.saga, self.replicas[who].token?);
        let open = |id: &&SagaId| Some(**id) != current && !self.store.sagas[*id].saga.ended();
        let old: Vec<SagaId> = self.store.sagas.keys().filter(open).copied().collect();
        for id in old {
            self.record(who, id, Observation::Take { holder: format!("replica {who}") })?;
            self.record(who, id, Observation::Supersede { by: current })?;
        }
        let Some(id) = current.filter(|_| carried) else { return Some(()) };
        if self.saga(id)?.token < token {
            self.record(who, id, Observation::Take { holder: format!("replica {who}") })?;
        }
        self.record(who, id, Observation::Look)?;
        for (key, attempt) in running(self.saga(id)?) {
            if !self.replicas[who].sent.contains(&(key, attempt)) {
                let answer = Answer::Unknown { detail: "not known whether it was sent".to_owned() };
                self.record(who, id, Observation::Answer { step: key.1, side: key.2, attempt, answer })?;
            }
        }
        for due in self.saga(id)?.due(self.clock(who)) {
            match due {
                Due::Begin { step, side } => self.begin(who, (id, step, side))?,
                Due::Ask { step, side, attempt, token, .. } => self.question(who, (id, step, side), attempt, token),
                Due::Wake { .. } => {}
            }
        }
        Some(())
    }

    pub(crate) fn saga(&self, id: SagaId) -> Option<&Saga> {
        self.store.sagas.get(&id).map(|stream| &stream.saga)
    }

    fn begin(&mut self, who: usize, key: Key) -> Option<()> {
        let (id, step, side) = key;
        self.record(who, id, Observation::Begin { step, side })?;
        let Some(order) = self.saga(id)?.order(step, side) else { return Some(()) };
        let (attempt, token, life) = (order.attempt, order.token, self.replicas[who].life);
        self.replicas[who].sent.insert((key, attempt));
        self.dispatch(who, Message::Order { from: who, life, key, attempt, token })
    }

    fn question(&mut self, who: usize, key: Key, attempt: u32, token: u64) {
        let replica = &mut self.replicas[who];
        let lately = replica.asked.get(&key).is_some_and(|at| self.now.since(*at) < ASK_EVERY);
        if lately || replica.proxy_cut > self.now {
            return;
        }
        replica.asked.insert(key, self.now);
        let life = replica.life;
        self.send(Message::Question { from: who, life, key, attempt, token });
    }

    /// What came back. Whoever hears it looks for itself before it believes.
    pub(crate) fn heard(&mut self, who: usize, key: Key, attempt: u32, token: u64, answer: Answer) {
        let (id, step, side) = key;
        // Another order came in between: nobody waits for this one any more.
        if self.store.release.saga != Some(id) {
            return;
        }
        let looks = self.saga(id).and_then(|saga| saga.step(step)).is_some_and(|step| step.act.only_looks());
        let answer = match answer {
            _ if looks => answer,
            Answer::Done { .. } | Answer::Failed { .. } => match (self.look(key, attempt, token), answer) {
                (Answer::Done { output }, _) => Answer::Done { output },
                (Answer::NeverArrived, Answer::Failed { error, again }) => Answer::Failed { error, again },
                (_, said) => Answer::Unknown { detail: format!("it said {said:?}, which is not what is seen") },
            },
            other => other,
        };
        let _ = self.record(who, id, Observation::Answer { step, side, attempt, answer });
    }

    /// Decides by the state that was read, and commits. `None` when the replica died or is no longer the holder.
    fn record(&mut self, who: usize, id: SagaId, seen: Observation) -> Option<()> {
        let token = self.replicas[who].token?;
        let dice = Dice(self.chance.unit());
        let now = self.clock(who);
        let saga = self.saga(id)?;
        let version = saga.version;
        let events = match saga.observe(seen, token, now, dice) {
            Ok(events) => events,
            Err(Refusal::Stale { .. }) => {
                self.report.fenced += 1;
                self.replicas[who].token = None;
                return None;
            }
            // Something else happened meanwhile; the next turn looks again.
            Err(_) => return Some(()),
        };
        if events.is_empty() {
            return Some(());
        }
        let unit = Unit { sagas: vec![(id, version, events)], fence: Some(token), ..Unit::default() };
        match self.commit(unit) {
            Ok(()) if self.goes_wrong(|t| t.commit_lost) => None,
            Ok(()) => self.may_die(who),
            Err(Not::Conflict) => Some(()),
            Err(Not::Fenced) => {
                self.report.fenced += 1;
                self.replicas[who].token = None;
                None
            }
        }
    }
}

/// Orders that should be on their way under the newest token.
fn running(saga: &Saga) -> Vec<(Key, u32)> {
    let keys = saga.plan.steps.iter().flat_map(|step| [Side::Do, Side::Undo].map(|side| (step.id, side)));
    let open = |(step, side): &(StepId, Side)| {
        let track = saga.track(*step, *side)?;
        let here = track.status == Status::Running && track.token == saga.token;
        (here && saga.order(*step, *side).is_some()).then_some(((saga.plan.id, *step, *side), track.attempt))
    };
    keys.filter_map(|key| open(&key)).collect()
}
