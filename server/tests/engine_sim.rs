//! The engine on memory adapters and a real SQLite file: promotes, rolls back, holds, recovers.

use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;
use sternway_domain::component::Scope;
use sternway_domain::id::{Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::Weight;
use sternway_domain::release::{HoldCause, Release, State};
use sternway_domain::service::Service as Document;
use sternway_domain::signal::{InstanceReading, Reading, Source, SourceFailure};
use sternway_domain::time::{Span, Timestamp};
use sternway_server::drivers::MemoryTraffic;
use sternway_server::engine::{Adapters, Engine, EngineConfig};
use sternway_server::outbound::Outbound;
use sternway_server::ports::{Clock, SignalSource, TrafficDriver};
use sternway_server::service::{ActRequest, Caller, NewArtifact, NewRelease, Service, Wanted};
use sternway_server::steps::Hands;
use sternway_server::store;
use sternway_server::store::rows::{DecisionFilter, DocumentWrite, Unit};
use sternway_server::system::{SystemClock, SystemRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[path = "engine_sim/freezes.rs"]
mod freezes;

const SERVICE: &str = "checkout";

/// Requests arrive at 200/s and are split by the weight that the driver really has.
struct World {
    traffic: MemoryTraffic,
    counters: Mutex<Counters>,
    /// Canary errors per 10,000 requests.
    errors: AtomicU32,
    down: AtomicBool,
}

struct Counters {
    at: Timestamp,
    baseline: (f64, f64),
    canary: (f64, f64),
}

impl World {
    fn new(now: Timestamp) -> Arc<Self> {
        let counters = Counters { at: now, baseline: (1e6, 100.0), canary: (1e3, 1.0) };
        Arc::new(Self {
            traffic: MemoryTraffic::default(),
            counters: Mutex::new(counters),
            errors: AtomicU32::new(10),
            down: AtomicBool::new(false),
        })
    }

    fn reading(&self, now: Timestamp) -> Reading {
        let mut counters = self.counters.lock().expect("no test panics while holding it");
        let requests = now.since(counters.at).secs_f64() * 2_000.0;
        let share = self.traffic.canary(&name()).ratio();
        let rate = f64::from(self.errors.load(Ordering::Relaxed)) / 10_000.0;
        counters.at = now;
        counters.baseline.0 += requests * (1.0 - share);
        counters.baseline.1 += requests * (1.0 - share) * 0.001;
        counters.canary.0 += requests * share;
        counters.canary.1 += requests * share * rate;
        let instance = |name: &str, (requests, errors): (f64, f64)| InstanceReading {
            instance: name.into(),
            at: now,
            requests: Some(requests),
            errors: Some(errors),
            ..InstanceReading::default()
        };
        Reading {
            at: now,
            baseline: vec![instance("b1", counters.baseline)],
            canary: vec![instance("c1", counters.canary)],
            warnings: vec![],
        }
    }
}

struct WorldSource(Arc<World>);

#[async_trait]
impl SignalSource for WorldSource {
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure> {
        if self.0.down.load(Ordering::Relaxed) {
            return Err(SourceFailure::Down { source_name: "world".into(), detail: "refused".into() });
        }
        Ok(self.0.reading(now))
    }
}

struct WorldAdapters(Arc<World>);

impl Adapters for WorldAdapters {
    fn source(&self, _: &Document, _: Source) -> Result<Arc<dyn SignalSource>, String> {
        Ok(Arc::new(WorldSource(self.0.clone())))
    }

    fn driver(&self, service: &Document) -> Result<Arc<dyn TrafficDriver>, String> {
        Ok(Arc::new(self.0.traffic.driver(service.name.clone())))
    }
}

struct Rig {
    service: Service,
    world: Arc<World>,
    engine: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
    _dir: tempfile::TempDir,
}

fn name() -> ServiceName {
    ServiceName::new(SERVICE).expect("plain")
}

fn maya() -> Caller {
    let actor = Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::ReleaseManager };
    Caller { actor, origin: Origin { transport: "test".into(), ..Origin::default() } }
}

impl Rig {
    async fn new(mode: &str) -> Rig {
        Self::with(mode, Arc::new(SystemClock)).await
    }

    async fn with(mode: &str, clock: Arc<dyn Clock>) -> Rig {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = store::open(&format!("sqlite:{}", dir.path().join("t.db").display())).await.expect("opens");
        let service = Service::new(store, clock, Arc::new(SystemRng));
        let world = World::new(service.clock.now());
        let plan = serde_json::json!({
            "name": "quick", "mode": mode, "interval": "500ms", "window": "10s", "max_age": "5s",
            "min_data": {"requests": 100, "time": "500ms"},
            "stages": [{"weight": 5, "bake": "2s"}, {"weight": 25, "bake": "1s"}, {"weight": 100, "bake": "1s"}],
            "guards": [{"metric": "errors", "tolerance": {"ratio": 2.0, "plus": 0.05}}],
            "judge": {"patience": "0s"},
        });
        let plan: sternway_domain::plan::Plan = serde_json::from_value(plan).expect("well-formed");
        let documents = vec![
            document("Plan", "quick", serde_json::to_string(&plan).expect("json")),
            document("Service", SERVICE, r#"{"name":"checkout","traffic":"memory","signals":"memory"}"#.into()),
        ];
        service.store.commit(Unit { documents, ..Unit::default() }).await.expect("applied");
        let mut rig = Rig { service, world, engine: None, _dir: dir };
        rig.start_engine("one");
        rig
    }

    fn start_engine(&mut self, holder: &str) {
        let cancel = CancellationToken::new();
        let outbound = Outbound::new(vec![]).expect("a way out");
        let engine = Engine {
            service: self.service.clone(),
            adapters: Arc::new(WorldAdapters(self.world.clone())),
            hands: Hands::new(outbound, self.service.clock.clone(), Arc::default()),
            config: EngineConfig { holder: holder.into(), lease: Span::from_secs(3), poll: Duration::from_millis(200) },
        };
        let task = tokio::spawn(engine.run(cancel.clone()));
        self.engine = Some((cancel, task));
    }

    async fn stop_engine(&mut self) {
        if let Some((cancel, task)) = self.engine.take() {
            cancel.cancel();
            task.await.expect("the engine ends");
        }
    }

    async fn started(&self) -> ReleaseId {
        let new = NewRelease {
            components: vec![],
            migrations: vec![],
            service: SERVICE.into(),
            candidate: build("1.42.0"),
            baseline: Some(build("1.41.3")),
            plan: "quick".into(),
            checklist: None,
            override_known_bad: false,
            reason: "a test".into(),
        };
        let created = self.service.create(&maya(), new, "create").await.expect("created");
        let id: ReleaseId = created.release.id.parse().expect("an id");
        self.act(id, Wanted::Start { override_checklist: false, deployed: false }).await;
        id
    }

    async fn act(&self, id: ReleaseId, wanted: Wanted) {
        let expected_version = self.service.load(id).await.expect("there").version;
        let idempotency_key = format!("{:?}-{expected_version}", wanted.act());
        let request = ActRequest {
            release: id,
            wanted,
            reason: "because".into(),
            expected_version,
            overrides: Default::default(),
            idempotency_key,
        };
        self.service.act(&maya(), request).await.expect("accepted");
    }

    /// Waits for a state by listening, never by sleeping.
    async fn until(&self, id: ReleaseId, wanted: impl Fn(&Release) -> bool) -> Release {
        let mut changes = self.service.bus.subscribe();
        let waiting = async {
            loop {
                let release = self.service.load(id).await.expect("there");
                if wanted(&release) {
                    return release;
                }
                let _ = changes.recv().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(40), waiting).await {
            Ok(release) => release,
            Err(_) => panic!("never came: {:?}", self.service.load(id).await.expect("there")),
        }
    }

    /// When listeners hear that what was asked is not what is, and since when that is so.
    async fn alarm(&self) -> (Timestamp, Timestamp) {
        let mut changes = self.service.bus.subscribe();
        let waiting = async {
            loop {
                let traffic = self.service.traffic_status(&name()).await.expect("read").expect("it was asked");
                let now = self.service.clock.now();
                if let Some(since) = traffic.disagree_since.filter(|_| traffic.alarm(now)) {
                    return (now, since);
                }
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(40), waiting).await.expect("an alarm")
    }

    async fn actions(&self, id: ReleaseId) -> Vec<String> {
        let filter = DecisionFilter { release: Some(id), acts: true, limit: 100, ..DecisionFilter::default() };
        let decisions = self.service.store.decisions(&filter).await.expect("read");
        decisions.iter().rev().map(|row| format!("{} {}", row.action, row.actor_label)).collect()
    }
}

fn build(version: &str) -> NewArtifact {
    NewArtifact { version: version.into(), digest: Digest::of(version.as_bytes()).to_string() }
}

fn document(kind: &str, name: &str, body: String) -> DocumentWrite {
    let digest = Digest::of(body.as_bytes());
    let at = SystemClock.now();
    DocumentWrite { kind: kind.into(), name: name.into(), digest, source: body.clone(), body, at }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_healthy_canary_when_automatic_then_it_is_promoted_step_by_step() {
    let rig = Rig::new("automatic").await;
    let id = rig.started().await;
    rig.until(id, |release| release.state == State::Promoted).await;
    assert_eq!(rig.world.traffic.canary(&name()), Weight::FULL);
    let weights: Vec<u8> = rig.world.traffic.applied(&name()).iter().map(|intent| intent.canary.percent()).collect();
    assert_eq!(weights, [5, 25, 100], "each weight is asked once, in order");
    let rule = "promote automation, rule promote-on-pass";
    assert_eq!(rig.actions(id).await, ["create Maya Ortiz", "start Maya Ortiz", rule, rule, rule]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_failing_canary_when_automatic_then_it_is_rolled_back_with_the_evidence() {
    let rig = Rig::new("automatic").await;
    rig.world.errors.store(2_000, Ordering::Relaxed);
    let id = rig.started().await;
    let release = rig.until(id, |release| release.state == State::RolledBack).await;
    assert_eq!(rig.world.traffic.canary(&name()), Weight::ZERO);
    assert!(release.ended_by.is_some_and(|by| by.contains("roll-back-on-fail")));
    let filter = DecisionFilter { action: Some("rollback".into()), limit: 1, ..DecisionFilter::default() };
    let decision = rig.service.store.decisions(&filter).await.expect("read").remove(0);
    let evidence = rig.service.store.evidence(&decision.evidence.expect("kept")).await.expect("read").expect("there");
    assert!(evidence.contains("\"fail\""), "the evidence holds the verdict");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_source_goes_down_then_it_holds_and_goes_on_when_it_is_back() {
    let rig = Rig::new("automatic").await;
    let id = rig.started().await;
    rig.until(id, |release| release.current_verdict().is_some()).await;
    rig.world.down.store(true, Ordering::Relaxed);
    let cause = HoldCause::NoEvidence { verdict: VerdictKind::ProviderDown };
    let held = rig.until(id, |r| matches!(&r.state, State::Holding { cause: c, .. } if *c == cause)).await;
    assert!(held.state.stage() < Some(2));
    rig.world.down.store(false, Ordering::Relaxed);
    rig.until(id, |release| release.state == State::Promoted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_proxy_takes_orders_and_does_nothing_then_nothing_is_confirmed() {
    let rig = Rig::new("assisted").await;
    rig.world.traffic.set_deaf(&name(), true);
    let id = rig.started().await;
    rig.until(id, |release| release.current_verdict().is_some()).await;
    assert!(!rig.service.load(id).await.expect("there").confirmed());
    rig.world.traffic.set_deaf(&name(), false);
    rig.until(id, Release::confirmed).await;
    rig.world.traffic.set_deaf(&name(), true);
    rig.act(id, Wanted::Rollback { scope: Scope::default() }).await;
    let ordered = rig.service.clock.now();
    let (alarmed, since) = rig.alarm().await;
    assert!(since.since(ordered) < Span::from_secs(2), "they differ since the order: {ordered}, {since}");
    let after = alarmed.since(since);
    assert!(after > Span::from_secs(10) && after < Span::from_secs(15), "listeners heard of it after {after}");
    let release = rig.service.load(id).await.expect("there");
    assert_eq!(release.state, State::RollingBack, "asked is not done");
    assert!(!release.confirmed() && release.ended_at.is_none());
    rig.world.traffic.set_deaf(&name(), false);
    rig.until(id, |release| release.state == State::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_engine_stops_when_another_starts_then_it_goes_on_where_it_was() {
    let mut rig = Rig::new("automatic").await;
    let id = rig.started().await;
    rig.until(id, |release| release.state == State::Running { stage: 1 }).await;
    rig.stop_engine().await;
    rig.start_engine("two");
    rig.until(id, |release| release.state == State::Promoted).await;
    let weights: Vec<u8> = rig.world.traffic.applied(&name()).iter().map(|intent| intent.canary.percent()).collect();
    assert_eq!(weights, [5, 25, 100], "nothing was applied twice");
    let tokens: Vec<i64> = rig.world.traffic.applied(&name()).iter().map(|intent| intent.token).collect();
    assert!(tokens.is_sorted(), "{tokens:?}");
}
