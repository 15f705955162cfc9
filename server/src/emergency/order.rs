//! What a spooled emergency means for the release that is under way: it goes back too, or the engine would give the canary
//! its traffic back.

use super::spool::Record;
use crate::service::{ActRequest, Caller, Overrides, PastNoReturn, Service, ServiceError, Wanted, decode};
use crate::store::rows::ReleaseFilter;
use sternway_domain::component::Scope;
use sternway_domain::id::ServiceName;
use sternway_domain::migration::Migration;
use sternway_domain::release::table::allowed;
use sternway_domain::release::{Release, ReleaseAct, State};
use sternway_domain::time::Timestamp;

/// How often an order is tried against a release that moves meanwhile.
const TRIES: u32 = 5;
/// Releases under way at once are fewer.
const MOST: u32 = 10_000;

/// What became of it.
#[derive(Default)]
pub(super) struct Order {
    /// The release that the act was about.
    pub(super) release: Option<Release>,
    /// Why that may not go back as long as no person takes it upon them.
    pub(super) waits: Option<String>,
}

/// Has the whole release rolled back in which the service moves, the judged one or a component.
pub(super) async fn order(service: &Service, record: &Record, caller: &Caller) -> Result<Order, ServiceError> {
    for _ in 0..TRIES {
        let Some(release) = moving(service, &record.service).await? else { return Ok(Order::default()) };
        if began_after(&release, record.occurred) {
            return Ok(Order::default());
        }
        if !allowed(&release.state, ReleaseAct::Rollback) {
            return Ok(Order { release: Some(release), waits: None });
        }
        if let Some(refused) = refused(service, &release).await? {
            return Ok(waiting(release, refused));
        }
        let request = ActRequest {
            release: release.id,
            wanted: Wanted::Rollback { scope: Scope::default() },
            reason: record.reason.clone(),
            expected_version: release.version,
            // It happened already: there is nothing left to weigh.
            overrides: Overrides { capacity: true, ..Overrides::default() },
            idempotency_key: format!("emergency:{}:{}", record.id, release.version),
        };
        match service.act(caller, request).await {
            Ok(_) => return Ok(Order { release: Some(release), waits: None }),
            Err(ServiceError::Stale { .. } | ServiceError::DataMoved) => {}
            Err(ServiceError::PastNoReturn(refused)) => return Ok(waiting(release, *refused)),
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => {
                tracing::error!(release = %release.id, %error, "the release of an emergency could not be rolled back; a person has to");
                return Ok(Order { release: Some(release), waits: None });
            }
        }
    }
    Ok(Order::default())
}

/// A hotfix is to get its traffic: then nothing of what was rolled back is there any more.
fn waiting(release: Release, refused: PastNoReturn) -> Order {
    let waits = (release.state != State::RollingForward).then(|| refused.to_string());
    Order { release: Some(release), waits }
}

/// The release under way in which it moves; a service moves in one at a time.
async fn moving(service: &Service, name: &ServiceName) -> Result<Option<Release>, ServiceError> {
    let filter = ReleaseFilter { active: Some(true), limit: MOST, ..ReleaseFilter::default() };
    for row in service.store.releases(&filter).await? {
        let release: Release = decode("release", &row.body)?;
        if release.moves().into_iter().any(|(moves, _)| moves == name) {
            return Ok(Some(release));
        }
    }
    Ok(None)
}

async fn refused(service: &Service, release: &Release) -> Result<Option<PastNoReturn>, ServiceError> {
    for row in service.store.migrations(release.id).await? {
        let migration: Migration = decode("migration", &row.body)?;
        if let Some(refused) = PastNoReturn::of(&migration) {
            return Ok(Some(refused));
        }
    }
    Ok(None)
}

/// A release that began after the emergency was not what anybody rolled back.
fn began_after(release: &Release, occurred: Timestamp) -> bool {
    release.stages_entered.first().is_some_and(|stage| stage.at > occurred)
}
