//! Traffic comes back part by part, each part standing for a while, whoever works on it.

use super::support::Desk;
use super::yard::{Yard, plan};
use serde_json::json;
use std::time::Duration;
use sternway_domain::component::Scope;
use sternway_domain::release::State;
use sternway_domain::time::Span;
use sternway_server::service::Wanted;

const SERVICE: &str = "checkout";
const EACH: Duration = Duration::from_millis(800);

#[tokio::test]
async fn given_parts_in_which_traffic_comes_back_when_the_engine_changes_on_the_way_then_each_part_stands() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    let mut document = yard.document(SERVICE);
    document["rollback"] = json!({"return": [33, 66, 100], "return_each": "800ms", "recovery": {"steady": "1s"}});
    desk.apply(plan("manual"), document).await;
    let engine = desk.engine("one", Span::from_secs(2));
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "5 % confirmed", |release| release.confirmed()).await;
    desk.act(id, Wanted::Promote { override_verdict: true }).await.expect("accepted");
    desk.until_release(id, "25 % confirmed", |release| release.confirmed()).await;

    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    desk.until("the first part is back", async || (yard.weights(SERVICE) == [5, 25, 17]).then_some(())).await;
    engine.stop().await;
    let engine = desk.engine("two", Span::from_secs(2));
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    engine.stop().await;

    assert_eq!(yard.weights(SERVICE), [5, 25, 17, 9, 0], "each part once, in order");
    let arrived: Vec<_> = yard.site(SERVICE).applied.iter().map(|order| order.arrived).collect();
    for pair in arrived[2..].windows(2) {
        assert!(pair[1] - pair[0] >= EACH, "a part stood for only {:?}", pair[1] - pair[0]);
    }
    assert!(yard.site(SERVICE).refused.is_empty());
}
