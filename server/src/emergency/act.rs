//! Gives the baseline all traffic and looks until the proxy says so.

use super::copy::Copied;
use super::key::SecretKey;
use super::spool::{Loss, Record, Said, Spool, SpoolError};
use crate::drivers::{self, MemoryTraffic};
use crate::outbound::Outbound;
use crate::ports::{Clock, Intent, Rng, TrafficDriver};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::service::Traffic;
use tokio::time::Instant;
use uuid::Uuid;

/// Between two looks at the proxy.
const EVERY: Duration = Duration::from_millis(200);

/// What is asked.
pub struct Asked<'a> {
    /// In this order, each with what is known of data that would be lost.
    pub services: &'a [(ServiceName, Option<Loss>)],
    pub reason: &'a str,
    /// What `/readyz` said.
    pub server: &'a str,
    pub forced: bool,
    /// Names this run in its spool.
    pub run: Uuid,
    /// How long each proxy is asked and looked at.
    pub within: Duration,
}

/// What became of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub service: ServiceName,
    pub before: Option<u8>,
    /// What the proxy reported last, percent for the canary.
    pub after: Option<u8>,
    pub from: String,
    /// Whether the proxy reports that the canary gets nothing.
    pub done: bool,
    pub detail: String,
}

/// One service after the other. All of them are written down before the first is asked, so that the spool is not taken in
/// between two. Stops only when the spool cannot be written.
pub async fn roll_back(
    asked: &Asked<'_>,
    copied: &Copied,
    outbound: &Outbound,
    clock: Arc<dyn Clock>,
    rng: &dyn Rng,
    key: &SecretKey,
    spool: &mut Spool,
) -> Result<Vec<Outcome>, SpoolError> {
    let mut outcomes = Vec::new();
    let record = |service: &ServiceName, loss: &Option<Loss>, said| Record {
        v: 1,
        id: id(rng),
        run: asked.run,
        previous: None,
        occurred: clock.now(),
        owner: key.owner.clone(),
        service: service.clone(),
        reason: asked.reason.to_owned(),
        server: asked.server.to_owned(),
        forced: asked.forced,
        loss: loss.clone(),
        said,
    };
    for (service, loss) in asked.services {
        spool.add(record(service, loss, Said::Begun), key)?;
    }
    for (service, loss) in asked.services {
        let outcome = match driver(service, copied, outbound, clock.clone()) {
            Ok(driver) => one(service, driver.as_ref(), clock.as_ref(), asked.run, asked.within).await,
            Err(detail) => {
                let service = service.clone();
                Outcome { service, before: None, after: None, from: String::new(), done: false, detail }
            }
        };
        let Outcome { before, after, from, done, detail, .. } = outcome.clone();
        spool.add(record(service, loss, Said::Ended { before, after, from, done, detail }), key)?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn id(rng: &dyn Rng) -> Uuid {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn driver(
    service: &ServiceName,
    copied: &Copied,
    outbound: &Outbound,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn TrafficDriver>, String> {
    let document =
        copied.document(service).ok_or("no document of this service is at hand; name it with `--services`")?;
    match &document.traffic {
        Traffic::Haproxy(_) => {}
        Traffic::Webhook(_) => {
            return Err(
                "its program refuses whoever has no lease, and only the server has one; tell the program itself"
                    .to_owned(),
            );
        }
        Traffic::Memory => return Err("its traffic is moved inside the server's own process".to_owned()),
    }
    drivers::build(&document, outbound, clock, 0, &MemoryTraffic::default()).map_err(|error| error.to_string())
}

async fn one(
    service: &ServiceName,
    driver: &dyn TrafficDriver,
    clock: &dyn Clock,
    run: Uuid,
    within: Duration,
) -> Outcome {
    let end = Instant::now() + within;
    let intent =
        Intent { service: service.clone(), canary: Weight::ZERO, key: format!("emergency:{run}:{service}"), token: 0 };
    let before = driver.observe(clock.now()).await.ok().map(|seen| seen.canary.percent());
    loop {
        let told = driver.apply(&intent).await;
        let seen = driver.observe(clock.now()).await;
        let (after, from, done, detail) = match (&told, &seen) {
            (_, Ok(seen)) if seen.canary == Weight::ZERO => (Some(0), seen.from.clone(), true, String::new()),
            (Err(failure), Ok(seen)) => (Some(seen.canary.percent()), seen.from.clone(), false, failure.to_string()),
            (Ok(()), Ok(seen)) => {
                let text = "it was told and did not change".to_owned();
                (Some(seen.canary.percent()), seen.from.clone(), false, text)
            }
            (_, Err(failure)) => (None, String::new(), false, failure.to_string()),
        };
        if done || Instant::now() >= end {
            return Outcome { service: service.clone(), before, after, from, done, detail };
        }
        tokio::time::sleep(EVERY).await;
    }
}
