//! Rehearsing a rollback from the command line.

use super::rig::{bare, fed, finish};
use serde_json::{Value, json};

const PLAN: &str = "\
components:
  - {name: api, needs: [auth, cache], features: [new-price], drain: 5s}
  - {name: auth, needs: [storage]}
  - {name: storage, migrations: [{name: orders, phase: switch_reads}]}
  - {name: cache, deploy: false, caches: [{redis: {connection: carts, pattern: \"*\"}}]}
channels: [ops]
";

async fn rehearsed(plan: &str, more: &[&str]) -> super::rig::Ran {
    fed(bare(&[&["rehearse", "-"], more].concat()), plan).await
}

#[tokio::test]
async fn given_a_plan_when_rehearsed_in_a_storm_then_what_could_happen_is_counted_and_repeatable() {
    let one = rehearsed(PLAN, &["--runs", "200", "--json"]).await.done().json();
    assert_eq!((&one["runs"], &one["broken"]), (&json!(200), &json!([])));
    let ends = one["ends"].as_array().unwrap();
    let sum: u64 = ends.iter().map(|end| end["runs"].as_u64().unwrap()).sum();
    assert!(sum == 200 && ends.len() > 3 && one["crashes"].as_u64().unwrap() > 100, "{one}");
    let without_time = |mut all: Value| {
        all["seconds"] = Value::Null;
        all
    };
    let two = rehearsed(PLAN, &["--runs", "200", "--json"]).await.done().json();
    assert_eq!(without_time(one), without_time(two));
    let text = rehearsed(PLAN, &["--runs", "50", "--seed", "7"]).await.done();
    text.says(&["50 runs of", "complete", "--seed", "Every promise was kept", "in the median"]);
}

#[tokio::test]
async fn given_no_faults_when_rehearsed_once_then_it_is_complete_with_its_events() {
    let one = rehearsed(PLAN, &["--runs", "1", "--faults", "none", "--json"]).await.done().json();
    assert_eq!((&one["ends"][0]["outcome"], &one["with_people"]), (&json!("complete"), &json!(0)));
    assert_eq!(one["ends"][0]["summary"], "4 of 4 back.");
    assert!(one["events"].as_array().unwrap().len() > 20);
}

#[tokio::test]
async fn given_a_wrong_plan_when_rehearsed_then_the_place_is_named() {
    for (plan, told) in [
        ("components:\n  - {name: api, neds: [auth]}\n", "-:2:17: components[0].neds"),
        ("components:\n  - name: api\n  - {name: auth, needs: [stock]}\n", "-:3:5: components[1]"),
        ("components:\n  - {name: a, needs: [b]}\n  - {name: b, needs: [a]}\n", "-:2:5: components[0]"),
        (
            "components:\n  - {name: a, migrations: [{name: orders, phase: contract, loses: true}]}\n",
            "components[0].migrations",
        ),
        ("components: [{name: api, weight: 101}]\n", "components[0].weight"),
        ("components: []\n", "-:1:"),
        ("a: [", "-:1:"),
    ] {
        rehearsed(plan, &[]).await.failed(3).complains(&[told]);
    }
    rehearsed(PLAN, &["--faults", "crush=1"]).await.failed(3).complains(&["no fault `crush`", "`crash`"]);
    finish(bare(&["rehearse", "/none.yaml"])).await.failed(3).complains(&["/none.yaml"]);
}
