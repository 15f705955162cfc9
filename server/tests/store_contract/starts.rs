//! With which settings servers were started: once in the log for each change, however many start.

use super::support::*;
use rstest::rstest;
use std::sync::Arc;
use sternway_domain::audit::Target;
use sternway_domain::audit::settings::Settings;
use sternway_server::service::Service;
use sternway_server::store::rows::DecisionFilter;
use sternway_server::system::{SystemClock, SystemRng};
use tokio::task::JoinSet;

fn settings(texts: &str) -> Settings {
    let all = [("log.retention.texts", texts), ("alarms", "ops")];
    let settings = all.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Settings { version: "0.1.0".to_owned(), settings }
}

/// As another process has it.
async fn replica(rig: &Rig) -> Service {
    Service::new(rig.again().await, Arc::new(SystemClock), Arc::new(SystemRng))
}

/// Reasons of all entries about starts, oldest first.
async fn told(rig: &Rig) -> Vec<String> {
    let filter = DecisionFilter { action: Some("configure".to_owned()), limit: 1_000, ..DecisionFilter::default() };
    let rows = rig.store.decisions(&filter).await.unwrap();
    rows.into_iter().rev().map(|row| row.reason).collect()
}

#[rstest]
#[tokio::test]
async fn given_settings_that_change_when_started_then_each_change_is_one_entry(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut news = Vec::new();
    for texts in ["365d", "365d", "730d", "730d", "365d", "730d"] {
        news.push(replica(&rig).await.started_with(&settings(texts)).await.unwrap());
    }
    assert_eq!(news, [true, false, true, false, true, true]);
    let expected = [
        "Sternway 0.1.0 started with this configuration for the first time",
        "Sternway 0.1.0 started with other settings: `log.retention.texts` from 365d to 730d",
        "Sternway 0.1.0 started with other settings: `log.retention.texts` from 730d to 365d",
        "Sternway 0.1.0 started with other settings: `log.retention.texts` from 365d to 730d",
    ];
    assert_eq!(told(&rig).await, expected);
    let newest = rig.store.decisions(&DecisionFilter::default()).await.unwrap().remove(0);
    let entry = rig.store.entries(&[newest.leaf_index]).await.unwrap().remove(&newest.leaf_index);
    assert_eq!(entry.unwrap().target, Target::Configuration { names: vec!["log.retention.texts".to_owned()] });
    assert_eq!(newest.actor_label, "automation, rule start");
    let kept = rig.store.evidence(&newest.evidence.unwrap()).await.unwrap().unwrap();
    assert_eq!(Settings::read(&kept), Some(settings("730d")));
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_replicas_that_start_at_once_then_equal_settings_are_one_entry_and_others_one_each(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    const ROUNDS: usize = 12;
    let rig = kind.start().await;
    let replicas = [replica(&rig).await, replica(&rig).await, replica(&rig).await, replica(&rig).await];
    for round in 0..ROUNDS {
        let mut starts = JoinSet::new();
        for service in replicas.clone() {
            starts.spawn(async move { service.started_with(&settings(&format!("{}d", round + 1))).await.unwrap() });
        }
        let news = starts.join_all().await.into_iter().filter(|news| *news).count();
        assert_eq!((news, told(&rig).await.len()), (1, round + 1));
    }
    let mut starts = JoinSet::new();
    for (n, service) in replicas.into_iter().enumerate() {
        starts.spawn(async move { service.started_with(&settings(&format!("{}d", 100 + n))).await.unwrap() });
    }
    assert_eq!(starts.join_all().await, [true; 4]);
    let told = told(&rig).await.split_off(ROUNDS);
    let sides =
        |reason: &String| reason.split("from ").nth(1).unwrap().split(" to ").map(str::to_owned).collect::<Vec<_>>();
    let pairs: Vec<Vec<String>> = told.iter().map(sides).collect();
    assert!(pairs.windows(2).all(|two| two[0][1] == two[1][0]), "each says what came before it: {told:?}");
}

/// Every setting another one, with long names: the entry still fits.
#[rstest]
#[tokio::test]
async fn given_very_many_settings_when_all_change_then_it_is_written_down(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let many = |value: &str| {
        let all = (0..2_000).map(|n| (format!("connections.a-connection-with-number-{n}"), value.repeat(100)));
        Settings { version: "0.1.0".to_owned(), settings: all.collect() }
    };
    let service = replica(&rig).await;
    assert!(service.started_with(&many("a")).await.unwrap());
    assert!(service.started_with(&many("b")).await.unwrap());
    assert!(!service.started_with(&many("b")).await.unwrap());
    assert!(told(&rig).await[1].ends_with("; and 1990 more"));
}
