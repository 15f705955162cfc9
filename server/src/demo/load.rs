//! Clients from outside: requests at a rate that does not wait for answers (open loop), with a daily wave. What would
//! pile up is dropped and counted.

use super::chance::Chance;
use super::net::Tasks;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many requests to one service may be open at once.
const OPEN_AT_MOST: usize = 48;
/// A day of the demo, seconds.
const DAY_SECONDS: f64 = 1_200.0;
/// How far the rate swings around its mean.
const WAVE: f64 = 0.15;
/// A generator this far behind (the machine slept) lets the missed requests go.
const LATE: Duration = Duration::from_secs(1);

/// What a generator did since the world started.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub sent: AtomicU64,
    pub dropped: AtomicU64,
}

/// Sends until the world stops.
pub(super) fn generate(
    tasks: &Tasks,
    client: reqwest::Client,
    address: String,
    mean: f64,
    chance: Chance,
    sent: Arc<Sent>,
) {
    let requests = tasks.clone();
    tasks.spawn(async move {
        let room = Arc::new(Semaphore::new(OPEN_AT_MOST));
        let began = Instant::now();
        let phase = chance.unit();
        let mut due = began;
        loop {
            let day = due.duration_since(began).as_secs_f64() / DAY_SECONDS;
            due += chance.next_arrival(mean * (1.0 + WAVE * ((day + phase) * TAU).sin()));
            let now = Instant::now();
            if now.duration_since(due) > LATE {
                due = now;
            }
            tokio::time::sleep_until(due).await;
            let Ok(place) = room.clone().try_acquire_owned() else {
                sent.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            sent.sent.fetch_add(1, Ordering::Relaxed);
            let request = client.get(&address);
            requests.spawn(async move {
                let _place = place;
                // What comes back concerns the client alone; the services count for themselves.
                if let Ok(response) = request.send().await {
                    drop(response.bytes().await);
                }
            });
        }
    });
}
