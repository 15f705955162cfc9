//! One running copy of a service: an HTTP server that works, calls what it needs, and counts.

use super::catalogue::{Call, Calls, Outcome, Spec};
use super::chance::Chance;
use super::fault::{ActiveFault, Behaviour, Strain, strain};
use super::metrics::{CONTENT_TYPE, Metrics};
use super::pool::Pool;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use sternway_domain::artifact::Version;
use sternway_domain::signal::Arm;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Which arm answered, on every answer of the demo.
pub(super) const ARM_HEADER: HeaderName = HeaderName::from_static("x-demo-arm");
/// Which version answered.
pub(super) const VERSION_HEADER: HeaderName = HeaderName::from_static("x-demo-version");

/// How far request times spread around their median.
const WORK_SIGMA: f64 = 0.25;
const ADDED_SIGMA: f64 = 0.3;

/// A version put on the instances of an arm.
#[derive(Debug)]
pub(super) struct Deployment {
    pub version: Version,
    pub behaviour: Behaviour,
    first_request: OnceLock<Instant>,
}

impl Deployment {
    pub(super) fn new(version: Version, behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self { version, behaviour, first_request: OnceLock::new() })
    }

    fn served(&self) -> Option<f64> {
        self.first_request.get().map(|first| first.elapsed().as_secs_f64())
    }
}

/// What the instances of one arm share.
#[derive(Debug, Default)]
pub(super) struct ArmState {
    pub faults: RwLock<Vec<ActiveFault>>,
    /// What is new in the build is left out: its flag is off.
    pub without_new_code: AtomicBool,
}

impl ArmState {
    fn strain(&self, deployment: &Deployment) -> Strain {
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        let out = self.without_new_code.load(Ordering::Relaxed);
        let behaviour = if out { Behaviour::Healthy } else { deployment.behaviour };
        strain(behaviour, deployment.served(), faults.iter().map(|active| active.fault))
    }
}

/// A place where versions run: it keeps its address when the version changes.
#[derive(Debug)]
pub(super) struct Instance {
    pub spec: &'static Spec,
    pub arm: Arm,
    pub state: Arc<ArmState>,
    /// Base addresses of the routers, by service.
    pub upstream: Arc<BTreeMap<&'static str, String>>,
    pub client: reqwest::Client,
    pub chance: Chance,
    pub stop: CancellationToken,
    pub running: RwLock<Option<Arc<Process>>>,
}

/// From one deployment to the next: its counters and slots start afresh.
#[derive(Debug)]
pub(super) struct Process {
    deployment: Arc<Deployment>,
    metrics: Metrics,
    pool: Pool,
}

impl Instance {
    /// Replaces what runs here. Requests in flight end where they began.
    pub(super) fn run(&self, deployment: Option<Arc<Deployment>>) {
        let process = deployment.map(|deployment| {
            let pool = Pool::new(self.spec.slots, self.spec.background);
            Arc::new(Process { deployment, metrics: Metrics::new(self.spec), pool })
        });
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = process;
        self.tick(0.0);
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets `elapsed` seconds pass for leaks and background jobs, and publishes the saturation.
    pub(super) fn tick(&self, elapsed: f64) {
        if let Some(process) = self.process() {
            let leak = self.state.strain(&process.deployment).leak_per_second;
            process.metrics.saturate(process.pool.tick(elapsed, leak, &self.chance));
        }
    }

    pub(super) fn app(self: Arc<Self>) -> Router {
        Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).fallback(answer).with_state(self)
    }

    async fn work(&self, process: &Process) -> Outcome {
        let strain = self.state.strain(&process.deployment);
        let Some(_slot) = process.pool.slot().await else { return Outcome::Full };
        let own = self.chance.lognormal(self.spec.work_ms * strain.slowdown, WORK_SIGMA);
        let added = self.chance.lognormal(strain.added_ms, ADDED_SIGMA);
        let (fails, refuses) = (self.chance.happens(strain.errors), self.chance.happens(self.spec.refused));
        tokio::time::sleep(own + added).await;
        if fails {
            return Outcome::Failed;
        }
        for call in self.calls() {
            match self.call(call.service).await {
                Outcome::Served => {}
                other => return other,
            }
        }
        if refuses { self.spec.refusal } else { Outcome::Served }
    }

    /// The calls this request makes.
    fn calls(&self) -> Vec<Call> {
        match self.spec.calls {
            Calls::Each(calls) => calls.iter().copied().filter(|call| self.chance.happens(call.share)).collect(),
            Calls::OneOf(calls) => {
                let mut left = self.chance.unit();
                let chosen = calls.iter().copied().find(|call| {
                    left -= call.share;
                    left < 0.0
                });
                chosen.into_iter().collect()
            }
        }
    }

    /// Asks another service. A plain no is passed on as it is; anything else that is not a success is its failure.
    async fn call(&self, service: &str) -> Outcome {
        let Some(address) = self.upstream.get(service) else { return Outcome::DependencyFailed };
        let Ok(response) = self.client.get(address).send().await else { return Outcome::DependencyFailed };
        let status = response.status().as_u16();
        // Read to its end, so that the connection can be used again.
        if response.bytes().await.is_err() {
            return Outcome::DependencyFailed;
        }
        match status {
            200..300 => Outcome::Served,
            402 => Outcome::Declined,
            404 => Outcome::NotFound,
            _ => Outcome::DependencyFailed,
        }
    }
}

async fn answer(State(instance): State<Arc<Instance>>) -> Response {
    let Some(process) = instance.process() else { return nothing_runs() };
    let began = Instant::now();
    process.deployment.first_request.get_or_init(|| began);
    let work = instance.work(&process);
    let outcome = instance.stop.run_until_cancelled(work).await.unwrap_or(Outcome::Full);
    process.metrics.record(outcome, began.elapsed());
    let arm = match instance.arm {
        Arm::Baseline => "baseline",
        Arm::Canary => "canary",
    };
    let version = process.deployment.version.as_str();
    let body = serde_json::json!({"service": instance.spec.name, "version": version, "result": outcome.says()});
    let status = outcome.code().parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(ARM_HEADER, arm), (VERSION_HEADER, version)], axum::Json(body)).into_response()
}

async fn metrics(State(instance): State<Arc<Instance>>) -> Response {
    let Some(process) = instance.process() else { return nothing_runs() };
    if instance.state.strain(&process.deployment).metrics_down {
        return (StatusCode::SERVICE_UNAVAILABLE, "metrics are out (injected)\n").into_response();
    }
    match process.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE_HEADER, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be written: {error}\n")).into_response()
        }
    }
}

async fn health(State(instance): State<Arc<Instance>>) -> Response {
    if instance.process().is_some() { "ok\n".into_response() } else { nothing_runs() }
}

fn nothing_runs() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "no version is deployed here\n").into_response()
}
