use super::*;
use crate::judge::judge;
use crate::time::Timestamp;

fn plan(more: serde_json::Value) -> Plan {
    let mut plan = serde_json::json!({"name": "placebo", "stages": [{"weight": 100, "bake": "10m"}]});
    plan.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    serde_json::from_value(plan).expect("a plan")
}

/// Four instances, 10 s a tick; `errors` by instance and tick.
pub(in crate::judge) fn ticks(n: i64, errors: impl Fn(i64, i64) -> f64) -> Vec<Tick> {
    let one = |tick: i64, i: i64| InstanceTick {
        instance: format!("i-{i}"),
        requests: 1000.0,
        errors: Some(errors(i, tick)),
        ..InstanceTick::default()
    };
    let ticks = (1..=n).map(|tick| Tick {
        number: tick as u64,
        at: Timestamp::from_secs(10 * tick),
        span: Span::from_secs(10),
        baseline: ArmTick { data: Data::Complete, instances: (0..4).map(|i| one(tick, i)).collect() },
        canary: ArmTick { data: Data::Missing, instances: vec![] },
        failure: None,
        warnings: vec![],
    });
    ticks.collect()
}

#[test]
fn given_alike_instances_then_nothing_fires() {
    let found =
        placebo(&plan(serde_json::json!({"guards": [{"metric": "errors"}]})), &ticks(120, |i, t| ((i + t) % 3) as f64));
    assert_eq!((found.runs, found.fired), (4, 0));
    assert!(found.sentence().starts_with("Would have fired 0 of 4 times: "), "{}", found.sentence());
    assert_eq!(found.span, Span::from_secs(1200));
    assert!(found.sentence().ends_with(" in two halves of 10\u{a0}min each."), "{}", found.sentence());
}

#[test]
fn given_an_instance_that_became_worse_then_the_guard_fires_for_it_alone_and_not_if_it_always_was() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "errors"}]}));
    let found = placebo(&guarded, &ticks(120, |i, t| if i == 2 && t > 60 { 20.0 } else { 1.0 }));
    assert_eq!((found.runs, found.fired), (4, 1));
    assert_eq!(found.by, [Fired { metric: Metric::Errors, limit: false, times: 1 }]);
    let found = placebo(&guarded, &ticks(120, |i, _| if i == 2 { 20.0 } else { 1.0 }));
    assert_eq!((found.runs, found.fired), (4, 0), "the judge of a release would have known");
}

#[test]
fn given_a_limit_below_what_is_usual_then_it_fires_for_every_instance() {
    let limited = plan(serde_json::json!({
        "hard_limits": [{"metric": "errors", "bound": {"above": 0.001}, "for": "1m"}],
    }));
    let found = placebo(&limited, &ticks(120, |_, _| 5.0));
    assert_eq!((found.runs, found.fired), (4, 4));
    assert_eq!(found.by, [Fired { metric: Metric::Errors, limit: true, times: 4 }]);
    assert!(found.sentence().contains("the hard limit on errors 4 times"), "{}", found.sentence());
}

#[test]
fn given_one_instance_or_none_then_nothing_was_played() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "errors"}]}));
    assert_eq!(placebo(&guarded, &[]).runs, 0);
    let mut alone = ticks(20, |_, _| 1.0);
    alone.iter_mut().for_each(|tick| tick.baseline.instances.truncate(1));
    let found = placebo(&guarded, &alone);
    assert_eq!(found.runs, 0);
    assert!(found.sentence().contains("two instances"));
}

#[test]
fn given_a_worse_instance_then_its_path_alone_rises_and_silence_is_a_gap() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "errors"}]}));
    let mut seen = ticks(60, |i, _| if i == 2 { 20.0 } else { 1.0 });
    seen[30].baseline = ArmTick { data: Data::Missing, instances: vec![] };
    let found = paths(&guarded, &JudgeState::default(), &seen);
    assert_eq!(found.len(), 4);
    for path in &found {
        assert_eq!((path.odds.len(), path.odds[30]), (60, None));
        let last = path.odds[59].expect("told");
        assert_eq!(last > 20.0, path.instance == "i-2", "{}: {last}", path.instance);
    }
}

#[test]
fn given_the_same_ticks_then_a_path_is_what_the_judge_gathers() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "errors"}, {"metric": "saturation"}]}));
    let seen = ticks(40, |i, t| ((i * t) % 4) as f64);
    let (name, weight) = players(&seen, 4)[0];
    let policy = policy(&guarded, weight);
    let past = ticks(60, |i, t| if (t / 5) % 4 == i { 12.0 } else { 1.0 });
    for known in [JudgeState::default(), JudgeState::primed(&past, &policy)] {
        let mut state = known.clone();
        let judged = recast(&seen, name).map(|tick| judge(&mut state, &tick, &policy));
        let judged: Vec<Option<f64>> = judged.map(|verdict| Some(verdict.evidence?.back)).collect();
        assert_eq!(paths(&guarded, &known, &seen)[0].odds, judged);
    }
}

#[test]
fn given_many_ticks_then_fewer_instances_play_and_never_one_alone() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "errors"}]}));
    assert_eq!(paths(&guarded, &JudgeState::default(), &ticks(600, |_, _| 1.0)).len(), 2);
    assert_eq!(paths::<Tick>(&guarded, &JudgeState::default(), &[]), []);
}
