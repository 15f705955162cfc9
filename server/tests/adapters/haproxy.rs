//! The driver on a real HAProxy.

use super::support::{NOW, driver, intent, outbound, service, weight};
use serde_json::{Value, json};
use std::sync::Arc;
use sternway_peers::{Backend, HaproxyProcess, Page, Server, eventually, free_port, http_get, loopback};
use sternway_server::drivers::{self, MemoryTraffic};
use sternway_server::ports::{DriverFailure, TrafficDriver};

struct Bench {
    haproxy: HaproxyProcess,
    backend: Backend,
    _pages: Vec<Page>,
}

impl Bench {
    /// Two baseline servers and a canary that is configured with nothing, each answering with its name.
    async fn start() -> Self {
        let mut pages = Vec::new();
        let mut servers = Vec::new();
        for (name, weight) in [("old-1", 100), ("old-2", 100), ("new-1", 0)] {
            let page = Page::start(name).await;
            servers.push(Server { check: true, ..Server::new(name, page.address(), weight) });
            pages.push(page);
        }
        let backend = Backend::new("checkout", servers);
        let haproxy = HaproxyProcess::start(std::slice::from_ref(&backend)).await;
        Self { haproxy, backend, _pages: pages }
    }

    fn traffic(&self) -> Value {
        self.traffic_at(&format!("unix:{}", self.haproxy.socket().display()))
    }

    fn traffic_at(&self, address: &str) -> Value {
        json!({"haproxy": {
            "address": address, "backend": "checkout", "baseline": ["old-1", "old-2"], "canary": ["new-1"],
            "state_file": self.haproxy.state_file(),
        }})
    }

    fn driver(&self) -> Arc<dyn TrafficDriver> {
        driver(self.traffic(), &outbound(&[]))
    }

    async fn weights(&self) -> [u16; 3] {
        let of = |name| self.haproxy.weight("checkout", name);
        [of("old-1").await, of("old-2").await, of("new-1").await]
    }
}

async fn share(driver: &Arc<dyn TrafficDriver>) -> u8 {
    driver.observe(NOW).await.expect("HAProxy answers").canary.percent()
}

#[tokio::test]
async fn given_a_canary_without_traffic_when_each_stage_is_asked_for_then_haproxy_reports_and_serves_it() {
    let bench = Bench::start().await;
    let driver = bench.driver();
    assert_eq!(share(&driver).await, 0);
    for percent in [5, 25, 50, 100, 0] {
        driver.apply(&intent(percent)).await.expect("HAProxy takes it");
        let seen = driver.observe(NOW).await.expect("HAProxy answers");
        assert_eq!((seen.canary, seen.at), (weight(percent), NOW));
        assert_eq!((seen.baseline_ready, seen.canary_ready), (Some(2), Some(1)));
        assert_eq!((seen.baseline_total, seen.canary_total), (Some(2), Some(1)));
        assert_eq!(seen.canary_in_flight, Some(0));
        let [old_1, old_2, new] = bench.weights().await.map(f64::from);
        let exact = 100.0 * new / (old_1 + old_2 + new);
        assert!((exact - f64::from(percent)).abs() < 0.01, "{percent}: {old_1} {old_2} {new}");
    }

    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    let mut canary = 0;
    for _ in 0..200 {
        let (status, body) = http_get(bench.backend.port, "/").await.expect("HAProxy serves");
        assert_eq!(status, 200);
        canary += u32::from(body == "new-1");
    }
    assert!((45..=55).contains(&canary), "round robin gave the canary {canary} of 200 at 25 %");
    assert!(!driver.fenced());
}

#[tokio::test]
async fn given_the_weights_are_as_asked_when_asked_again_then_nothing_is_written() {
    let bench = Bench::start().await;
    let driver = bench.driver();
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    let kept = std::fs::read_to_string(bench.haproxy.state_file()).expect("the states were kept");
    assert!(kept.starts_with("1\n# be_id"), "{kept}");
    std::fs::write(bench.haproxy.state_file(), "untouched").expect("the file is ours");
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    assert_eq!(std::fs::read_to_string(bench.haproxy.state_file()).expect("still there"), "untouched");
}

#[tokio::test]
async fn given_weights_set_at_run_time_when_haproxy_starts_again_then_it_finds_them_in_the_state_file() {
    let mut bench = Bench::start().await;
    bench.driver().apply(&intent(25)).await.expect("HAProxy takes it");
    let before = bench.weights().await;
    bench.haproxy.stop().await;
    bench.haproxy.start_again().await;
    assert_eq!(bench.weights().await, before);
}

#[tokio::test]
async fn given_somebody_moved_weights_by_hand_when_observed_then_the_truth_is_told_and_applying_corrects_it() {
    let bench = Bench::start().await;
    let driver = bench.driver();
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    bench.haproxy.command("set server checkout/new-1 weight 256").await.expect("HAProxy answers");
    assert!(share(&driver).await > 30);
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    assert_eq!(share(&driver).await, 25);
}

#[tokio::test]
async fn given_a_baseline_server_is_drained_when_applied_then_the_rest_still_gives_the_share() {
    let bench = Bench::start().await;
    let driver = bench.driver();
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    bench.haproxy.command("set server checkout/old-2 state drain").await.expect("HAProxy answers");
    let seen = driver.observe(NOW).await.expect("HAProxy answers");
    assert_eq!((seen.canary, seen.baseline_ready, seen.baseline_total), (weight(40), Some(1), Some(2)));
    driver.apply(&intent(25)).await.expect("HAProxy takes it");
    assert_eq!(share(&driver).await, 25);
}

#[tokio::test]
async fn given_the_receiving_arm_is_down_when_asked_to_send_it_traffic_then_it_refuses_before_any_shift() {
    let bench = Bench::start().await;
    let driver = bench.driver();
    let before = bench.weights().await;
    bench.haproxy.command("set server checkout/new-1 state maint").await.expect("HAProxy answers");
    let refused = driver.apply(&intent(100)).await;
    assert!(matches!(&refused, Err(DriverFailure::Refused { detail, .. }) if detail.contains("canary")), "{refused:?}");
    assert_eq!(bench.weights().await, before);
    driver.apply(&intent(0)).await.expect("the way back is open");
}

#[tokio::test]
async fn given_the_socket_is_gone_when_asked_then_it_is_unreachable_until_it_is_back() {
    let mut bench = Bench::start().await;
    let driver = bench.driver();
    bench.haproxy.stop().await;
    for outcome in [driver.apply(&intent(5)).await, driver.observe(NOW).await.map(|_| ())] {
        assert!(matches!(outcome, Err(DriverFailure::Unreachable { .. })), "{outcome:?}");
    }
    bench.haproxy.start_again().await;
    bench.haproxy.wait_for_status("checkout", "old-1", "UP").await;
    driver.apply(&intent(5)).await.expect("HAProxy takes it");
    assert_eq!(share(&driver).await, 5);
}

#[tokio::test]
async fn given_a_socket_that_never_answers_when_asked_then_it_is_unreachable_after_the_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = format!("tcp:{}", silent.local_addr().expect("bound"));
    let traffic = json!({"haproxy": {"address": address, "backend": "b", "baseline": ["o"], "canary": ["n"], "timeout": "100ms"}});
    let outcome = driver(traffic, &outbound(&[])).observe(NOW).await;
    assert!(
        matches!(&outcome, Err(DriverFailure::Unreachable { detail, .. }) if detail.contains("100\u{a0}ms")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn given_the_tcp_socket_when_used_then_it_works_alike_and_only_where_the_network_is_allowed() {
    let bench = Bench::start().await;
    let traffic = bench.traffic_at(&format!("tcp:127.0.0.1:{}", bench.haproxy.admin_port()));
    let by_tcp = driver(traffic.clone(), &outbound(&[]));
    by_tcp.apply(&intent(50)).await.expect("HAProxy takes it");
    assert_eq!(share(&by_tcp).await, 50);

    let nowhere = sternway_server::outbound::Outbound::new(vec![]).expect("a client");
    let outcome = driver(traffic, &nowhere).observe(NOW).await;
    assert!(
        matches!(&outcome, Err(DriverFailure::Unreachable { detail, .. }) if detail.contains("allow")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn given_names_that_haproxy_does_not_know_or_cannot_weigh_when_asked_then_its_sentence_is_handed_on() {
    let page = Page::start("old").await;
    let mut fixed =
        Backend::new("fixed", vec![Server::new("o", page.address(), 1), Server::new("n", page.address(), 1)]);
    fixed.balance = "static-rr".to_owned();
    let haproxy = HaproxyProcess::start(&[fixed]).await;
    let address = format!("unix:{}", haproxy.socket().display());
    for (backend, canary, said) in
        [("nope", "n", "Can't find backend"), ("fixed", "x", "no server `x`"), ("fixed", "n", "static LB")]
    {
        let traffic =
            json!({"haproxy": {"address": address, "backend": backend, "baseline": ["o"], "canary": [canary]}});
        let outcome = driver(traffic, &outbound(&[])).apply(&intent(25)).await;
        assert!(matches!(&outcome, Err(DriverFailure::Refused { detail, .. }) if detail.contains(said)), "{outcome:?}");
    }
}

#[tokio::test]
async fn given_a_server_in_neither_arm_takes_traffic_when_applied_then_it_is_named() {
    let page = Page::start("any").await;
    let server = |name| Server::new(name, page.address(), 10);
    let haproxy = HaproxyProcess::start(&[Backend::new("b", vec![server("o"), server("n"), server("stray")])]).await;
    let address = format!("unix:{}", haproxy.socket().display());
    let traffic = json!({"haproxy": {"address": address, "backend": "b", "baseline": ["o"], "canary": ["n"]}});
    let outcome = driver(traffic, &outbound(&[])).apply(&intent(25)).await;
    assert!(
        matches!(&outcome, Err(DriverFailure::Refused { detail, .. }) if detail.contains("`stray`")),
        "{outcome:?}"
    );
}

#[test]
fn given_a_hostile_name_when_the_driver_is_built_then_it_is_refused_with_its_field() {
    for hostile in ["b;show info", "b\nshow info", "b/s", ""] {
        let traffic = json!({"haproxy": {"address": "unix:/run/none.sock", "backend": hostile, "baseline": ["o"], "canary": ["n"]}});
        let service = service(traffic, json!("memory"));
        let built =
            drivers::build(&service, &outbound(&[]), Arc::new(super::support::Still), 7, &MemoryTraffic::default());
        assert!(built.is_err_and(|e| e.field == "traffic.haproxy.backend"), "{hostile:?} was taken");
    }
}

#[tokio::test]
async fn given_a_server_that_is_down_when_it_comes_back_then_observing_sees_it() {
    let port = free_port();
    let old = Page::start("old").await;
    let new = Server { check: true, ..Server::new("n", loopback(port), 0) };
    let haproxy = HaproxyProcess::start(&[Backend::new("b", vec![Server::new("o", old.address(), 100), new])]).await;
    haproxy.wait_for_status("b", "n", "DOWN").await;
    let address = format!("unix:{}", haproxy.socket().display());
    let traffic = json!({"haproxy": {"address": address, "backend": "b", "baseline": ["o"], "canary": ["n"]}});
    let driver = driver(traffic, &outbound(&[]));
    let before = driver.observe(NOW).await.expect("HAProxy answers");
    assert_eq!(before.canary_ready, Some(0));

    let listener = tokio::net::TcpListener::bind(loopback(port)).await.expect("the port was free");
    let _accepting = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    eventually("canary ready", std::time::Duration::from_secs(10), || async {
        let seen = driver.observe(NOW).await.ok()?;
        (seen.canary_ready == Some(1)).then_some(())
    })
    .await;
    driver.apply(&intent(5)).await.expect("HAProxy takes it");
    assert_eq!(share(&driver).await, 5);
}
