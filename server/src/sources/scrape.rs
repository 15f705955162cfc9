//! Reads each instance's own `/metrics`.

use super::buckets::Classic;
use super::exposition::{self, Format, Sample};
use super::query::{self, Selectors};
use crate::outbound::{Answer, Call, Outbound, OutboundError};
use crate::ports::SignalSource;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use std::collections::BTreeMap;
use std::time::Duration;
use sternway_domain::service::{Queries, Scrape};
use sternway_domain::signal::{Arm, InstanceReading, Kpi, Reading, SourceFailure};
use sternway_domain::time::Timestamp;

/// The longest page that is read.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Instances asked at the same time.
const AT_ONCE: usize = 8;
const ACCEPTED: &str = "application/openmetrics-text; version=1.0.0, text/plain; version=0.0.4; q=0.5, */*; q=0.1";

/// The instances of one service and what to pick from their pages.
pub struct ScrapeSource {
    instances: Vec<(Arm, Url)>,
    picks: Picks,
    timeout: Duration,
    outbound: Outbound,
}

/// Which series of a page mean what.
struct Picks {
    requests: Selectors,
    errors: Option<Selectors>,
    latency: Option<Selectors>,
    /// Seconds per unit of `le`.
    unit: f64,
    saturation: Option<Selectors>,
    kpis: BTreeMap<String, (Selectors, Selectors)>,
    absent_is_zero: bool,
}

/// Why one instance could not be read.
enum Unread {
    /// Not there, or not well: it may be back.
    Down(String),
    /// There, but what it says is not a page of metrics.
    Odd(String),
}

impl ScrapeSource {
    /// `Err` is the field that is wrong and why.
    pub(super) fn new(config: &Scrape, outbound: Outbound) -> Result<Self, (String, String)> {
        let mut instances = Vec::new();
        for (arm, field, urls) in
            [(Arm::Baseline, "baseline", &config.baseline), (Arm::Canary, "canary", &config.canary)]
        {
            for (i, text) in urls.iter().enumerate() {
                let url = crate::outbound::parse_url(text).map_err(|e| (format!("{field}[{i}]"), e.to_string()))?;
                instances.push((arm, url));
            }
        }
        let picks = Picks::new(&config.queries.over(config.preset))?;
        let timeout = Duration::from_micros(config.timeout.micros().unsigned_abs());
        Ok(Self { instances, picks, timeout, outbound })
    }

    async fn instance(&self, url: &Url, now: Timestamp) -> Result<(InstanceReading, Vec<String>), Unread> {
        let mut call = Call::get(url.clone(), self.timeout, MAX_BYTES);
        call.headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        let answer = self.outbound.send(call).await.map_err(|e| match e {
            OutboundError::Unreachable { .. } | OutboundError::TimedOut { .. } => Unread::Down(e.to_string()),
            _ => Unread::Odd(e.to_string()),
        })?;
        let samples = page(&name(url), &answer)?;
        Ok(self.picks.read(name(url), &samples, now))
    }
}

#[async_trait]
impl SignalSource for ScrapeSource {
    async fn read(&self, now: Timestamp) -> Result<Reading, SourceFailure> {
        let looks: Vec<_> =
            self.instances.iter().map(|(arm, url)| async move { (*arm, self.instance(url, now).await) }).collect();
        let looks: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut reading = Reading { at: now, ..Reading::default() };
        let (mut down, mut odd) = (Vec::new(), Vec::new());
        for (arm, look) in looks {
            match look {
                Ok((instance, warnings)) => {
                    match arm {
                        Arm::Baseline => reading.baseline.push(instance),
                        Arm::Canary => reading.canary.push(instance),
                    }
                    reading.warnings.extend(warnings);
                }
                Err(Unread::Down(text)) => down.push(text),
                Err(Unread::Odd(text)) => odd.push(text),
            }
        }
        if reading.baseline.is_empty() && reading.canary.is_empty() {
            let source_name = format!("each of {} instances", self.instances.len());
            return Err(match (down.first(), odd.first()) {
                (Some(first), _) => SourceFailure::Down { source_name, detail: first.clone() },
                (None, first) => {
                    let detail = first.cloned().unwrap_or_else(|| "no instance is listed".to_owned());
                    SourceFailure::Misconfigured { source_name, detail }
                }
            });
        }
        reading.warnings.extend(down.into_iter().chain(odd));
        Ok(reading)
    }
}

/// An instance is called by its host and port.
fn name(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

fn page(name: &str, answer: &Answer) -> Result<Vec<Sample>, Unread> {
    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Unread::Down(format!("`{name}` answers {}: {}", answer.status, answer.gist())));
    }
    if answer.status != StatusCode::OK {
        return Err(Unread::Odd(format!("`{name}` answers {} instead of metrics", answer.status)));
    }
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let text = std::str::from_utf8(&answer.body).map_err(|_| Unread::Odd(format!("`{name}` answers no text")))?;
    exposition::parse(text, Format::of(content_type))
        .map_err(|e| Unread::Odd(format!("`{name}` shows metrics that cannot be read: {e}")))
}

impl Picks {
    fn new(queries: &Queries) -> Result<Self, (String, String)> {
        let pick = |field: &str, text: &str| {
            let found = query::parse(text, "").and_then(|parsed| parsed.local());
            found.map_err(|text| (format!("queries.{field}"), text))
        };
        let optional = |field: &str, text: &Option<String>| text.as_ref().map(|text| pick(field, text)).transpose();
        let requests = optional("requests", &queries.requests)?
            .ok_or_else(|| ("queries.requests".to_owned(), "say how requests are counted".to_owned()))?;
        let mut kpis = BTreeMap::new();
        for (name, kpi) in &queries.kpis {
            let good = pick(&format!("kpis.{name}.good"), &kpi.good)?;
            kpis.insert(name.clone(), (good, pick(&format!("kpis.{name}.of"), &kpi.of)?));
        }
        Ok(Self {
            requests,
            errors: optional("errors", &queries.errors)?,
            latency: optional("latency_buckets", &queries.latency_buckets)?,
            unit: queries.latency_unit.unwrap_or_default().in_seconds(),
            saturation: optional("saturation", &queries.saturation)?,
            kpis,
            absent_is_zero: queries.absent_is_zero.unwrap_or(false),
        })
    }

    fn read(&self, instance: String, samples: &[Sample], now: Timestamp) -> (InstanceReading, Vec<String>) {
        let mut warnings = Vec::new();
        let mut oldest: Option<Timestamp> = None;
        let mut chosen = |selectors: &Selectors| -> Vec<&Sample> {
            let found: Vec<&Sample> = samples.iter().filter(|s| selectors.matches(&s.name, &s.labels)).collect();
            for at in found.iter().filter_map(|sample| sample.at) {
                oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
            }
            found
        };
        let sum =
            |found: Vec<&Sample>| (!found.is_empty()).then(|| found.iter().map(|sample| sample.value).sum::<f64>());
        let zero_beside = |beside: Option<f64>| beside.filter(|_| self.absent_is_zero).map(|_| 0.0);

        let requests = sum(chosen(&self.requests));
        let errors = self.errors.as_ref().and_then(|pick| sum(chosen(pick)).or_else(|| zero_beside(requests)));
        let mut buckets = Classic::default();
        let mut wrong = None;
        for sample in self.latency.as_ref().map(&mut chosen).unwrap_or_default() {
            let le = sample.labels.get("le").map_or("", String::as_str);
            wrong = wrong.or(buckets.add(le, self.unit, sample.value).err());
        }
        let latency = wrong.map_or_else(|| buckets.finish(), Err).unwrap_or_else(|text| {
            warnings.push(format!("`{instance}` latency: {text}"));
            None
        });
        let fullest = |found: Vec<&Sample>| found.iter().map(|sample| sample.value).reduce(worse);
        let saturation = self.saturation.as_ref().and_then(|pick| fullest(chosen(pick)));
        let mut kpis = BTreeMap::new();
        for (name, (good, of)) in &self.kpis {
            let of = sum(chosen(of));
            let good = sum(chosen(good)).or_else(|| zero_beside(of));
            if let (Some(good), Some(of)) = (good, of) {
                kpis.insert(name.clone(), Kpi { good, of });
            }
        }
        if self.errors.is_some() && errors.is_none() && requests.is_some() {
            warnings.push(super::silent_errors(&instance));
        }
        let at = oldest.unwrap_or(now);
        (InstanceReading { instance, at, requests, errors, latency, saturation, kpis }, warnings)
    }
}

/// The larger; NaN if either is.
fn worse(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
