//! A server in this process with an engine over a made-up world, and the binary beside it.

use super::audit::applying;
use async_trait::async_trait;
use serde_json::Value;
use sqlx::Connection;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;
use sternway_domain::id::{Digest, PersonId};
use sternway_domain::service::Service as Document;
use sternway_domain::signal::{InstanceReading, Reading, Source, SourceFailure};
use sternway_domain::time::Timestamp;
use sternway_server::auth::NewToken;
use sternway_server::config::{Effective, SettingFlags};
use sternway_server::drivers::MemoryTraffic;
use sternway_server::engine::Adapters;
use sternway_server::http;
use sternway_server::ports::{Clock, SignalSource, TrafficDriver};
use sternway_server::serve::{Base, bind};
use sternway_server::service::Caller;
use sternway_server::store::rows::{DocumentWrite, PersonRow, Unit};
use sternway_server::system::{SystemClock, SystemRng};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Two thousand requests a second to each service, split by the weight that the driver really has.
pub(super) struct World {
    traffic: MemoryTraffic,
    /// As each of two sources has counted.
    counters: [Mutex<(Timestamp, [f64; 4])>; 2],
    /// Canary errors per 10,000 requests.
    pub(super) errors: AtomicU32,
    /// The same as the second source has it.
    pub(super) second_errors: AtomicU32,
    /// The second source does not answer.
    pub(super) second_down: AtomicBool,
}

struct WorldSource(Arc<World>, sternway_domain::id::ServiceName, Source);

#[async_trait]
impl SignalSource for WorldSource {
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure> {
        let share = self.0.traffic.canary(&self.1).ratio();
        let (errors, counters) = match self.2 {
            Source::First => (&self.0.errors, &self.0.counters[0]),
            Source::Second => (&self.0.second_errors, &self.0.counters[1]),
        };
        if self.2 == Source::Second && self.0.second_down.load(Ordering::Relaxed) {
            return Err(SourceFailure::Down { source_name: "Prometheus".into(), detail: "refused".into() });
        }
        let rate = f64::from(errors.load(Ordering::Relaxed)) / 10_000.0;
        let mut counters = counters.lock().unwrap();
        let (at, values) = &mut *counters;
        let requests = now.since(*at).secs_f64() * 2_000.0;
        *at = now;
        values[0] += requests * (1.0 - share);
        values[1] += requests * (1.0 - share) * 0.001;
        values[2] += requests * share;
        values[3] += requests * share * rate;
        let instance = |name: &str, requests: f64, errors: f64| InstanceReading {
            instance: name.into(),
            at: now,
            requests: Some(requests),
            errors: Some(errors),
            ..InstanceReading::default()
        };
        let baseline = ["b1", "b2"].map(|name| instance(name, values[0] / 2.0, values[1] / 2.0));
        let canary = vec![instance("c1", values[2], values[3])];
        Ok(Reading { at: now, baseline: baseline.into(), canary, warnings: vec![] })
    }
}

struct WorldAdapters(Arc<World>);

impl Adapters for WorldAdapters {
    fn source(&self, service: &Document, which: Source) -> Result<Arc<dyn SignalSource>, String> {
        Ok(Arc::new(WorldSource(self.0.clone(), service.name.clone(), which)))
    }

    fn driver(&self, service: &Document) -> Result<Arc<dyn TrafficDriver>, String> {
        Ok(Arc::new(self.0.traffic.driver(service.name.clone())))
    }
}

pub(super) struct Rig {
    pub(super) base: Base,
    pub(super) world: Arc<World>,
    pub(super) address: SocketAddr,
    pub(super) dir: tempfile::TempDir,
    running: Option<JoinHandle<()>>,
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    /// Standard output as JSON; panics if it is none.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(super) fn done(self) -> Ran {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub(super) fn failed(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Every one of these stands in standard output.
    #[track_caller]
    pub(super) fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.out.contains(part), "{part:?} is not in {}", self.out);
        }
    }

    /// Every one of these stands in standard error.
    #[track_caller]
    pub(super) fn complains(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {}", self.err);
        }
    }
}

impl Rig {
    pub(super) async fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let world = Arc::new(World {
            traffic: MemoryTraffic::default(),
            counters: [(); 2].map(|()| Mutex::new((SystemClock.now(), [1e6, 1e2, 1e3, 1.0]))),
            errors: AtomicU32::new(10),
            second_errors: AtomicU32::new(10),
            second_down: AtomicBool::new(false),
        });
        let base = lay(&dir).await;
        let (listener, address) = bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let mut rig = Rig { base, world, address, dir, running: None };
        rig.serve(listener);
        for mode in ["automatic", "manual"] {
            rig.document("Plan", &format!("quick-{mode}"), &plan(mode)).await;
        }
        for service in ["checkout", "search"] {
            let body = format!(r#"{{"name":"{service}","traffic":"memory","signals":"memory"}}"#);
            rig.document("Service", service, &body).await;
        }
        rig
    }

    fn serve(&mut self, listener: tokio::net::TcpListener) {
        let base = self.base.clone();
        let engine = base.engine(Arc::new(WorldAdapters(self.world.clone())));
        self.running = Some(tokio::spawn(async move {
            let router = http::router(base.http(base.pages(Vec::new())));
            base.run(listener, router, vec![engine]).await.unwrap();
        }));
    }

    /// The server ends; nobody answers until [`Rig::start`].
    pub(super) async fn stop(&mut self) {
        self.base.shutdown.cancel();
        self.running.take().unwrap().await.unwrap();
    }

    /// Another process on the same database and port.
    pub(super) async fn start(&mut self) {
        self.base = lay(&self.dir).await;
        let (listener, _) = bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub(super) async fn document(&self, kind: &str, name: &str, body: &str) {
        let document = DocumentWrite {
            kind: kind.into(),
            name: name.into(),
            digest: Digest::of(body.as_bytes()),
            body: body.into(),
            source: body.into(),
            at: SystemClock.now(),
        };
        static APPLIED: AtomicU32 = AtomicU32::new(1_000_000);
        let n = APPLIED.fetch_add(1, Ordering::Relaxed);
        let decision = Some(applying(n.into(), &document));
        let unit = Unit { documents: vec![document], decision, ..Unit::default() };
        self.base.service.store.commit(unit).await.unwrap();
    }

    /// Puts other evidence under a digest, past the store, as somebody could who may change the schema.
    pub(super) async fn forge(&self, digest: &Digest, body: &str) {
        let mut link = sqlx::SqliteConnection::connect(&database(&self.dir)).await.unwrap();
        sqlx::raw_sql("DROP TRIGGER IF EXISTS evidence_no_update").execute(&mut link).await.unwrap();
        let changed = sqlx::query("UPDATE evidence SET body = $1 WHERE digest = $2")
            .bind(body)
            .bind(digest.as_str())
            .execute(&mut link)
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }

    /// A token for a new person with this role.
    pub(super) async fn token(&self, role: Role) -> String {
        let id = PersonId(Uuid::from_u128(u128::from(u32::try_from(role as usize).unwrap()) + 1));
        let name = format!("Maya {}", role.label());
        let person = PersonRow {
            id,
            login: format!("{}@example.org", role.as_str()),
            name: name.clone(),
            role: role.as_str().into(),
            password_hash: "none".into(),
            created_at: SystemClock.now(),
            disabled_at: None,
        };
        self.base.service.store.commit(Unit { people: vec![person], ..Unit::default() }).await.unwrap();
        let caller = Caller { actor: Actor::Person { id, name, role }, origin: Origin::default() };
        let new = NewToken { name: "test".into(), role: None, expires_in_days: None };
        self.base.auth.create_token(&caller, new, "token").await.unwrap().secret.unwrap()
    }

    /// The command with a token, against this server.
    pub(super) fn command(&self, token: &str, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command.env("STERNWAY_URL", format!("http://{}", self.address)).env("STERNWAY_TOKEN", token);
        command
    }

    pub(super) async fn run(&self, token: &str, arguments: &[&str]) -> Ran {
        finish(self.command(token, arguments)).await
    }

    /// A new release of this service; its id.
    pub(super) async fn created(&self, token: &str, service: &str, plan: &str) -> String {
        let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
        let arguments = [
            "release",
            "create",
            "--json",
            "--service",
            service,
            "--candidate",
            &candidate,
            "--baseline",
            &baseline,
            "--plan",
            plan,
            "--reason",
            "faster search",
        ];
        let made = self.run(token, &arguments).await.done().json();
        made["release"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the router has confirmed what was asked of it, so that the next act sees a release at rest.
    pub(super) async fn confirmed(&self, id: &str) {
        let mut changes = self.base.service.bus.subscribe();
        let id = id.parse().unwrap();
        while !self.base.service.load(id).await.unwrap().confirmed() {
            tokio::time::timeout(Duration::from_secs(30), changes.recv()).await.expect("a change").unwrap();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.base.shutdown.cancel();
    }
}

fn database(dir: &tempfile::TempDir) -> String {
    format!("sqlite:{}", dir.path().join("cli.db").display())
}

async fn lay(dir: &tempfile::TempDir) -> Base {
    let database = database(dir);
    let flags = SettingFlags::default().set("engine-poll", "200ms").set("engine-lease", "2s");
    let env = |name: &str| (name == "DATABASE_URL").then(|| database.clone());
    let config = Effective::collect(None, env, &flags).unwrap().config().unwrap();
    Base::lay(config, Arc::new(SystemClock), Arc::new(SystemRng)).await.unwrap()
}

fn plan(mode: &str) -> String {
    let plan = serde_json::json!({
        "name": format!("quick-{mode}"), "mode": mode, "interval": "500ms", "window": "10s", "max_age": "5s",
        "min_data": {"requests": 100, "time": "500ms"}, "on_deadline": {"after": "5s", "then": "hold"},
        "stages": [{"weight": 5, "bake": "2s"}, {"weight": 25, "bake": "1s"}, {"weight": 100, "bake": "1s"}],
        "guards": [{"metric": "errors", "tolerance": {"ratio": 2.0, "plus": 0.05}}],
        "judge": {"patience": "0s"},
    });
    let plan: sternway_domain::plan::Plan = serde_json::from_value(plan).unwrap();
    serde_json::to_string(&plan).unwrap()
}

/// `1.42.0@sha256:…`.
pub(super) fn build(version: &str) -> String {
    format!("{version}@{}", Digest::of(version.as_bytes()))
}

/// Who may take texts out and place holds, past the commands.
pub(super) fn admin() -> Caller {
    let actor = Actor::Person { id: PersonId(Uuid::from_u128(77)), name: "Ada Min".into(), role: Role::Admin };
    Caller { actor, origin: Origin { transport: "api".into(), ..Origin::default() } }
}

/// The binary without any settings of whoever runs the tests.
pub(super) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sternway"));
    for name in ["STERNWAY_URL", "STERNWAY_TOKEN", "STERNWAY_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(super) async fn finish(mut command: Command) -> Ran {
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("ends").unwrap();
    ran(output)
}

/// With something on standard input.
pub(super) async fn fed(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    ran(tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await.expect("ends").unwrap())
}

fn ran(output: std::process::Output) -> Ran {
    Ran {
        code: output.status.code().expect("no signal ends it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
