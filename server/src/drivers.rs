//! What moves traffic. Each driver sets absolute weights and reads back what the target really does.

use crate::outbound::Outbound;
use crate::ports::{BuildError, Clock, TrafficDriver};
use std::sync::Arc;
use sternway_domain::service::{Service, Traffic, problems};

mod haproxy;
pub mod memory;
mod webhook;

pub use haproxy::HaproxyDriver;
pub use memory::MemoryTraffic;
pub use webhook::WebhookDriver;

/// The driver that the service's document names. `seed` decides the jitter between repeated requests.
pub fn build(
    service: &Service,
    outbound: &Outbound,
    clock: Arc<dyn Clock>,
    seed: u64,
    memory: &MemoryTraffic,
) -> Result<Arc<dyn TrafficDriver>, BuildError> {
    let wrong = |field, text| BuildError { service: service.name.clone(), field, text };
    if let Some(problem) = problems(service).into_iter().find(|p| p.field.starts_with("traffic")) {
        return Err(wrong(problem.field, problem.text));
    }
    match &service.traffic {
        Traffic::Memory => Ok(Arc::new(memory.driver(service.name.clone()))),
        Traffic::Haproxy(haproxy) => Ok(Arc::new(HaproxyDriver::new(haproxy.clone(), outbound.clone()))),
        Traffic::Webhook(webhook) => {
            match WebhookDriver::new(service.name.clone(), webhook, outbound.clone(), clock, seed) {
                Ok(driver) => Ok(Arc::new(driver)),
                Err((field, text)) => Err(wrong(format!("traffic.webhook.{field}"), text)),
            }
        }
    }
}
