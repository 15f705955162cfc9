//! The world that `sternway demo` steers: real HTTP services on free loopback ports, a weighted router in front of
//! each, and clients that ask. Everything a page shows about it was counted here, in real requests.
//!
//! A service has two stable and two canary instances. [`DemoWorld::deploy`] puts a candidate on the canary instances;
//! the driver of [`DemoWorld::driver`] gives it traffic; [`DemoWorld::settle`] makes it the stable version.
//! Deliberately absent: anything that remembers. A new world starts with the versions of the catalogue.

use crate::ports::{Clock, TrafficDriver};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use sternway_domain::artifact::Version;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::signal::Arm;

mod catalogue;
mod chance;
mod fault;
mod instance;
mod load;
mod metrics;
mod net;
mod node;
mod pool;
mod router;
pub mod stage;
#[cfg(test)]
mod tests;

pub use fault::{ActiveFault, Behaviour, CREEP_LEAK, CREEP_LIMIT, CREEP_PER_SECOND, FAILING_RATIO, Fault};
pub use router::{DemoRouter, Routed};

use catalogue::SERVICES;
use instance::Deployment;
use net::Tasks;
use node::{Ground, Node, catalogue_name, describe};

/// How long [`DemoWorld::shutdown`] waits for the last task.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Why the demo world could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("`{what}` cannot listen on a free port of 127.0.0.1")]
    Listen { what: String, source: std::io::Error },
    #[error("the demo's HTTP client cannot be built")]
    Client { source: reqwest::Error },
    #[error("the catalogue of the demo is wrong: {detail}")]
    Catalogue { detail: String },
    #[error("the demo has no service `{service}`; it has {known}")]
    UnknownService { service: ServiceName, known: String },
    #[error("no candidate of `{service}` is deployed: deploy one first")]
    NothingDeployed { service: ServiceName },
    #[error("`{candidate}` of `{service}` has all traffic: settle or withdraw it before deploying another")]
    AllTraffic { service: ServiceName, candidate: Version },
    #[error("the fault cannot be injected: {detail}")]
    Fault { detail: String },
}

/// One service of the demo, as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct DemoService {
    pub name: ServiceName,
    pub description: String,
    pub depends_on: Vec<ServiceName>,
    /// Where clients ask.
    pub router: String,
    /// `/metrics` of each stable instance.
    pub stable: Vec<String>,
    /// `/metrics` of each canary instance; 503 while no candidate is deployed.
    pub canary: Vec<String>,
    pub stable_version: Version,
    pub candidate: Option<Version>,
    /// What is wrong with the candidate's build; healthy when there is none.
    pub behaviour: Behaviour,
    pub kpi: Option<DemoKpi>,
}

/// A business ratio of a service: `good` of `of`, both names of counters in `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoKpi {
    pub name: String,
    pub good: String,
    pub of: String,
}

/// What outside clients did to one service since the world started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DemoLoad {
    pub sent: u64,
    /// Not sent, because too many requests were open.
    pub dropped: u64,
}

/// The running demo. Dropping it stops it as [`shutdown`](DemoWorld::shutdown) does, without waiting.
pub struct DemoWorld {
    nodes: BTreeMap<ServiceName, Node>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

impl DemoWorld {
    /// Starts every service, router and client. Returns when all stable instances are ready.
    ///
    /// # Errors
    /// No free loopback port, or no HTTP client.
    pub async fn start(seed: u64, clock: Arc<dyn Clock>) -> Result<Arc<Self>, DemoError> {
        Self::build(seed, clock, true).await
    }

    async fn build(seed: u64, clock: Arc<dyn Clock>, with_clients: bool) -> Result<Arc<Self>, DemoError> {
        let tasks = Tasks::default();
        // Stops what runs already when a later step fails.
        let stop_on_error = tasks.stop.clone().drop_guard();
        let client = net::client()?;
        let mut listeners = Vec::with_capacity(SERVICES.len());
        let mut upstream = BTreeMap::new();
        for spec in &SERVICES {
            let (listener, addr) = net::bind(&format!("{} router", spec.name)).await?;
            upstream.insert(spec.name, format!("http://{addr}{}", spec.path));
            listeners.push((spec, listener, addr));
        }
        let ground = Ground { seed, client, upstream: Arc::new(upstream), tasks };
        let mut nodes = BTreeMap::new();
        for (spec, listener, addr) in listeners {
            let node = ground.node(spec, listener, addr).await?;
            nodes.insert(catalogue_name(spec.name)?, node);
        }
        futures::future::join_all(nodes.values().map(|node| node.router.check())).await;
        for node in nodes.values() {
            node.router.clone().watch(&ground.tasks);
            if with_clients {
                let chance = ground.chance(&format!("{} clients", node.spec.name));
                let (client, address) = (ground.client.clone(), node.router_url.clone());
                load::generate(&ground.tasks, client, address, node.spec.offered, chance, node.sent.clone());
            }
        }
        ground.keep_time(&nodes);
        stop_on_error.disarm();
        Ok(Arc::new(Self { nodes, clock, tasks: ground.tasks }))
    }

    /// Every service, callers before the services they call.
    pub fn services(&self) -> Vec<DemoService> {
        SERVICES
            .iter()
            .filter_map(|spec| self.nodes.iter().find(|(name, _)| name.as_str() == spec.name))
            .map(describe)
            .collect()
    }

    /// What steers the traffic of this service.
    ///
    /// # Errors
    /// Unknown service.
    pub fn driver(&self, service: &ServiceName) -> Result<Arc<dyn TrafficDriver>, DemoError> {
        Ok(self.node(service)?.router.clone())
    }

    /// What the router of this service really passed on.
    ///
    /// # Errors
    /// Unknown service.
    pub fn routed(&self, service: &ServiceName) -> Result<Routed, DemoError> {
        Ok(self.node(service)?.router.routed())
    }

    /// What outside clients did to this service.
    ///
    /// # Errors
    /// Unknown service.
    pub fn load(&self, service: &ServiceName) -> Result<DemoLoad, DemoError> {
        let sent = &self.node(service)?.sent;
        Ok(DemoLoad { sent: sent.sent.load(Ordering::Relaxed), dropped: sent.dropped.load(Ordering::Relaxed) })
    }

    /// Puts a candidate on the canary instances and returns when the router has looked at them. The stable instances
    /// and the weights stay as they are; the counters of the canary instances start from zero. The driver's fencing
    /// starts anew, because each release counts its own tokens. Deploying what takes traffic already changes nothing.
    ///
    /// # Errors
    /// Unknown service, or another candidate has all traffic.
    pub async fn deploy(&self, service: &ServiceName, version: Version, behaviour: Behaviour) -> Result<(), DemoError> {
        let node = self.node(service)?;
        let _alone = node.changing.lock().await;
        if let Some(now) = node.canary.deployed() {
            let same = now.version == version && now.behaviour == behaviour;
            match node.router.weight() {
                Weight::ZERO => {}
                _ if same => return Ok(()),
                Weight::FULL => {
                    return Err(DemoError::AllTraffic { service: service.clone(), candidate: now.version.clone() });
                }
                _ => {}
            }
        }
        node.router.forget_tokens();
        node.canary.run(Some(Deployment::new(version, behaviour)));
        node.router.check().await;
        Ok(())
    }

    /// Makes the candidate the stable version, with whatever is wrong with it: the stable instances restart with it,
    /// all traffic goes to them, and the canary instances are emptied. Call this when the release can no longer be
    /// rolled back: afterwards the version before is gone and the driver reports 0 % for the canary.
    ///
    /// # Errors
    /// Unknown service, or no candidate.
    pub async fn settle(&self, service: &ServiceName) -> Result<(), DemoError> {
        let node = self.node(service)?;
        let _alone = node.changing.lock().await;
        let Some(candidate) = node.canary.deployed() else {
            return Err(DemoError::NothingDeployed { service: service.clone() });
        };
        node.stable.run(Some(candidate));
        node.empty_canary().await;
        Ok(())
    }

    /// Takes the candidate away: all traffic to the stable instances, the canary instances emptied.
    ///
    /// # Errors
    /// Unknown service.
    pub async fn withdraw(&self, service: &ServiceName) -> Result<(), DemoError> {
        let node = self.node(service)?;
        let _alone = node.changing.lock().await;
        node.empty_canary().await;
        Ok(())
    }

    /// Makes something go wrong on every instance of an arm, until cleared. Replaces a fault of the same kind there.
    ///
    /// # Errors
    /// Unknown service, or a number out of range.
    pub fn inject(&self, service: &ServiceName, arm: Arm, fault: Fault) -> Result<(), DemoError> {
        fault.check().map_err(|detail| DemoError::Fault { detail })?;
        let state = &self.node(service)?.side(arm).state;
        let mut faults = state.faults.write().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|active| !active.fault.same_kind(fault));
        faults.push(ActiveFault { service: service.clone(), arm, fault, since: self.clock.now() });
        Ok(())
    }

    /// Ends every injected fault of an arm. What is wrong with a build stays.
    ///
    /// # Errors
    /// Unknown service.
    pub fn clear(&self, service: &ServiceName, arm: Arm) -> Result<(), DemoError> {
        let state = &self.node(service)?.side(arm).state;
        state.faults.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Whether what is new in the builds of a service runs: with it goes what is wrong with them. Injected faults stay.
    ///
    /// # Errors
    /// Unknown service.
    pub fn new_code(&self, service: &ServiceName, runs: bool) -> Result<(), DemoError> {
        let node = self.node(service)?;
        for side in [&node.stable, &node.canary] {
            side.state.without_new_code.store(!runs, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Every injected fault in force, oldest first.
    pub fn faults(&self) -> Vec<ActiveFault> {
        let mut all = Vec::new();
        for side in self.nodes.values().flat_map(|node| [&node.stable, &node.canary]) {
            all.extend(side.state.faults.read().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        }
        all.sort_by_key(|active| active.since);
        all
    }

    /// Ends every listener and task. Returns when they are gone, after five seconds at most.
    pub async fn shutdown(&self) {
        self.tasks.stop.cancel();
        self.tasks.tracker.close();
        if tokio::time::timeout(SHUTDOWN, self.tasks.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.tracker.len(), "demo tasks did not end in time");
        }
    }

    fn node(&self, service: &ServiceName) -> Result<&Node, DemoError> {
        self.nodes.get(service).ok_or_else(|| {
            let known: Vec<_> = self.nodes.keys().map(|name| format!("`{name}`")).collect();
            DemoError::UnknownService { service: service.clone(), known: known.join(", ") }
        })
    }
}

impl Drop for DemoWorld {
    fn drop(&mut self) {
        self.tasks.stop.cancel();
    }
}
