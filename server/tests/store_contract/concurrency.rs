//! Many at once: one winner, no gaps, nothing missed.

use super::support::*;
use rstest::rstest;
use std::collections::BTreeSet;
use std::sync::Arc;
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use tokio::task::JoinSet;

const WRITERS: u128 = 8;

/// D4. Two stores on one database, as two processes would have.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_writers_with_one_version_exactly_one_wins(#[values(Sqlite, Postgres)] kind: Kind) {
    const ROUNDS: i64 = 500;
    let rig = kind.start().await;
    let stores = [rig.store.clone(), rig.again().await];
    for round in 0..ROUNDS {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = Arc::clone(&stores[writer as usize % 2]);
            let unit = Unit {
                release: Some(write(1, round, 1)),
                decision: Some(decision(round as u128 * WRITERS + writer)),
                ..Unit::default()
            };
            writers.spawn(async move { store.commit(unit).await });
        }
        let mut won = 0;
        while let Some(answer) = writers.join_next().await {
            match answer.unwrap() {
                Ok(committed) => {
                    won += 1;
                    assert_eq!(committed, Committed { leaf_index: Some(round), events: 1, position: round + 1 });
                }
                Err(StoreError::Conflict { expected, actual }) => assert_eq!((expected, actual), (round, round + 1)),
                Err(error) => panic!("round {round}: {error:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    let events = rig.store.events_after(0, 10_000).await.unwrap();
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), (1..=ROUNDS).collect::<Vec<_>>());
    let leaves = rig.store.leaves(0, 10_000).await.unwrap();
    assert_eq!(leaves.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), (0..ROUNDS).collect::<Vec<_>>());
}

/// Whoever follows the positions sees every event, once, in order: no position appears behind one already seen.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_misses_nothing_of_eight_writers(#[values(Sqlite, Postgres)] kind: Kind) {
    const COMMITS: i64 = 40;
    let rig = kind.start().await;
    let stores = [rig.store.clone(), rig.again().await];
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&stores[writer as usize % 2]);
        writers.spawn(async move {
            for n in 0..COMMITS {
                let decided = decision(writer * 1_000 + n as u128);
                let release = Some(write(writer + 1, n * 2, 2));
                store.commit(Unit { release, decision: Some(decided), ..Unit::default() }).await.unwrap();
            }
        });
    }
    let total = WRITERS as i64 * COMMITS * 2;
    let mut seen = 0;
    while seen < total {
        for event in rig.store.events_after(seen, 7).await.unwrap() {
            seen += 1;
            assert_eq!(event.position, seen);
        }
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(rig.store.last_position().await.unwrap(), total);
    let leaves = rig.store.leaves(0, 10_000).await.unwrap();
    assert_eq!(leaves.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), (0..total / 2).collect::<Vec<_>>());
    let decisions: BTreeSet<_> = leaves.iter().map(|leaf| leaf.decision).collect();
    assert_eq!(decisions.len() as i64, total / 2);
}

/// Whoever asked may go at any moment, with the statements anywhere between here and the database.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_nobody_waits_for_any_more_counts_whole_or_not_at_all(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut cut = [0, 0];
    for n in 0..160_u128 {
        let (mut release, decided) = (write(n + 1, 0, 2), Some(decision(n)));
        // What takes nothing goes as one message.
        let at_once = n % 2;
        if at_once == 1 {
            release.takes.clear();
        }
        let mut commit = rig.store.commit(Unit { release: Some(release), decision: decided, ..Unit::default() });
        let mut done = false;
        for _ in 0..n / 2 {
            done = done || futures::poll!(&mut commit).is_ready();
            tokio::task::yield_now().await;
        }
        cut[at_once as usize] += u32::from(!done);
    }
    assert!(cut.iter().all(|cut| *cut > 0), "none was cut short: {cut:?}");
    let last = Unit { release: Some(write(1_000, 0, 2)), decision: Some(decision(1_000)), ..Unit::default() };
    let done = rig.store.commit(last).await.expect("nothing stands in its way");
    let (events, leaves) = (rig.store.events_after(0, 1_000).await.unwrap(), rig.store.leaves(0, 1_000).await.unwrap());
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), (1..=done.position).collect::<Vec<_>>());
    assert_eq!(leaves.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), (0..leaves.len() as i64).collect::<Vec<_>>());
    assert_eq!(events.len(), 2 * leaves.len(), "each entry goes with two events");
}

/// H1: the second of two equal requests learns that the key was used, not that the version is stale.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_equal_requests_at_once_one_counts(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    for round in 0..20 {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = rig.store.clone();
            let unit = Unit {
                release: Some(write(1, round, 1)),
                decision: Some(decision(round as u128 * WRITERS + writer)),
                idempotency: Some(record("ada", &format!("key-{round}"))),
                ..Unit::default()
            };
            writers.spawn(async move { store.commit(unit).await });
        }
        let answers = writers.join_all().await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        let used = answers.iter().filter(|answer| matches!(answer, Err(StoreError::KeyUsed))).count();
        assert_eq!((won, used), (1, 7), "round {round}: {answers:?}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_who_take_a_setting_one_gets_it(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.store.put_setting("setup", "old").await.unwrap();
    rig.store.put_setting("setup", "secret").await.unwrap();
    let mut takers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = rig.store.clone();
        takers.spawn(async move { store.take_setting("setup").await.unwrap() });
    }
    let taken: Vec<String> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken, ["secret"]);
    assert_eq!(rig.store.setting("setup").await.unwrap(), None);
}

/// Two applies with the same documents in another order must not wait for each other for ever.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_applied_at_once_get_one_version_after_another(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let store = rig.store.clone();
        let body = format!("v{n}");
        let mut documents = vec![document("a", &body), document("b", &body)];
        if n % 2 == 0 {
            documents.reverse();
        }
        writers.spawn(async move { store.commit(Unit { documents, ..Unit::default() }).await.unwrap() });
    }
    writers.join_all().await;
    let newest = rig.store.documents("plan").await.unwrap();
    assert_eq!(newest.iter().map(|d| (d.name.as_str(), d.version)).collect::<Vec<_>>(), [("a", 8), ("b", 8)]);
}
