//! Traffic as a table in this process. The demo's router reads it; tests make it refuse, hang back or vanish.

use crate::ports::{DriverFailure, Intent, Observation, TrafficDriver};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::time::Timestamp;

/// The shares of all services. Clones share the table.
#[derive(Debug, Clone, Default)]
pub struct MemoryTraffic {
    table: Arc<Mutex<HashMap<ServiceName, Lane>>>,
}

#[derive(Debug, Clone, Default)]
struct Lane {
    canary: Option<Weight>,
    applied: Vec<Intent>,
    highest_token: i64,
    failure: Option<DriverFailure>,
    deaf: bool,
    baseline_ready: Option<u32>,
    canary_ready: Option<u32>,
    canary_in_flight: Option<u64>,
}

impl MemoryTraffic {
    /// The canary's share now; nothing until somebody asks for some.
    pub fn canary(&self, service: &ServiceName) -> Weight {
        self.with(service, |lane| lane.canary.unwrap_or(Weight::ZERO))
    }

    /// Moves traffic behind the engine's back, as an operator with a shell would.
    pub fn set_canary(&self, service: &ServiceName, canary: Weight) {
        self.with(service, |lane| lane.canary = Some(canary));
    }

    /// Every intent that was carried out, oldest first; the same one twice if it was asked twice.
    pub fn applied(&self, service: &ServiceName) -> Vec<Intent> {
        self.with(service, |lane| lane.applied.clone())
    }

    /// Asking and looking fail like this until `None`.
    pub fn set_failure(&self, service: &ServiceName, failure: Option<DriverFailure>) {
        self.with(service, |lane| lane.failure = failure);
    }

    /// While deaf, intents are taken and nothing changes.
    pub fn set_deaf(&self, service: &ServiceName, deaf: bool) {
        self.with(service, |lane| lane.deaf = deaf);
    }

    /// How many instances of each arm can take traffic; unknown until set.
    pub fn set_ready(&self, service: &ServiceName, baseline: Option<u32>, canary: Option<u32>) {
        self.with(service, |lane| (lane.baseline_ready, lane.canary_ready) = (baseline, canary));
    }

    /// How much the canary is working on; unknown until set.
    pub fn set_in_flight(&self, service: &ServiceName, in_flight: Option<u64>) {
        self.with(service, |lane| lane.canary_in_flight = in_flight);
    }

    pub fn driver(&self, service: ServiceName) -> MemoryDriver {
        MemoryDriver { traffic: self.clone(), service }
    }

    fn with<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Lane) -> T) -> T {
        let mut table: MutexGuard<'_, _> = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        act(table.entry(service.clone()).or_default())
    }
}

/// The part of the table that belongs to one service.
#[derive(Debug, Clone)]
pub struct MemoryDriver {
    traffic: MemoryTraffic,
    service: ServiceName,
}

impl MemoryDriver {
    fn place(&self) -> String {
        format!("router in this process, service {}", self.service)
    }
}

#[async_trait]
impl TrafficDriver for MemoryDriver {
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure> {
        self.traffic.with(&self.service, |lane| {
            if let Some(failure) = &lane.failure {
                return Err(failure.clone());
            }
            if intent.token < lane.highest_token {
                let detail = format!("token {} is older than {}", intent.token, lane.highest_token);
                return Err(DriverFailure::Refused { target_name: self.place(), detail });
            }
            lane.highest_token = intent.token;
            if !lane.deaf {
                lane.canary = Some(intent.canary);
                lane.applied.push(intent.clone());
            }
            Ok(())
        })
    }

    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure> {
        self.traffic.with(&self.service, |lane| match &lane.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(Observation {
                canary: lane.canary.unwrap_or(Weight::ZERO),
                at: now,
                baseline_ready: lane.baseline_ready,
                canary_ready: lane.canary_ready,
                baseline_total: None,
                canary_total: None,
                canary_in_flight: lane.canary_in_flight,
                from: self.place(),
            }),
        })
    }

    fn fenced(&self) -> bool {
        true
    }
}
