//! Several people act on one release: one of them is first, the others learn what happened, nothing happens twice.

use super::support::{Desk, person, request};
use super::yard::{Yard, plan};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::release::{Event, Release, State};
use sternway_domain::time::Span;
use sternway_server::service::{ServiceError, Wanted};
use sternway_server::store::rows::DecisionFilter;
use tokio::task::JoinSet;

const SERVICE: &str = "checkout";
const START: Wanted = Wanted::Start { override_checklist: false, deployed: false };

/// A release that is ready to start, and nobody who works on it.
async fn ready() -> (Desk, Yard, ReleaseId) {
    let yard = Yard::start().await;
    let desk = Desk::new().await;
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    let id = desk.created(SERVICE, "quick").await;
    (desk, yard, id)
}

/// What a stream says must be what was kept of it.
async fn assert_whole(desk: &Desk, id: ReleaseId) {
    let events = desk.history(id).await;
    let release = desk.release(id).await;
    assert_eq!(Release::fold(&events).as_ref(), Some(&release));
    assert_eq!(release.version, i64::try_from(events.len()).expect("few events"));
}

#[tokio::test]
async fn given_two_people_saw_the_same_when_both_act_then_the_second_is_told_what_the_first_did() {
    let (desk, _yard, id) = ready().await;
    let (maya, jonas) = (person(1, "Maya Ortiz"), person(2, "Jonas Lind"));
    desk.service.act(&maya, request(id, START, 1)).await.expect("accepted");
    let seen = desk.release(id).await.version;
    desk.service.act(&maya, request(id, Wanted::Hold, seen)).await.expect("the first is accepted");
    let before = desk.release(id).await;

    let late = desk.service.act(&jonas, request(id, Wanted::Rollback { scope: Scope::default() }, seen)).await;
    let Err(ServiceError::Stale { expected, actual, release, since }) = late else { panic!("{late:?}") };
    assert_eq!((expected, actual, *release), (seen, before.version, before.clone()));
    let [Event::Held { by, reason, .. }] = &since[..] else { panic!("{since:?}") };
    assert_eq!((by.as_str(), reason.as_str()), ("Maya Ortiz", "because a test says so"));
    assert_eq!(desk.release(id).await, before, "a refusal changes nothing but the log");
    let refused = desk.decisions(id).await.pop().expect("a refused attempt is written down");
    assert_eq!((refused.outcome.as_str(), refused.actor_label.as_str()), ("refused", "Jonas Lind"));

    let now = request(id, Wanted::Rollback { scope: Scope::default() }, before.version);
    desk.service.act(&jonas, now).await.expect("having looked again, the second may act");
    assert_whole(&desk, id).await;
}

#[tokio::test]
async fn given_eight_writers_saw_the_same_version_when_all_act_then_exactly_one_wins_each_round() {
    const ROUNDS: usize = 40;
    let (desk, _yard, id) = ready().await;
    desk.act(id, START).await.expect("started");
    for round in 0..ROUNDS {
        let seen = desk.release(id).await.version;
        let wanted = if round % 2 == 0 { Wanted::Hold } else { Wanted::Resume };
        let mut writers = JoinSet::new();
        for number in 1..=8 {
            let (service, request) = (desk.service.clone(), request(id, wanted.clone(), seen));
            writers.spawn(async move { service.act(&person(number, "A writer"), request).await });
        }
        let mut won = 0;
        for acted in writers.join_all().await {
            match acted {
                Ok(_) => won += 1,
                Err(ServiceError::Stale { since, .. }) => assert_eq!(since.len(), 1, "it says what happened since"),
                Err(other) => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        assert_eq!(desk.release(id).await.version, seen + 1, "round {round}");
    }
    assert_whole(&desk, id).await;
    let count = async |outcome: &str| {
        let filter = DecisionFilter { outcome: Some(outcome.into()), limit: 1_000, ..DecisionFilter::default() };
        desk.service.store.decisions(&filter).await.expect("the database answers").len()
    };
    assert_eq!((count("accepted").await, count("refused").await), (2 + ROUNDS, 7 * ROUNDS), "nothing is left out");
}

#[tokio::test]
async fn given_one_key_when_sent_twenty_times_at_once_then_it_acts_once_and_all_get_the_same_answer() {
    let (desk, _yard, id) = ready().await;
    let maya = person(1, "Maya Ortiz");
    let mut senders = JoinSet::new();
    for _ in 0..20 {
        let (service, maya) = (desk.service.clone(), maya.clone());
        senders.spawn(async move { service.act(&maya, request(id, START, 1)).await });
    }
    let answers = senders.join_all().await;
    let first = answers[0].as_ref().expect("accepted");
    for answer in &answers {
        assert_eq!(answer.as_ref().expect("accepted"), first);
    }
    assert_eq!(desk.actions(id).await, ["create Maya Ortiz", "start Maya Ortiz"]);
    assert_eq!(desk.service.store.outbox(id).await.expect("the database answers").len(), 1, "one order to the proxy");
    assert_whole(&desk, id).await;

    let mut other = request(id, START, 1);
    other.reason = "another reason under the same key".into();
    let reused = desk.service.act(&maya, other).await;
    assert!(matches!(reused, Err(ServiceError::KeyReused(_))), "{reused:?}");
    let jonas = desk.service.act(&person(2, "Jonas Lind"), request(id, START, 1)).await;
    assert!(matches!(jonas, Err(ServiceError::Stale { .. })), "keys are each person's own: {jonas:?}");
}

#[tokio::test]
async fn given_the_log_cannot_be_written_when_somebody_acts_then_nothing_happens_at_all() {
    let (desk, yard, id) = ready().await;
    let engine = desk.engine("one", Span::from_secs(10));
    desk.act(id, START).await.expect("started");
    desk.until_release(id, "5 % confirmed", |release| release.confirmed()).await;
    let options = SqliteConnectOptions::from_str(&desk.database()).expect("an address");
    let mut beside = options.connect().await.expect("the file opens");
    let broken = "CREATE TRIGGER disk_full BEFORE INSERT ON audit_leaf BEGIN SELECT raise(ABORT, 'no space'); END";
    sqlx::query(broken).execute(&mut beside).await.expect("the trigger is made");
    let (before, decisions) = (desk.release(id).await, desk.decisions(id).await);

    let acted = desk.act(id, Wanted::Rollback { scope: Scope::default() }).await;
    assert!(matches!(acted, Err(ServiceError::Store(_))), "{acted:?}");
    let failed = desk.now();
    desk.until("the engine has looked again", async || {
        let ticks = desk.service.tick_bodies(id, failed).await.expect("the database answers");
        (ticks.len() >= 3).then_some(())
    })
    .await;
    let after = desk.release(id).await;
    assert_eq!((&after.state, &after.asked), (&before.state, &before.asked));
    assert!(after.state != State::RollingBack);
    assert_eq!(desk.decisions(id).await, decisions);
    assert_eq!(desk.service.store.outbox(id).await.expect("the database answers").len(), 1);
    assert_eq!(yard.weights(SERVICE), [5], "no effect");

    sqlx::query("DROP TRIGGER disk_full").execute(&mut beside).await.expect("the trigger goes");
    beside.close().await.expect("closed");
    // The same request again, with the same key: it had not been used up.
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted now");
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    assert_eq!(yard.weights(SERVICE), [5, 0]);
    engine.stop().await;
    assert_whole(&desk, id).await;
}
