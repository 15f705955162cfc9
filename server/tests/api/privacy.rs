//! What is taken out is gone, stays gone, goes by itself when it is old, and stays when it is held.

use super::rig::{Rig, new_release};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};
use std::sync::Arc;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::retention::{Class, Retention};
use sternway_domain::id::{DecisionId, PersonId};
use sternway_domain::time::Span;
use sternway_server::keeper::Keeper;
use sternway_server::serve::Base;
use sternway_server::service::{Caller, RedactRequest, Service};
use sternway_server::store::rows::Fence;
use sternway_server::system::SystemRng;
use uuid::Uuid;

pub(super) const ERIKA: &str = "Erika Mustermann called from +49 30 1234567";
const DAY: Span = Span::from_secs(86_400);

/// Where a text stands: table and column, in every table of the database.
async fn found(address: &str, text: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect(address).await.expect("opened");
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    let mut places = Vec::new();
    for table in tables {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(&mut connection).await;
        for row in rows.expect("read") {
            for at in 0..row.len() {
                let value = row.try_get_raw(at).expect("a column");
                let bytes: Vec<u8> = match value.type_info().name() {
                    "TEXT" => row.get::<String, _>(at).to_lowercase().into_bytes(),
                    "BLOB" => row.get::<Vec<u8>, _>(at).to_ascii_lowercase(),
                    _ => continue,
                };
                if holds(&bytes, text) {
                    places.push(format!("{table}.{at}: {}", String::from_utf8_lossy(&bytes)));
                }
            }
        }
    }
    connection.close().await.expect("closed");
    places
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let text = text.to_lowercase();
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

fn path(rig: &Rig) -> String {
    rig.base.config.database.strip_prefix("sqlite:").expect("a file").to_owned()
}

/// A release with this reason, cancelled; its decision's id.
pub(super) async fn cancelled(rig: &Rig, reason: &str) -> (String, String) {
    let mut body = new_release(1);
    body["reason"] = reason.into();
    let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let release = made["release"]["id"].as_str().expect("an id").to_owned();
    let cancel = json!({"reason": "not needed", "expected_version": made["release"]["version"]});
    let gone = rig.post(Role::Admin, &format!("/api/v1/releases/{release}/actions/cancel"), &cancel).await;
    assert!(gone.status.is_success(), "{}", gone.text);
    (release, made["decision"]["id"].as_str().expect("an id").to_owned())
}

pub(super) async fn redact(rig: &Rig, decision: &str, reason: &str) -> super::rig::Answer {
    let ask = json!({"reason": reason, "fields": ["reason"]});
    rig.post(Role::Admin, &format!("/api/v1/decisions/{decision}/redaction"), &ask).await
}

async fn backup(rig: &Rig, name: &str) -> String {
    let copy = format!("{}.{name}", path(rig));
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let into = format!("VACUUM INTO '{copy}'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.expect("copied");
    connection.close().await.expect("closed");
    copy
}

async fn laid(rig: &Rig, file: &str) -> Base {
    let mut config = (*rig.base.config).clone();
    config.database = format!("sqlite:{file}");
    Base::lay(config, rig.base.service.clock.clone(), Arc::new(SystemRng)).await.expect("laid")
}

/// In no table, in no answer of the API, in no file, and not in memory.
#[tokio::test]
async fn given_texts_of_a_release_and_a_flag_when_redacted_then_no_table_answer_or_file_holds_them() {
    let rig = Rig::new().await;
    let session = rig.session(Role::Admin).await;
    rig.apply("kind: Flag\nkey: pay.new\npurpose: Prices\nowner: team-pay\nexpires: 2027-06-30\n").await;
    // Enough around it that pages are split and filled again.
    for n in 0..40 {
        rig.form(None, "/signin", &[("email", &format!("nobody-{n}@example.org")), ("password", "x")]).await;
    }
    let (release, decision) = cancelled(&rig, ERIKA).await;
    let flip = json!({"enabled": false, "reason": ERIKA, "expected_version": 1});
    let flipped = rig.mutate(Method::PUT, Role::OnCall, "/api/v1/flags/pay.new", &rig.key(), &flip).await;
    assert!(flipped.status.is_success(), "{}", flipped.text);
    let flipped = flipped.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let again = json!({"enabled": true, "reason": "back again", "expected_version": 2});
    rig.mutate(Method::PUT, Role::OnCall, "/api/v1/flags/pay.new", &rig.key(), &again).await;
    for n in 40..80 {
        rig.form(None, "/signin", &[("email", &format!("nobody-{n}@example.org")), ("password", "x")]).await;
    }
    assert!(!found(&rig.base.config.database, ERIKA).await.is_empty(), "the test would find it");

    let done = redact(&rig, &decision, "she asked for it").await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let also = done.json()["also_in"].clone();
    assert_eq!(also.as_array().map(Vec::len), Some(1), "the flip says the same: {also}");
    let done = redact(&rig, &flipped, "she asked for it").await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["also_in"], json!([]));

    assert_eq!(found(&rig.base.config.database, ERIKA).await, Vec::<String>::new());
    for address in [
        format!("/api/v1/releases/{release}"),
        format!("/api/v1/releases/{release}/history"),
        format!("/api/v1/releases/{release}/decisions"),
        format!("/api/v1/decisions/{decision}"),
        format!("/api/v1/decisions/{flipped}"),
        "/api/v1/decisions?records=true&limit=200".to_owned(),
        "/api/v1/releases?limit=200".to_owned(),
        "/api/v1/flags".to_owned(),
        "/api/v1/flags/pay.new".to_owned(),
    ] {
        let answer = rig.get(Role::Auditor, &address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
        assert!(!answer.text.contains("Erika"), "{address}: {}", answer.text);
    }
    for page in [format!("/decisions/{decision}"), format!("/releases/{release}"), "/flags".into(), "/decisions".into()]
    {
        assert!(!rig.page(Some(&session), &page).await.text.contains("Erika"), "{page}");
    }
    let flags = rig.base.service.flags.current(rig.base.service.store.as_ref()).await.expect("read");
    assert!(!format!("{flags:?}").contains("Erika"), "flags in memory");
    assert!(rig.base.service.store.scrub().await.expect("asked"), "nobody reads");
    for file in [path(&rig), format!("{}-wal", path(&rig))] {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!holds(&bytes, ERIKA), "{file} of {} bytes", bytes.len());
    }
}

/// A backup brings it back; the list beside `state` takes it out again before anybody can ask.
#[tokio::test]
async fn given_a_backup_from_before_a_redaction_when_it_is_started_then_the_text_goes_again_and_the_log_says_so() {
    let rig = Rig::new().await;
    let (_, decision) = cancelled(&rig, ERIKA).await;
    let (_, other) = cancelled(&rig, "quite another text").await;
    let copy = backup(&rig, "backup").await;
    assert_eq!(redact(&rig, &decision, "she asked for it").await.status, StatusCode::OK);
    let lines = rig.base.service.ledger.lines().expect("read");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].fields, [Field::Reason]);
    assert!(!found(&format!("sqlite:{copy}"), ERIKA).await.is_empty(), "the backup has it");

    let restored = laid(&rig, &copy).await;
    assert_eq!(found(&format!("sqlite:{copy}"), ERIKA).await, Vec::<String>::new());
    let store = &restored.service.store;
    let row = store.decision(decision.parse().expect("an id")).await.expect("read").expect("there");
    assert_eq!(row.reason, "redacted");
    let kept = store.decision(other.parse().expect("an id")).await.expect("read").expect("there");
    assert_eq!(kept.reason, "quite another text");
    let newest = store.decisions(&Default::default()).await.expect("read").remove(0);
    assert_eq!((newest.action.as_str(), newest.actor_key.as_str()), ("redact", "automation:redact-again"));
    let again = store.redactions(-1, 10).await.expect("read");
    assert_eq!(again.iter().map(|row| row.by_leaf).collect::<Vec<_>>(), [newest.leaf_index]);
    // Once is enough.
    let leaves = store.head().await.expect("read").leaves;
    drop(restored);
    assert_eq!(laid(&rig, &copy).await.service.store.head().await.expect("read").leaves, leaves);
}

#[tokio::test]
async fn given_another_entry_under_the_same_number_when_started_then_its_texts_stay() {
    let rig = Rig::new().await;
    let copy = backup(&rig, "backup").await;
    let (_, decision) = cancelled(&rig, ERIKA).await;
    assert_eq!(redact(&rig, &decision, "she asked for it").await.status, StatusCode::OK);
    // After the restore other things happen, and take the numbers that were lost.
    let restored = laid(&rig, &copy).await;
    let leaves = restored.service.store.head().await.expect("read").leaves;
    for _ in 0..8 {
        refused(&restored.service, "another life").await;
    }
    drop(restored);
    let restored = laid(&rig, &copy).await;
    assert_eq!(restored.service.store.head().await.expect("read").leaves, leaves + 8);
    assert!(restored.service.store.redactions(-1, 10).await.expect("read").is_empty());
}

/// An act that is refused, from an address: an entry with a name, an address and texts.
async fn refused(service: &Service, reason: &str) {
    let actor = Actor::Person { id: PersonId(Uuid::from_u128(7)), name: "Vic Viewer".into(), role: Role::Viewer };
    let origin = Origin {
        transport: "api".into(),
        ip: Some("192.0.2.77".into()),
        user_agent: Some("curl/8".into()),
        ..Origin::default()
    };
    let request =
        RedactRequest { decision: DecisionId(Uuid::from_u128(1)), fields: Vec::new(), reason: reason.to_owned() };
    let caller = Caller { actor, origin };
    service.redact(&caller, &request, &service.clock.now().micros().to_string()).await.expect_err("a viewer");
}

/// Fields whose text is there, over all entries.
async fn there(service: &Service, wanted: &[Field]) -> usize {
    let texts = service.store.texts(0, 100_000).await.expect("read");
    texts.iter().flat_map(|row| &row.openings).filter(|opening| wanted.contains(&opening.field)).count()
}

const ADDRESSES: [Field; 2] = [Field::Ip, Field::UserAgent];

fn rule() -> Retention {
    Retention { addresses: Some(Span::from_secs(60 * 86_400)), names: None, texts: None }
}

#[tokio::test]
async fn given_old_addresses_when_the_rule_passes_then_they_go_in_batches_and_a_crash_between_two_harms_nothing() {
    let rig = Rig::new().await;
    let service = &rig.base.service;
    for _ in 0..150 {
        refused(service, "an old try").await;
    }
    let old = service.store.head().await.expect("read").leaves;
    rig.forward(Span::from_secs(61 * 86_400));
    refused(service, "a new try").await;
    let names = there(service, &[Field::ActorName, Field::Reason]).await;
    assert_eq!(there(service, &ADDRESSES).await, 302);

    // Whoever lost the lease writes nothing; the other one begins where the first one was.
    let lease = service.store.lease("retention", "test", Span::from_secs(60)).await.expect("asked").expect("free");
    let fence = Fence { lease: lease.name, token: lease.token };
    let stale = Fence { token: fence.token - 1, ..fence.clone() };
    service.retain(&rule(), Class::Addresses, -1, &stale).await.expect_err("fenced");
    assert_eq!(there(service, &ADDRESSES).await, 302);
    let batch = service.retain(&rule(), Class::Addresses, -1, &fence).await.expect("done").expect("there are some");
    assert!(batch.entries == 25 && batch.texts == 50, "{batch:?}");
    // The crash: what was done is done, and it begins from the first entry.
    let keeper = Keeper::new(service.clone(), "test".to_owned(), rule());
    assert_eq!(keeper.retain().await.expect("done"), 125);
    assert_eq!(keeper.retain().await.expect("done"), 0, "nothing twice");
    assert_eq!(there(service, &ADDRESSES).await, 2, "the new one's are kept");
    assert_eq!(there(service, &[Field::ActorName, Field::Reason]).await, names + 6, "six entries say so, with reasons");

    let redactions = service.store.redactions(-1, 100).await.expect("read");
    assert_eq!(redactions.len(), 150);
    assert!(redactions.iter().all(|row| row.leaf_index < old && row.fields == ADDRESSES));
    let list = rig.get(Role::Auditor, "/api/v1/decisions?actor=automation:retention").await.json();
    let reason = list["items"][0]["reason"].as_str().expect("a reason");
    assert_eq!(reason, "Retention: addresses are kept for 60\u{a0}days");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(6));
    assert!(service.ledger.feed(service.store.as_ref()).await.expect("read"), "other replicas hear of it");
    assert_eq!(service.ledger.lines().expect("read"), [], "the rule takes them out again by itself");
}

#[tokio::test]
async fn given_a_legal_hold_then_neither_rule_nor_person_takes_out_what_it_covers_until_it_is_released() {
    let rig = Rig::new().await;
    let service = &rig.base.service;
    let (_, decision) = cancelled(&rig, ERIKA).await;
    refused(service, "an old try").await;
    let body = json!({"service": "checkout", "reason": "the case of Mustermann"});
    let placed = rig.post(Role::Admin, "/api/v1/log/holds", &body).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let hold = placed.json()["hold"].as_str().expect("an id").to_owned();

    let held = redact(&rig, &decision, "she asked for it").await;
    assert_eq!(held.status, StatusCode::CONFLICT, "{}", held.text);
    assert!(held.text.contains(&hold) && held.json()["type"] == "urn:sternway:problem:held", "{}", held.text);
    rig.forward(Span::from_secs(61 * 86_400));
    let all = Retention { addresses: Some(DAY), names: Some(DAY), texts: Some(DAY) };
    let keeper = Keeper::new(service.clone(), "test".to_owned(), all);
    assert!(keeper.retain().await.expect("done") > 0);
    let of = |rows: Vec<sternway_server::store::rows::TextRow>, leaf: i64| {
        rows.into_iter().find(|row| row.leaf_index == leaf).map_or(0, |row| row.openings.len())
    };
    let row = service.store.decision(decision.parse().expect("an id")).await.expect("read").expect("there");
    assert_eq!(row.reason, ERIKA);
    let texts = service.store.texts(0, 1_000).await.expect("read");
    assert!(of(texts.clone(), row.leaf_index) > 2, "held");
    assert_eq!(
        of(texts, row.leaf_index + 2),
        1,
        "not held: the try that was refused; what it was about is nobody's name"
    );

    let list = rig.get(Role::Auditor, "/api/v1/log/holds").await.json();
    assert_eq!((&list["items"][0]["service"], &list["items"][0]["reason"]), (&json!("checkout"), &body["reason"]));
    let release = format!("/api/v1/log/holds/{hold}/release");
    let why = json!({"reason": "the case is closed"});
    for (role, status) in [(Role::Auditor, StatusCode::FORBIDDEN), (Role::Admin, StatusCode::OK)] {
        assert_eq!(rig.post(role, &release, &why).await.status, status);
    }
    let twice = rig.post(Role::Admin, &release, &why).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", twice.text);
    assert_eq!(redact(&rig, &decision, "she asked for it").await.status, StatusCode::OK);
    for wrong in [json!({"reason": "all of it"}), json!({"reason": "x", "service": "checkout"})] {
        let answer = rig.post(Role::Admin, "/api/v1/log/holds", &wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", answer.text);
    }
}

#[tokio::test]
async fn given_the_page_when_texts_are_taken_out_by_its_form_then_it_says_what_remains_before_and_after() {
    let rig = Rig::new().await;
    let (_, decision) = cancelled(&rig, ERIKA).await;
    let address = format!("/decisions/{decision}/redact");
    let session = rig.session(Role::Admin).await;
    let page = rig.page(Some(&session), &address).await;
    assert!(page.text.contains(ERIKA) && page.text.contains("What remains"), "{}", page.text);
    assert!(rig.page(Some(&session), &format!("/decisions/{decision}")).await.text.contains(&address), "the link");
    let before = rig.entries().await;
    let nothing = rig.form(Some(&session), &address, &[("reason", "she asked"), ("idempotency_key", "a")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", nothing.text);
    assert!(nothing.text.contains("hoose at least one"), "{}", nothing.text);
    assert_eq!(rig.entries().await, before + 1, "nothing chosen is not everything, and it is written down");
    let fields = [("reason", "she asked"), ("idempotency_key", "b"), ("take.reason", "yes"), ("take.origin.ip", "yes")];
    let done = rig.form(Some(&session), &address, &fields).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, address.as_str()), "{}", done.text);
    let after = rig.page(Some(&session), &address).await;
    assert!(!after.text.contains(ERIKA) && after.text.contains("taken out"), "{}", after.text);

    let auditor = rig.session(Role::Auditor).await;
    assert_eq!(rig.page(Some(&auditor), &address).await.status, StatusCode::FORBIDDEN);
    assert!(!rig.page(Some(&auditor), &format!("/decisions/{decision}")).await.text.contains(&address));
    let before = rig.entries().await;
    assert_eq!(rig.form(Some(&auditor), &address, &fields).await.status, StatusCode::FORBIDDEN);
    assert_eq!(rig.entries().await, before + 1);
}

/// On whose behalf, in which role, from where, through what, under which request and trace.
#[tokio::test]
async fn given_acts_through_every_door_then_their_entries_say_where_they_came_from() {
    let rig = Rig::new().await;
    let session = rig.session(Role::OnCall).await;
    rig.form(None, "/signin", &[("email", "nobody@example.org"), ("password", "wrong")]).await;
    let (id, version) = rig.running().await;
    let version = version.to_string();
    let fields = [("expected_version", version.as_str()), ("idempotency_key", "one"), ("reason", "errors are up")];
    let held = rig.form(Some(&session), &format!("/releases/{id}/act/rollback"), &fields).await;
    assert_eq!(held.status, StatusCode::SEE_OTHER, "{}", held.text);
    rig.form(Some(&session), "/signout", &[]).await;
    let list = rig.get(Role::Auditor, "/api/v1/decisions?limit=200").await.json();
    let all = list["items"].as_array().expect("a list");
    let of = |action: &str, outcome: &str| -> &Value {
        all.iter()
            .find(|item| item["action"] == action && item["outcome"] == outcome)
            .unwrap_or_else(|| panic!("{action}"))
    };
    for (action, outcome, transport, kind) in [
        ("sign_in", "accepted", "browser", "person"),
        ("sign_in", "refused", "browser", "anonymous"),
        ("sign_out", "accepted", "browser", "person"),
        ("rollback", "accepted", "browser", "person"),
        ("create", "accepted", "api", "token"),
    ] {
        let entry = &of(action, outcome)["entry"];
        assert_eq!(
            (&entry["origin"]["transport"], &entry["actor"]["kind"]),
            (&json!(transport), &json!(kind)),
            "{entry}"
        );
        for known in ["ip", "request_id", "trace_id"] {
            assert!(entry["origin"][known].is_string(), "{action} says nothing of {known}: {entry}");
        }
    }
    let entry = &of("rollback", "accepted")["entry"];
    assert!(entry["evidence"].is_string() && entry["plan"].is_string(), "{entry}");
    assert_eq!(entry["actor"]["role"], "on_call");
    let made = &of("create", "accepted")["entry"];
    assert!(made["actor"]["owner_name"].is_string(), "on whose behalf: {made}");
}
