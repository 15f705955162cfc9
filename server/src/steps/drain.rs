//! Waits until the candidate works on nothing any more, or the limit is reached.

use crate::ports::{Clock, TrafficDriver};
use std::time::Duration;
use sternway_domain::saga::{Answer, drained};
use sternway_domain::time::Span;
use tokio::time::Instant;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// Looks until it is over. Where the driver cannot say what is in flight, the whole limit is waited: that is what a
/// limit is for.
pub(super) async fn wait(driver: &dyn TrafficDriver, limit: Span, clock: &dyn Clock) -> Answer {
    let begun = Instant::now();
    loop {
        let waited = Span::from_micros(i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX));
        // Whole milliseconds read better.
        let waited = Span::from_millis(waited.micros() / 1_000);
        match driver.observe(clock.now()).await.map(|seen| seen.canary_in_flight) {
            Ok(Some(in_flight)) => {
                if let Some(output) = drained(in_flight, waited, limit) {
                    return Answer::Done { output };
                }
            }
            Ok(None) if waited >= limit => {
                let output = format!("the driver cannot say what is in flight; waited the limit of {limit}");
                return Answer::Done { output };
            }
            Err(failure) if waited >= limit => {
                return Answer::Failed { error: failure.to_string(), again: true };
            }
            Ok(None) | Err(_) => {}
        }
        let left = Duration::from_micros((limit.micros() - waited.micros()).max(0).unsigned_abs());
        tokio::time::sleep(left.clamp(Duration::from_millis(1), EVERY)).await;
    }
}
