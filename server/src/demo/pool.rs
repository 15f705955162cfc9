//! The slots an instance works in: taken by requests, held by background jobs, lost to leaks.
//!
//! Saturation is what is really taken of them, smoothed over five seconds; nothing else goes into it but the part of a
//! slot that a leak has not yet filled.

use super::chance::Chance;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for a slot before it is turned away.
const PATIENCE: Duration = Duration::from_secs(1);
const SMOOTHING_SECONDS: f64 = 5.0;

#[derive(Debug)]
pub(super) struct Pool {
    slots: Arc<Semaphore>,
    size: u32,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    background: Vec<OwnedSemaphorePermit>,
    usual_background: usize,
    leaked: Vec<OwnedSemaphorePermit>,
    /// Slots that should be lost by now.
    leak: f64,
    /// Slots taken, smoothed.
    taken: f64,
}

impl Pool {
    pub(super) fn new(size: u32, background: u32) -> Self {
        let slots = Arc::new(Semaphore::new(size as usize));
        let background: Vec<_> = (0..background).map_while(|_| slots.clone().try_acquire_owned().ok()).collect();
        let taken = background.len() as f64;
        let usual_background = background.len();
        let held = Held { background, usual_background, leaked: Vec::new(), leak: 0.0, taken };
        Self { slots, size, held: Mutex::new(held) }
    }

    /// A slot until the permit is dropped; `None` when none came free in time.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(PATIENCE, self.slots.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Lets `elapsed` seconds pass and returns the saturation, ratio 0-1.
    pub(super) fn tick(&self, elapsed: f64, leak_per_second: f64, chance: &Chance) -> f64 {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let size = f64::from(self.size);
        if leak_per_second > 0.0 {
            held.leak = (held.leak + leak_per_second * size * elapsed).min(size);
        } else {
            held.leak = 0.0;
            held.leaked.clear();
        }
        while held.leaked.len() < held.leak as usize {
            let Ok(permit) = self.slots.clone().try_acquire_owned() else { break };
            held.leaked.push(permit);
        }
        // A background job ends or starts now and then.
        match chance.unit() {
            u if u < 0.05 && held.background.len() + 1 > held.usual_background => drop(held.background.pop()),
            u if u > 0.95 && held.background.len() < held.usual_background + 1 => {
                held.background.extend(self.slots.clone().try_acquire_owned());
            }
            _ => {}
        }
        let taken = size - self.slots.available_permits() as f64;
        held.taken += (taken - held.taken) * (elapsed / SMOOTHING_SECONDS).min(1.0);
        let unfilled = (held.leak - held.leaked.len() as f64).clamp(0.0, 1.0);
        ((held.taken + unfilled) / size).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_leak_then_saturation_grows_until_requests_are_turned_away_and_clearing_it_heals() {
        let (pool, chance) = (Pool::new(20, 5), Chance::new(1, "pool"));
        let calm = pool.tick(0.5, 0.0, &chance);
        assert!((0.2..=0.3).contains(&calm), "calm at {calm}");
        let mut full = 0.0;
        for _ in 0..200 {
            full = pool.tick(0.5, 0.02, &chance);
        }
        assert!(full > 0.95, "full at {full}");
        assert_eq!(pool.slots.available_permits(), 0);
        pool.tick(0.5, 0.0, &chance);
        assert!(pool.slots.available_permits() > 10);
    }
}
