//! Keeps texts no longer than they should be: what was taken out stays out, and what is older than it is kept goes.
//!
//! Each replica feeds its own list of redactions outside the database, and forgets what it holds in memory when another
//! one takes a text out. One of them, under a lease, takes out what is kept no longer.

use crate::ledger::{LedgerError, Line};
use crate::serve::ServeError;
use crate::service::{ForgetError, Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::Fence;
use std::time::Duration;
use sternway_domain::audit::retention::{Class, Retention};
use sternway_domain::time::Span;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod answers;

const EVERY: Duration = Duration::from_secs(1);
/// Between two batches: others write meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked for texts that are kept no longer.
const RETENTION: Duration = Duration::from_secs(3_600);
const LEASE: Span = Span::from_secs(30);
const LEASE_NAME: &str = "retention";

/// At the start, before anything is answered: what had been taken out of a database that was restored goes again.
pub async fn begin(service: &Service) -> Result<(), ServeError> {
    let back = service.ledger.compare(service.store.as_ref()).await?;
    again(service, &back).await.map_err(ServeError::Redact)
}

async fn again(service: &Service, back: &[Line]) -> Result<(), ServiceError> {
    if back.is_empty() {
        return Ok(());
    }
    let entries = service.redact_again(back).await?;
    if entries > 0 {
        tracing::warn!(entries, "the database was restored from before texts were redacted; they were taken out again");
    }
    Ok(())
}

/// Why this replica does not follow.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Forget(#[from] ForgetError),
    #[error("what had been redacted is back, as the database was restored; it is tried again to take it out")]
    Back(#[source] ServiceError),
}

async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// The work of one replica.
pub struct Keeper {
    service: Service,
    holder: String,
    rule: Retention,
    /// When texts that are kept no longer are looked for next.
    due: Instant,
    /// What came back with another database, until it went again.
    back: Vec<Line>,
    /// Told once until it goes on.
    told: bool,
}

impl Keeper {
    pub fn new(service: Service, holder: String, rule: Retention) -> Self {
        Self { service, holder, rule, due: Instant::now(), back: Vec::new(), told: false }
    }

    /// Until the shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let work = async {
            let mut answers = answers::Answers::default();
            loop {
                self.turn().await;
                answers.turn(&self.service).await;
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    pub async fn turn(&mut self) {
        match self.follow().await {
            Ok(()) => self.told = false,
            Err(error) if !self.told => {
                self.told = true;
                tracing::error!(error = &error as &dyn std::error::Error, "redactions are not followed");
            }
            Err(_) => {}
        }
        if self.rule.forever() || Instant::now() < self.due {
            return;
        }
        match self.retain().await {
            Ok(_) => self.due = Instant::now() + RETENTION,
            Err(error) => {
                self.due = Instant::now() + Duration::from_secs(60);
                tracing::warn!(error = &error as &dyn std::error::Error, "old texts were not taken out");
            }
        }
    }

    /// Removes answers that are older than a day. Returns how many went.
    pub async fn forget_answers(&self) -> Result<u64, StoreError> {
        answers::forget(&self.service).await
    }

    /// What others took out, and what came back.
    async fn follow(&mut self) -> Result<(), Fault> {
        let (service, store) = (&self.service, self.service.store.as_ref());
        if store.head().await.map_err(LedgerError::from)?.leaves <= service.ledger.read_up_to().await {
            // Restored under our feet.
            self.back = service.ledger.compare(store).await?;
        }
        if service.ledger.feed(store).await? || !service.ledger.clean() {
            service.forget_texts().await?;
        }
        again(service, &self.back).await.map_err(Fault::Back)?;
        self.back.clear();
        Ok(())
    }

    /// One pass over everything that is kept no longer. Says of how many entries a text went.
    pub async fn retain(&self) -> Result<usize, ServiceError> {
        let mut entries = 0;
        for class in Class::ALL {
            let mut after = -1;
            loop {
                if self.service.memory.rewound().is_some() {
                    return Ok(entries);
                }
                let Some(lease) = self.service.store.lease(LEASE_NAME, &self.holder, LEASE).await? else {
                    return Ok(entries);
                };
                let fence = Fence { lease: lease.name, token: lease.token };
                match self.service.retain(&self.rule, class, after, &fence).await? {
                    Some(batch) => {
                        entries += batch.entries;
                        // The same again once: a hold was placed meanwhile, and the next look sees it.
                        after = batch.last;
                        pause().await;
                    }
                    None => break,
                }
            }
        }
        if entries > 0 {
            // The next turn finds the news and forgets what is in memory.
            tracing::info!(entries, "old texts were taken out");
        }
        Ok(entries)
    }
}
