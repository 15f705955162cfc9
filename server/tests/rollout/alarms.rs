//! What needs a person leaves the house: once, by one replica, again until it is taken, and that it is over too.

use super::pager::{Mood, Pager, RETRY_AFTER, raise_something, raise_then};
use super::support::Desk;
use super::yard::{Yard, plan};
use std::sync::Arc;
use sternway_domain::alarm::CONFIRM_WITHIN;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::release::{Event, State};
use sternway_domain::time::{Span, Timestamp};
use sternway_server::notary::Signer;
use sternway_server::ports::Clock;
use sternway_server::service::Wanted;
use sternway_server::store::rows::{AlarmEnd, AlarmsWrite, CheckpointRow, Fence};
use sternway_server::system::SystemClock;

const SERVICE: &str = "checkout";

/// A release that a rule takes back, all of it within a moment.
async fn rolled_back_by_a_rule(yard: &Yard, desk: &Desk) -> ReleaseId {
    rolled_back_with(yard, desk, &[]).await
}

/// The same, with channels of its own.
async fn rolled_back_with(yard: &Yard, desk: &Desk, channels: &[&str]) -> ReleaseId {
    let mut hasty = plan("automatic");
    hasty["hard_limits"] = serde_json::json!([{"metric": "errors", "bound": {"above": 0.05}, "for": "1s"}]);
    let mut document = yard.document(SERVICE);
    document["alarms"] = channels.into();
    desk.apply(hasty, document).await;
    yard.fail(SERVICE, 0.5);
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    id
}

#[tokio::test]
async fn given_a_rule_takes_a_release_back_then_the_pager_is_told_why_and_that_it_is_over() {
    let (yard, desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    Signer::new(desk.service.clone(), "test".to_owned()).turn().await;
    let (engine, watch) = (desk.engine("one", Span::from_secs(5)), pager.watch(&desk, "one"));
    let id = rolled_back_with(&yard, &desk, &["team-pay"]).await;
    Signer::new(desk.service.clone(), "test".to_owned()).turn().await;
    pager.until(&desk, "alarm.resolved rollback_begun").await;

    let [begun, over] = &pager.taken()[..] else { panic!("two messages: {:?}", pager.whats()) };
    assert_eq!(begun.what(), "alarm.raised rollback_begun");
    let text = begun.body["text"].as_str().expect("a text");
    assert!(text.starts_with("`checkout` 1.42.0 is rolled back by a rule. Errors"), "{text}");
    let over_text = over.body["text"].as_str().expect("a text");
    assert_eq!(over_text, format!("Over: `checkout` 1.42.0 is rolled back. It was: {text}"));
    let data = &begun.body["data"];
    assert_eq!(
        (data["severity"].as_str(), data["key"].as_str()),
        (Some("page"), Some(&*format!("release:{id}:rollback")))
    );
    assert_eq!(data["key"], over.body["data"]["key"], "a pager closes by it");
    assert_eq!(begun.body["link"], format!("https://sternway.example.org/releases/{id}"));
    assert!(over.body["log_checkpoint"].as_str().is_some_and(|note| note.contains("\n— ")), "{}", over.body);
    assert_ne!(begun.id, over.id);
    assert!(
        desk.service.store.outside().await.expect("read").iter().any(|row| row.who == "oncall"),
        "the log left with it"
    );
    let untold = desk.service.store.untold(desk.now()).await.expect("read");
    let own: Vec<_> = untold.iter().map(|message| (message.channel.as_str(), message.last_error.as_deref())).collect();
    let [("team-pay", Some(error))] = own[..] else { panic!("the service's own channel: {own:?}") };
    assert!(error.starts_with("there is no such channel"), "{error}");
    engine.stop().await;
    watch.stop().await;
}

/// G1: the proxy answers 204 and does nothing.
#[tokio::test]
async fn given_a_proxy_that_takes_orders_and_does_nothing_then_it_is_never_done_and_somebody_is_told_at_the_deadline() {
    let (yard, desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    let (engine, watch) = (desk.engine("one", Span::from_secs(5)), pager.watch(&desk, "one"));
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "5 % confirmed", |release| release.confirmed()).await;
    yard.deaf(SERVICE, true);
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    let asked = desk.release(id).await.asked.expect("traffic was asked").at;

    let page = pager.until(&desk, "alarm.raised unconfirmed").await;
    let after = page.at.since(asked);
    assert!(after >= CONFIRM_WITHIN && after <= CONFIRM_WITHIN + Span::from_secs(5), "told after {after}");
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains("is not back: the proxy was asked for 0\u{a0}%"), "{text}");
    let release = desk.release(id).await;
    assert!(release.state == State::RollingBack && !release.confirmed(), "asked is not done: {:?}", release.state);
    assert!(!yard.site(SERVICE).repeated.is_empty(), "it is asked again and again");

    yard.deaf(SERVICE, false);
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    pager.until(&desk, "alarm.resolved unconfirmed").await;
    assert_eq!(pager.whats(), ["alarm.raised unconfirmed", "alarm.resolved unconfirmed"]);
    assert_eq!(desk.history(id).await.iter().filter(|event| matches!(event, Event::RolledBack { .. })).count(), 1);
    engine.stop().await;
    watch.stop().await;
}

#[tokio::test]
async fn given_two_replicas_then_one_tells_and_the_other_goes_on_when_it_ends() {
    let (yard, desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    let other = desk.another().await;
    let engine = desk.engine("one", Span::from_secs(5));
    let (one, two) = (pager.watch(&desk, "one"), pager.watch(&other, "two"));
    rolled_back_by_a_rule(&yard, &desk).await;
    pager.until(&desk, "alarm.resolved rollback_begun").await;
    let both = ["alarm.raised rollback_begun", "alarm.resolved rollback_begun"];
    assert_eq!(pager.whats(), both);

    // As a shutdown does: whoever has the lease gives it back, and the other one takes it.
    one.stop().await;
    desk.service.store.release_leases("one").await.expect("given back");
    assert!(desk.service.store.alarms_read().await.expect("read") > 0, "what was told is known to the next");
    raise_something(&desk).await;
    pager.until(&desk, "alarm.raised step").await;
    assert_eq!(pager.whats(), [both[0], both[1], "alarm.raised step"], "nothing is told twice");
    two.stop().await;
    engine.stop().await;
}

#[tokio::test]
async fn given_a_receiver_that_is_down_when_it_is_back_then_it_takes_each_message_once_and_in_order() {
    let (yard, desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    pager.mood(Mood::Busy);
    let (engine, watch) = (desk.engine("one", Span::from_secs(5)), pager.watch(&desk, "one"));
    rolled_back_by_a_rule(&yard, &desk).await;
    desk.until("two tries in vain", async || (pager.heard().len() >= 2).then_some(())).await;
    let untold = desk
        .until("it is written down", async || {
            let untold = desk.service.store.untold(desk.now()).await.expect("read");
            untold.first().filter(|message| message.attempts >= 2).cloned()
        })
        .await;
    assert_eq!((untold.channel.as_str(), untold.state.as_str()), ("oncall", "pending"));
    assert!(untold.last_error.as_deref().is_some_and(|error| error.starts_with("503")), "{untold:?}");
    assert!(
        desk.service.metrics.text().contains("sternway_alarm_messages_total{channel=\"oncall\",result=\"failed\"}")
    );

    pager.mood(Mood::Takes);
    pager.until(&desk, "alarm.resolved rollback_begun").await;
    assert_eq!(pager.whats(), ["alarm.raised rollback_begun", "alarm.resolved rollback_begun"]);
    let tries: Vec<_> = pager.heard().iter().map(|heard| heard.at).collect();
    assert!(tries[1].since(tries[0]) >= Span::from_secs(RETRY_AFTER), "left alone for as long as it asked");
    let first: Vec<String> = pager.heard().iter().map(|heard| heard.id.clone()).take(3).collect();
    assert!(first.iter().all(|id| *id == first[0]), "each try bears the same id: {first:?}");
    desk.until("nothing is left", async || {
        desk.service.store.alarm_messages(9).await.expect("read").is_empty().then_some(())
    })
    .await;
    engine.stop().await;
    watch.stop().await;
}

#[tokio::test]
async fn given_a_message_under_way_when_its_replica_is_shut_down_then_it_is_waited_for_and_ticked_off() {
    let (desk, pager) = (Desk::new().await, Pager::start().await);
    pager.mood(Mood::Late);
    let watch = pager.watch(&desk, "one");
    raise_something(&desk).await;
    pager.until(&desk, "alarm.raised step").await;
    tokio::join!(watch.stop(), async { pager.answer() });
    let untold = desk.service.store.alarm_messages(9).await.expect("read");
    assert_eq!(untold.len(), 0, "the next replica need not tell it again: {untold:?}");
}

#[tokio::test]
async fn given_a_crash_between_telling_and_writing_it_down_then_it_is_told_again_under_the_same_id() {
    let (yard, desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    pager.mood(Mood::Mute);
    let (engine, watch) = (desk.engine("one", Span::from_secs(5)), pager.watch(&desk, "one"));
    rolled_back_by_a_rule(&yard, &desk).await;
    let first = desk.until("it was heard", async || pager.heard().first().cloned()).await;
    // It was heard, and nobody wrote that down.
    watch.stop().await;
    let pending = desk.service.store.alarm_messages(9).await.expect("read");
    assert_eq!(pending.first().map(|(message, _)| message.attempts), Some(0));

    pager.mood(Mood::Takes);
    let next = pager.watch(&desk, "one");
    pager.until(&desk, "alarm.resolved rollback_begun").await;
    let [again, _] = &pager.taken()[..] else { panic!("two messages: {:?}", pager.whats()) };
    assert_eq!((&again.id, &again.body["data"]), (&first.id, &first.body["data"]));
    next.stop().await;
    engine.stop().await;
}

#[tokio::test]
async fn given_alarms_that_ended_long_ago_when_somebody_looks_then_they_go_and_younger_ones_stay() {
    let (desk, pager) = (Desk::new().await, Pager::start().await);
    let (day, now) = (86_400, desk.now());
    for (key, days) in [("old", 91), ("younger", 89)] {
        let at = now - Span::from_secs(days * day);
        raise_then(&desk, key, at, &[]).await;
        let end = vec![AlarmEnd { key: key.to_owned(), at, ending: "Over.".to_owned() }];
        let write = AlarmsWrite { end, ..AlarmsWrite::default() };
        desk.service.store.put_alarms(&write, None).await.expect("written");
    }
    let watch = pager.watch(&desk, "one");
    desk.until("the old one is gone", async || {
        let left = desk.service.store.alarms(None, 9).await.expect("read");
        let [(row, _)] = &left[..] else { return None };
        (row.key == "younger").then_some(())
    })
    .await;
    watch.stop().await;
}

/// For whom time flies.
struct Hasty(Timestamp);

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        now + Span::from_micros(20 * now.since(self.0).micros())
    }
}

#[tokio::test]
async fn given_entries_that_nobody_signs_then_somebody_is_told_until_they_are_signed() {
    let (yard, mut desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    let mut signer = Signer::new(desk.service.clone(), "test".to_owned());
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    let id = desk.created(SERVICE, "quick").await;
    signer.turn().await;
    desk.act(id, Wanted::Cancel).await.expect("accepted");
    // What somebody wrote there without the key signs nothing.
    let lease = desk.service.store.lease("other", "test", Span::from_secs(60)).await.expect("asked").expect("free");
    let forged = CheckpointRow { size: 900, note: "nothing".to_owned(), at: desk.now() };
    let fence = Fence { lease: lease.name, token: lease.token };

    desk.service.clock = Arc::new(Hasty(desk.now()));
    let watch = pager.watch(&desk, "one");
    let page = pager.until(&desk, "alarm.raised log_unsigned").await;
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains("sternway audit status"), "{text}");
    signer.turn().await;
    let over = pager.until(&desk, "alarm.resolved log_unsigned").await;
    assert!(over.body["text"].as_str().is_some_and(|text| text.contains("is signed again")), "{}", over.body);
    desk.service.store.put_checkpoint(&forged, &fence).await.expect("nobody keeps it out");
    desk.until("told again", async || {
        let raised = pager.whats().iter().filter(|what| *what == "alarm.raised log_unsigned").count();
        (raised == 2).then_some(())
    })
    .await;
    watch.stop().await;
}
