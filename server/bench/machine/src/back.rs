//! Going back: a rollback of five services beside what its drivers take themselves, the takeover by another replica, and
//! rehearsals.

use crate::report::{Figure, Report};
use crate::site::{Place, Seen, Site};
use crate::stats::{Times, shown};
use crate::wire::Connection;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use sternway_domain::id::Digest;
use sternway_peers::{Backend, HaproxyProcess, Instance, Load, PostgresProcess, Server, http_get};
use tokio::process::Command;

/// In order of need.
const NEEDS: [(&str, &[&str]); 5] = [
    ("storage", &[]),
    ("cache", &[]),
    ("auth", &["cache"]),
    ("cart", &["storage", "cache"]),
    ("shop", &["auth", "cart"]),
];
const ROUNDS: usize = 5;
/// How long a deployment takes.
const DEPLOY: &str = "0.2";
/// Well without a break for so long: part of every rollback.
const STEADY: Duration = Duration::from_secs(1);
const TAKEOVERS: usize = 8;
const LEASE: Duration = Duration::from_secs(8);
const TAKEOVER_GOAL: Duration = Duration::from_secs(10);
const REHEARSALS: u32 = 20_000;

struct Fleet {
    haproxy: HaproxyProcess,
    instances: Vec<(Instance, Instance)>,
    /// Who is well has to show it: a proof needs requests.
    _loads: Vec<Load>,
}

impl Fleet {
    async fn start() -> Self {
        let (mut instances, mut backends) = (Vec::new(), Vec::new());
        for (i, (service, _)) in (0_u64..).zip(NEEDS) {
            let (stable, canary) = (Instance::start("stable", 2 * i).await, Instance::start("canary", 2 * i + 1).await);
            let servers =
                vec![Server::new("stable", stable.address(), 100), Server::new("canary", canary.address(), 0)];
            backends.push(Backend::new(service, servers));
            instances.push((stable, canary));
        }
        let haproxy = HaproxyProcess::start(&backends).await;
        let loads = backends.iter().map(|backend| Load::start(backend.port, 20, 1_000_000)).collect();
        Self { haproxy, instances, _loads: loads }
    }

    fn documents(&self) -> Vec<Value> {
        let socket = format!("unix:{}", self.haproxy.socket().display());
        let document = |((service, needs), (stable, canary)): (&(&str, &[&str]), &(Instance, Instance))| {
            let metrics = |instance: &Instance| format!("http://{}/metrics", instance.address());
            json!({
                "kind": "Service", "name": service, "depends_on": needs,
                "traffic": {"haproxy": {
                    "address": socket, "backend": service, "baseline": ["stable"], "canary": ["canary"],
                }},
                "signals": {"scrape": {
                    "preset": "http_requests_total", "baseline": [metrics(stable)], "canary": [metrics(canary)],
                }},
                "deploy": {"command": {"run": ["/bin/sleep", DEPLOY], "ask": ["/bin/true"]}},
                "rollback": {
                    "drain": "1s",
                    "probes": [{"name": "answers", "ask": {"http": {"url": metrics(stable)}}}],
                    "recovery": {"steady": format!("{}s", STEADY.as_secs()), "max_age": "10s"},
                },
            })
        };
        let mut documents: Vec<Value> = NEEDS.iter().zip(&self.instances).map(document).collect();
        documents.push(json!({
            "kind": "Plan", "name": "halves", "mode": "manual", "interval": "1s",
            "stages": [{"weight": 50, "bake": "1h"}, {"weight": 100, "bake": "1h"}], "guards": [{"metric": "errors"}],
        }));
        documents
    }

    /// What the drivers take themselves, one after the other: weight and read back, deployment, probe, of each service.
    async fn bare(&self) -> Duration {
        let began = Instant::now();
        for ((service, _), (stable, _)) in NEEDS.iter().zip(&self.instances) {
            self.haproxy.command(&format!("set server {service}/canary weight 0")).await.expect("HAProxy answers");
            self.haproxy.weight(service, "canary").await;
            let slept = Command::new("/bin/sleep").arg(DEPLOY).status().await;
            assert!(slept.is_ok_and(|status| status.success()));
            http_get(stable.address().port(), "/metrics").await.expect("the instance answers");
        }
        began.elapsed()
    }

    async fn started(&self, site: &Site, connection: &mut Connection, round: usize) -> Seen {
        let build = |text: &str| json!({"version": text, "digest": Digest::of(text.as_bytes()).to_string()});
        let (candidate, baseline) = (build(&format!("1.42.{round}")), build("1.41.3"));
        let components: Vec<Value> = NEEDS[..4]
            .iter()
            .map(|(service, _)| json!({"service": service, "candidate": candidate, "baseline": baseline}))
            .collect();
        let new = json!({
            "service": "shop", "plan": "halves", "reason": "measured by the bench", "candidate": candidate,
            "baseline": baseline, "components": components,
        });
        let made = site.post(connection, "/api/v1/releases", &new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let seen = Seen::read(&made.json()["release"]);
        let seen = site.act(connection, &seen, "start").await;
        for _ in 0..1_000 {
            let release = site.get(connection, &format!("/api/v1/releases/{}", seen.id)).await;
            if release["confirmed"] == true && !release["verdict"].is_null() {
                return Seen::read(&release);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the first stage of `{}` is not confirmed within 10 s", seen.id);
    }
}

/// Looks again when the release has changed since.
async fn rolled_back(site: &Site, connection: &mut Connection, seen: Seen) {
    let mut seen = seen;
    loop {
        let body = json!({"reason": "measured by the bench", "expected_version": seen.version});
        let acted = site.post(connection, &format!("/api/v1/releases/{}/actions/rollback", seen.id), &body).await;
        match acted.status {
            202 => return,
            409 => seen = site.seen(connection, &seen.id).await,
            status => panic!("{status}: {}", acted.text()),
        }
    }
}

pub(crate) async fn measure(place: &Place, report: &mut Report) {
    let fleet = Fleet::start().await;
    five(place, &fleet, report).await;
    if PostgresProcess::installed() {
        takeover(place, &fleet, report).await;
    }
    rehearsals(place, report).await;
}

async fn five(place: &Place, fleet: &Fleet, report: &mut Report) {
    let commands = ["--deploy-commands=/bin/sleep,/bin/true".to_owned()];
    let site = Site::start_with(place, &fleet.documents(), &commands).await;
    let mut connection = site.connect().await;
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bare.push(fleet.bare().await);
        let seen = fleet.started(&site, &mut connection, round).await;
        let (id, began) = (seen.id.clone(), Instant::now());
        rolled_back(&site, &mut connection, seen).await;
        site.until(&mut connection, &id, "rolled_back").await;
        whole.push(began.elapsed());
    }
    site.end().await;
    let (whole, bare) = (Times::of(whole), Times::of(bare));
    report.add(Figure {
        name: "rollback_of_five",
        what: "rollback of five services, ordered → proven well".to_owned(),
        measured: format!("p50 {}, at most {} of {ROUNDS}", shown(whole.p50()), shown(whole.most())),
        floor: format!("its drivers one after the other {}, and {} steady", shown(bare.p50()), shown(STEADY)),
        goal: String::new(),
        met: None,
        data: json!({"whole": whole.json(), "drivers": bare.json(), "steady_ms": STEADY.as_millis() as u64}),
    });
}

/// Two replicas; whoever works is killed, again and again.
async fn takeover(place: &Place, fleet: &Fleet, report: &mut Report) {
    // Blocks while the server starts and ends.
    let process = tokio::task::spawn_blocking(PostgresProcess::start_durable).await.expect("PostgreSQL starts");
    let (database, names) = (process.database(), ["one", "two"]);
    let commands = ["--deploy-commands=/bin/sleep,/bin/true".to_owned()];
    let store = sternway_server::store::open(&database).await.expect("a new database");
    let mut times = Vec::new();
    for round in 0..TAKEOVERS {
        let database = if round == 0 { database.clone() } else { process.database() };
        let store =
            if round == 0 { store.clone() } else { sternway_server::store::open(&database).await.expect("new") };
        let sites = Site::replicas(place, &database, &fleet.documents(), names, &commands).await;
        let mut connection = sites[0].connect().await;
        let seen = fleet.started(&sites[0], &mut connection, round).await;
        // Whoever does not have it is told so by the database; the other one is ended.
        let id = seen.id.parse().expect("an id");
        let works = usize::from(!store.marks("two").await.expect("it answers").iter().any(|mark| mark.release == id));
        let [one, two] = sites;
        let (ended, other) = if works == 0 { (one, two) } else { (two, one) };
        let began = Instant::now();
        ended.end().await;
        let taken = async || store.marks(names[works]).await.expect("it answers").iter().any(|mark| mark.release == id);
        while !taken().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < Duration::from_secs(60), "nobody took over");
        }
        times.push(began.elapsed());
        let mut connection = other.connect().await;
        let seen = other.seen(&mut connection, &seen.id).await;
        let id = seen.id.clone();
        rolled_back(&other, &mut connection, seen).await;
        other.until(&mut connection, &id, "rolled_back").await;
        other.end().await;
    }
    drop(store);
    tokio::task::spawn_blocking(move || drop(process)).await.expect("PostgreSQL ends");
    let times = Times::of(times);
    report.add(Figure {
        name: "takeover",
        what: "replica killed → another one works on its release".to_owned(),
        measured: format!("p50 {}, at most {} of {TAKEOVERS}", shown(times.p50()), shown(times.most())),
        floor: format!("a lease lasts {}, renewed after a third", shown(LEASE)),
        goal: format!("at most {}", shown(TAKEOVER_GOAL)),
        met: Some(times.most() <= TAKEOVER_GOAL),
        data: json!({"takeover": times.json(), "lease_s": LEASE.as_secs()}),
    });
}

async fn rehearsals(place: &Place, report: &mut Report) {
    let dir = tempfile::tempdir_in(&place.data).expect("the folder for data is ours");
    let components: Vec<Value> =
        NEEDS.iter().map(|(service, needs)| json!({"name": service, "needs": needs, "drain": "30s"})).collect();
    let plan = dir.path().join("plan.yaml");
    std::fs::write(&plan, json!({"components": components}).to_string()).expect("the folder is ours");
    let mut command = Command::new(&place.sternway);
    command.arg("rehearse").arg(&plan).args(["--runs", &REHEARSALS.to_string(), "--faults", "storm", "--json"]);
    let began = Instant::now();
    let output = command.output().await.expect("the program starts");
    let took = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rate = f64::from(REHEARSALS) / took.as_secs_f64();
    report.add(Figure {
        name: "rehearsals",
        what: "rehearsals of a rollback of five services, with faults, one core".to_owned(),
        measured: format!("{rate:.0} a second"),
        floor: String::new(),
        goal: String::new(),
        met: None,
        data: json!({"runs": REHEARSALS, "per_s": rate.round()}),
    });
}
