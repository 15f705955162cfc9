//! Data of a release from the command line: moved, asked, and, past the point of no return, refused and broken.

use super::rig::{Rig, build};
use sternway_domain::actor::Role;

const MIGRATION: &str = r#"{"name": "order-status", "component": "checkout", "description": "A column is renamed.",
    "data_loss": "Orders changed since then lose their status.",
    "enter": {"contract": [{"lasted": "1h"}]}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn given_a_release_with_data_when_it_is_moved_then_every_command_says_where_it_stands_and_who_may_go_back() {
    let rig = Rig::new().await;
    let (maya, robin) = (rig.token(Role::ReleaseManager).await, rig.token(Role::Admin).await);
    rig.document("Migration", "order-status", MIGRATION).await;
    let (candidate, baseline) = (build("1.42.0"), build("1.41.3"));
    let create =
        ["release", "create", "--service", "checkout", "--plan", "quick-manual", "--migration", "order-status"];
    let more = ["--candidate", &candidate, "--baseline", &baseline, "--reason", "as planned", "--start"];
    rig.run(&maya, &[&create[..], &more[..]].concat()).await.done();

    rig.run(&maya, &["release", "data", "show", "checkout"]).await.done().says(&["order-status: A column is renamed."]);
    for to in ["expand", "dual-write", "backfill", "switch_reads"] {
        let moved =
            rig.run(&maya, &["release", "data", "move", "checkout", "--to", to, "-r", "as planned"]).await.done();
        moved.says(&["`order-status` moved from "]);
    }
    let foreseen = rig.run(&maya, &["release", "rollback", "checkout", "--dry-run"]).await.done();
    foreseen.says(&[
        "Data of `checkout`: `order-status` goes back from switch reads to dual write.",
        "Data of `checkout`: `order-status` goes back from dual write to expand.",
    ]);
    let early = ["release", "data", "move", "checkout", "--to", "contract", "-r", "as planned"];
    rig.run(&maya, &early).await.failed(3).complains(&["it must last 1h"]);
    rig.run(&maya, &[&early[..], &["--override"]].concat()).await.done();
    rig.run(&maya, &["release", "data", "show", "checkout", "order-status"])
        .await
        .done()
        .says(&["No way back: `order-status` entered `contract`", "contract (now)"]);

    let refusal = &["cannot go back", "Orders changed since then lose their status.", "Two ways remain: freeze"];
    rig.run(&maya, &["release", "rollback", "checkout", "--dry-run"]).await.failed(3).complains(refusal);
    rig.run(&maya, &["release", "rollback", "checkout", "-r", "errors"]).await.failed(3).complains(refusal);
    rig.run(&maya, &["release", "data", "ask-glass", "checkout", "-r", "nobody can pay"]).await.done();
    let alone = rig.run(&maya, &["release", "data", "break-glass", "checkout", "-r", "nobody can pay"]).await;
    alone.failed(3).complains(&["A second person must confirm"]);
    rig.run(&robin, &["release", "data", "break-glass", "checkout", "-r", "agreed"]).await.done();
    let back = rig.run(&maya, &["release", "rollback", "checkout", "-r", "errors"]).await.done();
    back.complains(&["Glass broken by test for Maya release manager and "]);
    rig.run(&maya, &["release", "steps", "checkout"])
        .await
        .done()
        .says(&["Repair the data of `order-status`: the glass is"]);
}
