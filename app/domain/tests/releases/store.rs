//! The store: streams by expected version, the lease with its tokens, readings with the judge's state. One transaction
//! holds everything or nothing.

use super::ledger::{Beside, Ledger};
use super::targets::Proxy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sternway_domain::id::SagaId;
use sternway_domain::judge::{JudgeState, Policy, Verdict};
use sternway_domain::release::{Event, Release};
use sternway_domain::saga::{self, Phase, Saga, Side, StepId};
use sternway_domain::signal::Tick;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::time::Timestamp;

/// What is carried from reading to reading, stored with each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) window: SignalWindow,
    pub(crate) judge: JudgeState,
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) forwarded_at: Option<Timestamp>,
    /// The same of the second source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) second: Option<Other>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Other {
    pub(crate) window: SignalWindow,
    pub(crate) judge: JudgeState,
}

#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) holder: Option<usize>,
    pub(crate) token: u64,
    pub(crate) until: Timestamp,
}

/// One saga and its stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) saga: Saga,
    pub(crate) events: Vec<saga::Event>,
}

/// One reading as it was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) tick: Tick,
    /// Of the second source.
    pub(crate) second: Option<Tick>,
    /// Whether every source that was asked has answered.
    pub(crate) heard: bool,
    pub(crate) policy: Policy,
    pub(crate) verdict: Verdict,
    pub(crate) forwarded_at: Option<Timestamp>,
    /// By the true clock.
    pub(crate) at: Timestamp,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Not {
    Conflict,
    Fenced,
}

/// What one transaction writes.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// With the version they follow.
    pub(crate) release: Option<(i64, Vec<Event>)>,
    pub(crate) sagas: Vec<(SagaId, i64, Vec<saga::Event>)>,
    /// The token of the lease it is written under; a person needs none.
    pub(crate) fence: Option<u64>,
    /// Whether an entry of the log comes with it.
    pub(crate) decision: bool,
    /// Whether a change freeze was overridden by name.
    pub(crate) over_freeze: bool,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) events: Vec<Event>,
    pub(crate) release: Release,
    pub(crate) sagas: BTreeMap<SagaId, Stream>,
    pub(crate) lease: Lease,
    pub(crate) ticks: Vec<Judged>,
    pub(crate) watch: Option<Watch>,
    pub(crate) ledger: Ledger,
    /// Keys whose decision is in the log.
    pub(crate) decided: Vec<String>,
}

/// What a commit needs to know of the world to look at the promises.
pub(crate) struct Around<'a> {
    pub(crate) now: Timestamp,
    pub(crate) proxy: &'a Proxy,
    /// Since when the candidate is bad.
    pub(crate) bad_since: Option<Timestamp>,
    /// From when to when nothing new may go out.
    pub(crate) frozen: Option<(Timestamp, Timestamp)>,
    pub(crate) full: bool,
    /// Whether clocks are right in this run.
    pub(crate) clocks: bool,
}

impl Store {
    pub(crate) fn new(events: Vec<Event>, now: Timestamp) -> Self {
        let release = Release::fold(&events).expect("it begins with its creation");
        let complete = release.checklist.as_ref().is_none_or(|list| list.complete());
        Self {
            release,
            events,
            sagas: BTreeMap::new(),
            lease: Lease { holder: None, token: 0, until: now },
            ticks: Vec::new(),
            watch: None,
            ledger: Ledger::new(complete, now),
            decided: Vec::new(),
        }
    }

    /// The saga that the release is carried by now.
    pub(crate) fn current(&self) -> Option<&Stream> {
        self.sagas.get(&self.release.saga?)
    }

    /// `Err` of the outer kind breaks a promise.
    pub(crate) fn commit(&mut self, unit: Unit, around: &Around<'_>) -> Result<Result<(), Not>, String> {
        if unit.fence.is_some_and(|token| token != self.lease.token) {
            return Ok(Err(Not::Fenced));
        }
        if unit.release.as_ref().is_some_and(|(expected, _)| *expected != self.release.version) {
            return Ok(Err(Not::Conflict));
        }
        let moved = |(id, expected, _): &(SagaId, i64, _)| {
            self.sagas.get(id).map_or(0, |stream| stream.saga.version) != *expected
        };
        if unit.sagas.iter().any(moved) {
            return Ok(Err(Not::Conflict));
        }
        // Sagas first: what the release says of one rests on it.
        for (id, _, events) in unit.sagas {
            for event in events {
                self.saga_event(id, event)?;
            }
        }
        for event in unit.release.into_iter().flat_map(|(_, events)| events) {
            let ended = self.current().and_then(|stream| match stream.saga.phase {
                Phase::Ended(outcome) => Some(outcome),
                _ => None,
            });
            // What the end of a saga asks for was decided with the saga.
            if let (Some((_, key)), true) = (event.asks(), unit.decision || ended.is_some()) {
                self.decided.push(key.to_owned());
            }
            let newest = self.ticks.last().map(|judged| (judged.tick.number, judged.verdict.kind));
            let beside = Beside {
                plan: &self.release.plan,
                now: around.now,
                proxy: around.proxy,
                judged_stage: self.ticks.last().map(|judged| judged.policy.stage),
                newest,
                judged: self.ticks.last().map_or(around.now, |judged| judged.at),
                clocks: around.clocks,
                ended,
                full: around.full,
                bad_since: around.bad_since,
                heard: self.ticks.last().is_some_and(|judged| judged.heard),
                frozen: around.frozen.filter(|_| !unit.over_freeze),
            };
            self.ledger.take(&event, &beside)?;
            self.release = self.release.clone().evolve(&event);
            self.events.push(event);
            if self.release.version != self.events.len() as i64 {
                return Err(format!("version {} after {} events", self.release.version, self.events.len()));
            }
        }
        self.ledger.settled()?;
        Ok(Ok(()))
    }

    fn saga_event(&mut self, id: SagaId, event: saga::Event) -> Result<(), String> {
        let Some(stream) = self.sagas.get_mut(&id) else {
            let saga = Saga::fold([&event]).ok_or("a saga does not begin with its order")?;
            self.sagas.insert(id, Stream { saga, events: vec![event] });
            return Ok(());
        };
        if stream.saga.ended() && !matches!(event, saga::Event::Late { .. }) {
            return Err(format!("after its end the saga goes on: {event:?}"));
        }
        if let saga::Event::Begun { step, side, token, .. } = &event {
            begins(stream, *step, *side, *token)?;
        }
        stream.saga = stream.saga.clone().evolve(&event);
        stream.events.push(event);
        Ok(())
    }
}

/// Nothing that changes anything is repeated before it is known that it did not happen, or a person said so.
fn begins(stream: &Stream, step: StepId, side: Side, token: u64) -> Result<(), String> {
    if token != stream.saga.token {
        return Err(format!("a step begins under token {token}, the newest is {}", stream.saga.token));
    }
    let Some(found) = stream.saga.step(step) else { return Err(format!("there is no step {step}")) };
    let act = if side == Side::Do { Some(&found.act) } else { found.undo.as_ref() };
    let looks = act.is_some_and(|act| act.only_looks() || act.by_hand());
    let aside = |event: &&saga::Event| {
        event.step() == Some((step, side))
            && !matches!(event, saga::Event::Escalated { .. } | saga::Event::Overdue { .. })
    };
    let last = stream.events.iter().rev().find(aside);
    let known = matches!(last, None | Some(saga::Event::Failed { .. } | saga::Event::RetryOrdered { .. }));
    if known || looks { Ok(()) } else { Err(format!("step {step} is repeated without knowing what became of it")) }
}
