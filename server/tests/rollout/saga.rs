//! A release of five services goes back: in reverse order, with proof; and when one step fails, a person chooses.

use super::fleet::{Fleet, SERVICES};
use super::pager::{Heard, Pager};
use super::support::maya;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::recovery::Ended;
use sternway_domain::release::{Event, Release, State};
use sternway_domain::saga::{Choice, Saga, Side, StandingKind};
use sternway_domain::time::Span;
use sternway_server::service::{SagaLog, StepRequest, Wanted};

/// Where a service stands in the order in which things were deployed.
fn place(deployed: &[String], service: &str) -> usize {
    deployed.iter().position(|line| line.starts_with(service)).unwrap_or_else(|| panic!("{service}: {deployed:?}"))
}

#[tokio::test]
async fn given_five_services_when_they_are_rolled_back_then_they_go_in_reverse_and_are_proven_well() {
    let fleet = Fleet::start(41).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;
    assert!(fleet.candidates().await.iter().all(|weight| *weight > 0), "{:?}", fleet.candidates().await);

    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    fleet.desk.until("everything is back", async || over(&fleet, id).await).await;

    let release = fleet.desk.release(id).await;
    assert_eq!(release.state, State::RolledBack);
    let back = fleet.desk.service.way_back(&maya(), &release).await.expect("read").expect("it went back");
    assert_eq!(back.ended, Ended::Proven, "{}", back.sentence(fleet.desk.now()));
    let times = back.times;
    assert!(times.decided < times.acted && times.acted < times.recovered && times.detected.is_some(), "{times:?}");
    assert_eq!(fleet.candidates().await, [0; 5]);
    let deployed = fleet.depot.deployed();
    assert_eq!(deployed.len(), 5, "{deployed:?}");
    for (before, after) in
        [("shop", "auth"), ("shop", "cart"), ("auth", "cache"), ("cart", "storage"), ("cart", "cache")]
    {
        assert!(place(&deployed, before) < place(&deployed, after), "{before} before {after}: {deployed:?}");
    }
    let standing = fleet.saga(id).await.expect("a saga").saga.standing();
    assert_eq!(standing.kind, StandingKind::Complete, "{}", standing.sentence);
    engine.stop().await;
}

#[tokio::test]
async fn given_a_deployment_that_fails_when_a_person_retries_then_the_rest_goes_on_and_all_are_back() {
    let fleet = Fleet::start(51).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;
    fleet.depot.break_down("storage");

    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    let log = fleet.desk.until("a person is needed", async || stuck(&fleet, id).await).await;

    let standing = log.saga.standing();
    assert!(
        standing.sentence.contains("3 of 5 back") && standing.sentence.contains("storage"),
        "{}",
        standing.sentence
    );
    assert_eq!(fleet.desk.release(id).await.state, State::RollingBack);
    let choices = &standing.needs[0].choices;
    assert!([Choice::Retry, Choice::Skip, Choice::Compensate, Choice::Escalate].iter().all(|c| choices.contains(c)));

    fleet.depot.mend();
    let request = StepRequest {
        release: id,
        choice: Choice::Retry,
        step: Some(standing.needs[0].step),
        side: Side::Do,
        to: None,
        reason: "The volume is writable again".to_owned(),
        expected_version: log.saga.version,
        idempotency_key: "retry storage".to_owned(),
    };
    let acted = fleet.desk.service.choose(&maya(), request.clone()).await.expect("accepted");
    let again = fleet.desk.service.choose(&maya(), request).await.expect("the same answer");
    assert_eq!(acted.decision.leaf_index, again.decision.leaf_index);
    fleet.desk.until("everything is back", async || over(&fleet, id).await).await;

    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    assert_eq!(fleet.depot.deployed().len(), SERVICES.len());
    engine.stop().await;
}

#[tokio::test]
async fn given_an_engine_that_is_ended_again_and_again_when_the_next_goes_on_then_nothing_happens_twice() {
    let fleet = Fleet::start(61).await;
    let mut engine = fleet.desk.engine("engine 0", Span::from_secs(5));
    let id = fleet.started().await;
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");

    let mut ended = 0;
    let mut seen = 0;
    while fleet.desk.release(id).await.state.active() && ended < 12 {
        // A few events further each time: before an order, while it is out, before its answer is written down.
        let next = seen + 2 + ended % 4;
        fleet.desk.until("it goes on", async || further(&fleet, id, next).await).await;
        engine.stop().await;
        ended += 1;
        seen = fleet.saga(id).await.expect("a saga").saga.version;
        engine = fleet.desk.engine(&format!("engine {ended}"), Span::from_secs(5));
    }
    fleet.desk.until("everything is back", async || over(&fleet, id).await).await;

    assert!(ended > 5, "ended {ended} times");
    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    assert_eq!(fleet.candidates().await, [0; 5]);
    assert_eq!(fleet.depot.deployed().len(), SERVICES.len(), "{:?}", fleet.depot.deployed());
    engine.stop().await;
}

#[tokio::test]
async fn given_an_undo_that_fails_too_when_a_person_stops_then_it_is_partly_back_and_never_called_rolled_back() {
    let (fleet, pager) = (Fleet::start(91).await, Pager::start().await);
    let (engine, watch) = (fleet.desk.engine("one", Span::from_secs(5)), pager.watch(&fleet.desk, "one"));
    let id = fleet.started().await;
    fleet.depot.break_down("storage");
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    let log = fleet.desk.until("a person is needed", async || stuck(&fleet, id).await).await;

    fleet.depot.break_down("cache");
    let (undo, since) = (chosen(id, &log.saga, Choice::Compensate), fleet.desk.now());
    fleet.desk.service.choose(&maya(), undo).await.expect("accepted");
    let of_cache = |log: &SagaLog| {
        let needs = log.saga.standing().needs;
        needs.iter().any(|need| need.side == Side::Undo && need.title.contains("`cache`"))
    };
    let log = fleet.desk.until("the undo needs a person", async || stuck(&fleet, id).await.filter(of_cache)).await;
    let took = fleet.desk.now().since(since);
    assert!(took <= Span::from_secs(60), "somebody is called after {took}");
    let of_undo =
        |heard: &Heard| heard.what() == "alarm.raised step" && heard.body["text"].to_string().contains("undoing");
    let page = fleet.desk.until("the page", async || pager.taken().into_iter().find(of_undo)).await;
    assert!(page.at.since(since) <= Span::from_secs(60), "somebody is told after {}", page.at.since(since));
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains("`cache`") && text.contains("try again"), "{text}");
    assert_eq!(fleet.desk.release(id).await.state, State::RollingBack);

    let stop = chosen(id, &log.saga, Choice::Stop);
    fleet.desk.service.choose(&maya(), stop).await.expect("accepted");
    let release = fleet.desk.until("it has ended", async || over(&fleet, id).await).await;
    assert_eq!(release.state, State::PartiallyRolledBack);
    let standing = fleet.saga(id).await.expect("a saga").saga.standing();
    assert_eq!(standing.kind, StandingKind::PartlyUndone);
    assert!(standing.sentence.contains("`cache`"), "{}", standing.sentence);
    let history = fleet.desk.history(id).await;
    let summary = |event: &Event| match event {
        Event::PartiallyRolledBack { summary, .. } => Some(summary.clone()),
        _ => None,
    };
    assert!(history.iter().filter_map(summary).all(|summary| summary.contains("`cache`")), "{history:?}");
    assert!(!history.iter().any(|event| matches!(event, Event::RolledBack { .. })), "{history:?}");
    let partly = pager.until(&fleet.desk, "alarm.raised partly_back").await;
    let text = partly.body["text"].as_str().expect("a text");
    assert!(text.contains("only partially rolled back") && text.contains("`cache`"), "{text}");
    assert!(pager.whats().iter().any(|what| what == "alarm.resolved step"), "the steps wait for nobody any more");
    engine.stop().await;
    watch.stop().await;
}

/// What a person chooses for the whole.
fn chosen(release: ReleaseId, saga: &Saga, choice: Choice) -> StepRequest {
    StepRequest {
        release,
        choice,
        step: None,
        side: Side::Do,
        to: None,
        reason: "The volumes stay read-only".to_owned(),
        expected_version: saga.version,
        idempotency_key: choice.as_str().to_owned(),
    }
}

/// Whether so much has happened, or all of it.
async fn further(fleet: &Fleet, id: ReleaseId, version: i64) -> Option<()> {
    let over = !fleet.desk.release(id).await.state.active();
    let saga = fleet.saga(id).await.expect("a saga").saga;
    (over || saga.version >= version).then_some(())
}

async fn over(fleet: &Fleet, id: ReleaseId) -> Option<Release> {
    let release = fleet.desk.release(id).await;
    (!release.state.active()).then_some(release)
}

async fn stuck(fleet: &Fleet, id: ReleaseId) -> Option<SagaLog> {
    fleet.saga(id).await.filter(|log| log.saga.standing().kind == StandingKind::Partial)
}
