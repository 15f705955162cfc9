//! I1: every route beside the API, with every role: pages, forms, server functions, streams, flags, files of the log.

use super::rig::{Answer, Rig};
use super::routes::filled;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use std::net::SocketAddr;
use sternway_domain::access::{Action, may};
use sternway_domain::actor::Role;
use sternway_server::http::other_routes;

/// What the sender of a form wants, and where it goes: as many as the form has buttons.
type Press = (String, Vec<(&'static str, String)>, Need);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Need {
    /// Whoever may not gets 403, everybody leaves an entry.
    Act(Action),
    /// Open to whoever is there, with this status.
    Open(u16),
}
use Need::{Act, Open};

/// People, who have sessions; the others have tokens alone.
fn people() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| *role != Role::FlagClient)
}

/// A form filled in so that it reaches the application service.
fn presses(rig: &Rig, path: &str) -> Vec<Press> {
    let fields = |more: &[(&'static str, &str)]| {
        let usual = [("reason", "a test of rights"), ("expected_version", "1")];
        let all = usual.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned()));
        all.chain([("idempotency_key", rig.key())]).collect::<Vec<_>>()
    };
    let one = |need, more: &[(&'static str, &str)]| vec![(filled(path), fields(more), need)];
    let verb = |verb: &str, action| (filled(&path.replace("{verb}", verb)), act_fields(&fields(&[])), Act(action));
    let digest = format!("sha256:{:064x}", 9);
    match path {
        "/releases/new" => one(
            Act(Action::Create),
            &[
                ("how", "form"),
                ("service", "checkout"),
                ("version", "2.0.0"),
                ("digest", &digest),
                ("baseline_version", "1.41.3"),
                ("baseline_digest", &digest),
                ("plan", "none"),
                ("intent", "create"),
            ],
        ),
        "/releases/{id}/act/{verb}" => [
            ("start", Action::Start),
            ("promote", Action::Promote),
            ("hold", Action::Hold),
            ("resume", Action::Resume),
            ("rollback", Action::Rollback),
            ("rollforward", Action::Rollforward),
            ("freeze", Action::Freeze),
            ("cancel", Action::Cancel),
            ("resume_automation", Action::ResumeAutomation),
        ]
        .map(|(name, action)| verb(name, action))
        .into(),
        "/flags/{id}/{verb}" => ["on", "off"].map(|name| verb(name, Action::Flip)).into(),
        "/releases/{id}/checklist" => one(Act(Action::Check), &[("item", "none"), ("state", "open"), ("evidence", "")]),
        "/releases/{id}/saga" => one(Act(Action::Steer), &[("step", "1"), ("undo", "false"), ("choice", "stop")]),
        "/releases/{id}/data" => {
            let press = |act: &str, action| {
                (filled(path), fields(&[("migration", "none"), ("act", act), ("override", "")]), Act(action))
            };
            let moves = ["move:expand", "back", "validate:q", "sign:r"].map(|act| press(act, Action::MoveData));
            let glass = ["ask_glass", "break_glass"].map(|act| press(act, Action::BreakGlass));
            moves.into_iter().chain(glass).collect()
        }
        "/decisions/{id}/redact" => one(Act(Action::Redact), &[("take.reason", "on")]),
        // Only the demo has a bar.
        "/demo/inject" | "/demo/release" => {
            one(Open(404), &[("service", "checkout"), ("fault", "clear"), ("next", "/")])
        }
        "/signin" => one(Open(401), &[("email", "nobody@example.org"), ("password", "wrong horse")]),
        "/theme" => one(Open(303), &[("theme", "dark")]),
        "/setup/{token}" => one(Open(404), &[("name", "E"), ("email", "e@example.org"), ("password", "wrong horse")]),
        // It ends the session: asked by itself below.
        "/signout" => vec![],
        _ => panic!("POST {path} is in no table"),
    }
}

fn act_fields(usual: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let hotfix = [("why", ""), ("evidence", ""), ("override", ""), ("hotfix_version", "1.42.1")];
    let digest = ("hotfix_digest", format!("sha256:{:064x}", 7));
    usual.iter().cloned().chain(hotfix.map(|(name, value)| (name, value.to_owned()))).chain([digest]).collect()
}

fn decided(answer: &Answer, role: Role, action: Action, asked: &str) {
    let refused = answer.status == StatusCode::FORBIDDEN;
    assert_eq!(refused, !may(role, action), "{role} {asked}: {} {}", answer.status, answer.text);
    assert!(answer.status.as_u16() < 500, "{role} {asked}: {}", answer.text);
}

#[tokio::test]
async fn given_every_role_when_any_form_is_sent_then_the_table_decides_and_an_entry_is_written() {
    let rig = Rig::new().await;
    let forms: Vec<String> = other_routes()
        .into_iter()
        .filter(|(method, path)| *method == "POST" && !path.starts_with("/ui/") && !path.starts_with("/ofrep/"))
        .map(|(_, path)| path)
        .collect();
    for role in people() {
        let session = rig.session(role).await;
        for path in &forms {
            for (address, fields, need) in presses(&rig, path) {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let (before, asked) = (rig.entries().await, format!("POST {address} {fields:?}"));
                let answer = rig.form(Some(&session), &address, &fields).await;
                match need {
                    Open(status) => assert_eq!(answer.status.as_u16(), status, "{role} {asked}: {}", answer.text),
                    Act(action) => {
                        decided(&answer, role, action, &asked);
                        assert_eq!(rig.entries().await, before + 1, "{role} {asked} left no entry: {}", answer.status);
                    }
                }
            }
        }
        let out = rig.form(Some(&session), "/signout", &[]).await;
        assert_eq!(out.status, StatusCode::SEE_OTHER, "{role}");
        assert_eq!(rig.page(Some(&session), "/").await.status, StatusCode::SEE_OTHER, "{role} is still signed in");
    }
}

#[tokio::test]
async fn given_every_role_when_any_page_or_function_is_asked_then_the_table_decides() {
    let rig = Rig::new().await;
    for role in people() {
        let session = rig.session(role).await;
        for (method, path) in other_routes() {
            let (address, asked) = (filled(&path), format!("{role} {method} {path}"));
            match (method, path.as_str()) {
                ("GET", "/healthz" | "/readyz" | "/metrics" | "/api/v1/openapi.json" | "/setup/{token}") => {
                    assert_eq!(rig.page(Some(&session), &address).await.status, StatusCode::OK, "{asked}");
                }
                ("GET", "/assets/{name}") => {
                    assert_eq!(rig.page(Some(&session), &address).await.status, StatusCode::NOT_FOUND, "{asked}");
                }
                // Who is in need not come in.
                ("GET", "/signin") => {
                    assert_eq!(rig.page(Some(&session), &address).await.header("location"), "/", "{asked}");
                }
                ("GET", "/decisions/{id}/redact") => {
                    decided(&rig.page(Some(&session), &address).await, role, Action::Redact, &asked);
                }
                // By tokens: below.
                ("GET", path) if path.starts_with("/ofrep/") || path.starts_with("/log/") => {}
                ("GET", _) => {
                    let page = rig.page(Some(&session), &address).await;
                    decided(&page, role, Action::View, &asked);
                    let there = [StatusCode::OK, StatusCode::NOT_FOUND].contains(&page.status);
                    assert!(there, "{asked}: {} {}", page.status, page.header("location"));
                }
                ("POST", "/ui/page") => {
                    let ask = r#"{"ask":"services"}"#;
                    let request = Request::post(&address).header("content-type", "application/json");
                    let request = request.header("sec-fetch-site", "same-origin");
                    let request = request.header("cookie", format!("__Host-sternway={session}"));
                    let answer = rig.send(request.body(Body::from(ask)).expect("a request")).await;
                    decided(&answer, role, Action::View, &asked);
                    assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.text);
                }
                ("POST", path) if path.starts_with("/ui/") => panic!("{asked} is in no table"),
                ("POST", _) => {}
                _ => panic!("{asked} is in no table"),
            }
        }
    }
}

#[tokio::test]
async fn given_every_role_when_flags_streams_or_files_of_the_log_are_asked_with_a_token_then_the_table_decides() {
    let rig = Rig::new().await;
    for role in Role::ALL {
        let mut asked_of = 0;
        for (method, path) in other_routes() {
            let (address, asked) = (filled(&path), format!("{role} {method} {path}"));
            match (method, path.as_str()) {
                ("GET", path) if path.starts_with("/log/") => {
                    let answer = rig.get(role, &address).await;
                    let refused = answer.status == StatusCode::FORBIDDEN;
                    assert_eq!(refused, !may(role, Action::View), "{asked}: {} {}", answer.status, answer.text);
                    assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{asked}");
                }
                // Opened by the channel of an answer alone.
                ("GET", "/ofrep/v1/events") => {
                    assert_eq!(rig.get(role, &address).await.status, StatusCode::UNAUTHORIZED, "{asked}");
                    let bulk = rig.post(role, "/ofrep/v1/evaluate/flags", &serde_json::json!({})).await.json();
                    let channel = bulk["eventStreams"][0]["endpoint"]["requestUri"].as_str().expect("an address");
                    assert_eq!(begun(&rig, role, channel).await, StatusCode::OK, "{asked}");
                }
                ("POST", "/ofrep/v1/evaluate/flags") => {
                    let answer = rig.post(role, &address, &serde_json::json!({})).await;
                    decided(&answer, role, Action::Evaluate, &asked);
                    assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.text);
                }
                ("POST", "/ofrep/v1/evaluate/flags/{key}") => {
                    let answer = rig.post(role, &address, &serde_json::json!({})).await;
                    decided(&answer, role, Action::Evaluate, &asked);
                    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{asked}: {}", answer.text);
                }
                (_, path) if path.starts_with("/ofrep/") => panic!("{asked} is in no table"),
                _ => continue,
            }
            asked_of += 1;
        }
        assert!(asked_of >= 7, "{role}: {asked_of}");
        // A stream does not end: only how it begins is looked at.
        let status = begun(&rig, role, "/api/v1/events").await;
        let expected = if may(role, Action::View) { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(status, expected, "{role} GET /api/v1/events");
    }
}

/// How the answer begins; the rest of it is not waited for.
async fn begun(rig: &Rig, role: Role, address: &str) -> StatusCode {
    use tower::ServiceExt;
    let request = Request::get(address).header("authorization", format!("Bearer {}", rig.token(role)));
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
    rig.router.clone().oneshot(request).await.expect("infallible").status()
}
