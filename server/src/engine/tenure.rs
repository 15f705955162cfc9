//! Until when this replica may act on a release, by its own clock.
//!
//! Counted from before the lease was asked for, and a tenth shorter than the database counts: whoever is cut off from the
//! database stops before another replica can begin. What cannot check a token itself is protected by nothing else.

use std::time::Duration;
use sternway_domain::time::Span;
use tokio::sync::watch;
use tokio::time::Instant;

/// Held by the steward, which renews it.
pub(super) struct Tenure {
    until: watch::Sender<Instant>,
    renew_at: Instant,
    lease: Duration,
}

impl Tenure {
    /// `asked_at`: when the question for the lease left.
    pub(super) fn new(lease: Span, asked_at: Instant) -> Self {
        let lease = Duration::from_micros(lease.micros().unsigned_abs());
        let mut tenure = Self { until: watch::Sender::new(asked_at), renew_at: asked_at, lease };
        tenure.renewed(asked_at);
        tenure
    }

    pub(super) fn renewed(&mut self, asked_at: Instant) {
        self.until.send_replace(asked_at + self.lease * 9 / 10);
        self.renew_at = asked_at + self.renewal();
    }

    pub(super) fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// How often it is renewed; also how long the database may take to answer.
    pub(super) fn renewal(&self) -> Duration {
        self.lease / 3
    }

    pub(super) fn term(&self) -> Term {
        Term(self.until.subscribe())
    }
}

/// The same for everything that acts under it.
#[derive(Debug, Clone)]
pub(super) struct Term(watch::Receiver<Instant>);

impl Term {
    /// Asked right before anything leaves. A process that slept finds out here.
    pub(super) fn stands(&self) -> bool {
        Instant::now() < *self.0.borrow()
    }

    /// Does the work as long as the term stands; `None` when it was over before.
    pub(super) async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.clone().over() => None,
            done = work => Some(done),
        }
    }

    async fn over(self) {
        while self.stands() {
            let until = *self.0.borrow();
            tokio::time::sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn given_a_lease_that_is_not_renewed_then_work_under_it_ends_before_the_database_would_give_it_away() {
        let began = Instant::now();
        let mut tenure = Tenure::new(Span::from_millis(500), began);
        let term = tenure.term();
        // Renewed once, as if that had been asked 200 ms later.
        tenure.renewed(began + Duration::from_millis(200));
        let cut = term.clone().within(std::future::pending::<()>()).await;
        assert_eq!(cut, None);
        let worked = began.elapsed();
        assert!(worked >= Duration::from_millis(650), "{worked:?}: 200 ms and nine tenths of 500 ms");
        assert!(!term.stands());
        assert_eq!(term.within(std::future::ready(1)).await, None, "nothing leaves afterwards");
    }
}
