//! One engine ends and another goes on; nobody tells the engine anything and it gets there all the same.

use super::support::Desk;
use super::yard::{Yard, plan};
use std::time::Duration;
use sternway_domain::component::Scope;
use sternway_domain::release::State;
use sternway_domain::time::Span;
use sternway_peers::eventually;
use sternway_server::service::Wanted;

const SERVICE: &str = "checkout";

#[tokio::test]
async fn given_an_engine_ends_in_good_order_when_another_waits_then_it_takes_over_at_once() {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    desk.apply(plan("automatic"), yard.document(SERVICE)).await;
    // Leases far longer than the test: only one that is given back can be taken.
    let lease = Span::from_secs(300);
    let first = desk.engine("one", lease);
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "at 25 %", |release| release.state == State::Running { stage: 1 } && release.confirmed())
        .await;
    let second = desk.engine("two", lease);
    let name = format!("release:{id}");
    assert_eq!(desk.service.store.lease(&name, "three", lease).await.expect("the database answers"), None);
    first.stop().await;
    let ended = desk.now();
    let taken = desk
        .until("a reading by the other engine", async || {
            let ticks = desk.service.tick_bodies(id, ended).await.expect("the database answers");
            ticks.first().map(|tick| tick.tick.at)
        })
        .await;
    assert!(taken.since(ended) < Span::from_secs(2), "taken over after {}", taken.since(ended));
    desk.until_release(id, "promoted", |release| release.state == State::Promoted).await;
    second.stop().await;

    let site = yard.site(SERVICE);
    assert_eq!(yard.weights(SERVICE), [5, 25, 100], "each weight once, whoever asked for it");
    assert!(site.refused.is_empty(), "{site:?}");
    let tokens: Vec<i64> = site.applied.iter().map(|order| order.token).collect();
    assert!(tokens.is_sorted() && tokens[0] < tokens[2], "the second engine has a newer token: {tokens:?}");
}

#[tokio::test]
async fn given_no_wake_signal_ever_arrives_when_a_release_runs_then_it_ends_the_same() {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    desk.apply(plan("automatic"), yard.document(SERVICE)).await;
    // The engine listens to a bus of its own: nothing that people do here is heard there.
    let deaf = desk.another().await;
    let engine = deaf.engine("deaf", Span::from_secs(10));
    let id = desk.started(SERVICE, "quick").await;
    eventually("promoted", Duration::from_secs(60), async || {
        (desk.release(id).await.state == State::Promoted).then_some(())
    })
    .await;
    assert_eq!(yard.weights(SERVICE), [5, 25, 100]);
    let rule = "promote automation, rule promote-on-pass";
    assert_eq!(desk.actions(id).await, ["create Maya Ortiz", "start Maya Ortiz", rule, rule, rule]);
    engine.stop().await;
}

#[tokio::test]
async fn given_no_wake_signal_ever_arrives_when_a_person_rolls_back_then_it_is_done_all_the_same() {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    desk.apply(plan("assisted"), yard.document(SERVICE)).await;
    let deaf = desk.another().await;
    let engine = deaf.engine("deaf", Span::from_secs(10));
    let id = desk.started(SERVICE, "quick").await;
    eventually("5 %", Duration::from_secs(30), async || desk.release(id).await.confirmed().then_some(())).await;
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    let ordered = desk.now();
    let release = eventually("rolled back", Duration::from_secs(30), async || {
        Some(desk.release(id).await).filter(|release| release.state == State::RolledBack)
    })
    .await;
    let took = release.ended_at.expect("it has ended").since(ordered);
    assert!(took < Span::from_secs(3), "{took}: the next look is no further away than that");
    assert_eq!(yard.weights(SERVICE), [5, 0]);
    engine.stop().await;
}

#[tokio::test]
async fn given_a_document_that_points_nowhere_when_a_right_one_is_applied_then_the_release_goes_on() {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    let right = yard.document(SERVICE);
    let mut wrong = right.clone();
    wrong["traffic"]["webhook"]["secret"] = serde_json::json!({"file": "/nowhere/hook-secret"});
    wrong["traffic"]["webhook"]["attempts"] = 1.into();
    desk.apply(plan("automatic"), wrong).await;
    let engine = desk.engine("one", Span::from_secs(10));
    let id = desk.started(SERVICE, "quick").await;
    let failure = desk.until("a failure to show", async || desk.traffic(SERVICE).await?.failure).await;
    assert!(failure.contains("/nowhere/hook-secret"), "it names what is missing: {failure}");
    assert!(!desk.release(id).await.confirmed());
    desk.apply(plan("automatic"), right).await;
    desk.until_release(id, "promoted", |release| release.state == State::Promoted).await;
    assert_eq!(yard.weights(SERVICE), [5, 25, 100]);
    engine.stop().await;
}
