//! After a rollback: the build is known bad, and rules keep their hands off the service until a person resumes them.

use super::support::{Desk, build, maya};
use super::yard::{Yard, plan};
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::recovery::{self, Ended};
use sternway_domain::release::{Refusal, State};
use sternway_domain::time::Span;
use sternway_server::service::{NewRelease, ServiceError, Wanted};

const SERVICE: &str = "checkout";
const START: Wanted = Wanted::Start { override_checklist: false, deployed: false };

fn release_of(version: &str, override_known_bad: bool) -> NewRelease {
    NewRelease {
        components: vec![],
        service: SERVICE.into(),
        candidate: build(version),
        baseline: Some(build("1.41.3")),
        plan: "quick".into(),
        checklist: None,
        migrations: vec![],
        override_known_bad,
        reason: "the cause was the database".into(),
    }
}

async fn create(desk: &Desk, version: &str, override_known_bad: bool) -> Result<ReleaseId, ServiceError> {
    let key = format!("create {version} {override_known_bad} at {}", desk.now());
    let made = desk.service.create(&maya(), release_of(version, override_known_bad), &key).await?;
    Ok(made.release.id.parse().expect("an id"))
}

async fn rolled_back(desk: &Desk, id: ReleaseId) {
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
}

fn known_bad<T: std::fmt::Debug>(answer: Result<T, ServiceError>) {
    let Err(ServiceError::Refused(Refusal::Aftermath(recovery::Refusal::KnownBad(bad)))) = &answer else {
        panic!("{answer:?}")
    };
    assert_eq!(bad.why, "Maya Ortiz: because a test says so");
}

/// What was overridden by the last decision about a release.
async fn overridden(desk: &Desk, id: ReleaseId) -> Vec<String> {
    let decision = desk.decisions(id).await.pop().expect("a decision");
    assert_eq!(decision.outcome, "accepted");
    desk.service.entry(&decision).await.expect("an entry").overridden
}

#[tokio::test]
async fn given_a_build_that_was_taken_back_when_released_again_then_refused_unless_a_person_overrides() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    let engine = desk.engine("one", Span::from_secs(5));
    let first = create(&desk, "1.42.0", false).await.expect("created");
    let waiting = create(&desk, "1.42.0", false).await.expect("the same build, made before anything is known");
    desk.act(first, START).await.expect("started");
    rolled_back(&desk, first).await;
    let release = desk.release(first).await;
    let back = desk.service.way_back(&maya(), &release).await.expect("read").expect("it went back");
    assert_eq!(back.ended, Ended::TrafficOnly, "nothing but traffic was asked for: {}", back.sentence(desk.now()));
    let before = desk.service.store.leaves(0, 1_000).await.expect("read").len();

    known_bad(create(&desk, "1.42.0", false).await);
    known_bad(desk.act(waiting, START).await);
    let refused = desk.decisions(waiting).await.pop().expect("a refused attempt is written down");
    assert_eq!((refused.action.as_str(), refused.outcome.as_str()), ("start", "refused"));
    assert_eq!(desk.service.store.leaves(0, 1_000).await.expect("read").len(), before + 2, "both are in the log");
    create(&desk, "1.43.0", false).await.expect("another build may");

    desk.act(waiting, Wanted::Start { override_checklist: true, deployed: false })
        .await
        .expect("with an override it starts");
    assert!(overridden(&desk, waiting).await[0].contains("known bad since"), "the log says so");
    desk.act(waiting, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    desk.until_release(waiting, "rolled back", |release| release.state == State::RolledBack).await;

    let again = create(&desk, "1.42.0", true).await.expect("with an override it is made");
    assert!(overridden(&desk, again).await[0].contains("known bad since"), "the log says so");
    desk.act(again, START).await.expect("whoever made it said why");
    engine.stop().await;
}

#[tokio::test]
async fn given_a_rollback_when_the_next_release_passes_then_no_rule_acts_until_a_person_resumes_automation() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    desk.apply(plan("automatic"), yard.document(SERVICE)).await;
    let engine = desk.engine("one", Span::from_secs(5));
    let first = create(&desk, "1.42.0", false).await.expect("created");
    desk.act(first, START).await.expect("started");
    rolled_back(&desk, first).await;

    let second = create(&desk, "1.43.0", false).await.expect("created");
    desk.act(second, START).await.expect("people may start");
    let passed = desk
        .until_release(second, "it passes", |release| {
            release.current_verdict().is_some_and(|note| note.kind.as_str() == "pass")
                && release.baked(desk.now()) > Span::from_secs(1)
        })
        .await;
    let since = desk.now();
    desk.until("the engine has looked again and again", async || {
        let ticks = desk.service.tick_bodies(second, since).await.expect("the database answers");
        (ticks.len() >= 4).then_some(())
    })
    .await;
    assert_eq!(desk.release(second).await.state, passed.state, "no rule promoted it");
    assert_eq!(desk.actions(second).await, ["create Maya Ortiz", "start Maya Ortiz"]);
    desk.act(second, Wanted::Hold).await.expect("people may hold");
    desk.act(second, Wanted::Resume).await.expect("and resume");

    let hold = desk.service.automation_hold(&SERVICE.parse().expect("a name")).await.expect("read").expect("held");
    assert_eq!(hold.release, first);
    desk.act(first, Wanted::ResumeAutomation).await.expect("a person may");
    let again = desk.act(first, Wanted::ResumeAutomation).await;
    assert!(matches!(again, Err(ServiceError::Refused(Refusal::NotHeld { .. }))), "{again:?}");
    desk.until_release(second, "promoted", |release| release.state == State::Promoted).await;
    assert!(desk.actions(second).await.contains(&"promote automation, rule promote-on-pass".to_owned()));
    engine.stop().await;
}
