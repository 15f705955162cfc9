//! Going back without the server: on a real HAProxy, with a database that died, and taken into the log afterwards.

use super::rig::{Ran, Rig, bare, finish};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::audit::{Entry, Outcome, Target};
use sternway_peers::{
    Backend, HaproxyProcess, Page, PostgresProcess, Server, eventually, free_port, http_get, program,
};
use sternway_server::drivers::MemoryTraffic;
use sternway_server::emergency::{Brake, Intake, Registered, read_copy};
use sternway_server::ports::{Clock, DriverFailure, Intent};
use sternway_server::store::rows::{DecisionFilter, DocumentWrite, Unit};
use sternway_server::store::{self, Store};
use sternway_server::system::SystemClock;
use tempfile::TempDir;

/// A HAProxy whose canary has a quarter of the traffic, a key, and a configuration.
pub(super) struct Night {
    dir: TempDir,
    haproxy: HaproxyProcess,
    _pages: Vec<Page>,
    pub(super) registered: String,
}

impl Night {
    pub(super) async fn start(owner: &str, more: &str) -> Self {
        let (mut pages, mut servers) = (Vec::new(), Vec::new());
        for (name, weight) in [("old-1", 75), ("new-1", 25)] {
            let page = Page::start(name).await;
            servers.push(Server { check: true, ..Server::new(name, page.address(), weight) });
            pages.push(page);
        }
        let haproxy = HaproxyProcess::start(&[Backend::new("checkout", servers)]).await;
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key").display().to_string();
        let made = finish(bare(&["emergency", "key", "--owner", owner, "--out", &key])).await.done();
        let registered = made.out.split('"').nth(1).unwrap().to_owned();
        let night = Self { dir, haproxy, _pages: pages, registered };
        night.configure(&night.registered, more);
        std::fs::write(night.at("checkout.yaml"), format!("kind: Service\n{}", night.document())).unwrap();
        night
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, keys: &str, more: &str) {
        let (spool, copy) = (self.at("spool"), self.at("emergency.json"));
        let emergency = format!("[emergency]\nkeys = [\"{keys}\"]\nspool = {spool:?}\nservices = {copy:?}\n");
        std::fs::write(self.at("sternway.toml"), format!("{more}\n{emergency}")).unwrap();
    }

    /// YAML.
    fn document(&self) -> String {
        let socket = self.haproxy.socket();
        let traffic = format!(
            "{{address: \"unix:{}\", backend: checkout, baseline: [old-1], canary: [new-1]}}",
            socket.display()
        );
        format!("name: checkout\ntraffic: {{haproxy: {traffic}}}\nsignals: memory\n")
    }

    async fn rollback(&self, more: &[&str]) -> Ran {
        self.rollback_because("errors at night", more).await
    }

    async fn rollback_because(&self, reason: &str, more: &[&str]) -> Ran {
        let (config, key) = (self.at("sternway.toml").display().to_string(), self.at("key").display().to_string());
        let arguments = [
            "emergency",
            "rollback",
            "--service",
            "checkout",
            "--reason",
            reason,
            "--within",
            "3s",
            "--config",
            &config,
            "--key",
            &key,
        ];
        let mut command = bare(&[&arguments[..], more].concat());
        for name in ["DATABASE_URL", "STERNWAY_DATABASE"] {
            command.env_remove(name);
        }
        finish(command).await
    }

    pub(super) async fn with_documents(&self, more: &[&str]) -> Ran {
        let documents = self.at("checkout.yaml").display().to_string();
        self.rollback(&[&["--services", &documents], more].concat()).await
    }

    pub(super) async fn weight(&self) -> u16 {
        self.haproxy.weight("checkout", "new-1").await
    }

    pub(super) fn spooled(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.at("spool")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    }

    pub(super) fn intake(&self, rig: &Rig) -> Intake {
        let registered: Registered = self.registered.parse().unwrap();
        Intake {
            service: rig.base.service.clone(),
            keys: vec![registered],
            spool: self.at("spool"),
            copy: self.at("emergency.json"),
        }
    }
}

pub(super) async fn entries(rig: &Rig) -> Vec<Entry> {
    let store = &rig.base.service.store;
    let rows = store.decisions(&DecisionFilter::default()).await.unwrap();
    let places: Vec<i64> = rows.iter().map(|row| row.leaf_index).collect();
    let mut found: Vec<Entry> = store.entries(&places).await.unwrap().into_values().rev().collect();
    found.retain(|entry| entry.origin.transport == "emergency");
    found
}

#[tokio::test]
async fn given_a_database_that_died_when_rolled_back_then_haproxy_says_so_and_the_spool_is_signed() {
    let postgres = PostgresProcess::start();
    let (url, port) = (postgres.database(), free_port());
    let night = Night::start("maya", &format!("listen = \"127.0.0.1:{port}\"\ndatabase = \"{url}\"\n")).await;
    let opened = store::open(&url).await.unwrap();
    put(opened.as_ref(), &night).await;
    drop(opened);
    let config = night.at("sternway.toml").display().to_string();
    let arguments = ["serve", "--config", &config].map(str::to_owned);
    let _server = program(env!("CARGO_BIN_EXE_sternway"), &arguments, night.dir.path());
    let ready =
        |wanted: u16| move || async move { http_get(port, "/readyz").await.filter(|(status, _)| *status == wanted) };
    eventually("the server is ready", Duration::from_secs(60), ready(200)).await;
    let copy = night.at("emergency.json");
    eventually("the services are copied", Duration::from_secs(30), || async { read_copy(&copy).ok() }).await;

    // The server is well, so nobody may go past it.
    night.rollback(&[]).await.failed(3).complains(&["the server is healthy", "--force"]);
    assert_eq!((night.weight().await, night.spooled().len()), (25, 0));

    drop(postgres);
    eventually("the server says that its database is gone", Duration::from_secs(30), ready(503)).await;
    let ran = night.rollback(&["--json"]).await.done();
    assert_eq!(night.weight().await, 0);
    let told = ran.json();
    let service = &told["services"][0];
    assert_eq!((&service["before"], &service["after"], &service["done"]), (&25.into(), &0.into(), &true.into()));
    let spooled = night.spooled();
    let lines: Vec<Value> =
        std::fs::read_to_string(&spooled[0]).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&str> = lines.iter().filter_map(|line| line["record"]["said"]["step"].as_str()).collect();
    assert_eq!((spooled.len(), steps), (1, vec!["begun", "ended"]));
    assert!(lines[1]["record"]["server"].as_str().unwrap().contains("503"), "{lines:?}");
}

async fn put(store: &dyn Store, night: &Night) {
    let text = format!("kind: Service\n{}", night.document());
    let documents = sternway_server::documents::parse(&[("checkout.yaml".to_owned(), text)]).unwrap();
    let writes: Vec<DocumentWrite> = documents.iter().map(|document| document.to_write(SystemClock.now())).collect();
    store.commit(Unit { documents: writes, ..Unit::default() }).await.unwrap();
}

#[tokio::test]
async fn given_what_could_be_misused_when_rolled_back_then_it_is_refused_and_nothing_moves() {
    let night = Night::start("maya", &format!("listen = \"127.0.0.1:{}\"", free_port())).await;
    night.rollback(&[]).await.failed(3).complains(&["emergency.json", "--services"]);
    night.with_documents(&["--service", "stock"]).await.failed(3).complains(&["no service `stock`", "`checkout`"]);
    let documents = night.at("checkout.yaml").display().to_string();
    night
        .rollback_because("no", &["--services", &documents])
        .await
        .failed(3)
        .complains(&["the reason has 2 characters"]);
    night.with_documents(&["--spool", "/proc/none"]).await.failed(3).complains(&["cannot be written", "--spool"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    std::fs::set_permissions(night.at("key"), open).unwrap();
    night.with_documents(&[]).await.failed(3).complains(&["others may read", "chmod 600"]);
    std::fs::set_permissions(night.at("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let out = night.at("key").display().to_string();
    finish(bare(&["emergency", "key", "--owner", "maya", "--out", &out]))
        .await
        .failed(3)
        .complains(&["never replaced"]);
    night.configure("", "");
    let config = std::fs::read_to_string(night.at("sternway.toml")).unwrap().replace("keys = [\"\"]", "keys = []");
    std::fs::write(night.at("sternway.toml"), config).unwrap();
    night.with_documents(&[]).await.failed(3).complains(&["is not registered", "ed25519:"]);
    assert_eq!((night.weight().await, night.spooled().len()), (25, 0));
}

#[tokio::test]
async fn given_a_proxy_that_cannot_be_reached_when_rolled_back_then_it_is_said_and_written_down() {
    let night = Night::start("maya", &format!("listen = \"127.0.0.1:{}\"", free_port())).await;
    night.haproxy.hide_socket();
    let documents = night.at("checkout.yaml").display().to_string();
    let ran = night.rollback(&["--services", &documents]).await.failed(1);
    ran.says(&["NOT BACK", "cannot be reached"]);
    assert!(std::fs::read_to_string(&night.spooled()[0]).unwrap().contains("\"done\":false"));
    night.haproxy.show_socket();
    assert_eq!(night.weight().await, 25);
}

#[tokio::test]
async fn given_a_spooled_rollback_when_the_server_is_back_then_it_is_one_late_entry_and_the_release_goes_back_too() {
    let rig = Rig::new().await;
    let (manager, _on_call) = (rig.token(Role::ReleaseManager).await, rig.token(Role::OnCall).await);
    let id = rig.created(&manager, "checkout", "quick-manual").await;
    rig.run(&manager, &["release", "start", &id, "--reason", "goes out today"]).await.done();
    rig.confirmed(&id).await;
    let night = Night::start("on_call@example.org", &format!("listen = \"127.0.0.1:{}\"", free_port())).await;
    night.with_documents(&[]).await.done().complains(&["whether going back loses data is not known here"]);
    let before = SystemClock.now();

    // Before it is taken in, an engine here gives the canary nothing back.
    let table = MemoryTraffic::default();
    let brake = Brake { spool: night.at("spool"), keys: vec![night.registered.parse().unwrap()] };
    let braked = |name: &str| brake.over(Arc::new(table.driver(name.parse().unwrap())));
    let intent = |name: &str, canary: u8| Intent {
        service: name.parse().unwrap(),
        canary: canary.try_into().unwrap(),
        key: "k".to_owned(),
        token: 1,
    };
    let held = braked("checkout").apply(&intent("checkout", 25)).await;
    assert!(matches!(held, Err(DriverFailure::Refused { .. })), "{held:?}");
    braked("checkout").apply(&intent("checkout", 0)).await.unwrap();
    braked("search").apply(&intent("search", 25)).await.unwrap();

    let (one, two) = (night.intake(&rig), night.intake(&rig));
    tokio::join!(one.look(), two.look());
    let found = entries(&rig).await;
    let late: Vec<&Entry> = found.iter().filter(|entry| entry.occurred.is_some()).collect();
    let [late] = late.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (late.actor.label().as_str(), late.action.as_str(), late.reason.as_str()),
        ("Maya on call", "rollback", "errors at night")
    );
    assert!(late.occurred.unwrap() < before && late.at >= before && late.outcome == Outcome::Accepted);
    assert!(matches!(&late.target, Target::Release { id: of, .. } if of.to_string() == id), "{late:?}");
    assert!(
        late.effects.iter().any(|line| line.contains("before 25\u{a0}%, observed afterwards 0\u{a0}%")),
        "{late:?}"
    );
    assert!(late.effects.iter().any(|line| line == "whether data would be lost was not known there"), "{late:?}");
    let release = rig.base.service.load(id.parse().unwrap()).await.unwrap();
    assert!(["rolling back", "rolled back"].contains(&release.state.label().as_str()), "{:?}", release.state);
    assert!(night.spooled().is_empty(), "it was put aside");
    braked("checkout").apply(&intent("checkout", 25)).await.unwrap();

    // Put back by somebody: nothing happens a second time.
    let taken = night.at("spool").join("taken");
    let file = std::fs::read_dir(&taken).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&file, night.at("spool").join("again.jsonl")).unwrap();
    let count = entries(&rig).await.len();
    night.intake(&rig).look().await;
    assert_eq!(entries(&rig).await.len(), count);
}

#[tokio::test]
async fn given_an_owner_without_an_account_when_taken_in_then_the_canary_stays_without_traffic_until_there_is_one() {
    let rig = Rig::new().await;
    let night = Night::start("on_call@example.org", &format!("listen = \"127.0.0.1:{}\"", free_port())).await;
    night.with_documents(&[]).await.done();
    let (intake, table) = (night.intake(&rig), MemoryTraffic::default());
    let brake = Brake { spool: night.at("spool"), keys: vec![night.registered.parse().unwrap()] };
    let driver = brake.over(Arc::new(table.driver("checkout".parse().unwrap())));
    let intent =
        Intent { service: "checkout".parse().unwrap(), canary: 25.try_into().unwrap(), key: "k".to_owned(), token: 1 };
    for _ in 0..2 {
        intake.look().await;
        let held = driver.apply(&intent).await;
        assert!(matches!(held, Err(DriverFailure::Refused { .. })), "{held:?}");
    }
    let said = entries(&rig).await;
    let why =
        |entry: &Entry| matches!(&entry.outcome, Outcome::Refused { why } if why.contains("`on_call@example.org`"));
    assert_eq!(said.iter().filter(|entry| why(entry)).count(), 1, "said once: {said:?}");
    rig.token(Role::OnCall).await;
    intake.look().await;
    assert!(entries(&rig).await.iter().any(|entry| entry.occurred.is_some() && entry.outcome == Outcome::Accepted));
    driver.apply(&intent).await.unwrap();
}

#[tokio::test]
async fn given_a_spool_that_was_changed_when_taken_in_then_it_is_refused_once_and_said() {
    let rig = Rig::new().await;
    let _on_call = rig.token(Role::OnCall).await;
    let night = Night::start("on_call@example.org", &format!("listen = \"127.0.0.1:{}\"", free_port())).await;
    night.with_documents(&[]).await.done();
    let original = night.spooled().remove(0);
    let text = std::fs::read_to_string(&original).unwrap();
    std::fs::remove_file(&original).unwrap();
    let second = text.lines().nth(1).unwrap();
    for (name, forged) in [
        ("reason.jsonl", text.replace("errors at night", "nothing happened")),
        // The last line only: nothing but its signature tells.
        ("last.jsonl", text.replace("\"done\":true", "\"done\":false")),
        ("owner.jsonl", text.replace("on_call@", "admin@")),
        ("missing.jsonl", format!("{second}\n")),
        ("twice.jsonl", format!("{text}{second}\n")),
        ("junk.jsonl", "{}\n".to_owned()),
        ("long.jsonl", " ".repeat(2 << 20)),
    ] {
        std::fs::write(night.at("spool").join(name), forged).unwrap();
        night.intake(&rig).look().await;
        let found = entries(&rig).await;
        let newest =
            found.iter().find(|entry| matches!(&entry.target, Target::Unknown { text } if text.contains(name)));
        let newest = newest.unwrap_or_else(|| panic!("{name}: {found:?}"));
        assert!(matches!(newest.outcome, Outcome::Refused { .. }) && newest.occurred.is_none(), "{newest:?}");
        assert!(newest.evidence.is_none(), "what is named as evidence must be kept, or no check of the log ends well");
        assert!(night.at("spool").join("refused").join(name).exists());
        std::fs::rename(night.at("spool").join("refused").join(name), night.at("spool").join(name)).unwrap();
        night.intake(&rig).look().await;
        assert_eq!(entries(&rig).await.len(), found.len(), "said once");
    }
}
