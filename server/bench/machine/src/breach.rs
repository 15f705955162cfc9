//! From the first bad request to weight 0 at the proxy, by Sternway itself: real instances, real clients, real HAProxy.

use crate::report::{Figure, Report};
use crate::site::{Place, Site};
use crate::stats::{Times, shown};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use sternway_peers::{Backend, HaproxyProcess, Instance, Load, Server, eventually};
use tokio::task::JoinSet;

/// Services at the same time, and how often each of them goes bad.
const SERVICES: usize = 4;
const ROUNDS: usize = 3;
/// How often signals are read and judged.
const TICK: Duration = Duration::from_secs(2);
const GOAL: Duration = Duration::from_secs(5);
/// Requests a second to each service, and in all.
const PACE: u32 = 100;
const MOST: u32 = 12_000;

struct Candidate {
    name: String,
    stable: Instance,
    canary: Instance,
    load: Load,
}

pub(crate) async fn measure(place: &Place, report: &mut Report) {
    let mut delays = Vec::new();
    for round in 0..ROUNDS {
        delays.extend(wave(place, round).await);
    }
    let delays = Times::of(delays);
    report.add(Figure {
        name: "breach_to_zero",
        what: "first bad request → HAProxy weight 0, automatic, hard limit".into(),
        measured: format!("{}, at most {}", delays.words(), shown(delays.most())),
        floor: format!("signals are read every {}", shown(TICK)),
        goal: format!("two ticks + 1\u{a0}s = {}", shown(GOAL)),
        met: Some(delays.most() <= GOAL),
        data: json!({"breach_to_zero": delays.json(), "tick_ms": TICK.as_millis()}),
    });
}

/// Starts a release of each service, lets all canaries fail at moments spread over a tick, and waits for weight 0.
async fn wave(place: &Place, round: usize) -> Vec<Duration> {
    let (mut running, mut backends) = (Vec::new(), Vec::new());
    for i in 0..SERVICES {
        let seed = u64::try_from(10 * round + i).expect("few");
        let (stable, canary) = (Instance::start("stable", seed).await, Instance::start("canary", seed + 1_000).await);
        let servers = [(&stable, 100), (&canary, 0)].map(|(i, weight)| Server::new(i.name(), i.address(), weight));
        let backend = Backend::new(&format!("service-{i}"), servers.to_vec());
        running.push((stable, canary, backend.clone()));
        backends.push(backend);
    }
    let haproxy = HaproxyProcess::start(&backends).await;
    let candidates: Vec<Candidate> = running
        .into_iter()
        .map(|(stable, canary, backend)| {
            let load = Load::start(backend.port, PACE, MOST);
            Candidate { name: backend.name, stable, canary, load }
        })
        .collect();
    let mut documents = vec![plan()];
    documents.extend(candidates.iter().map(|candidate| document(candidate, &haproxy)));
    let site = Site::start(place, &documents).await;
    let mut connection = site.connect().await;
    let mut ids = Vec::new();
    for candidate in &candidates {
        ids.push(site.started(&mut connection, &candidate.name, "strict").await.id);
    }
    for id in &ids {
        // Judged on what was seen, and found good.
        eventually("the canary passes", Duration::from_secs(40), || async {
            let mut connection = site.connect().await;
            let release = site.get(&mut connection, &format!("/api/v1/releases/{id}")).await;
            (release["verdict"] == "pass").then_some(())
        })
        .await;
    }
    let haproxy = std::sync::Arc::new(haproxy);
    let mut watching = JoinSet::new();
    for (i, candidate) in candidates.into_iter().enumerate() {
        let (haproxy, wait) = (haproxy.clone(), TICK * u32::try_from(i).expect("few") / 4);
        watching.spawn(async move {
            // The moment within a tick is the input.
            tokio::time::sleep(wait).await;
            candidate.goes_bad(&haproxy).await
        });
    }
    let delays = watching.join_all().await;
    site.end().await;
    delays
}

impl Candidate {
    /// Every request to the canary fails from now on; how long after the first of them the weight is 0.
    async fn goes_bad(self, haproxy: &HaproxyProcess) -> Duration {
        self.canary.set_failing(10_000);
        while self.canary.requests().1 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let began = Instant::now();
        while haproxy.weight(&self.name, "canary").await > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "`{}` is not rolled back within 60 s", self.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let delay = began.elapsed();
        assert!(!self.load.samples().is_empty() && self.stable.requests().0 > 0, "the clients were there");
        delay
    }
}

/// Half of the traffic from the start; the smallest limit a plan may have lasts one tick.
fn plan() -> Value {
    json!({
        "kind": "Plan", "name": "strict", "mode": "automatic", "interval": "2s", "window": "20s", "max_age": "10s",
        "stages": [{"weight": 50, "bake": "10m"}, {"weight": 100, "bake": "10m"}],
        "min_data": {"requests": 50, "time": "4s"}, "guards": [{"metric": "errors"}],
        "hard_limits": [{"metric": "errors", "bound": {"above": 0.05}, "for": "2s"}],
    })
}

fn document(candidate: &Candidate, haproxy: &HaproxyProcess) -> Value {
    let metrics = |instance: &Instance| format!("http://{}/metrics", instance.address());
    json!({
        "kind": "Service", "name": &candidate.name,
        "traffic": {"haproxy": {
            "address": format!("unix:{}", haproxy.socket().display()), "backend": &candidate.name,
            "baseline": ["stable"], "canary": ["canary"],
        }},
        "signals": {"scrape": {
            "baseline": [metrics(&candidate.stable)], "canary": [metrics(&candidate.canary)],
            "preset": "http_requests_total",
        }},
    })
}
