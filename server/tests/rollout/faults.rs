//! What breaks while a release is under way: Prometheus gone, Prometheus hanging, HAProxy's socket gone.

use super::pager::Pager;
use super::rig::{Rig, SERVICE};
use std::time::Duration;
use sternway_domain::alarm::CONFIRM_WITHIN;
use sternway_domain::component::Scope;
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::Weight;
use sternway_domain::release::{HoldCause, Release, State};
use sternway_domain::time::{Span, Timestamp};
use sternway_peers::eventually;
use sternway_server::service::Wanted;

const BLIND: HoldCause = HoldCause::NoEvidence { verdict: VerdictKind::ProviderDown };

fn blind(release: &Release) -> bool {
    matches!(&release.state, State::Holding { cause, .. } if *cause == BLIND)
}

fn seen_at(release: &Release, least: u8) -> bool {
    release.confirmed() && release.state.stage() >= Some(least) && release.current_verdict().is_some()
}

#[tokio::test]
async fn given_prometheus_stops_when_a_release_runs_then_it_is_held_and_goes_on_when_prometheus_is_back() {
    let mut rig = Rig::start(37, 1, "automatic").await;
    let id = rig.started().await;
    rig.desk.until_release(id, "25 % and judged", |release| seen_at(release, 1)).await;
    rig.prometheus.stop().await;
    let held = rig.desk.until_release(id, "held", blind).await;
    let since = held.held_since.expect("it is held");
    let share = rig.share().await;

    rig.desk
        .until("eight readings that failed", async || {
            let ticks = rig.desk.service.tick_bodies(id, since).await.expect("the database answers");
            assert!(ticks.iter().all(|tick| tick.verdict.kind == VerdictKind::ProviderDown), "{ticks:?}");
            (ticks.len() >= 8).then_some(())
        })
        .await;
    let release = rig.desk.release(id).await;
    assert!(blind(&release), "{:?}", release.state);
    assert_eq!(rig.share().await, share, "traffic stays where it was");
    assert_eq!(release.asked.map(|asked| asked.weight), held.asked.map(|asked| asked.weight));

    rig.prometheus.start_again().await;
    rig.desk.until_release(id, "promoted after all", |release| release.state == State::Promoted).await;
    let actions = rig.desk.actions(id).await;
    let count = |rule: &str| actions.iter().filter(|action| action.ends_with(rule)).count();
    assert_eq!(count("promote-on-pass"), 4, "{actions:?}");
    assert_eq!(count("hold-without-evidence"), count("resume-on-evidence"), "{actions:?}");
    assert!(!actions.iter().any(|action| action.starts_with("rollback")), "{actions:?}");
    rig.end().await;
}

/// F1, with a deadline that a test can wait for.
#[tokio::test]
async fn given_prometheus_stays_away_when_the_deadline_passes_then_nothing_moves_and_somebody_is_told() {
    let mut rig = Rig::start_until(43, 1, "automatic", "15s").await;
    let pager = Pager::start().await;
    let watch = pager.watch(&rig.desk, "one");
    let id = rig.started().await;
    rig.desk.until_release(id, "judged", |release| seen_at(release, 0)).await;
    rig.prometheus.stop().await;
    let held = rig.desk.until_release(id, "held", blind).await;
    let (since, share) = (held.held_since.expect("it is held"), rig.share().await);
    assert_eq!(pager.taken(), [], "before the deadline nobody is woken");

    let page = pager.until(&rig.desk, "alarm.raised deadline").await;
    let after = page.at.since(since);
    let deadline = Span::from_secs(15);
    assert!(after >= deadline && after <= deadline + Span::from_secs(5), "told after {after}");
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains("is held at") && text.contains("No evidence for 15s."), "{text}");
    let release = rig.desk.release(id).await;
    assert!(matches!(release.state, State::Holding { cause: HoldCause::Deadline, .. }), "{:?}", release.state);
    assert_eq!(rig.share().await, share, "traffic stays where it was");
    let actions = rig.desk.actions(id).await;
    assert!(!actions.iter().any(|action| action.starts_with("rollback")), "{actions:?}");

    rig.prometheus.start_again().await;
    rig.desk.act(id, Wanted::Resume).await.expect("accepted");
    pager.until(&rig.desk, "alarm.resolved deadline").await;
    watch.stop().await;
    rig.end().await;
}

#[tokio::test]
async fn given_prometheus_takes_questions_and_never_answers_then_it_is_held_and_a_rollback_does_not_wait_for_it() {
    let rig = Rig::start(41, 1, "automatic").await;
    let id = rig.started().await;
    rig.desk.until_release(id, "judged", |release| seen_at(release, 0)).await;
    rig.prometheus.pause().await;
    rig.desk.until_release(id, "held", blind).await;
    // The next question is asked after an interval of one second and hangs for six: this is in the middle of it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    let ordered = rig.desk.now();
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    let took = release.ended_at.expect("it has ended").since(ordered);
    assert!(took < Span::from_secs(3), "the way back took {took}");
    assert_eq!(rig.share().await, 0.0);
    rig.end().await;
}

#[tokio::test]
async fn given_haproxys_socket_is_gone_when_rolled_back_then_it_is_asked_not_confirmed_until_the_socket_returns() {
    let rig = Rig::start(53, 1, "assisted").await;
    let id = rig.started().await;
    rig.desk.until_release(id, "5 % confirmed", |release| seen_at(release, 0)).await;
    let pager = Pager::start().await;
    let watch = pager.watch(&rig.desk, "one");
    rig.haproxy.hide_socket();
    rig.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");

    let shown = rig
        .desk
        .until("shown as asked, not confirmed", async || {
            let shown = rig.desk.traffic(SERVICE).await.expect("traffic was moved before");
            (shown.asked == Weight::ZERO && shown.failure.is_some()).then_some(shown)
        })
        .await;
    assert_eq!(shown.observed.map(Weight::percent), Some(5), "what was seen last stays on the page");
    let since = shown.disagree_since.expect("asked and observed differ");
    assert!(!shown.alarm(since + Span::from_secs(10)), "ten seconds are not yet an alarm");
    let alarmed: Timestamp = rig
        .desk
        .until("the alarm", async || {
            let now = rig.desk.now();
            let shown = rig.desk.traffic(SERVICE).await.expect("traffic was moved before");
            assert_eq!(shown.disagree_since, Some(since));
            shown.alarm(now).then_some(now)
        })
        .await;
    let after = alarmed.since(since);
    assert!(after > Span::from_secs(10) && after < Span::from_secs(15), "listeners heard of it after {after}");
    let release = rig.desk.release(id).await;
    assert_eq!(release.state, State::RollingBack, "asked is not done");
    assert!(!release.confirmed() && release.ended_at.is_none());
    assert_eq!(rig.share().await, 5.0, "HAProxy itself still gives the canary its share");
    let pending = rig.desk.service.store.outbox_pending(id).await.expect("the database answers");
    let [message] = &pending[..] else { panic!("one order is still to be done: {pending:?}") };
    assert!(message.attempts < 100, "{} attempts in ten seconds are a storm", message.attempts);
    let asked = release.asked.as_ref().expect("traffic was asked").at;
    let page = pager.until(&rig.desk, "alarm.raised unconfirmed").await;
    let after = page.at.since(asked);
    assert!(after >= CONFIRM_WITHIN && after <= CONFIRM_WITHIN + Span::from_secs(5), "told after {after}");

    rig.haproxy.show_socket();
    let back = rig.desk.now();
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    let took = release.ended_at.expect("it has ended").since(back);
    assert!(took <= Span::from_secs(10), "applied {took} after the socket was back");
    assert_eq!(rig.haproxy.weight(SERVICE, "canary-1").await, 0);
    let shown = rig.desk.traffic(SERVICE).await.expect("traffic was moved");
    assert_eq!((shown.observed, shown.failure, shown.disagree_since), (Some(Weight::ZERO), None, None));
    pager.until(&rig.desk, "alarm.resolved unconfirmed").await;
    watch.stop().await;
    eventually("the order is ticked off", Duration::from_secs(5), || async {
        rig.desk.service.store.outbox_pending(id).await.expect("the database answers").is_empty().then_some(())
    })
    .await;
    rig.end().await;
}
