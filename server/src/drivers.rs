//! What moves traffic. Each driver sets absolute weights and reads back what the target really does.

use crate::outbound::Outbound;
use crate::ports::{BuildError, Clock, TrafficDriver};
use std::sync::Arc;
use sternway_domain::service::{Service, Traffic, problems};

pub mod haproxy;
pub mod memory;

pub use memory::MemoryTraffic;

/// The driver that the service's document names. `seed` decides the jitter between repeated requests.
pub fn build(
    service: &Service,
    outbound: &Outbound,
    clock: Arc<dyn Clock>,
    seed: u64,
    memory: &MemoryTraffic,
) -> Result<Arc<dyn TrafficDriver>, BuildError> {
    if let Some(problem) = problems(service).into_iter().find(|p| p.field.starts_with("traffic")) {
        return Err(BuildError { service: service.name.clone(), field: problem.field, text: problem.text });
    }
    match &service.traffic {
        Traffic::Memory => Ok(Arc::new(memory.driver(service.name.clone()))),
        Traffic::Haproxy(haproxy) => Ok(Arc::new(haproxy::HaproxyDriver::new(haproxy.clone(), outbound.clone()))),
        Traffic::Webhook(_) => {
            let _ = (clock, seed);
            let text = "this driver is not built yet; use `haproxy` or `memory`".to_owned();
            Err(BuildError { service: service.name.clone(), field: "traffic".to_owned(), text })
        }
    }
}
