//! Asks Prometheus, or whatever speaks its HTTP API, by instant queries.
//!
//! Each question is asked twice for one and the same moment: first when its series were last sampled, then what they
//! are. That order errs on the safe side: a sample that arrives in between makes the numbers look older, never fresher.
//! An instant query's own timestamp is deliberately not used: it is the moment of asking.

use super::buckets::{self, Classic};
use super::query::{self, Parsed};
use crate::outbound::{Outbound, parse_url};
use crate::ports::SignalSource;
use api::{Api, Series, Value};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use sternway_domain::service::{Prometheus, Queries};
use sternway_domain::signal::{Arm, Histogram, InstanceReading, Kpi, Reading, SourceFailure};
use sternway_domain::time::Timestamp;

mod api;

/// Questions asked at the same time.
const AT_ONCE: usize = 6;

/// One service in one Prometheus.
pub struct PrometheusSource {
    api: Api,
    asks: Vec<Ask>,
    instance_labels: Vec<String>,
    /// Seconds per unit of `le`.
    unit: f64,
    absent_is_zero: bool,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    Requests,
    Errors,
    Latency,
    Saturation,
    Good(String),
    Of(String),
}

/// One question about one arm.
#[derive(Debug)]
struct Ask {
    arm: Arm,
    signal: Signal,
    /// Path of the field, for people.
    field: String,
    values: String,
    sampled: String,
}

/// What was answered to one [`Ask`], by instance.
#[derive(Debug, Default)]
struct Answered {
    sampled: BTreeMap<String, Timestamp>,
    values: BTreeMap<String, f64>,
    latency: BTreeMap<String, Histogram>,
    warnings: Vec<String>,
}

/// The values of one instant query, one per series.
pub(super) async fn numbers(
    config: &Prometheus,
    outbound: &Outbound,
    query: &str,
    now: Timestamp,
) -> Result<Vec<f64>, SourceFailure> {
    let wrong = |detail| SourceFailure::Misconfigured { source_name: "prometheus".to_owned(), detail };
    let url = parse_url(&config.url).map_err(|e| wrong(e.to_string()))?;
    let parsed = query::parse(query, "").map_err(wrong)?;
    let timeout = Duration::from_micros(config.timeout.micros().unsigned_abs());
    let api = Api::new(url, timeout, config.bearer.clone(), config.headers.clone(), outbound.clone());
    let answer = api.query("query", &parsed.text, now).await?;
    let number = |series: &Series| match series.value {
        Value::Number(number) => Ok(number),
        Value::Native { .. } => Err(wrong("the query gives a histogram, not a number".to_owned())),
    };
    answer.series.iter().map(number).collect()
}

impl PrometheusSource {
    /// `Err` is the field that is wrong and why.
    pub(super) fn new(config: &Prometheus, outbound: Outbound) -> Result<Self, (String, String)> {
        let url = parse_url(&config.url).map_err(|e| ("url".to_owned(), e.to_string()))?;
        let queries = config.queries.over(config.preset);
        let labels = config.instance_labels();
        let mut asks = Vec::new();
        for (arm, name, matchers) in
            [(Arm::Baseline, "baseline", &config.baseline), (Arm::Canary, "canary", &config.canary)]
        {
            query::parse(&format!("{{__name__=\"x\",{matchers}}}"), "").map_err(|e| (name.to_owned(), e))?;
            for (field, signal, text) in each(&queries) {
                let parsed = query::parse(text, matchers).map_err(|e| (format!("queries.{field}"), e))?;
                let ask = Ask::new(arm, signal, field.clone(), &parsed, &labels);
                asks.push(ask.map_err(|e| (format!("queries.{field}"), e))?);
            }
        }
        let timeout = Duration::from_micros(config.timeout.micros().unsigned_abs());
        let api = Api::new(url, timeout, config.bearer.clone(), config.headers.clone(), outbound);
        let unit = queries.latency_unit.unwrap_or_default().in_seconds();
        let absent_is_zero = queries.absent_is_zero.unwrap_or(false);
        Ok(Self { api, asks, instance_labels: labels, unit, absent_is_zero })
    }

    /// All answers to one half of the questions, in the order of the questions.
    async fn answers(&self, half: impl Fn(&Ask) -> &str, now: Timestamp) -> Result<Vec<api::Answer>, SourceFailure> {
        let asked: Vec<_> = self.asks.iter().map(|ask| self.api.query(&ask.field, half(ask), now)).collect();
        stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }

    fn instance(&self, series: &Series) -> String {
        let named: Vec<&str> =
            self.instance_labels.iter().filter_map(|label| series.labels.get(label).map(String::as_str)).collect();
        if named.is_empty() { "all".to_owned() } else { named.join(" ") }
    }

    fn take(&self, ask: &Ask, sampled: api::Answer, values: api::Answer) -> Answered {
        let mut taken = Answered::default();
        for warning in sampled.warnings.iter().chain(&values.warnings) {
            taken.warnings.push(format!("`{}`: {warning}", ask.field));
        }
        for series in &sampled.series {
            if let Value::Number(secs) = series.value
                && let Some(micros) = super::exposition::micros(secs)
            {
                taken.sampled.insert(self.instance(series), Timestamp::from_micros(micros));
            }
        }
        let mut classic: BTreeMap<String, (Classic, Option<String>)> = BTreeMap::new();
        for series in &values.series {
            let instance = self.instance(series);
            match (&series.value, &ask.signal) {
                (Value::Number(count), Signal::Latency) => {
                    let (buckets, wrong) = classic.entry(instance).or_default();
                    let le = series.labels.get("le").map_or("", String::as_str);
                    *wrong = wrong.take().or(buckets.add(le, self.unit, *count).err());
                }
                (Value::Number(value), _) => {
                    taken.values.insert(instance, *value);
                }
                (Value::Native { ranges, count }, Signal::Latency) => {
                    match buckets::native(ranges, *count, self.unit) {
                        Ok(histogram) => taken.latency.insert(instance, histogram).map_or((), drop),
                        Err(text) => taken.warnings.push(format!("`{}` `{instance}`: {text}", ask.field)),
                    }
                }
                (Value::Native { count, .. }, Signal::Requests) => {
                    taken.values.insert(instance, *count);
                }
                (Value::Native { .. }, _) => {
                    taken.warnings.push(format!("`{}` `{instance}` is a histogram, not a number", ask.field));
                }
            }
        }
        for (instance, (buckets, wrong)) in classic {
            match wrong.map_or_else(|| buckets.finish(), Err) {
                Ok(Some(histogram)) => taken.latency.insert(instance, histogram).map_or((), drop),
                Ok(None) => {}
                Err(text) => taken.warnings.push(format!("`{}` `{instance}`: {text}", ask.field)),
            }
        }
        taken
    }

    /// One arm's instances: those that report requests.
    fn arm(&self, arm: Arm, all: &[(&Ask, Answered)], warnings: &mut Vec<String>) -> Vec<InstanceReading> {
        let of = |signal: &Signal| all.iter().find(|(ask, _)| ask.arm == arm && ask.signal == *signal).map(|(_, a)| a);
        let Some(requests) = of(&Signal::Requests) else { return Vec::new() };
        let names: Vec<&String> = requests.values.keys().collect();
        for (ask, answered) in all.iter().filter(|(ask, _)| ask.arm == arm) {
            let stray = answered.values.keys().chain(answered.latency.keys()).find(|name| !names.contains(name));
            if let Some(stray) = stray {
                warnings.push(format!("`{}` answers for `{stray}`, which reports no requests; left out", ask.field));
            }
        }
        let read = |name: &String| {
            let value = |signal: &Signal| of(signal).and_then(|answered| answered.values.get(name).copied());
            let zero_beside = |beside: Option<f64>| beside.filter(|_| self.absent_is_zero).map(|_| 0.0);
            let requests = value(&Signal::Requests);
            let errors = of(&Signal::Errors).and_then(|_| value(&Signal::Errors).or_else(|| zero_beside(requests)));
            let mut kpis = BTreeMap::new();
            for kpi in self.asks.iter().filter_map(|ask| match &ask.signal {
                Signal::Of(kpi) if ask.arm == arm => Some(kpi),
                _ => None,
            }) {
                let of = value(&Signal::Of(kpi.clone()));
                let good = value(&Signal::Good(kpi.clone())).or_else(|| zero_beside(of));
                if let (Some(good), Some(of)) = (good, of) {
                    kpis.insert(kpi.clone(), Kpi { good, of });
                }
            }
            let sampled =
                all.iter().filter(|(ask, _)| ask.arm == arm).filter_map(|(_, a)| a.sampled.get(name).copied());
            InstanceReading {
                instance: name.clone(),
                // Without a sample's own time it counts as old as can be, and so as stale.
                at: sampled.min().unwrap_or_default(),
                requests,
                errors,
                latency: of(&Signal::Latency).and_then(|answered| answered.latency.get(name).cloned()),
                saturation: value(&Signal::Saturation),
                kpis,
            }
        };
        let instances: Vec<InstanceReading> = names.into_iter().map(read).collect();
        if of(&Signal::Errors).is_some() {
            let silent = instances.iter().filter(|i| i.errors.is_none() && i.requests.is_some());
            warnings.extend(silent.map(|i| super::silent_errors(&i.instance)));
        }
        instances
    }
}

#[async_trait]
impl SignalSource for PrometheusSource {
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure> {
        let sampled = self.answers(|ask| &ask.sampled, now).await?;
        let values = self.answers(|ask| &ask.values, now).await?;
        let answers = sampled.into_iter().zip(values);
        let all: Vec<(&Ask, Answered)> =
            self.asks.iter().zip(answers).map(|(ask, (s, v))| (ask, self.take(ask, s, v))).collect();
        let mut warnings: Vec<String> = all.iter().flat_map(|(_, answered)| answered.warnings.clone()).collect();
        let baseline = self.arm(Arm::Baseline, &all, &mut warnings);
        let canary = self.arm(Arm::Canary, &all, &mut warnings);
        warnings.sort();
        warnings.dedup();
        Ok(Reading { at: now, baseline, canary, warnings })
    }
}

impl Ask {
    fn new(arm: Arm, signal: Signal, field: String, parsed: &Parsed, labels: &[String]) -> Result<Self, String> {
        let selectors = parsed.selectors();
        if selectors.is_empty() {
            return Err("it names no metric".to_owned());
        }
        if signal != Signal::Saturation && parsed.spans_time() {
            return Err("ask for the raw counter: Sternway works out differences itself".to_owned());
        }
        let by = labels.join(", ");
        let text = &parsed.text;
        let values = match signal {
            Signal::Latency => format!("sum by ({by}, le) ({text})"),
            Signal::Saturation => format!("max by ({by}) ({text})"),
            _ => format!("sum by ({by}) ({text})"),
        };
        // `timestamp` of a bare selector is the sample's own; of anything else it would be the moment of asking. The
        // oldest metric of a question rules, but within a metric the newest series does: a label set that is no longer
        // written does not make an instance old.
        let times: Vec<String> = selectors.iter().map(|s| format!("max by ({by}) (timestamp({s}))")).collect();
        let sampled = match &times[..] {
            [only] => only.clone(),
            several => {
                let marked: Vec<String> = several
                    .iter()
                    .enumerate()
                    .map(|(i, time)| format!("label_replace({time}, \"sternway\", \"{i}\", \"instance\", \".*\")"))
                    .collect();
                format!("min by ({by}) ({})", marked.join(" or "))
            }
        };
        Ok(Self { arm, signal, field, values, sampled })
    }
}

/// Each question with its field.
fn each(queries: &Queries) -> Vec<(String, Signal, &str)> {
    let signal = |field: &str| match field {
        "requests" => Signal::Requests,
        "errors" => Signal::Errors,
        "latency_buckets" => Signal::Latency,
        "saturation" => Signal::Saturation,
        kpi => {
            let kpi = kpi.trim_start_matches("kpis.");
            match kpi.strip_suffix(".good") {
                Some(name) => Signal::Good(name.to_owned()),
                None => Signal::Of(kpi.trim_end_matches(".of").to_owned()),
            }
        }
    };
    queries.each().into_iter().map(|(field, text)| (field.clone(), signal(&field), text)).collect()
}
