//! The scraping source against small HTTP servers.

use super::support::{NOW, source};
use serde_json::{Value, json};
use sternway_domain::signal::{Bucket, Histogram, Kpi, SourceFailure};
use sternway_domain::time::Timestamp;
use sternway_peers::{Page, free_port};

const PAGE: &str = r#"
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a"} 90
http_requests_total{code="503",path="/a"} 4
http_requests_total{code="500",path="/b"} 6
http_request_duration_seconds_bucket{path="/a",le="0.1"} 50
http_request_duration_seconds_bucket{path="/b",le="0.1"} 2
http_request_duration_seconds_bucket{path="/a",le="+Inf"} 94
http_request_duration_seconds_bucket{path="/b",le="+Inf"} 6
pool_used_ratio{pool="a"} 0.25
pool_used_ratio{pool="b"} 0.75
orders_total{state="paid"} 30
orders_total{state="lost"} 2
"#;

fn signals(baseline: &[String], canary: &[String]) -> Value {
    json!({"scrape": {"baseline": baseline, "canary": canary, "preset": "http_requests_total", "timeout": "500ms", "queries": {
        "saturation": "pool_used_ratio", "kpis": {"paid": {"good": "orders_total{state=\"paid\"}", "of": "orders_total"}}}}})
}

#[tokio::test]
async fn given_pages_of_two_instances_when_read_then_each_gives_its_raw_sums() {
    let (old, new) = (Page::start(PAGE).await, Page::start("http_requests_total{code=\"200\"} 3\n").await);
    let reading = source(signals(&[old.url("/metrics")], &[new.url("/metrics")])).read(NOW).await.expect("both are up");
    let [seen] = &reading.baseline[..] else { panic!("{reading:?}") };
    assert_eq!(seen.instance, old.address().to_string());
    assert_eq!((seen.at, seen.requests, seen.errors, seen.saturation), (NOW, Some(100.0), Some(10.0), Some(0.75)));
    let buckets = [(0.1, 52.0), (f64::INFINITY, 100.0)].map(|(le, count)| Bucket { le, count });
    assert_eq!(seen.latency, Some(Histogram::Classic(buckets.to_vec())));
    assert_eq!(seen.kpis["paid"], Kpi { good: 30.0, of: 32.0 });

    let canary = &reading.canary[0];
    assert_eq!((canary.requests, canary.errors, canary.saturation), (Some(3.0), Some(0.0), None));
    assert!(canary.latency.is_none() && canary.kpis.is_empty());
    assert_eq!(reading.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn given_samples_with_their_own_time_when_read_then_the_oldest_counts() {
    let old = Page::start(
        "http_requests_total{code=\"200\"} 3 1700000000000\nhttp_requests_total{code=\"500\"} 1 1600000000000\n",
    )
    .await;
    let new = Page::start("http_requests_total 3\n").await;
    let reading = source(signals(&[old.url("/")], &[new.url("/")])).read(NOW).await.expect("both are up");
    assert_eq!(reading.baseline[0].at, Timestamp::from_secs(1_600_000_000));
    assert_eq!(reading.canary[0].at, NOW);
}

#[tokio::test]
async fn given_one_instance_is_unreachable_when_read_then_it_is_absent_and_named() {
    let (old, new) = (Page::start(PAGE).await, Page::start(PAGE).await);
    let dead = format!("http://127.0.0.1:{}/metrics", free_port());
    let reading = source(signals(&[old.url("/"), dead.clone()], &[new.url("/")])).read(NOW).await.expect("two are up");
    assert_eq!((reading.baseline.len(), reading.canary.len()), (1, 1));
    assert!(reading.warnings.len() == 1 && reading.warnings[0].contains(&dead), "{:?}", reading.warnings);
}

#[tokio::test]
async fn given_the_whole_canary_is_unreachable_when_read_then_its_arm_is_empty() {
    let old = Page::start(PAGE).await;
    let dead = format!("http://127.0.0.1:{}/metrics", free_port());
    let reading = source(signals(&[old.url("/")], &[dead])).read(NOW).await.expect("one is up");
    assert_eq!((reading.baseline.len(), reading.canary.len()), (1, 0));
}

#[tokio::test]
async fn given_nobody_answers_when_read_then_the_source_is_down() {
    let dead = || format!("http://127.0.0.1:{}/metrics", free_port());
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let mute = format!("http://{}/metrics", silent.local_addr().expect("bound"));
    let unwell = Page::start("").await;
    unwell.set_raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned());
    for url in [dead(), mute, unwell.url("/")] {
        let outcome = source(signals(&[dead()], &[url])).read(NOW).await;
        assert!(matches!(outcome, Err(SourceFailure::Down { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn given_pages_that_are_not_metrics_when_read_then_the_source_is_misconfigured() {
    let (html, half) = (Page::start("<html>").await, Page::start("").await);
    half.set_raw(
        "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0\r\nConnection: close\r\n\r\nhttp_requests_total 3\n".to_owned(),
    );
    let gone = Page::start("").await;
    gone.set_raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
    for (page, said) in [(&html, "line 1"), (&half, "cut off"), (&gone, "404")] {
        let outcome = source(signals(&[page.url("/a")], &[page.url("/b")])).read(NOW).await;
        assert!(
            matches!(&outcome, Err(SourceFailure::Misconfigured { detail, .. }) if detail.contains(said)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn given_a_page_without_end_when_read_then_it_is_given_up() {
    let page = Page::start("").await;
    let body = "a 1\n".repeat(2_200_000);
    page.set_raw(format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n{body}"));
    let mut signals = signals(&[page.url("/a")], &[page.url("/b")]);
    signals["scrape"]["timeout"] = json!("10s");
    let outcome = source(signals).read(NOW).await;
    assert!(
        matches!(&outcome, Err(SourceFailure::Misconfigured { detail, .. }) if detail.contains("8388608")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn given_a_redirect_when_read_then_it_is_not_followed() {
    let target = Page::start(PAGE).await;
    let page = Page::start("").await;
    page.set_raw(format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url("/")));
    let outcome = source(signals(&[page.url("/a")], &[page.url("/b")])).read(NOW).await;
    assert!(matches!(outcome, Err(SourceFailure::Misconfigured { .. })), "{outcome:?}");
    assert_eq!(target.requests(), 0);
}

#[tokio::test]
async fn given_a_value_that_is_no_number_when_read_then_it_stays_one() {
    let page = Page::start("http_requests_total{code=\"200\"} NaN\nhttp_requests_total{code=\"500\"} 1\n").await;
    let reading = source(signals(&[page.url("/a")], &[page.url("/b")])).read(NOW).await.expect("up");
    assert!(reading.baseline[0].requests.is_some_and(f64::is_nan));
    assert_eq!(reading.baseline[0].errors, Some(1.0));
}

#[tokio::test]
async fn given_own_queries_that_leave_silence_silent_when_no_errors_are_reported_then_it_says_what_to_do() {
    let page = Page::start("all_total 3\n").await;
    let mut document = json!({"scrape": {"baseline": [page.url("/a")], "canary": [page.url("/b")], "preset": "custom",
        "queries": {"requests": "all_total", "errors": "bad_total"}}});
    let reading = source(document.clone()).read(NOW).await.expect("up");
    assert_eq!(reading.canary[0].errors, None);
    assert!(reading.warnings[0].contains("absent_is_zero"), "{:?}", reading.warnings);
    document["scrape"]["queries"]["absent_is_zero"] = json!(true);
    let reading = source(document).read(NOW).await.expect("up");
    assert_eq!(reading.canary[0].errors, Some(0.0));
}
