//! Migrations begin with their release: their documents are pinned as they are then.

use super::migration_write;
use crate::service::saga::names;
use crate::service::{Caller, Result, Service, ServiceError, decode};
use crate::store::rows::MigrationWrite;
use std::collections::BTreeSet;
use sternway_domain::migration::{Migration, MigrationPlan};
use sternway_domain::release::Release;

impl Service {
    /// The first event of each, and a line for the log with the version that is pinned.
    pub(in crate::service) async fn planned(
        &self,
        caller: &Caller,
        release: &Release,
        wanted: &[String],
    ) -> Result<Vec<(MigrationWrite, String)>> {
        let components = names(release);
        let mut seen = BTreeSet::new();
        let mut planned = Vec::new();
        for (i, name) in wanted.iter().enumerate() {
            let wrong = |text: String| ServiceError::Invalid { field: format!("migrations[{i}]"), text };
            if !seen.insert(name) {
                return Err(wrong(format!("`{name}` is named twice")));
            }
            let row = self.store.document("Migration", name, None).await?;
            let row = row.ok_or_else(|| wrong(format!("there is no migration `{name}`; apply it first")))?;
            let plan: MigrationPlan = decode("migration", &row.body)?;
            if !components.contains(&plan.component) {
                let (of, service) = (&plan.component, &release.service);
                return Err(wrong(format!("it belongs to `{of}`, which does not move in this release of `{service}`")));
            }
            let events = Migration::plan(plan, release.id, &caller.actor, release.created_at)?;
            let first = Migration::fold(&events).expect("the first event of a stream plans it");
            let pinned = format!("migration `{name}` v{} {}", row.version, row.digest);
            planned.extend(migration_write(0, &events, &first).map(|write| (write, pinned)));
        }
        Ok(planned)
    }
}
