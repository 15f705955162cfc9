//! The promises at effects, and when everything is over.

use super::replica::names;
use super::setup::Quality;
use super::store::Watch;
use super::targets::Key;
use super::world::{Report, World};
use sternway_domain::judge::pair::judge_both;
use sternway_domain::judge::{JudgeState, judge};
use sternway_domain::plan::Weight;
use sternway_domain::release::{Release, State};
use sternway_domain::saga::{Event, Outcome, Phase, Saga, Side, StepAct};

impl World {
    /// A weight reaches the proxy: it was decided, that is in the log, and its key never carries another.
    pub(crate) fn check_shift(&mut self, weight: Weight, key: &str) {
        let base = self.store.ledger.keys.get(key).copied();
        let (key, exact) = match base {
            Some(asked) => (key, asked == weight),
            // What a saga has settled, until all of it is over.
            None => {
                let Some((base, percent)) = key.rsplit_once(':') else {
                    return self.broke(format!("a weight under the key {key}"));
                };
                (base, percent.parse() == Ok(weight.percent()))
            }
        };
        if !exact {
            self.broke(format!("{} % is asked under the key {key}, which is of another weight", weight.percent()));
        }
        if !self.store.decided.iter().any(|decided| decided == key) {
            self.broke(format!("{} % is asked before its decision is in the log", weight.percent()));
        }
    }

    /// A step's order reaches its target: its beginning is durable.
    pub(crate) fn check_order(&mut self, (id, step, side): Key) {
        let begun = |event: &Event| matches!(event, Event::Begun { step: s, side: d, .. } if (*s, *d) == (step, side));
        if !self.store.sagas.get(&id).is_some_and(|stream| stream.events.iter().any(begun)) {
            self.broke(format!("step {step} was sent before it was recorded"));
        }
    }

    pub(crate) fn check_end(&mut self) {
        if self.report.broken.is_some() {
            return;
        }
        if Release::fold(&self.store.events).as_ref() != Some(&self.store.release) {
            return self.broke("its events fold to something else".into());
        }
        if self.store.sagas.values().any(|stream| Saga::fold(&stream.events).as_ref() != Some(&stream.saga)) {
            return self.broke("the events of a saga fold to something else".into());
        }
        let state = &self.store.release.state;
        if !state.ended() {
            return self.broke(format!("it never ended: {state:?}"));
        }
        self.check_proxy();
        self.check_steps();
        // Judging all again doubles the work: one run in four is enough.
        if self.chance.hits(0.25) {
            self.check_verdicts();
        }
    }

    /// What the page shows as the end is what the proxy has.
    fn check_proxy(&mut self) {
        let wanted = match self.store.release.state {
            State::Promoted => Weight::FULL,
            State::RolledBack | State::Cancelled => Weight::ZERO,
            _ => return,
        };
        // Nobody looks at a proxy without tokens once all is over; that a sleeper may still write to it is known.
        let left = !self.proxy.fenced && self.report.stale_taken > 0;
        if self.proxy.weight != wanted && !left {
            self.broke(format!("{:?}, and the proxy has {:?}", self.store.release.state, self.proxy.weight));
        }
    }

    /// What was called done happened, and what was taken back is gone.
    fn check_steps(&mut self) {
        let mut found = None;
        for (id, stream) in &self.store.sagas {
            let current = self.store.release.saga == Some(*id);
            let Phase::Ended(outcome) = stream.saga.phase else {
                found = found.or_else(|| Some(format!("saga {id} is left without an end")));
                continue;
            };
            for step in stream.saga.plan.steps.iter().filter(|step| matches!(step.act, StepAct::Deploy { .. })) {
                let done = self.deployer.applied((*id, step.id, Side::Do)) > 0;
                let undone = self.deployer.applied((*id, step.id, Side::Undo)) > 0;
                if outcome == Outcome::Complete && step.vital && (!done || undone) {
                    found = Some(format!("complete, and step {} is not done", step.id));
                }
                if current && outcome == Outcome::Undone && done && !undone {
                    found = Some(format!("undone, and step {} is still done", step.id));
                }
            }
        }
        if let Some(promise) = found {
            self.broke(promise);
        }
    }

    /// Every verdict comes out again to the last bit from what was stored, over all crashes and takeovers.
    fn check_verdicts(&mut self) {
        let (mut state, mut other) = (JudgeState::default(), JudgeState::default());
        let mut forwarded = None;
        let mut differs = None;
        for judged in &self.store.ticks {
            if judged.forwarded_at != forwarded {
                (state, other, forwarded) = (JudgeState::default(), JudgeState::default(), judged.forwarded_at);
            }
            let verdict = match &judged.second {
                None => judge(&mut state, &judged.tick, &judged.policy),
                Some(second) => judge_both((&mut state, &judged.tick), (&mut other, second), &names(), &judged.policy),
            };
            if verdict != judged.verdict {
                differs = Some(format!("tick {} comes out as another verdict", judged.tick.number));
            }
        }
        if let Some(Watch { judge, second, .. }) = &self.store.watch
            && (*judge != state || second.as_ref().is_some_and(|second| second.judge != other))
        {
            differs = Some("the judge's state comes out as another".into());
        }
        if let Some(promise) = differs {
            self.broke(promise);
        }
    }

    pub(crate) fn close(mut self) -> Report {
        let events = self.store.events.iter().rev().take(16).rev();
        self.report.tail = events.map(|event| format!("{event:?}").chars().take(220).collect()).collect();
        if let Some(stream) = self.store.current() {
            let events = stream.events.iter().rev().take(8).rev();
            self.report.tail.extend(events.map(|event| format!("  {event:?}").chars().take(220).collect()));
        }
        let setup = &self.setup;
        let of = format!("{:?}, fenced {}, steps {}", setup.quality, setup.fenced, setup.steps);
        self.report.tail.insert(0, format!("{of}, {:?}, {:?}", setup.troubles, setup.draft.plan.mode));
        self.report.end = self.store.release.state.as_str().to_owned();
        self.report.ticks = self.store.ticks.len();
        self.report.by_rule = self.store.ledger.by_rule;
        self.report.sagas = self.store.sagas.len();
        self.report.false_alarm &= setup.quality == Quality::Good;
        self.report
    }
}
