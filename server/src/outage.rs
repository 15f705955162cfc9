//! Whether the database can be reached. Asked once a second, so that people are told at once instead of waiting for it.

use crate::live::Topic;
use crate::service::Service;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::time::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many in a row: one alone may be a busy moment.
const MISSES: u32 = 2;

/// Shared by all of one process.
#[derive(Debug, Clone)]
pub struct Outage(Arc<watch::Sender<Option<Timestamp>>>);

impl Default for Outage {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Outage {
    /// Since when it cannot be reached; `None` while it can.
    pub fn since(&self) -> Option<Timestamp> {
        *self.0.borrow()
    }
}

/// Works until the shutdown.
pub async fn watch(service: Service, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = ask_again(&service) => {}
    }
}

async fn ask_again(service: &Service) {
    let (mut missed, mut first) = (0, None);
    loop {
        tokio::time::sleep(EVERY).await;
        let asked = service.clock.now();
        let answered = tokio::time::timeout(PATIENCE, service.store.ping()).await.is_ok_and(|answer| answer.is_ok());
        match (answered, service.outage.since()) {
            (true, Some(since)) => {
                tracing::warn!(since = since.to_rfc3339(), "the database answers again");
                service.outage.0.send_replace(None);
                // Whoever looks may have missed anything.
                for topic in [Topic::Decisions, Topic::Configuration, Topic::Flags] {
                    service.bus.touched(topic);
                }
            }
            (false, None) => {
                missed += 1;
                let since = *first.get_or_insert(asked);
                if missed >= MISSES {
                    tracing::error!(
                        since = since.to_rfc3339(),
                        "the database cannot be reached; nothing can be changed"
                    );
                    service.outage.0.send_replace(Some(since));
                }
                continue;
            }
            _ => {}
        }
        if answered {
            (missed, first) = (0, None);
        }
    }
}
