//! What goes wrong, and how it is told: by words, and by exit codes.

use super::rig::{Rig, bare, build, finish};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use sternway_domain::actor::Role;
use sternway_server::store;

#[tokio::test(flavor = "multi_thread")]
async fn given_a_stale_version_when_acting_then_it_says_what_happened_since() {
    let rig = Rig::new().await;
    let token = rig.token(Role::OnCall).await;
    let manager = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&manager, "checkout", "quick-manual").await;
    rig.run(&manager, &["release", "start", &id, "--reason", "go on"]).await.done();
    let stale = ["release", "rollback", &id, "--reason", "errors", "--expected-version", "1"];
    let told = rig.run(&token, &stale).await.failed(3);
    told.complains(&[
        "sternway: The release has changed (409)",
        "you saw 1.",
        "Since then:",
        "Started. “go on” (test for Maya release manager)",
        "Look again with `sternway release show`",
        "Request ",
    ]);
    let told = rig.run(&token, &[&stale[..], &["--json"]].concat()).await.failed(3);
    let problem: Value = serde_json::from_str(&told.err).unwrap();
    assert_eq!((problem["status"].as_u64(), problem["type"].as_str()), (Some(409), Some("urn:sternway:problem:stale")));
    assert!(problem["since"].as_array().is_some_and(|since| since.len() >= 2), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_refusal_when_told_then_it_names_the_field_or_whom_to_ask() {
    let rig = Rig::new().await;
    let manager = rig.token(Role::ReleaseManager).await;
    let viewer = rig.token(Role::Viewer).await;
    let id = rig.created(&manager, "checkout", "quick-manual").await;
    let short = rig.run(&manager, &["release", "start", &id, "--reason", "x"]).await.failed(3);
    short.complains(&["(422)", "/reason: the reason has 1 characters; say why in 3 to 2000"]);
    let denied = rig.run(&viewer, &["release", "cancel", &id, "--reason", "because"]).await.failed(3);
    denied.complains(&["Not allowed (403)", "viewer may not cancel", "release manager or admin"]);
    let unknown = "0199a3f2-5b1c-7000-8000-000000000000";
    rig.run(&viewer, &["release", "show", unknown]).await.failed(3).complains(&["Not found (404)", unknown]);
    let (candidate, baseline) = (format!("{}@sha256:12", "2.0"), build("1.0"));
    let create = [
        "release",
        "create",
        "--service",
        "checkout",
        "--candidate",
        &candidate,
        "--baseline",
        &baseline,
        "--plan",
        "quick-manual",
        "--reason",
        "because",
    ];
    rig.run(&manager, &create).await.failed(3).complains(&["/candidate/digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_wrong_token_when_asked_then_it_is_never_shown() {
    let rig = Rig::new().await;
    for token in ["swy_secretsecret", "", "two\nlines"] {
        let told = rig.run(token, &["release", "list"]).await.failed(3);
        assert!(!told.err.contains("secretsecret") && !told.err.contains("lines"), "{told:?}");
        let told = rig.run(token, &["release", "list", "--json"]).await.failed(3);
        serde_json::from_str::<Value>(&told.err).unwrap();
    }
    rig.run("", &["release", "list"]).await.failed(3).complains(&[
        "Not signed in (401)",
        "`STERNWAY_TOKEN`",
        "`--token-file`",
    ]);
    let help = rig.run("swy_secretsecret", &["release", "--help"]).await.done();
    assert!(!help.out.contains("secretsecret"), "{}", help.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_nobody_answers_when_asked_then_the_code_is_3_and_the_address_is_named() {
    let address = format!("http://127.0.0.1:{}", sternway_peers::free_port());
    for arguments in [&["release", "list"][..], &["release", "watch", "checkout"], &["decisions"]] {
        let told = finish(bare(&[arguments, &["--server", &address]].concat())).await.failed(3);
        told.complains(&["cannot be reached", &address, "`STERNWAY_URL`"]);
        assert!(!told.err.contains("panicked"), "{told:?}");
    }
    finish(bare(&["release", "list", "--server", "example.org"]))
        .await
        .failed(3)
        .complains(&["`--server`: `example.org`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_something_else_answers_when_asked_then_it_is_said() {
    let page = axum::Router::new().fallback(|| async { "<html>hello</html>" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, page).await });
    finish(bare(&["release", "list", "--server", &address]))
        .await
        .failed(3)
        .complains(&["does not answer as Sternway does"]);
}

#[tokio::test]
async fn given_a_wrong_command_line_when_run_then_the_code_is_64_and_no_server_is_asked() {
    let wrong: [&[&str]; 5] = [
        &["release", "rollback", "checkout"],
        &["release", "create", "--service", "checkout"],
        &["release", "check", "checkout", "item", "--done", "x", "--open"],
        &["release", "rollforward", "checkout", "--reason", "fix", "--hotfix", "1.42.1"],
        &["nonsense"],
    ];
    for arguments in wrong {
        let told = finish(bare(arguments)).await.failed(64);
        assert!(!told.err.is_empty(), "{arguments:?}");
    }
    finish(bare(&["release", "watch", "--help"])).await.done().says(&[
        "Exit codes of a watch:",
        "rolled back",
        "--lost-after",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_reason_that_would_move_the_cursor_when_shown_then_it_is_only_text() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;
    rig.run(&token, &["release", "cancel", &id, "--reason", "bad \u{1b}[2J\u{202e}thing"]).await.done();
    for command in [&["release", "show", &id][..], &["decisions"]] {
        let shown = rig.run(&token, command).await.done();
        assert!(!shown.out.contains('\u{1b}') && !shown.out.contains('\u{202e}'), "{shown:?}");
        shown.says(&["thing"]);
    }
}

#[tokio::test]
async fn given_a_database_that_need_not_prove_itself_when_checked_then_it_is_said_and_no_password_shown() {
    let dir = tempfile::tempdir().unwrap();
    let check = |database: &str| {
        let mut command = bare(&["config", "check", "--database", database]);
        command.current_dir(dir.path());
        finish(command)
    };
    let told = check("postgres://u:s3cret@db.example.org/s").await.done();
    told.complains(&["`database`", "`db.example.org`", "`?sslmode=verify-full`"]);
    assert!(!told.err.contains("s3cret") && !told.out.contains("s3cret"), "{told:?}");
    for proven in ["postgres://u:s3cret@db.example.org/s?sslmode=verify-full", "postgres://u@localhost/s"] {
        let told = check(proven).await.done();
        assert!(!told.err.contains("`database`"), "{proven}: {told:?}");
    }
}

/// M4.
#[tokio::test(flavor = "multi_thread")]
async fn given_a_newer_schema_when_served_then_it_says_which_ends_with_1_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sternway.db");
    let database = format!("sqlite:{}", file.display());
    future(&file).await;
    let before = std::fs::read(&file).unwrap();

    let mut serve = bare(&["serve", "--listen", "127.0.0.1:0", "--database", &database]);
    serve.current_dir(dir.path());
    let told = finish(serve).await.failed(1);
    told.complains(&["schema 1000", "use a newer sternway"]);
    assert!(!told.out.contains("listens"), "{told:?}");
    assert!(std::fs::read(&file).unwrap() == before, "the file was written to");
    let beside: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["sternway.db"], "a file appeared beside it");
}

/// Writes a database of a version that is still to come, in one piece and with nobody at it.
async fn future(file: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("sternway.db").display());
    drop(store::open(&database).await.unwrap());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    let migration = "INSERT INTO schema_migration (number, name, digest, at) VALUES (1000, 'future', 'sha256:', 0)";
    sqlx::query(migration).execute(&mut connection).await.unwrap();
    sqlx::query("VACUUM INTO ?").bind(file.to_str()).execute(&mut connection).await.unwrap();
}
