//! What the engine reads and writes while it works.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::ReleaseId;
use sternway_server::store::rows::*;
use uuid::Uuid;

fn tick(release: ReleaseId, number: i64, fence: &Fence) -> TickWrite {
    TickWrite {
        release,
        number,
        at: at(number),
        body: format!("tick {number}"),
        state: format!("state {number}"),
        live: format!("live {number}"),
        fence: fence.clone(),
    }
}

#[rstest]
#[tokio::test]
async fn a_tick_brings_the_judges_state_and_the_live_summary(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let (release, other) = (rig.release(1).await, rig.release(2).await);
    let fence = rig.lease("engine", "me").await;
    for number in 1..=5 {
        rig.store.put_tick(tick(release, number, &fence)).await.unwrap();
    }
    rig.store.put_tick(tick(other, 1, &fence)).await.unwrap();

    let numbers = |rows: Vec<TickRow>| rows.iter().map(|row| row.number).collect::<Vec<_>>();
    assert_eq!(numbers(rig.store.ticks(release, at(0), 100).await.unwrap()), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(rig.store.ticks(release, at(3), 100).await.unwrap()), [3, 4, 5]);
    assert_eq!(numbers(rig.store.ticks(release, at(0), 2).await.unwrap()), [4, 5]);
    let first = rig.store.ticks(release, at(0), 100).await.unwrap().remove(0);
    assert_eq!(first, TickRow { number: 1, at: at(1), body: "tick 1".into() });
    assert_eq!(rig.store.judge_state(release).await.unwrap(), Some((5, "state 5".into())));

    let unknown = ReleaseId(Uuid::from_u128(3));
    let live = rig.store.live(&[other, unknown, release]).await.unwrap();
    assert_eq!(live, [(release, "live 5".into()), (other, "live 1".into())]);
    assert!(rig.store.live(&[]).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn given_a_tick_with_this_number_then_it_is_left_as_it_is(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let release = rig.release(1).await;
    let fence = rig.lease("engine", "me").await;
    rig.store.put_tick(tick(release, 1, &fence)).await.unwrap();
    let again = TickWrite { body: "x".into(), state: "x".into(), live: "x".into(), ..tick(release, 1, &fence) };
    rig.store.put_tick(again).await.unwrap();
    assert_eq!(rig.store.ticks(release, at(0), 9).await.unwrap()[0].body, "tick 1");
    assert_eq!(rig.store.judge_state(release).await.unwrap(), Some((1, "state 1".into())));
    assert_eq!(rig.store.live(&[release]).await.unwrap(), [(release, "live 1".into())]);
}

#[rstest]
#[tokio::test]
async fn the_newest_traffic_of_a_service_counts(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("engine", "me").await;
    for body in ["5 %", "25 %"] {
        rig.store.put_traffic(&service(1), body, &fence).await.unwrap();
    }
    assert_eq!(rig.store.traffic(&service(1)).await.unwrap().as_deref(), Some("25 %"));
    assert_eq!(rig.store.traffic(&service(2)).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn given_many_services_then_their_traffic_is_read_at_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("engine", "me").await;
    for (n, body) in [(3, "50 %"), (1, "5 %"), (2, "25 %")] {
        rig.store.put_traffic(&service(n), body, &fence).await.unwrap();
    }
    let of = rig.store.traffic_of(&[service(3), service(9), service(1)]).await.unwrap();
    assert_eq!(of, [(service(1), "5 %".into()), (service(3), "50 %".into())]);
    assert!(rig.store.traffic_of(&[]).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn messages_are_pending_until_they_end_and_then_stay_so(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let release = rig.release(1).await;
    let fence = rig.lease("engine", "me").await;
    // Their ids do not sort as they were written.
    let unit = Unit { outbox: vec![message(3, release), message(1, release)], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();
    rig.store.commit(Unit { outbox: vec![message(2, release)], ..Unit::default() }).await.unwrap();
    let id = |n| message(n, release).id;
    let ids = |rows: Vec<OutboxRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(rig.store.outbox_pending(release).await.unwrap()), [id(3), id(1), id(2)]);

    let failed = OutboxMark::Attempted { error: Some("refused".into()) };
    rig.store.outbox_mark(id(3), failed, &fence).await.unwrap();
    rig.store.outbox_mark(id(3), OutboxMark::Attempted { error: None }, &fence).await.unwrap();
    rig.store.outbox_mark(id(3), OutboxMark::Done { at: at(5) }, &fence).await.unwrap();
    rig.store.outbox_mark(id(3), OutboxMark::Superseded { at: at(9) }, &fence).await.unwrap();
    rig.store.outbox_mark(id(1), OutboxMark::Superseded { at: at(6) }, &fence).await.unwrap();
    let failed = OutboxMark::Attempted { error: Some("refused".into()) };
    rig.store.outbox_mark(id(2), failed, &fence).await.unwrap();

    assert_eq!(ids(rig.store.outbox_pending(release).await.unwrap()), [id(2)]);
    let rows = rig.store.outbox(release).await.unwrap();
    let brief: Vec<_> =
        rows.iter().map(|r| (r.state.as_str(), r.attempts, r.last_error.as_deref(), r.ended_at)).collect();
    assert_eq!(
        brief,
        [("done", 2, None, Some(at(5))), ("superseded", 0, None, Some(at(6))), ("pending", 1, Some("refused"), None)]
    );
    let OutboxWrite { key, service, kind, body, created_at, .. } = message(3, release);
    assert_eq!(
        (&rows[0].key, &rows[0].service, &rows[0].kind, &rows[0].body, rows[0].created_at),
        (&key, &service, &kind, &body, created_at)
    );
}
