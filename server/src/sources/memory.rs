//! Signals from a table in this process: for tests, drills and rehearsals.

use crate::ports::SignalSource;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sternway_domain::id::ServiceName;
use sternway_domain::signal::{Reading, SourceFailure};
use sternway_domain::time::Timestamp;

/// What each service's next look will see. Clones share the table.
#[derive(Debug, Clone, Default)]
pub struct MemorySignals {
    table: Arc<Mutex<HashMap<ServiceName, Result<Reading, SourceFailure>>>>,
}

impl MemorySignals {
    /// Every look from now on sees this reading, with its instances' own timestamps.
    pub fn set(&self, service: &ServiceName, reading: Reading) {
        self.lock().insert(service.clone(), Ok(reading));
    }

    /// Every look from now on fails like this.
    pub fn fail(&self, service: &ServiceName, failure: SourceFailure) {
        self.lock().insert(service.clone(), Err(failure));
    }

    pub fn source(&self, service: ServiceName) -> MemorySource {
        MemorySource { signals: self.clone(), service }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServiceName, Result<Reading, SourceFailure>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of the table that belongs to one service. A service nobody set has two empty arms.
#[derive(Debug, Clone)]
pub struct MemorySource {
    signals: MemorySignals,
    service: ServiceName,
}

#[async_trait]
impl SignalSource for MemorySource {
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure> {
        let found = self.signals.lock().get(&self.service).cloned();
        let reading = found.unwrap_or_else(|| Ok(Reading::default()))?;
        Ok(Reading { at: now, ..reading })
    }
}
