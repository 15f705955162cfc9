//! What went with a redacted text is no tampering; what went without one is.

use super::packs_flags::FLAG;
use super::rig::{Rig, admin, bare, build, fed, finish};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use sternway_domain::actor::Role;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::hold::Scope;
use sternway_server::notary::Signer;
use sternway_server::service::{RedactRequest, ServiceError};

const MIGRATION: &str = r#"{"name": "order-status", "component": "checkout", "description": "A column is renamed.",
    "data_loss": "Orders changed since then lose their status."}"#;

/// A release that changes data.
async fn migrating(rig: &Rig, maya: &str) {
    rig.document("Migration", "order-status", MIGRATION).await;
    let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
    let create =
        ["release", "create", "--service", "checkout", "--plan", "quick-manual", "--migration", "order-status"];
    let more = ["--candidate", &candidate, "--baseline", &baseline, "--reason", "as planned"];
    rig.run(maya, &[&create[..], &more[..]].concat()).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_redacted_move_of_data_then_the_evidence_that_went_with_it_is_explained_and_none_besides() {
    let rig = Rig::new().await;
    let maya = rig.token(Role::ReleaseManager).await;
    migrating(&rig, &maya).await;
    for (to, reason) in [("expand", "Erika Mustermann asked"), ("dual-write", "as planned"), ("backfill", "as planned")]
    {
        rig.run(&maya, &["release", "data", "move", "checkout", "--to", to, "-r", reason]).await.done();
    }
    rig.run(&maya, &["release", "cancel", "checkout", "--reason", "not needed"]).await.done();
    let moves = rig.run(&maya, &["decisions", "--action", "move_data", "--json"]).await.done().json();
    let moves: Vec<Value> = moves["items"].as_array().unwrap().iter().rev().cloned().collect();
    let release = moves[0]["entry"]["target"]["id"].as_str().unwrap().to_owned();
    let decision = moves[0]["id"].as_str().unwrap().parse().unwrap();
    let fields = vec![Field::Reason, Field::UserAgent];
    let request = RedactRequest { decision, fields, reason: "she asked for it".into() };
    let service = &rig.base.service;
    let address = format!("sqlite:{}", rig.dir.path().join("cli.db").display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let program = "CREATE TABLE kept AS SELECT audit_text.* FROM audit_text JOIN decision USING (leaf_index) \
        WHERE decision.id = $1 AND field = 'origin.user_agent'";
    sqlx::query(program).bind(moves[0]["id"].as_str().unwrap()).execute(&mut connection).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(kept, 1);
    service.redact(&admin(), &request, "redact").await.unwrap();
    for (at, left) in [(0, true), (1, false), (2, false)] {
        let digest = moves[at]["entry"]["evidence"].as_str().unwrap().parse().unwrap();
        assert_eq!(service.store.evidence(&digest).await.unwrap().is_some(), left, "move {at}");
    }

    Signer::new(service.clone(), rig.base.holder.clone()).turn().await;
    let key = service.notary.keys()[0].to_string();
    let whole = ["audit", "verify", "--json", "--database", &address, "--key", &key];
    finish(bare(&whole)).await.done();
    let auditor = rig.token(Role::Auditor).await;
    let pack = rig.dir.path().join("release.zip").display().to_string();
    rig.run(&auditor, &["audit", "export", "--out", &pack, "--release", &release]).await.done();
    finish(bare(&["audit", "verify", &pack, "--json", "--key", &key])).await.done();

    // A hold and its release, and the list of what was taken out: each row has its entry, and each entry its row.
    let scope = Scope { service: Some("checkout".parse().unwrap()), ..Scope::default() };
    let hold = service.place_hold(&admin(), &scope, "a question of the court", "hold").await.unwrap().hold;
    service.release_hold(&admin(), hold.parse().unwrap(), "it was answered", "release").await.unwrap();
    finish(bare(&whole)).await.done();
    for (sql, said) in [
        ("UPDATE legal_hold SET service = 'search'", "is another one than entry"),
        (
            "UPDATE legal_hold SET released_at = NULL, released_by = NULL",
            "is about a legal hold of which no row says so",
        ),
        ("UPDATE legal_hold SET released_at = released_at + 1", "is another one than entry"),
        ("DELETE FROM legal_hold", "is about a legal hold of which no row says so"),
        ("DELETE FROM redaction", "and the row of `redaction` that said so is gone"),
        ("UPDATE redaction SET field = 'effects.0' WHERE field = 'reason'", "and that entry does not say so"),
    ] {
        let copy = rig.dir.path().join(format!("copy{}.db", sql.len())).display().to_string();
        sqlx::query("VACUUM INTO $1").bind(&copy).execute(&mut connection).await.unwrap();
        let copied = format!("sqlite:{copy}");
        let mut tampered = SqliteConnection::connect(&copied).await.unwrap();
        for guard in ["legal_hold_no_update", "legal_hold_no_delete", "redaction_no_update", "redaction_no_delete"] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TRIGGER {guard}"))).execute(&mut tampered).await.unwrap();
        }
        sqlx::raw_sql(sql).execute(&mut tampered).await.unwrap();
        tampered.close().await.unwrap();
        let bad = finish(bare(&["audit", "verify", "--json", "--database", &copied, "--key", &key])).await;
        let bad = bad.failed(1).json();
        assert!(bad["problem"].as_str().unwrap().contains(said), "{sql}: {bad}");
    }

    // What was taken out is put back, by somebody who had kept it and may change the schema.
    for guard in ["audit_text_no_return", "audit_text_no_delete", "evidence_no_delete"] {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {guard}"));
        sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
    }
    sqlx::query("INSERT INTO audit_text SELECT * FROM kept").execute(&mut connection).await.unwrap();
    let back = finish(bare(&whole)).await.failed(1).json();
    assert!(back["problem"].as_str().unwrap().contains("was redacted by entry"), "{back}");
    let entry: i64 = sqlx::query_scalar("SELECT leaf_index FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(back["entry"].as_i64(), Some(entry), "{back}");
    sqlx::query("DELETE FROM audit_text WHERE (leaf_index, field) IN (SELECT leaf_index, field FROM kept)")
        .execute(&mut connection)
        .await
        .unwrap();
    finish(bare(&whole)).await.done();

    // Nothing explains this one.
    let created = "DELETE FROM evidence WHERE digest IN (SELECT evidence FROM decision WHERE action = 'create')";
    sqlx::query(created).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let bad = finish(bare(&whole)).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("evidence of entry"), "{bad}");
}

async fn verified(rig: &Rig) {
    let service = &rig.base.service;
    Signer::new(service.clone(), rig.base.holder.clone()).turn().await;
    let address = format!("sqlite:{}", rig.dir.path().join("cli.db").display());
    let key = service.notary.keys()[0].to_string();
    finish(bare(&["audit", "verify", "--json", "--database", &address, "--key", &key])).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_redaction_that_a_hold_refuses_then_its_entry_took_nothing_out_and_the_next_one_can() {
    let rig = Rig::new().await;
    let maya = rig.token(Role::ReleaseManager).await;
    let service = &rig.base.service;
    fed(rig.command(&maya, &["apply", "-f", "-", "--reason", "first flag"]), FLAG).await.done();
    rig.run(&maya, &["flags", "on", "pay.new", "--reason", "Erika Mustermann asked"]).await.done();
    let from = Some(service.clock.now());
    rig.run(&maya, &["flags", "off", "pay.new", "--reason", "as planned"]).await.done();
    let flips = rig.run(&maya, &["decisions", "--action", "flip", "--json"]).await.done().json();
    let decision = flips["items"][1]["id"].as_str().unwrap().parse().unwrap();

    // What the second flip saw shows the reason of the first, and is held.
    let scope = Scope { from, ..Scope::default() };
    let hold = service.place_hold(&admin(), &scope, "a question of the court", "hold").await.unwrap().hold;
    let request = RedactRequest { decision, fields: vec![Field::Reason], reason: "she asked for it".into() };
    let refused = service.redact(&admin(), &request, "first").await;
    assert!(matches!(refused, Err(ServiceError::Held { .. })), "{refused:?}");
    let entry = service.store.leaves(0, 1_000).await.unwrap().pop().unwrap().entry;
    assert!(!String::from_utf8_lossy(&entry).contains("points_back"), "it says nothing of what was not done");
    verified(&rig).await;
    service.release_hold(&admin(), hold.parse().unwrap(), "it was answered", "release").await.unwrap();
    service.redact(&admin(), &request, "second").await.unwrap();
    verified(&rig).await;
}

/// Who planned a migration does not stand in it, so nobody who moved the data later saw the name.
#[tokio::test(flavor = "multi_thread")]
async fn given_a_name_that_goes_from_a_release_then_what_was_seen_of_its_data_stays() {
    let rig = Rig::new().await;
    let maya = rig.token(Role::ReleaseManager).await;
    migrating(&rig, &maya).await;
    for to in ["expand", "dual-write"] {
        rig.run(&maya, &["release", "data", "move", "checkout", "--to", to, "-r", "as planned"]).await.done();
    }
    rig.run(&maya, &["release", "cancel", "checkout", "--reason", "not needed"]).await.done();
    let all = rig.run(&maya, &["decisions", "--json"]).await.done().json();
    let all = all["items"].as_array().unwrap();
    let of = |action: &str| all.iter().find(|item| item["action"] == action).unwrap_or_else(|| panic!("{action}"));
    let decision = of("create")["id"].as_str().unwrap().parse().unwrap();
    let request = RedactRequest { decision, fields: vec![Field::OwnerName], reason: "she asked for it".into() };
    rig.base.service.redact(&admin(), &request, "redact").await.unwrap();
    let seen = of("move_data")["entry"]["evidence"].as_str().unwrap().parse().unwrap();
    let seen = rig.base.service.store.evidence(&seen).await.unwrap().expect("it stays");
    assert!(seen.contains("Maya"), "{seen}");
    verified(&rig).await;
}
