//! Answers are kept for a day, so that asking twice is asking once. Then they go: they show people, releases and flags as
//! they were.

use crate::service::Service;
use crate::store::StoreError;
use std::time::Duration;
use sternway_domain::time::Span;
use tokio::time::Instant;

const KEPT: Span = Span::from_secs(86_400);
const EVERY: Duration = Duration::from_secs(60);
/// At once: nobody waits long for the log.
const BATCH: u32 = 500;

/// Removes answers when their time has come.
#[derive(Default)]
pub(super) struct Answers {
    due: Option<Instant>,
}

impl Answers {
    pub(super) async fn turn(&mut self, service: &Service) {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        if let Err(error) = forget(service).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "answers of yesterday were not removed");
        }
        self.due = Some(Instant::now() + EVERY);
    }
}

/// All that are older than a day. Returns how many went.
pub(super) async fn forget(service: &Service) -> Result<u64, StoreError> {
    let before = service.clock.now() - KEPT;
    let mut all = 0;
    loop {
        let went = service.store.forget_answers(before, BATCH).await?;
        all += went;
        if went < u64::from(BATCH) {
            return Ok(all);
        }
        super::pause().await;
    }
}
