//! Data migrations: planned with their release, moved under conditions, asked by query, past the point of no return.

use super::rig::{Answer, Rig, new_release};
use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use sternway_domain::actor::Role;
use sternway_domain::time::Span;

const MIGRATION: &str = "
kind: Migration
name: order-status
component: checkout
description: '`status` becomes `order_status`.'
connection: orders
data_loss: Orders changed since then lose their status.
queries:
  missing:
    sql: SELECT count(*) FROM orders WHERE order_status IS NULL
    expect: { equals: 0 }
enter:
  switch_reads: [{ validated: { query: missing, within: 10m } }]
  contract: [{ lasted: 1h }, { signed_by: data owner }]
";

const AT: &str = "/migrations/order-status";

struct Data {
    rig: Rig,
    id: String,
}

impl Data {
    async fn new() -> Self {
        let rig = Rig::new().await;
        rig.apply(MIGRATION).await;
        let mut wanted = new_release(3);
        wanted["migrations"] = json!(["order-status"]);
        let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &wanted).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let id = made.json()["release"]["id"].as_str().expect("an id").to_owned();
        Self { rig, id }
    }

    /// Rows of the user's database: how many have no new status yet.
    async fn orders(&self, missing: usize) {
        let address = format!("{}?mode=rwc", self.rig.orders());
        let mut connection = SqliteConnection::connect(&address).await.expect("opened");
        let table = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, order_status TEXT)";
        sqlx::raw_sql(table).execute(&mut connection).await.expect("made");
        sqlx::raw_sql("DELETE FROM orders").execute(&mut connection).await.expect("emptied");
        for _ in 0..missing {
            sqlx::raw_sql("INSERT INTO orders (order_status) VALUES (NULL)")
                .execute(&mut connection)
                .await
                .expect("put");
        }
        connection.close().await.expect("closed");
    }

    async fn read(&self) -> Value {
        let answer = self.rig.get(Role::Viewer, &format!("/api/v1/releases/{}/migrations", self.id)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["items"][0].clone()
    }

    async fn act(&self, role: Role, act: &str, mut body: Value) -> Answer {
        body["expected_version"] = self.read().await["version"].clone();
        body["reason"] = json!("as planned");
        self.rig.post(role, &format!("/api/v1/releases/{}{AT}/{act}", self.id), &body).await
    }

    async fn taken(&self, act: &str, body: Value) -> Value {
        let answer = self.act(Role::OnCall, act, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{act}: {}", answer.text);
        answer.json()
    }

    /// Through all phases up to this one, whatever is missing.
    async fn up_to(&self, last: &str) {
        for to in ["expand", "dual_write", "backfill", "switch_reads", "contract"] {
            self.taken("move", json!({"to": to, "override": true})).await;
            if to == last {
                return;
            }
        }
    }

    async fn roll_back(&self, role: Role) -> Answer {
        let path = format!("/api/v1/releases/{}", self.id);
        let version = self.rig.get(Role::Viewer, &path).await.json()["version"].clone();
        let body = json!({"reason": "errors everywhere", "expected_version": version});
        self.rig.post(role, &format!("{path}/actions/rollback"), &body).await
    }

    async fn start(&self) {
        let body = json!({"reason": "as planned", "expected_version": 1});
        let started =
            self.rig.post(Role::ReleaseManager, &format!("/api/v1/releases/{}/actions/start", self.id), &body).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
    }

    async fn newest(&self) -> Value {
        self.rig.get(Role::Auditor, "/api/v1/decisions?limit=1").await.json()["items"][0].clone()
    }
}

#[tokio::test]
async fn given_a_release_with_a_migration_then_it_is_pinned_with_it_and_moves_under_its_conditions() {
    let data = Data::new().await;
    let planned = data.read().await;
    assert_eq!((planned["phase"].as_str(), planned["version"].as_i64()), (Some("planned"), Some(1)));
    assert_eq!(planned["safety"], "`order-status` is at `planned`: going back changes no data.");
    // Another version of the document is none of this release's business.
    data.rig.apply(&MIGRATION.replace("lose their status", "lose everything")).await;
    assert_eq!(data.read().await["data_loss"], "Orders changed since then lose their status.");

    data.up_to("backfill").await;
    data.orders(2).await;
    let refused = data.act(Role::OnCall, "move", json!({"to": "switch_reads"})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("the query `missing` has not been run in this phase"), "{}", refused.text);
    assert_eq!(data.newest().await["outcome"], "refused");

    let bad = data.taken("validate", json!({"query": "missing"})).await;
    assert_eq!(bad["said"], "query `missing` is not good: gave 2, wanted exactly 0");
    let refused = data.act(Role::OnCall, "move", json!({"to": "switch_reads"})).await;
    assert!(refused.text.contains("gave 2, wanted exactly 0"), "{}", refused.text);

    data.orders(0).await;
    data.taken("validate", json!({"query": "missing"})).await;
    data.taken("move", json!({"to": "switch_reads"})).await;
    let read = data.read().await;
    assert_eq!((read["phase"].as_str(), read["past_no_return"].as_bool()), (Some("switch_reads"), Some(false)));
    assert!(read["safety"].as_str().is_some_and(|text| text.contains("last safe rollback point")), "{read}");
    let moves = read["moves"].as_array().expect("moves");
    assert_eq!((moves.len(), moves[3]["by"].as_str()), (4, Some("test for The on call")));
    assert_eq!(moves[3]["overridden"], json!([]));

    data.taken("sign", json!({"role": "data owner"})).await;
    data.rig.forward(Span::from_secs(3600));
    data.taken("move", json!({"to": "contract"})).await;
    assert_eq!(data.newest().await["action"], "move_data");
}

#[tokio::test]
async fn given_a_query_that_cannot_run_then_the_error_is_kept_and_is_no_answer() {
    let data = Data::new().await;
    let said = data.taken("validate", json!({"query": "missing"})).await["said"].clone();
    assert!(said.as_str().is_some_and(|text| text.contains("not good: connection `orders`: ")), "{said}");
    assert_eq!(data.read().await["queries"][0]["result"]["value"], Value::Null);
    let unknown = data.act(Role::OnCall, "validate", json!({"query": "ghost"})).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn given_documents_or_releases_that_do_not_fit_then_the_field_is_named() {
    let rig = Rig::new().await;
    let body = |text: String| json!({"files": [{"path": "m.yaml", "text": text}], "reason": "a test"});
    let elsewhere = MIGRATION.replace("connection: orders", "connection: elsewhere");
    let answer = rig.post(Role::Admin, "/api/v1/apply", &body(elsewhere)).await;
    assert_eq!(answer.json()["documents"][0]["field"], "connection", "{}", answer.text);
    let writes = MIGRATION.replace("SELECT count(*) FROM", "DELETE FROM");
    let answer = rig.post(Role::Admin, "/api/v1/apply", &body(writes)).await;
    assert_eq!(answer.json()["documents"][0]["field"], "queries.missing.sql", "{}", answer.text);
    assert_eq!(answer.json()["documents"][0]["line"], 10);
    let applied = rig.apply(&MIGRATION.replace("[{ lasted: 1h }, { signed_by: data owner }]", "[]")).await;
    let finding = applied["documents"][0]["findings"][0].as_str().unwrap_or_default().to_owned();
    assert!(finding.starts_with("`enter.contract`: the contract may come at once"), "{finding}");

    let mut wanted = new_release(4);
    wanted["migrations"] = json!(["order-status", "ghost"]);
    let answer = rig.post(Role::ReleaseManager, "/api/v1/releases", &wanted).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("there is no migration `ghost`"), "{}", answer.text);
    rig.apply("kind: Service\nname: cart\ntraffic: memory\nsignals: memory\n").await;
    rig.apply(&MIGRATION.replace("component: checkout", "component: cart")).await;
    wanted["migrations"] = json!(["order-status"]);
    let answer = rig.post(Role::ReleaseManager, "/api/v1/releases", &wanted).await;
    assert!(answer.text.contains("belongs to `cart`, which does not move in this release"), "{}", answer.text);
}

#[tokio::test]
async fn given_a_stale_version_or_the_same_key_again_then_the_contract_holds() {
    let data = Data::new().await;
    let path = format!("/api/v1/releases/{}{AT}/move", data.id);
    let body = json!({"to": "expand", "reason": "as planned", "expected_version": 1});
    let post = axum::http::Method::POST;
    let first = data.rig.mutate(post.clone(), Role::OnCall, &path, "once", &body).await;
    let entries = data.rig.entries().await;
    let again = data.rig.mutate(post.clone(), Role::OnCall, &path, "once", &body).await;
    assert_eq!((first.json(), data.rig.entries().await), (again.json(), entries), "twice is once");
    let stale = data.rig.mutate(post, Role::OnCall, &path, "other", &body).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    assert_eq!(
        (stale.json()["expected_version"].clone(), stale.json()["actual_version"].clone()),
        (json!(1), json!(2))
    );
    assert_eq!(data.rig.entries().await, entries + 1);
    let short = data.act(Role::OnCall, "back", json!({})).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing to take back: {}", short.text);
}

#[tokio::test]
async fn given_data_past_no_return_then_rollback_and_its_preview_are_refused_in_the_same_words() {
    let data = Data::new().await;
    data.start().await;
    data.up_to("contract").await;
    let refused = data.roll_back(Role::OnCall).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:sternway:problem:past-no-return");
    assert_eq!(problem["data_loss"], "Orders changed since then lose their status.");
    assert_eq!(problem["instead"], json!(["freeze", "roll_forward"]));
    let detail = problem["detail"].as_str().expect("words").to_owned();
    for part in
        ["`checkout` cannot go back", "past its last safe rollback point `switch reads`", "roll forward: a hotfix"]
    {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let preview = data.rig.get(Role::Viewer, &format!("/api/v1/releases/{}/preview/rollback", data.id)).await;
    assert_eq!((preview.status, &preview.json()["detail"]), (StatusCode::CONFLICT, &problem["detail"]));
    let newest = data.newest().await;
    assert_eq!((newest["action"].as_str(), newest["outcome"].as_str()), (Some("rollback"), Some("refused")));
    let state = data.rig.get(Role::Viewer, &format!("/api/v1/releases/{}", data.id)).await.json()["state"].clone();
    assert_eq!(state, "running");
}

#[tokio::test]
async fn given_two_people_when_the_glass_is_broken_then_it_goes_back_by_hand_and_says_so() {
    let data = Data::new().await;
    data.start().await;
    data.up_to("contract").await;
    let early = data.act(Role::OnCall, "break_glass", json!({})).await;
    assert!(early.text.contains("Nobody has asked to break the glass"), "{}", early.text);
    data.taken("ask_glass", json!({})).await;
    assert_eq!(data.read().await["glass_asked"]["by"], "test for The on call");
    let same = data.act(Role::OnCall, "break_glass", json!({})).await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(same.text.contains("A second person must confirm"), "{}", same.text);
    assert_eq!(data.roll_back(Role::OnCall).await.status, StatusCode::CONFLICT, "one person is not two");
    assert_eq!(data.act(Role::Viewer, "break_glass", json!({})).await.status, StatusCode::FORBIDDEN);

    let broken = data.act(Role::Admin, "break_glass", json!({})).await;
    assert_eq!(broken.status, StatusCode::OK, "{}", broken.text);
    let notice = data.read().await["glass_broken"].as_str().expect("a notice").to_owned();
    assert!(notice.starts_with("Glass broken by test for The on call and test for Ada Min: as planned."), "{notice}");
    let preview = data.rig.get(Role::Viewer, &format!("/api/v1/releases/{}/preview/rollback", data.id)).await.json();
    assert_eq!(preview["warnings"].as_array().and_then(|all| all.last()), Some(&json!(notice)));

    let back = data.roll_back(Role::OnCall).await;
    assert_eq!(back.status, StatusCode::ACCEPTED, "{}", back.text);
    let id = back.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let decision = data.rig.get(Role::Auditor, &format!("/api/v1/decisions/{id}")).await.json();
    assert_eq!(decision["entry"]["overridden"], json!([notice]));
    let saga = data.rig.get(Role::Viewer, &format!("/api/v1/releases/{}/saga", data.id)).await.json();
    let titles: Vec<&str> =
        saga["steps"].as_array().expect("steps").iter().filter_map(|s| s["title"].as_str()).collect();
    assert!(titles.contains(&"Repair the data of `order-status`: the glass is broken"), "{titles:?}");
    // Data goes forward no more.
    let forward = data.act(Role::OnCall, "move", json!({"to": "contract"})).await;
    assert!(forward.text.contains("data goes forward no more"), "{}", forward.text);
}

#[tokio::test]
async fn given_a_rollback_and_a_last_move_at_the_same_moment_then_never_both() {
    let (mut back, mut forward) = (0, 0);
    for _ in 0..6 {
        let data = Data::new().await;
        data.start().await;
        data.up_to("switch_reads").await;
        let last = json!({"to": "contract", "override": true});
        let (rolled, moved) = tokio::join!(data.roll_back(Role::Admin), data.act(Role::OnCall, "move", last));
        let (rolled, moved) = (rolled.status == StatusCode::ACCEPTED, moved.status == StatusCode::OK);
        assert!(!(rolled && moved), "going back while the old data goes away would lose it");
        back += usize::from(rolled);
        forward += usize::from(moved);
        let phase = data.read().await["phase"].clone();
        assert_eq!(phase == "contract", moved, "{phase}");
    }
    assert!(back + forward > 0, "one of them gets through");
}

#[tokio::test]
async fn given_a_wish_that_is_an_hour_old_then_it_is_asked_anew() {
    let data = Data::new().await;
    data.up_to("contract").await;
    data.taken("ask_glass", json!({})).await;
    data.rig.forward(Span::from_secs(3600));
    let late = data.act(Role::Admin, "break_glass", json!({})).await;
    assert!(late.text.contains("Nobody has asked"), "{}", late.text);
    assert_eq!(data.read().await["glass_asked"], Value::Null);
}
