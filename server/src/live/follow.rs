//! Takes in what other processes do, so that pages, engine and flags of this one hear of it.
//!
//! By the database's notice where something was decided, and by looking once a second: a notice can be lost, and ticks and
//! what steps say have none.

use super::{Bus, Topic};
use crate::service::{Service, ServiceError};
use crate::store::Store;
use crate::store::rows::{DecisionFilter, Head};
use std::collections::HashMap;
use std::time::Duration;
use sternway_domain::access::Action;
use sternway_domain::id::ReleaseId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How much later something is heard of whose notice was lost.
const LOOK: Duration = Duration::from_secs(1);

/// Works until the shutdown. Has nothing to do where no other process can write. `holder` is this one's name in leases.
pub async fn follow(service: Service, holder: String, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = look_again(&service, &holder) => {}
    }
}

/// How far it was read.
#[derive(Default)]
struct Read {
    head: Option<Head>,
    /// Index of the newest entry by which documents were applied.
    applied: Option<i64>,
    marks: HashMap<ReleaseId, i64>,
}

async fn look_again(service: &Service, holder: &str) {
    let Some(mut notices) = service.store.listen().await else { return };
    let (mut read, mut lost, mut marked) = (Read::default(), false, Instant::now());
    loop {
        let due = marked.elapsed() >= LOOK;
        if due {
            marked = Instant::now();
        }
        match look(service, holder, &mut read, due).await {
            Ok(()) => lost = false,
            // Told once: pages and flags stay as they were last seen.
            Err(error) if !lost => {
                lost = true;
                tracing::warn!(%error, "what other processes do cannot be read; what was seen last stays in force");
            }
            Err(_) => {}
        }
        // Whether by notice or by time: look again.
        if let Ok(Err(_gone)) = tokio::time::timeout(LOOK, notices.changed()).await {
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn look(service: &Service, holder: &str, read: &mut Read, marks: bool) -> Result<(), ServiceError> {
    let (store, bus) = (service.store.as_ref(), &service.bus);
    let head = store.head().await?;
    if service.flags.refresh(store).await? {
        bus.touched(Topic::Flags);
    }
    // What was read may be of a commit whose end has not been heard of here yet.
    bus.commits.settled().await;
    match read.head {
        Some(before) if head.position > before.position => tell_moved(service, bus, before.position).await?,
        _ => {}
    }
    if read.head.is_none_or(|before| head.leaves != before.leaves) {
        let filter =
            DecisionFilter { action: Some(Action::Apply.as_str().to_owned()), limit: 1, ..DecisionFilter::default() };
        let applied = store.decisions(&filter).await?.first().map(|row| row.leaf_index);
        if let Some(before) = read.head {
            let own = bus.wrote(before.leaves..head.leaves);
            if !own && !only_reads(store, before.leaves, head.leaves).await? {
                bus.heard(Topic::Decisions, head.position);
            }
            if applied != read.applied {
                bus.touched(Topic::Configuration);
            }
        }
        read.applied = applied;
    }
    read.head = Some(head);
    if marks {
        let mut now = HashMap::new();
        for row in store.marks(holder).await? {
            if read.marks.get(&row.release).is_some_and(|before| *before != row.mark) {
                bus.touched(Topic::Release { id: row.release, service: row.service });
            }
            now.insert(row.release, row.mark);
        }
        read.marks = now;
    }
    Ok(())
}

/// That somebody read the log changes no page: pages that read again because of it would never come to rest.
async fn only_reads(store: &dyn Store, before: i64, leaves: i64) -> Result<bool, ServiceError> {
    const FEW: i64 = 50;
    let new = leaves - before;
    if !(1..=FEW).contains(&new) {
        return Ok(false);
    }
    let filter = DecisionFilter { limit: FEW as u32, ..DecisionFilter::default() };
    let rows = store.decisions(&filter).await?;
    Ok(rows.iter().filter(|row| row.leaf_index >= before).all(|row| row.action == Action::Read.as_str()))
}

async fn tell_moved(service: &Service, bus: &Bus, after: i64) -> Result<(), ServiceError> {
    for row in service.store.moved(after).await? {
        if !bus.made(row.position) {
            bus.heard(Topic::Release { id: row.release, service: row.service }, row.position);
        }
    }
    Ok(())
}
