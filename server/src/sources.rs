//! Where signals come from. Each source hands over raw values; what they amount to is worked out in `domain::signal`.

use crate::outbound::Outbound;
use crate::ports::{BuildError, SignalSource};
use std::sync::Arc;
use sternway_domain::service::{Service, Signals, problems};

pub mod memory;

pub use memory::MemorySignals;

/// The source that the service's document names.
pub fn build(
    service: &Service,
    outbound: &Outbound,
    memory: &MemorySignals,
) -> Result<Arc<dyn SignalSource>, BuildError> {
    if let Some(problem) = problems(service).into_iter().find(|p| p.field.starts_with("signals")) {
        return Err(BuildError { service: service.name.clone(), field: problem.field, text: problem.text });
    }
    match &service.signals {
        Signals::Memory => Ok(Arc::new(memory.source(service.name.clone()))),
        Signals::Scrape(_) | Signals::Prometheus(_) => {
            let _ = outbound;
            let text = "this source is not built yet; use `memory`".to_owned();
            Err(BuildError { service: service.name.clone(), field: "signals".to_owned(), text })
        }
    }
}
