//! What ticks amount to: sums over instances and intervals, and the value of a metric from them.
//!
//! | metric | value |
//! |---|---|
//! | errors | failed requests / requests, ratio 0-1, over the instances that report errors |
//! | latency | quantile of the summed histogram, seconds |
//! | traffic | requests per second of the whole arm |
//! | saturation | mean over instances and ticks of each instance's fullest resource, 0-1 |
//! | kpi | good / tries, ratio 0-1 |
//!
//! Saturation is a mean and not a maximum, because the arms differ in size: the maximum of twenty instances lies above
//! the maximum of one even when they are alike.

use super::buckets::whole;
use super::{Arm, ArmTick, Histogram, InstanceTick, Kpi, Tick};
use crate::plan::Metric;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value, or why there is none. Nothing is ever made up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// In the unit of the metric: ratio 0-1, seconds, or requests per second.
    Value(f64),
    /// A quantile beyond the last finite bucket: at least this many seconds.
    AtLeast(f64),
    Nothing(Cause),
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No tick has usable data.
    NoData,
    /// Nothing to divide by: no requests, or no tries of a business ratio.
    NoRequests,
    /// No instance reports this metric.
    NotReported,
    /// No time has passed between the readings.
    NoTime,
    /// All buckets end below the quantile.
    BeyondBuckets,
}

impl Measured {
    /// The number to draw; for a quantile beyond the buckets the last bound.
    pub fn known(self) -> Option<f64> {
        match self {
            Measured::Value(value) | Measured::AtLeast(value) => Some(value),
            Measured::Nothing(_) => None,
        }
    }

    fn of(part: f64, of: f64) -> Measured {
        if of > 0.0 { Measured::Value(part / of) } else { Measured::Nothing(Cause::NoRequests) }
    }
}

/// So much of so many.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Part {
    pub part: f64,
    pub of: f64,
}

/// Sums of one arm, or of one instance, over one or many ticks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Time the sums cover.
    pub span: Span,
    pub requests: f64,
    /// Failed requests, of the requests of instances that report failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
    /// Sum of the gauge, and the number of samples it is the sum of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<Part>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, Kpi>,
}

impl Sums {
    /// One arm of one tick, summed over its instances.
    pub fn of(arm: &ArmTick, span: Span) -> Sums {
        let mut sums = Sums { span, ..Sums::default() };
        for instance in &arm.instances {
            sums.join(instance);
        }
        sums
    }

    /// Adds another stretch of time.
    pub fn add(&mut self, later: &Sums) {
        self.span = self.span + later.span;
        self.requests += later.requests;
        add_part(&mut self.errors, later.errors);
        add_part(&mut self.saturation, later.saturation);
        if let Some(latency) = &later.latency {
            self.add_latency(latency);
        }
        for (name, kpi) in &later.kpis {
            self.add_kpi(name, *kpi);
        }
    }

    /// Adds another instance of the same stretch of time.
    fn join(&mut self, instance: &InstanceTick) {
        self.requests += instance.requests;
        add_part(&mut self.errors, instance.errors.map(|part| Part { part, of: instance.requests }));
        add_part(&mut self.saturation, instance.saturation.map(|part| Part { part, of: 1.0 }));
        if let Some(latency) = &instance.latency {
            self.add_latency(latency);
        }
        for (name, kpi) in &instance.kpis {
            self.add_kpi(name, *kpi);
        }
    }

    /// Takes off what was added before: of what is [`whole`](Sums::whole) and [`like`](Sums::like) this, to the last bit.
    /// Gauges stay as they are, and time is taken off too.
    pub(crate) fn take_off(&mut self, gone: &Sums) {
        self.span = self.span.saturating_sub(gone.span);
        self.requests -= gone.requests;
        if let (Some(errors), Some(gone)) = (&mut self.errors, gone.errors) {
            *errors = Part { part: errors.part - gone.part, of: errors.of - gone.of };
        }
        if let (Some(latency), Some(gone)) = (&mut self.latency, &gone.latency) {
            latency.take_off(gone);
        }
        for (kpi, gone) in self.kpis.values_mut().zip(gone.kpis.values()) {
            *kpi = Kpi { good: kpi.good - gone.good, of: kpi.of - gone.of };
        }
    }

    /// Whether all counts are whole numbers, so that sums of them are exact in whatever order they are taken.
    pub(crate) fn whole(&self) -> bool {
        whole(self.requests)
            && self.errors.is_none_or(|errors| whole(errors.part) && whole(errors.of))
            && self.latency.as_ref().is_none_or(Histogram::whole)
            && self.kpis.values().all(|kpi| whole(kpi.good) && whole(kpi.of))
    }

    /// Whether the same things are counted, latency in the same buckets.
    pub(crate) fn like(&self, other: &Sums) -> bool {
        let latency = match (&self.latency, &other.latency) {
            (Some(one), Some(other)) => one.like(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.errors.is_some() == other.errors.is_some() && latency && self.kpis.keys().eq(other.kpis.keys())
    }

    fn add_latency(&mut self, latency: &Histogram) {
        match &mut self.latency {
            Some(sum) => sum.add(latency),
            None => self.latency = Some(latency.clone()),
        }
    }

    fn add_kpi(&mut self, name: &str, kpi: Kpi) {
        match self.kpis.get_mut(name) {
            Some(sum) => *sum = Kpi { good: sum.good + kpi.good, of: sum.of + kpi.of },
            None => {
                self.kpis.insert(name.to_owned(), kpi);
            }
        }
    }

    /// Whether any instance reports what the metric is made of.
    pub fn reports(&self, metric: &Metric) -> bool {
        match metric {
            Metric::Errors => self.errors.is_some(),
            Metric::Latency(_) => self.latency.is_some(),
            Metric::Traffic => true,
            Metric::Saturation => self.saturation.is_some(),
            Metric::Kpi(name) => self.kpis.contains_key(name),
        }
    }

    /// The metric's value over these sums.
    pub fn value(&self, metric: &Metric) -> Measured {
        let unreported = Measured::Nothing(Cause::NotReported);
        match metric {
            Metric::Errors => self.errors.map_or(unreported, |e| Measured::of(e.part, e.of)),
            Metric::Latency(q) => self.latency.as_ref().map_or(unreported, |h| h.quantile(f64::from(*q) / 100.0)),
            Metric::Traffic if self.span == Span::ZERO => Measured::Nothing(Cause::NoTime),
            Metric::Traffic => Measured::Value(self.requests / self.span.secs_f64()),
            Metric::Saturation => self.saturation.map_or(unreported, |s| Measured::of(s.part, s.of)),
            Metric::Kpi(name) => self.kpis.get(name).map_or(unreported, |k| Measured::of(k.good, k.of)),
        }
    }
}

fn add_part(sum: &mut Option<Part>, more: Option<Part>) {
    if let Some(more) = more {
        let so_far = sum.unwrap_or_default();
        *sum = Some(Part { part: so_far.part + more.part, of: so_far.of + more.of });
    }
}

/// Sums of an arm over the ticks in which its data is usable; `None` when there is none.
pub fn pooled<'a>(ticks: impl IntoIterator<Item = &'a Tick>, arm: Arm) -> Option<Sums> {
    let mut sums: Option<Sums> = None;
    for tick in ticks {
        let side = tick.arm(arm);
        if side.data.usable() {
            sums.get_or_insert_default().add(&Sums::of(side, tick.span));
        }
    }
    sums
}

/// The same by instance: what dispersion between instances is measured on.
pub fn per_instance<'a>(ticks: impl IntoIterator<Item = &'a Tick>, arm: Arm) -> BTreeMap<String, Sums> {
    let mut out: BTreeMap<String, Sums> = BTreeMap::new();
    for tick in ticks {
        let side = tick.arm(arm);
        if side.data.usable() {
            for instance in &side.instances {
                let mut one = Sums { span: tick.span, ..Sums::default() };
                one.join(instance);
                out.entry(instance.instance.clone()).or_default().add(&one);
            }
        }
    }
    out
}

/// A metric of one arm over one or many ticks; unusable ticks are left out, and only unusable ones give nothing.
pub fn value<'a>(metric: &Metric, ticks: impl IntoIterator<Item = &'a Tick>, arm: Arm) -> Measured {
    pooled(ticks, arm).map_or(Measured::Nothing(Cause::NoData), |sums| sums.value(metric))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Data;
    use crate::time::Timestamp;

    fn tick(canary: Vec<InstanceTick>, data: Data) -> Tick {
        Tick {
            number: 1,
            at: Timestamp::from_secs(10),
            span: Span::from_secs(10),
            baseline: ArmTick { data: Data::Missing, instances: vec![] },
            canary: ArmTick { data, instances: canary },
            failure: None,
            warnings: vec![],
        }
    }

    fn instance(name: &str, requests: f64, errors: Option<f64>, saturation: f64) -> InstanceTick {
        InstanceTick {
            instance: name.into(),
            requests,
            errors,
            saturation: Some(saturation),
            ..InstanceTick::default()
        }
    }

    #[test]
    fn given_two_instances_then_ratios_divide_sums_and_not_ratios() {
        let ticks =
            [tick(vec![instance("a", 900.0, Some(0.0), 0.2), instance("b", 100.0, Some(10.0), 0.8)], Data::Complete)];
        let value = |metric: Metric| value(&metric, &ticks, Arm::Canary);
        assert_eq!(value(Metric::Errors), Measured::Value(0.01));
        assert_eq!(value(Metric::Traffic), Measured::Value(100.0));
        assert_eq!(value(Metric::Saturation), Measured::Value(0.5));
        assert_eq!(value(Metric::Kpi("orders".into())), Measured::Nothing(Cause::NotReported));
        assert_eq!(per_instance(&ticks, Arm::Canary)["b"].errors, Some(Part { part: 10.0, of: 100.0 }));
    }

    #[test]
    fn given_an_instance_without_an_error_counter_then_its_requests_do_not_dilute_the_ratio() {
        let ticks =
            [tick(vec![instance("a", 900.0, None, 0.2), instance("b", 100.0, Some(10.0), 0.8)], Data::Complete)];
        assert_eq!(value(&Metric::Errors, &ticks, Arm::Canary), Measured::Value(0.1));
    }

    #[test]
    fn given_no_requests_or_no_usable_tick_then_there_is_no_value_and_no_zero() {
        let quiet = [tick(vec![instance("a", 0.0, Some(0.0), 0.2)], Data::Complete)];
        assert_eq!(value(&Metric::Errors, &quiet, Arm::Canary), Measured::Nothing(Cause::NoRequests));
        let partial = [tick(vec![instance("a", 9.0, Some(0.0), 0.2)], Data::Partial { seen: 1, expected: 2 })];
        assert_eq!(value(&Metric::Errors, &partial, Arm::Canary), Measured::Nothing(Cause::NoData));
    }
}
