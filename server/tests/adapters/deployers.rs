//! The webhook deployer against a program that keeps keys and tokens as the wire asks for, and against bad ones; the
//! table in memory beside it.

use super::support::{hands, order, question};
use super::webhook::signed;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use sternway_domain::deploy::Deploy;
use sternway_domain::id::ServiceName;
use sternway_domain::saga::Answer;
use sternway_domain::time::Span;
use sternway_peers::free_port;
use sternway_server::ports::Deployer;
use sternway_server::steps::deploy::Behaviour;
use sternway_server::steps::settings::StepSettings;

const SECRETS: &[(&str, &str)] = &[("STERNWAY_SECRET_HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];

#[derive(Clone, Default)]
struct Program(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    deployed: Vec<String>,
    token: u64,
    keys: BTreeMap<String, Value>,
    refused: BTreeMap<String, u64>,
    /// Answers to give before working.
    answers: VecDeque<Response>,
    /// Whether a deployment is under way first.
    slow: bool,
    asked: u32,
}

impl Program {
    async fn start(&self) -> String {
        let routes = Router::new().route("/deploy", post(told)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}/deploy")
    }

    fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().expect("no test panics in here"))
    }
}

async fn told(State(program): State<Program>, headers: HeaderMap, body: Bytes) -> Response {
    if !signed(&headers, &body, SECRETS[0].1) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let data = &body["data"];
    let (token, attempt) = (data["token"].as_u64().expect("a token"), data["attempt"].as_u64().expect("a try"));
    program.look(|seen| {
        if let Some(answer) = seen.answers.pop_front() {
            return answer;
        }
        if token < seen.token {
            return axum::Json(json!({"status": "refused", "output": "older token"})).into_response();
        }
        seen.token = token;
        let answer = match body["type"].as_str() {
            Some("deploy.ask") => {
                seen.asked += 1;
                let key = data["ask"].as_str().expect("a key").to_owned();
                match seen.keys.get_mut(&key) {
                    Some(known) => std::mem::replace(known, json!({"status": "done", "output": "in the end"})),
                    None => {
                        seen.refused.insert(key, attempt);
                        json!({"status": "never"})
                    }
                }
            }
            Some("deploy.order") => {
                let key = data["key"].as_str().expect("a key").to_owned();
                assert_eq!(headers["webhook-id"], key.as_str());
                assert!(data["deadline"].as_str().is_some_and(|text| text.ends_with('Z')));
                if let Some(known) = seen.keys.get(&key) {
                    known.clone()
                } else if seen.refused.get(&key).is_some_and(|newest| attempt <= *newest) {
                    json!({"status": "refused", "output": "it was said never to have come"})
                } else {
                    seen.deployed.push(data["version"].as_str().expect("a version").to_owned());
                    let status = if seen.slow { "running" } else { "done" };
                    let answer = json!({"status": status, "output": "rolled out"});
                    seen.keys.insert(key, answer.clone());
                    answer
                }
            }
            other => panic!("{other:?}"),
        };
        axum::Json(answer).into_response()
    })
}

fn deployer(url: &str) -> Arc<dyn Deployer> {
    let deploy = json!({"webhook": {"url": url, "secret": {"env": "STERNWAY_SECRET_HOOK"}, "timeout": "1s"}});
    let deploy: Deploy = serde_json::from_value(deploy).expect("well-formed");
    let service = ServiceName::new("checkout").expect("a name");
    hands(StepSettings::default(), SECRETS).deployer(&service, &deploy).expect("can be built")
}

fn minute() -> Span {
    Span::from_secs(60)
}

#[tokio::test]
async fn given_a_good_program_when_told_twice_then_it_deploys_once_and_an_older_token_is_refused() {
    let program = Program::default();
    let deployer = deployer(&program.start().await);
    let done = Answer::Done { output: "rolled out".to_owned() };
    assert_eq!(deployer.deploy(&order(1, 7, minute())).await, done);
    assert_eq!(deployer.deploy(&order(2, 8, minute())).await, done);
    assert_eq!(program.look(|seen| seen.deployed.clone()), ["1.41.3"]);
    let stale = deployer.deploy(&order(3, 7, minute())).await;
    assert_eq!(stale, Answer::Failed { error: "refused: older token".to_owned(), again: false });
    assert!(matches!(deployer.ask(&question(3, 7)).await, Answer::CannotTell { .. }));
    assert!(deployer.fenced());
}

#[tokio::test]
async fn given_an_order_that_never_arrived_when_asked_then_the_late_order_is_refused() {
    let program = Program::default();
    let deployer = deployer(&program.start().await);
    assert_eq!(deployer.ask(&question(1, 7)).await, Answer::NeverArrived);
    let late = deployer.deploy(&order(1, 7, minute())).await;
    assert!(
        matches!(&late, Answer::Failed { error, again: false } if error.contains("never to have come")),
        "{late:?}"
    );
    assert!(matches!(deployer.deploy(&order(2, 7, minute())).await, Answer::Done { .. }));
    assert_eq!(program.look(|seen| seen.deployed.len()), 1);
}

#[tokio::test]
async fn given_a_deployment_that_takes_time_when_told_then_it_is_asked_until_it_is_done() {
    let program = Program::default();
    program.look(|seen| seen.slow = true);
    let deployer = deployer(&program.start().await);
    let answer = deployer.deploy(&order(1, 7, Span::from_secs(20))).await;
    assert_eq!(answer, Answer::Done { output: "in the end".to_owned() });
    assert_eq!(program.look(|seen| (seen.deployed.len(), seen.asked)), (1, 2));
}

#[tokio::test]
async fn given_other_answers_when_told_then_exactly_what_is_known_is_said() {
    let program = Program::default();
    let deployer = deployer(&program.start().await);
    let (unknown, again, over) = ("unknown", "again", "over");
    let redirect = |status| (status, [("location", "http://169.254.169.254/")]).into_response();
    for (answer, wanted) in [
        (StatusCode::INTERNAL_SERVER_ERROR.into_response(), unknown),
        (StatusCode::BAD_GATEWAY.into_response(), unknown),
        (StatusCode::REQUEST_TIMEOUT.into_response(), unknown),
        (redirect(StatusCode::SEE_OTHER), unknown),
        (redirect(StatusCode::TEMPORARY_REDIRECT), over),
        (StatusCode::TOO_MANY_REQUESTS.into_response(), again),
        (StatusCode::NOT_FOUND.into_response(), over),
        (StatusCode::NOT_IMPLEMENTED.into_response(), over),
        (StatusCode::OK.into_response(), unknown),
        ("<html>".into_response(), unknown),
        (r#"{"status": "perhaps"}"#.into_response(), unknown),
        (r#"{"status": "never"}"#.into_response(), unknown),
        ("x".repeat(70_000).into_response(), unknown),
        (r#"{"status": "failed", "output": "no room", "again": true}"#.into_response(), again),
        (r#"{"status": "failed"}"#.into_response(), over),
    ] {
        let shown = format!("{} {:?}", answer.status(), answer.headers());
        program.look(|seen| seen.answers.push_back(answer));
        let got = match deployer.deploy(&order(1, 7, minute())).await {
            Answer::Unknown { .. } => unknown,
            Answer::Failed { again: true, .. } => again,
            Answer::Failed { .. } => over,
            other => panic!("{shown}: {other:?}"),
        };
        assert_eq!(got, wanted, "{shown}");
    }
    assert_eq!(program.look(|seen| seen.deployed.len()), 0);
}

#[tokio::test]
async fn given_nobody_there_or_a_cut_after_sending_when_told_then_only_the_second_may_have_happened() {
    let refused = deployer(&format!("http://127.0.0.1:{}/", free_port())).deploy(&order(1, 7, minute())).await;
    assert!(matches!(&refused, Answer::Failed { again: true, .. }), "{refused:?}");
    let guarded = deployer("http://169.254.169.254/").deploy(&order(1, 7, minute())).await;
    assert!(matches!(&guarded, Answer::Failed { error, again: false } if error.contains("not allowed")), "{guarded:?}");

    for silent in [false, true] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut byte = [0; 10_000];
                let _read = tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await;
                if silent {
                    kept.push(stream);
                }
            }
        });
        let deployer = deployer(&url);
        let cut = deployer.deploy(&order(1, 7, minute())).await;
        assert!(matches!(&cut, Answer::Unknown { .. }), "silent {silent}: {cut:?}");
        assert!(matches!(deployer.ask(&question(1, 7)).await, Answer::Unknown { .. }));
    }
}

#[tokio::test]
async fn given_a_program_that_cannot_be_asked_then_it_cannot_be_told() {
    let program = Program::default();
    let deployer = deployer(&program.start().await);
    for answer in
        [StatusCode::NOT_FOUND.into_response(), StatusCode::NOT_IMPLEMENTED.into_response(), "ok".into_response()]
    {
        program.look(|seen| seen.answers.push_back(answer));
        assert!(matches!(deployer.ask(&question(1, 7)).await, Answer::CannotTell { .. }));
    }
    program.look(|seen| seen.answers.push_back(StatusCode::SERVICE_UNAVAILABLE.into_response()));
    assert!(matches!(deployer.ask(&question(1, 7)).await, Answer::Unknown { .. }));
}

#[tokio::test]
async fn given_a_passed_deadline_when_told_then_nothing_leaves() {
    let program = Program::default();
    let deployer = deployer(&program.start().await);
    let late = deployer.deploy(&order(1, 7, Span::ZERO)).await;
    assert!(matches!(late, Answer::Failed { again: true, .. }), "{late:?}");
    assert_eq!(program.look(|seen| seen.token), 0);
}

#[tokio::test]
async fn given_the_table_in_memory_when_told_to_misbehave_then_its_counts_stay_true() {
    let hands = hands(StepSettings::default(), &[]);
    let service = ServiceName::new("checkout").expect("a name");
    let deployer = hands.deployer(&service, &Deploy::Memory).expect("can be built");
    let table = hands.memory();
    table.script(&service, [Behaviour::LosesOrder, Behaviour::LosesAnswer]);
    assert!(matches!(deployer.deploy(&order(1, 7, minute())).await, Answer::Unknown { .. }));
    assert_eq!(deployer.ask(&question(1, 7)).await, Answer::NeverArrived);
    assert!(matches!(deployer.deploy(&order(1, 7, minute())).await, Answer::Failed { again: false, .. }));
    assert_eq!(table.effects(&service).len(), 0);
    assert!(matches!(deployer.deploy(&order(2, 7, minute())).await, Answer::Unknown { .. }));
    assert!(matches!(deployer.ask(&question(2, 9)).await, Answer::Done { .. }));
    assert!(matches!(deployer.deploy(&order(3, 9, minute())).await, Answer::Done { .. }));
    assert!(matches!(deployer.deploy(&order(4, 8, minute())).await, Answer::Failed { again: false, .. }));
    assert_eq!(table.effects(&service).len(), 1);
    assert_eq!(table.running(&service).map(|artifact| artifact.version.to_string()).as_deref(), Some("1.41.3"));
}
