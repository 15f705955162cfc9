//! Carries out the steps of a saga: deploys, probes, empties caches, waits for work in flight, tells people.
//!
//! Everything that goes out by HTTP passes the [guard](crate::outbound); named connections and channels come from the
//! server's own configuration and not from documents. Every answer says exactly what is known: see
//! [`Deployer`]. Deliberately absent: when a step is due, how often it is tried, and what follows from its answer.

use crate::outbound::Outbound;
use crate::ports::{BuildError, Clock, Deployer, Message, Queries, Teller, TrafficDriver, Untold};
use async_trait::async_trait;
use deploy::{CommandDeployer, MemoryDeployments, WebhookDeployer};
use notify::{Notice, Told};
use settings::StepSettings;
use std::sync::Arc;
use sternway_domain::deploy::Deploy;
use sternway_domain::id::{ConnectionName, ServiceName};
use sternway_domain::probe::Probe;
use sternway_domain::saga::{Answer, Cache};
use sternway_domain::service::Signals;
use sternway_domain::time::{Span, Timestamp};
use wire::Wire;

mod cache;
mod channel;
pub mod deploy;
mod drain;
pub mod notify;
mod probe;
pub mod settings;
mod wire;

/// What carries out steps. Built once; cheap to clone.
#[derive(Clone)]
pub struct Hands {
    wire: Wire,
    settings: Arc<StepSettings>,
    memory: MemoryDeployments,
}

impl Hands {
    pub fn new(outbound: Outbound, clock: Arc<dyn Clock>, settings: Arc<StepSettings>) -> Self {
        Self { wire: Wire { outbound, clock }, settings, memory: MemoryDeployments::default() }
    }

    /// The table behind `deploy: memory`.
    pub fn memory(&self) -> &MemoryDeployments {
        &self.memory
    }

    /// The deployer that the service's document names. An error names the field and what to do.
    pub fn deployer(&self, service: &ServiceName, deploy: &Deploy) -> Result<Arc<dyn Deployer>, BuildError> {
        let wrong = |field, text| BuildError { service: service.clone(), field, text };
        if let Some(problem) = self.settings.refused_deploy(deploy).into_iter().next() {
            return Err(wrong(problem.field, problem.text));
        }
        Ok(match deploy {
            Deploy::Memory => Arc::new(self.memory.deployer(service.clone())),
            Deploy::Command(command) => Arc::new(CommandDeployer::new(command, self.wire.clock.clone())),
            Deploy::Webhook(webhook) => {
                let built = WebhookDeployer::new(self.wire.clone(), webhook);
                Arc::new(built.map_err(|error| wrong("deploy.webhook.url".to_owned(), error.to_string()))?)
            }
        })
    }

    /// Asks one probe. `signals` are those of the probe's service: PromQL is asked there. Never unknown: a probe only
    /// looks, so it is good or it is not.
    pub async fn probe(&self, probe: &Probe, signals: &Signals, now: Timestamp) -> Answer {
        probe::ask(&self.wire.outbound, &self.settings, probe, signals, now).await
    }

    /// Empties one cache. Asked what became of it, answer [`Answer::NeverArrived`]: doing it again is harmless.
    pub async fn empty_cache(&self, cache: &Cache, key: &str) -> Answer {
        cache::empty(&self.wire, &self.settings, cache, key).await
    }

    /// Tells people. Asked what became of it, answer [`Answer::NeverArrived`]: a repeated message keeps its id.
    pub async fn notify(&self, channels: &[String], notice: &Notice<'_>) -> Told {
        notify::tell(&self.wire, &self.settings, channels, notice).await
    }

    /// Waits until the candidate works on nothing, at most for `limit`.
    pub async fn drain(&self, driver: &dyn TrafficDriver, limit: Span) -> Answer {
        drain::wait(driver, limit, self.wire.clock.as_ref()).await
    }
}

#[async_trait]
impl Teller for Hands {
    async fn tell(&self, channel: &str, message: &Message<'_>) -> Result<(), Untold> {
        channel::send(&self.wire, &self.settings, channel, message).await
    }
}

#[async_trait]
impl Queries for Hands {
    async fn number(&self, connection: &ConnectionName, sql: &str, within: Span) -> Result<f64, String> {
        probe::query(&self.wire.outbound, &self.settings, connection, sql, within).await
    }
}
