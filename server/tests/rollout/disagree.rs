//! F4: two real sources of one service, Prometheus and a page that is scraped, say different things of its canary. The
//! worse rules, and both are shown.

use super::rig::Rig;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{HoldCause, Release, State as Stands};
use sternway_domain::signal::Source;
use sternway_domain::time::Timestamp;
use sternway_peers::http_get;
use sternway_server::service::{Evidence, Replay, SourceSummary, replay};
use tokio_util::task::AbortOnDropHandle;

/// Stands beside the canary: counts the requests that it had, and errors by its own mind.
struct Sidecar {
    url: String,
    mind: Arc<Mind>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Mind {
    canary: OnceLock<u16>,
    /// Errors per 10,000 requests.
    errors: AtomicU32,
    silent: AtomicBool,
    /// Requests and errors so far.
    counted: Mutex<(f64, f64)>,
}

impl Sidecar {
    async fn start(errors: u32) -> Sidecar {
        let mind = Arc::new(Mind { errors: errors.into(), ..Mind::default() });
        let routes = Router::new().route("/metrics", get(metrics)).with_state(mind.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/metrics", listener.local_addr().expect("a bound socket has an address"));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it stays open") });
        Sidecar { url, mind, _task: AbortOnDropHandle::new(task) }
    }

    fn says(&self, errors: u32) {
        self.mind.errors.store(errors, Ordering::Relaxed);
    }

    fn falls_silent(&self) {
        self.mind.silent.store(true, Ordering::Relaxed);
    }
}

async fn metrics(State(mind): State<Arc<Mind>>) -> Response {
    let Some(port) = mind.canary.get().filter(|_| !mind.silent.load(Ordering::Relaxed)) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Some((_, body)) = http_get(*port, "/metrics").await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    // All else stays as the canary has it: what one version shows and the other lacks is no data.
    let (counters, rest): (Vec<&str>, Vec<&str>) =
        body.lines().partition(|line| line.starts_with("http_requests_total"));
    let all: f64 = counters.iter().filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
    let mut counted = mind.counted.lock().expect("nobody panicked");
    counted.1 += (all - counted.0) * f64::from(mind.errors.load(Ordering::Relaxed)) / 10_000.0;
    counted.0 = all;
    let failed = counted.1.floor();
    let own =
        format!("http_requests_total{{code=\"200\"}} {}\nhttp_requests_total{{code=\"500\"}} {failed}", all - failed);
    format!("{own}\n{}\n", rest.join("\n")).into_response()
}

/// A healthy service; Prometheus sees so many errors of its canary in 10,000 requests, the scraped page so many.
async fn told(seed: u64, by_prometheus: u32, by_page: u32) -> (Rig, Sidecar) {
    let sidecar = Sidecar::start(by_page).await;
    let rig = Rig::start_with(seed, 1, "automatic", |stable, canary| {
        sidecar.mind.canary.set(canary[0].address().port()).expect("there is one canary");
        let baseline: Vec<String> = stable.iter().map(|one| format!("http://{}/metrics", one.address())).collect();
        let canary = [&sidecar.url];
        json!({"scrape": {"baseline": baseline, "canary": canary, "preset": "http_requests_total", "timeout": "2s"}})
    })
    .await;
    rig.canary[0].set_failing(by_prometheus);
    (rig, sidecar)
}

/// Both sources as the newest rollback rests on them, judged again from what was stored.
async fn rolled_back(rig: &Rig, release: &Release) -> (Evidence, Vec<SourceSummary>) {
    let actions = rig.desk.actions(release.id).await;
    let rule = "rollback automation, rule roll-back-on-fail";
    assert_eq!(actions.last().map(String::as_str), Some(rule), "{actions:?}");
    assert!(!actions.iter().any(|action| action.starts_with("promote")), "{actions:?}");
    let decision = rig.desk.decisions(release.id).await.pop().expect("the rollback is the last");
    let digest = decision.evidence.expect("a decision rests on evidence");
    let body = rig.desk.service.store.evidence(&digest).await.expect("the database answers").expect("kept");
    assert_eq!(replay(body.as_bytes()), Replay::Same, "judged again, both of them");
    let evidence: Evidence = serde_json::from_str(&body).expect("evidence is readable");
    let verdict = evidence.verdict.as_ref().expect("judged");
    assert_eq!(decision.reason, verdict.sentence, "what both said is the reason");
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert_eq!(rig.share().await, 0.0, "by HAProxy's own word");
    let shown = rig.desk.service.sources(release.id).await.expect("the database answers");
    (evidence, shown)
}

#[tokio::test]
async fn given_prometheus_sees_no_fault_when_the_scraped_page_does_then_it_is_rolled_back_and_both_are_shown() {
    let (rig, _sidecar) = told(61, 10, 2_000).await;
    let id = rig.started().await;
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == Stands::RolledBack).await;
    let (evidence, shown) = rolled_back(&rig, &release).await;
    let verdict = evidence.verdict.expect("judged");
    let pair = verdict.pair.as_ref().expect("two sources");
    assert_eq!(pair.rules, Source::Second);
    assert_ne!(pair.other.kind, VerdictKind::Fail, "{}", pair.other.sentence);
    assert!(verdict.sentence.starts_with("Second source (scrape of 127.0.0.1:"), "{}", verdict.sentence);
    assert!(verdict.sentence.contains("First source (Prometheus 127.0.0.1:"), "{}", verdict.sentence);
    assert!(evidence.points.iter().any(|point| point.errors.0 > 0.0), "charts are of the one that ruled");
    assert_eq!(
        shown.iter().map(|one| (one.source.as_str(), one.rules)).collect::<Vec<_>>(),
        [("first", false), ("second", true)]
    );
    let errors = |index: usize| shown[index].guards[0].canary;
    assert!(errors(1) > Some(0.1) && errors(0).is_none_or(|errors| errors < 0.05), "{shown:?}");
    rig.end().await;
}

#[tokio::test]
async fn given_the_scraped_page_sees_no_fault_when_prometheus_does_then_it_is_rolled_back_all_the_same() {
    let (rig, _sidecar) = told(67, 2_000, 10).await;
    let id = rig.started().await;
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == Stands::RolledBack).await;
    let (evidence, shown) = rolled_back(&rig, &release).await;
    let verdict = evidence.verdict.expect("judged");
    assert_eq!(verdict.pair.as_ref().map(|pair| pair.rules), Some(Source::First), "{}", verdict.sentence);
    assert!(verdict.sentence.starts_with("First source (Prometheus 127.0.0.1:"), "{}", verdict.sentence);
    assert_eq!(shown.iter().map(|one| one.rules).collect::<Vec<_>>(), [true, false]);
    rig.end().await;
}

#[tokio::test]
async fn given_one_source_is_silent_then_nothing_is_promoted_and_the_living_one_still_takes_it_back() {
    let (rig, sidecar) = told(71, 10, 10).await;
    sidecar.falls_silent();
    let id = rig.started().await;
    let blind = HoldCause::NoEvidence { verdict: VerdictKind::NoData };
    let held = |release: &Release| matches!(&release.state, Stands::Holding { cause, .. } if *cause == blind);
    let release = rig.desk.until_release(id, "held", held).await;
    let since = release.held_since.expect("it is held");
    rig.desk
        .until("Prometheus passes by itself", async || {
            let ticks = rig.desk.service.tick_bodies(id, since).await.expect("the database answers");
            assert!(ticks.iter().all(|tick| tick.verdict.kind == VerdictKind::NoData), "{ticks:?}");
            let first = ticks.last()?.verdict.of(Source::First)?;
            (first.kind == VerdictKind::Pass).then_some(())
        })
        .await;
    let release = rig.desk.release(id).await;
    assert!(held(&release) && release.asked.is_some_and(|asked| asked.weight.percent() == 5), "{:?}", release.state);

    rig.canary[0].set_failing(3_000);
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == Stands::RolledBack).await;
    let (evidence, _) = rolled_back(&rig, &release).await;
    let verdict = evidence.verdict.expect("judged");
    assert!(verdict.sentence.ends_with("no data. The worse rules."), "{}", verdict.sentence);
    rig.end().await;
}

#[tokio::test]
async fn given_both_sources_see_a_healthy_canary_then_it_is_promoted_and_a_fault_that_one_sees_later_ends_that() {
    let (rig, sidecar) = told(73, 10, 10).await;
    let id = rig.started().await;
    rig.desk.until_release(id, "25 %", |release| release.state.stage() >= Some(1) && release.confirmed()).await;
    let ticks = rig.desk.service.tick_bodies(id, Timestamp::default()).await.expect("read");
    let passed = ticks.iter().filter(|tick| tick.verdict.kind == VerdictKind::Pass);
    for tick in passed.clone() {
        for source in Source::BOTH {
            assert_eq!(tick.verdict.of(source).map(|one| one.kind), Some(VerdictKind::Pass), "both of them");
        }
    }
    assert!(passed.count() > 0);
    sidecar.says(3_000);
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == Stands::RolledBack).await;
    assert!(release.ended_by.is_some_and(|by| by.contains("roll-back-on-fail")));
    rig.end().await;
}
