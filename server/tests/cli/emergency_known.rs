//! Going back without the server, when more is known than the proxy: what moves together, and data that would be lost.

use super::emergency::{Night, entries};
use super::rig::{Ran, Rig, build, fed};
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::audit::{Entry, Outcome, Target};
use sternway_domain::id::Digest;
use sternway_domain::release::Release;
use sternway_peers::{eventually, free_port};
use sternway_server::drivers::MemoryTraffic;
use sternway_server::emergency::{Brake, NoReturn, read_copy};
use sternway_server::ports::{Clock, Intent};
use sternway_server::system::SystemClock;
use tokio_util::sync::CancellationToken;

const MIGRATION: &str = r#"{"name": "order-status", "component": "checkout", "description": "A column is renamed.",
    "data_loss": "Orders changed since then lose their status."}"#;
const PATIENCE: Duration = Duration::from_secs(30);

async fn night() -> Night {
    Night::start("on_call@example.org", &format!("listen = \"127.0.0.1:{}\"", free_port())).await
}

async fn release(rig: &Rig, id: &str) -> Release {
    rig.base.service.load(id.parse().unwrap()).await.unwrap()
}

/// What people did late, and not the orders that followed.
async fn late(rig: &Rig) -> Vec<Entry> {
    entries(rig).await.into_iter().filter(|entry| entry.occurred.is_some()).collect()
}

/// A release of `checkout` whose data is past its point of no return; its id.
async fn past_no_return(rig: &Rig, manager: &str) -> String {
    rig.document("Migration", "order-status", MIGRATION).await;
    let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
    let create =
        ["release", "create", "--service", "checkout", "--plan", "quick-manual", "--migration", "order-status"];
    let more = ["--candidate", &candidate, "--baseline", &baseline, "--reason", "as planned", "--start", "--json"];
    let made = rig.run(manager, &[&create[..], &more[..]].concat()).await.done();
    for to in ["expand", "dual_write", "backfill", "switch_reads", "contract"] {
        let arguments = ["release", "data", "move", "checkout", "--to", to, "--reason", "as planned", "--override"];
        rig.run(manager, &arguments).await.done();
    }
    id(&made)
}

/// Of the release that was made, which is told first.
fn id(made: &Ran) -> String {
    let told: Value = serde_json::from_str(made.out.lines().next().unwrap()).unwrap();
    told["release"]["id"].as_str().unwrap().to_owned()
}

async fn copied(night: &Night, what: &str, so: impl Fn(&[NoReturn]) -> bool) {
    let path = night.at("emergency.json");
    let look = || async { read_copy(&path).ok()?.no_return.filter(|all| so(all)).map(drop) };
    eventually(what, PATIENCE, look).await;
}

#[tokio::test]
async fn given_a_component_of_a_release_when_rolled_back_then_the_entry_names_the_release_and_all_of_it_goes_back() {
    let rig = Rig::new().await;
    let (manager, _on_call) = (rig.token(Role::ReleaseManager).await, rig.token(Role::OnCall).await);
    let artifact = |version: &str| json!({"version": version, "digest": Digest::of(version.as_bytes())});
    let (candidate, baseline) = (artifact("1.42.0"), artifact("1.41.3"));
    let document = json!({
        "service": "search", "candidate": candidate, "baseline": baseline, "plan": "quick-manual", "reason": "as planned",
        "components": [{"service": "checkout", "candidate": candidate, "baseline": baseline}],
    });
    let create = rig.command(&manager, &["release", "create", "--file", "-", "--start", "--json"]);
    let id = id(&fed(create, &document.to_string()).await.done());
    rig.confirmed(&id).await;
    let night = night().await;
    let intake = night.intake(&rig);
    let cancel = CancellationToken::new();
    let running = tokio::spawn(intake.run(cancel.clone()));
    let path = night.at("emergency.json");
    let known = || async { read_copy(&path).ok().filter(|copy| copy.together.len() == 1).map(drop) };
    eventually("what moves together is copied", PATIENCE, known).await;
    cancel.cancel();
    running.await.unwrap();

    let ran = night.with_documents(&[]).await.done();
    ran.complains(&["`checkout` moves together with `search`", "the server takes the whole release back"]);
    assert_eq!(night.weight().await, 0);
    night.intake(&rig).look().await;
    let [entry] = &late(&rig).await[..] else { panic!("one: {:?}", entries(&rig).await) };
    let Target::Release { id: of, service } = &entry.target else { panic!("{entry:?}") };
    assert_eq!((of.to_string(), service.as_str()), (id.clone(), "search"));
    let said = "`checkout` moves in this release of `search`".to_owned();
    assert!(entry.effects.contains(&said) && entry.overridden.is_empty(), "{entry:?}");
    let state = release(&rig, &id).await.state.label();
    assert!(["rolling back", "rolled back"].contains(&state.as_str()), "{state}");
    assert!(night.spooled().is_empty(), "it was put aside");
}

#[tokio::test]
async fn given_data_past_its_last_safe_point_when_rolled_back_then_it_is_refused_or_done_alone_until_the_glass_is_broken()
 {
    let rig = Rig::new().await;
    let (manager, admin) = (rig.token(Role::ReleaseManager).await, rig.token(Role::Admin).await);
    let _on_call = rig.token(Role::OnCall).await;
    let id = past_no_return(&rig, &manager).await;
    let night = night().await;
    let cancel = CancellationToken::new();
    let running = tokio::spawn(night.intake(&rig).run(cancel.clone()));
    copied(&night, "that it may not go back", |all| all.len() == 1).await;
    cancel.cancel();
    running.await.unwrap();
    let copy = std::fs::read_to_string(night.at("emergency.json")).unwrap();
    assert!(!copy.contains("Maya"), "no names of people stand in the file: {copy}");

    let refused = night.with_documents(&[]).await.failed(3);
    let why = "`order-status` is at `contract`, past its last safe rollback point `switch reads`. Orders changed since \
               then lose their status.";
    refused.complains(&["`checkout` cannot go back.", why, "freeze:", "roll forward:", "--force-data-loss"]);
    assert_eq!((night.weight().await, night.spooled().len()), (25, 0));

    night.with_documents(&["--force-data-loss"]).await.done();
    assert_eq!(night.weight().await, 0);
    let lines = std::fs::read_to_string(&night.spooled()[0]).unwrap();
    let losses: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["record"]["loss"].take()).collect();
    assert_eq!(losses, [json!({"is": "accepted", "why": why}), json!({"is": "accepted", "why": why})]);

    let brake = Brake { spool: night.at("spool"), keys: vec![night.registered.parse().unwrap()] };
    let driver = brake.over(std::sync::Arc::new(MemoryTraffic::default().driver("checkout".parse().unwrap())));
    let intent =
        Intent { service: "checkout".parse().unwrap(), canary: 25.try_into().unwrap(), key: "k".to_owned(), token: 1 };
    for _ in 0..2 {
        night.intake(&rig).look().await;
        assert!(driver.apply(&intent).await.is_err(), "the canary gets nothing back");
    }
    let [entry] = &late(&rig).await[..] else { panic!("said once: {:?}", entries(&rig).await) };
    assert_eq!(
        (&entry.outcome, &entry.overridden),
        (&Outcome::Accepted, &vec![format!("done although data is lost: {why}")])
    );
    assert!(entry.effects.iter().any(|line| line.starts_with("not rolled back yet")), "{entry:?}");
    assert!(matches!(&entry.target, Target::Release { id: of, .. } if of.to_string() == id), "{entry:?}");
    assert_eq!(release(&rig, &id).await.state.as_str(), "running");

    rig.run(&manager, &["release", "data", "ask-glass", "checkout", "-r", "nobody can pay"]).await.done();
    rig.run(&admin, &["release", "data", "break-glass", "checkout", "-r", "agreed"]).await.done();
    night.intake(&rig).look().await;
    assert_ne!(release(&rig, &id).await.state.as_str(), "running", "it goes back");
    assert!(night.spooled().is_empty(), "it was put aside");
    assert_eq!(late(&rig).await.len(), 1);
    driver.apply(&intent).await.unwrap();
}

#[tokio::test]
async fn given_a_promoted_release_past_no_return_then_it_is_known_until_another_one_moves_and_never_while_held() {
    let rig = Rig::new().await;
    let manager = rig.token(Role::ReleaseManager).await;
    let id = past_no_return(&rig, &manager).await;
    let night = night().await;
    let cancel = CancellationToken::new();
    let running = tokio::spawn(night.intake(&rig).run(cancel.clone()));
    let named = |all: &[NoReturn]| all.iter().any(|known| known.release.to_string() == id);
    copied(&night, "that it may not go back", named).await;
    while release(&rig, &id).await.state.as_str() != "promoted" {
        let arguments = ["release", "promote", &id, "--reason", "as planned", "--override"];
        rig.run(&manager, &arguments).await;
    }
    let before = read_copy(&night.at("emergency.json")).unwrap();
    std::fs::remove_file(night.at("emergency.json")).unwrap();
    let next = ["release", "create", "--service", "search", "--plan", "quick-manual", "--reason", "as planned"];
    let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
    let both = ["--candidate", &candidate, "--baseline", &baseline];
    rig.run(&manager, &[&next[..], &both[..]].concat()).await.done();
    copied(&night, "what it brought still runs", named).await;

    let candidate = build("1.43.0");
    let next = ["release", "create", "--service", "checkout", "--plan", "quick-manual", "--reason", "as planned"];
    rig.run(&manager, &[&next[..], &["--candidate", &candidate, "--start"]].concat()).await.done();
    copied(&night, "the next one goes back to it", <[NoReturn]>::is_empty).await;
    cancel.cancel();
    running.await.unwrap();

    // A database that came less far knows less than the file.
    let (service, path) = (&rig.base.service, night.at("emergency.json"));
    std::fs::write(&path, serde_json::to_string(&before).unwrap()).unwrap();
    service.memory.distrust(service.store.as_ref(), SystemClock.now(), "rewound".to_owned()).await.unwrap();
    let cancel = CancellationToken::new();
    let running = tokio::spawn(night.intake(&rig).run(cancel.clone()));
    std::fs::create_dir_all(night.at("spool")).unwrap();
    std::fs::write(night.at("spool").join("junk.jsonl"), "{}\n").unwrap();
    let refused = || async { night.at("spool").join("refused").join("junk.jsonl").exists().then_some(()) };
    eventually("it looked twice", PATIENCE, refused).await;
    cancel.cancel();
    running.await.unwrap();
    assert_eq!(read_copy(&path).unwrap(), before);
}
