//! What the adapters' tests share.

use serde_json::{Value, json};
use std::sync::Arc;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::service::Service;
use sternway_domain::time::Timestamp;
use sternway_server::drivers::{self, MemoryTraffic};
use sternway_server::outbound::Outbound;
use sternway_server::ports::{BuildError, Clock, Intent, SignalSource, TrafficDriver};
use sternway_server::sources::{self, MemorySignals};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A clock that stands still.
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Loopback is allowed; secrets come from this list.
pub(super) fn outbound(secrets: &'static [(&'static str, &'static str)]) -> Outbound {
    let outbound = Outbound::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client");
    outbound.with_environment(|name| secrets.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

pub(super) fn service(traffic: Value, signals: Value) -> Service {
    let document = json!({"name": "checkout", "traffic": traffic, "signals": signals});
    serde_json::from_value(document).expect("the service of the test is well-formed")
}

pub(super) fn driver(traffic: Value, outbound: &Outbound) -> Arc<dyn TrafficDriver> {
    let service = service(traffic, json!("memory"));
    drivers::build(&service, outbound, Arc::new(Still), 7, &MemoryTraffic::default()).expect("the document is usable")
}

pub(super) fn intent(canary: u8) -> Intent {
    Intent {
        service: ServiceName::new("checkout").expect("a name"),
        canary: weight(canary),
        key: format!("rel-1/4/shift-{canary}"),
        token: 3,
    }
}

pub(super) fn weight(percent: u8) -> Weight {
    percent.try_into().expect("a percentage")
}

pub(super) fn build_source(service: &Service, outbound: &Outbound) -> Result<Arc<dyn SignalSource>, BuildError> {
    sources::build(service, outbound, &MemorySignals::default())
}

pub(super) fn source_with(signals: Value, outbound: &Outbound) -> Arc<dyn SignalSource> {
    build_source(&service(json!("memory"), signals), outbound).expect("the document is usable")
}

pub(super) fn source(signals: Value) -> Arc<dyn SignalSource> {
    source_with(signals, &outbound(&[]))
}
