//! Between the return of the database and the taking in of a spool the engine still believes in the old share. It must
//! not give the canary its traffic back in that moment, so on this machine the spool is looked at first.

use super::key::Registered;
use super::spool::read;
use crate::ports::{DriverFailure, Intent, Observation, TrafficDriver};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use sternway_domain::plan::Weight;
use sternway_domain::time::Timestamp;

/// Where spools lie, and whose count.
#[derive(Debug, Clone)]
pub struct Brake {
    pub spool: PathBuf,
    pub keys: Vec<Registered>,
}

impl Brake {
    /// The same driver, except that it gives no canary traffic while an emergency of its service waits.
    pub fn over(&self, driver: Arc<dyn TrafficDriver>) -> Arc<dyn TrafficDriver> {
        if self.keys.is_empty() { driver } else { Arc::new(Braked { brake: self.clone(), driver }) }
    }

    fn waits(&self, intent: &Intent) -> bool {
        super::intake::waiting(&self.spool).iter().any(|path| {
            read(path, &self.keys).is_ok_and(|records| records.iter().any(|record| record.service == intent.service))
        })
    }
}

struct Braked {
    brake: Brake,
    driver: Arc<dyn TrafficDriver>,
}

#[async_trait]
impl TrafficDriver for Braked {
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure> {
        if intent.canary > Weight::ZERO && self.brake.waits(intent) {
            return Err(DriverFailure::Refused {
                target_name: format!("the spool `{}`", self.brake.spool.display()),
                detail: "an emergency rollback of this service waits to be taken in".to_owned(),
            });
        }
        self.driver.apply(intent).await
    }

    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure> {
        self.driver.observe(now).await
    }

    fn fenced(&self) -> bool {
        self.driver.fenced()
    }
}
