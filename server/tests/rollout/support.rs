//! One Sternway in this process: its database, its application service, its engines.

use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;
use sternway_domain::id::{Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::migration::{Migration, MigrationPlan, Phase};
use sternway_domain::plan::Plan;
use sternway_domain::release::{Event, Release};
use sternway_domain::service::Service as Document;
use sternway_domain::time::{Span, Timestamp};
use sternway_peers::program;
use sternway_server::adapters::Connected;
use sternway_server::engine::{Engine, EngineConfig};
use sternway_server::outbound::Outbound;
use sternway_server::ports::Clock;
use sternway_server::service::{
    ActRequest, Acted, Caller, DataRequest, DataWanted, NewArtifact, NewRelease, Overrides, Service, ServiceError,
    TrafficStatus, Wanted,
};
use sternway_server::steps::Hands;
use sternway_server::steps::settings::StepSettings;
use sternway_server::store;
use sternway_server::store::rows::{DecisionFilter, DecisionRow, DocumentWrite, ReleaseFilter, Unit};
use sternway_server::system::{SystemClock, SystemRng};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longer than any wait in these tests, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Desk {
    pub(super) service: Service,
    dir: Arc<TempDir>,
    address: String,
}

/// An engine at work.
pub(super) struct Running {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn new(cancel: CancellationToken, task: JoinHandle<()>) -> Self {
        Self { cancel, task }
    }

    /// Ends it as a shutdown does.
    pub(super) async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("the engine ends");
    }
}

impl Desk {
    pub(super) async fn new() -> Desk {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = format!("sqlite:{}", dir.path().join("sternway.db").display());
        Self::over(Arc::new(dir), &address).await
    }

    /// Over a database that is there already, or can be made.
    pub(super) async fn on(address: &str) -> Desk {
        Self::over(Arc::new(tempfile::tempdir().expect("a temporary folder")), address).await
    }

    /// Another process's view of the same database, with the same key of the log: nothing is heard of what the first one
    /// says aloud.
    pub(super) async fn another(&self) -> Desk {
        let mut other = Self::over(self.dir.clone(), &self.address).await;
        other.service.notary = self.service.notary.clone();
        other
    }

    async fn over(dir: Arc<TempDir>, address: &str) -> Desk {
        let store = store::open(address).await.expect("the database opens");
        let service = Service::new(store, Arc::new(SystemClock), Arc::new(SystemRng));
        Desk { service, dir, address: address.to_owned() }
    }

    /// Where it is.
    pub(super) fn database(&self) -> String {
        self.address.clone()
    }

    /// `sternway serve` on this database, as a process of its own.
    pub(super) fn serve(&self, name: &str, lease: &str, more: &[String]) -> Child {
        let setting = |flag: &str, value: &str| format!("--{flag}={value}");
        let mut arguments = vec![
            "serve".to_owned(),
            setting("listen", "127.0.0.1:0"),
            setting("database", &self.address),
            setting("replica", name),
            setting("outbound-allow", "127.0.0.0/8"),
            setting("engine-lease", lease),
            setting("engine-poll", "500ms"),
            setting("log-format", "json"),
        ];
        arguments.extend_from_slice(more);
        program(env!("CARGO_BIN_EXE_sternway"), &arguments, self.dir())
    }

    /// Where the first program of this desk listens.
    pub(super) fn port(&self) -> Option<u16> {
        let log = self.log();
        let line = log.lines().find(|line| line.starts_with("Sternway listens on "))?;
        line.rsplit(':').next()?.trim().parse().ok()
    }

    /// What the programs of this desk wrote.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Applies the plan and the service's document.
    pub(super) async fn apply(&self, plan: Value, service: Value) {
        let plan: Plan = serde_json::from_value(plan).expect("the plan is well-formed");
        let service: Document = serde_json::from_value(service).expect("the service is well-formed");
        let text = |value: serde_json::Result<String>| value.expect("documents are JSON");
        let documents = vec![
            document("Plan", plan.name.as_str(), text(serde_json::to_string(&plan))),
            document("Service", service.name.as_str(), text(serde_json::to_string(&service))),
        ];
        self.service.store.commit(Unit { documents, ..Unit::default() }).await.expect("applied");
    }

    /// Applies a data migration.
    pub(super) async fn apply_migration(&self, plan: Value) {
        let plan: MigrationPlan = serde_json::from_value(plan).expect("the migration is well-formed");
        let body = serde_json::to_string(&plan).expect("documents are JSON");
        let documents = vec![document("Migration", plan.name.as_str(), body)];
        self.service.store.commit(Unit { documents, ..Unit::default() }).await.expect("applied");
    }

    /// Moves the data of a release through all phases up to this one, whatever is missing.
    pub(super) async fn data_up_to(&self, id: ReleaseId, last: Phase) {
        for to in Phase::ALL.into_iter().filter(|phase| *phase > Phase::Planned && *phase <= last) {
            let before = self.data(id).await;
            let request = DataRequest {
                release: id,
                migration: before.plan.name,
                wanted: DataWanted::Move { to, override_conditions: true },
                reason: "as planned".to_owned(),
                expected_version: before.version,
                idempotency_key: format!("{id} to {}", to.as_str()),
            };
            self.service.move_data(&maya(), request).await.expect("accepted");
        }
    }

    /// The one data migration of a release.
    pub(super) async fn data(&self, id: ReleaseId) -> Migration {
        let seen = self.service.data(&maya(), id).await.expect("the database answers");
        seen.into_iter().next().expect("the release has one").migration
    }

    /// An engine that reaches only this machine.
    pub(super) fn engine(&self, holder: &str, lease: Span) -> Running {
        self.engine_with(holder, lease, StepSettings::default())
    }

    /// The same with named connections and channels.
    pub(super) fn engine_with(&self, holder: &str, lease: Span, settings: StepSettings) -> Running {
        let outbound = Outbound::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a way out");
        let hands = Hands::new(outbound.clone(), self.service.clock.clone(), Arc::new(settings));
        let adapters = Connected::new(outbound, self.service.clock.clone(), self.service.rng.clone());
        let engine = Engine {
            service: self.service.clone(),
            adapters: Arc::new(adapters),
            hands,
            config: EngineConfig { holder: holder.into(), lease, poll: Duration::from_millis(250) },
        };
        let cancel = CancellationToken::new();
        let task = tokio::spawn(engine.run(cancel.clone()));
        Running { cancel, task }
    }

    pub(super) async fn created(&self, service: &str, plan: &str) -> ReleaseId {
        self.created_with(service, plan, vec![]).await
    }

    /// With data migrations.
    pub(super) async fn created_with(&self, service: &str, plan: &str, migrations: Vec<String>) -> ReleaseId {
        let new = NewRelease {
            components: vec![],
            migrations,
            service: service.into(),
            candidate: build("1.42.0"),
            baseline: Some(build("1.41.3")),
            plan: plan.into(),
            checklist: None,
            override_known_bad: false,
            reason: "faster checkout".into(),
        };
        let created = self.service.create(&maya(), new, &format!("create {service}")).await.expect("created");
        created.release.id.parse().expect("an id")
    }

    pub(super) async fn started(&self, service: &str, plan: &str) -> ReleaseId {
        let id = self.created(service, plan).await;
        self.act(id, Wanted::Start { override_checklist: false, deployed: false }).await.expect("started");
        id
    }

    /// One act of a person on the release as it is now. The engine may be quicker: then the person looks again.
    pub(super) async fn act(&self, id: ReleaseId, wanted: Wanted) -> Result<Acted, ServiceError> {
        self.asked(id, wanted).await.1
    }

    /// The same with what was asked, to be asked again. A verdict may come between a look and an act: then it looks again.
    pub(super) async fn asked(&self, id: ReleaseId, wanted: Wanted) -> (ActRequest, Result<Acted, ServiceError>) {
        loop {
            let asked = request(id, wanted.clone(), self.release(id).await.version);
            let acted = self.service.act(&maya(), asked.clone()).await;
            if !matches!(acted, Err(ServiceError::Stale { .. })) {
                return (asked, acted);
            }
        }
    }

    pub(super) async fn release(&self, id: ReleaseId) -> Release {
        self.service.load(id).await.expect("the release is there")
    }

    pub(super) async fn traffic(&self, service: &str) -> Option<TrafficStatus> {
        let name = ServiceName::new(service).expect("a name");
        self.service.traffic_status(&name).await.expect("the database answers")
    }

    pub(super) fn now(&self) -> Timestamp {
        self.service.clock.now()
    }

    /// Waits by listening until the question has an answer.
    pub(super) async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let mut changes = self.service.bus.subscribe();
        let waiting = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                // Missed changes are changes too, and other processes are not heard here.
                let _ = tokio::time::timeout(Duration::from_millis(50), changes.recv()).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(answer) => answer,
            Err(_) => panic!("{what}: not within {PATIENCE:?}; {}", self.story().await),
        }
    }

    /// Where everything stands, for the message of a test that fails.
    async fn story(&self) -> String {
        let releases = self.service.store.releases(&ReleaseFilter::default()).await.expect("the database answers");
        let mut text = String::new();
        for row in releases {
            let traffic = self.traffic(row.service.as_str()).await;
            let ticks = self.service.tick_bodies(row.id, Timestamp::default()).await.expect("the database answers");
            let verdict = ticks.last().map(|tick| (tick.tick.at, &tick.verdict.kind, &tick.verdict.next));
            for saga in self.service.store.sagas(row.id).await.expect("the database answers") {
                let log = self.service.saga(saga.id).await.expect("the database answers");
                let steps = log.saga.plan.steps.iter().zip(&log.saga.tracks);
                for (step, tracks) in steps.filter(|(_, tracks)| !tracks.does.status.settled()) {
                    text += &format!("{}: {} {}\n", step.title, tracks.does.status.as_str(), tracks.does.said);
                }
            }
            text += &format!("{} is {}, at {}: {verdict:?}, {traffic:?}\n", row.id, row.state, self.now());
        }
        text
    }

    pub(super) async fn until_release(&self, id: ReleaseId, what: &str, wanted: impl Fn(&Release) -> bool) -> Release {
        self.until(what, async || {
            let release = self.release(id).await;
            if release.state.ended() && !wanted(&release) {
                panic!("{what}: never, it ended {}: {:?}", release.state.label(), release.ended_by);
            }
            wanted(&release).then_some(release)
        })
        .await
    }

    /// Decisions about a release, oldest first.
    pub(super) async fn decisions(&self, id: ReleaseId) -> Vec<DecisionRow> {
        let filter = DecisionFilter { release: Some(id), acts: true, limit: 200, ..DecisionFilter::default() };
        let mut rows = self.service.store.decisions(&filter).await.expect("the database answers");
        rows.reverse();
        rows
    }

    /// The same in short: `promote automation, rule promote-on-pass`.
    pub(super) async fn actions(&self, id: ReleaseId) -> Vec<String> {
        let rows = self.decisions(id).await;
        rows.iter().map(|row| format!("{} {}", row.action, row.actor_label)).collect()
    }

    pub(super) async fn history(&self, id: ReleaseId) -> Vec<Event> {
        let rows = self.service.history(&maya(), id, 0).await.expect("the database answers");
        rows.into_iter().map(|(_, event)| event).collect()
    }
}

pub(super) fn maya() -> Caller {
    person(1, "Maya Ortiz")
}

pub(super) fn person(number: u128, name: &str) -> Caller {
    let actor = Actor::Person { id: PersonId(Uuid::from_u128(number)), name: name.into(), role: Role::ReleaseManager };
    Caller { actor, origin: Origin { transport: "test".into(), ..Origin::default() } }
}

pub(super) fn request(release: ReleaseId, wanted: Wanted, expected_version: i64) -> ActRequest {
    let idempotency_key = format!("{} at {expected_version} of {release}", wanted.act().as_str());
    let reason = "because a test says so".into();
    ActRequest { release, wanted, reason, expected_version, overrides: Overrides::default(), idempotency_key }
}

pub(super) fn build(version: &str) -> NewArtifact {
    NewArtifact { version: version.into(), digest: Digest::of(version.as_bytes()).to_string() }
}

fn document(kind: &str, name: &str, body: String) -> DocumentWrite {
    let digest = Digest::of(body.as_bytes());
    DocumentWrite { kind: kind.into(), name: name.into(), digest, source: body.clone(), body, at: SystemClock.now() }
}
