//! Releases that want the same service: it moves in one of them at a time.

use super::support::{Desk, build, maya};
use super::yard::{Yard, plan};
use serde_json::json;
use sternway_domain::id::ReleaseId;
use sternway_domain::time::Span;
use sternway_server::service::{NewComponent, NewRelease, ServiceError, Wanted};

/// `checkout`, with which `auth` moves.
async fn together(desk: &Desk) -> ReleaseId {
    let new = NewRelease {
        service: "checkout".into(),
        candidate: build("1.42.0"),
        baseline: Some(build("1.41.3")),
        plan: "quick".into(),
        components: vec![NewComponent {
            service: "auth".into(),
            candidate: build("7.1.0"),
            baseline: Some(build("7.0.0")),
        }],
        migrations: vec![],
        checklist: None,
        override_known_bad: false,
        reason: "sign in while paying".into(),
    };
    let created = desk.service.create(&maya(), new, "create both").await.expect("created");
    created.release.id.parse().expect("an id")
}

async fn apply(yard: &Yard, desk: &Desk) {
    for service in ["checkout", "auth"] {
        let mut document = yard.document(service);
        document["rollback"] = json!({"recovery": {"steady": "1s", "max_age": "10s"}});
        desk.apply(plan("manual"), document).await;
    }
}

const START: Wanted = Wanted::Start { override_checklist: false, deployed: false };

async fn busy(desk: &Desk, id: ReleaseId, named: &str, other: ReleaseId) {
    let refused = desk.act(id, START).await.expect_err("it is refused");
    let ServiceError::Busy { service, other: text } = &refused else { panic!("{refused:?}") };
    assert_eq!(service.as_str(), "auth");
    assert_eq!(*text, format!("the release of `{named} (`{other}`)"));
    let entry = desk.decisions(id).await.pop().expect("a refused attempt is written down");
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("start", "refused"));
}

#[tokio::test]
async fn given_a_service_that_moves_as_a_component_then_no_other_release_moves_it_until_the_first_is_over() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    apply(&yard, &desk).await;
    let both = together(&desk).await;
    let alone = desk.created("auth", "quick").await;
    desk.act(both, START).await.expect("nothing else is under way");
    busy(&desk, alone, "checkout` to 1.42.0", both).await;

    let engine = desk.engine("one", Span::from_secs(5));
    desk.until_release(both, "the first stage is confirmed", |release| release.confirmed()).await;
    assert_eq!((yard.weights("checkout"), yard.weights("auth")), (vec![5], vec![5]));
    desk.act(both, Wanted::Rollback { scope: Default::default() }).await.expect("accepted");
    desk.until_release(both, "rolled back", |release| release.state.ended()).await;
    desk.act(alone, START).await.expect("nothing else moves it any more");
    engine.stop().await;
}

#[tokio::test]
async fn given_a_service_under_way_then_no_release_moves_it_as_a_component() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    apply(&yard, &desk).await;
    let alone = desk.started("auth", "quick").await;
    let both = together(&desk).await;
    busy(&desk, both, "auth` to 1.42.0", alone).await;
}
