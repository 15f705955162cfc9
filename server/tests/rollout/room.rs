//! Going back only where there is room and where what stays fits, and well only when the data says so too.

use super::fleet::Fleet;
use super::support::{Desk, maya, request};
use super::yard::{Yard, plan};
use serde_json::json;
use sqlx::ConnectOptions;
use std::str::FromStr;
use sternway_domain::component::{Fit, Scope};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::release::{HoldCause, State};
use sternway_domain::service::Secret;
use sternway_domain::time::Span;
use sternway_server::service::{ActRequest, Overrides, ServiceError, Wanted};
use sternway_server::steps::settings::{Connection, StepSettings};

const SERVICE: &str = "checkout";

async fn order(desk: &Desk, id: ReleaseId, scope: Scope, overrides: Overrides) -> Result<(), ServiceError> {
    loop {
        let wanted = Wanted::Rollback { scope: scope.clone() };
        let plain = request(id, wanted, desk.release(id).await.version);
        let key = format!("{} {overrides:?}", plain.idempotency_key);
        let acted = desk.service.act(&maya(), ActRequest { overrides, idempotency_key: key, ..plain }).await;
        if !matches!(acted, Err(ServiceError::Stale { .. })) {
            return acted.map(|_| ());
        }
    }
}

async fn overridden(desk: &Desk, id: ReleaseId) -> Vec<String> {
    let decisions = desk.decisions(id).await;
    let back = decisions.iter().rfind(|row| row.action == "rollback" && row.outcome == "accepted").expect("accepted");
    desk.service.entry(back).await.expect("an entry").overridden
}

#[tokio::test]
async fn given_a_baseline_without_instances_when_rolled_back_then_refused_unless_a_person_overrides() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    yard.ready(SERVICE, 0);
    let engine = desk.engine("one", Span::from_secs(5));
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;

    let refused = order(&desk, id, Scope::default(), Overrides::default()).await;
    assert!(
        matches!(&refused, Err(ServiceError::Rollback(why)) if why.contains("0 instances of the baseline are ready")),
        "{refused:?}"
    );
    let entry = desk.decisions(id).await.pop().expect("a refused attempt is written down");
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("rollback", "refused"));
    assert_eq!(yard.weights(SERVICE), [5], "nothing moved");

    order(&desk, id, Scope::default(), Overrides { capacity: true, ..Overrides::default() })
        .await
        .expect("a person may");
    assert!(overridden(&desk, id).await[0].starts_with("capacity: "), "the log says so");
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    engine.stop().await;
}

/// G6: one of twenty takes traffic, and nobody knows how full it is.
#[tokio::test]
async fn given_a_baseline_with_a_twentieth_of_its_instances_when_rolled_back_then_refused_before_anything_moves() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    desk.apply(plan("manual"), yard.document(SERVICE)).await;
    yard.ready(SERVICE, 1);
    yard.total(SERVICE, 20);
    let engine = desk.engine("one", Span::from_secs(5));
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;
    let refused = order(&desk, id, Scope::default(), Overrides::default()).await;
    assert!(
        matches!(&refused, Err(ServiceError::Rollback(why)) if why.contains("1 of 20 instances of the baseline")),
        "{refused:?}"
    );
    let entry = desk.decisions(id).await.pop().expect("a refused attempt is written down");
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("rollback", "refused"));
    assert_eq!(yard.weights(SERVICE), [5], "nothing moved");

    // Half of them are enough for a person to judge.
    yard.ready(SERVICE, 10);
    desk.until("the new number is seen", async || {
        desk.traffic(SERVICE).await.filter(|seen| seen.baseline_ready == Some(10)).map(|_| ())
    })
    .await;
    order(&desk, id, Scope::default(), Overrides::default()).await.expect("half are ready");
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    engine.stop().await;
}

#[tokio::test]
async fn given_a_failing_candidate_and_no_room_then_the_rule_holds_and_goes_back_once_there_is_room() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    desk.apply(plan("automatic"), yard.document(SERVICE)).await;
    yard.ready(SERVICE, 0);
    yard.fail(SERVICE, 0.5);
    let engine = desk.engine("one", Span::from_secs(5));
    let id = desk.started(SERVICE, "quick").await;
    let held = desk
        .until_release(id, "it is held", |release| {
            matches!(release.state, State::Holding { cause: HoldCause::NoRoom, .. })
        })
        .await;
    let since = desk.now();
    desk.until("the engine has looked again", async || {
        let ticks = desk.service.tick_bodies(id, since).await.expect("the database answers");
        (ticks.len() >= 3).then_some(())
    })
    .await;
    assert_eq!(desk.release(id).await.state, held.state);
    assert_eq!(desk.actions(id).await.len(), 3, "created, started, and held once");
    yard.ready(SERVICE, 3);
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    assert!(desk.actions(id).await.contains(&"rollback automation, rule roll-back-on-fail".to_owned()));
    engine.stop().await;
}

#[tokio::test]
async fn given_a_part_that_is_not_declared_to_fit_when_a_person_accepts_it_then_only_that_goes_back() {
    let fleet = Fleet::start(91).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;
    let auth = ServiceName::new("auth").expect("plain");
    let scope = Scope { components: Some([auth.clone()].into()), ..Scope::default() };

    let refused = order(&fleet.desk, id, scope.clone(), Overrides::default()).await;
    assert!(matches!(&refused, Err(ServiceError::Rollback(why)) if why.contains("only a part")), "{refused:?}");
    let accept = Overrides { fit: Some(Fit::Undeclared), ..Overrides::default() };
    order(&fleet.desk, id, scope, accept).await.expect("a person may");
    assert!(overridden(&fleet.desk, id).await[0].starts_with("fit: "), "the log says so");
    let held = State::Holding { stage: 0, cause: HoldCause::PartBack };
    let back = fleet.desk.until_release(id, "it is back", |release| release.state == held && release.confirmed()).await;
    assert_eq!(back.parts[0].components.iter().map(|part| &part.name).collect::<Vec<_>>(), [&auth]);
    assert_eq!(
        back.moves().into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["shop", "storage", "cache", "cart"]
    );
    assert_eq!(fleet.depot.deployed(), ["auth 1.41.3"]);
    let hold = async |name: &str| {
        let name = ServiceName::new(name).expect("plain");
        fleet.desk.service.automation_hold(&name).await.expect("read")
    };
    assert!(hold("auth").await.is_some() && hold("cart").await.is_none(), "rules wait only where something went back");

    // The engine looks after what stays, and leaves what went back alone.
    let [storage, cache, at_auth, cart, shop] = fleet.candidates().await[..] else { panic!("five services") };
    assert!(at_auth == 0 && [storage, cache, cart, shop].iter().all(|weight| *weight > 0), "auth only");
    for drift in ["set weight shop/shop-canary 0", "set weight auth/auth-canary 7"] {
        fleet.haproxy.command(drift).await.expect("HAProxy answers");
    }
    fleet.desk.until("the drift is set right", async || (fleet.candidates().await[4] == shop).then_some(())).await;
    assert_eq!(fleet.candidates().await[2], 7);

    // A person resumes rules for what went back, then takes the rest back too.
    fleet.desk.act(id, Wanted::ResumeAutomation).await.expect("a person may");
    assert!(hold("auth").await.is_none());
    order(&fleet.desk, id, Scope::default(), Overrides::default()).await.expect("accepted");
    let back = fleet.desk.until_release(id, "the rest is back", |release| release.state == State::RolledBack).await;
    assert_eq!((back.parts.len(), back.back.expect("it was ordered").only), (1, None));
    assert!(hold("auth").await.is_none() && hold("cart").await.is_some());
    assert_eq!(fleet.depot.deployed().len(), 5, "auth was not deployed again: {:?}", fleet.depot.deployed());
    engine.stop().await;
}

#[tokio::test]
async fn given_a_rollback_of_flags_alone_then_it_ends_and_nothing_is_called_bad_or_held() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    let mut document = yard.document(SERVICE);
    document["rollback"] = json!({"kill_switches": ["checkout.new-price"]});
    desk.apply(plan("manual"), document).await;
    let flag = "kind: Flag\nkey: checkout.new-price\npurpose: Prices\nowner: team-pay\npermanent: true\ndefault: {enabled: true}\n";
    let files = [("flag.yaml".to_owned(), flag.to_owned())];
    desk.service.apply(&maya(), &files, "a kill switch", "apply the flag").await.expect("applied");
    let engine = desk.engine("one", Span::from_secs(5));
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;
    let scope = Scope {
        components: Some([].into()),
        features: Some(["checkout.new-price".parse().expect("a key")].into()),
        ..Scope::default()
    };
    order(&desk, id, scope, Overrides::default()).await.expect("accepted");
    let held = State::Holding { stage: 0, cause: HoldCause::PartBack };
    let back = desk.until_release(id, "the flag is off", |release| release.state == held && release.confirmed()).await;
    assert!(back.parts[0].components.is_empty() && !back.went_back());
    let service = ServiceName::new(SERVICE).expect("plain");
    assert_eq!(desk.service.automation_hold(&service).await.expect("read"), None);
    assert_eq!(yard.weights(SERVICE), [5], "traffic never moved");
    let log = desk.service.newest_saga(&maya(), id).await.expect("read").expect("it has one");
    assert!(log.saga.plan.steps.iter().all(|step| step.act.kind() != "recovery_gate"), "nothing to prove");
    desk.act(id, Wanted::Resume).await.expect("it goes on");
    engine.stop().await;
}

#[tokio::test]
async fn given_data_that_is_not_right_when_traffic_is_back_then_it_is_not_rolled_back_until_the_data_is() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    let file = format!("sqlite:{}", desk.dir().join("orders.db").display());
    let options = sqlx::sqlite::SqliteConnectOptions::from_str(&file).expect("an address").create_if_missing(true);
    let mut orders = options.connect().await.expect("opened");
    for statement in ["CREATE TABLE orders (id INTEGER, paid INTEGER)", "INSERT INTO orders VALUES (1, 0)"] {
        sqlx::query(statement).execute(&mut orders).await.expect("run");
    }
    let mut document = yard.document(SERVICE);
    document["rollback"] = json!({
        "recovery": {"steady": "1s", "max_age": "10s"},
        "integrity": [{
            "name": "no order unpaid", "connection": "orders", "expect": {"equals": 0},
            "query": "SELECT count(*) FROM orders WHERE paid = 0",
        }],
    });
    desk.apply(plan("manual"), document).await;
    let connection = Connection { url: Secret::Value(file) };
    let settings = StepSettings {
        connections: [("orders".parse().expect("a name"), connection)].into(),
        ..StepSettings::default()
    };
    let engine = desk.engine_with("one", Span::from_secs(5), settings);
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;
    order(&desk, id, Scope::default(), Overrides::default()).await.expect("accepted");

    let said = desk
        .until("it says what is not yet well", async || {
            let log = desk.service.newest_saga(&maya(), id).await.expect("read")?;
            let gate = log.saga.plan.steps.iter().find(|step| step.act.kind() == "recovery_gate")?.id;
            let mut said = desk.service.said(log.saga.plan.id).await.expect("read");
            said.remove(&gate).filter(|said| said.contains("no order unpaid"))
        })
        .await;
    assert!(said.contains("data check") && said.contains("1, but wanted exactly 0"), "{said}");
    assert_eq!(desk.release(id).await.state, State::RollingBack);
    assert_eq!(yard.weights(SERVICE).last(), Some(&0), "traffic is back already");
    sqlx::query("UPDATE orders SET paid = 1").execute(&mut orders).await.expect("run");
    desk.until_release(id, "recovered", |release| release.state == State::RolledBack).await;
    engine.stop().await;
}
