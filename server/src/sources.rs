//! Where signals come from. Each source hands over raw values; what they amount to is worked out in `domain::signal`.

use crate::outbound::Outbound;
use crate::ports::{BuildError, SignalSource};
use std::sync::Arc;
use sternway_domain::service::{Prometheus, Service, Signals, problems};
use sternway_domain::signal::{Source, SourceFailure};
use sternway_domain::time::Timestamp;

mod buckets;
pub mod exposition;
pub mod memory;
mod prometheus;
mod query;
mod scrape;

pub use memory::MemorySignals;
pub use prometheus::PrometheusSource;
pub use scrape::ScrapeSource;

/// One of the sources that the service's document names.
pub fn build(
    service: &Service,
    which: Source,
    outbound: &Outbound,
    memory: &MemorySignals,
) -> Result<Arc<dyn SignalSource>, BuildError> {
    let place = match which {
        Source::First => "signals",
        Source::Second => "second_signals",
    };
    let wrong = |field, text| BuildError { service: service.name.clone(), field, text };
    if let Some(problem) = problems(service).into_iter().find(|p| p.field.starts_with(place)) {
        return Err(wrong(problem.field, problem.text));
    }
    let below = |kind: &str, field: String| format!("{place}.{kind}.{field}");
    match service.source(which) {
        None => Err(wrong(place.to_owned(), "the document names no such source".to_owned())),
        Some(Signals::Memory) => Ok(Arc::new(memory.source(service.name.clone()))),
        Some(Signals::Scrape(scrape)) => match ScrapeSource::new(scrape, outbound.clone()) {
            Ok(source) => Ok(Arc::new(source)),
            Err((field, text)) => Err(wrong(below("scrape", field), text)),
        },
        Some(Signals::Prometheus(prometheus)) => match PrometheusSource::new(prometheus, outbound.clone()) {
            Ok(source) => Ok(Arc::new(source)),
            Err((field, text)) => Err(wrong(below("prometheus", field), text)),
        },
    }
}

/// The values of one instant query at the service's own Prometheus, one per series.
pub async fn numbers(
    config: &Prometheus,
    outbound: &Outbound,
    query: &str,
    now: Timestamp,
) -> Result<Vec<f64>, SourceFailure> {
    prometheus::numbers(config, outbound, query, now).await
}

/// Said when an instance reports requests and nothing about errors.
fn silent_errors(instance: &str) -> String {
    format!(
        "`{instance}` reports requests and no errors series; if it only appears with the first error, set `absent_is_zero: true`"
    )
}
