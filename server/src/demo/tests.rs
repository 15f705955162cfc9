//! The world as its users meet it: over HTTP.

use super::*;
use crate::ports::{DriverFailure, Intent};
use axum::http::StatusCode;
use sternway_domain::time::{Span, Timestamp};

const SEED: u64 = 20_261_119;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A world without clients of its own: every request is the test's.
async fn quiet() -> Arc<DemoWorld> {
    DemoWorld::build(SEED, Arc::new(StandingClock), false).await.unwrap()
}

fn name(service: &str) -> ServiceName {
    ServiceName::new(service).unwrap()
}

fn version(text: &str) -> Version {
    Version::try_from(text.to_owned()).unwrap()
}

fn intent(service: &str, percent: u8, token: i64) -> Intent {
    let canary = Weight::try_from(percent).unwrap();
    Intent { service: name(service), canary, key: format!("{service}-{percent}-{token}"), token }
}

fn service(world: &DemoWorld, wanted: &str) -> DemoService {
    world.services().into_iter().find(|service| service.name.as_str() == wanted).unwrap()
}

async fn shift(world: &DemoWorld, service: &str, percent: u8) {
    world.driver(&name(service)).unwrap().apply(&intent(service, percent, 1)).await.unwrap();
}

/// The arm and status of each of `count` requests, 32 at a time.
async fn ask(url: &str, count: usize) -> Vec<(Option<String>, StatusCode)> {
    use futures::StreamExt as _;
    let client = net::client().unwrap();
    let one = |_| {
        let request = client.get(url).send();
        async move {
            let response = request.await.unwrap();
            let arm = response.headers().get("x-demo-arm").map(|arm| arm.to_str().unwrap().to_owned());
            let status = response.status();
            response.bytes().await.unwrap();
            (arm, status)
        }
    };
    futures::stream::iter(0..count).map(one).buffer_unordered(32).collect().await
}

async fn scrape(url: &str) -> Result<String, StatusCode> {
    let response = net::client().unwrap().get(url).send().await.unwrap();
    if response.status().is_success() { Ok(response.text().await.unwrap()) } else { Err(response.status()) }
}

/// The sum of a sample over these instances.
async fn sum(urls: &[String], sample: &str) -> f64 {
    let mut total = 0.0;
    for url in urls {
        let text = scrape(url).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(sample));
        total += line.unwrap_or_else(|| panic!("no `{sample}` in:\n{text}")).trim().parse::<f64>().unwrap();
    }
    total
}

fn requests(code: u16) -> String {
    format!("http_requests_total{{method=\"GET\",code=\"{code}\"}}")
}

/// Within four standard deviations: a right router fails this for one seed in 16 000.
fn assert_binomial(hits: usize, of: usize, share: f64) {
    let (mean, sd) = (of as f64 * share, (of as f64 * share * (1.0 - share)).sqrt());
    assert!((hits as f64 - mean).abs() <= 4.0 * sd + 1e-9, "{hits} of {of}, expected {mean} ± {sd} (seed {SEED})");
}

#[tokio::test]
async fn given_a_weight_then_that_share_of_requests_reaches_the_canary() {
    let world = quiet().await;
    world.deploy(&name("storage"), version("12.1.0"), Behaviour::Healthy).await.unwrap();
    let url = service(&world, "storage").router;
    let mut before = world.routed(&name("storage")).unwrap();
    for percent in [0, 5, 25, 50, 100] {
        shift(&world, "storage", percent).await;
        let seen = world.driver(&name("storage")).unwrap().observe(NOW).await.unwrap();
        assert_eq!((seen.canary.percent(), seen.baseline_ready, seen.canary_ready), (percent, Some(2), Some(2)));
        let answers = ask(&url, 600).await;
        let canary = answers.iter().filter(|(arm, _)| arm.as_deref() == Some("canary")).count();
        assert_binomial(canary, 600, f64::from(percent) / 100.0);
        let after = world.routed(&name("storage")).unwrap();
        assert_eq!(after.canary - before.canary, canary as u64, "the router counts what clients see");
        assert_eq!(after.baseline - before.baseline, 600 - canary as u64);
        before = after;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn given_no_candidate_then_the_canary_gets_nothing_whatever_was_asked() {
    let world = quiet().await;
    shift(&world, "storage", 50).await;
    let seen = world.driver(&name("storage")).unwrap().observe(NOW).await.unwrap();
    assert_eq!((seen.canary, seen.canary_ready), (Weight::ZERO, Some(0)));
    let answers = ask(&service(&world, "storage").router, 50).await;
    assert!(answers.iter().all(|(arm, status)| arm.as_deref() == Some("baseline") && status.is_success()));
    world.shutdown().await;
}

#[tokio::test]
async fn given_a_stale_token_or_a_key_with_another_weight_then_the_router_refuses() {
    let world = quiet().await;
    let driver = world.driver(&name("search")).unwrap();
    driver.apply(&intent("search", 5, 7)).await.unwrap();
    driver.apply(&intent("search", 5, 7)).await.unwrap();
    let twisted = Intent { key: intent("search", 5, 7).key, ..intent("search", 50, 7) };
    for wrong in [intent("search", 50, 6), twisted, intent("storage", 50, 7)] {
        assert!(matches!(driver.apply(&wrong).await, Err(DriverFailure::Refused { .. })), "{wrong:?} was taken");
    }
    world.deploy(&name("search"), version("2026.11.3"), Behaviour::Healthy).await.unwrap();
    driver.apply(&intent("search", 25, 1)).await.unwrap();
    world.shutdown().await;
}

#[tokio::test]
async fn given_a_candidate_with_all_traffic_then_no_other_is_put_in_its_place() {
    let world = quiet().await;
    let storage = name("storage");
    world.deploy(&storage, version("12.1.0"), Behaviour::Healthy).await.unwrap();
    shift(&world, "storage", 100).await;
    world.deploy(&storage, version("12.1.0"), Behaviour::Healthy).await.unwrap();
    let other = world.deploy(&storage, version("12.2.0"), Behaviour::Healthy).await;
    assert!(matches!(other, Err(DemoError::AllTraffic { .. })), "{other:?}");
    world.settle(&storage).await.unwrap();
    world.deploy(&storage, version("12.2.0"), Behaviour::Healthy).await.unwrap();
    assert_eq!(world.driver(&storage).unwrap().observe(NOW).await.unwrap().canary, Weight::ZERO);
    world.shutdown().await;
}

#[tokio::test]
async fn given_injected_errors_then_the_counters_of_that_arm_show_them_until_cleared() {
    let world = quiet().await;
    let storage = service(&world, "storage");
    world.inject(&storage.name, Arm::Baseline, Fault::Errors { ratio: 0.2 }).unwrap();
    assert_eq!(world.faults().iter().map(|active| active.since).collect::<Vec<_>>(), [NOW]);
    ask(&storage.router, 600).await;
    let failed = sum(&storage.stable, &requests(500)).await;
    assert_binomial(failed as usize, 600, 0.2);
    assert_eq!(failed + sum(&storage.stable, &requests(200)).await, 600.0);
    assert_eq!(sum(&storage.stable, "http_request_duration_seconds_count").await, 600.0);
    world.clear(&storage.name, Arm::Baseline).unwrap();
    ask(&storage.router, 100).await;
    assert_eq!(sum(&storage.stable, &requests(500)).await, failed);
    assert_eq!(world.faults(), []);
    world.shutdown().await;
}

#[tokio::test]
async fn given_a_failing_candidate_then_only_the_canary_fails_and_settling_makes_it_everybodys_problem() {
    let world = quiet().await;
    let payments = name("payments");
    world.deploy(&payments, version("3.9.0"), Behaviour::FailsAfter { after: Span::ZERO }).await.unwrap();
    shift(&world, "payments", 50).await;
    let now = service(&world, "payments");
    ask(&now.router, 300).await;
    assert_eq!(sum(&now.stable, &requests(500)).await, 0.0);
    let seen = world.routed(&payments).unwrap().canary as usize;
    assert_binomial(sum(&now.canary, &requests(500)).await as usize, seen, FAILING_RATIO);
    let (good, of) = ("payments_authorised_total", "payments_attempts_total");
    assert!(sum(&now.canary, good).await < sum(&now.canary, of).await * 0.95);

    world.settle(&payments).await.unwrap();
    let settled = service(&world, "payments");
    assert_eq!((settled.stable_version.as_str(), settled.candidate), ("3.9.0", None));
    assert_eq!(world.driver(&payments).unwrap().observe(NOW).await.unwrap().canary, Weight::ZERO);
    assert_eq!(scrape(&settled.canary[0]).await, Err(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(sum(&settled.stable, of).await, 0.0, "a new process counts from zero");
    ask(&settled.router, 200).await;
    assert_binomial(sum(&settled.stable, &requests(500)).await as usize, 200, FAILING_RATIO);
    assert!(matches!(world.settle(&payments).await, Err(DemoError::NothingDeployed { .. })));
    world.shutdown().await;
}

#[tokio::test]
async fn given_a_metrics_outage_then_scraping_fails_while_requests_go_on() {
    let world = quiet().await;
    let storage = service(&world, "storage");
    world.inject(&storage.name, Arm::Baseline, Fault::MetricsOutage).unwrap();
    for url in &storage.stable {
        assert_eq!(scrape(url).await, Err(StatusCode::SERVICE_UNAVAILABLE));
    }
    assert!(ask(&storage.router, 10).await.iter().all(|(_, status)| status.is_success()));
    world.clear(&storage.name, Arm::Baseline).unwrap();
    assert!(scrape(&storage.stable[0]).await.is_ok());
    world.shutdown().await;
}

#[tokio::test]
async fn given_a_failing_dependency_then_its_callers_answer_502_all_the_way_up() {
    let world = quiet().await;
    world.inject(&name("pricing"), Arm::Baseline, Fault::Errors { ratio: 1.0 }).unwrap();
    let checkout = service(&world, "checkout");
    assert!(ask(&checkout.router, 20).await.iter().all(|(_, status)| *status == StatusCode::BAD_GATEWAY));
    assert_eq!(sum(&checkout.stable, &requests(502)).await, 20.0);
    assert_eq!(sum(&checkout.stable, "checkout_attempts_total").await, 20.0);
    assert_eq!(sum(&checkout.stable, "checkout_orders_total").await, 0.0);

    let gateway = service(&world, "gateway");
    ask(&gateway.router, 100).await;
    let (failed, served) = (sum(&gateway.stable, &requests(502)).await, sum(&gateway.stable, &requests(200)).await);
    assert_binomial(failed as usize, 100, 0.5);
    assert!(served > 0.0, "search does not need pricing");
    assert_eq!(sum(&service(&world, "payments").stable, "payments_attempts_total").await, 0.0, "nobody pays unpriced");
    world.shutdown().await;
}

#[tokio::test]
async fn given_added_latency_then_the_histogram_moves() {
    let world = quiet().await;
    let storage = service(&world, "storage");
    world.inject(&storage.name, Arm::Baseline, Fault::Latency { added_ms: 150.0 }).unwrap();
    ask(&storage.router, 64).await;
    let quick = sum(&storage.stable, "http_request_duration_seconds_bucket{le=\"0.064\"}").await;
    assert_eq!(quick, 0.0);
    assert!(sum(&storage.stable, "http_request_duration_seconds_sum").await > 64.0 * 0.1);
    world.shutdown().await;
}

#[tokio::test]
async fn given_shutdown_then_no_listener_and_no_task_is_left() {
    let world = DemoWorld::start(SEED, Arc::new(StandingClock)).await.unwrap();
    let gateway = service(&world, "gateway");
    while world.routed(&gateway.name).unwrap().baseline < 3 {
        tokio::task::yield_now().await;
    }
    assert!(world.load(&gateway.name).unwrap().sent >= 3);
    world.shutdown().await;
    assert!(world.tasks.tracker.is_empty());
    for service in world.services() {
        for url in service.stable.iter().chain(&service.canary).chain([&service.router]) {
            let refused = net::client().unwrap().get(url).send().await.unwrap_err();
            assert!(refused.is_connect(), "`{url}` still listens: {refused:?}");
        }
    }
}

#[tokio::test]
async fn given_an_unknown_service_or_a_senseless_fault_then_nothing_changes_and_the_error_says_why() {
    let world = quiet().await;
    let unknown = world.inject(&name("media"), Arm::Canary, Fault::MetricsOutage).unwrap_err().to_string();
    assert!(unknown.contains("`media`") && unknown.contains("`checkout`"), "{unknown}");
    let wrong = world.inject(&name("search"), Arm::Canary, Fault::Errors { ratio: 2.0 }).unwrap_err().to_string();
    assert!(wrong.contains("from 0 to 1"), "{wrong}");
    assert_eq!(world.faults(), []);
    world.shutdown().await;
}
