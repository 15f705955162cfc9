//! A service as it runs: instances behind a real HAProxy, a real Prometheus that scrapes them, clients in front.

use super::support::{Desk, Running};
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::id::ReleaseId;
use sternway_domain::time::Span;
use sternway_peers::{
    Backend, HaproxyProcess, Instance, Load, PrometheusProcess, Server, Target, eventually, http_get,
};

pub(super) const SERVICE: &str = "checkout";
/// Requests per second of all clients together, and how many at most.
const PACE: u32 = 150;
const MOST: u32 = 20_000;

pub(super) struct Rig {
    pub(super) desk: Desk,
    pub(super) haproxy: HaproxyProcess,
    pub(super) prometheus: PrometheusProcess,
    pub(super) canary: Vec<Instance>,
    pub(super) load: Load,
    stable: Vec<Instance>,
    engine: Running,
}

impl Rig {
    /// Two baseline instances and so many of the canary; the clients are already there, Sternway is not yet asked.
    pub(super) async fn start(seed: u64, canaries: u64, mode: &str) -> Rig {
        Self::start_as(seed, canaries, plan(mode), |_, _| Value::Null).await
    }

    /// The same with another deadline of the stages.
    pub(super) async fn start_until(seed: u64, canaries: u64, mode: &str, deadline: &str) -> Rig {
        let mut plan = plan(mode);
        plan["on_deadline"]["after"] = deadline.into();
        Self::start_as(seed, canaries, plan, |_, _| Value::Null).await
    }

    /// The same, read only every six seconds.
    pub(super) async fn start_slowly(seed: u64, canaries: u64, mode: &str) -> Rig {
        let mut plan = plan(mode);
        for stage in plan["stages"].as_array_mut().into_iter().flatten() {
            stage["bake"] = "6s".into();
        }
        (plan["interval"], plan["hard_limits"][0]["for"]) = ("6s".into(), "6s".into());
        Self::start_as(seed, canaries, plan, |_, _| Value::Null).await
    }

    /// With a second source beside Prometheus: what it reads, of the instances of both versions.
    pub(super) async fn start_with(
        seed: u64,
        canaries: u64,
        mode: &str,
        second: impl FnOnce(&[Instance], &[Instance]) -> Value,
    ) -> Rig {
        Self::start_as(seed, canaries, plan(mode), second).await
    }

    async fn start_as(
        seed: u64,
        canaries: u64,
        plan: Value,
        second: impl FnOnce(&[Instance], &[Instance]) -> Value,
    ) -> Rig {
        println!("seed {seed}");
        let (mut stable, mut canary) = (Vec::new(), Vec::new());
        for i in 1..=2 {
            stable.push(Instance::start(&format!("stable-{i}"), seed + i).await);
        }
        for i in 1..=canaries {
            canary.push(Instance::start(&format!("canary-{i}"), seed + 10 + i).await);
        }
        stable.iter().chain(&canary).for_each(|instance| instance.set_failing(10));
        let server = |instance: &Instance, weight| Server::new(instance.name(), instance.address(), weight);
        let old = stable.iter().map(|instance| server(instance, 100));
        let servers = old.chain(canary.iter().map(|instance| server(instance, 0))).collect();
        let backend = Backend::new(SERVICE, servers);
        let haproxy = HaproxyProcess::start(std::slice::from_ref(&backend)).await;
        let load = Load::start(backend.port, PACE, MOST);
        let target = |instance: &Instance, track| Target::new(instance.address(), &[("track", track)]);
        let old = stable.iter().map(|instance| target(instance, "stable"));
        let targets: Vec<Target> = old.chain(canary.iter().map(|instance| target(instance, "canary"))).collect();
        let prometheus = PrometheusProcess::start_every(Duration::from_secs(1), &targets).await;
        eventually("everything has been scraped", Duration::from_secs(30), || async {
            let (_, body) = http_get(prometheus.port(), "/api/v1/query?query=count(http_requests_total)").await?;
            body.contains(&format!("\"{}\"", 2 * targets.len())).then_some(())
        })
        .await;
        let desk = Desk::new().await;
        let mut document = document(&haproxy, &prometheus, &stable, &canary);
        document["second_signals"] = second(&stable, &canary);
        desk.apply(plan, document).await;
        let engine = desk.engine("one", Span::from_secs(5));
        Rig { desk, haproxy, prometheus, canary, load, stable, engine }
    }

    pub(super) async fn started(&self) -> ReleaseId {
        self.desk.started(SERVICE, "quick").await
    }

    /// The canary's share as HAProxy's own weights say, percent.
    pub(super) async fn share(&self) -> f64 {
        let (old, new) = (self.weight(&self.stable).await, self.weight(&self.canary).await);
        100.0 * f64::from(new) / f64::from(old + new)
    }

    async fn weight(&self, arm: &[Instance]) -> u32 {
        let mut sum = 0;
        for instance in arm {
            sum += u32::from(self.haproxy.weight(SERVICE, instance.name()).await);
        }
        sum
    }

    /// Ends the engine in good order; everything else ends with the rig.
    pub(super) async fn end(self) {
        self.engine.stop().await;
    }
}

fn plan(mode: &str) -> Value {
    let stages: Vec<Value> = [5, 25, 50, 100].iter().map(|weight| json!({"weight": weight, "bake": "4s"})).collect();
    json!({
        "name": "quick", "mode": mode, "interval": "1s", "window": "15s", "max_age": "15s", "stages": stages,
        "min_data": {"requests": 30, "time": "2s"}, "on_deadline": {"after": "5m"},
        // A few requests a second: to show that a canary is within a narrow tolerance would take minutes.
        "guards": [{"metric": "errors", "tolerance": {"ratio": 2.0, "plus": 0.2}}],
        "hard_limits": [{"metric": "errors", "bound": {"above": 0.05}, "for": "3s"}],
        "judge": {"patience": "0s", "wrong_promotions": 0.2},
    })
}

fn document(haproxy: &HaproxyProcess, prometheus: &PrometheusProcess, old: &[Instance], new: &[Instance]) -> Value {
    let names = |arm: &[Instance]| arm.iter().map(|instance| instance.name().to_owned()).collect::<Vec<_>>();
    json!({
        "name": SERVICE,
        "traffic": {"haproxy": {
            "address": format!("unix:{}", haproxy.socket().display()), "backend": SERVICE,
            "baseline": names(old), "canary": names(new),
        }},
        "signals": {"prometheus": {
            "url": prometheus.url(), "preset": "http_requests_total", "timeout": "6s",
            "baseline": "job=\"test\",track=\"stable\"", "canary": "job=\"test\",track=\"canary\"",
        }},
    })
}
