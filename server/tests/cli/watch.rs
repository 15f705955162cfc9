//! Following a release: what is printed while it goes, and the code it ends with.

use super::rig::{Rig, build};
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::time::Duration;
use sternway_domain::actor::Role;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

#[tokio::test(flavor = "multi_thread")]
async fn given_a_healthy_canary_when_created_started_and_watched_in_one_go_then_the_code_is_0() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
    let arguments = [
        "release",
        "create",
        "--service",
        "checkout",
        "--candidate",
        &candidate,
        "--baseline",
        &baseline,
        "--plan",
        "quick-automatic",
        "--reason",
        "by CI",
        "--start",
        "--watch",
    ];
    let watched = rig.run(&token, &arguments).await.done();
    watched.says(&[
        "Created. ",
        "Started. ",
        "Stage 1 of 3: 5\u{a0}% asked of the proxy.",
        "Promoted: 5\u{a0}% → 25\u{a0}%.",
        "Promoted: 25\u{a0}% → 100\u{a0}%.",
        "Verdict pass: ",
        "Promoted. checkout 1.42.0: promoted",
        "(exit code 0)",
    ]);
    assert!(!watched.out.contains('\r') && !watched.out.contains('\u{1b}'), "lines only, without a terminal");
    assert_eq!(watched.out.matches("Stage 2 of 3").count(), 1, "each event is told once");
    rig.run(&token, &["release", "watch", "checkout"]).await.done().says(&["(exit code 0)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_failing_canary_when_watched_then_the_code_is_1_and_every_line_is_json_if_wanted() {
    let rig = Rig::new().await;
    rig.world.errors.store(2_000, Ordering::Relaxed);
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-automatic").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    let watched = rig.run(&token, &["release", "watch", &id, "--json"]).await.failed(1);
    let lines: Vec<Value> = watched.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["event"]["event"].as_str()).collect();
    assert!(kinds.starts_with(&["created", "started"]) && kinds.ends_with(&["rolled_back"]), "{kinds:?}");
    let last = lines.last().unwrap();
    assert_eq!((last["exit_code"].as_u64(), last["release"]["state"].as_str()), (Some(1), Some("rolled_back")));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_nobody_decides_in_time_when_watched_then_the_code_is_2() {
    let rig = Rig::new().await;
    rig.world.errors.store(2_000, Ordering::Relaxed);
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    let watched = rig.run(&token, &["release", "watch", &id]).await.failed(2);
    watched.says(&["Held: not decided in time, a person decides.", "a person has to look", "(exit code 2)"]);
    let patient = rig.run(&token, &["release", "watch", &id, "--until-ended", "--timeout", "1s"]).await.failed(4);
    patient.says(&["has not ended after 1\u{a0}s", "(exit code 4)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_somebody_cancels_when_watched_then_the_code_is_2() {
    let rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-manual").await;
    let mut watching = rig.command(&token, &["release", "watch", &id]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    until(&mut lines, "Created: ").await;
    rig.run(&token, &["release", "cancel", &id, "--reason", "not today"]).await.done();
    until(&mut lines, "Cancelled. “not today”").await;
    until(&mut lines, "(exit code 2)").await;
    assert_eq!(watching.wait().await.unwrap().code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_server_restarts_when_watched_then_it_comes_back_and_misses_nothing() {
    let mut rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-automatic").await;
    let mut watching = rig.command(&token, &["release", "watch", &id]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    until(&mut lines, "Created: ").await;
    rig.run(&token, &["release", "start", &id, "--reason", "go on"]).await.done();
    until(&mut lines, "Started. ").await;
    rig.stop().await;
    rig.start().await;
    until(&mut lines, "Promoted: 5\u{a0}% → 25\u{a0}%.").await;
    until(&mut lines, "(exit code 0)").await;
    assert_eq!(watching.wait().await.unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_server_never_comes_back_when_watched_then_the_code_is_3() {
    let mut rig = Rig::new().await;
    let token = rig.token(Role::ReleaseManager).await;
    let id = rig.created(&token, "checkout", "quick-automatic").await;
    let mut watching = rig.command(&token, &["release", "watch", &id, "--lost-after", "2s"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    until(&mut lines, "Created: ").await;
    rig.stop().await;
    let ended = tokio::time::timeout(Duration::from_secs(40), watching.wait_with_output()).await.unwrap().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("cannot be reached") && told.contains("trying again"), "{told}");
}

async fn until<R: AsyncRead + Unpin>(lines: &mut tokio::io::Lines<BufReader<R>>, part: &str) {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(part) {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(Duration::from_secs(40), found).await;
    assert_eq!(found, Ok(true), "{part:?} is not told");
}
