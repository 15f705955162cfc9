//! Flags: applied, listed, shown, switched.

use super::rig::{Rig, bare, fed};
use sternway_domain::actor::Role;

const FLAG: &str =
    "kind: Flag\nkey: pay.new\npurpose: Pays by the new provider\nowner: team-pay\nexpires: 2020-01-31\n";

#[tokio::test(flavor = "multi_thread")]
async fn given_a_flag_when_applied_and_switched_then_every_command_tells_how_it_stands() {
    let rig = Rig::new().await;
    let (manager, viewer) = (rig.token(Role::ReleaseManager).await, rig.token(Role::Viewer).await);
    let applied = fed(rig.command(&manager, &["apply", "-f", "-", "--reason", "first flag"]), FLAG).await.done();
    applied.says(&["Applied: 1 created", "Note: `pay.new` expired 2020-01-31; team-pay takes it out of the code"]);
    rig.run(&viewer, &["flags", "list"]).await.done().says(&["pay.new", "off", "expired", "never", "team-pay"]);

    let on = rig.run(&manager, &["flags", "on", "pay.new", "--reason", "tried in a drill"]).await.done();
    on.says(&["`pay.new` is on in production; version 2.", "Decision ", "in the log"]);
    on.complains(&["Seen: `pay.new` is off; version 1."]);
    let shown = rig.run(&viewer, &["flags", "show", "pay.new"]).await.done();
    shown.says(&[
        "`pay.new` is on since ",
        "“tried in a drill”",
        "Pays by the new provider. Owner: team-pay.",
        "Written.",
    ]);
    let json = rig.run(&viewer, &["flags", "show", "pay.new", "--json"]).await.done().json();
    assert_eq!((&json["enabled"], &json["version"]), (&true.into(), &2.into()));

    let stale = ["flags", "off", "pay.new", "--reason", "an old tab", "--expected-version", "1"];
    rig.run(&manager, &stale).await.failed(3).complains(&["The flag has changed"]);
    rig.run(&viewer, &["flags", "off", "pay.new", "--reason", "curious"])
        .await
        .failed(3)
        .complains(&["viewer may not switch flags"]);
    rig.run(&manager, &["flags", "off", "none", "--reason", "no such flag"])
        .await
        .failed(3)
        .complains(&["no flag `none`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_flag_when_split_and_retired_then_every_command_tells_so() {
    let rig = Rig::new().await;
    let manager = rig.token(Role::ReleaseManager).await;
    fed(rig.command(&manager, &["apply", "-f", "-", "--reason", "first flag"]), FLAG).await.done();
    let split = ["flags", "split", "pay.new", "--share", "on=12.5", "--reason", "an eighth of all people"];
    rig.run(&manager, &split).await.done().says(&["`pay.new` is 12.5\u{a0}% `on` in production; version 2."]);
    let wrong = ["flags", "split", "pay.new", "--share", "on", "--reason", "an eighth of all people"];
    rig.run(&manager, &wrong).await.failed(64).complains(&["VARIANT=PERCENT"]);
    let retire = ["flags", "retire", "pay.new", "--reason", "the old way is gone"];
    rig.run(&manager, &retire).await.done().says(&["`pay.new` is retired: clients get their own defaults; version 3."]);
    rig.run(&manager, &["flags", "list"]).await.done().says(&["pay.new", "retired", "expired"]);
    rig.run(&manager, &["flags", "show", "pay.new"])
        .await
        .done()
        .says(&["`pay.new` is retired since ", "Retired. “the"]);
    let off = ["flags", "off", "pay.new", "--reason", "too late"];
    rig.run(&manager, &off).await.failed(3).complains(&["`pay.new` was retired by"]);
}

#[tokio::test]
async fn given_an_expired_flag_in_a_file_when_only_checked_then_the_linter_says_so() {
    let told = fed(bare(&["apply", "-f", "-", "--check"]), FLAG).await.done();
    told.says(&["Note: `pay.new` expired 2020-01-31", "1 document is well-formed"]);
}
