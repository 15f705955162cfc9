//! The source on a real Prometheus that scrapes two small servers.

use super::support::{NOW, build_source, outbound, service, source, source_with};
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::signal::{Histogram, Kpi, Reading, SourceFailure};
use sternway_domain::time::{Span, Timestamp};
use sternway_peers::{Page, PrometheusProcess, Target, eventually, free_port};
use sternway_server::ports::Clock;
use sternway_server::system::SystemClock;

struct Bench {
    prometheus: PrometheusProcess,
    old: Page,
    new: Page,
}

fn page(requests: u32, errors: Option<u32>) -> String {
    let errors = errors
        .map(|n| format!("http_server_request_duration_seconds_count{{http_response_status_code=\"500\"}} {n}\n"));
    format!(
        "http_server_request_duration_seconds_count{{http_response_status_code=\"200\"}} {requests}\n{}\
         http_server_request_duration_seconds_bucket{{http_response_status_code=\"200\",le=\"0.1\"}} 7\n\
         http_server_request_duration_seconds_bucket{{http_response_status_code=\"200\",le=\"+Inf\"}} {requests}\n\
         pool_used_ratio 0.5\nodd_ratio NaN\norders_total{{state=\"paid\"}} 3\norders_total{{state=\"lost\"}} 1\n",
        errors.unwrap_or_default()
    )
}

impl Bench {
    async fn start() -> Self {
        let (old, new) = (Page::start(&page(100, Some(2))).await, Page::start(&page(10, None)).await);
        let targets =
            [Target::new(old.address(), &[("track", "stable")]), Target::new(new.address(), &[("track", "canary")])];
        let bench = Self { prometheus: PrometheusProcess::start(&targets).await, old, new };
        bench.until("both arms have been scraped", |r| !r.baseline.is_empty() && !r.canary.is_empty()).await;
        bench
    }

    fn signals(&self) -> Value {
        json!({"prometheus": {
            "url": self.prometheus.url(), "preset": "otel_http", "timeout": "2s",
            "baseline": "job=\"test\",track=\"stable\"", "canary": "job=\"test\",track=\"canary\"",
            "queries": {
                "saturation": "pool_used_ratio{ {{arm}} }",
                "kpis": {"paid": {"good": "orders_total{state=\"paid\",{{arm}}}", "of": "orders_total{ {{arm}} }"}},
            },
        }})
    }

    async fn until(&self, what: &str, done: impl Fn(&Reading) -> bool) -> Reading {
        let source = source(self.signals());
        eventually(what, Duration::from_secs(15), || async {
            let reading = source.read(now()).await.expect("Prometheus answers");
            done(&reading).then_some(reading)
        })
        .await
    }
}

/// Prometheus lives by the real clock.
fn now() -> Timestamp {
    SystemClock.now()
}

#[tokio::test]
async fn given_two_scraped_instances_when_read_then_raw_counters_buckets_and_gauges_come_per_instance() {
    let bench = Bench::start().await;
    let reading = source(bench.signals()).read(now()).await.expect("Prometheus answers");
    let ([old], [new]) = (&reading.baseline[..], &reading.canary[..]) else { panic!("{reading:?}") };
    assert_eq!(
        (old.instance.clone(), new.instance.clone()),
        (bench.old.address().to_string(), bench.new.address().to_string())
    );
    assert_eq!((old.requests, old.errors, old.saturation), (Some(102.0), Some(2.0), Some(0.5)));
    assert_eq!((new.requests, new.errors), (Some(10.0), Some(0.0)));
    assert_eq!(new.kpis["paid"], Kpi { good: 3.0, of: 4.0 });
    let Some(Histogram::Classic(buckets)) = &new.latency else { panic!("{new:?}") };
    assert_eq!(buckets.iter().map(|b| (b.le, b.count)).collect::<Vec<_>>(), [(0.1, 7.0), (f64::INFINITY, 10.0)]);
    assert_eq!(reading.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn given_counters_move_when_read_then_they_and_their_own_timestamps_follow() {
    let bench = Bench::start().await;
    let before = bench.until("scraped", |_| true).await;
    let at = now();
    assert!(at.since(before.baseline[0].at) < Span::from_secs(5), "{before:?}");
    bench.old.set(&page(200, Some(30)));
    // A scrape between the question for times and the one for values gives new numbers with the older time: never the
    // other way round. The next reading has both.
    let newer = |r: &Reading| r.baseline[0].requests == Some(230.0) && r.baseline[0].at > before.baseline[0].at;
    let after = bench.until("the new numbers and their newer time", newer).await;
    assert_eq!(after.baseline[0].errors, Some(30.0));

    // Asked a while later without a new scrape, the sample's own time stays: the moment of asking is not it.
    let later = source(bench.signals()).read(after.at + Span::from_secs(60)).await.expect("Prometheus answers");
    assert!(later.at.since(later.baseline[0].at) > Span::from_secs(50), "{later:?}");
}

#[tokio::test]
async fn given_an_instance_disappears_when_read_then_its_arm_is_empty() {
    let Bench { prometheus, old, new } = Bench::start().await;
    let bench = Bench { prometheus, old, new: Page::start("").await };
    drop(new);
    let reading = bench.until("the canary is gone", |r| r.canary.is_empty()).await;
    assert_eq!(reading.baseline.len(), 1);
}

#[tokio::test]
async fn given_prometheus_stops_when_read_then_it_is_down_and_works_again_when_it_is_back() {
    let mut bench = Bench::start().await;
    let source = source(bench.signals());
    bench.prometheus.stop().await;
    let outcome = source.read(now()).await;
    assert!(matches!(outcome, Err(SourceFailure::Down { .. })), "{outcome:?}");
    bench.prometheus.start_again().await;
    source.read(now()).await.expect("Prometheus answers");
}

#[tokio::test]
async fn given_questions_prometheus_cannot_answer_when_read_then_it_is_misconfigured_with_its_words() {
    let bench = Bench::start().await;
    let mut signals = bench.signals();
    signals["prometheus"]["queries"]["saturation"] =
        json!("pool_used_ratio{ {{arm}} } * on (job) orders_total{ {{arm}} }");
    let outcome = source(signals.clone()).read(now()).await;
    assert!(
        matches!(&outcome, Err(SourceFailure::Misconfigured { detail, .. }) if detail.contains("saturation") && detail.contains("duplicate series")),
        "{outcome:?}"
    );
    signals["prometheus"]["queries"]["saturation"] = json!("scalar(pool_used_ratio{ {{arm}} })");
    let outcome = source(signals).read(now()).await;
    assert!(matches!(outcome, Err(SourceFailure::Misconfigured { .. })), "{outcome:?}");
}

#[tokio::test]
async fn given_no_series_and_not_a_number_when_read_then_each_stays_what_it_is() {
    let bench = Bench::start().await;
    let mut signals = bench.signals();
    signals["prometheus"]["queries"] =
        json!({"latency_buckets": "nothing{ {{arm}} }", "saturation": "odd_ratio{ {{arm}} }"});
    let reading = source(signals.clone()).read(now()).await.expect("Prometheus answers");
    assert_eq!(reading.canary[0].latency, None);
    assert!(reading.canary[0].saturation.is_some_and(f64::is_nan), "{reading:?}");
    signals["prometheus"]["canary"] = json!("track=\"nowhere\"");
    let reading = source(signals).read(now()).await.expect("Prometheus answers");
    assert_eq!((reading.baseline.len(), reading.canary.len()), (1, 0));
}

#[tokio::test]
async fn given_a_question_of_two_metrics_when_read_then_the_older_one_says_how_old_it_is() {
    let bench = Bench::start().await;
    let mut signals = bench.signals();
    let secs = now().secs() - 100;
    bench.old.set(&format!("{}slow_total 5 {}\n", page(100, Some(2)), secs * 1_000));
    signals["prometheus"]["queries"]["requests"] =
        json!("http_server_request_duration_seconds_count{ {{arm}} } or slow_total{ {{arm}} }");
    let source = source(signals);
    eventually("the slow metric's age", Duration::from_secs(15), || async {
        let reading = source.read(now()).await.expect("Prometheus answers");
        let seen = (reading.baseline[0].requests, reading.baseline[0].at);
        (seen == (Some(107.0), Timestamp::from_secs(secs))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn given_answers_that_are_not_prometheus_when_read_then_the_failure_is_told_apart() {
    let signals = |url: String| json!({"prometheus": {"url": url, "baseline": "a=\"1\"", "canary": "a=\"2\"", "timeout": "200ms"}});
    let raw = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    for (status, body, down) in [
        ("200 OK", "<html>", false),
        ("404 Not Found", "nothing here", false),
        ("401 Unauthorized", "", false),
        ("422 Unprocessable Entity", r#"{"status":"error","errorType":"422","error":"no"}"#, false),
        ("302 Found", "", false),
        ("429 Too Many Requests", "", true),
        ("500 Internal Server Error", "", true),
        ("503 Service Unavailable", r#"{"status":"error","errorType":"timeout","error":"slow"}"#, true),
    ] {
        let page = Page::start("").await;
        page.set_raw(raw(status, body));
        let outcome = source(signals(page.url("/prometheus"))).read(NOW).await;
        assert_eq!(matches!(outcome, Err(SourceFailure::Down { .. })), down, "{status}: {outcome:?}");
        assert_eq!(matches!(outcome, Err(SourceFailure::Misconfigured { .. })), !down, "{status}: {outcome:?}");
    }
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    for url in [format!("http://{}", silent.local_addr().expect("bound")), format!("http://127.0.0.1:{}", free_port())]
    {
        let outcome = source(signals(url)).read(NOW).await;
        assert!(matches!(outcome, Err(SourceFailure::Down { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn given_a_native_histogram_and_warnings_when_read_then_both_are_kept() {
    let body = r#"{"status":"success","warnings":["partial answer"],"infos":["looks odd"],"data":{"resultType":"vector","result":[
        {"metric":{"instance":"i"},"histogram":[1,{"count":"5","sum":"1","buckets":[[0,"0.5","0.7071067811865475","2"],[0,"0.7071067811865475","1","3"]]}]}]}}"#;
    let page = Page::start(body).await;
    let signals = json!({"prometheus": {"url": page.url(""), "baseline": "a=\"1\"", "canary": "a=\"2\"", "preset": "custom",
        "queries": {"requests": "h{ {{arm}} }", "latency_buckets": "h{ {{arm}} }"}}});
    let reading = source(signals).read(NOW).await.expect("an answer");
    let expected = Histogram::Native { schema: 1, zero: 0.0, buckets: [(-1, 2.0), (0, 3.0)].into() };
    assert_eq!((reading.canary[0].requests, &reading.canary[0].latency), (Some(5.0), &Some(expected)));
    assert!(reading.warnings.iter().any(|w| w.contains("partial answer")), "{:?}", reading.warnings);
    assert_eq!(reading.warnings.len(), 4, "two questions, warning and info each: {:?}", reading.warnings);
}

#[tokio::test]
async fn given_a_bearer_and_headers_when_read_then_a_missing_secret_is_told_and_none_is_shown() {
    let page = Page::start(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#).await;
    let signals = json!({"prometheus": {"url": page.url(""), "baseline": "a=\"1\"", "canary": "a=\"2\"",
        "bearer": {"env": "STERNWAY_SECRET_PROM"}, "headers": {"X-Scope-OrgID": {"value": "tenant-1"}}}});
    let outcome = source(signals.clone()).read(NOW).await;
    assert!(
        matches!(&outcome, Err(SourceFailure::Misconfigured { detail, .. }) if detail.contains("STERNWAY_SECRET_PROM")),
        "{outcome:?}"
    );
    let outcome = source_with(signals.clone(), &outbound(&[("STERNWAY_SECRET_PROM", "odd\nsecret")])).read(NOW).await;
    assert!(
        matches!(&outcome, Err(SourceFailure::Misconfigured { detail, .. }) if !detail.contains("odd\n")),
        "{outcome:?}"
    );
    let reading =
        source_with(signals, &outbound(&[("STERNWAY_SECRET_PROM", "s3cret")])).read(NOW).await.expect("asked");
    assert_eq!(reading, Reading { at: NOW, ..Reading::default() });
    let head = page.last_head();
    assert!(head.contains("authorization: Bearer s3cret") && head.contains("x-scope-orgid: tenant-1"), "{head}");
}

#[test]
fn given_queries_that_cannot_be_asked_when_built_then_the_field_is_named() {
    let wrong = |field: &str, change: &dyn Fn(&mut Value)| {
        let mut signals = json!({"prometheus": {"url": "http://127.0.0.1:9", "baseline": "a=\"1\"", "canary": "a=\"2\"", "queries": {}}});
        change(&mut signals["prometheus"]);
        let built = build_source(&service(json!("memory"), signals), &outbound(&[]));
        let error = built.err().unwrap_or_else(|| panic!("{field} was taken"));
        assert_eq!(error.field, format!("signals.prometheus.{field}"), "{error}");
    };
    wrong("baseline", &|p| p["baseline"] = json!("a=1"));
    wrong("canary", &|p| p["canary"] = json!("a=\"1\"} or x{b=\"2\""));
    wrong("queries.errors", &|p| p["queries"] = json!({"errors": "sum(x{ {{arm}} }"}));
    wrong("queries.requests", &|p| p["queries"] = json!({"requests": "irate(x{ {{arm}} }[1m])"}));
    wrong("queries.kpis.paid.of", &|p| {
        p["queries"] = json!({"kpis": {"paid": {"good": "a{ {{arm}} }", "of": "b{ {{arm}} "}}})
    });
}
