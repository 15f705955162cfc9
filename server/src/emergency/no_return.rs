//! What moves together now, and what may not go back because data would be lost: followed by the server, and kept in the
//! copy beside the database for when that is down. No names of people stand in it.

use crate::service::{Service, ServiceError, decode};
use crate::store::rows::ReleaseFilter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{MigrationName, ReleaseId, ServiceName};
use sternway_domain::migration::{Migration, OtherWay, WayBack};
use sternway_domain::release::Release;

/// Releases under way at once are fewer.
const MOST: u32 = 10_000;

/// The services of a release under way that has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    pub release: ReleaseId,
    pub services: Vec<ServiceName>,
}

/// A service that may not go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoReturn {
    pub release: ReleaseId,
    pub service: ServiceName,
    /// How far its data has come, and what would be lost.
    pub why: String,
    pub instead: Vec<OtherWay>,
}

/// Both, as the database says now.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) together: Vec<Together>,
    pub(super) no_return: Vec<NoReturn>,
}

/// Reads only what moved since the last look.
#[derive(Debug, Default)]
pub(super) struct Follow {
    generation: u64,
    position: i64,
    lost: BTreeMap<(ReleaseId, MigrationName), Lost>,
}

/// A migration past its point of no return.
#[derive(Debug)]
struct Lost {
    no_return: NoReturn,
    /// What its component runs since; none where the component is no part of its release any more.
    candidate: Option<Artifact>,
}

impl Follow {
    pub(super) async fn look(&mut self, service: &Service) -> Result<Standing, ServiceError> {
        let generation = service.memory.generation();
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        for row in service.store.migrations_after(self.position).await? {
            let migration: Migration = decode("migration", &row.body)?;
            let key = (row.release, row.name);
            self.lost.remove(&key);
            if let Some(no_return) = no_return(&migration) {
                let candidate = candidate(&service.load(row.release).await?, &no_return.service);
                self.lost.insert(key, Lost { no_return, candidate });
            }
            self.position = self.position.max(row.position);
        }
        let filter = ReleaseFilter { active: Some(true), limit: MOST, ..ReleaseFilter::default() };
        let mut moving: BTreeMap<ServiceName, ReleaseId> = BTreeMap::new();
        let mut together = Vec::new();
        for row in service.store.releases(&filter).await? {
            let release: Release = decode("release", &row.body)?;
            let services: Vec<ServiceName> = release.moves().into_iter().map(|(name, _)| name.clone()).collect();
            moving.extend(services.iter().map(|name| (name.clone(), release.id)));
            // A hotfix takes a candidate's place.
            for lost in self.lost.values_mut().filter(|lost| lost.no_return.release == release.id) {
                lost.candidate = candidate(&release, &lost.no_return.service);
            }
            if services.len() > 1 {
                together.push(Together { release: release.id, services });
            }
        }
        together.sort_by_key(|known| known.release);
        let mut no_return = Vec::new();
        for lost in self.lost.values() {
            let of = &lost.no_return;
            let stands = match moving.get(&of.service) {
                Some(release) => *release == of.release,
                // Its release has ended, and what it brought still runs.
                None => lost.candidate.is_some() && service.running_now(&of.service).await? == lost.candidate,
            };
            no_return.extend(stands.then(|| of.clone()));
        }
        Ok(Standing { together, no_return })
    }
}

fn candidate(release: &Release, service: &ServiceName) -> Option<Artifact> {
    release.moves().into_iter().find(|(name, _)| *name == service).map(|(_, candidate)| candidate.clone())
}

/// `None` where the data may go back, or two people took the loss upon them.
fn no_return(migration: &Migration) -> Option<NoReturn> {
    let WayBack::Refused { last_safe, data_loss, instead, .. } = migration.way_back() else { return None };
    let (name, phase) = (&migration.plan.name, migration.phase.label());
    Some(NoReturn {
        release: migration.release,
        service: migration.plan.component.clone(),
        why: format!(
            "`{name}` is at `{phase}`, past its last safe rollback point `{}`. {data_loss}",
            last_safe.label()
        ),
        instead: instead.to_vec(),
    })
}
