//! `sternway serve` leaves in the log what it was started with.

use std::path::Path;
use std::time::Duration;
use sternway_peers::{PostgresProcess, eventually, http_get, program, signal};
use sternway_server::store;
use sternway_server::store::rows::DecisionFilter;
use tokio::process::Child;

fn serve(dir: &Path, name: &str, database: &str, file: &str) -> Child {
    let (own, settings) = (dir.join(name), dir.join("sternway.toml"));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(&settings, file).unwrap();
    let setting = |flag: &str, value: String| format!("--{flag}={value}");
    let arguments = [
        "serve".to_owned(),
        setting("listen", "127.0.0.1:0".to_owned()),
        setting("database", database.to_owned()),
        setting("replica", name.to_owned()),
        setting("log-key", dir.join("log.key").display().to_string()),
        setting("config", settings.display().to_string()),
    ];
    program(env!("CARGO_BIN_EXE_sternway"), &arguments, &own)
}

/// Until it answers: from then on it ends in good order, too.
async fn listens(dir: &Path, name: &str) {
    let log = dir.join(name).join("log");
    let there = || async {
        let log = std::fs::read_to_string(&log).ok()?;
        let line = log.lines().find(|line| line.starts_with("Sternway listens on "))?;
        let port = line.rsplit(':').next()?.trim().parse().ok()?;
        http_get(port, "/readyz").await.filter(|(status, _)| *status == 200)
    };
    eventually("it answers", Duration::from_secs(60), there).await;
}

async fn ended(mut server: Child) {
    signal(&server, "TERM").await;
    let status = tokio::time::timeout(Duration::from_secs(30), server.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
}

async fn reasons(database: &str) -> Vec<String> {
    let store = store::open(database).await.unwrap();
    let filter = DecisionFilter { action: Some("configure".to_owned()), ..DecisionFilter::default() };
    store.decisions(&filter).await.unwrap().into_iter().rev().map(|row| row.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_server_when_started_again_then_only_other_settings_are_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("s.db").display());
    let texts = |kept: &str| format!("[log.retention]\ntexts = \"{kept}\"\n");
    for (name, file) in [("a", texts("365d")), ("b", texts("365d")), ("c", texts("730d"))] {
        let server = serve(dir.path(), name, &database, &file);
        listens(dir.path(), name).await;
        ended(server).await;
    }
    let told = reasons(&database).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("for the first time"), "{told:?}");
    assert!(told[1].ends_with("started with other settings: `log.retention.texts` from 365d to 730d"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_two_replicas_that_start_at_once_then_there_is_one_entry() {
    let dir = tempfile::tempdir().unwrap();
    let database = PostgresProcess::shared().database();
    drop(store::open(&database).await.unwrap());
    let servers = ["a", "b"].map(|name| serve(dir.path(), name, &database, "[log.retention]\nnames = \"400d\"\n"));
    for name in ["a", "b"] {
        listens(dir.path(), name).await;
    }
    for server in servers {
        ended(server).await;
    }
    assert_eq!(reasons(&database).await.len(), 1);
}
