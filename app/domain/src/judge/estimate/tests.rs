use super::super::placebo::tests::ticks;
use super::*;
use crate::signal::Bucket;
use crate::signal::stats::Part;

fn plan(more: serde_json::Value) -> Plan {
    let mut plan = serde_json::json!({
        "name": "estimated", "stages": [{"weight": 5, "bake": "5m"}, {"weight": 50, "bake": "5m"}, {"weight": 100, "bake": "5m"}],
        "guards": [{"metric": "errors", "tolerance": {"ratio": 1.5, "plus": 0.002}}],
    });
    plan.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    serde_json::from_value(plan).expect("a plan")
}

/// A minute of so many requests a second, one in a thousand fails.
fn usual(rps: f64) -> Sums {
    let requests = rps * 60.0;
    let errors = Some(Part { part: requests * 0.001, of: requests });
    Sums { span: Span::from_secs(60), requests, errors, ..Sums::default() }
}

fn buckets(bounds: &[(f64, f64)], rps: f64) -> Option<Histogram> {
    let all = rps * 60.0;
    Some(Histogram::Classic(bounds.iter().map(|(le, share)| Bucket { le: *le, count: share * all }).collect()))
}

fn after(stage: &StageEstimate, times: f64) -> Option<Span> {
    stage.detect.iter().find(|detection| detection.times == times).and_then(|detection| detection.after)
}

#[test]
fn given_more_traffic_or_a_worse_version_then_it_is_noticed_sooner() {
    let tight = plan(serde_json::json!({"guards": [{"metric": "errors", "tolerance": {"ratio": 1.5}}]}));
    let [quiet, busy] =
        [200.0, 2000.0].map(|rps| estimate(&tight, &usual(rps), &[]).expect("it was seen").stages[0].clone());
    let (slow, fast) = (after(&quiet, 5.0).expect("five times"), after(&busy, 5.0).expect("five times"));
    assert!(fast < slow, "{fast:?} {slow:?}");
    assert!(fast <= Span::from_secs(120) && slow >= Span::from_secs(120), "{fast:?} {slow:?}");
    assert!(after(&busy, 2.0).expect("twice") > fast);
    assert_eq!((quiet.requests, busy.requests), (10.0, 100.0));
}

#[test]
fn given_a_margin_then_what_lies_within_it_is_tolerated_and_an_unchanged_version_is_promoted_after_its_bake_time() {
    let found = estimate(&plan(serde_json::json!({})), &usual(2000.0), &[]).expect("it was seen");
    assert!(found.stages.iter().all(|stage| stage.promote == Some(Span::from_secs(300))), "{found:?}");
    let twice = &found.stages[0].detect[0];
    assert!(twice.tolerated && twice.after.is_none(), "0.2 % of 0.35 %: {twice:?}");
    assert!(found.stages[0].sentences()[0].starts_with("Errors: 2x is tolerated, 5x noticed in about "), "{found:?}");
    assert_eq!(found.warnings, [""; 0]);
}

#[test]
fn given_a_bake_time_of_a_day_then_an_unchanged_version_is_promoted_after_it_and_nobody_is_warned() {
    let day = plan(serde_json::json!({"stages": [{"weight": 5, "bake": "24h"}, {"weight": 100, "bake": "24h"}]}));
    let found = estimate(&day, &usual(2000.0), &[]).expect("it was seen");
    assert!(found.stages.iter().all(|stage| stage.promote == Some(Span::from_secs(86_400))), "{found:?}");
    assert_eq!(found.warnings, [""; 0]);
    let found = estimate(&day, &usual(0.5), &[]).expect("it was seen");
    assert_eq!(found.stages[0].promote, None);
    assert!(found.warnings[0].contains(" its tolerance within 3\u{a0}h"), "{:?}", found.warnings);
}

#[test]
fn given_too_little_traffic_then_it_warns_that_nothing_can_be_shown_before_the_deadline() {
    let found =
        estimate(&plan(serde_json::json!({"on_deadline": {"after": "10m"}})), &usual(5.0), &[]).expect("it was seen");
    assert_eq!(found.stages[0].promote, None);
    assert!(found.warnings[0].starts_with("At 5\u{a0}% `errors` cannot be shown"), "{:?}", found.warnings);
}

#[test]
fn given_coarse_buckets_then_the_smallest_shift_they_resolve_is_told() {
    let guarded = plan(serde_json::json!({"guards": [{"metric": "p99", "tolerance": {"ratio": 1.25}}]}));
    let with = |bounds: &[(f64, f64)]| {
        let usual = Sums { latency: buckets(bounds, 2000.0), ..usual(2000.0) };
        estimate(&guarded, &usual, &[]).expect("it was seen")
    };
    let coarse = with(&[(0.1, 0.9), (1.0, 0.991), (f64::INFINITY, 1.0)]);
    assert!(coarse.warnings.iter().any(|text| text.contains("a shift of up to 10.0x")), "{:?}", coarse.warnings);
    let none = with(&[(0.001, 0.1), (f64::INFINITY, 1.0)]);
    assert!(none.warnings.iter().any(|text| text.contains("cannot be judged")), "{:?}", none.warnings);
    let fine = with(&[(0.5, 0.95), (0.6, 0.97), (0.7, 0.985), (0.8, 0.991), (0.9, 0.999), (f64::INFINITY, 1.0)]);
    assert!(!fine.warnings.iter().any(|text| text.contains("shift")), "{:?}", fine.warnings);
    assert!(fine.stages[0].detect.iter().any(|d| d.times == 2.0 && d.after.is_some()), "{:?}", fine.stages[0].detect);
}

#[test]
fn given_native_buckets_then_twice_as_slow_is_noticed() {
    let latency = Histogram::Native { schema: 3, zero: 0.0, buckets: (-40..0).map(|i| (i, 3000.0)).collect() };
    let guarded = plan(serde_json::json!({"guards": [{"metric": "p90", "tolerance": {"ratio": 1.25}}]}));
    let found = estimate(&guarded, &Sums { latency: Some(latency), ..usual(2000.0) }, &[]).expect("it was seen");
    assert!(after(&found.stages[0], 2.0).is_some_and(|after| after <= Span::from_secs(120)), "{found:?}");
    assert_eq!(found.warnings, [""; 0]);
}

#[test]
fn given_nothing_seen_then_nothing_is_estimated() {
    assert_eq!(estimate(&plan(serde_json::json!({})), &Sums::default(), &[]), None);
}

/// One in a thousand fails: spread evenly, or all of a minute's in one tick of one instance.
fn past(clustered: bool) -> Vec<Tick> {
    ticks(240, |i, tick| match clustered {
        false => 1.0,
        true if tick % 6 == 0 && (tick / 6) % 4 == i => 24.0,
        true => 0.0,
    })
}

#[test]
fn given_errors_that_come_in_clusters_then_it_is_said_that_a_worse_version_is_noticed_later() {
    let tight = plan(serde_json::json!({"guards": [{"metric": "errors", "tolerance": {"ratio": 1.5}}]}));
    let of = |past: &[Tick]| {
        let found = estimate(&tight, &usual(2000.0), past).expect("it was seen");
        [0, 1].map(|stage| after(&found.stages[stage], 5.0).expect("five times").secs_f64())
    };
    let (unknown, even, clustered) = (of(&[]), of(&past(false)), of(&past(true)));
    assert!(even <= unknown, "{even:?} {unknown:?}");
    assert!(clustered[0] >= 3.0 * even[0], "{clustered:?} {even:?}");
    assert!(clustered[1] >= 1.5 * even[1], "a stage later that is not forgotten: {clustered:?} {even:?}");
}
