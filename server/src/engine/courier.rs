//! Carries the saga of a start, a rollback or a rollforward on: takes it over, begins what is due, writes down what came back.
//!
//! Whatever is sent was committed before; whatever comes back is committed before anything follows from it. An answer that
//! is lost with this process is asked for by whoever holds the lease next.

use super::errand::Errand;
use super::steward::Steward;
use super::tenure::Term;
use crate::service::ServiceError;
use crate::store::StoreError;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use sternway_domain::id::SagaId;
use sternway_domain::release::State;
use sternway_domain::saga::{ASK_EVERY, Answer, Dice, Due, Observation, Order, Saga, Side, Status, StepId};
use sternway_domain::time::Timestamp;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

type Key = (StepId, Side);

/// Steps under way, and what is known of the saga.
#[derive(Default)]
pub(super) struct Courier {
    /// As it stood after the last look.
    pub(super) saga: Option<Saga>,
    errands: JoinSet<Came>,
    /// What each errand is about; one that dies without an answer has an unknown outcome.
    about: BTreeMap<Id, (Key, u32)>,
    came: VecDeque<Came>,
    asked: BTreeMap<Key, Instant>,
    wake: Option<Timestamp>,
}

/// What became of one try.
#[derive(Debug, Clone)]
struct Came {
    key: Key,
    attempt: u32,
    answer: Answer,
}

impl Courier {
    /// Waits for the next answer; for ever when nothing is under way.
    pub(super) async fn next(&mut self) {
        let (id, came) = match self.errands.join_next_with_id().await {
            Some(Ok((id, came))) => (id, Some(came)),
            Some(Err(error)) => (error.id(), None),
            None => return std::future::pending().await,
        };
        let Some((key, attempt)) = self.about.remove(&id) else { return };
        let died =
            || Came { key, attempt, answer: Answer::Unknown { detail: "the engine lost track of it".to_owned() } };
        self.came.push_back(came.unwrap_or_else(died));
    }

    /// Until the next deadline or retry.
    pub(super) fn pause(&self, now: Timestamp) -> Duration {
        let waits = self.saga.as_ref().is_some_and(|saga| !saga.ended());
        match self.wake {
            Some(at) if waits => Duration::from_micros(at.since(now).micros().max(0).unsigned_abs()),
            _ => Duration::MAX,
        }
    }

    fn out(&self, key: Key) -> bool {
        self.about.values().any(|(about, _)| *about == key) || self.came.iter().any(|came| came.key == key)
    }

    /// Ends with the lease, wherever it is then: whoever holds the next one asks what became of it.
    fn send(&mut self, key: Key, attempt: u32, term: Term, work: impl Future<Output = Answer> + Send + 'static) {
        let over = || Answer::Unknown { detail: "the lease was over before the answer came".to_owned() };
        let handle = self.errands.spawn(async move {
            let answer = term.within(work).await.unwrap_or_else(over);
            Came { key, attempt, answer }
        });
        self.about.insert(handle.id(), (key, attempt));
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Steward {
    /// Brings the saga as far as it goes now. A person who was quicker is seen at the next look.
    pub(super) async fn carry_on(&mut self) -> Result<(), ServiceError> {
        let carried = matches!(self.release.state, State::Starting | State::RollingBack | State::RollingForward);
        // Another order came in between: what belongs to the old one must not be taken for the new one's.
        if self.courier.saga.as_ref().is_some_and(|saga| Some(saga.plan.id) != self.release.saga) {
            self.courier.forget();
        }
        match self.end_superseded().await {
            Err(ServiceError::Store(StoreError::Conflict { .. })) => {}
            ended => ended?,
        }
        let Some(id) = self.release.saga.filter(|_| carried) else {
            if let Some(saga) = &self.courier.saga {
                self.engine.service.progress.over(saga.plan.id);
            }
            self.courier.forget();
            return Ok(());
        };
        match self.carry(id).await {
            Err(ServiceError::Store(StoreError::Conflict { .. })) => Ok(()),
            other => other,
        }
    }

    /// What an earlier order began ends where it stands when another takes its place: nothing of it is begun any more.
    async fn end_superseded(&mut self) -> Result<(), ServiceError> {
        let current = self.release.saga;
        if self.alone == Some(current) {
            return Ok(());
        }
        let service = self.engine.service.clone();
        for row in service.store.sagas(self.release.id).await? {
            if !row.active || Some(row.id) == current {
                continue;
            }
            let mut saga = service.saga(row.id).await?.saga;
            if saga.token < self.token() {
                let holder = self.engine.config.holder.clone();
                saga = self.saw(saga, Observation::Take { holder }).await?;
            }
            self.saw(saga, Observation::Supersede { by: current }).await?;
        }
        self.alone = Some(current);
        Ok(())
    }

    async fn carry(&mut self, id: SagaId) -> Result<(), ServiceError> {
        let mut saga = self.engine.service.saga(id).await?.saga;
        let holder = self.engine.config.holder.clone();
        if saga.token < self.token() {
            saga = self.saw(saga, Observation::Take { holder }).await?;
        }
        while let Some(Came { key: (step, side), attempt, answer }) = self.courier.came.front().cloned() {
            saga = self.saw(saga, Observation::Answer { step, side, attempt, answer }).await?;
            // Traffic may have moved since it was looked at.
            self.observed = None;
            self.courier.came.pop_front();
        }
        for ((step, side), attempt) in self.orphans(&saga) {
            let answer = Answer::Unknown { detail: "the engine started again before the answer came".to_owned() };
            saga = self.saw(saga, Observation::Answer { step, side, attempt, answer }).await?;
            // Traffic may have moved since it was looked at.
            self.observed = None;
        }
        saga = self.saw(saga, Observation::Look).await?;
        self.courier.wake = None;
        for due in saga.due(self.engine.service.clock.now()) {
            match due {
                Due::Begin { step, side } => {
                    saga = self.saw(saga, Observation::Begin { step, side }).await?;
                    self.begin(&saga, (step, side));
                }
                Due::Ask { step, side, attempt, .. } => self.ask(&saga, (step, side), attempt),
                Due::Wake { at } => self.courier.wake = Some(at),
            }
        }
        self.courier.saga = Some(saga);
        Ok(())
    }

    async fn saw(&self, saga: Saga, seen: Observation) -> Result<Saga, ServiceError> {
        self.engine.service.saga_saw(&self.release, saga, seen, self.dice(), &self.fence).await
    }

    fn begin(&mut self, saga: &Saga, key: Key) {
        if let Some(order) = saga.order(key.0, key.1) {
            let (attempt, errand) = (order.attempt, self.errand(saga, &order));
            self.courier.send(key, attempt, self.tenure.term(), errand.run());
        }
    }

    fn ask(&mut self, saga: &Saga, key: Key, attempt: u32) {
        let every = Duration::from_micros(ASK_EVERY.micros().unsigned_abs());
        let lately = self.courier.asked.get(&key).is_some_and(|at| at.elapsed() < every);
        if lately || self.courier.out(key) {
            return;
        }
        if let Some(errand) = self.question(saga, key, attempt) {
            self.courier.asked.insert(key, Instant::now());
            self.courier.send(key, attempt, self.tenure.term(), errand.ask());
        }
    }

    fn errand(&self, saga: &Saga, order: &Order<'_>) -> Errand {
        Errand {
            engine: self.engine.clone(),
            release: self.release.clone(),
            saga: saga.plan.id,
            step: order.step.id,
            act: order.act.clone(),
            timeout: order.step.timeout,
            key: order.key.clone(),
            attempt: order.attempt,
            token: order.token,
            fence: self.fence.clone(),
            term: self.tenure.term(),
            deadline: order.deadline,
        }
    }

    fn question(&self, saga: &Saga, key: Key, attempt: u32) -> Option<Errand> {
        let step = saga.step(key.0)?;
        let act = match key.1 {
            Side::Do => Some(&step.act),
            Side::Undo => step.undo.as_ref(),
        }?;
        Some(Errand {
            engine: self.engine.clone(),
            release: self.release.clone(),
            saga: saga.plan.id,
            step: step.id,
            act: act.clone(),
            timeout: step.timeout,
            key: saga.key(key.0, key.1),
            attempt,
            token: saga.token,
            fence: self.fence.clone(),
            term: self.tenure.term(),
            deadline: self.engine.service.clock.now() + step.timeout,
        })
    }

    /// Steps that this engine began before it was started again: nobody waits for their answers.
    fn orphans(&self, saga: &Saga) -> Vec<(Key, u32)> {
        let sides = [Side::Do, Side::Undo];
        let steps = saga.plan.steps.iter().flat_map(|step| sides.map(|side| (step.id, side)));
        steps
            .filter(|key| !self.courier.out(*key) && saga.order(key.0, key.1).is_some())
            .filter_map(|key| Some((key, saga.track(key.0, key.1)?)))
            .filter(|(_, track)| track.status == Status::Running)
            .map(|(key, track)| (key, track.attempt))
            .collect()
    }

    fn token(&self) -> u64 {
        u64::try_from(self.fence.token).unwrap_or_default()
    }

    fn dice(&self) -> Dice {
        let mut bytes = [0u8; 4];
        self.engine.service.rng.fill(&mut bytes);
        Dice(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
    }
}
