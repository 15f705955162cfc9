//! A service with two sources, as people and programs see it: page, decision, API, command line, pack.

use super::packs_zip::unpacked;
use super::rig::{Rig, bare, finish};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::audit::Origin;
use sternway_domain::id::Digest;
use sternway_server::http;
use sternway_server::notary::Signer;
use tower::ServiceExt;

const SERVICE: &str = "checkout";
const NAME: &str = "Prometheus prom-b:9090";

/// A server whose service names a second source, beside the memory of the first.
async fn two() -> Rig {
    let rig = Rig::new().await;
    let document = json!({
        "name": SERVICE, "traffic": "memory", "signals": "memory",
        "second_signals": {"prometheus": {"url": "http://prom-b:9090", "baseline": "a=\"1\"", "canary": "a=\"2\""}},
    });
    rig.document("Service", SERVICE, &document.to_string()).await;
    rig
}

async fn page(rig: &Rig, cookie: &str, path: &str) -> String {
    let router = http::router(rig.base.http(rig.base.pages(Vec::new())));
    let request = Request::get(path).header("cookie", format!("__Host-sternway={cookie}"));
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    String::from_utf8(to_bytes(answer.into_body(), 10_000_000).await.unwrap().to_vec()).unwrap()
}

/// The judge's state after the newest tick.
async fn state(rig: &Rig, release: &str) -> Option<Value> {
    let kept = rig.base.service.store.judge_state(release.parse().unwrap()).await.unwrap();
    kept.map(|(_, body)| serde_json::from_str(&body).unwrap())
}

/// Waits until so many ticks of the second source have been judged.
async fn ticks(rig: &Rig, release: &str, least: u64) -> Value {
    let mut changes = rig.base.service.bus.subscribe();
    let waiting = async {
        loop {
            let state = state(rig, release).await.unwrap_or_default();
            if state["second"]["window"]["number"].as_u64() >= Some(least) {
                return state;
            }
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("ticks")
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_second_source_sees_a_fault_then_page_decision_api_command_line_and_pack_show_both() {
    let rig = two().await;
    let link = rig.base.auth.setup_secret().await.unwrap().unwrap();
    let origin = Origin::default();
    let admin = rig.base.auth.set_up(&origin, "", &link, "Ada Min", "ada@example.org", "slow tides at noon").await;
    let cookie = admin.unwrap().cookie;
    let token = rig.token(Role::ReleaseManager).await;
    rig.world.second_errors.store(2_000, Ordering::Relaxed);
    let id = rig.created(&token, SERVICE, "quick-automatic").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    rig.run(&token, &["release", "watch", &id, "--json"]).await.failed(1);

    let shown = rig.run(&token, &["release", "show", &id, "--json"]).await.done().json();
    let sources = shown["sources"].as_array().unwrap();
    assert_eq!((&sources[0]["name"], &sources[0]["rules"]), (&json!("this process"), &json!(false)), "{shown}");
    assert_eq!((&sources[1]["name"], &sources[1]["rules"]), (&json!(NAME), &json!(true)), "{shown}");
    assert_eq!((&sources[1]["source"], &sources[1]["verdict"]), (&json!("second"), &json!("fail")), "{shown}");
    assert_ne!(sources[0]["verdict"], "fail");
    assert!(sources[1]["guards"][0]["canary"].as_f64() > Some(0.1), "{shown}");
    let sentence = format!("Second source ({NAME}): Errors ");
    let text = rig.run(&token, &["release", "show", &id]).await.done();
    text.says(&["first source", "second source", NAME, "fail, rules."]);

    let decisions = rig.run(&token, &["decisions", "--action", "rollback", "--json"]).await.done().json();
    let decision = decisions["items"][0]["id"].as_str().unwrap().to_owned();
    let digest: Digest = decisions["items"][0]["evidence"].as_str().unwrap().parse().unwrap();
    let told = decisions["items"][0]["reason"].as_str().unwrap();
    assert!(told.starts_with(&sentence) && told.ends_with("The worse rules."), "{told}");
    let history = rig.run(&token, &["release", "show", &id, "--history", "--json"]).await.done().json();
    let event = history["history"].as_array().unwrap().iter().find(|row| row["event"]["kind"] == "fail");
    assert_eq!(event.unwrap()["event"]["sentence"].as_str().unwrap(), told, "the verdict's event has both");
    for path in [format!("/releases/{id}"), format!("/decisions/{decision}")] {
        let html = page(&rig, &cookie, &path).await;
        for part in ["Two sources: the worse verdict rules", "First source (this process)", NAME, "fail, rules"] {
            assert!(html.contains(part), "{path} lacks {part:?}");
        }
        assert!(html.contains("charts as the second source has it"), "{path}");
    }

    let same = rig.run(&token, &["judge", "replay", &decision, "--json"]).await.done().json();
    assert_eq!((&same["same"], &same["recorded"]["pair"]["rules"]), (&json!(true), &json!("second")));
    let auditor = rig.token(Role::Auditor).await;
    Signer::new(rig.base.service.clone(), rig.base.holder.clone()).turn().await;
    let key = rig.base.service.notary.keys()[0].to_string();
    let out = rig.dir.path().join("pack.zip");
    let name = out.display().to_string();
    rig.run(&auditor, &["audit", "export", "--out", &name, "--release", &id]).await.done();
    let good = finish(bare(&["audit", "verify", &name, "--json", "--key", &key])).await.done().json();
    assert!(good["verdicts_replayed"].as_u64() >= Some(1), "{good}");
    assert!(unpacked(&out).keys().any(|file| file.ends_with("report.pdf")));

    // Somebody makes the second source look better than it was: the first one's inputs alone do not give the verdict.
    let kept = rig.base.service.store.evidence(&digest).await.unwrap().unwrap();
    let altered = |change: fn(&mut Value)| {
        let mut evidence: Value = serde_json::from_str(&kept).unwrap();
        change(&mut evidence["inputs"]);
        evidence.to_string()
    };
    let mended = altered(|inputs| inputs["second"]["tick"]["canary"]["instances"][0]["errors"] = json!(0.0));
    let dropped = altered(|inputs| drop(inputs.as_object_mut().unwrap().remove("second")));
    for forged in [mended, dropped] {
        rig.forge(&digest, &forged).await;
        rig.run(&token, &["judge", "replay", &decision]).await.failed(1).says(&["Not the same."]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_server_that_ends_when_another_starts_then_both_sources_are_judged_on_from_where_they_were() {
    let mut rig = two().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, SERVICE, "quick-manual").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    ticks(&rig, &id, 4).await;
    rig.stop().await;
    let before = state(&rig, &id).await.unwrap();
    let number = |state: &Value, at: &str| state.pointer(at).and_then(Value::as_u64).unwrap();
    let (first, second) = (number(&before, "/window/number"), number(&before, "/second/window/number"));
    assert_eq!(first, second, "{before}");
    rig.start().await;
    let after = ticks(&rig, &id, second + 1).await;
    assert_eq!(number(&after, "/window/number"), number(&after, "/second/window/number"), "{after}");
    let seen = |state: &Value| state.pointer("/second/judge/seen/canary").and_then(Value::as_f64).unwrap();
    assert!(seen(&after) > seen(&before) && seen(&before) > 0.0, "what was seen before still counts");

    // It falls silent: that holds, and its page says which one.
    rig.world.second_down.store(true, Ordering::Relaxed);
    let gone = ticks(&rig, &id, number(&after, "/second/window/number") + 2).await;
    assert_eq!(number(&gone, "/window/number"), number(&gone, "/second/window/number"));
    let shown = rig.run(&token, &["release", "show", &id, "--json"]).await.done().json();
    assert_eq!(shown["sources"][1]["verdict"], "provider_down", "{shown}");
    assert_eq!(shown["sources"][1]["rules"], true, "{shown}");
    rig.run(&token, &["release", "promote", &id, "--reason", "looks well"]).await.failed(3);

    // Its document no longer names it: the first one decides alone.
    let document = json!({"name": SERVICE, "traffic": "memory", "signals": "memory"});
    rig.document("Service", SERVICE, &document.to_string()).await;
    let mut changes = rig.base.service.bus.subscribe();
    let waiting = async {
        while state(&rig, &id).await.unwrap().get("second").is_some() {
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is let go");
    let shown = rig.run(&token, &["release", "show", &id, "--json"]).await.done().json();
    assert_eq!(shown["sources"], json!([]), "{shown}");
}
