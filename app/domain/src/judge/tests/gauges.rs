//! Shares of traffic and how full an instance is.

use super::*;

#[test]
fn given_a_share_of_traffic_far_below_the_asked_one_then_it_is_suspect_and_never_fails() {
    let mut run = Run::new(policy(vec![guard(Metric::Traffic)]));
    assert_eq!(run.times(SHOWN, HEALTHY, CANARY).kind, VerdictKind::Pass);
    for _ in 0..60 {
        assert_ne!(run.tick((3900.0, 0.0), (100.0, 0.0)).kind, VerdictKind::Fail);
    }
    let verdict = run.tick((3900.0, 0.0), (100.0, 0.0));
    assert_eq!(verdict.kind, VerdictKind::Suspect);
    assert_eq!(
        verdict.sentence,
        "Traffic 10/s against 100/s expected at 25\u{a0}%: 0.1x. Tolerated 0.5x, that is 50/s."
    );
}

#[test]
fn given_saturation_alone_then_a_gauge_must_stay_worse_for_longer() {
    let with = |saturation: f64| complete(InstanceTick { saturation: Some(saturation), ..instance((1000.0, 1.0)) });
    let mut run = Run::new(policy(vec![guard(Metric::Saturation)]));
    let kinds: Vec<VerdictKind> = (0..60).map(|_| run.arms(with(0.4), with(0.8)).kind).collect();
    let fails = kinds.iter().position(|kind| *kind == VerdictKind::Fail);
    assert!(fails.is_some_and(|reading| (20..45).contains(&reading)), "{fails:?}");
    assert!(!kinds.contains(&VerdictKind::Pass));

    let mut busier = Run::new(run.policy);
    let idle = complete(InstanceTick { saturation: Some(0.4), ..instance((100.0, 0.0)) });
    let verdict = (0..60).map(|_| busier.arms(idle.clone(), with(0.8))).last().expect("sixty");
    assert_eq!(verdict.kind, VerdictKind::Pass, "not comparable: {}", verdict.sentence);
}

#[test]
fn given_a_leak_then_it_is_suspect_before_anything_is_beyond_its_line() {
    let with = |saturation: f64| complete(InstanceTick { saturation: Some(saturation), ..instance((1000.0, 1.0)) });
    let mut run = Run::new(policy(vec![guard(Metric::Saturation)]));
    let verdict = (0..50).map(|i| run.arms(with(0.5), with(0.3 + 0.004 * f64::from(i)))).last().expect("fifty");
    assert_eq!(verdict.kind, VerdictKind::Suspect);
    assert_eq!(
        verdict.sentence,
        "Saturation 44\u{a0}% against 50\u{a0}%: 0.9x, rising by 2\u{a0}% a minute. Full in about 23\u{a0}min."
    );
}

#[test]
fn given_a_split_that_is_not_the_asked_one_then_it_is_suspect_and_never_fails() {
    let mut run = Run::new(Policy { split: true, ..errors_guarded() });
    let verdict = run.times(30, (3000.0, 3.0), (3000.0, 3.0));
    assert_eq!(verdict.kind, VerdictKind::Suspect);
    assert_eq!(verdict.sentence, "The canary takes more than its share: 50.0\u{a0}% of requests, asked are 25\u{a0}%.");
    let mut right = Run::new(run.policy);
    assert_eq!(right.times(30, HEALTHY, CANARY).kind, VerdictKind::Pass);
}
