//! Questions that more than one transport asks.

use super::take_out::corrupt;
use super::{Caller, Reading, Result, Service, decode};
use crate::store::rows::{DecisionFilter, DecisionRow, ReleaseFilter};
use std::collections::BTreeMap;
use sternway_domain::access::Action;
use sternway_domain::audit::Entry;
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::release::{Event, Release, RunbookRef};
use sternway_domain::service::Service as ServiceDocument;
use sternway_domain::time::Timestamp;

impl Service {
    pub async fn releases(&self, caller: &Caller, filter: &ReleaseFilter) -> Result<Vec<Release>> {
        self.authorise(caller, Action::View)?;
        let rows = self.store.releases(filter).await?;
        rows.iter().map(|row| decode("release", &row.body)).collect()
    }

    pub async fn release(&self, caller: &Caller, id: ReleaseId) -> Result<Release> {
        self.authorise(caller, Action::View)?;
        self.load(id).await
    }

    /// The events of a release with their times, oldest first.
    pub async fn history(&self, caller: &Caller, id: ReleaseId, after: i64) -> Result<Vec<(Timestamp, Event)>> {
        self.authorise(caller, Action::View)?;
        let rows = self.store.events(id, after).await?;
        rows.iter().map(|row| Ok((row.at, decode("event", &row.body)?))).collect()
    }

    /// For somebody who reads the log: that is written down.
    pub async fn decisions(&self, caller: &Caller, filter: &DecisionFilter) -> Result<Vec<DecisionRow>> {
        self.authorise(caller, Action::Read)?;
        self.note_read(caller, &Reading::List(filter)).await?;
        if filter.text.is_none() {
            return Ok(self.store.decisions(filter).await?);
        }
        self.searches.run(async { Ok(self.store.decisions(filter).await?) }).await
    }

    /// The acts themselves by their place in the log, as their entries tell them. What cannot be read is left out.
    pub async fn acts(&self, rows: &[DecisionRow]) -> Result<BTreeMap<i64, Entry>> {
        let places: Vec<i64> = rows.iter().map(|row| row.leaf_index).collect();
        Ok(self.store.entries(&places).await?)
    }

    /// The same of one.
    pub async fn entry(&self, row: &DecisionRow) -> Result<Entry> {
        let entry = self.acts(std::slice::from_ref(row)).await?.remove(&row.leaf_index);
        let unread = || corrupt(format!("entry {} is missing or cannot be read", row.leaf_index));
        Ok(entry.ok_or_else(unread)?)
    }

    /// The service's document, if it was applied.
    pub async fn service_document(&self, name: &ServiceName) -> Result<Option<ServiceDocument>> {
        let row = self.store.document("Service", name.as_str(), None).await?;
        row.map(|row| decode("service", &row.body)).transpose()
    }

    /// The service's runbooks as they are now, to be pinned by a start.
    pub(super) async fn runbooks_to_pin(&self, release: &Release) -> Result<Vec<RunbookRef>> {
        let Some(service) = self.service_document(&release.service).await? else { return Ok(Vec::new()) };
        let mut pinned = Vec::new();
        for name in service.runbooks {
            if let Some(row) = self.store.document("Runbook", name.as_str(), None).await? {
                pinned.push(RunbookRef { name, version: row.version, digest: row.digest });
            }
        }
        Ok(pinned)
    }
}
