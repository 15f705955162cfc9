//! The program is asked to end while hundreds listen, others ask and some are in the middle of it: everybody gets an answer,
//! and it ends in time. Others may go on at once, whoever is still being answered.

use super::support::{Desk, build};
use super::yard::{Yard, plan};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use sternway_domain::audit::Origin;
use sternway_domain::time::Span;
use sternway_peers::{eventually, loopback, signal};
use sternway_server::config::{Effective, SettingFlags};
use sternway_server::serve::Base;
use sternway_server::service::Caller;
use sternway_server::system::{SystemClock, SystemRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const LISTENERS: usize = 500;
const ASKERS: usize = 8;
/// Requests of which it has half when it is asked to end.
const HALVES: usize = 8;

/// The secret of a token of the first admin.
pub(super) async fn token(desk: &Desk) -> String {
    let state = desk.dir().join("prepared.state").display().to_string();
    let flags = SettingFlags::default().set("database", desk.database()).set("state", state);
    let config = Effective::collect(None, |_| None, &flags).and_then(|all| all.config()).expect("a configuration");
    let base = Base::lay(config, Arc::new(SystemClock), Arc::new(SystemRng)).await.expect("laid");
    let link = base.auth.setup_secret().await.expect("asked").expect("nobody is here yet");
    let origin = Origin::default();
    let admin = base.auth.set_up(&origin, "", &link, "Ada Min", "ada@example.org", "slow tides at noon").await;
    let caller = Caller { actor: admin.expect("set up").identity.actor, origin };
    let new = serde_json::from_value(json!({"name": "test"})).expect("a token");
    base.auth.create_token(&caller, new, "first").await.expect("made").secret.expect("shown once")
}

async fn open(port: u16, path: &str, token: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(loopback(port)).await.ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    Some(stream)
}

/// A request whose handler waits for the rest of its body, and that rest.
async fn half(port: u16, token: &str, number: usize) -> (TcpStream, Vec<u8>) {
    let built = |version: &str| {
        let new = build(version);
        json!({"version": new.version, "digest": new.digest})
    };
    let body = json!({
        "service": "checkout", "plan": "quick", "reason": "asked for in the last moment",
        "candidate": built(&format!("1.43.{number}")), "baseline": built("1.41.3"),
    })
    .to_string();
    let mut stream = TcpStream::connect(loopback(port)).await.expect("it listens");
    let head = format!(
        "POST /api/v1/releases HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: half-{number}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = [0; GO_ON.len()];
    stream.read_exact(&mut answer).await.expect("the handler asks for the body");
    assert_eq!(answer, GO_ON);
    let (first, rest) = body.as_bytes().split_at(body.len() / 2);
    stream.write_all(first).await.expect("it reads");
    (stream, rest.to_vec())
}

/// What it answers when it has the rest.
async fn whole((mut stream, rest): (TcpStream, Vec<u8>)) -> String {
    let mut answer = Vec::new();
    let sent = stream.write_all(&rest).await;
    let read = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    if text.is_empty() { format!("no answer: {sent:?}, {read:?}") } else { text }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_five_hundred_listeners_and_requests_when_asked_to_end_then_all_are_answered_and_it_ends_in_time() {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    desk.apply(plan("assisted"), yard.document("checkout")).await;
    let token = token(&desk).await;
    let mut program = desk.serve("one", "5m", &[]);
    let port = eventually("it listens", Duration::from_secs(20), || async { desk.port() }).await;
    let id = desk.started("checkout", "quick").await;
    desk.until_release(id, "5 % confirmed", |release| release.confirmed()).await;
    let mut listeners = JoinSet::new();
    let listening = Arc::new(AtomicU32::new(0));
    for _ in 0..LISTENERS {
        let (token, listening) = (token.clone(), listening.clone());
        listeners.spawn(async move {
            let mut stream = open(port, "/api/v1/events", &token).await.expect("it listens");
            let mut first = [0; 16];
            stream.read_exact(&mut first).await.expect("a head");
            assert!(first.starts_with(b"HTTP/1.1 200"), "{first:?}");
            listening.fetch_add(1, Ordering::Relaxed);
            // To its end.
            stream.read_to_end(&mut Vec::new()).await.map(|_| ())
        });
    }
    eventually("all listen", Duration::from_secs(30), || async {
        (listening.load(Ordering::Relaxed) as usize == LISTENERS).then_some(())
    })
    .await;
    // Whoever got in before the end gets an answer.
    let ending = Arc::new(AtomicBool::new(false));
    let mut askers = JoinSet::new();
    for _ in 0..ASKERS {
        let (token, ending) = (token.clone(), ending.clone());
        askers.spawn(async move {
            let (mut answered, mut broken) = (0, 0);
            while !ending.load(Ordering::Relaxed) {
                let Some(mut stream) = open(port, "/api/v1/releases", &token).await else { break };
                let mut answer = Vec::new();
                let read = stream.read_to_end(&mut answer).await;
                match (read, answer.starts_with(b"HTTP/1.1 200")) {
                    (Ok(_), true) => answered += 1,
                    // Nobody had taken it yet.
                    _ if answer.is_empty() => {}
                    _ => broken += 1,
                }
            }
            (answered, broken)
        });
    }
    let other = desk.another().await.engine("two", Span::from_secs(5));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut halves = Vec::new();
    for number in 0..HALVES {
        halves.push(half(port, &token, number).await);
    }
    let asked = Instant::now();
    signal(&program, "TERM").await;
    let name = format!("release:{id}");
    eventually("the lease is free or taken", Duration::from_secs(2), || async {
        let fleet = desk.service.store.marks("one").await.expect("the database answers");
        fleet.iter().any(|mark| name.ends_with(&mark.release.to_string())).then_some(())
    })
    .await;
    let freed = asked.elapsed();
    let wholes: JoinSet<String> = halves.into_iter().map(whole).collect();
    let made = wholes.join_all().await;
    let ended = program.wait().await.expect("the process is ours");
    let took = asked.elapsed();
    ending.store(true, Ordering::Relaxed);
    assert!(ended.success() && took < Duration::from_secs(10), "{ended} after {took:?}: {}", desk.log());
    // The other engine looks every quarter of a second.
    assert!(freed <= Duration::from_secs(1), "the lease was free after {freed:?}");
    let made: Vec<&str> = made.iter().filter_map(|answer| answer.lines().next()).collect();
    assert_eq!(made, ["HTTP/1.1 201 Created"; HALVES], "{}", desk.log());
    for listener in listeners.join_all().await {
        listener.expect("a stream ends as streams do");
    }
    let (answered, broken) = askers.join_all().await.into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("lease free after {freed:?}, ended after {took:?}, {answered} answered");
    assert!(answered > 10 && broken == 0, "{answered} answered, {broken} cut off");
    other.stop().await;
}
