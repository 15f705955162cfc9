//! A Sternway on a temporary database, with one person per role and a clock that stands until it is moved.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::audit::Origin;
use sternway_domain::time::{Span, Timestamp};
use sternway_server::auth::NewPerson;
use sternway_server::config::{Effective, SettingFlags};
use sternway_server::documents;
use sternway_server::http;
use sternway_server::ports::Clock;
use sternway_server::serve::Base;
use sternway_server::service::Caller;
use sternway_server::store::rows::Unit;
use sternway_server::system::SystemRng;
use tower::ServiceExt;

pub(super) const PASSWORD: &str = "slow tides at noon";

const DOCUMENTS: &str = "
kind: Service
name: checkout
traffic: memory
signals: memory
---
kind: Plan
name: quick
mode: manual
stages:
  - { weight: 5, bake: 1m }
  - { weight: 100, bake: 1m }
guards:
  - { metric: errors }
";

/// 2026-11-19T14:00:00Z.
const BEGIN: Timestamp = Timestamp::from_secs(1_795_096_800);

#[derive(Debug)]
pub(super) struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct Rig {
    pub(super) base: Base,
    pub(super) router: Router,
    clock: Arc<Standing>,
    tokens: BTreeMap<Role, String>,
    keys: AtomicU64,
    dir: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The cookie's value, if one was set.
    pub(super) fn session(&self) -> Option<String> {
        let cookie = self.header("set-cookie").strip_prefix("__Host-sternway=")?;
        cookie.split(';').next().filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

pub(super) fn login(role: Role) -> String {
    format!("{role}@example.org")
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::with(SettingFlags::default(), |_| {}).await
    }

    pub(super) async fn with(flags: SettingFlags, change: impl FnOnce(&mut http::HttpSettings)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let flags = flags.set("database", format!("sqlite:{}", dir.path().join("t.db").display()));
        let file = dir.path().join("sternway.toml");
        let orders = format!("[connections.orders]\nurl = \"sqlite:{}\"\n", dir.path().join("orders.db").display());
        std::fs::write(&file, orders).expect("written");
        let config =
            Effective::collect(Some(&file), |_| None, &flags).and_then(|all| all.config()).expect("a configuration");
        let clock = Arc::new(Standing(AtomicI64::new(BEGIN.micros())));
        let base = Base::lay(config, clock.clone(), Arc::new(SystemRng)).await.expect("laid");
        let parsed = documents::parse(&[("all.yaml".to_owned(), DOCUMENTS.to_owned())]).expect("well-formed");
        let documents = parsed.iter().map(|document| document.to_write(clock.now())).collect();
        base.service.store.commit(Unit { documents, ..Unit::default() }).await.expect("applied");
        let mut state = base.http(base.pages(Vec::new()));
        let mut settings = (*state.settings).clone();
        change(&mut settings);
        state.settings = Arc::new(settings);
        let router = http::router(state);
        let mut rig = Self { base, router, clock, tokens: BTreeMap::new(), keys: AtomicU64::new(0), dir };
        rig.people().await;
        rig
    }

    async fn people(&mut self) {
        let auth = self.base.auth.clone();
        let link = auth.setup_secret().await.expect("asked").expect("nobody is here yet");
        let origin = Origin::default();
        let admin = auth.set_up(&origin, "", &link, "Ada Min", &login(Role::Admin), PASSWORD).await.expect("set up");
        let caller = Caller { actor: admin.identity.actor, origin };
        for role in Role::ALL {
            if role == Role::FlagClient {
                let new = serde_json::from_value(json!({"name": "flags", "role": "flag_client"})).expect("a token");
                let made = auth.create_token(&caller, new, "flags").await.expect("made");
                self.tokens.insert(role, made.secret.expect("shown once"));
                continue;
            }
            if role != Role::Admin {
                let (name, login, role) = (format!("The {}", role.label()), login(role), role.as_str().to_owned());
                let new = NewPerson { name, login: login.clone(), role, password: PASSWORD.to_owned() };
                auth.create_person(&caller, new, &format!("make-{login}")).await.expect("made");
            }
            let signed_in = auth.sign_in(&Origin::default(), "", &login(role), PASSWORD).await.expect("signed in");
            let caller = Caller { actor: signed_in.identity.actor, origin: Origin::default() };
            let new = serde_json::from_value(json!({"name": "test"})).expect("a token");
            let made = auth.create_token(&caller, new, "first").await.expect("made");
            self.tokens.insert(role, made.secret.expect("shown once"));
        }
    }

    /// The same people and the same database, served by another base: as after a start.
    pub(super) fn over(mut self, base: Base) -> Self {
        self.router = http::router(base.http(base.pages(Vec::new())));
        self.base = base;
        self
    }

    /// Where the connection `orders` leads: an SQLite file that is not there yet.
    pub(super) fn orders(&self) -> String {
        format!("sqlite:{}", self.dir.path().join("orders.db").display())
    }

    /// Forward or back, by so many seconds.
    pub(super) fn turn_clock(&self, secs: i64) {
        self.clock.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }

    pub(super) fn forward(&self, span: Span) {
        self.clock.0.fetch_add(span.micros(), Ordering::SeqCst);
    }

    pub(super) fn token(&self, role: Role) -> &str {
        &self.tokens[&role]
    }

    pub(super) fn key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(Duration::from_secs(20), to_bytes(body, 8 << 20)).await;
        let bytes = bytes.expect("the body ends").expect("the body is read");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Applies documents as an admin.
    pub(super) async fn apply(&self, text: &str) -> Value {
        let body = json!({"files": [{"path": "test.yaml", "text": text}], "reason": "a test"});
        let answer = self.post(Role::Admin, "/api/v1/apply", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    pub(super) async fn get(&self, role: Role, path: &str) -> Answer {
        self.send(self.asked(Method::GET, role, path).body(Body::empty()).expect("a request")).await
    }

    /// What is no text.
    pub(super) async fn bytes(&self, role: Role, path: &str) -> Vec<u8> {
        let request = self.asked(Method::GET, role, path).body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        to_bytes(response.into_body(), 8 << 20).await.expect("the body is read").to_vec()
    }

    /// With a key of its own.
    pub(super) async fn post(&self, role: Role, path: &str, body: &Value) -> Answer {
        self.mutate(Method::POST, role, path, &self.key(), body).await
    }

    pub(super) async fn mutate(&self, method: Method, role: Role, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.asked(method, role, path).header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    fn asked(&self, method: Method, role: Role, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.token(role)))
    }

    /// As a browser does; `session`: the cookie's value.
    pub(super) async fn form(&self, session: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        request = request.header("sec-fetch-site", "same-origin");
        if let Some(session) = session {
            request = request.header("cookie", format!("__Host-sternway={session}"));
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    pub(super) async fn page(&self, session: Option<&str>, path: &str) -> Answer {
        let mut request = Request::get(path);
        if let Some(session) = session {
            request = request.header("cookie", format!("__Host-sternway={session}"));
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(super) async fn session(&self, role: Role) -> String {
        let answer = self.form(None, "/signin", &[("email", &login(role)), ("password", PASSWORD)]).await;
        answer.session().unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// A release that can be started, with its version.
    pub(super) async fn ready(&self) -> (String, i64) {
        let made = self.post(Role::ReleaseManager, "/api/v1/releases", &new_release(1)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let release = &made.json()["release"];
        (release["id"].as_str().expect("an id").to_owned(), release["version"].as_i64().expect("a version"))
    }

    /// A release under way, with its version.
    pub(super) async fn running(&self) -> (String, i64) {
        let (id, version) = self.ready().await;
        let body = json!({"reason": "a test begins", "expected_version": version});
        let started = self.post(Role::ReleaseManager, &format!("/api/v1/releases/{id}/actions/start"), &body).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
        (id, started.json()["release"]["version"].as_i64().expect("a version"))
    }

    /// How many entries the log has.
    pub(super) async fn entries(&self) -> usize {
        self.base.service.store.leaves(0, 100_000).await.expect("read").len()
    }
}

/// `build` makes the digests differ.
pub(super) fn new_release(build: u8) -> Value {
    json!({
        "service": "checkout", "plan": "quick", "reason": "a test",
        "candidate": {"version": "1.42.0", "digest": format!("sha256:{:064x}", u64::from(build) + 1000)},
        "baseline": {"version": "1.41.3", "digest": format!("sha256:{:064x}", 1)},
    })
}
