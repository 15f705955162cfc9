//! Made, listed, shown, acted on; decisions, people and tokens.

use super::rig::{Rig, build, fed};
use sternway_domain::actor::Role;

#[tokio::test(flavor = "multi_thread")]
async fn given_a_release_when_people_act_by_its_service_then_each_act_says_what_it_saw_and_did() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;

    let list = rig.run(&token, &["release", "list"]).await.done();
    list.says(&["candidate", "created (UTC)", "checkout", "1.42.0", "ready", &id[..13]]);
    assert!(!list.out.contains('\u{1b}'), "no colours without a terminal");

    let started = rig.run(&token, &["release", "start", "checkout", "--reason", "low traffic hour"]).await.done();
    started.complains(&["Seen: checkout 1.42.0: ready; version 1."]);
    started.says(&["Started. checkout 1.42.0: running, stage 1 of 3, 5\u{a0}%", "decision "]);
    rig.confirmed(&id).await;

    rig.run(&token, &["release", "hold", &id[..13], "--reason", "looks odd"]).await.done().says(&["Held. ", "holding"]);
    rig.run(&token, &["release", "resume", &id, "--reason", "was nothing"])
        .await
        .done()
        .says(&["Resumed. ", "running"]);
    let foreseen = rig.run(&token, &["release", "rollback", "checkout", "--dry-run"]).await.done();
    foreseen.says(&["Traffic is all there is to take back"]);
    rig.run(&token, &["release", "rollback", "checkout", "-r", "errors"]).await.done().says(&["Rollback ordered. "]);

    let shown = rig.run(&token, &["release", "show", "checkout", "--history"]).await.done();
    shown.says(&[
        "Started. “low traffic hour” (test for Maya release manager)",
        "Held: a person said so. “looks odd”",
        " UTC  ",
    ]);

    let decisions = rig.run(&token, &["decisions", "--release", &id]).await.done();
    decisions.says(&["number", "rollback", "accepted", "errors", "Maya release manager"]);
    let some = rig.run(&token, &["decisions", "--action", "hold", "--from", "1h", "--json"]).await.done().json();
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    let one = some["items"][0]["id"].as_str().unwrap();
    rig.run(&token, &["decisions", one, "--evidence"]).await.done().says(&["looks odd", "evidence", "sha256:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_any_reading_command_when_json_is_asked_for_then_it_is_json() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Admin).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;
    let commands: [&[&str]; 9] = [
        &["release", "list"],
        &["release", "show", &id],
        &["release", "show", &id, "--history"],
        &["decisions"],
        &["plan", "list"],
        &["plan", "show", "quick-manual", "--effective"],
        &["people", "list"],
        &["token", "list"],
        &["whoami"],
    ];
    for command in commands {
        let mut command = command.to_vec();
        command.push("--json");
        let json = rig.run(&token, &command).await.done().json();
        assert!(json.is_object(), "{command:?}");
        rig.run(&token, &command[..command.len() - 1]).await.done();
    }
    let act = ["release", "cancel", &id, "--reason", "not today", "--json"];
    let acted = rig.run(&token, &act).await.done();
    assert_eq!(acted.json()["release"]["state"], "cancelled");
    assert_eq!(acted.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_same_key_when_created_again_then_there_is_one_release() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let (candidate, baseline) = (build("2.0.0"), build("1.9.0"));
    let arguments = [
        "release",
        "create",
        "--service",
        "search",
        "--candidate",
        &candidate,
        "--baseline",
        &baseline,
        "--plan",
        "quick-manual",
        "--reason",
        "by CI",
        "--start",
        "--idempotency-key",
        "pipeline-77",
    ];
    let first = rig.run(&token, &arguments).await.done();
    let again = rig.run(&token, &arguments).await.done();
    assert_eq!(first.out, again.out);
    first.says(&["Created. search 2.0.0: ready; version 1.", "Started. search 2.0.0: running"]);
    let all = rig.run(&token, &["release", "list", "--json"]).await.done().json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);

    let alone = ["release", "hold", "search", "--reason", "wait", "--idempotency-key", "k"];
    rig.run(&token, &alone).await.failed(3).complains(&["`--idempotency-key` needs `--expected-version` beside it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_file_when_created_from_it_then_flags_count_more() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let digest = |version: &str| build(version).split_once('@').unwrap().1.to_owned();
    let yaml = format!(
        "service: search\nplan: quick-manual\nreason: from a file\ncandidate:\n  version: 3.0.0\n  digest: {}\nbaseline:\n  version: 2.0.0\n  digest: {}\n",
        digest("3.0.0"),
        digest("2.0.0"),
    );
    let command = rig.command(&token, &["release", "create", "-f", "-", "--service", "checkout"]);
    fed(command, &yaml).await.done().says(&["Created. checkout 3.0.0: ready"]);
    let command = rig.command(&token, &["release", "create", "-f", "-"]);
    fed(command, "service: search\nplam: x\n")
        .await
        .failed(3)
        .complains(&["`-` with the flags beside it is no release", "plam"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_several_that_fit_when_named_by_service_then_their_ids_are_listed() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let first = rig.created(&token, "checkout", "quick-manual").await;
    rig.created(&token, "checkout", "quick-automatic").await;
    let which = rig.run(&token, &["release", "start", "checkout", "--reason", "go on"]).await.failed(3);
    which.complains(&["there are several releases of `checkout` that fit", &first, "checkout 1.42.0, ready"]);
    let none = rig.run(&token, &["release", "hold", "nothing-here", "--reason", "go on"]).await.failed(3);
    none.complains(&["there is no release `nothing-here`", "sternway release list"]);
    rig.run(&token, &["release", "show", &first[..4]])
        .await
        .failed(3)
        .complains(&["there are several ids that begin with"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_checklist_when_its_items_are_set_then_the_release_is_ready() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let list = serde_json::json!({"name": "short", "title": "Before a release", "items": [
        {"id": "way-back", "title": "The way back was rehearsed", "evidence": "link", "owner": "release manager", "detail": "", "may_not_apply": false},
    ]});
    rig.document("Checklist", "short", &list.to_string()).await;
    let (candidate, baseline) = (build("2.0.0"), build("1.9.0"));
    let arguments = [
        "release",
        "create",
        "--service",
        "search",
        "--candidate",
        &candidate,
        "--baseline",
        &baseline,
        "--plan",
        "quick-manual",
        "--reason",
        "with care",
        "--checklist",
        "short",
    ];
    rig.run(&token, &arguments).await.done().says(&["search 2.0.0: draft"]);
    let refused = rig.run(&token, &["release", "start", "search", "--reason", "go on"]).await.failed(3);
    refused.complains(&["1 of 1 checklist items are open"]);
    let done = ["release", "check", "search", "way-back", "--done", "https://example.org/run/7"];
    rig.run(&token, &done).await.done().says(&["Checklist changed. search 2.0.0: ready"]);
    rig.run(&token, &["release", "show", "search"])
        .await
        .done()
        .says(&["Checklist `short`: 0 of 1 open.", "https://example.org/run/7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_admin_when_people_and_tokens_are_made_then_secrets_go_only_where_they_should() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Admin).await;
    let add = ["people", "add", "--name", "Ana Lund", "--login", "ana@example.org", "--role", "on-call"];
    let added = fed(rig.command(&token, &add), "correct horse battery\n").await.done();
    added.says(&["Ana Lund has an account: signs in as `ana@example.org`, on call."]);
    assert!(!added.out.contains("correct horse"));
    rig.run(&token, &["people", "list"]).await.done().says(&["ana@example.org", "on call"]);

    let made = rig.run(&token, &["token", "create", "--name", "ci", "--days", "7", "--role", "viewer"]).await.done();
    let secret = made.out.trim();
    assert!(secret.starts_with("swy_") && secret.lines().count() == 1, "{made:?}");
    made.complains(&["Token `ci`, viewer, until "]);
    let file = rig.dir.path().join("token");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let who = rig.run("", &["whoami", "--token-file", &file.display().to_string()]).await.done();
    who.says(&["ci for Maya admin", "viewer at http://127.0.0.1", "May view"]);

    let list = rig.run(&token, &["token", "list", "--json"]).await.done();
    assert!(!list.out.contains(secret));
    let id = list.json()["items"].as_array().unwrap().iter().find(|t| t["name"] == "ci").unwrap()["id"].clone();
    rig.run(&token, &["token", "revoke", id.as_str().unwrap()]).await.done().says(&["Token `ci` is revoked."]);
    rig.run(secret, &["whoami"]).await.failed(3).complains(&["Not signed in (401)"]);
}
