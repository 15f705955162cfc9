//! Data goes back with its release, phase by phase; past the point of no return nothing goes back, and a rule freezes.

use super::fleet::Fleet;
use super::pager::Pager;
use super::rig::{Rig, SERVICE};
use super::support::{maya, person};
use serde_json::{Value, json};
use sternway_domain::component::Scope;
use sternway_domain::migration::Phase;
use sternway_domain::release::State;
use sternway_domain::time::Span;
use sternway_server::service::{DataRequest, DataWanted, ServiceError, Wanted};

const BACK: Wanted =
    Wanted::Rollback { scope: Scope { components: None, cells: std::collections::BTreeSet::new(), features: None } };

fn migration(component: &str) -> Value {
    json!({
        "name": "order-status", "component": component, "description": "`status` becomes `order_status`.",
        "data_loss": "Orders changed since then lose their status.",
    })
}

#[tokio::test]
async fn given_data_that_is_on_its_way_when_the_release_is_rolled_back_then_reads_and_writes_go_back_in_their_places() {
    let fleet = Fleet::start(71).await;
    fleet.desk.apply_migration(migration("storage")).await;
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started_with(vec!["order-status".to_owned()]).await;
    fleet.desk.data_up_to(id, Phase::SwitchReads).await;

    fleet.desk.act(id, BACK).await.expect("accepted");
    let over = async || (!fleet.desk.release(id).await.state.active()).then_some(());
    fleet.desk.until("everything is back", over).await;

    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    let data = fleet.desk.data(id).await;
    let back: Vec<_> = data.moves.iter().rev().take(2).map(|moved| (moved.to, moved.by.as_str())).collect();
    let rule = "automation, rule move-data-on-rollback";
    assert_eq!((data.phase, back), (Phase::Expand, vec![(Phase::Expand, rule), (Phase::DualWrite, rule)]));
    let saga = fleet.saga(id).await.expect("a saga").saga;
    let place = |title: &str| {
        let found = saga.plan.steps.iter().position(|step| step.title == title);
        found.unwrap_or_else(|| panic!("no step {title:?}"))
    };
    let order = [
        "Reads of `order-status` back to the old data",
        "Deploy `storage` 1.41.3",
        "Writes of `order-status` back to the old data",
    ]
    .map(place);
    assert!(order.is_sorted(), "{order:?}");
    let moved = fleet.desk.actions(id).await.into_iter().filter(|line| line.starts_with("move_data automation"));
    assert_eq!(moved.count(), 2, "each phase once");
    engine.stop().await;
}

#[tokio::test]
async fn given_a_failing_canary_past_no_return_then_the_rules_rollback_is_refused_and_the_release_frozen_once() {
    let rig = Rig::start(81, 1, "automatic").await;
    rig.desk.apply_migration(migration(SERVICE)).await;
    let id = rig.desk.created_with(SERVICE, "quick", vec!["order-status".to_owned()]).await;
    rig.desk.data_up_to(id, Phase::Contract).await;
    rig.canary[0].set_failing(2_000);
    let pager = Pager::start().await;
    let watch = pager.watch(&rig.desk, "one");
    rig.desk.act(id, Wanted::Start { override_checklist: false, deployed: false }).await.expect("started");

    let frozen = |state: &State| matches!(state, State::Frozen { .. });
    rig.desk.until_release(id, "the release is frozen", |release| frozen(&release.state)).await;
    let decisions = rig.desk.decisions(id).await;
    let said: Vec<String> = decisions
        .iter()
        .filter(|row| row.actor_key.starts_with("automation"))
        .map(|row| format!("{} {} {}", row.action, row.outcome, row.actor_label))
        .collect();
    assert_eq!(
        said,
        [
            "rollback refused automation, rule roll-back-on-fail",
            "freeze accepted automation, rule freeze-past-no-return"
        ]
    );
    let why = &decisions.last().expect("the freeze").reason;
    assert!(why.contains("Rolling back was refused. `order-status` entered `contract`"), "{why}");
    assert!(why.contains("Orders changed since then lose their status. Frozen until a person decides."), "{why}");

    // It goes on looking, and does nothing more.
    let share = rig.share().await;
    assert!(share > 0.0, "traffic stays where it is");
    rig.desk
        .until("the engine looked again", async || {
            let traffic = rig.desk.traffic(SERVICE).await?;
            (traffic.observed_at? > decisions.last()?.at + Span::from_secs(3)).then_some(())
        })
        .await;
    assert_eq!(rig.desk.decisions(id).await.len(), decisions.len());
    assert_eq!(rig.share().await, share);

    let refused = rig.desk.act(id, BACK).await.expect_err("a person is refused too");
    let ServiceError::PastNoReturn(refused) = refused else { panic!("{refused}") };
    assert_eq!((refused.service.as_str(), refused.migration.as_str()), (SERVICE, "order-status"));
    assert_eq!(rig.desk.decisions(id).await.pop().expect("an entry").outcome, "refused");
    assert!(rig.desk.service.preview_rollback(&maya(), id, &Scope::default()).await.is_err());

    let page = pager.until(&rig.desk, "alarm.raised frozen").await;
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains("would lose data: it is frozen at") && text.contains("Orders changed since then"), "{text}");
    // I10: two people break the glass, and others hear of it.
    for (caller, wanted) in [(maya(), DataWanted::AskGlass), (person(2, "Ben Ito"), DataWanted::BreakGlass)] {
        let before = rig.desk.data(id).await;
        let request = DataRequest {
            release: id,
            migration: before.plan.name,
            expected_version: before.version,
            idempotency_key: format!("glass {}", before.version),
            wanted,
            reason: "errors cost more than orders".to_owned(),
        };
        rig.desk.service.move_data(&caller, request).await.expect("accepted");
        if before.asked.is_none() {
            let asked = pager.until(&rig.desk, "alarm.raised glass_asked").await;
            assert!(!asked.body.to_string().contains("Maya"), "what people write stays in the log: {}", asked.body);
        }
    }
    let broken = rig.desk.data(id).await.broken.expect("broken").at;
    let told = pager.until(&rig.desk, "alarm.raised glass_broken").await;
    assert!(told.at.since(broken) <= Span::from_secs(60), "told after {}", told.at.since(broken));
    assert_eq!(told.body["data"]["severity"], "notice");
    pager.until(&rig.desk, "alarm.resolved glass_asked").await;
    watch.stop().await;
    rig.end().await;
}
