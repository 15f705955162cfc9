//! Five services that need each other, each behind a backend of a real HAProxy with clients in front, and a program that
//! deploys them and counts what it really did.

use super::support::{Desk, build, maya};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use sternway_domain::id::ReleaseId;
use sternway_domain::saga::Event;
use sternway_peers::{Backend, HaproxyProcess, Instance, Load, Server};
use sternway_server::service::{NewComponent, NewRelease, SagaLog, Wanted};
use tokio::task::JoinHandle;

/// In order of need: what stands later needs what stands before.
pub(super) const SERVICES: [&str; 5] = ["storage", "cache", "auth", "cart", "shop"];
const NEEDS: [(&str, &[&str]); 5] = [
    ("storage", &[]),
    ("cache", &[]),
    ("auth", &["cache"]),
    ("cart", &["storage", "cache"]),
    ("shop", &["auth", "cart"]),
];

pub(super) struct Fleet {
    pub(super) desk: Desk,
    pub(super) depot: Depot,
    pub(super) haproxy: HaproxyProcess,
    _instances: Vec<Instance>,
    _loads: Vec<Load>,
}

/// What deploys. Ends when dropped.
pub(super) struct Depot {
    url: String,
    secret: PathBuf,
    books: Books,
    task: JoinHandle<()>,
}

type Books = Arc<Mutex<Book>>;

#[derive(Default)]
struct Book {
    /// Keys that were carried out, and what for: `cart 1.41.3`.
    done: HashMap<String, String>,
    /// Keys that came again for something else.
    clashes: Vec<String>,
    /// What was done, in order: `cart 1.41.3`.
    order: Vec<String>,
    broken: Vec<String>,
    /// How long each deployment takes.
    takes: Duration,
    newest: u64,
    /// Everything that came, in order.
    came: Vec<Came>,
}

/// An order or a question as it came.
#[derive(Debug, Clone)]
pub(super) struct Came {
    pub(super) at: Instant,
    pub(super) token: u64,
    /// Its token was older than another one before: nothing was done.
    pub(super) refused: bool,
}

impl Depot {
    async fn open(dir: &Path) -> Self {
        let books = Books::default();
        let router = Router::new().route("/deploy", post(deploy)).with_state(books.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/deploy", listener.local_addr().expect("bound"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        let secret = dir.join("depot.secret");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("the folder is writable");
        Self { url, secret, books, task }
    }

    /// Orders for this service fail until it is mended.
    pub(super) fn break_down(&self, service: &str) {
        self.book().broken.push(service.to_owned());
    }

    pub(super) fn mend(&self) {
        self.book().broken.clear();
    }

    /// From now on each deployment takes so long.
    pub(super) fn slow_down(&self, takes: Duration) {
        self.book().takes = takes;
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.book().came.clone()
    }

    /// Keys that came for two different effects.
    pub(super) fn clashes(&self) -> Vec<String> {
        self.book().clashes.clone()
    }

    /// `cart 1.41.3`, in the order in which it was done.
    pub(super) fn deployed(&self) -> Vec<String> {
        self.book().order.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn deploy(State(books): State<Books>, Json(told): Json<Value>) -> Json<Value> {
    let data = &told["data"];
    let (takes, refused) = {
        let mut book = books.lock().unwrap_or_else(PoisonError::into_inner);
        let token = data["token"].as_u64().unwrap_or_default();
        let refused = token < book.newest;
        book.newest = book.newest.max(token);
        book.came.push(Came { at: Instant::now(), token, refused });
        (book.takes, refused)
    };
    if refused {
        return Json(json!({"status": "refused", "output": "an older token"}));
    }
    if data["ask"].is_null() {
        // Half before it is done, half after: an answer can be lost on either side.
        tokio::time::sleep(takes / 2).await;
    }
    let answer = carry_out(&books, data);
    if data["ask"].is_null() {
        tokio::time::sleep(takes / 2).await;
    }
    Json(answer)
}

fn carry_out(books: &Books, data: &Value) -> Value {
    let mut book = books.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = data["ask"].as_str() {
        let status = if book.done.contains_key(key) { "done" } else { "never" };
        return json!({"status": status, "output": "as asked"});
    }
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let (service, version, key) = (text("service"), text("version"), text("key"));
    if book.broken.contains(&service) {
        return json!({"status": "failed", "output": "the volume is read-only", "again": false});
    }
    let what = format!("{service} {version}");
    match book.done.get(&key) {
        Some(before) if *before == what => {}
        Some(before) => {
            let clash = format!("{key}: {before}, then {what}");
            book.clashes.push(clash);
        }
        None => {
            book.order.push(what.clone());
            book.done.insert(key, what.clone());
        }
    }
    json!({"status": "done", "output": format!("{what} runs")})
}

impl Fleet {
    pub(super) async fn start(seed: u64) -> Fleet {
        Self::over(seed, Desk::new().await).await
    }

    pub(super) async fn over(seed: u64, desk: Desk) -> Fleet {
        println!("seed {seed}");
        let (mut instances, mut backends) = (Vec::new(), Vec::new());
        for (i, service) in (0u64..).zip(SERVICES) {
            let stable = Instance::start(&format!("{service}-stable"), seed + 2 * i).await;
            let canary = Instance::start(&format!("{service}-canary"), seed + 2 * i + 1).await;
            let servers = vec![
                Server::new(stable.name(), stable.address(), 100),
                Server::new(canary.name(), canary.address(), 0),
            ];
            backends.push(Backend::new(service, servers));
            instances.extend([stable, canary]);
        }
        let haproxy = HaproxyProcess::start(&backends).await;
        let loads = backends.iter().map(|backend| Load::start(backend.port, 20, 20_000)).collect();
        let depot = Depot::open(desk.dir()).await;
        for ((service, needs), pair) in NEEDS.into_iter().zip(instances.chunks(2)) {
            desk.apply(plan(), document(service, needs, &haproxy, &depot, &pair[0], &pair[1])).await;
        }
        Fleet { desk, depot, haproxy, _instances: instances, _loads: loads }
    }

    /// Everything on its way, with half of the traffic on the candidates.
    pub(super) async fn started(&self) -> ReleaseId {
        self.started_with(vec![]).await
    }

    /// The same with data migrations.
    pub(super) async fn started_with(&self, migrations: Vec<String>) -> ReleaseId {
        let id = self.created(migrations).await;
        self.desk.act(id, Wanted::Start { override_checklist: false, deployed: true }).await.expect("started");
        self.desk
            .until("all candidates take traffic", async || self.desk.release(id).await.confirmed().then_some(()))
            .await;
        id
    }

    /// Ready to be started.
    pub(super) async fn created(&self, migrations: Vec<String>) -> ReleaseId {
        let component = |service: &&str| NewComponent {
            service: (*service).to_owned(),
            candidate: build("1.42.0"),
            baseline: Some(build("1.41.3")),
        };
        let new = NewRelease {
            service: "shop".to_owned(),
            candidate: build("1.42.0"),
            baseline: Some(build("1.41.3")),
            migrations,
            components: SERVICES[..4].iter().map(component).collect(),
            plan: "halves".to_owned(),
            checklist: None,
            override_known_bad: false,
            reason: "a new shop".to_owned(),
        };
        let created = self.desk.service.create(&maya(), new, "create the fleet").await.expect("created");
        created.release.id.parse().expect("an id")
    }

    /// Weight of the candidate of each service, as HAProxy has it.
    pub(super) async fn candidates(&self) -> Vec<u16> {
        let mut weights = Vec::new();
        for service in SERVICES {
            weights.push(self.haproxy.weight(service, &format!("{service}-canary")).await);
        }
        weights
    }

    /// Who carries the saga on, and under which token.
    pub(super) fn holder(log: &SagaLog) -> Option<(String, u64)> {
        log.events.iter().rev().find_map(|event| match event {
            Event::Taken { token, holder, .. } => Some((holder.clone(), *token)),
            _ => None,
        })
    }

    pub(super) async fn saga(&self, id: ReleaseId) -> Option<SagaLog> {
        self.desk.service.newest_saga(&maya(), id).await.expect("the database answers")
    }
}

fn plan() -> Value {
    json!({
        "name": "halves", "mode": "manual", "interval": "1s", "stages": [{"weight": 50, "bake": "1h"}, {"weight": 100, "bake": "1h"}],
        "guards": [{"metric": "errors"}],
    })
}

fn document(
    service: &str,
    needs: &[&str],
    haproxy: &HaproxyProcess,
    depot: &Depot,
    stable: &Instance,
    canary: &Instance,
) -> Value {
    let metrics = |instance: &Instance| format!("http://{}/metrics", instance.address());
    json!({
        "name": service, "depends_on": needs,
        "traffic": {"haproxy": {
            "address": format!("unix:{}", haproxy.socket().display()), "backend": service,
            "baseline": [stable.name()], "canary": [canary.name()],
        }},
        "signals": {"scrape": {
            "preset": "http_requests_total","baseline": [metrics(stable)], "canary": [metrics(canary)]}},
        "deploy": {"webhook": {"url": depot.url, "secret": {"file": depot.secret}}},
        "rollback": {
            "drain": "2s",
            "probes": [{"name": "answers", "ask": {"http": {"url": metrics(stable)}}}],
            "recovery": {"steady": "2s", "max_age": "10s"},
        },
    })
}
