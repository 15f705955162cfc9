//! The HTTP API of Prometheus as far as it is needed: one instant query.

use crate::outbound::{Answer as HttpAnswer, Call, Outbound, OutboundError, place};
use crate::sources::buckets::Range;
use crate::sources::exposition::number;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use sternway_domain::service::{Headers, Secret};
use sternway_domain::signal::SourceFailure;
use sternway_domain::time::Timestamp;

/// The longest answer that is read.
const MAX_BYTES: usize = 16 * 1024 * 1024;

pub(super) struct Api {
    url: Url,
    timeout: Duration,
    bearer: Option<Secret>,
    headers: Headers,
    outbound: Outbound,
    /// For people: `prometheus http://host:9090/`.
    name: String,
}

/// What one query was answered with.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) series: Vec<Series>,
    /// Warnings and infos, in Prometheus's words.
    pub(super) warnings: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: Value,
}

#[derive(Debug, PartialEq)]
pub(super) enum Value {
    /// May be NaN or infinite.
    Number(f64),
    Native {
        ranges: Vec<Range>,
        count: f64,
    },
}

impl Api {
    pub(super) fn new(
        mut url: Url,
        timeout: Duration,
        bearer: Option<Secret>,
        headers: Headers,
        outbound: Outbound,
    ) -> Self {
        let name = format!("prometheus {}", place(&url));
        let path = format!("{}/api/v1/query", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Self { url, timeout, bearer, headers, outbound, name }
    }

    /// Asks `query` as of `at`. `field` says in messages which question it was.
    pub(super) async fn query(&self, field: &str, query: &str, at: Timestamp) -> Result<Answer, SourceFailure> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("time", &format!("{:.3}", at.micros() as f64 / 1e6))
            .append_pair("timeout", &format!("{}ms", self.timeout.as_millis()));
        let mut call = Call::get(url, self.timeout, MAX_BYTES);
        call.headers = self.headers().await?;
        let answer = self.outbound.send(call).await.map_err(|e| match e {
            OutboundError::Unreachable { .. } | OutboundError::TimedOut { .. } => self.down(e.to_string()),
            _ => self.misconfigured(e.to_string()),
        })?;
        self.read(field, &answer)
    }

    async fn headers(&self) -> Result<HeaderMap, SourceFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bearer = self.bearer.iter().map(|secret| ("authorization", secret));
        for (name, secret) in self.headers.iter().map(|(name, secret)| (name.as_str(), secret)).chain(bearer) {
            let text = self.outbound.secret(secret).await.map_err(|e| self.misconfigured(e.to_string()))?;
            let wrong = || self.misconfigured(format!("the header `{name}` cannot be sent: it holds odd characters"));
            let header = HeaderName::try_from(name).map_err(|_| wrong())?;
            let is_bearer = header == AUTHORIZATION && !self.headers.contains_key(name);
            let text = if is_bearer { format!("Bearer {text}") } else { text };
            let mut value = HeaderValue::try_from(text).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        Ok(headers)
    }

    fn read(&self, field: &str, answer: &HttpAnswer) -> Result<Answer, SourceFailure> {
        let envelope: Option<Envelope> = serde_json::from_slice(&answer.body).ok();
        let status = answer.status;
        if status == StatusCode::OK {
            let Some(envelope) = envelope else {
                return Err(self.misconfigured(format!("it does not answer as Prometheus does: {}", answer.gist())));
            };
            return decode(envelope).map_err(|text| self.misconfigured(format!("`{field}`: {text}")));
        }
        let said = envelope.map(|e| [e.error_type, e.error].join(": ")).filter(|said| said != ": ");
        let said: String = said.unwrap_or_else(|| answer.gist()).chars().take(300).collect();
        let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        if status.is_server_error() || passing {
            Err(self.down(format!("{status}: {said}")))
        } else {
            Err(self.misconfigured(format!("`{field}`: {status}: {said}")))
        }
    }

    fn down(&self, detail: String) -> SourceFailure {
        SourceFailure::Down { source_name: self.name.clone(), detail }
    }

    fn misconfigured(&self, detail: String) -> SourceFailure {
        SourceFailure::Misconfigured { source_name: self.name.clone(), detail }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    status: String,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    result_type: String,
    #[serde(default)]
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Element {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
    histogram: Option<(f64, NativeHistogram)>,
}

#[derive(Deserialize)]
struct NativeHistogram {
    count: String,
    /// Boundary rule, lower bound, upper bound, count.
    #[serde(default)]
    buckets: Vec<(u8, String, String, String)>,
}

fn decode(envelope: Envelope) -> Result<Answer, String> {
    if envelope.status != "success" {
        return Err(format!("it answers `{}`: {}", envelope.status, envelope.error));
    }
    if envelope.data.result_type != "vector" {
        let kind = envelope.data.result_type;
        return Err(format!("it answers a {kind} where one value per series is needed (an instant vector)"));
    }
    let elements: Vec<Element> =
        serde_json::from_value(envelope.data.result).map_err(|e| format!("its vector cannot be read: {e}"))?;
    let series = elements.into_iter().map(Series::read).collect::<Result<_, _>>()?;
    Ok(Answer { series, warnings: envelope.warnings.into_iter().chain(envelope.infos).collect() })
}

impl Series {
    fn read(element: Element) -> Result<Self, String> {
        let value = |text: &str| number(text).ok_or_else(|| format!("`{text}` is not a number"));
        let value = match (element.value, element.histogram) {
            (Some((_, text)), _) => Value::Number(value(&text)?),
            (None, Some((_, histogram))) => {
                let ranges =
                    histogram.buckets.iter().map(|(_, left, right, n)| Ok((value(left)?, value(right)?, value(n)?)));
                Value::Native { ranges: ranges.collect::<Result<_, String>>()?, count: value(&histogram.count)? }
            }
            (None, None) => return Err("a series has neither value nor histogram".to_owned()),
        };
        Ok(Series { labels: element.metric, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: serde_json::Value) -> Result<Answer, String> {
        decode(serde_json::from_value(body).expect("an envelope"))
    }

    #[test]
    fn values_are_strings_and_may_be_no_numbers() {
        let answer = read(
            json!({"status": "success", "infos": ["i"], "warnings": ["w"], "data": {"resultType": "vector", "result": [
            {"metric": {"instance": "a"}, "value": [1.5, "NaN"]}, {"metric": {}, "value": [1.5, "+Inf"]}]}}),
        );
        let answer = answer.expect("a vector");
        assert!(matches!(answer.series[0].value, Value::Number(n) if n.is_nan()));
        assert_eq!(answer.series[1].value, Value::Number(f64::INFINITY));
        assert_eq!(answer.warnings, ["w", "i"]);
    }

    #[test]
    fn native_histograms_keep_their_bounds() {
        let answer = read(json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {}, "histogram": [1.5, {"count": "3", "sum": "1", "buckets": [[0, "0.5", "1", "3"]]}]}]}}));
        let expected = Value::Native { ranges: vec![(0.5, 1.0, 3.0)], count: 3.0 };
        assert_eq!(answer.expect("a vector").series[0].value, expected);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        for odd in [
            json!({"status": "success", "data": {"resultType": "scalar", "result": [1.5, "1"]}}),
            json!({"status": "error", "error": "no"}),
            json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}),
            json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}}),
            json!({}),
        ] {
            assert!(read(odd.clone()).is_err(), "{odd} was taken");
        }
    }
}
