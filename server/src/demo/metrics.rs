//! What an instance tells about itself at `/metrics`. Counts start from zero with each deployment, as in any process.

use super::catalogue::{KpiSpec, Outcome, Spec};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The first bound in seconds, and how many bounds: each is the fourth root of two (1.19) times the one before, up to
/// 8.2 seconds, so that a change by a fifth moves values to another bucket.
const FIRST_BOUND: f64 = 0.001;
const BOUNDS: u16 = 53;

type Labels = [(&'static str, &'static str); 2];

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    duration: Histogram,
    saturation: Gauge<f64, AtomicU64>,
    kpi: Option<Kpi>,
}

#[derive(Debug)]
struct Kpi {
    good: Counter,
    of: Counter,
}

impl Metrics {
    pub(super) fn new(spec: &Spec) -> Self {
        let mut registry = Registry::default();
        let requests = Family::<Labels, Counter>::default();
        registry.register("http_requests", "Requests answered, by status", requests.clone());
        for outcome in Outcome::ALL {
            // Present from the start: a counter that appears with its first event hides that event.
            drop(requests.get_or_create(&labels(outcome)));
        }
        let duration = Histogram::new(exponential_buckets(FIRST_BOUND, 2f64.powf(0.25), BOUNDS).map(six_digits));
        registry.register_with_unit("http_request_duration", "Time to answer", Unit::Seconds, duration.clone());
        let saturation = Gauge::<f64, AtomicU64>::default();
        registry.register_with_unit(
            "process_saturation",
            "Slots taken",
            Unit::Other("ratio".to_owned()),
            saturation.clone(),
        );
        let kpi = spec.kpi.map(|kpi| Kpi::register(kpi, &mut registry));
        Self { registry, requests, duration, saturation, kpi }
    }

    pub(super) fn record(&self, outcome: Outcome, took: Duration) {
        self.requests.get_or_create(&labels(outcome)).inc();
        self.duration.observe(took.as_secs_f64());
        if let Some(kpi) = &self.kpi {
            kpi.of.inc();
            if outcome == Outcome::Served {
                kpi.good.inc();
            }
        }
    }

    pub(super) fn saturate(&self, ratio: f64) {
        self.saturation.set(ratio);
    }

    /// The exposition, OpenMetrics 1.0 text.
    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(4096);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Kpi {
    fn register(spec: KpiSpec, registry: &mut Registry) -> Self {
        let (good, of) = (Counter::default(), Counter::default());
        registry.register(spec.of, "Attempts", of.clone());
        registry.register(spec.good, "Attempts that reached their goal", good.clone());
        Self { good, of }
    }
}

fn labels(outcome: Outcome) -> Labels {
    [("method", "GET"), ("code", outcome.code())]
}

/// Bounds as people read them: 0.00118921, not 0.0011892071150027212.
fn six_digits(bound: f64) -> f64 {
    let scale = 10f64.powi(5 - bound.log10().floor() as i32);
    (bound * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::catalogue::SERVICES;

    #[test]
    fn given_requests_then_the_text_has_the_names_that_scrapers_know() {
        let metrics = Metrics::new(&SERVICES[1]);
        metrics.record(Outcome::Served, Duration::from_millis(20));
        metrics.record(Outcome::Failed, Duration::from_millis(30));
        metrics.saturate(0.25);
        let text = metrics.text().unwrap();
        for line in [
            "http_requests_total{method=\"GET\",code=\"200\"} 1",
            "http_requests_total{method=\"GET\",code=\"500\"} 1",
            "http_requests_total{method=\"GET\",code=\"502\"} 0",
            "http_request_duration_seconds_bucket{le=\"0.001\"} 0",
            "http_request_duration_seconds_bucket{le=\"+Inf\"} 2",
            "http_request_duration_seconds_count 2",
            "process_saturation_ratio 0.25",
            "checkout_attempts_total 2",
            "checkout_orders_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in:\n{text}");
        }
    }
}
