//! The sources' part of the document, and what each preset asks for.
//!
//! A preset is nothing but [`Queries`] written down here: what it asks can be read, shown and overridden field by field.

use super::{Headers, Secret, Signals};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in a query for the labels that tell one arm from the other.
pub const ARM: &str = "{{arm}}";

/// Reads the Prometheus or OpenMetrics text of each instance itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Scrape {
    /// One URL per instance of the baseline: `http://10.0.0.1:8080/metrics`.
    pub baseline: Vec<String>,
    /// One URL per instance of the canary.
    pub canary: Vec<String>,
    #[serde(default)]
    pub preset: Preset,
    /// Replaces single questions of the preset. Plain selectors only, such as `orders_total{state="paid"}`; the arm is
    /// known from the URL.
    #[serde(default)]
    pub queries: Queries,
    /// Longest wait for one instance.
    #[serde(default = "defaults::scrape_timeout")]
    pub timeout: Span,
}

/// Asks Prometheus, Thanos, Mimir or VictoriaMetrics by instant queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Prometheus {
    /// Without `/api/v1`: `http://prometheus:9090`.
    pub url: String,
    #[serde(default)]
    pub preset: Preset,
    /// Label matchers of the baseline, as inside the braces of a selector: `job="checkout",track="stable"`.
    pub baseline: String,
    /// Label matchers of the canary.
    pub canary: String,
    /// Replaces single questions of the preset. PromQL of raw counters (no `rate`), with `{{arm}}` where the arm's
    /// matchers go: `orders_total{state="paid",{{arm}}}`.
    #[serde(default)]
    pub queries: Queries,
    /// Labels that tell one instance from another. Left empty: what the preset says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Secret>,
    /// Sent with each question, such as `X-Scope-OrgID`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: Headers,
    /// Longest wait for one answer.
    #[serde(default = "defaults::prometheus_timeout")]
    pub timeout: Span,
}

/// Which naming convention the service's metrics follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// OpenTelemetry HTTP server metrics: `http_server_request_duration_seconds`.
    #[default]
    OtelHttp,
    /// `http_requests_total` with `code` or `status`, and `http_request_duration_seconds`.
    HttpRequestsTotal,
    /// HAProxy's built-in exporter, per server. It has no latency histogram.
    Haproxy,
    /// Envoy's clusters; latency in milliseconds.
    Envoy,
    /// Nothing but what `queries` says.
    Custom,
}

/// One question per signal. What is left empty is not asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Queries {
    /// Requests since the instance started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    /// Failed requests since the instance started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    /// Cumulative buckets with the label `le`, or native histograms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_buckets: Option<String>,
    /// The unit of the buckets' bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_unit: Option<LatencyUnit>,
    /// How full the fullest resource is, 0-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, KpiQueries>,
    /// True when a labelled counter only appears with its first event, as in most client libraries: an instance that
    /// reports requests but no errors then has had none. Left out, silence about errors stays silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_is_zero: Option<bool>,
}

/// The two counters of a business ratio: `of` tries, `good` of them successful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KpiQueries {
    pub good: String,
    pub of: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LatencyUnit {
    #[default]
    Seconds,
    Milliseconds,
}

impl LatencyUnit {
    /// Times this is seconds.
    pub fn in_seconds(self) -> f64 {
        match self {
            LatencyUnit::Seconds => 1.0,
            LatencyUnit::Milliseconds => 1e-3,
        }
    }
}

impl Signals {
    /// For people: `Prometheus prom-b:9090`, `scrape of 10.0.0.1:8080 and 2 more`.
    pub fn title(&self) -> String {
        match self {
            Signals::Memory => "this process".to_owned(),
            Signals::Prometheus(prometheus) => format!("Prometheus {}", host(&prometheus.url)),
            Signals::Scrape(scrape) => {
                let mut urls = scrape.canary.iter().chain(&scrape.baseline);
                let first = urls.next().map_or("nothing", |url| host(url));
                match urls.count() {
                    0 => format!("scrape of {first}"),
                    more => format!("scrape of {first} and {more} more"),
                }
            }
        }
    }

    /// Whether the two would say the same because they ask the same of the same: headers, timeouts and order aside.
    pub fn same_place(&self, other: &Signals) -> bool {
        let at = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        let arms = |scrape: &Scrape| {
            let set = |urls: &[String]| urls.iter().map(|url| at(url)).collect::<BTreeSet<String>>();
            (set(&scrape.baseline), set(&scrape.canary))
        };
        match (self, other) {
            (Signals::Memory, Signals::Memory) => true,
            (Signals::Scrape(one), Signals::Scrape(two)) => {
                arms(one) == arms(two) && one.queries.over(one.preset) == two.queries.over(two.preset)
            }
            (Signals::Prometheus(one), Signals::Prometheus(two)) => {
                at(&one.url) == at(&two.url)
                    && one.baseline.trim() == two.baseline.trim()
                    && one.canary.trim() == two.canary.trim()
                    && one.queries.over(one.preset) == two.queries.over(two.preset)
            }
            _ => false,
        }
    }
}

/// Host and port of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

impl Preset {
    /// What the preset asks, with [`ARM`] where the arm's matchers go.
    pub fn queries(self) -> Queries {
        let asked = |text: &str| Some(text.to_owned());
        match self {
            Preset::OtelHttp => Queries {
                requests: asked("http_server_request_duration_seconds_count{ {{arm}} }"),
                errors: asked(
                    r#"http_server_request_duration_seconds_count{http_response_status_code=~"5..",{{arm}}}"#,
                ),
                latency_buckets: asked("http_server_request_duration_seconds_bucket{ {{arm}} }"),
                absent_is_zero: Some(true),
                ..Queries::default()
            },
            Preset::HttpRequestsTotal => Queries {
                requests: asked("http_requests_total{ {{arm}} }"),
                errors: asked(concat!(
                    r#"http_requests_total{code=~"5..",{{arm}}}"#,
                    " or ",
                    r#"http_requests_total{status=~"5..",{{arm}}}"#
                )),
                latency_buckets: asked("http_request_duration_seconds_bucket{ {{arm}} }"),
                absent_is_zero: Some(true),
                ..Queries::default()
            },
            Preset::Haproxy => Queries {
                requests: asked("haproxy_server_http_responses_total{ {{arm}} }"),
                errors: asked(r#"haproxy_server_http_responses_total{code="5xx",{{arm}}}"#),
                ..Queries::default()
            },
            Preset::Envoy => Queries {
                requests: asked("envoy_cluster_upstream_rq_xx{ {{arm}} }"),
                errors: asked(r#"envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",{{arm}}}"#),
                latency_buckets: asked("envoy_cluster_upstream_rq_time_bucket{ {{arm}} }"),
                latency_unit: Some(LatencyUnit::Milliseconds),
                absent_is_zero: Some(true),
                ..Queries::default()
            },
            Preset::Custom => Queries::default(),
        }
    }

    /// The labels that tell one instance from another.
    pub fn instance_labels(self) -> &'static [&'static str] {
        match self {
            Preset::OtelHttp | Preset::HttpRequestsTotal | Preset::Custom => &["instance"],
            Preset::Haproxy => &["instance", "proxy", "server"],
            Preset::Envoy => &["instance", "envoy_cluster_name"],
        }
    }
}

impl Queries {
    /// These questions, and those of the preset where these are silent.
    pub fn over(&self, preset: Preset) -> Queries {
        let below = preset.queries();
        Queries {
            requests: self.requests.clone().or(below.requests),
            errors: self.errors.clone().or(below.errors),
            latency_buckets: self.latency_buckets.clone().or(below.latency_buckets),
            latency_unit: self.latency_unit.or(below.latency_unit),
            saturation: self.saturation.clone().or(below.saturation),
            kpis: self.kpis.clone(),
            absent_is_zero: self.absent_is_zero.or(below.absent_is_zero),
        }
    }

    /// Each question with the path of its field: `requests`, `kpis.orders.good`.
    pub fn each(&self) -> Vec<(String, &str)> {
        let single = [
            ("requests", &self.requests),
            ("errors", &self.errors),
            ("latency_buckets", &self.latency_buckets),
            ("saturation", &self.saturation),
        ];
        let single = single.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?)));
        let kpis = self.kpis.iter().flat_map(|(name, kpi)| {
            [(format!("kpis.{name}.good"), kpi.good.as_str()), (format!("kpis.{name}.of"), kpi.of.as_str())]
        });
        single.chain(kpis).collect()
    }
}

impl Prometheus {
    /// The labels that tell one instance from another.
    pub fn instance_labels(&self) -> Vec<String> {
        if self.instance_labels.is_empty() {
            self.preset.instance_labels().iter().map(|label| (*label).to_owned()).collect()
        } else {
            self.instance_labels.clone()
        }
    }
}

mod defaults {
    use super::Span;

    pub(super) fn scrape_timeout() -> Span {
        Span::from_secs(3)
    }
    pub(super) fn prometheus_timeout() -> Span {
        Span::from_secs(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_asks_with_the_arm_in_each_selector() {
        for preset in [Preset::OtelHttp, Preset::HttpRequestsTotal, Preset::Haproxy, Preset::Envoy] {
            let queries = preset.queries();
            assert!(queries.requests.is_some() && queries.errors.is_some(), "{preset:?}");
            for (field, text) in queries.each() {
                let selectors = text.matches(" or ").count() + 1;
                assert_eq!(text.matches(ARM).count(), selectors, "{preset:?} {field}: {text}");
            }
        }
    }

    #[test]
    fn own_queries_replace_those_of_the_preset_one_by_one() {
        let own = Queries { saturation: Some("pool_used".into()), errors: Some("bad".into()), ..Queries::default() };
        let merged = own.over(Preset::OtelHttp);
        assert_eq!(merged.errors.as_deref(), Some("bad"));
        assert_eq!(merged.saturation.as_deref(), Some("pool_used"));
        assert_eq!(merged.requests, Preset::OtelHttp.queries().requests);
    }
}
