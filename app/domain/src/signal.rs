//! What was read from a service and what it amounts to.
//!
//! Sources hand over [`Reading`]s: raw counters, histogram buckets and gauges per instance, each with its own
//! timestamp. [`SignalWindow`](window::SignalWindow) turns two neighbouring readings into a [`Tick`]: deltas, counter
//! resets, staleness and arms are worked out here, once, for every source. A missing, stale, NaN or partial reading is a
//! state of its own and never a zero.

use crate::plan::Metric;
use crate::time::{Span, Timestamp};
use buckets::Buckets;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub mod buckets;
pub mod histogram;
pub(crate) mod native;
pub mod stats;
pub mod window;

/// Which version a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// What runs now.
    Baseline,
    /// What should: the candidate, while it takes its share of traffic.
    Canary,
}

/// Which of the sources that a service's document names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `signals`.
    First,
    /// `second_signals`.
    Second,
}

impl Source {
    pub const BOTH: [Source; 2] = [Source::First, Source::Second];

    pub fn as_str(self) -> &'static str {
        match self {
            Source::First => "first",
            Source::Second => "second",
        }
    }

    /// For people: `Second source`.
    pub fn label(self) -> &'static str {
        match self {
            Source::First => "First source",
            Source::Second => "Second source",
        }
    }

    pub fn other(self) -> Source {
        match self {
            Source::First => Source::Second,
            Source::Second => Source::First,
        }
    }
}

/// One look at a service: everything a source could read at about one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// When the source was asked.
    pub at: Timestamp,
    pub baseline: Vec<InstanceReading>,
    pub canary: Vec<InstanceReading>,
    /// What the source complained about, in its own words, kept as evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Raw values of one instance. Counters only ever grow, except when the instance restarts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InstanceReading {
    pub instance: String,
    /// The sample's own timestamp.
    pub at: Timestamp,
    /// Requests since the instance started.
    pub requests: Option<f64>,
    /// Failed requests since the instance started.
    pub errors: Option<f64>,
    /// Request durations in seconds since the instance started.
    pub latency: Option<Histogram>,
    /// How full the fullest resource is, 0-1, right now.
    pub saturation: Option<f64>,
    /// Business counters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, Kpi>,
}

/// Counters of a business ratio since the instance started: `of` tries, `good` of them successful.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    pub good: f64,
    pub of: f64,
}

/// Durations in seconds, counted in buckets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Histogram {
    /// Cumulative counts by upper bound, ascending, the last bound is infinite.
    Classic(Vec<Bucket>),
    /// Prometheus native histogram: bucket `i` counts values in `(2^((i-1)·2^-schema), 2^(i·2^-schema)]`; not cumulative.
    Native { schema: i8, zero: f64, buckets: Buckets },
}

/// Values at most `le` seconds (`null` in JSON is infinity).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    #[serde(with = "infinite")]
    pub le: f64,
    pub count: f64,
}

/// JSON has no infinity.
mod infinite {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_some(value) } else { serializer.serialize_none() }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
    }
}

/// Why a source could not answer. Never evidence for or against a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceFailure {
    /// Refused, timed out, or answered with a server error.
    #[error("{source_name} cannot be reached: {detail}")]
    Down { source_name: String, detail: String },
    /// It answered, but the question was wrong (bad query, unknown metric type).
    #[error("{source_name} refuses the question: {detail}")]
    Misconfigured { source_name: String, detail: String },
}

/// What one interval amounts to, per arm. This is what is judged, stored and drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Counted per release from 1.
    pub number: u64,
    pub at: Timestamp,
    /// The interval the deltas cover.
    pub span: Span,
    pub baseline: ArmTick,
    pub canary: ArmTick,
    /// Set when the source failed; both arms are then `Missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<SourceFailure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Tick {
    pub fn arm(&self, arm: Arm) -> &ArmTick {
        match arm {
            Arm::Baseline => &self.baseline,
            Arm::Canary => &self.canary,
        }
    }
}

/// The state of one arm's data in one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Data {
    /// Every instance known to the arm was read and its deltas can be trusted.
    Complete,
    /// No instance was seen.
    Missing,
    /// The newest sample is older than the plan's `max_age`.
    Stale { age: Span },
    /// The newest sample is from the future, by more than `max_age`: the clocks of source and server disagree.
    Ahead { by: Span },
    /// Some instances of the last tick are absent, or a counter that others have is missing.
    Partial { seen: u32, expected: u32 },
    /// A value is NaN or infinite although there were requests.
    NotANumber,
    /// A counter went backwards: an instance restarted. The tick counts for neither arm.
    Reset { instances: u32 },
    /// The first reading: there is nothing to take a difference from yet.
    First,
    /// Bucket bounds differ from those of the tick before.
    BucketsChanged,
}

impl Arm {
    /// For people: `canary`.
    pub fn label(self) -> &'static str {
        match self {
            Arm::Baseline => "baseline",
            Arm::Canary => "canary",
        }
    }
}

impl Data {
    pub fn usable(self) -> bool {
        matches!(self, Data::Complete)
    }
}

/// One arm in one tick: what each instance added during the interval. Empty unless `data` is `Complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmTick {
    pub data: Data,
    pub instances: Vec<InstanceTick>,
}

impl ArmTick {
    /// Whether any instance reports what the metric is made of.
    pub fn reports(&self, metric: &Metric) -> bool {
        self.instances.iter().any(|one| match metric {
            Metric::Traffic => true,
            Metric::Errors => one.errors.is_some(),
            Metric::Latency(_) => one.latency.is_some(),
            Metric::Saturation => one.saturation.is_some(),
            Metric::Kpi(name) => one.kpis.contains_key(name),
        })
    }
}

/// One instance in one tick.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InstanceTick {
    pub instance: String,
    /// Requests during the interval.
    pub requests: f64,
    pub errors: Option<f64>,
    /// Durations during the interval.
    pub latency: Option<Histogram>,
    /// 0-1, at the end of the interval.
    pub saturation: Option<f64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, Kpi>,
}
