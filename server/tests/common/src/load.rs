//! Clients that send requests at a steady pace and write down who answered.

use crate::loopback;
use crate::wire::{read_body, read_head};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Clients at the same time, each with a connection of its own.
const CLIENTS: u32 = 4;

/// One request as its client saw it. Times are microseconds since 1970.
#[derive(Debug, Clone)]
pub struct Sample {
    pub sent: i64,
    pub answered: i64,
    /// 0 when nothing came back.
    pub status: u16,
    /// The body: the name of the instance.
    pub by: String,
}

/// Ends when dropped.
pub struct Load {
    samples: Arc<Mutex<Vec<Sample>>>,
    _clients: JoinSet<()>,
}

impl Load {
    /// About `per_second` requests to this port of loopback, never more than `most` in all.
    pub fn start(port: u16, per_second: u32, most: u32) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(client(port, Duration::from_secs(1) * CLIENTS / per_second, most / CLIENTS, samples.clone()));
        }
        Self { samples, _clients: clients }
    }

    /// All requests answered so far, in the order of their answers.
    pub fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn client(port: u16, every: Duration, most: u32, samples: Arc<Mutex<Vec<Sample>>>) {
    let mut pace = tokio::time::interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = None;
    for number in 0..most {
        pace.tick().await;
        let sent = now();
        let answer = ask(&mut kept, port, number).await;
        if answer.is_none() {
            kept = None;
        }
        let (status, by) = answer.unwrap_or_default();
        let sample = Sample { sent, answered: now(), status, by };
        samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }
}

async fn ask(kept: &mut Option<TcpStream>, port: u16, number: u32) -> Option<(u16, String)> {
    let stream = match kept {
        Some(stream) => stream,
        None => kept.insert(TcpStream::connect(loopback(port)).await.ok()?),
    };
    let request = format!("GET /orders/{number} HTTP/1.1\r\nHost: checkout\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut rest = Vec::new();
    let head = read_head(stream, &mut rest).await?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let body = read_body(stream, &mut rest, length?).await?;
    if head.to_ascii_lowercase().contains("connection: close") {
        *kept = None;
    }
    Some((status, body))
}

#[expect(clippy::disallowed_methods, reason = "clients live outside Sternway, by the machine's clock")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_micros()).expect("before the year 290000")
}
