//! Rollouts through a real HAProxy, judged by what a real Prometheus has scraped.

use super::rig::{Rig, SERVICE};
use std::time::Duration;
use sternway_domain::id::{Digest, ReleaseId};
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{Event, State};
use sternway_domain::time::{Span, Timestamp};
use sternway_peers::eventually;
use sternway_server::service::Evidence;

const AUTOMATION: &str = "automation, rule";

/// When each weight was seen at the proxy, and when the next one was asked for.
async fn stages(rig: &Rig, id: ReleaseId) -> Vec<(u8, Timestamp, Timestamp)> {
    let mut stages: Vec<(u8, Timestamp, Timestamp)> = Vec::new();
    for event in rig.desk.history(id).await {
        match event {
            Event::TrafficConfirmed { weight, at, .. } => stages.push((weight.percent(), at, rig.desk.now())),
            Event::StageEntered { at, .. } | Event::Completed { at } => {
                if let Some(last) = stages.last_mut() {
                    last.2 = at;
                }
            }
            _ => {}
        }
    }
    stages
}

#[tokio::test]
async fn given_a_healthy_canary_when_automatic_then_it_goes_to_all_traffic_and_the_clients_see_each_share() {
    let rig = Rig::start(11, 2, "automatic").await;
    let id = rig.started().await;
    rig.desk.until_release(id, "promoted", |release| release.state == State::Promoted).await;

    let actions = rig.desk.actions(id).await;
    let rule = format!("promote {AUTOMATION} promote-on-pass");
    assert_eq!(actions, ["create Maya Ortiz", "start Maya Ortiz", &rule, &rule, &rule, &rule], "{actions:?}");
    let stages = stages(&rig, id).await;
    assert_eq!(stages.iter().map(|stage| stage.0).collect::<Vec<_>>(), [5, 25, 50, 100]);
    assert_eq!(rig.share().await, 100.0, "by HAProxy's own word");

    let samples = rig.load.samples();
    let lost = samples.iter().filter(|sample| sample.status == 0).count();
    assert_eq!(lost, 0, "moving traffic loses no request");
    let before = samples.iter().filter(|s| Timestamp::from_micros(s.answered) < stages[0].1 - Span::from_secs(2));
    assert!(
        before.clone().count() > 0 && before.clone().all(|s| s.by.starts_with("stable")),
        "nothing before the start"
    );
    for (percent, from, to) in stages {
        let within = |micros: i64| (from..to).contains(&Timestamp::from_micros(micros));
        let of_stage: Vec<_> = samples.iter().filter(|s| within(s.sent) && within(s.answered)).collect();
        let seen = of_stage.iter().filter(|s| s.by.starts_with("canary")).count() as f64;
        let (all, share) = (of_stage.len() as f64, f64::from(percent) / 100.0);
        let (expected, sigma) = (all * share, (all * share * (1.0 - share)).sqrt());
        println!("{percent} %: {seen} of {all} requests, {expected:.1} ± {sigma:.1} expected");
        assert!(all >= 100.0, "too few requests at {percent} % to say anything: {all}");
        assert!((seen - expected).abs() <= 4.0 * sigma, "{percent} %: {seen} of {all}");
    }
    rig.end().await;
}

#[tokio::test]
async fn given_a_canary_with_20_percent_errors_when_automatic_then_it_is_rolled_back_and_haproxy_gives_it_nothing() {
    let rig = Rig::start(23, 1, "automatic").await;
    rig.canary.iter().for_each(|instance| instance.set_failing(2_000));
    let id = rig.started().await;
    let release = rig.desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;

    assert_eq!(rig.haproxy.weight(SERVICE, "canary-1").await, 0);
    assert_eq!(rig.share().await, 0.0);
    let actions = rig.desk.actions(id).await;
    let rule = format!("rollback {AUTOMATION} roll-back-on-fail");
    assert_eq!(actions, ["create Maya Ortiz", "start Maya Ortiz", &rule], "{actions:?}");

    let decision = rig.desk.decisions(id).await.pop().expect("the rollback is the last");
    assert_eq!(decision.outcome, "accepted");
    let digest = decision.evidence.expect("a decision rests on evidence");
    let body = rig.desk.service.store.evidence(&digest).await.expect("the database answers").expect("kept");
    assert_eq!(Digest::of(body.as_bytes()), digest);
    let evidence: Evidence = serde_json::from_str(&body).expect("evidence is readable");
    let verdict = evidence.verdict.expect("a verdict");
    assert_eq!(verdict.kind, VerdictKind::Fail, "{}", verdict.sentence);
    assert!(evidence.points.iter().any(|point| point.errors.0 > 0.0), "the errors that were read are in it");
    assert!(evidence.traffic.is_some_and(|traffic| traffic.observed.is_some_and(|seen| seen.percent() == 5)));
    let leaves = rig.desk.service.store.leaves(decision.leaf_index, 1).await.expect("the database answers");
    assert_eq!(leaves.len(), 1, "the decision is in the log");

    let (all, failed) = rig.canary[0].requests();
    assert!(failed > 0 && failed < all, "{failed} of {all}");
    let ended = release.ended_at.expect("it has ended");
    eventually("requests after the rollback", Duration::from_secs(20), || async {
        let samples = rig.load.samples();
        let later = samples.iter().filter(|s| Timestamp::from_micros(s.sent) > ended);
        assert!(later.clone().all(|s| s.by.starts_with("stable")), "the canary still gets requests");
        (later.count() >= 100).then_some(())
    })
    .await;
    rig.end().await;
}
