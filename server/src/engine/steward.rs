//! The care of one release by one replica, for as long as it holds the lease.

use super::courier::Courier;
use super::look::{Look, Seen, Sources, looked};
use super::members::{self, Member};
use super::tenure::Tenure;
use super::{Engine, log_failure};
use crate::live::Topic;
use crate::ports::{Observation, TrafficDriver};
use crate::service::{ServiceError, TrafficStatus};
use crate::store::StoreError;
use crate::store::rows::Fence;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::effect::Effect;
use sternway_domain::engine::{World, reconcile};
use sternway_domain::id::{ReleaseId, SagaId, ServiceName};
use sternway_domain::judge::Verdict;
use sternway_domain::plan::Weight;
use sternway_domain::preview::forbids_rule;
use sternway_domain::release::{Command, Release};
use sternway_domain::time::{Span, Timestamp};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::watch::{Watch, watched};

/// A decision changes what should be done next; this many rounds settle any release.
const MOST_ROUNDS: usize = 8;

/// How often the service's document is looked at again: somebody may have mended it.
const RECONNECT: Span = Span::from_secs(5);

/// What the document names, or why it cannot be reached.
type Connection = (Sources, Result<Arc<dyn TrafficDriver>, String>);

pub(super) struct Steward {
    pub(super) engine: Engine,
    pub(super) release: Release,
    pub(super) fence: Fence,
    pub(super) tenure: Tenure,
    pub(super) sources: Sources,
    pub(super) driver: Result<Arc<dyn TrafficDriver>, String>,
    pub(super) members: Vec<Member>,
    pub(super) watch: Watch,
    /// The newest one and the stage it was given for.
    pub(super) verdict: Option<(u8, Verdict)>,
    /// What the proxy said last; `None` until it has been read, and after it could not be.
    pub(super) observed: Option<Observation>,
    pub(super) traffic: Option<TrafficStatus>,
    /// The share that the proxy had and then no longer had, without having been asked here.
    pub(super) left: Option<Weight>,
    /// Whether the listeners have been told that asked and observed differ for too long.
    pub(super) alarmed: bool,
    /// A look at the signals that is under way. It may take long; nothing waits for it.
    pub(super) look: Option<Look>,
    seen: Option<Seen>,
    pub(super) courier: Courier,
    /// The saga, or none, beside which no other of the release is open any more.
    pub(super) alone: Option<Option<SagaId>>,
    /// Something in the way of more traffic, and until when that need not be asked again.
    frozen: Option<Timestamp>,
    observed_at: Timestamp,
    /// When asked and observed were last written down.
    pub(super) noted_at: Timestamp,
    connected_at: Timestamp,
}

/// Whether there is anything left to care for.
enum Next {
    Wait,
    End,
}

impl Steward {
    /// Takes the lease of a release and reads where things stand. `None`: another replica has it.
    pub(super) async fn claim(engine: &Engine, id: ReleaseId) -> Result<Option<Steward>, ServiceError> {
        let name = format!("release:{id}");
        let store = &engine.service.store;
        let asked_at = tokio::time::Instant::now();
        let Some(lease) = store.lease(&name, &engine.config.holder, engine.config.lease).await? else {
            return Ok(None);
        };
        // Its token is known outside before anything is told under it.
        if !engine.service.may_work().await? {
            return Ok(None);
        }
        let release = engine.service.load(id).await?;
        let (sources, driver) = connect(engine, &release.service).await?;
        let members = members::connect(engine, &release).await?;
        let watch = Watch::load(&engine.service, &release).await?;
        let traffic = engine.service.traffic_status(&release.service).await?;
        Ok(Some(Steward {
            engine: engine.clone(),
            release,
            fence: Fence { lease: name, token: lease.token },
            tenure: Tenure::new(engine.config.lease, asked_at),
            sources,
            driver,
            members,
            watch,
            verdict: None,
            observed: None,
            traffic,
            left: None,
            alarmed: false,
            look: None,
            seen: None,
            courier: Courier::default(),
            alone: None,
            frozen: None,
            observed_at: Timestamp::default(),
            noted_at: Timestamp::default(),
            connected_at: engine.service.clock.now(),
        }))
    }

    pub(super) async fn run(mut self, cancel: CancellationToken) {
        let mut changes = self.engine.service.bus.subscribe();
        let term = self.tenure.term();
        loop {
            let Some(stepped) = term.clone().within(self.step()).await else {
                tracing::warn!(release = %self.release.id, "the lease could not be renewed in time; nothing is done without it");
                return;
            };
            match stepped {
                Ok(Next::Wait) => {}
                Ok(Next::End) => return,
                Err(error @ ServiceError::Store(StoreError::Fenced { .. })) => {
                    tracing::warn!(release = %self.release.id, %error, "another replica took over");
                    return;
                }
                Err(error) => log_failure(self.release.id, &error),
            }
            let pause = self.pause();
            let release = self.release.id;
            let woken = async {
                loop {
                    match changes.recv().await {
                        Ok(change) => {
                            if matches!(&change.topic, Topic::Release { id, .. } if *id == release) {
                                return;
                            }
                        }
                        Err(RecvError::Lagged(_)) => return,
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = woken => {}
                seen = looked(&mut self.look) => self.seen = Some(seen),
                () = self.courier.next() => {}
            }
            // What we published ourselves wakes us too: read it away, the next step looks at everything anyway.
            while !matches!(changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        }
    }

    /// Looks at the whole situation once and does what it asks for.
    async fn step(&mut self) -> Result<Next, ServiceError> {
        self.keep_lease().await?;
        self.release = self.engine.service.load(self.release.id).await?;
        if !self.release.state.active() {
            self.settle_outbox().await?;
            return Ok(Next::End);
        }
        let now = self.engine.service.clock.now();
        if let Some(seen) = self.seen.take() {
            self.judge(seen).await?;
        }
        self.look_if_due(now);
        self.carry_on().await?;
        let poll = self.engine.config.poll;
        if self.observed.is_none() || now.since(self.observed_at).micros() >= micros(poll) {
            self.observe().await?;
        }
        for _ in 0..MOST_ROUNDS {
            let now = self.engine.service.clock.now();
            let all = self.observed.as_ref().filter(|_| self.members_agree());
            let observed = all.map(|seen| (seen.canary, seen.from.as_str()));
            let saga = self.courier.saga.as_ref();
            let judged = self.verdict.as_ref().filter(|_| self.watch.of_this_run(&self.release));
            let mut world = World {
                release: &self.release,
                verdict: judged.map(|(stage, verdict)| (*stage, verdict)),
                observed,
                saga,
                held: false,
                frozen: self.frozen.is_some_and(|until| now < until),
                no_room: None,
            };
            let mut effects = reconcile(&world, now);
            // Whether rules have to wait is only asked when one would act.
            if effects.iter().any(|effect| matches!(effect, Effect::Decide { .. })) {
                world.held = self.engine.service.hold_on(&self.release).await?.is_some();
                effects = reconcile(&world, now);
            }
            // The same of whether a change freeze is in force.
            let on = |effect: &Effect| matches!(effect, Effect::Decide { command: Command::Promote { .. }, .. });
            if effects.iter().any(on) {
                let frozen = self.engine.service.frozen(&self.release).await?;
                world.frozen = frozen.is_some();
                // It may be lifted before its time.
                self.frozen = frozen.map(|frozen| frozen.until.unwrap_or(now + RECONNECT).min(now + RECONNECT));
                effects = reconcile(&world, now);
            }
            // The same of whether there is room to go back to.
            let back = |effect: &Effect| matches!(effect, Effect::Decide { command: Command::Rollback { .. }, .. });
            if effects.iter().any(back) {
                world.no_room = forbids_rule(&self.engine.service.rooms(&self.release, None).await?);
                effects = reconcile(&world, now);
            }
            if effects.is_empty() {
                break;
            }
            let mut changed = false;
            for effect in effects {
                changed |= self.execute(effect).await?;
            }
            if !changed || !self.release.state.active() {
                break;
            }
        }
        if !self.release.state.active() {
            self.settle_outbox().await?;
            return Ok(Next::End);
        }
        Ok(Next::Wait)
    }

    pub(super) async fn observe(&mut self) -> Result<(), ServiceError> {
        let now = self.engine.service.clock.now();
        self.observed_at = now;
        if now.since(self.connected_at) >= RECONNECT {
            (self.sources, self.driver) = connect(&self.engine, &self.release.service).await?;
            self.members = members::connect(&self.engine, &self.release).await?;
            self.connected_at = now;
        }
        self.observe_members().await?;
        let seen = match self.driver.clone() {
            Ok(driver) => self.keeping(driver.observe(now)).await?.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        match seen {
            Ok(observation) => {
                if let Some(before) = self.observed.as_ref().filter(|before| before.canary != observation.canary) {
                    self.left = Some(before.canary);
                }
                self.observed = Some(observation);
                self.note_traffic(None).await
            }
            Err(failure) => {
                self.observed = None;
                self.note_traffic(Some(failure)).await
            }
        }
    }

    /// Waits for something slow without losing the lease over it.
    pub(super) async fn keeping<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ServiceError> {
        self.check_term()?;
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(self.tenure.renew_at()) => self.keep_lease().await?,
            }
        }
    }

    /// The lease is checked again after every wait.
    async fn keep_lease(&mut self) -> Result<(), ServiceError> {
        let asked_at = tokio::time::Instant::now();
        if asked_at < self.tenure.renew_at() {
            return Ok(());
        }
        let config = &self.engine.config;
        let asking = self.engine.service.store.lease(&self.fence.lease, &config.holder, config.lease);
        let lease = match tokio::time::timeout(self.tenure.renewal(), asking).await {
            Ok(lease) => lease?,
            Err(_) => {
                let (operation, source) = ("renew a lease in time", sqlx::Error::PoolTimedOut);
                return Err(StoreError::Unavailable { operation, source }.into());
            }
        };
        match lease {
            Some(lease) if lease.token == self.fence.token => {
                self.tenure.renewed(asked_at);
                Ok(())
            }
            _ => Err(self.fenced().into()),
        }
    }

    /// Nothing leaves under a lease that may be over.
    fn check_term(&self) -> Result<(), ServiceError> {
        if self.tenure.term().stands() { Ok(()) } else { Err(self.fenced().into()) }
    }

    fn fenced(&self) -> StoreError {
        let Fence { lease, token } = self.fence.clone();
        StoreError::Fenced { lease, token }
    }

    /// Until the next reading or observation, whichever comes first.
    fn pause(&self) -> Duration {
        let now = self.engine.service.clock.now();
        let watching = watched(&self.release).is_some() && self.look.is_none();
        let tick = match watching {
            true => Duration::from_micros(self.watch.next_in(&self.release, now).micros().unsigned_abs()),
            false => Duration::MAX,
        };
        let thawed = self.frozen.map_or(Duration::MAX, |until| {
            if until > now { Duration::from_micros(until.since(now).micros().unsigned_abs()) } else { Duration::MAX }
        });
        tick.min(self.courier.pause(now))
            .min(thawed)
            .min(self.engine.config.poll)
            .min(self.tenure.renewal())
            .max(Duration::from_millis(20))
    }
}

async fn connect(engine: &Engine, name: &ServiceName) -> Result<Connection, ServiceError> {
    let missing = || format!("the service `{name}` is not configured; apply its document");
    Ok(match engine.service.service_document(name).await? {
        Some(document) => (Sources::of(engine, &document), engine.adapters.driver(&document)),
        None => (Sources::none(missing()), Err(missing())),
    })
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
