//! The real program on a database of its own, with one admin.

use crate::wire::{Answer, Connection};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sternway_domain::audit::Origin;
use sternway_domain::id::Digest;
use sternway_peers::{eventually, free_port, program};
use sternway_server::auth::NewToken;
use sternway_server::config::{Effective, SettingFlags};
use sternway_server::documents;
use sternway_server::serve::Base;
use sternway_server::service::Caller;
use sternway_server::store::rows::Unit;
use sternway_server::system::{SystemClock, SystemRng};
use tempfile::TempDir;
use tokio::process::Child;

const REASON: &str = "measured by the bench";

/// Where programs and data lie.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The release build of `sternway`.
    pub(crate) sternway: PathBuf,
    /// A folder on the disk that is measured.
    pub(crate) data: PathBuf,
}

/// `sternway serve`; ends when dropped.
pub(crate) struct Site {
    pub(crate) port: u16,
    /// The headers of a browser that is signed in.
    pub(crate) browser: String,
    /// The headers of a program with a token.
    pub(crate) program: String,
    child: Child,
    keys: AtomicU64,
    /// The database and the log, until the end.
    _dir: TempDir,
}

/// A release as the API answers it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) state: String,
}

impl Seen {
    pub(crate) fn read(release: &Value) -> Self {
        let text = |name: &str| release[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {release}")).to_owned();
        Self { id: text("id"), version: release["version"].as_i64().unwrap_or_default(), state: text("state") }
    }
}

impl Site {
    /// Everything is as a new installation has it, but for the address, the database and the way out to loopback.
    pub(crate) async fn start(place: &Place, documents: &[Value]) -> Site {
        Self::start_with(place, documents, &[]).await
    }

    /// With these settings, `--flag=value` each.
    pub(crate) async fn start_with(place: &Place, documents: &[Value], more: &[String]) -> Site {
        let dir = tempfile::tempdir_in(&place.data).expect("the folder for data is ours");
        let database = format!("sqlite:{}", dir.path().join("sternway.db").display());
        let door = prepare(&database, documents).await;
        Self::serve(place, dir, &database, door, more).await
    }

    /// So many replicas on one database, that of a PostgreSQL.
    pub(crate) async fn replicas(
        place: &Place,
        database: &str,
        documents: &[Value],
        names: [&str; 2],
        more: &[String],
    ) -> [Site; 2] {
        let door = prepare(database, documents).await;
        let site = async |name: &str| {
            let dir = tempfile::tempdir_in(&place.data).expect("the folder for data is ours");
            let key = format!("--log-key={}", place.data.join("sternway.key").display());
            let more = [more, &[format!("--replica={name}"), key]].concat();
            Self::serve(place, dir, database, door.clone(), &more).await
        };
        [site(names[0]).await, site(names[1]).await]
    }

    async fn serve(
        place: &Place,
        dir: TempDir,
        database: &str,
        (browser, token): (String, String),
        more: &[String],
    ) -> Site {
        let port = free_port();
        let setting = |flag: &str, value: &str| format!("--{flag}={value}");
        let mut arguments = vec![
            "serve".to_owned(),
            setting("listen", &format!("127.0.0.1:{port}")),
            setting("database", database),
            setting("outbound-allow", "127.0.0.0/8"),
            setting("log-format", "json"),
        ];
        arguments.extend_from_slice(more);
        let child = program(&place.sternway.display().to_string(), &arguments, dir.path());
        let browser = format!("Cookie: __Host-sternway={browser}\r\nSec-Fetch-Site: same-origin\r\n");
        let program = format!("Authorization: Bearer {token}\r\n");
        let site = Site { port, browser, program, child, keys: AtomicU64::default(), _dir: dir };
        eventually("`sternway serve` is ready", Duration::from_secs(30), || async {
            let mut connection = Connection::open(port).await.ok()?;
            let answer = connection.ask("GET", "/readyz", "", &[]).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        site
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the program has not been waited for")
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.port).await.expect("the program listens")
    }

    pub(crate) async fn end(mut self) {
        self.child.kill().await.expect("the process is ours to end");
    }

    pub(crate) fn key(&self) -> String {
        // Replicas on one database have their keys in common.
        format!("bench-{}-{}", self.port, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn get(&self, connection: &mut Connection, path: &str) -> Value {
        let answer = connection.ask("GET", path, &self.program, &[]).await.expect("the program answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn post(&self, connection: &mut Connection, path: &str, body: &Value) -> Answer {
        let headers = format!("{}Content-Type: application/json\r\nIdempotency-Key: {}\r\n", self.program, self.key());
        let answer = connection.ask("POST", path, &headers, body.to_string().as_bytes()).await;
        answer.expect("the program answers")
    }

    /// A form, as a browser sends it.
    pub(crate) async fn form(&self, connection: &mut Connection, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = format!("{}Content-Type: application/x-www-form-urlencoded\r\n", self.browser);
        connection.ask("POST", path, &headers, body.as_bytes()).await.expect("the program answers")
    }

    /// A new release of this service under this plan, started.
    pub(crate) async fn started(&self, connection: &mut Connection, service: &str, plan: &str) -> Seen {
        let build = |text: &str| json!({"version": text, "digest": Digest::of(text.as_bytes()).to_string()});
        let candidate = format!("1.42.{}", self.keys.load(Ordering::Relaxed));
        let new = json!({
            "service": service, "plan": plan, "reason": REASON, "candidate": build(&candidate),
            "baseline": build("1.41.3"),
        });
        let made = self.post(connection, "/api/v1/releases", &new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let seen = Seen::read(&made.json()["release"]);
        self.act(connection, &seen, "start").await
    }

    pub(crate) async fn act(&self, connection: &mut Connection, seen: &Seen, verb: &str) -> Seen {
        let body = json!({"reason": REASON, "expected_version": seen.version});
        let path = format!("/api/v1/releases/{}/actions/{verb}", seen.id);
        let acted = self.post(connection, &path, &body).await;
        assert_eq!(acted.status, 202, "{verb}: {}", acted.text());
        Seen::read(&acted.json()["release"])
    }

    pub(crate) async fn seen(&self, connection: &mut Connection, id: &str) -> Seen {
        Seen::read(&self.get(connection, &format!("/api/v1/releases/{id}")).await)
    }

    /// Waits until the release is in this state.
    pub(crate) async fn until(&self, connection: &mut Connection, id: &str, state: &str) -> Seen {
        for _ in 0..3_000 {
            let seen = self.seen(connection, id).await;
            if seen.state == state {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the release `{id}` is not {state} within 30 s");
    }
}

/// The schema, an admin with session and token, the documents. The value of the cookie and of the token.
async fn prepare(database: &str, wanted: &[Value]) -> (String, String) {
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let state = nowhere.path().join("state").display().to_string();
    let flags = SettingFlags::default().set("database", database).set("state", state);
    let config = Effective::collect(None, |_| None, &flags).and_then(|all| all.config()).expect("a configuration");
    let base = Base::lay(config, Arc::new(SystemClock), Arc::new(SystemRng)).await.expect("a new database");
    let link = base.auth.setup_secret().await.expect("the database answers").expect("nobody is here yet");
    let origin = Origin::default();
    let admin = base.auth.set_up(&origin, "bench", &link, "Ada Min", "ada@example.org", "slow tides at noon").await;
    let admin = admin.expect("the first admin");
    let caller = Caller { actor: admin.identity.actor.clone(), origin };
    let token = NewToken { name: "bench".into(), role: None, expires_in_days: None };
    let token = base.auth.create_token(&caller, token, "bench").await.expect("a token").secret.expect("shown once");
    let now = base.service.clock.now();
    let parsed = wanted.iter().flat_map(|document| {
        documents::parse(&[("bench.yaml".to_owned(), document.to_string())]).expect("documents of the bench are right")
    });
    let documents = parsed.map(|document| document.to_write(now)).collect();
    base.service.store.commit(Unit { documents, ..Unit::default() }).await.expect("applied");
    (admin.cookie, token)
}

/// The folder for data, on the disk of the build.
pub(crate) fn data_in(target: &Path) -> std::io::Result<PathBuf> {
    let data = target.join("bench");
    std::fs::create_dir_all(&data)?;
    Ok(data)
}
