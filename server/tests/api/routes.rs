//! Every route with nobody, and with every role; and what of it is written down.

use super::rig::{Rig, new_release};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sternway_domain::access::{Action, may};
use sternway_domain::actor::Role;
use sternway_server::http::{READ, openapi, other_routes, unlogged, why_unlogged};

/// What is refused for a query that is missing before anybody is asked who they are.
const NEEDS_QUERY: [&str; 3] =
    ["/api/v1/log/consistency", "/api/v1/plans/{name}/expected", "/api/v1/releases/{id}/preview/rollforward"];
const NO_ID: &str = "00000000-0000-7000-8000-000000000000";

/// Method and address of every operation of the API.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(openapi()).expect("json");
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            all.push((method.to_uppercase().parse().expect("a method"), path.clone()));
        }
    }
    assert!(all.len() > 20, "the document is empty");
    all
}

/// What each mutation needs, and a body that reaches the application service. Reading needs [`Action::View`], except
/// that of people.
fn mutation(method: &Method, path: &str) -> Option<(Action, Value)> {
    let act = json!({"reason": "a test of rights", "expected_version": 1});
    Some(match (method.as_str(), path) {
        ("POST", "/api/v1/releases") => (Action::Create, new_release(2)),
        ("POST", "/api/v1/releases/{id}/checklist/{item}") => {
            (Action::Check, json!({"state": "open", "expected_version": 1}))
        }
        ("POST", "/api/v1/people") => {
            let new = json!({"name": "N", "login": "new@example.org", "role": "viewer", "password": "six small boats"});
            (Action::ManagePeople, new)
        }
        ("PATCH", "/api/v1/people/{id}") => (Action::ManagePeople, json!({"name": "M", "reason": "a test"})),
        ("POST", "/api/v1/tokens") => (Action::ManageTokens, json!({"name": "t", "role": "viewer"})),
        ("DELETE", "/api/v1/tokens/{id}") => (Action::ManageTokens, json!({})),
        ("PUT", "/api/v1/flags/{key}") => {
            (Action::Flip, json!({"enabled": false, "reason": "a test of rights", "expected_version": 1}))
        }
        ("PUT", "/api/v1/flags/{key}/split") => {
            (Action::Flip, json!({"split": [], "reason": "a test of rights", "expected_version": 1}))
        }
        ("POST", "/api/v1/flags/{key}/retire") => (Action::Apply, act),
        ("POST", "/api/v1/decisions/{id}/redaction") => (Action::Redact, json!({"reason": "a test of rights"})),
        ("POST", "/api/v1/log/key") => (Action::ChangeKey, json!({"reason": "a test of rights"})),
        ("POST", "/api/v1/log/holds") => {
            (Action::LegalHold, json!({"service": "checkout", "reason": "a test of rights"}))
        }
        ("POST", "/api/v1/log/holds/{id}/release") => (Action::LegalHold, json!({"reason": "a test of rights"})),
        ("POST", "/api/v1/alarms/test") => (Action::TestAlarms, json!({"reason": "a test of rights"})),
        ("POST", "/api/v1/restore") => (Action::Resume, json!({"reason": "a test of rights"})),
        ("POST", "/api/v1/apply") => (Action::Apply, json!({"files": [], "reason": "a test"})),
        ("POST", "/api/v1/releases/{id}/saga/{choice}") => {
            (Action::Steer, json!({"reason": "a test of rights", "expected_version": 1}))
        }
        ("POST", path) if path.starts_with("/api/v1/releases/{id}/migrations/{name}/") => {
            let asked =
                json!({"reason": "a test of rights", "expected_version": 1, "to": "expand", "query": "q", "role": "r"});
            let glass = path.ends_with("_glass");
            (if glass { Action::BreakGlass } else { Action::MoveData }, asked)
        }
        ("POST", path) => {
            let verb = path.strip_prefix("/api/v1/releases/{id}/actions/")?;
            let action = Action::ALL.into_iter().find(|action| action.as_str() == verb)?;
            let hotfix = json!({"version": "1.42.1", "digest": format!("sha256:{:064x}", 7)});
            let mut act = act;
            if verb == "rollforward" {
                act["hotfix"] = hotfix;
            }
            (action, act)
        }
        _ => return None,
    })
}

/// The verbs stand for themselves.
fn unfolded() -> Vec<(Method, String)> {
    let verbs =
        ["start", "promote", "hold", "resume", "rollback", "rollforward", "freeze", "cancel", "resume_automation"];
    let data = ["move", "back", "validate", "sign", "ask_glass", "break_glass"];
    let mut all = Vec::new();
    for (method, path) in operations() {
        match (path.strip_suffix("{verb}"), path.strip_suffix("{act}")) {
            (Some(head), _) => all.extend(verbs.map(|verb| (method.clone(), format!("{head}{verb}")))),
            (_, Some(head)) => all.extend(data.map(|act| (method.clone(), format!("{head}{act}")))),
            _ => all.push((method, path)),
        }
    }
    all
}

pub(super) fn filled(path: &str) -> String {
    let digest = format!("sha256:{:064x}", 5);
    let kind = if path.contains("/schemas/") { "Plan" } else { "none" };
    path.replace("{id}", NO_ID)
        .replace("{name}", "none")
        .replace("{item}", "none")
        .replace("{digest}", &digest)
        .replace("{kind}", kind)
        .replace("{verb}", "hold")
        .replace("{act}", "move")
        .replace("{token}", "none")
        .replace("{place}", "0/000.p/1")
        .replace("{choice}", "stop")
        .replace("{key}", "none")
}

#[tokio::test]
async fn given_nobody_when_any_route_of_the_api_is_asked_then_401_and_nothing_is_written() {
    let rig = Rig::new().await;
    let before = rig.entries().await;
    for (method, path) in unfolded() {
        let request = Request::builder().method(method.clone()).uri(filled(&path)).header("idempotency-key", "k");
        let body = mutation(&method, &path).map_or(Value::Null, |(_, body)| body).to_string();
        let request = request.header("content-type", "application/json").body(Body::from(body)).expect("a request");
        let answer = rig.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
    }
    assert_eq!(rig.entries().await, before);
}

#[tokio::test]
async fn given_every_role_when_any_mutation_is_asked_then_the_table_decides_and_an_entry_is_written() {
    let rig = Rig::new().await;
    for (method, path) in unfolded().into_iter().filter(|(method, _)| method != Method::GET) {
        let (action, body) = mutation(&method, &path).unwrap_or_else(|| panic!("{method} {path} is in no table"));
        for role in Role::ALL {
            let before = rig.entries().await;
            let answer = rig.mutate(method.clone(), role, &filled(&path), &rig.key(), &body).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !may(role, action), "{role} {method} {path}: {} {}", answer.status, answer.text);
            assert!(!answer.status.is_server_error(), "{role} {method} {path}: {}", answer.text);
            assert_eq!(rig.entries().await, before + 1, "{role} {method} {path} left no entry: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn given_every_role_when_anything_is_read_then_only_people_are_kept_from_them() {
    let rig = Rig::new().await;
    for (method, path) in operations().into_iter().filter(|(method, _)| method == Method::GET) {
        if path.ends_with("/events") {
            continue; // A stream does not end; it has tests of its own.
        }
        for role in Role::ALL {
            let answer = rig.get(role, &filled(&path)).await;
            if role == Role::FlagClient {
                // It may read nothing; where a query is missing, that is said first.
                let expected =
                    if NEEDS_QUERY.contains(&path.as_str()) { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
                assert_eq!(answer.status, expected, "{role} {path}: {}", answer.text);
                continue;
            }
            let expected = path == "/api/v1/people" && !may(role, Action::ViewPeople);
            assert_eq!(answer.status == StatusCode::FORBIDDEN, expected, "{role} {method} {path}: {}", answer.text);
            assert!(answer.status.as_u16() < 500 && answer.status != StatusCode::UNAUTHORIZED, "{role} {path}");
        }
    }
}

#[tokio::test]
async fn given_nobody_when_any_other_route_is_asked_then_only_the_door_and_the_operators_pages_open() {
    let rig = Rig::new().await;
    let open = ["/healthz", "/readyz", "/metrics", "/signin", "/setup/{token}"];
    for (method, path) in other_routes() {
        let (address, asked) = (filled(&path), format!("{method} {path}"));
        let answer = match method {
            "GET" => rig.page(None, &address).await,
            _ if path.starts_with("/ui/") || path.starts_with("/ofrep/") => {
                let request = Request::post(&address).header("content-type", "application/json");
                rig.send(request.body(Body::from("{}")).expect("a request")).await
            }
            _ => rig.form(None, &address, &[]).await,
        };
        let status = answer.status.as_u16();
        match (method, path.as_str()) {
            ("GET", path) if open.contains(&path) => assert_eq!(status, 200, "{asked}: {}", answer.text),
            ("GET", "/api/v1/openapi.json") => assert_eq!(status, 401, "{asked}"),
            (_, path) if path.starts_with("/ofrep/") => assert_eq!(status, 401, "{asked}: {}", answer.text),
            ("GET", path) if path.starts_with("/log/") => assert_eq!(status, 401, "{asked}: {}", answer.text),
            ("GET", "/assets/{name}") => assert_eq!(status, 404, "{asked}"),
            ("POST", "/signin") => assert_eq!(status, 401, "{asked}"),
            ("POST", "/setup/{token}") => assert_eq!(status, 404, "{asked}"),
            ("POST", "/theme") => assert_eq!(status, 303, "{asked}"),
            ("POST", path) if path.starts_with("/ui/") => assert!((400..500).contains(&status), "{asked}: {status}"),
            // A form or page for an id that cannot be one does not exist; all others lead to the door.
            _ => {
                assert_eq!(status, 303, "{asked}: {}", answer.text);
                assert!(answer.header("location").starts_with("/signin"), "{asked}: {}", answer.header("location"));
            }
        }
    }
}

#[tokio::test]
async fn given_an_address_or_method_that_is_not_served_when_asked_then_404_or_405_in_the_form_of_the_place() {
    let rig = Rig::new().await;
    let nothing = rig.get(Role::Admin, "/api/v1/nothing").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert_eq!(nothing.json()["instance"], "/api/v1/nothing");
    assert_eq!(rig.page(None, "/no/such/page").await.status, StatusCode::NOT_FOUND);
    let wrong = rig.mutate(Method::PUT, Role::Admin, "/api/v1/releases", "k", &json!({})).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    assert!(wrong.header("allow").contains("POST"), "{}", wrong.header("allow"));
    let trace = Request::builder().method(Method::TRACE).uri("/").body(Body::empty()).expect("a request");
    assert_eq!(rig.send(trace).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// The printed list is the router's: each address leaves an entry, or it is said why not.
#[tokio::test]
async fn given_every_route_then_it_leaves_an_entry_or_stands_on_the_printed_list() {
    let api = operations().into_iter().map(|(method, path)| (method.to_string(), path));
    let others = other_routes().into_iter().map(|(method, path)| (method.to_owned(), path));
    let all: Vec<(String, String)> = api.chain(others).collect();
    for (method, path) in &all {
        let read = READ.contains(&format!("{method} {path}").as_str());
        let unlogged = why_unlogged(method, path).is_some();
        // What is taken out is an act, each time: there is nothing to send but the question.
        let act = (method != "GET" || path == "/api/v1/evidence-pack") && !read;
        assert!(!(read && unlogged), "{method} {path} stands there twice");
        assert!(read || unlogged || act, "say in `http/unlogged.rs` whether reading {method} {path} leaves an entry");
    }
    let served: Vec<String> = all.iter().map(|(method, path)| format!("{method} {path}")).collect();
    for line in unlogged().lines().filter_map(|line| line.strip_prefix("  ")) {
        assert!(served.iter().any(|route| route == line), "{line} is on the list and not served");
    }

    let rig = Rig::new().await;
    let (release, _) = rig.ready().await;
    let list = rig.get(Role::Admin, "/api/v1/decisions?action=create").await.json();
    let decision = list["items"][0]["id"].as_str().expect("a decision").to_owned();
    let evidence = list["items"][0]["evidence"].as_str().map(str::to_owned);
    let session = rig.session(Role::Admin).await;
    for (_, path) in all.iter().filter(|(method, path)| method == "GET" && !path.ends_with("/events")) {
        let id = if path.contains("decisions/{id}") { &decision } else { &release };
        let mut address = filled(&path.replace("{id}", id).replace("{key}", "none"));
        match &evidence {
            Some(digest) if path.contains("{digest}") => address = format!("/api/v1/evidence/{digest}"),
            _ if path.contains("{digest}") => continue,
            _ => {}
        }
        let before = rig.entries().await;
        let browser = !path.starts_with("/api/") && !path.starts_with("/log/");
        let answer = match browser {
            true => rig.page(Some(&session), &address).await,
            false => rig.get(Role::Auditor, &address).await,
        };
        let written = rig.entries().await - before;
        let read = READ.contains(&format!("GET {path}").as_str());
        // What was read through another address within the hour is not written down again.
        assert!(written <= usize::from(read), "GET {path} left {written} entries: {}", answer.status);
    }
}

/// Personal data, once an hour, by whom and of what; and nobody is woken by it.
#[tokio::test]
async fn given_somebody_who_reads_the_log_then_that_is_an_entry_once_an_hour_and_no_page_hears_of_it() {
    let rig = Rig::new().await;
    rig.ready().await;
    let list = rig.get(Role::Admin, "/api/v1/decisions?action=create").await.json();
    let item = &list["items"][0];
    let (id, digest) = (item["id"].as_str().expect("an id"), item["evidence"].as_str());
    let mut paths = vec![
        "/api/v1/decisions".to_owned(),
        "/api/v1/decisions?q=Erika".to_owned(),
        format!("/api/v1/decisions/{id}"),
        format!("/api/v1/releases/{}/decisions", item["release"].as_str().expect("a release")),
        "/api/v1/people".to_owned(),
    ];
    paths.extend(digest.map(|digest| format!("/api/v1/evidence/{digest}")));
    let mut heard = rig.base.service.bus.subscribe();
    for path in &paths {
        let before = rig.entries().await;
        for _ in 0..3 {
            assert_eq!(rig.get(Role::Auditor, path).await.status, StatusCode::OK, "{path}");
        }
        assert_eq!(rig.entries().await, before + 1, "{path}");
        assert_eq!(
            rig.get(Role::Auditor, &format!("{path}{}", if path.contains("/decisions?") { "&limit=1" } else { "" }))
                .await
                .status,
            StatusCode::OK
        );
        assert_eq!(rig.entries().await, before + 1, "another page of the same list, {path}");
        assert!(heard.try_recv().is_err(), "{path} woke somebody");
    }
    let before = rig.entries().await;
    rig.get(Role::Viewer, &paths[0]).await;
    assert_eq!(rig.entries().await, before + 1, "somebody else");
    rig.forward(sternway_domain::time::Span::from_secs(3_600));
    rig.get(Role::Auditor, &paths[2]).await;
    assert_eq!(rig.entries().await, before + 2, "an hour later");

    // Lists leave these out unless asked; each says who read what, and points to it.
    let usual = rig.get(Role::Auditor, "/api/v1/decisions?limit=200").await.json();
    assert!(usual["items"].as_array().expect("a list").iter().all(|item| item["action"] != "read"));
    let reads = rig.get(Role::Auditor, "/api/v1/decisions?action=read&limit=200").await.json();
    let reads = reads["items"].as_array().expect("a list");
    let of_it =
        reads.iter().find(|read| read["entry"]["target"]["names"][0] == format!("decision {id}")).expect("read");
    assert!(of_it["actor"].as_str().is_some_and(|actor| actor.contains("auditor")), "{of_it}");
    let newest = of_it["leaf_index"].as_i64().expect("a number");
    let entry = rig.base.service.store.leaves(newest, 1).await.expect("read").remove(0).entry;
    let entry = String::from_utf8(entry).expect("JSON");
    assert!(entry.contains(r#""as":"reads""#) && !entry.contains("Erika"), "{entry}");

    // Who may not is written down, too, and not for each try.
    let before = rig.entries().await;
    for _ in 0..3 {
        assert_eq!(rig.get(Role::Viewer, "/api/v1/people").await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(rig.entries().await, before + 1);

    // What it was hashed from holds the same texts.
    let before = rig.entries().await;
    assert_eq!(rig.get(Role::Admin, &format!("{}/entry", paths[2])).await.status, StatusCode::OK);
    assert_eq!(rig.entries().await, before + 1);
}
