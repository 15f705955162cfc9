//! What the body needs from the world, each as narrow as its consumer's need.
//!
//! Every port has an in-memory adapter, used by tests and the demo.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use sternway_domain::alarm::Severity;
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{CellName, ConnectionName, ServiceName};
use sternway_domain::plan::Weight;
use sternway_domain::saga::Answer;
use sternway_domain::signal::{Reading, SourceFailure};
use sternway_domain::time::{Span, Timestamp};

/// The time of day, for records. Everything that stores or compares a [`Timestamp`] asks this.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Randomness for ids, secrets and jitter.
pub trait Rng: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// Reads the raw counters, buckets and gauges of one service. Built from the service's configuration.
#[async_trait]
pub trait SignalSource: Send + Sync {
    /// One look at both arms. An empty arm is an answer (`Missing` later on), not a failure.
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure>;
}

/// What a driver is asked to bring about. Absolute, so that asking twice is asking once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub service: ServiceName,
    /// The canary's share; the baseline gets the rest.
    pub canary: Weight,
    /// Derived from stream, version and purpose. The same key never carries another weight.
    pub key: String,
    /// The fencing token of the lease under which this is asked. A fenced target refuses an older one.
    pub token: i64,
}

/// What a driver reports after looking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The canary's share as the target itself reports it, rounded to whole percent.
    pub canary: Weight,
    pub at: Timestamp,
    /// Instances of each arm that can take traffic, where the target knows.
    pub baseline_ready: Option<u32>,
    pub canary_ready: Option<u32>,
    /// Instances each arm has in all, ready or not, where the target knows.
    #[serde(default)]
    pub baseline_total: Option<u32>,
    #[serde(default)]
    pub canary_total: Option<u32>,
    /// Requests and connections the canary's instances are working on, where the target knows.
    #[serde(default)]
    pub canary_in_flight: Option<u64>,
    /// Where it was read, for people: `haproxy 127.0.0.1:9999, backend checkout`.
    pub from: String,
}

/// Why a driver could not do or see what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DriverFailure {
    /// Not reached, or no answer in time: unknown whether it happened. Ask again.
    #[error("{target_name} cannot be reached: {detail}")]
    Unreachable { target_name: String, detail: String },
    /// It answered and said no. Asking again will not help until something changes.
    #[error("{target_name} refuses: {detail}")]
    Refused { target_name: String, detail: String },
}

/// Moves traffic between the arms of one service. Built from the service's configuration.
#[async_trait]
pub trait TrafficDriver: Send + Sync {
    /// Sets absolute weights. Idempotent. Returning `Ok` means asked, not done: done is what [`observe`] says.
    ///
    /// [`observe`]: TrafficDriver::observe
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure>;

    /// Reads back what the target does now.
    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure>;

    /// Whether the target refuses a stale fencing token. An unfenced one takes at most one stale write per takeover,
    /// corrected within one reconcile period.
    fn fenced(&self) -> bool;
}

/// What a deployer is asked to bring about. Absolute and keyed, so that asking twice is asking once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployOrder {
    pub service: ServiceName,
    pub artifact: Artifact,
    /// Only in these cells; everywhere when empty.
    pub cells: Vec<CellName>,
    /// The same for every try of a step. The same key never carries another artifact.
    pub key: String,
    /// From 1.
    pub attempt: u32,
    /// The fencing token of the saga. A fenced target refuses one that is older than the newest it has seen.
    pub token: u64,
    /// When nobody waits for it any more.
    pub deadline: Timestamp,
}

/// What became of an order. From then on a fenced target refuses tokens older than this one, and whoever answers
/// [`Answer::NeverArrived`] refuses the tries up to this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployQuestion {
    pub service: ServiceName,
    pub artifact: Artifact,
    pub cells: Vec<CellName>,
    /// The key of the order.
    pub key: String,
    /// The newest try.
    pub attempt: u32,
    /// The newest token of the saga.
    pub token: u64,
}

/// Brings a build into production. Built from the service's configuration.
///
/// Every answer says exactly what is known: [`Answer::Failed`] only when it surely did not happen, [`Answer::Unknown`]
/// whenever it may have. Trying again is the saga's business.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// Waits for the end, at most until the order's deadline.
    async fn deploy(&self, order: &DeployOrder) -> Answer;

    /// What became of this key. Changes nothing but what the target refuses from now on.
    async fn ask(&self, question: &DeployQuestion) -> Answer;

    /// Whether the target refuses a stale fencing token.
    fn fenced(&self) -> bool;
}

/// Asks the user's databases.
#[async_trait]
pub trait Queries: Send + Sync {
    /// The one number that a read-only statement gives on a named connection, or why there is none, for people. It takes
    /// no longer than `within`.
    async fn number(&self, connection: &ConnectionName, sql: &str, within: Span) -> Result<f64, String>;
}

/// Where no connection is set up.
#[derive(Debug, Clone, Copy)]
pub struct NoConnections;

#[async_trait]
impl Queries for NoConnections {
    async fn number(&self, connection: &ConnectionName, _: &str, _: Span) -> Result<f64, String> {
        Err(format!("connection `{connection}`: not set up; add `[connections.NAME]` to `sternway.toml`"))
    }
}

/// Tells people by a named channel.
#[async_trait]
pub trait Teller: Send + Sync {
    /// Done means that the channel took it.
    async fn tell(&self, channel: &str, message: &Message<'_>) -> Result<(), Untold>;
}

/// What people are told.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The same for every try.
    pub id: &'a str,
    /// For programs: `alarm.raised`.
    pub kind: &'a str,
    pub about: About,
    pub severity: Severity,
    /// What it is about: that it is over is told under the same.
    pub key: &'a str,
    pub text: &'a str,
    pub at: Timestamp,
    pub service: Option<&'a str>,
    /// Where people look at it.
    pub link: Option<&'a str>,
    /// The newest signed head of the decision log.
    pub checkpoint: Option<&'a str>,
    /// A JSON object, for programs.
    pub data: serde_json::Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Something needs a person.
    Raised,
    /// It no longer does.
    Resolved,
    /// Good to know.
    Notice,
}

/// Why a channel did not surely take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// For people.
    pub error: String,
    /// It may have arrived all the same.
    pub maybe: bool,
    /// Trying again may help, although nobody changes anything.
    pub again: bool,
    /// It will never be taken as it is.
    pub hopeless: bool,
    /// For how long the channel wants to be left alone.
    pub rest: Option<Duration>,
}

/// Where no channel is set up.
#[derive(Debug, Clone, Copy)]
pub struct NoChannels;

#[async_trait]
impl Teller for NoChannels {
    async fn tell(&self, _: &str, _: &Message<'_>) -> Result<(), Untold> {
        let error = "no channel is set up; add `[channels.NAME]` to `sternway.toml`".to_owned();
        Err(Untold { error, maybe: false, again: false, hopeless: false, rest: None })
    }
}

/// A service's document names something that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service `{service}` cannot be connected: `{field}`: {text}")]
pub struct BuildError {
    pub service: ServiceName,
    /// Path of the field, `traffic.haproxy.backend`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}
