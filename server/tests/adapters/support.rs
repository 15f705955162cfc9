//! What the adapters' tests share.

use serde_json::{Value, json};
use std::sync::Arc;
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{Digest, ServiceName};
use sternway_domain::plan::Weight;
use sternway_domain::service::{Secret, Service};
use sternway_domain::signal::Source;
use sternway_domain::time::{Span, Timestamp};
use sternway_server::drivers::{self, MemoryTraffic};
use sternway_server::outbound::Outbound;
use sternway_server::ports::{BuildError, Clock, DeployOrder, DeployQuestion, Intent, SignalSource, TrafficDriver};
use sternway_server::sources::{self, MemorySignals};
use sternway_server::steps::Hands;
use sternway_server::steps::settings::{Connection, StepSettings};
use sternway_server::system::SystemClock;

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
    sources::build(service, Source::First, outbound, &MemorySignals::default())
}

pub(super) fn source_with(signals: Value, outbound: &Outbound) -> Arc<dyn SignalSource> {
    build_source(&service(json!("memory"), signals), outbound).expect("the document is usable")
}

pub(super) fn source(signals: Value) -> Arc<dyn SignalSource> {
    source_with(signals, &outbound(&[]))
}

/// What carries out steps, allowed to reach loopback, by the machine's own clock.
pub(super) fn hands(settings: StepSettings, secrets: &'static [(&'static str, &'static str)]) -> Hands {
    Hands::new(outbound(secrets), Arc::new(SystemClock), Arc::new(settings))
}

/// Settings with these connections.
pub(super) fn connections(urls: &[(&str, String)]) -> StepSettings {
    let named =
        |(name, url): &(&str, String)| (name.parse().expect("a name"), Connection { url: Secret::Value(url.clone()) });
    StepSettings { connections: urls.iter().map(named).collect(), ..StepSettings::default() }
}

pub(super) fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("a version"), digest: Digest::of(version.as_bytes()) }
}

/// An order of 1.41.3 with so much time.
pub(super) fn order(attempt: u32, token: u64, within: Span) -> DeployOrder {
    DeployOrder {
        service: ServiceName::new("checkout").expect("a name"),
        artifact: artifact("1.41.3"),
        cells: vec![],
        key: "saga:4:do".to_owned(),
        attempt,
        token,
        deadline: SystemClock.now() + within,
    }
}

pub(super) fn question(attempt: u32, token: u64) -> DeployQuestion {
    let DeployOrder { service, artifact, cells, key, .. } = order(attempt, token, Span::ZERO);
    DeployQuestion { service, artifact, cells, key, attempt, token }
}
