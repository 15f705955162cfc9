//! A thousand open pages: how long after an act each of them has heard of it.

use crate::report::{Figure, Report};
use crate::site::{Seen, Site};
use crate::stats::{Times, shown};
use crate::wire::Connection;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

const GOAL: Duration = Duration::from_millis(500);
const CLIENTS: usize = 1_000;
/// Acts, one a second.
const ACTS: usize = 20;
/// Connections that are being opened at the same time.
const AT_ONCE: usize = 50;

type Heard = Arc<Mutex<Vec<Instant>>>;

/// Sockets that this needs in one process.
pub(crate) const SOCKETS: u64 = 2 * CLIENTS as u64 + 200;

/// Holds and resumes a running release once a second, while everybody listens.
pub(crate) async fn measure(site: &Site, release: Seen, report: &mut Report) {
    let heard: Vec<Heard> = (0..CLIENTS).map(|_| Heard::default()).collect();
    let mut clients = JoinSet::new();
    for chunk in heard.chunks(AT_ONCE) {
        let ready = Arc::new(Barrier::new(chunk.len() + 1));
        for heard in chunk {
            clients.spawn(listen(site.port, site.program.clone(), heard.clone(), ready.clone()));
        }
        ready.wait().await;
    }
    let mut connection = site.connect().await;
    let (mut acts, mut answered, mut seen) = (Vec::new(), Vec::new(), release);
    let mut pace = tokio::time::interval(Duration::from_secs(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for i in 0..ACTS {
        pace.tick().await;
        acts.push(Instant::now());
        seen = site.act(&mut connection, &seen, if i % 2 == 0 { "hold" } else { "resume" }).await;
        answered.push(acts[i].elapsed());
    }
    // What has not arrived by now counts as lost.
    tokio::time::sleep(Duration::from_secs(2)).await;
    clients.shutdown().await;

    let (mut delays, mut lost) = (Vec::new(), 0);
    for heard in &heard {
        let times = heard.lock().unwrap_or_else(PoisonError::into_inner);
        lost += ACTS.saturating_sub(times.len());
        delays.extend(times.iter().zip(&acts).map(|(heard, act)| heard.duration_since(*act)));
    }
    let (delays, answered) = (Times::of(delays), Times::of(answered));
    let floor = bare().await;
    let missing = if lost > 0 { format!(", **{lost} lost**") } else { String::new() };
    report.add(Figure {
        name: "live",
        what: format!("act → event at {CLIENTS} open pages, one act a second"),
        measured: format!("{}{missing}; the act is answered after p50 {}", delays.words(), shown(answered.p50())),
        floor: format!("one line to {CLIENTS} sockets: {}", floor.words()),
        goal: format!("p99 {}\u{a0}ms", GOAL.as_millis()),
        met: Some(delays.p99() <= GOAL && lost == 0),
        data: json!({
            "clients": CLIENTS, "acts": ACTS, "lost": lost, "act_to_event": delays.json(),
            "act_answered": answered.json(), "floor_write_to_all": floor.json(),
        }),
    });
}

/// Writes down when the stream says that a decision was made, the last event of each act.
async fn listen(port: u16, headers: String, heard: Heard, ready: Arc<Barrier>) {
    let mut connection = Connection::open(port).await.expect("the program listens");
    connection.send("GET", "/api/v1/events", &headers, &[]).await.expect("the program reads");
    let (status, _) = connection.head().await.expect("the program answers");
    assert_eq!(status, 200);
    ready.wait().await;
    let mut line = String::new();
    while connection.line(&mut line).await.is_ok() {
        if line.contains(r#""topic":"decisions""#) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        }
    }
}

/// The same by hand: a loop writes the bytes of one event to every socket; when has each of them come?
async fn bare() -> Times {
    const LINE: &[u8] = b"data: {\"topic\":\"decisions\",\"version\":4711}\nid: 4711\n\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("a bound socket has an address");
    let heard: Heard = Heard::default();
    let (mut clients, mut sockets) = (JoinSet::new(), Vec::with_capacity(CLIENTS));
    for _ in 0..CLIENTS {
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut client, heard) = (client.expect("the listener is ours"), heard.clone());
        sockets.push(accepted.expect("the client is ours").0);
        clients.spawn(async move {
            let mut bytes = [0; LINE.len()];
            while client.read_exact(&mut bytes).await.is_ok() {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
        });
    }
    let mut delays = Vec::new();
    for _ in 0..ACTS {
        let began = Instant::now();
        for socket in &mut sockets {
            socket.write_all(LINE).await.expect("the clients are there");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let times = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        delays.extend(times.iter().map(|heard| heard.duration_since(began)));
    }
    drop(sockets);
    clients.shutdown().await;
    Times::of(delays)
}
