//! Five candidates are deployed before any traffic, what is needed first; what fails on the way can be started again.

use super::fleet::{Fleet, SERVICES};
use super::support::maya;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::release::State;
use sternway_domain::saga::{Choice, Event, Purpose, Side, StandingKind};
use sternway_domain::time::Span;
use sternway_server::service::{StepRequest, Wanted};

const START: Wanted = Wanted::Start { override_checklist: false, deployed: false };

fn place(deployed: &[String], line: &str) -> usize {
    deployed.iter().position(|done| done == line).unwrap_or_else(|| panic!("{line}: {deployed:?}"))
}

/// A person chooses for the step that needs one.
async fn choose(fleet: &Fleet, id: ReleaseId, choice: Choice) {
    let stuck = async || fleet.saga(id).await.filter(|log| log.saga.standing().kind == StandingKind::Partial);
    let log = fleet.desk.until("a person is needed", stuck).await;
    let request = StepRequest {
        release: id,
        choice,
        step: Some(log.saga.standing().needs[0].step),
        side: Side::Do,
        to: None,
        reason: "because a test says so".to_owned(),
        expected_version: log.saga.version,
        idempotency_key: format!("{} {id}", choice.as_str()),
    };
    fleet.desk.service.choose(&maya(), request).await.expect("accepted");
}

#[tokio::test]
async fn given_deployers_when_started_then_what_is_needed_is_deployed_first_and_traffic_comes_last() {
    let fleet = Fleet::start(91).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.created(vec![]).await;
    fleet.depot.break_down("cart");

    fleet.desk.act(id, START).await.expect("accepted");
    let stuck = async || fleet.saga(id).await.filter(|log| log.saga.standing().kind == StandingKind::Partial);
    let log = fleet.desk.until("a person is needed", stuck).await;
    assert_eq!(log.saga.plan.purpose, Purpose::Start);
    assert_eq!(fleet.desk.release(id).await.state, State::Starting);
    assert_eq!(fleet.candidates().await, [0; 5], "no traffic before everything is in place");
    fleet.depot.mend();
    choose(&fleet, id, Choice::Retry).await;
    let release = fleet.desk.until_release(id, "the first stage", |release| release.confirmed()).await;

    assert_eq!(release.state, State::Running { stage: 0 });
    assert!(fleet.candidates().await.iter().all(|weight| *weight > 0), "{:?}", fleet.candidates().await);
    let deployed = fleet.depot.deployed();
    assert_eq!(deployed.len(), SERVICES.len(), "{deployed:?}");
    for (first, then) in [("cache", "auth"), ("cache", "cart"), ("storage", "cart"), ("auth", "shop"), ("cart", "shop")]
    {
        let at = |name: &str| place(&deployed, &format!("{name} 1.42.0"));
        assert!(at(first) < at(then), "{first} before {then}: {deployed:?}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn given_a_start_that_is_undone_then_nothing_has_moved_and_it_can_be_started_again_or_without_deploying() {
    let fleet = Fleet::start(92).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.created(vec![]).await;
    fleet.depot.break_down("shop");

    fleet.desk.act(id, START).await.expect("accepted");
    choose(&fleet, id, Choice::Compensate).await;
    let release = fleet.desk.until_release(id, "ready again", |release| release.state == State::Ready).await;
    assert_eq!(release.started_at, None);
    assert_eq!(fleet.candidates().await, [0; 5]);
    let deployed = fleet.depot.deployed();
    for name in &SERVICES[..4] {
        let at = |version: &str| place(&deployed, &format!("{name} {version}"));
        assert!(at("1.42.0") < at("1.41.3"), "{name} is back: {deployed:?}");
    }

    fleet.depot.mend();
    fleet.desk.act(id, Wanted::Start { override_checklist: false, deployed: true }).await.expect("accepted");
    fleet.desk.until_release(id, "the first stage", |release| release.confirmed()).await;
    assert_eq!(fleet.depot.deployed(), deployed, "nothing was deployed");
    engine.stop().await;
}

#[tokio::test]
async fn given_a_start_under_way_when_rolled_back_then_the_baselines_are_deployed() {
    let fleet = Fleet::start(93).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.created(vec![]).await;
    fleet.depot.break_down("shop");
    fleet.desk.act(id, START).await.expect("accepted");
    let stuck = async || fleet.saga(id).await.filter(|log| log.saga.standing().kind == StandingKind::Partial);
    fleet.desk.until("a person is needed", stuck).await;
    fleet.depot.mend();

    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    fleet.desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    let deployed = fleet.depot.deployed();
    assert!(SERVICES.iter().all(|name| deployed.contains(&format!("{name} 1.41.3"))), "{deployed:?}");
    assert!(!deployed.contains(&"shop 1.42.0".to_owned()), "what the start had left to do is not done: {deployed:?}");
    let rows = fleet.desk.service.store.sagas(id).await.expect("read");
    assert_eq!(
        rows.iter().map(|row| (row.purpose.as_str(), row.active)).collect::<Vec<_>>(),
        [("start", false), ("rollback", false)]
    );
    let start = fleet.desk.service.saga(rows[0].id).await.expect("read");
    let end: Vec<&str> = start.events.iter().rev().take(2).map(Event::kind).collect();
    assert_eq!(end, ["ended", "superseded"]);
    assert!(matches!(&start.events[start.events.len() - 2], Event::Superseded { by, .. } if *by == Some(rows[1].id)));
    engine.stop().await;
}
