//! One instance of a service: answers with its name, fails as often as it is told to, and shows `/metrics`.

use crate::Chance;
use crate::wire::{read_head, respond};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Upper bounds of the latency buckets, seconds.
const BOUNDS: [f64; 6] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/// Ends when dropped.
pub struct Instance {
    address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

struct Counts {
    name: String,
    /// Failures per 10,000 requests.
    failing: AtomicU32,
    good: AtomicU64,
    failed: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
    chance: Mutex<Chance>,
}

impl Instance {
    /// Answers every request with `name`. `seed` decides which requests fail.
    pub async fn start(name: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let counts = Arc::new(Counts {
            name: name.to_owned(),
            failing: AtomicU32::new(0),
            good: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            buckets: Default::default(),
            micros: AtomicU64::new(0),
            chance: Mutex::new(Chance::new(seed)),
        });
        let shared = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            // Connections end with the instance.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, counts, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn name(&self) -> &str {
        &self.counts.name
    }

    /// From now on so many of 10,000 requests are answered with 500.
    pub fn set_failing(&self, per_10_000: u32) {
        self.counts.failing.store(per_10_000, Ordering::Relaxed);
    }

    /// Requests so far, and how many of them failed.
    pub fn requests(&self) -> (u64, u64) {
        let failed = self.counts.failed.load(Ordering::Relaxed);
        (self.counts.good.load(Ordering::Relaxed) + failed, failed)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Counts {
    fn answer(&self) -> u16 {
        let drawn = self.chance.lock().unwrap_or_else(PoisonError::into_inner).below(10_000);
        if drawn < u64::from(self.failing.load(Ordering::Relaxed)) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            500
        } else {
            self.good.fetch_add(1, Ordering::Relaxed);
            200
        }
    }

    fn took(&self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn metrics(&self) -> String {
        let (good, failed) = (self.good.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let mut text = format!(
            "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {good}\n\
             http_requests_total{{code=\"500\"}} {failed}\n# TYPE http_request_duration_seconds histogram\n"
        );
        let mut sum = 0;
        for (i, bucket) in self.buckets.iter().enumerate() {
            sum += bucket.load(Ordering::Relaxed);
            let bound = BOUNDS.get(i).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            writeln!(text, "http_request_duration_seconds_bucket{{le=\"{bound}\"}} {sum}").expect("text grows");
        }
        let seconds = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        text + &format!("http_request_duration_seconds_sum {seconds}\nhttp_request_duration_seconds_count {sum}\n")
    }
}

async fn serve(mut stream: TcpStream, counts: Arc<Counts>) {
    let mut rest = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut rest).await {
        let began = Instant::now();
        let metrics = head.starts_with("GET /metrics ");
        let (status, body) = if metrics { (200, counts.metrics()) } else { (counts.answer(), counts.name.clone()) };
        let stays = !head.to_ascii_lowercase().contains("connection: close");
        if respond(&mut stream, status, &body, stays).await.is_err() || !stays {
            return;
        }
        if !metrics {
            counts.took(began.elapsed());
        }
    }
}
