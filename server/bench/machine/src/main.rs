//! Measures Sternway on this machine, each figure beside what the machine itself does in the same run. `make bench`.
//!
//! Everything runs on loopback and ends with the run. Nothing here decides whether a build is good: machines differ and
//! are busy, so figures are read by people and not by tests. Named parts run alone: `make bench ARGS="one many"`.

mod acts;
mod append;
mod back;
mod board;
mod breach;
mod click;
mod flags;
mod fleet;
mod listeners;
mod log;
mod machine;
mod memory;
mod report;
mod site;
mod stats;
mod wire;

use fleet::Fleet;
use machine::Machine;
use machine::resident;
use report::Report;
use serde_json::{Value, json};
use site::{Place, Site, data_in};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use sternway_peers::{Backend, HaproxyProcess, Instance, Server};

#[tokio::main]
async fn main() {
    let (machine, began) = (Machine::look(), Instant::now());
    let target = target();
    let place = Place { sternway: target.join("release/sternway"), data: data_in(&target).expect("`target` is ours") };
    assert!(place.sternway.is_file(), "`{}` is missing; `make bench` builds it", place.sternway.display());
    let mut report = Report::default();

    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| {
        let wants = wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
        if wants {
            eprintln!("{part}");
        }
        wants
    };
    if wants("one") {
        one(&place, &machine, &mut report).await;
    }
    if wants("append") {
        append::measure(&place, &mut report).await;
    }
    if wants("log") {
        log::measure(&place, &mut report).await;
    }
    if wants("breach") {
        breach::measure(&place, &mut report).await;
    }
    if wants("back") {
        back::measure(&place, &mut report).await;
    }
    if wants("flags") {
        if machine.open_files() < flags::SOCKETS {
            eprintln!("  at most {} open files are allowed, a thousand clients need more", machine.open_files());
        } else {
            flags::measure(&place, &mut report).await;
        }
    }
    if wants("many") {
        many(&place, &mut report).await;
    }

    let took = began.elapsed();
    let json = target.join("bench.json");
    report.write(&json, &machine, took).expect("`target` is ours");
    println!("\n{}\nJSON: {}", report.table(&machine, took), json.display());
    match report.missed().as_slice() {
        [] => println!("Every goal is met."),
        missed => println!("Missed: {}.", missed.join("; ")),
    }
}

/// Where cargo builds, as this program lies in it.
fn target() -> PathBuf {
    let here = std::env::current_exe().expect("the program knows where it lies");
    here.ancestors().nth(2).expect("cargo puts programs into `target/release`").to_owned()
}

/// One service, nothing else to do.
async fn one(place: &Place, machine: &Machine, report: &mut Report) {
    let (stable, canary) = (Instance::start("stable", 1).await, Instance::start("canary", 2).await);
    let servers = vec![Server::new("stable", stable.address(), 100), Server::new("canary", canary.address(), 0)];
    let haproxy = HaproxyProcess::start(&[Backend::new("checkout", servers)]).await;
    let service = json!({
        "kind": "Service", "name": "checkout",
        "traffic": {"haproxy": {
            "address": format!("unix:{}", haproxy.socket().display()), "backend": "checkout",
            "baseline": ["stable"], "canary": ["canary"],
        }},
        "signals": {"scrape": {
            "baseline": [format!("http://{}/metrics", stable.address())],
            "canary": [format!("http://{}/metrics", canary.address())], "preset": "http_requests_total",
        }},
    });
    let site = Site::start(place, &[service, steady()]).await;
    let clicks = click::measure(&site, &haproxy, "checkout", click::ROUNDS).await;
    clicks.report(report, "click_to_zero", "one release");
    if machine.open_files() < listeners::SOCKETS {
        eprintln!("  at most {} open files are allowed, a thousand listeners need more", machine.open_files());
    } else {
        let mut connection = site.connect().await;
        let started = site.started(&mut connection, "checkout", "steady").await;
        let release = click::confirmed(&site, &mut connection, &started.id).await;
        listeners::measure(&site, release, report).await;
    }
    site.end().await;
}

/// Two hundred services with a release each.
async fn many(place: &Place, report: &mut Report) {
    let fleet = Fleet::start().await;
    let mut documents = fleet.documents();
    documents.push(steady());
    let site = Site::start(place, &documents).await;
    let (empty, began) = (resident(site.pid()), Instant::now());
    let mut connection = site.connect().await;
    fleet.start_all(&site, &mut connection, "steady").await;
    eprintln!("  all started after {}", stats::shown(began.elapsed()));
    // Some minutes of ticks, as much as the run allows.
    tokio::time::sleep_until((began + RUNNING).into()).await;
    board::measure(place, &site, report).await;
    let service = fleet::name(fleet::SPARE);
    let clicks = click::measure(&site, &fleet.haproxy, &service, click::ROUNDS_OF_MANY).await;
    clicks.report(report, "click_to_zero_of_many", &format!("{} releases", fleet::RELEASES));
    memory::measure(&site, empty, began.elapsed(), INTERVAL, report);
    site.end().await;
}

/// How often releases are looked at, and for how long before the board is read: two dozen points on every line.
const INTERVAL: Duration = Duration::from_secs(5);
const RUNNING: Duration = Duration::from_secs(130);

/// A plan under which nothing happens by itself while it is measured.
fn steady() -> Value {
    json!({
        "kind": "Plan", "name": "steady", "mode": "manual", "interval": format!("{}s", INTERVAL.as_secs()),
        "window": "120s", "stages": [{"weight": 5, "bake": "10m"}, {"weight": 100, "bake": "10m"}],
        "guards": [{"metric": "errors"}, {"metric": "p99"}, {"metric": "traffic"}, {"metric": "saturation"}],
    })
}
