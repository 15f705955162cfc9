//! A hotfix is deployed in place of a candidate and then runs its own stages; what fails on the way waits for a person.

use super::fleet::Fleet;
use super::support::{build, maya};
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::release::State;
use sternway_domain::saga::{Choice, Purpose, Side, StandingKind};
use sternway_domain::time::Span;
use sternway_server::service::{StepRequest, Wanted};

fn hotfix(component: Option<&str>) -> Wanted {
    let new = build("1.42.1");
    Wanted::Rollforward {
        hotfix: Artifact {
            version: new.version.try_into().expect("plain"),
            digest: new.digest.parse().expect("a digest"),
        },
        component: component.map(|name| ServiceName::new(name).expect("plain")),
        override_known_bad: false,
    }
}

async fn in_place(fleet: &Fleet, id: ReleaseId) {
    let release = fleet.desk.until_release(id, "the hotfix is in place", |r| r.state != State::RollingForward).await;
    assert_eq!(release.state, State::Running { stage: 0 });
}

#[tokio::test]
async fn given_deployers_when_rolled_forward_then_the_hotfix_is_deployed_and_probed_before_its_run_begins() {
    let fleet = Fleet::start(71).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;

    fleet.desk.act(id, hotfix(None)).await.expect("accepted");
    in_place(&fleet, id).await;
    assert_eq!(fleet.depot.deployed(), ["shop 1.42.1"], "nothing else is touched");
    let saga = fleet.saga(id).await.expect("a saga").saga;
    assert_eq!((saga.plan.purpose, saga.standing().kind), (Purpose::Rollforward, StandingKind::Complete));
    let release = fleet.desk.release(id).await;
    assert_eq!(release.candidate.version.as_str(), "1.42.1");
    assert!(release.stage_entered_at > saga.ended_at, "its stage begins when it is in place");

    fleet.desk.act(id, Wanted::Freeze).await.expect("accepted");
    fleet.desk.act(id, hotfix(Some("auth"))).await.expect("a frozen release may go forward");
    in_place(&fleet, id).await;
    assert_eq!(fleet.depot.deployed(), ["shop 1.42.1", "auth 1.42.1"]);
    let release = fleet.desk.release(id).await;
    let auth = release.components.iter().find(|component| component.name.as_str() == "auth").expect("it is there");
    assert_eq!(auth.candidate.version.as_str(), "1.42.1");
    engine.stop().await;
}

#[tokio::test]
async fn given_a_hotfix_that_cannot_be_deployed_when_a_person_undoes_it_then_the_candidate_runs_as_before_and_waits() {
    let fleet = Fleet::start(81).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;
    fleet.depot.break_down("storage");

    fleet.desk.act(id, hotfix(Some("storage"))).await.expect("accepted");
    let log = fleet
        .desk
        .until("a person is needed", async || {
            fleet.saga(id).await.filter(|log| log.saga.standing().kind == StandingKind::Partial)
        })
        .await;
    let standing = log.saga.standing();
    assert_eq!(fleet.desk.release(id).await.state, State::RollingForward);
    assert!(standing.needs[0].choices.contains(&Choice::Retry), "{standing:?}");

    let request = StepRequest {
        release: id,
        choice: Choice::Compensate,
        step: None,
        side: Side::Do,
        to: None,
        reason: "The volume stays read-only".to_owned(),
        expected_version: log.saga.version,
        idempotency_key: "undo the hotfix".to_owned(),
    };
    fleet.desk.service.choose(&maya(), request).await.expect("accepted");
    let held = fleet.desk.until_release(id, "it waits", |r| r.state != State::RollingForward).await;
    assert_eq!(held.state.as_str(), "holding");
    let storage = held.components.iter().find(|component| component.name.as_str() == "storage").expect("it is there");
    assert_eq!(storage.candidate.version.as_str(), "1.42.0", "the candidate as before");
    fleet.depot.mend();
    fleet.desk.act(id, hotfix(Some("storage"))).await.expect("and once more");
    in_place(&fleet, id).await;
    engine.stop().await;
}
