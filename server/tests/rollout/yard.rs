//! The other side of the webhook driver and of scraping: moves the traffic of many services as it is told, counts what
//! their instances would have served, and writes every order down.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Requests per second of each service.
const PACE: f64 = 2_000.0;

/// Ends when dropped.
pub(super) struct Yard {
    url: String,
    sites: Sites,
    task: JoinHandle<()>,
    dir: TempDir,
}

type Sites = Arc<Mutex<HashMap<String, Site>>>;

/// One order as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) key: String,
    pub(super) token: i64,
    pub(super) canary: u8,
    pub(super) arrived: Instant,
}

/// One service.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Orders that moved traffic, each key once.
    pub(super) applied: Vec<Order>,
    /// Repeats of an order that had moved traffic already: taken, without effect.
    pub(super) repeated: Vec<Order>,
    /// Orders that were refused: an old token, or a key with another weight than before.
    pub(super) refused: Vec<Order>,
    at: Instant,
    baseline: f64,
    canary: f64,
    /// Instances of the baseline that are ready, where it says so.
    ready: Option<u32>,
    /// How many it has in all, where it says so.
    total: Option<u32>,
    /// The part of requests that the candidate fails.
    fails: f64,
    /// Orders are taken, and nothing follows from them.
    deaf: bool,
}

impl Site {
    fn new() -> Self {
        Self {
            applied: Vec::new(),
            repeated: Vec::new(),
            refused: Vec::new(),
            at: Instant::now(),
            baseline: 1e6,
            canary: 1e3,
            ready: None,
            total: None,
            fails: 0.001,
            deaf: false,
        }
    }

    fn share(&self) -> u8 {
        self.applied.last().map_or(0, |order| order.canary)
    }

    /// Requests have gone on arriving.
    fn advance(&mut self) {
        let now = Instant::now();
        let requests = now.duration_since(self.at).as_secs_f64() * PACE;
        let share = f64::from(self.share()) / 100.0;
        self.canary += requests * share;
        self.baseline += requests * (1.0 - share);
        self.at = now;
    }

    fn take(&mut self, order: Order) -> StatusCode {
        self.advance();
        let newest = self.applied.iter().map(|order| order.token).max().unwrap_or(0);
        let before = self.applied.iter().find(|before| before.key == order.key);
        let same = before.is_some_and(|before| before.canary == order.canary);
        if order.token < newest || (before.is_some() && !same) {
            self.refused.push(order);
            return StatusCode::CONFLICT;
        }
        if same || self.deaf {
            self.repeated.push(order)
        } else {
            self.applied.push(order)
        }
        StatusCode::NO_CONTENT
    }
}

impl Yard {
    pub(super) async fn start() -> Yard {
        let sites = Sites::default();
        let routes = Router::new()
            .route("/{service}/traffic", get(observe).post(shift))
            .route("/{service}/{arm}/metrics", get(metrics))
            .with_state(sites.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the yard stays open") });
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("the folder is ours");
        Yard { url, sites, task, dir }
    }

    /// A service of this yard, as a document.
    pub(super) fn document(&self, service: &str) -> Value {
        lock(&self.sites).insert(service.to_owned(), Site::new());
        let at = format!("{}/{service}", self.url);
        json!({
            "name": service,
            "traffic": {"webhook": {
                "url": format!("{at}/traffic"), "observe_url": format!("{at}/traffic"), "timeout": "5s",
                "secret": {"file": self.dir.path().join("secret")},
            }},
            "signals": {"scrape": {
                "baseline": [format!("{at}/baseline/metrics")], "canary": [format!("{at}/canary/metrics")],
                "preset": "http_requests_total", "timeout": "5s",
            }},
        })
    }

    pub(super) fn site(&self, service: &str) -> Site {
        lock(&self.sites)[service].clone()
    }

    /// Says from now on how many instances of the baseline are ready.
    pub(super) fn ready(&self, service: &str, instances: u32) {
        lock(&self.sites).get_mut(service).expect("the service is here").ready = Some(instances);
    }

    /// Says from now on how many instances the baseline has in all.
    pub(super) fn total(&self, service: &str, instances: u32) {
        lock(&self.sites).get_mut(service).expect("the service is here").total = Some(instances);
    }

    /// The candidate fails this part of its requests.
    pub(super) fn fail(&self, service: &str, part: f64) {
        lock(&self.sites).get_mut(service).expect("the service is here").fails = part;
    }

    /// Says from now on that it does what it is told, and does not; or no longer.
    pub(super) fn deaf(&self, service: &str, deaf: bool) {
        lock(&self.sites).get_mut(service).expect("the service is here").deaf = deaf;
    }

    /// Weights in the order in which they were brought about.
    pub(super) fn weights(&self, service: &str) -> Vec<u8> {
        self.site(service).applied.iter().map(|order| order.canary).collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A plan that is through in a few seconds.
pub(super) fn plan(mode: &str) -> Value {
    json!({
        "name": "quick", "mode": mode, "interval": "500ms", "window": "10s", "max_age": "10s",
        "min_data": {"requests": 100, "time": "500ms"},
        "stages": [{"weight": 5, "bake": "1s"}, {"weight": 25, "bake": "2s"}, {"weight": 100, "bake": "1s"}],
        "guards": [{"metric": "errors", "tolerance": {"ratio": 2.0, "plus": 0.05}}],
        "judge": {"patience": "0s"},
    })
}

fn lock(sites: &Sites) -> MutexGuard<'_, HashMap<String, Site>> {
    sites.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn shift(State(sites): State<Sites>, Path(service): Path<String>, Json(body): Json<Value>) -> StatusCode {
    let data = &body["data"];
    let read = || {
        let canary = u8::try_from(data["canary"].as_u64()?).ok()?;
        let (key, token) = (data["idempotency_key"].as_str()?.to_owned(), data["fencing_token"].as_i64()?);
        Some(Order { key, token, canary, arrived: Instant::now() })
    };
    match (read(), lock(&sites).get_mut(&service)) {
        (Some(order), Some(site)) => site.take(order),
        _ => StatusCode::BAD_REQUEST,
    }
}

async fn observe(State(sites): State<Sites>, Path(service): Path<String>) -> Response {
    match lock(&sites).get(&service) {
        Some(site) => {
            let (ready, total) = (site.ready, site.total);
            Json(json!({"canary": site.share(), "baseline_ready": ready, "baseline_total": total})).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn metrics(State(sites): State<Sites>, Path((service, arm)): Path<(String, String)>) -> Response {
    let mut sites = lock(&sites);
    let Some(site) = sites.get_mut(&service) else { return StatusCode::NOT_FOUND.into_response() };
    site.advance();
    let (count, fails) = if arm == "canary" { (site.canary, site.fails) } else { (site.baseline, 0.001) };
    let (good, failed) = ((count * (1.0 - fails)).floor(), (count * fails).floor());
    format!("http_requests_total{{code=\"200\"}} {good}\nhttp_requests_total{{code=\"500\"}} {failed}\n")
        .into_response()
}
