//! Documents: checked, applied, shown; schemas and completions.

use super::rig::{Rig, bare, fed, finish};
use serde_json::Value;
use sternway_domain::actor::Role;

const PLAN: &str = "kind: Plan\nname: careful\nstages:\n  - {weight: 5, bake: 10m}\n  - {weight: 100, bake: 10m}\nguards:\n  - metric: errors\n";

#[tokio::test]
async fn given_a_plan_in_a_file_when_shown_effective_then_every_default_is_written_out_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("careful.yaml");
    std::fs::write(&file, PLAN).unwrap();
    let file = file.display().to_string();
    let shown = finish(bare(&["plan", "show", "-f", &file, "--effective"])).await.done();
    shown.says(&["name: careful", "min_data", "on_deadline", "tolerance"]);
    finish(bare(&["plan", "show", "-f", &file])).await.done().says(&["kind: Plan"]);
    let json = finish(bare(&["plan", "show", "-f", &file, "--effective", "--json"])).await.done().json();
    assert_eq!(json["min_data"]["requests"], 500);
    let wrong = fed(bare(&["plan", "show", "-f", "-"]), &PLAN.replace("weight: 5", "weight: 500")).await.failed(3);
    wrong.complains(&["stdin.yaml:4:"]);
}

#[tokio::test]
async fn given_a_kind_when_its_schema_is_asked_for_then_it_is_json_schema() {
    for kind in ["Service", "plan", "Checklist", "RUNBOOK", "flag", "migration", "ChangeFreeze"] {
        let schema = finish(bare(&["schema", kind])).await.done().json();
        assert!(schema["$schema"].as_str().is_some_and(|of| of.contains("json-schema.org")), "{kind}");
    }
    finish(bare(&["schema", "Pod"])).await.failed(3).complains(&["no kind `Pod`", "`Runbook`"]);
    finish(bare(&["completions", "bash"])).await.done().says(&["_sternway"]);
}

#[tokio::test]
async fn given_documents_with_problems_when_checked_then_each_names_file_line_and_field() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("plan.yaml"), PLAN.replace("weight: 5", "weight: 500")).unwrap();
    std::fs::write(dir.path().join("book.md"), "# No header\n").unwrap();
    let folder = dir.path().display().to_string();
    let told = finish(bare(&["apply", "-f", &folder, "--check"])).await.failed(3);
    let lines: Vec<&str> = told.err.lines().collect();
    assert!(lines.iter().any(|line| line.contains("/book.md:1:")), "{told:?}");
    assert!(lines.iter().any(|line| line.contains("/plan.yaml:4:") && line.contains("weight")), "{told:?}");
    finish(bare(&["apply", "--examples", "--check"])).await.done().says(&["documents are well-formed"]);
    let json = finish(bare(&["apply", "--examples", "--check", "--json"])).await.done().json();
    assert!(json["items"].as_array().is_some_and(|items| items.len() > 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_plan_of_the_server_when_shown_then_source_and_effective_are_told_apart() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Viewer).await;
    rig.run(&token, &["plan", "list"]).await.done().says(&["quick-manual", "5 → 25 → 100\u{a0}%", "automatic"]);
    let source = rig.run(&token, &["plan", "show", "quick-manual"]).await.done();
    serde_json::from_str::<Value>(&source.out).unwrap();
    rig.run(&token, &["plan", "show", "quick-manual", "--effective"])
        .await
        .done()
        .says(&["name: quick-manual", "rollback_window: 24h"]);
    rig.run(&token, &["plan", "show", "nothing"]).await.failed(3).complains(&["Not found (404)", "`nothing`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_documents_when_applied_then_each_is_created_once() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let applied = rig.run(&token, &["apply", "--examples", "--reason", "to start from"]).await.done();
    applied.says(&["Plan", "canary-standard", "created", "Applied: 20 created."]);
    rig.run(&token, &["apply", "--examples"]).await.done().says(&["Applied: 20 unchanged."]);
    rig.run(&token, &["decisions", "--action", "apply"]).await.done().says(&["to start from"]);
    let file = rig.dir.path().join("careful.yaml");
    std::fs::write(&file, PLAN).unwrap();
    let json = rig.run(&token, &["apply", "-f", &file.display().to_string(), "--json"]).await.done().json();
    assert_eq!(json["documents"][0]["outcome"], "created");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_one_bad_document_when_applied_then_its_place_is_told_and_nothing_is_taken() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let folder = rig.dir.path().join("docs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("good.yaml"), PLAN).unwrap();
    std::fs::write(folder.join("bad.yaml"), PLAN.replace("careful", "bad").replace("weight: 5", "weight: 500"))
        .unwrap();
    let folder = folder.display().to_string();
    let told = rig.run(&token, &["apply", "-f", &folder]).await.failed(3);
    told.complains(&[
        "sternway: The documents cannot be applied (422). Nothing was applied.\n",
        "/bad.yaml:4:",
        "weight",
    ]);
    assert!(told.err.lines().any(|line| line.starts_with(&folder)), "editors find the place: {told:?}");
    rig.run(&token, &["plan", "show", "careful"]).await.failed(3);
    let viewer = rig.token(Role::Viewer).await;
    rig.run(&viewer, &["apply", "--examples"]).await.failed(3).complains(&["Not allowed (403)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_change_freeze_when_applied_then_starting_says_until_when_and_takes_an_override() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;
    let file = rig.dir.path().join("freeze.yaml").display().to_string();
    let freeze = |zone: &str| {
        format!(
            "kind: ChangeFreeze\nname: moving\ndescription: Moving house\nservices: [checkout]\nzone: {zone}\n\
             windows: [{{once: {{from: 2020-01-01T00:00, to: 2999-01-01T00:00}}}}]\n"
        )
    };
    std::fs::write(&file, freeze("Europe/Berlln")).unwrap();
    let told = rig.run(&token, &["apply", "-f", &file]).await.failed(3);
    told.complains(&["freeze.yaml:5:7", "`Europe/Berlln` is not a time zone", "`Europe/Berlin`"]);
    std::fs::write(&file, freeze("Europe/Berlin")).unwrap();
    let applied = rig.run(&token, &["apply", "-f", &file, "--reason", "the movers come"]).await.done();
    applied.says(&["ChangeFreeze", "moving", "created", "Note: change freeze `moving` has no end within a year"]);
    rig.run(&token, &["apply", "-f", &file, "--check"]).await.done().says(&["has no end within a year"]);

    let start = ["release", "start", &id, "--reason", "as planned"];
    let refused = rig.run(&token, &start).await.failed(3);
    refused.complains(&["Change freeze (409)", "`checkout` is frozen for more than a year: Moving house."]);
    rig.run(&token, &["release", "show", &id]).await.done().says(&["Moving house", "--override-freeze"]);
    rig.run(&token, &[&start[..], &["--override"]].concat()).await.failed(3);
    rig.run(&token, &[&start[..], &["--override-freeze"]].concat()).await.done().says(&["Started. "]);
    let shown = rig.run(&token, &["decisions", "--action", "start"]).await.done();
    shown.says(&["refused", "accepted"]);
}
