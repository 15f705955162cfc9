//! When and where what a decision asked of the proxy was seen there.

use super::Plane;
use crate::service::{Result, decode};
use std::collections::BTreeMap;
use sternway_domain::id::{DecisionId, ReleaseId};
use sternway_domain::release::Event;
use sternway_domain::time::Timestamp;

/// The proxy's report of what a decision asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confirmation {
    pub(super) at: Timestamp,
    /// The proxy: `haproxy-eu-1`.
    pub(super) from: String,
}

impl Plane {
    /// Of every decision of a release that asked for traffic and was not overtaken before the proxy reported it.
    pub(super) async fn confirmations(&self, release: ReleaseId) -> Result<BTreeMap<DecisionId, Confirmation>> {
        let mut confirmed = BTreeMap::new();
        let mut waiting = None;
        for event in self.service.store.events(release, 0).await? {
            match decode::<Event>("event", &event.body)? {
                Event::TrafficConfirmed { from, at, .. } => {
                    if let Some(decision) = waiting.take() {
                        confirmed.insert(decision, Confirmation { at, from });
                    }
                }
                other if other.asks().is_some() => waiting = event.decision,
                _ => {}
            }
        }
        Ok(confirmed)
    }
}
