//! A flip on one replica reaches what the others evaluate: by the database's notice, and by asking again.

use std::sync::Arc;
use std::time::Duration;
use sternway_domain::access::Action;
use sternway_domain::actor::{Actor, Role, Rule};
use sternway_domain::audit::Origin;
use sternway_domain::id::{FlagKey, PersonId};
use sternway_peers::PostgresProcess;
use sternway_server::live;
use sternway_server::service::{Caller, Service};
use sternway_server::store;
use sternway_server::system::{SystemClock, SystemRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const FLAG: &str =
    "kind: Flag\nkey: pay.new\npurpose: Pays anew\nowner: team-pay\npermanent: true\ndefault: {enabled: true}\n";

async fn replica(address: &str) -> Service {
    let store = store::open(address).await.expect("opened");
    Service::new(store, Arc::new(SystemClock), Arc::new(SystemRng))
}

fn key() -> FlagKey {
    "pay.new".parse().expect("a key")
}

async fn applied(service: &Service) {
    let actor = Actor::Person { id: PersonId(Uuid::nil()), name: "Ada".into(), role: Role::Admin };
    let admin = Caller { actor, origin: Origin::default() };
    assert!(service.authorise(&admin, Action::Apply).is_ok());
    service.apply(&admin, &[("f.yaml".into(), FLAG.into())], "the first flag", "k").await.expect("applied");
}

async fn enabled(service: &Service, position: i64) -> bool {
    let flags = service.flags.at_least(service.store.as_ref(), position).await.expect("read");
    flags.flags[&key()].setting(&service.environment).enabled
}

#[tokio::test(flavor = "multi_thread")]
async fn given_two_replicas_when_a_flag_is_switched_on_one_then_the_other_tells_its_clients() {
    let address = PostgresProcess::shared().database();
    let (one, two) = (replica(&address).await, replica(&address).await);
    let stop = CancellationToken::new();
    let following = tokio::spawn(live::follow(two.clone(), "two".into(), stop.clone()));
    let mut changes = two.flags.changes();
    applied(&one).await;
    let told = |changes: &mut tokio::sync::watch::Receiver<i64>| {
        let mut changes = changes.clone();
        async move { tokio::time::timeout(Duration::from_secs(10), changes.changed()).await }
    };
    told(&mut changes).await.expect("told in time").expect("still there");
    let seen = *changes.borrow_and_update();
    assert!(enabled(&two, 0).await);
    one.switch_by_rule(&Caller::engine(Rule::RollBackOnFail), &key(), false, "rollback", "step-1", None)
        .await
        .expect("switched");
    told(&mut changes).await.expect("told in time").expect("still there");
    assert!(*changes.borrow() > seen);
    assert!(!enabled(&two, 0).await, "what the other evaluates");
    stop.cancel();
    following.await.expect("ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_client_told_by_another_replica_when_it_evaluates_here_then_it_gets_the_newer_value() {
    let address = PostgresProcess::shared().database();
    let (one, two) = (replica(&address).await, replica(&address).await);
    applied(&one).await;
    assert!(enabled(&two, 0).await);
    // Nobody follows here: this replica has heard of nothing yet.
    one.switch_by_rule(&Caller::engine(Rule::RollBackOnFail), &key(), false, "rollback", "step-1", None)
        .await
        .expect("switched");
    let position = one.flags.current(one.store.as_ref()).await.expect("read").position;
    assert!(enabled(&two, 0).await, "not heard of");
    assert!(!enabled(&two, position).await, "the position it was told makes it look");
}
