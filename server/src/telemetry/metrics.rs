//! Counters and gauges about Sternway itself, for `/metrics`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::time::Timestamp;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    action: &'static str,
    /// `accepted` or `refused`.
    outcome: &'static str,
    /// `person`, `token`, `automation` or `anonymous`.
    actor: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EffectLabels {
    kind: String,
    /// `attempted`, `done`, `failed` or `superseded`.
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WayLabels {
    /// `witness` or `channel`.
    way: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SentLabels {
    channel: String,
    /// `done`, `failed` (and tried again) or `given_up`.
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    /// `accepted`, `refused` or `limited`.
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    /// The template (`/api/v1/releases/{id}`), never the address.
    route: String,
    status: u16,
}

/// Cheap to clone; all clones count into the same numbers.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    verdicts: Family<VerdictLabels, Counter>,
    effects: Family<EffectLabels, Counter>,
    lag: Histogram,
    listeners: Gauge,
    disagreements: Family<ServiceLabels, Gauge>,
    sign_ins: Family<SignInLabels, Counter>,
    requests: Family<RequestLabels, Histogram>,
    log_signed: Gauge,
    log_refused: Gauge,
    log_unsigned: Gauge,
    log_confirmed: Family<WayLabels, Gauge>,
    alarms: Family<AlarmLabels, Counter>,
    alarms_open: Gauge,
    alarm_messages: Family<SentLabels, Counter>,
    alarms_untold: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sternway");
        let decisions = Family::default();
        registry.register("decisions", "Decisions written into the log", decisions.clone());
        let verdicts = Family::default();
        registry.register("verdicts", "Verdicts given, one per release and tick", verdicts.clone());
        let effects = Family::default();
        registry.register("effects", "What was asked of the world and how it went", effects.clone());
        let lag = Histogram::new([0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let help = "How late the engine came to a release, after the moment it was due";
        registry.register_with_unit("engine_lag", help, Unit::Seconds, lag.clone());
        let listeners = Gauge::default();
        registry.register("sse_clients", "Open streams of events", listeners.clone());
        let disagreements = Family::default();
        let help = "1 while the traffic driver reports something else than was asked, or cannot be read";
        registry.register("driver_disagreement", help, disagreements.clone());
        let sign_ins = Family::default();
        registry.register("sign_ins", "Attempts to sign in", sign_ins.clone());
        let buckets = || Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]);
        let requests = Family::<RequestLabels, Histogram>::new_with_constructor(buckets);
        let help = "Time from the request's head to the answer's head";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, requests.clone());
        let log_signed = Gauge::default();
        registry.register(
            "log_signed_entries",
            "Entries under the newest checkpoint of this replica",
            log_signed.clone(),
        );
        let log_refused = Gauge::default();
        let help = "1 while the log is not signed because it does not extend what was signed before";
        registry.register("log_refused", help, log_refused.clone());
        let log_unsigned = Gauge::default();
        let help =
            "1 while this replica could not sign the log if it had to: its key is missing, or something else is wrong";
        registry.register("log_unsigned", help, log_unsigned.clone());
        let log_confirmed = Family::default();
        let help = "When a head of the log was last seen to reach somebody outside, in seconds since the Unix epoch";
        registry.register("log_confirmed_timestamp_seconds", help, log_confirmed.clone());
        let alarms = Family::default();
        registry.register("alarms", "Matters that began to need a person", alarms.clone());
        let alarms_open = Gauge::default();
        registry.register("alarms_open", "Matters that need a person, as this replica saw last", alarms_open.clone());
        let alarm_messages = Family::default();
        registry.register("alarm_messages", "Tries to tell people, by channel", alarm_messages.clone());
        let alarms_untold = Gauge::default();
        let help = "Messages that were tried in vain and are tried again, as this replica saw last";
        registry.register("alarm_messages_untold", help, alarms_untold.clone());
        Self(Arc::new(Inner {
            registry,
            decisions,
            verdicts,
            effects,
            lag,
            listeners,
            disagreements,
            sign_ins,
            requests,
            log_signed,
            log_refused,
            log_unsigned,
            log_confirmed,
            alarms,
            alarms_open,
            alarm_messages,
            alarms_untold,
        }))
    }

    /// A checkpoint over so many entries was published.
    pub fn log_signed(&self, entries: i64) {
        self.0.log_signed.set(entries);
    }

    pub fn log_refused(&self, refused: bool) {
        self.0.log_refused.set(i64::from(refused));
    }

    pub fn log_unsigned(&self, unsigned: bool) {
        self.0.log_unsigned.set(i64::from(unsigned));
    }

    /// A head of the log reached somebody outside, by this way.
    pub fn log_confirmed(&self, way: &str, at: Timestamp) {
        self.0.log_confirmed.get_or_create(&WayLabels { way: way.to_owned() }).set(at.secs());
    }

    /// Something began to need a person.
    pub fn alarm_raised(&self, kind: &str) {
        self.0.alarms.get_or_create(&AlarmLabels { kind: kind.to_owned() }).inc();
    }

    pub fn alarms_open(&self, open: usize) {
        self.0.alarms_open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A message was tried.
    pub fn alarm_sent(&self, channel: &str, result: &'static str) {
        self.0.alarm_messages.get_or_create(&SentLabels { channel: channel.to_owned(), result }).inc();
    }

    pub fn alarms_untold(&self, untold: usize) {
        self.0.alarms_untold.set(i64::try_from(untold).unwrap_or(i64::MAX));
    }

    /// The OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("writing into a string cannot fail");
        text
    }

    /// A decision was committed.
    pub fn decided(&self, action: &'static str, outcome: &'static str, actor: &'static str) {
        self.0.decisions.get_or_create(&DecisionLabels { action, outcome, actor }).inc();
    }

    /// A release was judged.
    pub fn judged(&self, verdict: &'static str) {
        self.0.verdicts.get_or_create(&VerdictLabels { verdict }).inc();
    }

    /// An effect was `attempted`, `done`, `failed` or `superseded`.
    pub fn effect(&self, kind: &str, result: &'static str) {
        self.0.effects.get_or_create(&EffectLabels { kind: kind.to_owned(), result }).inc();
    }

    /// The engine came to a release this long after it should have.
    pub fn lagged(&self, by: Duration) {
        self.0.lag.observe(by.as_secs_f64());
    }

    /// Whether the service's driver reports something else than was asked.
    pub fn disagrees(&self, service: &str, disagrees: bool) {
        let labels = ServiceLabels { service: service.to_owned() };
        self.0.disagreements.get_or_create(&labels).set(i64::from(disagrees));
    }

    /// Somebody tried to sign in: `accepted`, `refused` or `limited`.
    pub fn signed_in(&self, outcome: &'static str) {
        self.0.sign_ins.get_or_create(&SignInLabels { outcome }).inc();
    }

    /// A request was answered. `route` is the template, never the address.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.0.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts an open stream of events until the guard is dropped.
    pub fn listening(&self) -> Listening {
        self.0.listeners.inc();
        Listening(self.clone())
    }
}

/// An open stream of events.
#[derive(Debug)]
pub struct Listening(Metrics);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.0.listeners.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_decision_and_an_open_stream_when_written_then_both_are_counted() {
        let metrics = Metrics::new();
        metrics.decided("rollback", "accepted", "person");
        let open = metrics.listening();
        let text = metrics.text();
        assert!(text.contains(r#"sternway_decisions_total{action="rollback",outcome="accepted",actor="person"} 1"#));
        assert!(text.contains("sternway_sse_clients 1"), "{text}");
        drop(open);
        assert!(metrics.text().contains("sternway_sse_clients 0"));
    }
}
