//! What a browser is given to check a decision's page with, checked as the browser does it.

use super::log::{change, read, signer};
use super::rig::{Rig, new_release};
use axum::http::StatusCode;
use serde_json::{Value, json};
use sternway_domain::actor::Role;

/// Names of the steps that came out so.
fn steps(report: &Value, found: &str) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps").iter();
    let names = steps.filter(|step| step["found"] == found).map(|step| step["name"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

/// As `app/verify/proof.js` asks, with the act as the API shows it.
async fn checked(rig: &Rig, decision: &Value, removed: &[&str]) -> Value {
    let id = decision["id"].as_str().expect("an id");
    let entry = read(rig, &format!("/api/v1/decisions/{id}/entry")).await.json();
    assert_eq!(entry["index"], decision["leaf_index"]);
    let evidence = match decision["evidence"].as_str() {
        Some(digest) => {
            let body = rig.get(Role::Auditor, &format!("/api/v1/evidence/{digest}")).await;
            if body.status == StatusCode::OK { json!(body.text) } else { Value::Null }
        }
        None => Value::Null,
    };
    let texts = entry["texts"].as_array().expect("texts").iter();
    let texts: Vec<Value> = texts.map(|text| json!([text["field"], text["text"]])).collect();
    let asked = json!({
        "id": id,
        "index": entry["index"],
        "key": read(rig, "/log/key").await.text,
        "proof": read(rig, &format!("/api/v1/decisions/{id}/proof")).await.text,
        "entry": entry["entry"],
        "openings": entry["texts"],
        "shown": decision["entry"],
        "instead": "redacted",
        "texts": texts,
        "removed": removed,
        "evidence": evidence,
    });
    serde_json::from_str(&sternway_verify::check(&json!({"decision": asked}).to_string())).expect("JSON")
}

async fn decisions(rig: &Rig) -> Vec<Value> {
    let list = read(rig, "/api/v1/decisions?limit=200").await.json();
    list["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn given_any_decision_then_a_browser_can_prove_it_and_finds_what_was_changed_in_the_database() {
    let rig = Rig::new().await;
    rig.running().await;
    rig.form(None, "/signin", &[("email", "nobody@example.org"), ("password", "nothing at all")]).await;
    signer(&rig).turn().await;
    let all = decisions(&rig).await;
    assert!(all.iter().any(|decision| decision["evidence"].is_string()), "one of them rests on readings");
    for decision in &all {
        let report = checked(&rig, decision, &[]).await;
        assert_eq!(steps(&report, "bad"), Vec::<String>::new(), "{decision:#} {report:#}");
        let good = steps(&report, "good");
        assert_eq!(good[..5], ["record", "path", "signature", "texts", "shown"], "{report:#}");
    }

    const ROLE: &str = "UPDATE audit_leaf SET entry = CAST(replace(CAST(entry AS TEXT), '\"role\":\"release_manager\"', \
        '\"role\":\"viewer\"') AS BLOB)";
    change(&rig, ROLE).await;
    change(&rig, "UPDATE audit_text SET text = 'somebody else' WHERE field = 'actor.name' AND leaf_index = 3").await;
    let found: Vec<Vec<String>> = {
        let mut found = Vec::new();
        for decision in &decisions(&rig).await {
            found.push(steps(&checked(&rig, decision, &[]).await, "bad"));
        }
        found
    };
    assert!(found.contains(&vec!["texts".to_owned()]), "{found:?}");
    assert!(found.contains(&vec!["path".to_owned()]), "{found:?}");

    let nobody = "/api/v1/decisions/00000000-0000-7000-8000-000000000000/entry";
    assert_eq!(rig.get(Role::Auditor, nobody).await.status, StatusCode::NOT_FOUND);
}

/// One entry that somebody spoilt must not keep the others from being read.
#[tokio::test]
async fn given_an_entry_that_cannot_be_read_then_lists_show_the_others_and_say_so_of_this_one() {
    let rig = Rig::new().await;
    rig.running().await;
    signer(&rig).turn().await;
    change(&rig, "UPDATE audit_leaf SET entry = CAST('{}' AS BLOB) WHERE leaf_index = 2").await;

    let all = decisions(&rig).await;
    let (spoilt, others): (Vec<_>, Vec<_>) = all.iter().partition(|decision| decision["leaf_index"] == 2);
    assert!(spoilt[0]["entry"].is_null() && others.iter().all(|decision| decision["entry"].is_object()), "{all:#?}");
    let id = spoilt[0]["id"].as_str().expect("an id");
    let session = rig.session(Role::Auditor).await;
    let list = rig.page(Some(&session), "/decisions").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(list.text.contains("Its entry in the log cannot be read"), "{}", list.text);
    assert_eq!(list.text.matches(", cannot be read<").count(), 1, "only it has no proof: {}", list.text);
    let page = rig.page(Some(&session), &format!("/decisions/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Its entry cannot be read"), "{}", page.text);
    let report = checked(&rig, spoilt[0], &[]).await;
    assert_eq!(steps(&report, "bad"), ["record", "path", "texts", "shown"], "{report:#}");

    // Acts that changed places are not told with each other's entries.
    const SWAP: &str = "UPDATE decision SET leaf_index = 9999 WHERE leaf_index = 3; UPDATE decision SET leaf_index = 3 \
        WHERE leaf_index = 4; UPDATE decision SET leaf_index = 4 WHERE leaf_index = 9999";
    change(&rig, SWAP).await;
    let unread = |all: &[Value]| -> Vec<i64> {
        let unread = all.iter().filter(|decision| decision["entry"].is_null());
        unread.map(|decision| decision["leaf_index"].as_i64().expect("a number")).collect()
    };
    assert_eq!(unread(&decisions(&rig).await), [4, 3, 2]);
}

#[tokio::test]
async fn given_a_redacted_decision_then_it_is_proven_as_what_is_left_of_it_and_found_by_that() {
    let rig = Rig::new().await;
    let mut new = new_release(1);
    new["reason"] = json!("Erika Mustermann wanted it");
    let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let release = made.json()["release"]["id"].as_str().expect("an id").to_owned();
    let decision = made.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let cancel = json!({"reason": "not needed", "expected_version": made.json()["release"]["version"]});
    let cancelled = rig.post(Role::Admin, &format!("/api/v1/releases/{release}/actions/cancel"), &cancel).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text);
    let search = "/api/v1/decisions?q=muster%20ERIKA&service=checkout";
    assert_eq!(read(&rig, search).await.json()["items"].as_array().map(Vec::len), Some(1));

    let ask = json!({"reason": "she asked for it", "fields": ["reason"]});
    let done = rig.post(Role::Admin, &format!("/api/v1/decisions/{decision}/redaction"), &ask).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    signer(&rig).turn().await;
    assert_eq!(read(&rig, search).await.json()["items"].as_array().map(Vec::len), Some(0));
    let shown = read(&rig, &format!("/api/v1/decisions/{decision}")).await.json();
    let report = checked(&rig, &shown, &["reason"]).await;
    assert_eq!(steps(&report, "bad"), Vec::<String>::new(), "{report:#}");
    assert_eq!(report["steps"][3]["values"], json!(["taken out later: `reason`"]));
    assert_eq!(steps(&checked(&rig, &shown, &[]).await, "bad"), ["texts"], "nobody says that it is gone");
}
