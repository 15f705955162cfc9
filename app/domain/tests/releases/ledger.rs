//! The promises, looked at whenever an event would join a stream. It keeps its own account, by the true clock, and
//! shares no rule with the code it watches: what is legal stands here a second time, in other words.

use super::targets::Proxy;
use std::collections::BTreeMap;
use sternway_domain::id::SagaId;
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::{DeadlineAct, Mode, Plan, Weight};
use sternway_domain::release::{Event, HoldCause};
use sternway_domain::saga::Outcome;
use sternway_domain::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Draft,
    Ready,
    Starting,
    Running,
    HeldByPerson,
    HeldByRule,
    HeldBlind,
    /// Between a promotion and what it leads to.
    Promoting,
    Promoted,
    RollingBack,
    RolledBack,
    Partly,
    RollingForward,
    Frozen,
    Cancelled,
}

/// What is known beside the stream when an event is written.
pub(crate) struct Beside<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) now: Timestamp,
    pub(crate) proxy: &'a Proxy,
    /// The stage that the newest tick in the store was judged in.
    pub(crate) judged_stage: Option<u8>,
    /// Of the newest tick in the store.
    pub(crate) newest: Option<(u64, VerdictKind)>,
    /// When that was judged, by the true clock.
    pub(crate) judged: Timestamp,
    /// Whether clocks are right in this run.
    pub(crate) clocks: bool,
    /// How the saga of the release ended, if it did.
    pub(crate) ended: Option<Outcome>,
    /// Whether the baseline has no room for all traffic.
    pub(crate) full: bool,
    /// Since when the candidate is bad.
    pub(crate) bad_since: Option<Timestamp>,
    /// Whether every source has answered in the newest tick.
    pub(crate) heard: bool,
    /// From when to when nothing new may go out, as far as nobody overrides it.
    pub(crate) frozen: Option<(Timestamp, Timestamp)>,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) at: At,
    stage: u8,
    /// Whether it ever was in a stage.
    any: bool,
    entered: Timestamp,
    held: Option<Timestamp>,
    held_before: Span,
    /// The last that was written down for this stage.
    verdict: Option<VerdictKind>,
    /// Every weight that was ever asked for, by key.
    pub(crate) keys: BTreeMap<String, Weight>,
    pub(crate) asked: Option<(Weight, Timestamp, bool)>,
    pub(crate) saga: Option<SagaId>,
    pub(crate) by_rule: [u32; 2],
}

impl Ledger {
    pub(crate) fn new(complete: bool, now: Timestamp) -> Self {
        Self {
            at: if complete { At::Ready } else { At::Draft },
            stage: 0,
            any: false,
            entered: now,
            held: None,
            held_before: Span::ZERO,
            verdict: None,
            keys: BTreeMap::new(),
            asked: None,
            saga: None,
            by_rule: [0, 0],
        }
    }

    /// Takes an event in, or says which promise it breaks.
    pub(crate) fn take(&mut self, event: &Event, beside: &Beside<'_>) -> Result<(), String> {
        let now = beside.now;
        let at = self.at;
        let out = matches!(event, Event::Started { .. } | Event::Promoted { .. });
        if out && beside.frozen.is_some_and(|(from, until)| (from..until).contains(&event.at())) {
            return Err(format!("{} in a change freeze, and nobody overrode it", event.kind()));
        }
        let legal = self.next(event).ok_or_else(|| format!("{} while {at:?}", event.kind()))?;
        match event {
            Event::Promoted { from, overridden, by, .. } => {
                self.promotion(*from, overridden, by, beside)?;
            }
            Event::RollbackOrdered { by, saga, .. } => {
                self.rollback(by, beside)?;
                self.saga = *saga;
            }
            Event::Held { by, .. } if rule(by) && at == At::HeldByPerson => {
                return Err("a rule holds what a person holds".into());
            }
            Event::Resumed { by, .. } if rule(by) && at != At::HeldBlind => {
                return Err(format!("a rule resumes what is {at:?}"));
            }
            Event::Frozen { by, .. } | Event::Cancelled { by, .. } | Event::AutomationResumed { by, .. }
                if rule(by) =>
            {
                return Err(format!("a rule brings about {}", event.kind()));
            }
            Event::VerdictChanged { kind, stage, tick, .. } => {
                if *stage != self.stage || beside.judged_stage != Some(*stage) || beside.newest != Some((*tick, *kind))
                {
                    return Err(format!(
                        "{kind:?} of tick {tick} is written for stage {stage}, judged was {:?} in {:?}",
                        beside.newest, beside.judged_stage
                    ));
                }
                self.verdict = Some(*kind);
            }
            Event::TrafficConfirmed { weight, .. } => {
                let Some((asked, since, confirmed)) = &mut self.asked else {
                    return Err("traffic is confirmed that nobody asked for".into());
                };
                if weight != asked || !beside.proxy.had(*weight, *since) {
                    return Err(format!(
                        "{} % is confirmed; the proxy never had it since it was asked",
                        weight.percent()
                    ));
                }
                *confirmed = true;
            }
            Event::Started { saga, overridden, .. } => {
                if at == At::Draft && overridden.is_empty() {
                    return Err("started with an open checklist and no override".into());
                }
                self.saga = *saga;
            }
            Event::RollforwardOrdered { saga, .. } => self.saga = *saga,
            Event::RolledBack { .. } => self.arrived(Weight::ZERO, &[Outcome::Complete], beside)?,
            Event::PartiallyRolledBack { .. } => {
                self.saga_ended(&[Outcome::Partial, Outcome::PartlyUndone], beside)?;
            }
            Event::RollbackUndone { .. } => self.saga_ended(&[Outcome::Undone], beside)?,
            Event::RolledForward { .. } => {
                let wanted = self.asked.map_or(Weight::ZERO, |(weight, ..)| weight);
                self.arrived(wanted, &[Outcome::Complete], beside)?;
                self.entered = now;
            }
            Event::RollforwardEnded { .. } | Event::StartEnded { .. } => {
                self.saga_ended(&[Outcome::Partial, Outcome::Undone, Outcome::PartlyUndone], beside)?;
            }
            _ => {}
        }
        self.stages(event, beside)?;
        if let Some((weight, key)) = event.asks() {
            if self.keys.insert(key.to_owned(), weight).is_some() {
                return Err(format!("the key {key} is used twice"));
            }
            self.asked = Some((weight, now, false));
        }
        self.time(legal, now);
        self.at = legal;
        Ok(())
    }

    /// At the end of a transaction.
    pub(crate) fn settled(&self) -> Result<(), String> {
        match self.at {
            At::Promoting => Err("promoted to nowhere".into()),
            At::Starting if self.saga.is_none() => Err("started without a stage".into()),
            _ => Ok(()),
        }
    }

    /// Where an event leads from here; `None` when it may not happen here.
    fn next(&self, event: &Event) -> Option<At> {
        use At::*;
        let held = matches!(self.at, HeldByPerson | HeldByRule | HeldBlind);
        let live = held || self.at == Running;
        let waiting = matches!(self.at, Draft | Ready);
        let allow = |when: bool, then| when.then_some(then);
        match event {
            Event::Created { .. } => None,
            // One item is all there is.
            Event::ChecklistItemSet { to, .. } => {
                let open = matches!(to, sternway_domain::checklist::ItemState::Open);
                allow(waiting, if open { Draft } else { Ready })
            }
            Event::Started { .. } => allow(waiting, Starting),
            Event::StartEnded { .. } => allow(self.at == Starting || self.at == RollingBack && !self.any, Ready),
            Event::StageEntered { .. } => allow(matches!(self.at, Starting | Promoting), Running),
            Event::Promoted { .. } => allow(live, Promoting),
            Event::Completed { .. } => allow(self.at == Promoting, Promoted),
            Event::TrafficConfirmed { .. } => allow(!waiting && self.at != Cancelled, self.at),
            Event::VerdictChanged { .. } => allow(live || self.at == Frozen, self.at),
            Event::Held { cause, .. } => allow(
                live,
                match cause {
                    HoldCause::Person | HoldCause::PartBack => HeldByPerson,
                    HoldCause::NoEvidence { .. } => HeldBlind,
                    HoldCause::Deadline | HoldCause::NoRoom => HeldByRule,
                },
            ),
            Event::Resumed { .. } => allow(held || self.at == Frozen, Running),
            Event::RollbackOrdered { .. } => {
                allow(live || matches!(self.at, Starting | Promoted | RollingForward | Frozen | Partly), RollingBack)
            }
            Event::RolledBack { .. } => allow(self.at == RollingBack, RolledBack),
            Event::PartiallyRolledBack { .. } => allow(self.at == RollingBack, Partly),
            // Only whole releases go back here.
            Event::PartRolledBack { .. } => None,
            Event::RollbackUndone { .. } => allow(self.at == RollingBack && self.any, HeldByPerson),
            Event::RollforwardOrdered { .. } => allow(live || self.at == Frozen, RollingForward),
            Event::RolledForward { .. } => allow(self.at == RollingForward, Running),
            Event::RollforwardEnded { .. } => allow(self.at == RollingForward, HeldByPerson),
            Event::Frozen { .. } => allow(live, Frozen),
            Event::Cancelled { .. } => allow(waiting, Cancelled),
            Event::AutomationResumed { .. } => allow(matches!(self.at, RolledBack | Partly), self.at),
        }
    }

    fn promotion(&mut self, from: u8, overridden: &[String], by: &str, beside: &Beside<'_>) -> Result<(), String> {
        if from != self.stage {
            return Err(format!("stage {from} is promoted, stage {} runs", self.stage));
        }
        let pass = self.verdict == Some(VerdictKind::Pass);
        if !pass && overridden.is_empty() {
            return Err(format!("promoted on {:?} and nobody overrode it", self.verdict));
        }
        if !rule(by) {
            return Ok(());
        }
        self.by_rule[0] += 1;
        let newest = beside.newest.map(|(_, kind)| kind);
        if !pass || newest != Some(VerdictKind::Pass) {
            return Err(format!("a rule promotes on {:?}, the newest reading says {newest:?}", self.verdict));
        }
        if beside.plan.mode != Mode::Automatic || self.at != At::Running || !overridden.is_empty() {
            return Err(format!("a rule promotes in mode {:?} while {:?}", beside.plan.mode, self.at));
        }
        if self.asked.is_none_or(|(.., confirmed)| !confirmed) {
            return Err("a rule promotes before the proxy reported the weight".into());
        }
        if !beside.heard {
            return Err("a rule promotes while a source is silent".into());
        }
        self.fresh(beside)?;
        let bake = beside.plan.stage(self.stage).map_or(Span::ZERO, |stage| stage.bake);
        let baked = beside.now.since(self.entered).saturating_sub(self.held_before);
        // Where a clock was wrong when the stage was entered, nobody can know how long it has baked.
        if beside.clocks && baked < bake {
            return Err(format!("a rule promotes after {baked} of {bake}"));
        }
        // Six tenths of a percent are tolerated, ten percent fail: two minutes of that cannot pass.
        if beside.bad_since.is_some_and(|since| since + Span::from_secs(120) < beside.now && since <= self.entered) {
            return Err("a rule promotes what has long been bad".into());
        }
        Ok(())
    }

    fn rollback(&mut self, by: &str, beside: &Beside<'_>) -> Result<(), String> {
        if !rule(by) {
            return Ok(());
        }
        self.by_rule[1] += 1;
        let newest = beside.newest.map(|(_, kind)| kind);
        let failed = self.verdict == Some(VerdictKind::Fail) && newest == self.verdict;
        let silent = |kind| matches!(kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError);
        let late = by.contains("on-deadline")
            && beside.plan.on_deadline.then == DeadlineAct::RollBack
            && !newest.is_none_or(silent)
            && !self.verdict.is_none_or(silent);
        if !(late || failed && beside.plan.mode == Mode::Automatic) {
            return Err(format!("a rule rolls back on {:?}, the newest reading says {newest:?}", self.verdict));
        }
        if !matches!(self.at, At::Running | At::HeldBlind | At::HeldByRule) {
            return Err(format!("a rule rolls back what is {:?}", self.at));
        }
        self.fresh(beside)?;
        if beside.full {
            return Err("a rule sends everything where there is no room".into());
        }
        Ok(())
    }

    /// What a rule acts upon has been judged lately, whatever its clock says.
    fn fresh(&self, beside: &Beside<'_>) -> Result<(), String> {
        let age = beside.now.since(beside.judged);
        let interval = beside.plan.interval;
        let most = interval + interval + interval + beside.plan.max_age;
        if age > most { Err(format!("a rule acts on a verdict of {age} ago")) } else { Ok(()) }
    }

    /// What is called there has been seen: by the proxy, or by the last step.
    fn arrived(&self, weight: Weight, outcomes: &[Outcome], beside: &Beside<'_>) -> Result<(), String> {
        if self.saga.is_some() {
            return self.saga_ended(outcomes, beside);
        }
        match self.asked {
            Some((asked, _, true)) if asked == weight => Ok(()),
            _ => Err(format!("called done, and {} % was never confirmed", weight.percent())),
        }
    }

    fn saga_ended(&self, outcomes: &[Outcome], beside: &Beside<'_>) -> Result<(), String> {
        match beside.ended {
            Some(outcome) if outcomes.contains(&outcome) => Ok(()),
            other => Err(format!("the steps ended as {other:?}, which does not lead here")),
        }
    }

    fn stages(&mut self, event: &Event, beside: &Beside<'_>) -> Result<(), String> {
        let (stage, weight) = match event {
            Event::StageEntered { stage, weight, .. } => {
                let due = if self.at == At::Promoting { self.stage + 1 } else { 0 };
                if *stage != due {
                    return Err(format!("stage {stage} is entered, stage {due} is due"));
                }
                (*stage, *weight)
            }
            Event::RollforwardOrdered { stage, weight, .. } => {
                let due = if self.at == At::Frozen { self.stage } else { 0 };
                if *stage != due {
                    return Err(format!("the hotfix begins at stage {stage}, stage {due} is due"));
                }
                (*stage, *weight)
            }
            Event::Completed { .. } if self.stage < beside.plan.last_stage() => {
                return Err(format!("complete after stage {}", self.stage));
            }
            _ => return Ok(()),
        };
        if beside.plan.stage(stage).map(|stage| stage.weight) != Some(weight) {
            return Err(format!("stage {stage} asks for {} %", weight.percent()));
        }
        (self.stage, self.entered, self.verdict, self.any) = (stage, beside.now, None, true);
        (self.held, self.held_before) = (None, Span::ZERO);
        Ok(())
    }

    fn time(&mut self, next: At, now: Timestamp) {
        let stands = |at| !matches!(at, At::Running);
        match (stands(next), self.held) {
            (true, None) => self.held = Some(now),
            (false, Some(since)) => {
                if next == At::Running && self.entered < now {
                    self.held_before = self.held_before + now.since(since);
                }
                self.held = None;
            }
            _ => {}
        }
    }
}

fn rule(by: &str) -> bool {
    by.starts_with("automation")
}
