//! Two hundred services: a backend of one real HAProxy each, and counters that grow like those of busy instances.

use crate::site::{Seen, Site};
use crate::wire::Connection;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use sternway_peers::{Backend, HaproxyProcess, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Active releases, one of each service.
pub(crate) const RELEASES: usize = 200;

/// Upper bounds of the latency buckets, seconds, and the part of all requests at or below each.
const BUCKETS: [(&str, f64); 12] = [
    ("0.005", 0.02),
    ("0.01", 0.10),
    ("0.025", 0.35),
    ("0.05", 0.60),
    ("0.075", 0.75),
    ("0.1", 0.85),
    ("0.25", 0.95),
    ("0.5", 0.985),
    ("0.75", 0.993),
    ("1", 0.997),
    ("2.5", 0.9995),
    ("+Inf", 1.0),
];

/// Ends when dropped.
pub(crate) struct Fleet {
    pub(crate) haproxy: HaproxyProcess,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// One service more has no release yet.
pub(crate) const SPARE: usize = RELEASES;

/// The service's name, also of its backend; each has the servers `stable` and `canary`.
pub(crate) fn name(i: usize) -> String {
    format!("service-{i:03}")
}

impl Fleet {
    pub(crate) async fn start() -> Fleet {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let began = Instant::now();
        let task = tokio::spawn(async move {
            // Connections end with the fleet.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, began));
                while connections.try_join_next().is_some() {}
            }
        });
        let servers = || vec![Server::new("stable", address, 100), Server::new("canary", address, 0)];
        let backends: Vec<Backend> = (0..=RELEASES).map(|i| Backend::new(&name(i), servers())).collect();
        Fleet { haproxy: HaproxyProcess::start(&backends).await, address, task }
    }

    /// The documents of all services.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let socket = format!("unix:{}", self.haproxy.socket().display());
        let document = |i: usize| {
            let metrics = |arm: &str| format!("http://{}/{i}/{arm}/metrics", self.address);
            json!({
                "kind": "Service", "name": name(i), "owners": ["team-bench"],
                "traffic": {"haproxy": {
                    "address": &socket, "backend": name(i), "baseline": ["stable"], "canary": ["canary"],
                }},
                "signals": {"scrape": {
                    "baseline": [metrics("stable")], "canary": [metrics("canary")], "preset": "http_requests_total",
                    "queries": {"saturation": "pool_used_ratio"},
                }},
            })
        };
        (0..=RELEASES).map(document).collect()
    }

    /// A release of every service but the spare one, started.
    pub(crate) async fn start_all(&self, site: &Site, connection: &mut Connection, plan: &str) -> Vec<Seen> {
        let mut started = Vec::with_capacity(RELEASES);
        for i in 0..RELEASES {
            started.push(site.started(connection, &name(i), plan).await);
        }
        started
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers on a kept connection.
async fn serve(mut stream: TcpStream, began: Instant) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        while let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head: Vec<u8> = read.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head).into_owned();
            let mut path = head.split_whitespace().nth(1).unwrap_or_default().split('/').skip(1);
            let (service, arm) = (path.next().and_then(|i| i.parse().ok()).unwrap_or(0), path.next());
            let body = metrics(service, arm == Some("canary"), began.elapsed().as_secs_f64());
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}");
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
        }
        let mut bytes = [0; 2048];
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            n => read.extend_from_slice(&bytes[..n]),
        }
    }
}

/// 50 requests a second to the canary, 950 to the baseline; each tenth canary fails more often than its baseline.
fn metrics(service: usize, canary: bool, seconds: f64) -> String {
    let pace = if canary { 50.0 } else { 950.0 };
    let failing = if canary && service.is_multiple_of(10) { 0.02 } else { 0.001 };
    let requests = 10_000.0 + (seconds * pace).floor();
    let failed = (requests * failing).floor();
    let wave = (seconds / 20.0 + service as f64).sin();
    let mut text = format!(
        "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {}\n\
         http_requests_total{{code=\"500\"}} {failed}\n# TYPE pool_used_ratio gauge\npool_used_ratio {:.3}\n\
         # TYPE http_request_duration_seconds histogram\n",
        requests - failed,
        0.4 + 0.05 * wave,
    );
    for (bound, part) in BUCKETS {
        let count = (requests * part).floor();
        writeln!(text, "http_request_duration_seconds_bucket{{le=\"{bound}\"}} {count}").expect("text grows");
    }
    text + &format!(
        "http_request_duration_seconds_sum {}\nhttp_request_duration_seconds_count {requests}\n",
        requests / 14.0
    )
}
