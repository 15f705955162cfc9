//! What people are told holds the newest signed head of the decision log, and that it left is remembered.

use super::support::Desk;
use super::yard::{Yard, plan};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use sternway_domain::component::Scope;
use sternway_domain::service::Secret;
use sternway_domain::time::Span;
use sternway_server::notary::Signer;
use sternway_server::service::Wanted;
use sternway_server::steps::settings::{Channel, StepSettings};

const SERVICE: &str = "checkout";

#[tokio::test]
async fn given_a_channel_when_a_rollback_is_told_then_the_log_has_left_the_house_with_it() {
    let (yard, desk) = (Yard::start().await, Desk::new().await);
    let got: Arc<Mutex<Vec<Value>>> = Arc::default();
    let keep = got.clone();
    let take = move |body: Bytes| {
        keep.lock().expect("nobody panicked").push(serde_json::from_slice(&body).expect("JSON"));
        async { StatusCode::NO_CONTENT }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let router = Router::new().route("/hook", post(take));
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });

    let mut document = yard.document(SERVICE);
    document["rollback"] = json!({"recovery": {"steady": "1s", "max_age": "10s"}, "tell": ["ops", "nobody"]});
    desk.apply(plan("manual"), document).await;
    let channels = [("ops".to_owned(), Channel::Webhook { url: Secret::Value(url), secret: None })].into();
    let engine = desk.engine_with("one", Span::from_secs(5), StepSettings { channels, ..StepSettings::default() });
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "the first stage is confirmed", |release| release.confirmed()).await;
    Signer::new(desk.service.clone(), "test".to_owned()).turn().await;
    let head = desk.service.signed_head().await.expect("read").expect("signed");
    assert_eq!(desk.service.store.outside().await.expect("read"), []);
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");

    let rows = desk
        .until("it is remembered that a head left", async || {
            let rows = desk.service.store.outside().await.expect("read");
            (!rows.is_empty()).then_some(rows)
        })
        .await;
    let [row] = &rows[..] else { panic!("only who surely has it: {rows:?}") };
    assert_eq!((row.way.as_str(), row.who.as_str(), row.size), ("channel", "ops", head.row.size));
    assert_eq!(row.note, head.row.note);
    let message = got.lock().expect("nobody panicked")[0].clone();
    assert_eq!(message["log_checkpoint"], head.row.note.as_str());
    // Counted after it is written: a moment later than the row is there.
    let counted = "sternway_log_confirmed_timestamp_seconds{way=\"channel\"}";
    desk.until("it is counted", async || desk.service.metrics.text().contains(counted).then_some(())).await;
    engine.stop().await;
    task.abort();
}
