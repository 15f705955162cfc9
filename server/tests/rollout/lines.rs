//! J2: whatever others send, each event is one line of the program's log, and the line is JSON.

use super::farewell::token;
use super::support::Desk;
use super::yard::{Yard, plan};
use serde_json::{Map, Value};
use std::time::Duration;
use sternway_peers::{Page, eventually, loopback, signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a terminal or a reader of lines would take for something else.
const HOSTILE: &str = "\nINFO fake \u{1b}[31m\u{202e}\u{0}\r\n{\"level\":\"INFO\"}";

/// Status of the answer, if there was one.
async fn asked(port: u16, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(loopback(port)).await.expect("it listens");
    stream.write_all(request).await.expect("taken");
    let mut answer = Vec::new();
    // Whoever is refused in the middle of a request may be cut off.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn lines(desk: &Desk) -> Vec<Map<String, Value>> {
    let log = desk.log();
    let shown = |line: &&str| !line.starts_with("Sternway") && !line.starts_with("Nobody");
    let line = |line: &str| {
        let turns = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!line.contains(turns), "{line:?} is more than its line");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    };
    // Not `lines()`, which takes `\r` away, and not what is being written this moment.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.split('\n').filter(shown).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_hostile_requests_and_answers_when_logged_then_each_event_is_one_line_of_json() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    let router = Page::start("").await;
    let body = format!("x \u{1b}[31m\u{202e}\u{2066}y{HOSTILE}");
    router.set_raw(format!("HTTP/1.1 500 No\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
    let mut document = yard.document("checkout");
    document["traffic"]["webhook"]["url"] = router.url("/shift").into();
    document["traffic"]["webhook"]["attempts"] = 1.into();
    desk.apply(plan("manual"), document).await;
    let token = token(&desk).await;
    let mut program = desk.serve("one", "5s", &[]);
    let port = eventually("it listens", Duration::from_secs(20), || async { desk.port() }).await;
    let id = desk.started("checkout", "quick").await;

    // In the order of a request: address, headers, body.
    let escaped = "%0AINFO%20fake%20%1B%5B31m%E2%80%AE%00%0D%0A".repeat(40);
    let head = format!("Host: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n");
    let mut statuses = Vec::new();
    for address in
        [format!("/{escaped}"), format!("/api/v1/releases/{escaped}"), format!("/api/v1/decisions?q={escaped}")]
    {
        statuses.push(asked(port, format!("GET {address} HTTP/1.1\r\n{head}\r\n").as_bytes()).await);
    }
    for header in [
        "traceparent: 00-\u{202e}INFO fake-\u{9b}31m-01",
        "X-Forwarded-For: 1.2.3.4\u{202e}, INFO fake",
        "User-Agent: \u{202e}\u{9b}31mINFO fake\t",
        "X-Request-Id: \u{202e}INFO fake",
    ] {
        statuses.push(asked(port, format!("GET /api/v1/releases HTTP/1.1\r\n{head}{header}\r\n\r\n").as_bytes()).await);
    }
    // Not HTTP any more: nobody hears it.
    asked(port, format!("GET / HTTP/1.1\r\n{head}X: {HOSTILE}\r\n\r\n").as_bytes()).await;
    let long = "N".repeat(900_000);
    for reason in [HOSTILE, &long] {
        let act = serde_json::json!({"reason": reason, "expected_version": 1}).to_string();
        let path = format!("/api/v1/releases/{id}/actions/hold");
        let kind = format!("Content-Type: application/json\r\nIdempotency-Key: k{}\r\n", reason.len());
        let request = format!("POST {path} HTTP/1.1\r\n{head}{kind}Content-Length: {}\r\n\r\n{act}", act.len());
        statuses.push(asked(port, request.as_bytes()).await);
    }
    assert!(statuses.iter().all(|status| status.is_some_and(|status| status < 500)), "{statuses:?}");

    let failed =
        |line: &Map<String, Value>| line.get("message").is_some_and(|text| text == "traffic could not be moved");
    let line = eventually("what the router said is logged", Duration::from_secs(20), || async {
        lines(&desk).into_iter().find(failed)
    })
    .await;
    let detail = line["failure"].as_str().expect("text");
    assert!(detail.contains("500") && detail.contains("x [31my") && !detail.contains("fake"), "{detail}");
    let answered = || lines(&desk).iter().filter(|line| line.get("status").is_some()).count();
    assert!(answered() >= statuses.len(), "{} of {} in {}", answered(), statuses.len(), desk.log());
    signal(&program, "TERM").await;
    assert!(program.wait().await.expect("the process is ours").success(), "{}", desk.log());
    let names: Vec<_> = lines(&desk).iter().filter_map(|line| line.get("level").cloned()).collect();
    assert!(
        names.iter().all(|level| ["INFO", "WARN", "ERROR"].contains(&level.as_str().unwrap_or_default())),
        "{names:?}"
    );
}
