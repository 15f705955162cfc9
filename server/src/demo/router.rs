//! A weighted reverse proxy in front of one service: the demo's own load balancer, and the driver that steers it.
//!
//! Each request goes to an arm by chance with the weight that was set, then to that arm's ready instances in turn.
//! Deliberately absent: retries, and sticky sessions.

use super::chance::Chance;
use super::net::Tasks;
use crate::ports::{DriverFailure, Intent, Observation, TrafficDriver};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::signal::Arm;
use sternway_domain::time::Timestamp;

const CHECK_EVERY: Duration = Duration::from_secs(1);
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
/// After so many checks without an answer in time an instance takes no requests.
const MISSES: u32 = 3;
/// The largest request body that is passed on, bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The router of one service.
#[derive(Debug)]
pub struct DemoRouter {
    service: ServiceName,
    addr: SocketAddr,
    baseline: Side,
    canary: Side,
    asked: Mutex<Asked>,
    chance: Chance,
    client: reqwest::Client,
}

/// The instances of one arm, and what was sent to them.
#[derive(Debug)]
struct Side {
    backends: Vec<Backend>,
    turn: AtomicUsize,
    routed: AtomicU64,
    open: AtomicUsize,
}

#[derive(Debug)]
struct Backend {
    address: String,
    /// Checks in a row that it did not answer in time.
    missed: AtomicU32,
}

impl Backend {
    fn ready(&self) -> bool {
        self.missed.load(Ordering::Relaxed) < MISSES
    }

    fn answered(&self) {
        self.missed.store(0, Ordering::Relaxed);
    }

    /// A machine that has much to do is no instance that is gone: only several in a row count.
    fn late(&self) {
        let missed = self.missed.load(Ordering::Relaxed).saturating_add(1);
        self.missed.store(missed, Ordering::Relaxed);
    }

    /// It says no, or nobody is there.
    fn gone(&self) {
        self.missed.store(MISSES, Ordering::Relaxed);
    }
}

/// What the driver was last told.
#[derive(Debug)]
struct Asked {
    canary: Weight,
    /// The largest fencing token seen.
    token: i64,
    /// The last idempotency key, with its weight.
    last: Option<(String, Weight)>,
}

/// Requests passed on since the world started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routed {
    pub baseline: u64,
    pub canary: u64,
}

impl DemoRouter {
    pub(super) fn new(
        service: ServiceName,
        addr: SocketAddr,
        [baseline, canary]: [Vec<SocketAddr>; 2],
        chance: Chance,
        client: reqwest::Client,
    ) -> Arc<Self> {
        let asked = Mutex::new(Asked { canary: Weight::ZERO, token: i64::MIN, last: None });
        Arc::new(Self {
            service,
            addr,
            baseline: Side::new(&baseline),
            canary: Side::new(&canary),
            asked,
            chance,
            client,
        })
    }

    pub(super) fn app(self: Arc<Self>) -> Router {
        Router::new().fallback(pass_on).with_state(self)
    }

    /// Looks after readiness until the world stops.
    pub(super) fn watch(self: Arc<Self>, tasks: &Tasks) {
        tasks.spawn(async move {
            loop {
                self.check().await;
                tokio::time::sleep(CHECK_EVERY).await;
            }
        });
    }

    /// Asks each instance whether it can take requests.
    pub(super) async fn check(&self) {
        let backends = self.baseline.backends.iter().chain(&self.canary.backends);
        futures::future::join_all(backends.map(|backend| async {
            let answer = self.client.get(format!("{}/healthz", backend.address)).timeout(CHECK_TIMEOUT).send().await;
            match answer {
                Ok(response) if response.status().is_success() => backend.answered(),
                Err(error) if error.is_timeout() => backend.late(),
                Ok(_) | Err(_) => backend.gone(),
            }
        }))
        .await;
    }

    /// What was really passed on to each arm.
    pub fn routed(&self) -> Routed {
        Routed {
            baseline: self.baseline.routed.load(Ordering::Relaxed),
            canary: self.canary.routed.load(Ordering::Relaxed),
        }
    }

    /// The share asked for last.
    pub(super) fn weight(&self) -> Weight {
        self.lock().canary
    }

    /// Starts over for another deployment: no canary traffic, and fencing begins anew, since each release counts its
    /// own tokens.
    pub(super) fn reset(&self) {
        *self.lock() = Asked { canary: Weight::ZERO, token: i64::MIN, last: None };
    }

    /// Forgets the tokens of the release before; traffic stays as it is.
    pub(super) fn forget_tokens(&self) {
        let mut asked = self.lock();
        asked.token = i64::MIN;
        asked.last = None;
    }

    /// Waits until no request is open at the canary, at most for two seconds.
    pub(super) async fn drain_canary(&self) {
        for _ in 0..200 {
            if self.canary.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn side(&self, arm: Arm) -> &Side {
        match arm {
            Arm::Baseline => &self.baseline,
            Arm::Canary => &self.canary,
        }
    }

    /// By chance and weight; the other arm when this one has nobody ready.
    fn pick(&self) -> Option<(&Side, &Backend)> {
        let weight = self.weight();
        let [first, second] = if self.chance.happens(weight.ratio()) {
            [Arm::Canary, Arm::Baseline]
        } else {
            [Arm::Baseline, Arm::Canary]
        };
        [first, second].into_iter().map(|arm| self.side(arm)).find_map(|side| Some((side, side.next()?)))
    }

    /// The share that the canary gets now: what was asked, unless one arm has nobody ready.
    fn share(&self) -> Weight {
        match (self.baseline.ready(), self.canary.ready()) {
            (1.., 0) => Weight::ZERO,
            (0, 1..) => Weight::FULL,
            _ => self.weight(),
        }
    }

    fn name(&self) -> String {
        format!("demo router {}, service {}", self.addr, self.service)
    }

    fn refused(&self, detail: String) -> DriverFailure {
        DriverFailure::Refused { target_name: self.name(), detail }
    }
}

#[async_trait]
impl TrafficDriver for DemoRouter {
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure> {
        if intent.service != self.service {
            return Err(self.refused(format!("it stands in front of `{}`, not `{}`", self.service, intent.service)));
        }
        let mut asked = self.lock();
        if intent.token < asked.token {
            let detail = format!("token {} is older than {}: another engine has taken over", intent.token, asked.token);
            return Err(self.refused(detail));
        }
        if let Some((key, weight)) = &asked.last
            && *key == intent.key
            && *weight != intent.canary
        {
            let (was, is) = (weight.percent(), intent.canary.percent());
            return Err(self.refused(format!("key `{key}` was used for {was}\u{a0}% before, now for {is}\u{a0}%")));
        }
        *asked = Asked { canary: intent.canary, token: intent.token, last: Some((intent.key.clone(), intent.canary)) };
        Ok(())
    }

    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure> {
        Ok(Observation {
            canary: self.share(),
            at: now,
            baseline_ready: Some(self.baseline.ready()),
            canary_ready: Some(self.canary.ready()),
            baseline_total: None,
            canary_total: None,
            canary_in_flight: None,
            from: self.name(),
        })
    }

    fn fenced(&self) -> bool {
        true
    }
}

impl Side {
    fn new(addrs: &[SocketAddr]) -> Self {
        let backend = |addr: &SocketAddr| Backend { address: format!("http://{addr}"), missed: AtomicU32::new(MISSES) };
        Self {
            backends: addrs.iter().map(backend).collect(),
            turn: AtomicUsize::new(0),
            routed: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        }
    }

    fn ready(&self) -> u32 {
        self.backends.iter().map(|backend| u32::from(backend.ready())).sum()
    }

    /// The next ready instance in turn.
    fn next(&self) -> Option<&Backend> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.backends.len();
        (0..count).map(|step| &self.backends[turn.wrapping_add(step) % count]).find(|backend| backend.ready())
    }
}

/// Counts an open request for as long as it lives, however it ends.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn pass_on(State(router): State<Arc<DemoRouter>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB\n").into_response();
    };
    let Some((side, backend)) = router.pick() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "no instance is ready\n").into_response();
    };
    let _open = Open::new(&side.open);
    side.routed.fetch_add(1, Ordering::Relaxed);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut onward = router.client.request(head.method, format!("{}{path}", backend.address));
    if !body.is_empty() {
        onward = onward.body(body);
    }
    match onward.send().await {
        Ok(answer) => hand_back(answer).await,
        Err(error) if error.is_timeout() => {
            (StatusCode::GATEWAY_TIMEOUT, "the instance did not answer in time\n").into_response()
        }
        Err(error) => {
            if error.is_connect() {
                backend.gone();
            }
            (StatusCode::BAD_GATEWAY, "the instance cannot be reached\n").into_response()
        }
    }
}

async fn hand_back(answer: reqwest::Response) -> Response {
    let mut response = Response::builder().status(answer.status());
    // The body is sent whole, so what described its transfer is left behind.
    for (name, value) in answer.headers() {
        if name == "content-type" || name.as_str().starts_with("x-demo-") {
            response = response.header(name, value);
        }
    }
    let Ok(body) = answer.bytes().await else {
        return (StatusCode::BAD_GATEWAY, "the instance broke off its answer\n").into_response();
    };
    response.body(Body::from(body)).unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}
