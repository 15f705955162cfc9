//! Looking things up: releases, decisions, the log.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::{DecisionId, ReleaseId};
use sternway_server::store::rows::*;
use uuid::Uuid;

fn release_id(n: u128) -> ReleaseId {
    ReleaseId(Uuid::from_u128(n))
}

#[rstest]
#[tokio::test]
async fn releases_are_found_by_what_the_board_filters(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    // Of services 1 to 5; releases 2 and 4 were created at the same moment, 5 has ended.
    for n in 1..=5 {
        let mut written = write(n, 0, n as i64);
        match n {
            4 => written.row.created_at = at(2),
            5 => (written.row.state, written.row.active) = ("promoted".into(), false),
            _ => {}
        }
        rig.store.commit(Unit { release: Some(written), ..Unit::default() }).await.unwrap();
    }
    let all = ReleaseFilter::default();
    let cases: [(&str, ReleaseFilter, &[u128]); 10] = [
        ("all", all.clone(), &[5, 3, 4, 2, 1]),
        ("limit", ReleaseFilter { limit: 2, ..all.clone() }, &[5, 3]),
        ("state", ReleaseFilter { state: Some("promoted".into()), ..all.clone() }, &[5]),
        ("service", ReleaseFilter { service: Some(service(3)), ..all.clone() }, &[3]),
        ("active", ReleaseFilter { active: Some(true), ..all.clone() }, &[3, 4, 2, 1]),
        ("ended", ReleaseFilter { active: Some(false), ..all.clone() }, &[5]),
        ("updated since", ReleaseFilter { updated_since: Some(at(4)), ..all.clone() }, &[5, 4]),
        ("before", ReleaseFilter { before: Some((at(3), release_id(3))), ..all.clone() }, &[4, 2, 1]),
        ("before, same moment", ReleaseFilter { before: Some((at(2), release_id(4))), ..all.clone() }, &[2, 1]),
        ("two", ReleaseFilter { active: Some(true), service: Some(service(5)), ..all.clone() }, &[]),
    ];
    for (name, filter, expected) in cases {
        let found: Vec<ReleaseId> = rig.store.releases(&filter).await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(found, expected.iter().copied().map(release_id).collect::<Vec<_>>(), "{name}");
    }
}

#[rstest]
#[tokio::test]
async fn decisions_are_found_by_what_the_page_filters(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    for n in 1..=4 {
        let mut decided = decision(n);
        match n {
            2 => {
                decided.row.actor_key = "person:bob".into();
                decided.row.actor_label = "Ögün".into();
                decided.row.release = Some(release_id(9));
                decided.row.service = Some(service(9));
            }
            3 => (decided.row.action, decided.row.outcome) = ("rollback".into(), "refused".into()),
            4 => decided.row.reason = "100 % of_it is bad! lost €300，brand™🔥fire, says DEMİR, ошибка".into(),
            _ => {}
        }
        rig.store.commit(Unit { decision: Some(decided), ..Unit::default() }).await.unwrap();
    }
    let all = DecisionFilter::default();
    let text = |text: &str| DecisionFilter { text: Some(text.into()), ..DecisionFilter::default() };
    let cases: [(&str, DecisionFilter, &[u128]); 27] = [
        ("all", all.clone(), &[4, 3, 2, 1]),
        ("limit", DecisionFilter { limit: 3, ..all.clone() }, &[4, 3, 2]),
        ("before", DecisionFilter { before: Some(2), ..all.clone() }, &[2, 1]),
        ("release", DecisionFilter { release: Some(release_id(9)), ..all.clone() }, &[2]),
        ("actor", DecisionFilter { actor_key: Some("person:ada".into()), ..all.clone() }, &[4, 3, 1]),
        ("action", DecisionFilter { action: Some("rollback".into()), ..all.clone() }, &[3]),
        ("outcome", DecisionFilter { outcome: Some("accepted".into()), ..all.clone() }, &[4, 2, 1]),
        ("from, inclusive", DecisionFilter { from: Some(at(3)), ..all.clone() }, &[4, 3]),
        ("to, exclusive", DecisionFilter { to: Some(at(3)), ..all.clone() }, &[2, 1]),
        ("reason", text("LOOKS"), &[3, 2, 1]),
        ("label, not only ASCII", text("öGÜN"), &[2]),
        ("service", DecisionFilter { service: Some(service(9)), ..all.clone() }, &[2]),
        ("service by its words", text("service-9"), &[2]),
        ("beginning of a word", text("loo"), &[3, 2, 1]),
        ("not the end of one", text("ooks"), &[]),
        ("words in another order", text("good looks"), &[3, 2, 1]),
        ("words of several fields", text("good ada"), &[3, 1]),
        ("all of them", text("good bad"), &[]),
        ("signs between words", text("100 %"), &[4]),
        ("signs are no wildcard", text("1%0"), &[]),
        ("signs within words part them", text("of_it"), &[4]),
        ("nothing but signs", text("\"*'%:"), &[]),
        ("signs that are not ASCII", text("€300 brand fire"), &[4]),
        ("a number behind one", text("300"), &[4]),
        ("what is two characters when small", text("DEMİR"), &[4]),
        ("another script in another case", text("ОШИБКА"), &[4]),
        (
            "all at once",
            DecisionFilter {
                release: Some(release_id(9)),
                actor_key: Some("person:bob".into()),
                action: Some("promote".into()),
                outcome: Some("accepted".into()),
                service: Some(service(9)),
                text: Some("good".into()),
                from: Some(at(2)),
                to: Some(at(3)),
                acts: true,
                before: Some(2),
                limit: 1,
            },
            &[2],
        ),
    ];
    for (name, filter, expected) in cases {
        let found: Vec<_> = rig.store.decisions(&filter).await.unwrap().into_iter().map(|row| row.id).collect();
        let expected: Vec<_> = expected.iter().map(|n| DecisionId(Uuid::from_u128(*n))).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[rstest]
#[tokio::test]
async fn given_many_that_only_hold_the_letters_when_a_word_is_looked_for_then_the_one_behind_them_is_found(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    for n in 1..=40 {
        let mut decided = decision(n);
        decided.row.reason = if n == 1 || n == 40 { "Looks good" } else { "It overlooks them" }.into();
        rig.store.commit(Unit { decision: Some(decided), ..Unit::default() }).await.unwrap();
    }
    for (before, limit, expected) in [(None, 1, &[39][..]), (Some(39), 1, &[0]), (None, 3, &[39, 0]), (Some(0), 3, &[])]
    {
        let filter = DecisionFilter { text: Some("look".into()), before, limit, ..DecisionFilter::default() };
        let found: Vec<i64> = rig.store.decisions(&filter).await.unwrap().iter().map(|row| row.leaf_index).collect();
        assert_eq!(found, expected, "{before:?} {limit}");
    }
}

#[rstest]
#[tokio::test]
async fn entries_are_read_in_order_from_any_index(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    for n in 1..=3 {
        rig.store.commit(Unit { decision: Some(decision(n)), ..Unit::default() }).await.unwrap();
    }
    let leaves = rig.store.leaves(1, 10).await.unwrap();
    let expected: Vec<LeafRow> = [2u128, 3]
        .map(|n| LeafRow {
            index: n as i64 - 1,
            decision: decision(n).row.id,
            entry: decision(n).entry,
            leaf_hash: decision(n).leaf_hash.to_vec(),
            at: at(n as i64),
        })
        .into();
    assert_eq!(leaves, expected);
    assert_eq!(rig.store.leaves(0, 1).await.unwrap()[0].index, 0);
    assert!(rig.store.leaves(3, 10).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn events_of_all_streams_come_in_order_of_position(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.release(1).await;
    rig.release(2).await;
    rig.store.commit(Unit { release: Some(write(1, 1, 2)), ..Unit::default() }).await.unwrap();
    let seen = |rows: Vec<EventRow>| rows.iter().map(|e| (e.position, e.release, e.version)).collect::<Vec<_>>();
    let expected = [(2, release_id(2), 1), (3, release_id(1), 2), (4, release_id(1), 3)];
    assert_eq!(seen(rig.store.events_after(1, 10).await.unwrap()), expected);
    assert_eq!(seen(rig.store.events_after(1, 2).await.unwrap()), expected[..2]);
}

#[rstest]
#[tokio::test]
async fn a_unit_without_events_or_decision_answers_where_the_log_is(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.release(1).await;
    let committed = rig.store.commit(Unit::default()).await.unwrap();
    assert_eq!(committed, Committed { leaf_index: None, events: 0, position: 1 });
}

#[rstest]
#[tokio::test]
async fn decisions_are_counted_with_where_they_stand(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    assert_eq!(rig.store.tally(&TallyFilter::default()).await.unwrap(), Tally::default());
    for n in 1..=4 {
        let mut decided = decision(n);
        if n % 2 == 0 {
            (decided.row.release, decided.row.service) = (Some(release_id(9)), Some(service(9)));
        }
        rig.store.commit(Unit { decision: Some(decided), ..Unit::default() }).await.unwrap();
    }
    let all = TallyFilter::default();
    type Case = (&'static str, TallyFilter, i64, Option<(i64, i64)>);
    let cases: [Case; 7] = [
        ("all", all.clone(), 4, Some((0, 3))),
        ("release", TallyFilter { release: Some(release_id(9)), ..all.clone() }, 2, Some((1, 3))),
        ("service", TallyFilter { service: Some(service(9)), ..all.clone() }, 2, Some((1, 3))),
        ("from, inclusive", TallyFilter { from: Some(at(3)), ..all.clone() }, 2, Some((2, 3))),
        ("to, exclusive", TallyFilter { to: Some(at(3)), ..all.clone() }, 2, Some((0, 1))),
        ("before", TallyFilter { service: Some(service(9)), before: Some(3), ..all.clone() }, 1, Some((1, 1))),
        ("none", TallyFilter { from: Some(at(9)), ..all }, 0, None),
    ];
    for (name, filter, count, span) in cases {
        assert_eq!(rig.store.tally(&filter).await.unwrap(), Tally { count, span }, "{name}");
    }
}
