//! One holder at a time, by the database's clock, and no write under an old token.

use super::support::*;
use rstest::rstest;
use std::time::Duration;
use sternway_domain::time::Span;
use sternway_peers::eventually;
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use tokio::task::JoinSet;

const LONG: Span = Span::from_secs(60);
const SHORT: Span = Span::from_millis(50);

#[rstest]
#[tokio::test]
async fn a_held_lease_is_refused_to_others_and_renewed_for_its_holder(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let lease = rig.store.lease("engine", "a", LONG).await.unwrap().unwrap();
    assert_eq!((lease.name.as_str(), lease.token), ("engine", 1));
    assert_eq!(rig.store.lease("engine", "b", LONG).await.unwrap(), None);

    let renewed = rig.store.lease("engine", "a", Span::from_secs(120)).await.unwrap().unwrap();
    assert_eq!(renewed.token, 1);
    let gained = renewed.until.since(lease.until);
    assert!(gained >= LONG && gained < LONG + LONG, "{gained} gained by a renewal for 60 s more");
    // A target may have seen the tokens of another lease.
    assert_eq!(rig.store.lease("other", "b", LONG).await.unwrap().unwrap().token, 2);
}

#[rstest]
#[tokio::test]
async fn an_expired_lease_goes_to_the_next_with_a_larger_token(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let old = rig.store.lease("engine", "a", SHORT).await.unwrap().unwrap();
    let new = eventually("takeover", Duration::from_secs(10), || async {
        rig.store.lease("engine", "b", LONG).await.unwrap()
    })
    .await;
    assert!(new.token > old.token);
    assert!(new.until > old.until);
    assert_eq!(rig.store.lease("engine", "a", LONG).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_lease_given_back_is_free_at_once_and_its_token_is_spent(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("engine", "a").await;
    rig.lease("other", "b").await;
    rig.store.release_leases("a").await.unwrap();

    let unit = Unit { fence: Some(fence.clone()), ..Unit::default() };
    let error = rig.store.commit(unit).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    assert!(rig.store.lease("engine", "a", LONG).await.unwrap().unwrap().token > fence.token + 1, "larger than all");
    assert_eq!(rig.store.lease("other", "a", LONG).await.unwrap(), None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_who_want_a_lease_one_gets_it(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut takers = JoinSet::new();
    for n in 0..8 {
        let store = rig.store.clone();
        takers.spawn(async move { store.lease("engine", &format!("holder-{n}"), LONG).await.unwrap() });
    }
    let got: Vec<Lease> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(got.len(), 1, "{got:?}");
}

/// Everything the engine writes is refused once somebody else holds the lease.
#[rstest]
#[tokio::test]
async fn given_a_newer_holder_then_the_old_one_writes_nothing(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let release = rig.release(1).await;
    rig.store.commit(Unit { outbox: vec![message(1, release)], ..Unit::default() }).await.unwrap();
    let old = rig.lease("engine", "a").await;
    rig.store.release_leases("a").await.unwrap();
    rig.lease("engine", "b").await;
    let before = rig.counts().await;

    let unit = Unit { release: Some(write(1, 1, 1)), fence: Some(old.clone()), ..Unit::default() };
    let tick = TickWrite {
        release,
        number: 1,
        at: at(1),
        body: "{}".into(),
        state: "{}".into(),
        live: "{}".into(),
        fence: old.clone(),
    };
    let done = OutboxMark::Done { at: at(1) };
    for refused in [
        rig.store.commit(unit).await.map(|_| ()),
        rig.store.put_tick(tick).await,
        rig.store.put_traffic(&service(1), "{}", &old).await,
        rig.store.outbox_mark(message(1, release).id, done, &old).await,
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(&error, StoreError::Fenced { lease, token: 1 } if lease == "engine"), "{error:?}");
    }
    assert_eq!(rig.counts().await, before);
    assert!(rig.store.ticks(release, at(0), 10).await.unwrap().is_empty());
    assert_eq!(rig.store.traffic(&service(1)).await.unwrap(), None);
    assert_eq!(rig.store.outbox_pending(release).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn an_expired_or_unknown_lease_is_no_fence(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let lease = rig.store.lease("engine", "a", SHORT).await.unwrap().unwrap();
    let expired = Fence { lease: lease.name, token: lease.token };
    eventually("expiry", Duration::from_secs(10), || async {
        let unit = Unit { fence: Some(expired.clone()), ..Unit::default() };
        matches!(rig.store.commit(unit).await, Err(StoreError::Fenced { .. })).then_some(())
    })
    .await;
    let unknown = Unit { fence: Some(Fence { lease: "unknown".into(), token: 1 }), ..Unit::default() };
    assert!(matches!(rig.store.commit(unknown).await, Err(StoreError::Fenced { .. })));
}
