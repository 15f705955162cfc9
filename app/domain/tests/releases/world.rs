//! One world: one clock, one store, a network, a proxy, a deployer, metrics, people, and what happens next.

use super::chance::Chance;
use super::replica::Replica;
use super::setup::{START, Setup, Troubles, maya};
use super::signals::{Ill, Signals};
use super::store::{Around, Not, Store, Unit};
use super::targets::{Deployer, Key, Proxy};
use std::collections::BTreeMap;
use sternway_domain::plan::Weight;
use sternway_domain::release::{Event, Release};
use sternway_domain::saga::Answer;
use sternway_domain::time::{Span, Timestamp};

/// Longest virtual time, and most things that happen, before a run counts as never ending.
const LONGEST: Span = Span::from_secs(3 * 3_600);
const MOST_TASKS: u32 = 60_000;

/// What happens at a moment.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// A replica's own timer; it sets itself again.
    Poll(usize),
    /// A notice that something changed.
    Notice(usize),
    Arrive(Message),
    /// A deployer finishes what it was slow with, and says so.
    Finish(Message),
    Person,
    Weather,
}

#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// To the proxy, outside of any saga.
    Shift {
        weight: Weight,
        key: String,
        token: u64,
    },
    Order {
        from: usize,
        life: u32,
        key: Key,
        attempt: u32,
        token: u64,
    },
    Question {
        from: usize,
        life: u32,
        key: Key,
        attempt: u32,
        token: u64,
    },
    Reply {
        to: usize,
        life: u32,
        key: Key,
        attempt: u32,
        token: u64,
        answer: Answer,
    },
}

/// What one run came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Report {
    pub(crate) end: String,
    pub(crate) broken: Option<String>,
    pub(crate) tail: Vec<String>,
    pub(crate) crashes: u32,
    pub(crate) takeovers: u32,
    pub(crate) ticks: usize,
    /// Promotions and rollbacks by a rule.
    pub(crate) by_rule: [u32; 2],
    /// Acts of people that were refused, and those that saw an old version.
    pub(crate) refused: u32,
    pub(crate) stale: u32,
    /// Writes under an older token that were turned away, and those that an unfenced proxy took.
    pub(crate) fenced: u32,
    pub(crate) stale_taken: u32,
    pub(crate) sagas: usize,
    pub(crate) held_blind: bool,
    /// A rule went back on `fail` from a candidate that was good.
    pub(crate) false_alarm: bool,
    /// What people wanted to send out in a change freeze: refused, and done with an override.
    pub(crate) frozen: [u32; 2],
    /// Rules went back in a change freeze.
    pub(crate) back_frozen: u32,
    /// Readings of which two sources were asked.
    pub(crate) pairs: usize,
}

pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) chance: Chance,
    /// Who hears of a commit, apart: the rest of a run does not depend on it.
    hears: Chance,
    /// What some runs have besides, apart for the same reason.
    pub(crate) aside: Chance,
    pub(crate) now: Timestamp,
    tasks: BTreeMap<(Timestamp, u64), Task>,
    count: u64,
    pub(crate) store: Store,
    pub(crate) proxy: Proxy,
    pub(crate) deployer: Deployer,
    pub(crate) signals: Signals,
    /// The same as the second source has it.
    pub(crate) second: Option<Signals>,
    pub(crate) replicas: [Replica; 2],
    /// There is no room for all traffic up to this moment.
    pub(crate) full_until: Timestamp,
    /// Since when the proxy has another weight than was asked, with nothing in its way.
    differs: Option<Timestamp>,
    ended: Option<Timestamp>,
    pub(crate) next_id: u128,
    pub(crate) report: Report,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        Self::with(seed, |_| {})
    }

    /// The same with something changed of what was drawn.
    pub(crate) fn with(seed: u64, change: impl FnOnce(&mut Setup)) -> World {
        let mut chance = Chance::new(seed);
        let mut setup = Setup::drawn(&mut chance);
        let mut aside = Chance::new(seed.rotate_left(32) ^ 1);
        setup.draw_beside(&mut aside);
        change(&mut setup);
        let events = Release::create(setup.draft.clone(), &maya(), START).expect("the draft is usable");
        let proxy = Proxy { fenced: setup.fenced, weight: Weight::ZERO, newest: 0, had: vec![(START, Weight::ZERO)] };
        let full = if chance.hits(0.1) { chance.between(60_000, 300_000) } else { Span::ZERO };
        Self {
            signals: Signals::new(setup.quality),
            second: setup.second.map(|second| Signals::new(second.quality)),
            setup,
            aside,
            now: START,
            tasks: BTreeMap::new(),
            count: 0,
            store: Store::new(events, START),
            proxy,
            deployer: Deployer::default(),
            replicas: [Replica::default(), Replica::default()],
            full_until: START + full,
            differs: None,
            ended: None,
            next_id: 100,
            report: Report::default(),
            chance,
            hears: Chance::new(!seed),
        }
    }

    pub(crate) fn run(mut self) -> Report {
        self.play();
        self.check_end();
        self.close()
    }

    /// What a run leaves in the store.
    pub(crate) fn store_of_run(mut self) -> Store {
        self.play();
        self.store
    }

    fn play(&mut self) {
        for task in [Task::Poll(0), Task::Poll(1), Task::Person, Task::Weather] {
            let wait = self.chance.between(0, 1_000);
            self.later(wait, task);
        }
        let mut left = MOST_TASKS;
        while self.report.broken.is_none() {
            let Some(((at, _), task)) = self.tasks.pop_first() else { break };
            self.now = at.max(self.now);
            left -= 1;
            if left == 0 || self.now.since(START) > LONGEST {
                let left = format!("it never ended: {:?}", self.store.release.state);
                self.broke(left);
            }
            self.happen(task);
            if self.over() {
                break;
            }
        }
    }

    /// Ended, and nothing that was sent is still on its way.
    fn over(&mut self) -> bool {
        if !self.store.release.state.ended() {
            self.ended = None;
            return false;
        }
        let ended = *self.ended.get_or_insert(self.now);
        self.now.since(ended) > Span::from_secs(45)
    }

    fn happen(&mut self, task: Task) {
        match task {
            Task::Poll(who) => {
                let awake = self.replicas[who].asleep_until.max(self.now);
                if awake <= self.now {
                    self.turn(who);
                }
                let awake = self.replicas[who].asleep_until.max(self.now);
                let wait = self.chance.between(2_000, 4_000) + awake.since(self.now);
                self.later(wait, Task::Poll(who));
            }
            Task::Notice(who) if self.replicas[who].asleep_until <= self.now => self.turn(who),
            Task::Notice(_) => {}
            Task::Arrive(message) => self.arrive(message),
            Task::Finish(message) => self.finish(message),
            Task::Person => {
                self.person();
                let wait = self.chance.between(10_000, 30_000);
                self.later(wait, Task::Person);
            }
            Task::Weather => {
                self.weather();
                self.later(Span::from_secs(10), Task::Weather);
            }
        }
        self.check_difference();
    }

    fn weather(&mut self) {
        let (now, calm) = (self.now, self.calm());
        if let Some(after) = self.setup.dark.filter(|after| now.since(START) >= *after) {
            let _ = after;
            self.signals.fall_ill(now, Ill::Down, LONGEST);
        }
        if self.goes_wrong(|t| t.outage) {
            let (how, last) = (self.chance.one(&Ill::ALL), self.chance.between(5_000, 120_000));
            self.signals.fall_ill(now, how, last);
        }
        self.weather_beside();
        if self.goes_wrong(|t| t.outage / 4.0) {
            self.signals.restart();
        }
        for who in 0..self.replicas.len() {
            if self.goes_wrong(|t| t.cut) {
                let until = now + self.chance.between(3_000, 60_000);
                let store = self.chance.hits(0.5);
                let replica = &mut self.replicas[who];
                *(if store { &mut replica.store_cut } else { &mut replica.proxy_cut }) = until;
            }
            if self.goes_wrong(|t| t.clock) {
                self.replicas[who].skew = self.chance.between(0, 7_200_000).micros() - 3_600_000_000;
            }
            // Clocks are set right in the end.
            if calm {
                self.replicas[who].skew = 0;
            }
        }
        if calm {
            self.deployer.remember();
        }
    }

    pub(crate) fn later(&mut self, wait: Span, task: Task) {
        self.count += 1;
        self.tasks.insert((self.now + wait, self.count), task);
    }

    pub(crate) fn calm(&self) -> bool {
        self.now >= START + self.setup.troubles.last
    }

    pub(crate) fn goes_wrong(&mut self, chance: impl Fn(&Troubles) -> f64) -> bool {
        let hits = self.chance.hits(chance(&self.setup.troubles));
        hits && !self.calm()
    }

    /// One transaction, and the notices that follow it.
    pub(crate) fn commit(&mut self, unit: Unit) -> Result<(), Not> {
        self.advance();
        let full = self.now < self.full_until;
        let clocks = self.setup.troubles.clock == 0.0;
        let frozen =
            self.setup.freeze.as_ref().filter(|freeze| freeze.concerns).map(|freeze| (freeze.from, freeze.until));
        let bad_since = self.bad_since();
        let around = Around { now: self.now, proxy: &self.proxy, bad_since, frozen, full, clocks };
        let sent = unit.release.as_ref().map(|(_, events)| events.clone()).unwrap_or_default();
        match self.store.commit(unit, &around) {
            Err(promise) => {
                self.broke(promise);
                Ok(())
            }
            Ok(Err(not)) => Err(not),
            Ok(Ok(())) => {
                self.note(&sent);
                for who in 0..self.replicas.len() {
                    let copies = if self.goes_wrong(|t| t.repeated) { 2 } else { 1 };
                    for _ in 0..copies {
                        if !self.goes_wrong(|t| t.lost) {
                            let wait = self.chance.between(5, 200);
                            if !self.hears.hits(self.setup.troubles.deaf) {
                                self.later(wait, Task::Notice(who));
                            }
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn note(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::RolledForward { .. } => {
                    self.signals.mend();
                    self.second.iter_mut().for_each(Signals::mend);
                }
                Event::RollbackOrdered { by, .. } if by.contains("roll-back-on-fail") => {
                    let frozen = self.frozen(&self.store.release, event.at()).is_some();
                    self.report.back_frozen += u32::from(frozen);
                    let bad = self.bad_since().is_some_and(|since| since <= self.now);
                    self.report.false_alarm |= !bad;
                }
                Event::Held { cause: sternway_domain::release::HoldCause::NoEvidence { .. }, .. } => {
                    self.report.held_blind = true;
                }
                _ => {}
            }
        }
    }

    /// Requests went on under the weight that stood.
    pub(crate) fn advance(&mut self) {
        let weight = self.proxy.weight;
        self.signals.advance(self.now, weight, &mut self.chance);
        if let Some(second) = &mut self.second {
            second.advance(self.now, weight, &mut self.aside);
        }
    }

    /// What stays wrong at the proxy although nothing is in the way.
    fn check_difference(&mut self) {
        let release = &self.store.release;
        let carried = self.store.current().is_some_and(|stream| !stream.saga.ended());
        let wanted = release.asked.as_ref().map(|asked| asked.weight);
        let agrees = !release.state.active() || carried || wanted.is_none_or(|weight| weight == self.proxy.weight);
        if agrees || !self.calm() {
            self.differs = None;
            return;
        }
        let since = *self.differs.get_or_insert(self.now);
        if self.now.since(since) > Span::from_secs(120) {
            self.broke(format!("the proxy has {:?} for two minutes, asked is {wanted:?}", self.proxy.weight));
        }
    }

    pub(crate) fn broke(&mut self, promise: String) {
        let at = self.now.since(START);
        self.report.broken.get_or_insert(format!("after {at}: {promise}"));
    }
}
