//! Works on active releases: reads, judges, reconciles, executes. One task per release, under a lease.
//!
//! It makes no choices of its own: what should be done is said by `sternway_domain::engine::reconcile`, and every
//! decision goes through the application service like anybody else's.

use crate::live::{Change, Topic};
use crate::ports::{SignalSource, TrafficDriver};
use crate::service::{Service, ServiceError};
use crate::steps::Hands;
use crate::store::rows::ReleaseFilter;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::id::ReleaseId;
use sternway_domain::service::Service as ServiceDocument;
use sternway_domain::signal::Source;
use sternway_domain::time::Span;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod courier;
mod errand;
mod execute;
mod look;
mod members;
mod steward;
mod tenure;
mod watch;

use steward::Steward;

/// Connects a service's document to the world it names.
pub trait Adapters: Send + Sync {
    /// What cannot be built is a configuration error; the text is shown on the page.
    /// The second source is asked for only where the document names one.
    fn source(&self, service: &ServiceDocument, which: Source) -> Result<Arc<dyn SignalSource>, String>;
    fn driver(&self, service: &ServiceDocument) -> Result<Arc<dyn TrafficDriver>, String>;
}

/// How the engine paces itself.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Names this replica in leases; unique.
    pub holder: String,
    /// A lease not renewed for this long is anybody's.
    pub lease: Span,
    /// How often traffic is observed and unclaimed releases are looked for.
    pub poll: Duration,
}

/// The engine of one replica.
#[derive(Clone)]
pub struct Engine {
    pub service: Service,
    pub adapters: Arc<dyn Adapters>,
    /// What carries out the steps of sagas.
    pub hands: Hands,
    pub config: EngineConfig,
}

impl Engine {
    /// Runs until cancelled, then gives its leases back.
    pub async fn run(self, cancel: CancellationToken) {
        let mut stewards: JoinSet<ReleaseId> = JoinSet::new();
        let mut busy: HashMap<ReleaseId, CancellationToken> = HashMap::new();
        let mut changes = self.service.bus.subscribe();
        let mut poll = tokio::time::interval(self.config.poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = poll.tick() => {}
                change = changes.recv() => match change {
                    Ok(change) if !unclaimed(&change, &busy) => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                // It may have become active again while its steward was leaving.
                Some(ended) = stewards.join_next() => {
                    if let Ok(id) = ended {
                        busy.remove(&id);
                    }
                }
            }
            while changes.try_recv().is_ok() {}
            self.claim(&mut stewards, &mut busy, &cancel).await;
        }
        for token in busy.values() {
            token.cancel();
        }
        while stewards.join_next().await.is_some() {}
        if let Err(error) = self.service.store.release_leases(&self.config.holder).await {
            tracing::warn!(%error, "leases could not be given back; they end by themselves");
        }
    }

    /// Takes every active release that nobody works on.
    async fn claim(
        &self,
        stewards: &mut JoinSet<ReleaseId>,
        busy: &mut HashMap<ReleaseId, CancellationToken>,
        cancel: &CancellationToken,
    ) {
        match self.service.may_work().await {
            Ok(true) => {}
            Ok(false) => {
                busy.values().for_each(CancellationToken::cancel);
                return;
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "how far the database has come could not be read"
                );
                return;
            }
        }
        let filter = ReleaseFilter { active: Some(true), limit: 10_000, ..ReleaseFilter::default() };
        let rows = match self.service.store.releases(&filter).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "active releases could not be read");
                return;
            }
        };
        for row in rows {
            if busy.contains_key(&row.id) {
                continue;
            }
            match Steward::claim(self, row.id).await {
                Ok(Some(steward)) => {
                    let token = cancel.child_token();
                    busy.insert(row.id, token.clone());
                    stewards.spawn(async move {
                        steward.run(token).await;
                        row.id
                    });
                }
                Ok(None) => {}
                Err(error) => log_failure(row.id, &error),
            }
        }
    }
}

/// Whether this may be about a release that nobody here works on. Stewards hear of their own releases themselves; each
/// tick of each release would otherwise have all of them read.
fn unclaimed(change: &Change, busy: &HashMap<ReleaseId, CancellationToken>) -> bool {
    matches!(&change.topic, Topic::Release { id, .. } if !busy.contains_key(id))
}

/// A failure that the next round may mend. Logged once, here.
fn log_failure(release: ReleaseId, error: &ServiceError) {
    tracing::error!(%release, error = error as &dyn std::error::Error, "the engine could not work on a release");
}
