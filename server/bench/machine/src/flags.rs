//! Flags: how fast they are evaluated, and how long after a kill switch a thousand clients have the new value.

use crate::report::{Figure, Report};
use crate::site::{Place, Site};
use crate::stats::{Times, shown};
use crate::wire::Connection;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const GOAL: Duration = Duration::from_millis(250);
const CLIENTS: usize = 1_000;
const FLIPS: usize = 20;
/// Connections that are being opened at the same time, and that evaluate at the same time.
const AT_ONCE: usize = 50;
const EVALUATORS: usize = 8;
const EVALUATING: Duration = Duration::from_secs(3);
/// Flags in all.
const FLAGS: usize = 20;
const KEY: &str = "shop.flag-00";
const CONTEXT: &[u8] = br#"{"context":{"targetingKey":"user-4711","country":"CH"}}"#;

/// Sockets that this needs in one process.
pub(crate) const SOCKETS: u64 = 2 * CLIENTS as u64 + 200;

/// When each client was told, and when it had the new value.
type Heard = Arc<Mutex<Vec<(Instant, Instant)>>>;

pub(crate) async fn measure(place: &Place, report: &mut Report) {
    let site = Site::start_with(place, &[], &["--flags-limit=0".to_owned()]).await;
    let mut connection = site.connect().await;
    let file = |i: usize| json!({"path": format!("{i}.yaml"), "text": flag(i).to_string()});
    let files: Vec<Value> = (0..FLAGS).map(file).collect();
    let applied = site.post(&mut connection, "/api/v1/apply", &json!({"files": files, "reason": "measured"})).await;
    assert_eq!(applied.status, 200, "{}", applied.text());
    let made =
        site.post(&mut connection, "/api/v1/tokens", &json!({"name": "shop", "role": "flag_client"})).await.json();
    let secret = made["secret"].as_str().expect("shown once");
    let headers = format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
    let floor = evaluations(&site, "GET", "/healthz", "", &[]).await;
    let one = evaluations(&site, "POST", &format!("/ofrep/v1/evaluate/flags/{KEY}"), &headers, CONTEXT).await;
    let all = evaluations(&site, "POST", "/ofrep/v1/evaluate/flags", &headers, CONTEXT).await;
    report.add(Figure {
        name: "evaluations",
        what: "flags evaluated over OFREP".to_owned(),
        measured: format!("single {one:.0} a second; all {FLAGS} at once {all:.0} times a second"),
        floor: format!("`/healthz`: {floor:.0} a second"),
        goal: String::new(),
        met: None,
        data: json!({"single_per_s": one.round(), "bulk_per_s": all.round(), "flags": FLAGS, "floor_per_s": floor.round()}),
    });
    kill(&site, &mut connection, &headers, report).await;
    site.end().await;
}

fn flag(i: usize) -> Value {
    json!({
        "kind": "Flag", "key": format!("shop.flag-{i:02}"), "purpose": "measured", "owner": "bench", "permanent": true,
        "default": {"enabled": true},
    })
}

/// Answers per second to all of a few connections.
async fn evaluations(site: &Site, method: &'static str, path: &str, headers: &str, body: &'static [u8]) -> f64 {
    let (mut asking, began) = (JoinSet::new(), Instant::now());
    for _ in 0..EVALUATORS {
        let (mut connection, path, headers) = (site.connect().await, path.to_owned(), headers.to_owned());
        asking.spawn(async move {
            let mut count = 0_u32;
            while began.elapsed() < EVALUATING {
                let answer = connection.ask(method, &path, &headers, body).await.expect("the program answers");
                assert_eq!(answer.status, 200, "{}", answer.text());
                count += 1;
            }
            count
        });
    }
    let count: u32 = asking.join_all().await.into_iter().sum();
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Switches a flag off and on while everybody listens, each change followed by the question that the clients ask then.
async fn kill(site: &Site, connection: &mut Connection, headers: &str, report: &mut Report) {
    let heard: Vec<Heard> = (0..CLIENTS).map(|_| Heard::default()).collect();
    let mut clients = JoinSet::new();
    for chunk in heard.chunks(AT_ONCE) {
        let ready = Arc::new(Barrier::new(chunk.len() + 1));
        for heard in chunk {
            clients.spawn(listen(site.port, headers.to_owned(), heard.clone(), ready.clone()));
        }
        ready.wait().await;
    }
    let path = format!("/api/v1/flags/{KEY}");
    let mut version = site.get(connection, &path).await["version"].as_i64().expect("a version");
    let mut flips = Vec::new();
    for i in 0..FLIPS {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let body = json!({"enabled": i % 2 == 1, "reason": "measured by the bench", "expected_version": version});
        let extra = format!("{}Content-Type: application/json\r\nIdempotency-Key: {}\r\n", site.program, site.key());
        flips.push(Instant::now());
        let answer = connection.ask("PUT", &path, &extra, body.to_string().as_bytes()).await.expect("it answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        version = answer.json()["flag"]["version"].as_i64().expect("a version");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    clients.shutdown().await;

    let (mut told, mut had, mut lost) = (Vec::new(), Vec::new(), 0);
    for heard in &heard {
        let times = heard.lock().unwrap_or_else(PoisonError::into_inner);
        lost += FLIPS.saturating_sub(times.len());
        told.extend(times.iter().zip(&flips).map(|((told, _), flip)| told.duration_since(*flip)));
        had.extend(times.iter().zip(&flips).map(|((_, had), flip)| had.duration_since(*flip)));
    }
    let (told, had) = (Times::of(told), Times::of(had));
    let missing = if lost > 0 { format!(", **{lost} lost**") } else { String::new() };
    report.add(Figure {
        name: "kill_switch",
        what: format!("kill switch → told to {CLIENTS} connected clients"),
        measured: format!("{}{missing}; the new value in their hands: {}", told.words(), had.words()),
        floor: "one line to 1000 sockets: above".to_owned(),
        goal: format!("p99 {}", shown(GOAL)),
        met: Some(told.p99() <= GOAL && lost == 0),
        data: json!({"clients": CLIENTS, "flips": FLIPS, "lost": lost, "told": told.json(), "value": had.json()}),
    });
}

/// One client: hears of a change on its stream, and asks again on its other connection.
async fn listen(port: u16, headers: String, heard: Heard, ready: Arc<Barrier>) {
    const ALL: &str = "/ofrep/v1/evaluate/flags";
    let mut asking = Connection::open(port).await.expect("the program listens");
    let first = asking.ask("POST", ALL, &headers, CONTEXT).await.expect("the program answers").json();
    let stream = first["eventStreams"][0]["endpoint"]["requestUri"].as_str().expect("a stream").to_owned();
    let known = first["metadata"]["version"].as_str().expect("a position").to_owned();
    let mut connection = Connection::open(port).await.expect("the program listens");
    let last = format!("Last-Event-ID: {known}\r\n");
    connection.send("GET", &stream, &last, &[]).await.expect("the program reads");
    let (status, _) = connection.head().await.expect("the program answers");
    assert_eq!(status, 200);
    ready.wait().await;
    let mut line = String::new();
    while connection.line(&mut line).await.is_ok() {
        if !line.contains("refetchEvaluation") {
            continue;
        }
        let told = Instant::now();
        let answer = asking.ask("POST", ALL, &headers, CONTEXT).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push((told, Instant::now()));
        }
    }
}
