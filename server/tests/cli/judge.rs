//! The judge on recorded arms, and a recorded verdict once more.

use super::rig::{Ran, Rig, bare, finish};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::Ordering;
use sternway_domain::actor::Role;
use sternway_domain::id::Digest;

const PLAN: &str = "kind: Plan\nname: recorded\nstages:\n  - {weight: 100, bake: 10m}\nguards:\n  - {metric: errors, tolerance: {ratio: 1.5}}\n";

/// One row per instance and tick of 15 s; 3000 requests each, so many of them failed.
fn csv(ticks: usize, instances: usize, errors: impl Fn(usize) -> usize) -> String {
    let rows = (0..ticks).flat_map(|tick| (0..instances).map(move |i| (tick, i)));
    let rows: Vec<String> = rows.map(|(tick, i)| format!("{},i-{i},3000,{}\n", tick * 15, errors(tick))).collect();
    format!("time,instance,requests,errors\n{}", rows.concat())
}

async fn judged(folder: &Path, canary: &str, more: &[&str]) -> Ran {
    let at = |name: &str| folder.join(name).display().to_string();
    for (name, text) in [("b.csv", csv(240, 4, |tick| 2 + tick % 3).as_str()), ("c.csv", canary), ("p.yaml", PLAN)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let (baseline, canary, plan) = (at("b.csv"), at("c.csv"), at("p.yaml"));
    let arguments = ["judge", "run", "--baseline", &baseline, "--canary", &canary, "--plan", &plan];
    finish(bare(&[&arguments[..], more].concat())).await
}

#[tokio::test]
async fn given_recorded_arms_when_judged_then_the_code_and_the_json_say_what_was_decided() {
    let dir = tempfile::tempdir().unwrap();
    let alike = csv(240, 1, |tick| 2 + tick % 3);
    let passed = judged(dir.path(), &alike, &["--json"]).await.done().json();
    assert_eq!(passed["verdict"], "pass");
    assert_eq!(passed["ticks"], 240);
    assert_eq!(passed["judge_version"], sternway_domain::judge::JUDGE_VERSION);
    assert!(passed["decided_at"].as_f64().is_some_and(|at| at > 0.0 && at < 3600.0), "{passed}");
    let errors = &passed["by_metric"]["errors"];
    assert_eq!(errors["verdict"], "pass");
    assert!(errors["evidence"]["promote"].as_f64().is_some_and(|odds| odds >= 20.0), "{errors}");

    let worse = csv(240, 1, |tick| if tick < 80 { 3 } else { 15 });
    let failed = judged(dir.path(), &worse, &["--json"]).await.failed(1).json();
    assert_eq!((&failed["verdict"], &failed["by_metric"]["errors"]["verdict"]), (&json!("fail"), &json!("fail")));
    assert!(failed["decided_at"].as_f64().is_some_and(|at| (1200.0..1500.0).contains(&at)), "{failed}");
    judged(dir.path(), &worse, &[]).await.failed(1).says(&["Fail after ", "240 ticks", "Judge sequential-4."]);
}

#[tokio::test]
async fn given_too_little_or_silence_when_judged_then_the_code_is_2_and_nothing_was_decided() {
    let dir = tempfile::tempdir().unwrap();
    for (canary, verdict) in [(csv(3, 1, |_| 3), "no_data"), (csv(240, 1, |_| 3) + "3600,i-0,NaN,NaN\n", "no_data")] {
        let open = judged(dir.path(), &canary, &["--json"]).await.failed(2).json();
        assert_eq!((&open["verdict"], &open["decided_at"]), (&json!(verdict), &Value::Null));
    }
    let few = csv(240, 1, |_| 0).replace(",3000,", ",2,");
    let open = judged(dir.path(), &few, &["--json"]).await.failed(2).json();
    assert_eq!((&open["verdict"], &open["decided_at"]), (&json!("insufficient"), &Value::Null));
}

#[tokio::test]
async fn given_files_that_cannot_be_used_when_judged_then_the_code_is_3_and_the_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = "time,instance,requests,errors\n0,i-0,3000,three\n";
    let refused = judged(dir.path(), wrong, &[]).await.failed(3);
    refused.complains(&["c.csv`, line 2: `three` is not a number"]);
    judged(dir.path(), "time,instance,requests\n0,i-0,3000\n", &[]).await.failed(3).complains(&["`errors` is missing"]);
    judged(dir.path(), "", &[]).await.failed(3).complains(&["is empty"]);
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (baseline, gone, plan) = (at("b.csv"), at("gone.csv"), at("p.yaml"));
    let missing = ["judge", "run", "--baseline", &baseline, "--canary", &gone, "--plan", &plan];
    finish(bare(&missing)).await.failed(3).complains(&["gone.csv"]);
    std::fs::write(dir.path().join("p.yaml"), PLAN.replace("ratio: 1.5", "ratio: 0.5")).unwrap();
    let there = ["judge", "run", "--baseline", &baseline, "--canary", &baseline, "--plan", &plan];
    finish(bare(&there)).await.failed(3).complains(&["guards[0].tolerance.ratio: below 1"]);
}

#[tokio::test]
async fn given_a_plan_when_estimated_then_each_stage_says_when_it_would_notice_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.yaml").display().to_string();
    std::fs::write(&file, PLAN.replace("stages:\n", "stages:\n  - {weight: 5, bake: 10m}\n")).unwrap();
    let at = |requests: &'static str| ["plan", "estimate", "-f", &file, "--requests", requests].map(str::to_owned);
    let busy = finish(bare(&at("2000").each_ref().map(String::as_str))).await.done();
    busy.says(&["5\u{a0}%, 100.0 requests/s: ", "Errors: 2x noticed in about ", ", 5x noticed in about "]);
    let quiet = at("5").to_vec();
    let quiet: Vec<&str> = quiet.iter().map(String::as_str).chain(["--json"]).collect();
    let quiet = finish(bare(&quiet)).await.done().json();
    assert_eq!((&quiet["stages"][0]["weight"], &quiet["stages"][0]["promote"]), (&json!(5), &Value::Null));
    assert!(quiet["warnings"][0].as_str().unwrap().contains("cannot be shown to be within its tolerance"), "{quiet}");
    finish(bare(&at("0").each_ref().map(String::as_str)))
        .await
        .failed(3)
        .complains(&["`--requests` is a number above 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_service_that_was_watched_then_a_plan_is_estimated_from_it_and_played_over_it_when_saved() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Admin).await;
    let estimate = ["plan", "estimate", "quick-manual", "--service", "checkout"];
    rig.run(&token, &estimate).await.done().says(&["not estimated: no release", "Not played over the past"]);
    rig.run(&token, &["plan", "estimate", "quick-manual", "--service", "none"]).await.failed(3);

    rig.world.errors.store(2_000, Ordering::Relaxed);
    let id = rig.created(&token, "checkout", "quick-automatic").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    rig.run(&token, &["release", "watch", &id, "--json"]).await.failed(1);
    let seen = rig.run(&token, &estimate).await.done();
    seen.says(&["Seen lately: ", "requests/s: ", "Errors: ", "Would have fired 0 of 2 times: each instance"]);
    let json = rig.run(&token, &[&estimate[..], &["--json"]].concat()).await.done().json();
    assert!(json["requests"].as_f64().is_some_and(|rate| (500.0..4_000.0).contains(&rate)), "{json}");
    assert_eq!((&json["placebo"]["runs"], &json["placebo"]["fired"]), (&json!(2), &json!(0)));

    // A limit that the running version itself breaks.
    let strict = "kind: Plan\nname: strict\ninterval: 1s\nstages:\n  - {weight: 100, bake: 10m}\nhard_limits:\n  \
                  - {metric: errors, bound: {below: 0.5}, for: 1s}\n";
    let file = rig.dir.path().join("strict.yaml").display().to_string();
    std::fs::write(&file, strict).unwrap();
    let saved = rig.run(&token, &["apply", "-f", &file]).await.done();
    saved.says(&["strict on checkout. Would have fired 2 of 2 times (the hard limit on errors 2 times)"]);
    let again = rig.run(&token, &["apply", "-f", &file]).await.done();
    assert!(!again.out.contains("Would have fired"), "unchanged, so nothing is played: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_decision_when_replayed_then_the_verdict_is_the_same_and_altered_inputs_are_found_out() {
    let rig = Rig::new().await;
    rig.world.errors.store(2_000, Ordering::Relaxed);
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-automatic").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    rig.run(&token, &["release", "watch", &id, "--json"]).await.failed(1);

    let decisions = rig.run(&token, &["decisions", "--action", "rollback", "--json"]).await.done().json();
    let decision = &decisions["items"][0];
    let (id, digest) = (decision["id"].as_str().unwrap(), decision["evidence"].as_str().unwrap());
    let same = rig.run(&token, &["judge", "replay", id]).await.done();
    same.says(&["The same to the last bit: Errors "]);
    let same = rig.run(&token, &["judge", "replay", id, "--json"]).await.done().json();
    assert_eq!((&same["same"], &same["recorded"]["kind"]), (&json!(true), &json!("fail")));
    assert_eq!(same["recorded"], same["again"]);

    // Somebody makes the canary look better than it was.
    let digest: Digest = digest.parse().unwrap();
    let kept = rig.base.service.store.evidence(&digest).await.unwrap().unwrap();
    let mut altered: Value = serde_json::from_str(&kept).unwrap();
    altered["inputs"]["tick"]["canary"]["instances"][0]["errors"] = json!(0.0);
    rig.forge(&digest, &altered.to_string()).await;
    let other = rig.run(&token, &["judge", "replay", id]).await.failed(1);
    other.says(&["Not the same. The evidence does not have the digest", "Recorded: ", "Now: "]);
    let other = rig.run(&token, &["judge", "replay", id, "--json"]).await.failed(1).json();
    assert_eq!((&other["same"], &other["evidence_intact"]), (&json!(false), &json!(false)));
    assert_ne!(other["recorded"], other["again"]);
    altered["verdict"]["judge_version"] = json!("another");
    for forged in [altered.clone(), json!({"verdict": altered["verdict"]})] {
        rig.forge(&digest, &forged.to_string()).await;
        rig.run(&token, &["judge", "replay", id]).await.failed(1).says(&["Not the same. The evidence does not have"]);
    }

    rig.run(&token, &["judge", "replay", "no-id"]).await.failed(3).complains(&["is not the id of a decision"]);
    let created = rig.run(&token, &["decisions", "--action", "create", "--json"]).await.done().json();
    let created = created["items"][0]["id"].as_str().unwrap().to_owned();
    rig.run(&token, &["judge", "replay", &created]).await.failed(3);
}
