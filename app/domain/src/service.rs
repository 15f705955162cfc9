//! A service: who owns it, how its traffic is moved, where its signals are read.
//!
//! This is the document people write. Connecting to what it names is the server's work.

use crate::deploy::Deploy;
use crate::id::{RunbookName, ServiceName};
use crate::judge::pair::Names;
use crate::signal::Source;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) mod check;
mod going_back;
mod signals;
mod traffic;

pub use check::{ServiceProblem, problems};
pub use going_back::{GoingBack, Integrity};
pub use signals::{ARM, KpiQueries, LatencyUnit, Preset, Prometheus, Queries, Scrape};
pub use traffic::{AddressError, Haproxy, HaproxyAddress, Webhook};

/// The service as a person writes it, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: ServiceName,
    #[serde(default)]
    pub description: String,
    /// Teams or people, as the organisation calls them.
    #[serde(default)]
    pub owners: Vec<String>,
    /// Services that must work for this one to work.
    #[serde(default)]
    pub depends_on: Vec<ServiceName>,
    pub traffic: Traffic,
    pub signals: Signals,
    /// Another source of the same signals, read and judged by itself at the same time; the worse verdict rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_signals: Option<Signals>,
    #[serde(default)]
    pub objectives: Objectives,
    /// Runbooks shown beside this service's releases.
    #[serde(default)]
    pub runbooks: Vec<RunbookName>,
    /// What deploys it; by hand when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// What belongs to it when it is taken back; left out, it goes back by traffic alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<GoingBack>,
    /// Channels that are told when this service needs a person, besides those that are told of everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
}

/// What moves traffic between baseline and canary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// A table in this process; the demo's router reads it.
    #[serde(alias = "demo")]
    Memory,
    /// HAProxy's runtime socket.
    Haproxy(Haproxy),
    /// A program of yours that is told by signed requests.
    Webhook(Webhook),
}

/// Where the raw counters, buckets and gauges come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Signals {
    /// A table in this process, for tests and rehearsals.
    Memory,
    /// Each instance's own `/metrics`.
    Scrape(Scrape),
    /// Prometheus, or whatever speaks its HTTP API.
    Prometheus(Prometheus),
}

impl Service {
    /// One of its sources; the second only if the document names one.
    pub fn source(&self, which: Source) -> Option<&Signals> {
        match which {
            Source::First => Some(&self.signals),
            Source::Second => self.second_signals.as_ref(),
        }
    }

    /// What its two sources are called, if it has two.
    pub fn source_names(&self) -> Option<Names> {
        let second = self.second_signals.as_ref()?;
        Some(Names { first: self.signals.title(), second: second.title() })
    }
}

/// What the service promises about being recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Longest time to be back (recovery time objective).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Span>,
    /// Longest stretch of data that may be lost (recovery point objective).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Span>,
}

/// Where a secret is found. Only `value` keeps it in the document: for what is not secret, such as a tenant's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// An environment variable of the server; its name begins with `STERNWAY_SECRET_`.
    Env(String),
    /// A file on the server; surrounding white space is not part of the secret.
    File(String),
    Value(String),
}

/// HTTP headers by name.
pub type Headers = BTreeMap<String, Secret>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(text: serde_json::Value) -> Result<Service, serde_json::Error> {
        serde_json::from_value(text)
    }

    #[test]
    fn a_service_is_read_with_its_defaults() {
        let read = service(json!({"name": "checkout", "traffic": "demo", "signals": "memory"})).expect("well-formed");
        assert_eq!(read.traffic, Traffic::Memory);
        assert_eq!(read.objectives, Objectives::default());
        assert_eq!(problems(&read), vec![]);
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let wrong = service(json!({"name": "checkout", "traffic": "memory", "signals": "memory", "trafic": 1}));
        assert!(wrong.is_err_and(|e| e.to_string().contains("trafic")));
        let nested = service(json!({
            "name": "checkout", "signals": "memory",
            "traffic": {"haproxy": {"address": "unix:/run/h.sock", "backend": "b", "baseline": ["a"], "canary": ["c"], "port": 1}},
        }));
        assert!(nested.is_err_and(|e| e.to_string().contains("port")));
    }

    #[test]
    fn a_service_survives_being_written_and_read() {
        let full = service(json!({
            "name": "checkout", "owners": ["team-pay"], "depends_on": ["stock"], "objectives": {"rto": "15m"},
            "traffic": {"haproxy": {"address": "tcp:127.0.0.1:9999", "backend": "checkout", "baseline": ["s1"], "canary": ["c1"]}},
            "signals": {"prometheus": {"url": "http://prometheus:9090", "preset": "haproxy",
                "baseline": "server=\"s1\"", "canary": "server=\"c1\"", "bearer": {"env": "STERNWAY_SECRET_PROM"}}},
        }))
        .expect("well-formed");
        assert_eq!(problems(&full), vec![]);
        let again: Service =
            serde_json::from_str(&serde_json::to_string(&full).expect("a service is JSON")).expect("and back");
        assert_eq!(again, full);
    }
}
