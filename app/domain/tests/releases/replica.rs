//! One replica of the engine, as the server's is: takes the lease, reads and judges, stores, reconciles, executes; and
//! dies, sleeps or is cut off at the worst moments.

use super::setup::{Way, steps};
use super::store::{Judged, Not, Other, Unit, Watch};
use super::targets::Key;
use super::world::{Message, World};
use std::collections::{BTreeMap, BTreeSet};
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::effect::Effect;
use sternway_domain::engine;
use sternway_domain::id::SagaId;
use sternway_domain::judge::pair::{Names, judge_both};
use sternway_domain::judge::{JudgeState, Policy, Verdict, judge};
use sternway_domain::plan::Weight;
use sternway_domain::release::{Command, Event, Release};
use sternway_domain::saga::Saga;
use sternway_domain::signal::{Reading, SourceFailure};
use sternway_domain::time::{Span, Timestamp};
use uuid::Uuid;

/// How long a lease holds without being renewed.
const LEASE: Span = Span::from_secs(10);
/// A decision changes what should be done next; this many rounds settle any release.
const MOST_ROUNDS: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Replica {
    /// Grows with every crash; answers to an earlier life are lost.
    pub(crate) life: u32,
    /// What it believes to hold.
    pub(crate) token: Option<u64>,
    /// Its clock, beside the true one, in microseconds.
    pub(crate) skew: i64,
    pub(crate) asleep_until: Timestamp,
    pub(crate) store_cut: Timestamp,
    pub(crate) proxy_cut: Timestamp,
    watch: Watch,
    /// What was read, and the stage it was read in.
    seen: Option<Seen>,
    /// The newest one and the stage it was given for.
    verdict: Option<(u8, Verdict)>,
    /// Orders it sent in this life.
    pub(crate) sent: BTreeSet<(Key, u32)>,
    pub(crate) asked: BTreeMap<Key, Timestamp>,
    /// Committed, about to be sent when it fell asleep.
    pub(crate) unsent: Vec<Message>,
}

#[derive(Debug)]
struct Seen {
    stage: u8,
    first: Answer,
    /// Of the second source, where there is one.
    second: Option<Answer>,
}

type Answer = Result<Reading, SourceFailure>;

/// What both sources are called.
pub(crate) fn names() -> Names {
    Names { first: "metrics".into(), second: "metrics-b".into() }
}

impl World {
    /// One turn of a replica's loop.
    pub(crate) fn turn(&mut self, who: usize) {
        // Whoever slept between a commit and its message goes on as if nothing had happened: the store and what is fenced
        // must stop it.
        for message in std::mem::take(&mut self.replicas[who].unsent) {
            self.send(message);
        }
        if self.replicas[who].store_cut > self.now || !self.hold_lease(who) {
            return;
        }
        let _ = self.step(who);
    }

    pub(crate) fn clock(&self, who: usize) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + self.replicas[who].skew)
    }

    /// The lease is kept by the store's clock, which is the true one.
    fn hold_lease(&mut self, who: usize) -> bool {
        let lease = &mut self.store.lease;
        if lease.holder == Some(who) && self.replicas[who].token == Some(lease.token) {
            lease.until = self.now + LEASE;
            return true;
        }
        if lease.until > self.now {
            self.replicas[who].token = None;
            return false;
        }
        lease.token += 1;
        lease.holder = Some(who);
        lease.until = self.now + LEASE;
        let token = Some(lease.token);
        self.report.takeovers += 1;
        let replica = &mut self.replicas[who];
        *replica = Replica {
            life: replica.life + 1,
            token,
            skew: replica.skew,
            asleep_until: replica.asleep_until,
            store_cut: replica.store_cut,
            proxy_cut: replica.proxy_cut,
            ..Replica::default()
        };
        // What was stored is read back from its text, as a database gives it.
        if let Some(watch) = &self.store.watch {
            let text = serde_json::to_string(watch).expect("it is JSON");
            self.replicas[who].watch = serde_json::from_str(&text).expect("it was written so");
        }
        true
    }

    /// `None` when it died, lost a race, or is no longer the holder.
    fn step(&mut self, who: usize) -> Option<()> {
        if !self.store.release.state.active() {
            return None;
        }
        if let Some(seen) = self.replicas[who].seen.take() {
            self.judge(who, seen)?;
        }
        self.look_if_due(who);
        self.carry_on(who)?;
        for _ in 0..MOST_ROUNDS {
            let mut changed = false;
            for effect in self.effects(who) {
                changed |= self.execute(who, effect)?;
            }
            if !changed || !self.store.release.state.active() {
                break;
            }
        }
        Some(())
    }

    fn look_if_due(&mut self, who: usize) {
        let (clock, release) = (self.clock(who), &self.store.release);
        let Some(stage) = release.state.stage() else { return };
        let due = engine::reading_due(self.replicas[who].watch.last_at, release.plan.interval, clock);
        if due > Span::ZERO || self.replicas[who].seen.is_some() {
            return;
        }
        self.advance();
        let (first, second) = (self.signals.read(clock), self.read_second(clock));
        self.replicas[who].seen = Some(Seen { stage, first, second });
    }

    fn judge(&mut self, who: usize, Seen { stage, first, second }: Seen) -> Option<()> {
        let now = self.clock(who);
        let release = &self.store.release;
        if release.state.stage() != Some(stage) {
            return Some(());
        }
        let replica = &mut self.replicas[who];
        let watch = &mut replica.watch;
        let heard = first.is_ok() && second.as_ref().is_none_or(Result::is_ok);
        let tick = watch.window.push(first, now, release.plan.max_age);
        let weight = release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight);
        let policy = Policy::of(&release.plan, weight, stage);
        if watch.forwarded_at != release.forwarded_at {
            (watch.judge, watch.forwarded_at) = (JudgeState::default(), release.forwarded_at);
            watch.second = None;
        }
        let (second, verdict) = match second {
            None => (None, judge(&mut watch.judge, &tick, &policy)),
            Some(answer) => {
                self.report.pairs += 1;
                let other = watch.second.get_or_insert_with(Other::default);
                let second = other.window.push(answer, now, release.plan.max_age);
                let verdict = judge_both((&mut watch.judge, &tick), (&mut other.judge, &second), &names(), &policy);
                (Some(second), verdict)
            }
        };
        watch.last_at = Some(now);
        // Stored before anything follows from it, and only by the holder of the lease.
        if replica.token != Some(self.store.lease.token) {
            self.report.fenced += 1;
            return None;
        }
        self.store.watch = Some(watch.clone());
        let forwarded_at = release.forwarded_at;
        replica.verdict = Some((stage, verdict.clone()));
        self.store.ticks.push(Judged { tick, second, heard, policy, verdict, forwarded_at, at: self.now });
        self.may_die(who)
    }

    fn effects(&mut self, who: usize) -> Vec<Effect> {
        let now = self.clock(who);
        let replica = &self.replicas[who];
        let observed = (replica.proxy_cut <= self.now).then_some((self.proxy.weight, "proxy"));
        let saga = self.store.current().map(|stream| &stream.saga);
        let release = &self.store.release;
        let verdict = replica.verdict.as_ref().map(|(stage, verdict)| (*stage, verdict));
        let frozen = self.frozen(release, now).is_some();
        let mut world = engine::World { release, verdict, observed, saga, held: false, frozen, no_room: None };
        let effects = engine::reconcile(&world, now);
        let back = |effect: &Effect| matches!(effect, Effect::Decide { command: Command::Rollback { .. }, .. });
        if !effects.iter().any(back) || self.now >= self.full_until {
            return effects;
        }
        world.no_room = Some("every instance of the baseline is full.".to_owned());
        engine::reconcile(&world, now)
    }

    fn execute(&mut self, who: usize, effect: Effect) -> Option<bool> {
        match effect {
            Effect::ShiftTraffic { weight, key } => {
                let token = self.replicas[who].token?;
                self.dispatch(who, Message::Shift { weight, key, token })?;
                Some(false)
            }
            Effect::Record(command) => self.act(who, Actor::Automation { rule: Rule::ConfirmObserved }, command, false),
            Effect::Decide { rule, command } => self.act(who, Actor::Automation { rule }, command, true),
        }
    }

    /// Sends what was committed, unless it falls asleep or dies over it.
    pub(crate) fn dispatch(&mut self, who: usize, message: Message) -> Option<()> {
        if self.replicas[who].proxy_cut > self.now {
            return Some(());
        }
        if self.goes_wrong(|t| t.pause) {
            let sleep = self.chance.between(11_000, 40_000);
            self.replicas[who].unsent.push(message);
            self.replicas[who].asleep_until = self.now + sleep;
            return None;
        }
        self.send(message);
        self.may_die(who)
    }

    /// Says whether the release changed.
    fn act(&mut self, who: usize, actor: Actor, command: Command, decision: bool) -> Option<bool> {
        let token = self.replicas[who].token?;
        let release = self.store.release.clone();
        let now = self.clock(who);
        let (command, ordered) = self.with_saga(&release, command, &actor, now);
        let events = match release.decide(command, &actor, now) {
            Ok(events) => events,
            Err(refusal) => {
                self.broke(format!("a rule asks for what is refused: {refusal}"));
                return None;
            }
        };
        if events.is_empty() {
            return Some(false);
        }
        let unit = self.unit(&release, events, ordered, decision, Some(token), &actor, now);
        match self.commit(unit) {
            Ok(()) if self.goes_wrong(|t| t.commit_lost) => None,
            Ok(()) => self.may_die(who).map(|()| true),
            // Somebody was quicker: look again.
            Err(Not::Conflict) => Some(true),
            Err(Not::Fenced) => {
                self.report.fenced += 1;
                self.replicas[who].token = None;
                None
            }
        }
    }

    /// What is more than traffic gets the saga that carries it out.
    pub(crate) fn with_saga(
        &mut self,
        release: &Release,
        command: Command,
        actor: &Actor,
        now: Timestamp,
    ) -> (Command, Option<Saga>) {
        let way = match &command {
            _ if !self.setup.steps => return (command, None),
            Command::Start { .. } => Way::Start,
            Command::Rollback { .. } => Way::Back,
            Command::Rollforward { hotfix, .. } => Way::Forward(hotfix),
            _ => return (command, None),
        };
        self.next_id += 1;
        let id = SagaId(Uuid::from_u128(self.next_id));
        let plan = steps(release, id, &way);
        let ordered = Saga::order_new(plan, actor, command.reason().to_owned(), now).expect("the steps can be run");
        let command = match command {
            Command::Start { runbooks, override_checklist, known_bad, reason, .. } => {
                Command::Start { runbooks, override_checklist, saga: Some(id), known_bad, reason }
            }
            Command::Rollback { only, reason, .. } => Command::Rollback { saga: Some(id), only, reason },
            Command::Rollforward { hotfix, component, known_bad, override_known_bad, reason, .. } => {
                Command::Rollforward { hotfix, component, saga: Some(id), known_bad, override_known_bad, reason }
            }
            other => other,
        };
        (command, Saga::fold(&ordered))
    }

    #[expect(clippy::too_many_arguments, reason = "all that one transaction is made of")]
    pub(crate) fn unit(
        &self,
        release: &Release,
        events: Vec<Event>,
        ordered: Option<Saga>,
        decision: bool,
        fence: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Unit {
        let mut sagas = Vec::new();
        if let Some(saga) = ordered {
            let events =
                Saga::order_new((*saga.plan).clone(), actor, saga.reason.clone(), now).expect("it was ordered before");
            sagas.push((saga.plan.id, 0, events));
        }
        Unit { release: Some((release.version, events)), sagas, fence, decision, over_freeze: false }
    }

    pub(crate) fn may_die(&mut self, who: usize) -> Option<()> {
        if !self.goes_wrong(|t| t.crash) {
            return Some(());
        }
        self.report.crashes += 1;
        let down = self.chance.between(500, 20_000);
        let replica = &mut self.replicas[who];
        let (life, skew) = (replica.life + 1, replica.skew);
        *replica = Replica { life, skew, asleep_until: self.now + down, ..Replica::default() };
        None
    }
}
