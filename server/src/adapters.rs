//! Connects services to the world their documents name: each source and driver is built once per document and kept,
//! because drivers remember what their target told them.

use crate::drivers::{self, MemoryTraffic};
use crate::emergency::Brake;
use crate::engine::Adapters;
use crate::outbound::Outbound;
use crate::ports::{Clock, Rng, SignalSource, TrafficDriver};
use crate::service::encode;
use crate::sources::{self, MemorySignals};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::id::{Digest, ServiceName};
use sternway_domain::service::Service as Document;
use sternway_domain::signal::Source;

/// Sources and drivers by service, each for the version of the document it was built from.
pub struct Connected {
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    traffic: MemoryTraffic,
    signals: MemorySignals,
    sources: Kept<dyn SignalSource>,
    second_sources: Kept<dyn SignalSource>,
    drivers: Kept<dyn TrafficDriver>,
    brake: Option<Brake>,
}

type Kept<T> = Mutex<HashMap<ServiceName, (Digest, Arc<T>)>>;

impl Connected {
    pub fn new(outbound: Outbound, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let (traffic, signals) = (MemoryTraffic::default(), MemorySignals::default());
        Self {
            outbound,
            clock,
            rng,
            traffic,
            signals,
            sources: Mutex::default(),
            second_sources: Mutex::default(),
            drivers: Mutex::default(),
            brake: None,
        }
    }
}

impl Connected {
    /// No driver gives a canary traffic while an emergency of its service waits to be taken in.
    #[must_use]
    pub fn with_brake(mut self, brake: Brake) -> Self {
        self.brake = Some(brake);
        self
    }
}

impl Adapters for Connected {
    fn source(&self, service: &Document, which: Source) -> Result<Arc<dyn SignalSource>, String> {
        let place = match which {
            Source::First => &self.sources,
            Source::Second => &self.second_sources,
        };
        kept(place, service, || {
            sources::build(service, which, &self.outbound, &self.signals).map_err(|error| error.to_string())
        })
    }

    fn driver(&self, service: &Document) -> Result<Arc<dyn TrafficDriver>, String> {
        kept(&self.drivers, service, || {
            let mut seed = [0u8; 8];
            self.rng.fill(&mut seed);
            let seed = u64::from_le_bytes(seed);
            let built = drivers::build(service, &self.outbound, self.clock.clone(), seed, &self.traffic)
                .map_err(|error| error.to_string())?;
            Ok(self.brake.as_ref().map_or_else(|| built.clone(), |brake| brake.over(built.clone())))
        })
    }
}

fn kept<T: ?Sized>(
    place: &Kept<T>,
    service: &Document,
    build: impl FnOnce() -> Result<Arc<T>, String>,
) -> Result<Arc<T>, String> {
    let digest = Digest::of(encode(service).as_bytes());
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    match place.get(&service.name) {
        Some((built_from, kept)) if *built_from == digest => Ok(kept.clone()),
        _ => {
            let built = build()?;
            place.insert(service.name.clone(), (digest, built.clone()));
            Ok(built)
        }
    }
}
