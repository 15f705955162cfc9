//! What needs a person: at most one open about the same, one message for each channel, nothing lost and nothing twice.

use super::support::*;
use rstest::rstest;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::id::{AlarmId, ReleaseId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

fn alarm(n: u128, key: &str, channels: &[&str]) -> AlarmRaise {
    let row = AlarmRow {
        id: AlarmId(Uuid::from_u128(n)),
        key: key.into(),
        kind: "deadline".into(),
        severity: "page".into(),
        release: Some(ReleaseId(Uuid::from_u128(7))),
        service: Some(service(7)),
        raised_at: at(n as i64),
        ended_at: None,
        body: r#"{"summary":"`checkout` is held."}"#.into(),
        ending: None,
    };
    AlarmRaise { row, channels: channels.iter().map(|name| (*name).to_owned()).collect() }
}

fn raise(raise: Vec<AlarmRaise>) -> AlarmsWrite {
    AlarmsWrite { raise, ..AlarmsWrite::default() }
}

fn over(key: &str, secs: i64) -> AlarmsWrite {
    let end = vec![AlarmEnd { key: key.into(), at: at(secs), ending: "Over.".into() }];
    AlarmsWrite { end, ..AlarmsWrite::default() }
}

/// What is still to be sent, in order: `ops raised 1`.
async fn pending(rig: &Rig) -> Vec<String> {
    let rows = rig.store.alarm_messages(100).await.unwrap();
    rows.iter().map(|(m, a)| format!("{} {} {}", m.channel, m.about, a.id.0.as_u128())).collect()
}

#[rstest]
#[tokio::test]
async fn given_alarms_then_one_is_open_about_the_same_and_whoever_was_told_is_told_that_it_is_over(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    rig.store.put_alarms(&raise(vec![alarm(1, "a", &["ops", "chat"]), alarm(2, "b", &[])]), None).await.unwrap();
    rig.store.put_alarms(&raise(vec![alarm(3, "a", &["ops", "pager"])]), None).await.unwrap();
    let open = rig.store.open_alarms().await.unwrap();
    assert_eq!(open, [alarm(1, "a", &[]).row, alarm(2, "b", &[]).row], "the third is the first again");
    assert_eq!(pending(&rig).await, ["chat raised 1", "ops raised 1"]);

    let say = |key: &str| AlarmSaid { key: key.into(), body: r#"{"summary":"Still."}"#.into() };
    let said = AlarmsWrite { say: vec![say("b"), say("never")], ..AlarmsWrite::default() };
    rig.store.put_alarms(&said, None).await.unwrap();
    let bodies = rig.store.open_alarms().await.unwrap().into_iter().map(|row| row.body).collect::<Vec<_>>();
    assert_eq!(bodies, [alarm(1, "a", &[]).row.body, say("b").body]);

    rig.store.put_alarms(&over("a", 10), None).await.unwrap();
    rig.store.put_alarms(&over("a", 11), None).await.unwrap();
    rig.store.put_alarms(&over("never", 11), None).await.unwrap();
    assert_eq!(pending(&rig).await, ["chat raised 1", "ops raised 1", "chat resolved 1", "ops resolved 1"]);
    // It begins anew: another alarm about the same. And what came and went at once is told as both.
    rig.store.put_alarms(&raise(vec![alarm(4, "a", &["ops"])]), None).await.unwrap();
    let mut both = raise(vec![alarm(5, "c", &["ops"])]);
    both.end = over("c", 5).end;
    rig.store.put_alarms(&both, None).await.unwrap();
    assert_eq!(
        pending(&rig).await[2..],
        ["ops raised 4", "ops raised 5", "ops resolved 5", "chat resolved 1", "ops resolved 1"]
    );
    assert_eq!(rig.store.open_alarms().await.unwrap().len(), 2);

    let all = rig.store.alarms(None, 2).await.unwrap();
    let short: Vec<_> = all.iter().map(|(row, messages)| (row.id.0.as_u128(), messages.len())).collect();
    assert_eq!(short, [(5, 2), (4, 1)], "newest first");
    assert_eq!(all[0].0.ending.as_deref(), Some("Over."));
    assert_eq!(rig.store.alarms(Some(ReleaseId(Uuid::from_u128(7))), 9).await.unwrap().len(), 4);
    assert_eq!(rig.store.alarms(Some(ReleaseId(Uuid::from_u128(8))), 9).await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn given_messages_then_tries_are_counted_and_what_has_ended_stays_as_it_ended(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    let fence = rig.lease("alarms", "one").await;
    rig.store.put_alarms(&raise(vec![alarm(1, "a", &["chat", "ops", "pager"])]), Some(&fence)).await.unwrap();
    let messages: Vec<_> = rig.store.alarm_messages(9).await.unwrap().into_iter().map(|(message, _)| message).collect();
    let again = AlarmMark::Again { error: "refused".into(), next_at: at(30) };
    rig.store.mark_alarm(&messages[0], &again, Some(&fence)).await.unwrap();
    rig.store.mark_alarm(&messages[0], &again, Some(&fence)).await.unwrap();
    rig.store.mark_alarm(&messages[1], &AlarmMark::Done { at: at(20) }, Some(&fence)).await.unwrap();
    rig.store.mark_alarm(&messages[1], &again, Some(&fence)).await.unwrap();
    let given_up = AlarmMark::GivenUp { error: "no such key".into(), at: at(40) };
    rig.store.mark_alarm(&messages[2], &given_up, Some(&fence)).await.unwrap();

    let (_, messages) = rig.store.alarms(None, 1).await.unwrap().remove(0);
    let short: Vec<_> = messages
        .iter()
        .map(|m| (m.channel.as_str(), m.state.as_str(), m.attempts, m.last_error.as_deref(), m.next_at, m.ended_at))
        .collect();
    let expected = [
        ("chat", "pending", 2, Some("refused"), at(30), None),
        ("ops", "done", 1, None, at(1), Some(at(20))),
        ("pager", "given_up", 1, Some("no such key"), at(1), Some(at(40))),
    ];
    assert_eq!(short, expected);
    let untold =
        async |since| rig.store.untold(at(since)).await.unwrap().into_iter().map(|m| m.channel).collect::<Vec<_>>();
    assert_eq!(
        (untold(40).await, untold(41).await),
        (vec!["chat".to_owned(), "pager".to_owned()], vec!["chat".to_owned()])
    );
    // Whoever never heard that it began is not told that it is over.
    rig.store.put_alarms(&over("a", 50), Some(&fence)).await.unwrap();
    assert_eq!(pending(&rig).await, ["chat raised 1", "chat resolved 1", "ops resolved 1"]);

    let late = Fence { token: fence.token - 1, ..fence };
    let error = rig.store.mark_alarm(&messages[0], &AlarmMark::Done { at: at(60) }, Some(&late)).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    let error = rig.store.put_alarms(&raise(vec![alarm(9, "z", &["ops"])]), Some(&late)).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    assert_eq!(pending(&rig).await.len(), 3, "nothing half-written");

    // Without a lease: of two who read the same, one sends.
    let message = rig.store.alarm_messages(1).await.unwrap().remove(0).0;
    let claims = [
        rig.store.claim_alarm(&message, at(90)).await.unwrap(),
        rig.store.claim_alarm(&message, at(91)).await.unwrap(),
    ];
    assert_eq!(claims, [true, false]);
    assert_eq!(rig.store.alarm_messages(1).await.unwrap()[0].0.next_at, at(90));
}

#[rstest]
#[tokio::test]
async fn given_alarms_that_ended_long_ago_then_they_go_with_their_messages_oldest_first_and_nothing_else_goes(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    let fence = rig.lease("alarms", "one").await;
    let raised = [
        alarm(1, "a", &["ops"]),
        alarm(2, "b", &[]),
        alarm(3, "still to be told", &["ops", "chat"]),
        alarm(4, "open", &["ops"]),
        alarm(5, "c", &["ops"]),
        alarm(6, "ended later", &[]),
    ];
    rig.store.put_alarms(&raise(raised.to_vec()), None).await.unwrap();
    for (key, secs) in [("a", 10), ("b", 11), ("still to be told", 12), ("c", 13), ("ended later", 20)] {
        rig.store.put_alarms(&over(key, secs), None).await.unwrap();
    }
    let (done, lost) = (AlarmMark::Done { at: at(14) }, AlarmMark::GivenUp { error: "no such key".into(), at: at(14) });
    for (message, row) in rig.store.alarm_messages(99).await.unwrap() {
        let mark = if row.id.0.as_u128() == 1 { &lost } else { &done };
        if row.key != "still to be told" || message.channel == "chat" {
            rig.store.mark_alarm(&message, mark, Some(&fence)).await.unwrap();
        }
    }
    let left = async || {
        let all = rig.store.alarms(None, 99).await.unwrap();
        all.iter().map(|(row, messages)| (row.id.0.as_u128(), messages.len())).collect::<Vec<_>>()
    };
    let all = left().await;
    assert_eq!(all, [(6, 0), (5, 2), (4, 1), (3, 4), (2, 0), (1, 2)]);
    let late = Fence { token: fence.token - 1, ..fence.clone() };
    let error = rig.store.forget_alarms(at(20), 9, &late).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    assert_eq!(rig.store.forget_alarms(at(10), 9, &fence).await.unwrap(), 0, "none ended before");
    assert_eq!(left().await, all);

    assert_eq!(rig.store.forget_alarms(at(20), 2, &fence).await.unwrap(), 2, "so many at once");
    assert_eq!(left().await, [(6, 0), (5, 2), (4, 1), (3, 4)]);
    assert_eq!(rig.store.forget_alarms(at(20), 2, &fence).await.unwrap(), 1);
    assert_eq!(left().await, [(6, 0), (4, 1), (3, 4)]);
    assert_eq!(rig.store.forget_alarms(at(20), 2, &fence).await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn given_a_position_then_it_is_kept_with_what_follows_from_it(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    assert_eq!(rig.store.alarms_read().await.unwrap(), 0, "a new database");
    let write = AlarmsWrite { position: Some(12), ..raise(vec![alarm(1, "a", &["ops"])]) };
    rig.store.put_alarms(&write, None).await.unwrap();
    assert_eq!(rig.store.alarms_read().await.unwrap(), 12);
    // Of two writes that do not fit, neither is half there.
    let twice = AlarmsWrite { position: Some(13), ..raise(vec![alarm(2, "b", &["ops", "ops"])]) };
    rig.store.put_alarms(&twice, None).await.unwrap_err();
    assert_eq!((rig.store.alarms_read().await.unwrap(), rig.store.open_alarms().await.unwrap().len()), (12, 1));
}

#[rstest]
#[tokio::test]
async fn given_a_text_that_is_taken_out_of_a_release_then_it_goes_from_its_alarms_and_from_no_others(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    let text = "the volume of Erika Mustermann is full";
    let mut written = decision(1);
    written.row.release = Some(ReleaseId(Uuid::from_u128(7)));
    written.openings = vec![Opening { field: Field::Reason, salt: Salt([7; 32]), text: text.to_owned() }];
    rig.store.commit(Unit { decision: Some(written), ..Unit::default() }).await.unwrap();
    let said = |n: u128, key: &str, release: u128| {
        let mut raise = alarm(n, key, &[]);
        raise.row.release = Some(ReleaseId(Uuid::from_u128(release)));
        raise.row.body = format!(r#"{{"summary":"Step 4 was skipped: {text}. Look."}}"#);
        raise
    };
    rig.store.put_alarms(&raise(vec![said(1, "a", 7), said(2, "b", 8)]), None).await.unwrap();
    let redaction = RedactionWrite {
        decision: decision(1).row.id,
        leaf_index: 0,
        fields: vec![Field::Reason],
        texts: vec![text.to_owned()],
        instead: "redacted".into(),
        actor_label: "Ada".into(),
        reason: "redacted".into(),
        at: at(99),
        despite_hold: false,
        kept_from: None,
    };
    let unit = Unit { decision: Some(acting(2, "redact")), redactions: vec![redaction], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();
    let open = rig.store.open_alarms().await.unwrap();
    assert_eq!(open[0].body, r#"{"summary":"Step 4 was skipped: redacted. Look."}"#);
    assert!(open[1].body.contains(text), "another release says it itself");
}
