//! What the running version showed before a release tempers evidence and is none.

use super::super::weigh::Scale;
use super::*;

const PODS: usize = 10;

/// Requests and errors of the baseline's instances, tick by tick.
fn past(ticks: usize, errors: impl Fn(usize, usize) -> f64) -> Vec<Tick> {
    (0..ticks).map(|t| tick(t, PODS, |pod| errors(t, pod), None)).collect()
}

fn tick(number: usize, pods: usize, errors: impl Fn(usize) -> f64, canary: Option<f64>) -> Tick {
    let one = |i: usize, errors: f64| InstanceTick { instance: format!("i-{i}"), ..instance((1000.0, errors)) };
    let baseline = ArmTick { data: Data::Complete, instances: (0..pods).map(|i| one(i, errors(i))).collect() };
    let canary = canary.map_or_else(|| arm(Data::Missing), |errors| complete(one(99, errors)));
    let at = Timestamp::from_secs(10 * (number as i64 + 1));
    Tick { number: number as u64 + 1, at, span: INTERVAL, baseline, canary, failure: None, warnings: vec![] }
}

/// One error in a thousand, in turn.
fn even(t: usize, pod: usize) -> f64 {
    f64::from(u8::from((t + pod).is_multiple_of(2))) * 2.0
}

/// As many, of one instance after the other in heaps.
fn heaped(t: usize, pod: usize) -> f64 {
    if t % PODS == pod { 10.0 } else { 0.0 }
}

/// One instance after the other has ten times the errors for six ticks.
fn ill_in_turn(t: usize, pod: usize) -> f64 {
    if t % 20 < 6 && t / 20 % PODS == pod { 10.0 } else { even(t, pod) }
}

fn compared() -> Policy {
    let tolerance = Tolerance { ratio: Some(1.5), plus: None };
    let guards = vec![Guard { tolerance, ..guard(Metric::Errors) }];
    Policy { weight: Weight::try_from(9).expect("a weight"), ..policy(guards) }
}

/// The tick in which a canary with so many errors fails, after so many ticks as the baseline is now.
fn fails(mut state: JudgeState, canary: impl Fn(usize) -> f64) -> Option<usize> {
    let policy = compared();
    (0..100).find(|t| {
        let verdict = judge(&mut state, &tick(*t, PODS, |pod| even(*t, pod), Some(canary(*t))), &policy);
        verdict.kind == VerdictKind::Fail
    })
}

fn phi(state: &JudgeState) -> f64 {
    let mut state = state.clone();
    let verdict = judge(&mut state, &tick(0, PODS, |pod| even(0, pod), Some(1.0)), &compared());
    verdict.guards[0].evidence.expect("a guard that counts").phi
}

#[test]
fn given_a_history_then_no_odds_come_from_it() {
    for history in [past(300, even), past(300, heaped), past(300, ill_in_turn)] {
        let mut state = JudgeState::primed(&history, &compared());
        let scale = Scale::of(&state, &compared(), state.pool.sums()).weighed();
        assert!((scale.back - 1.0).abs() < 1e-6 && scale.promote.is_some_and(|odds| odds < 1.0), "{scale:?}");
        let quiet = |canary| Tick { canary, ..tick(0, PODS, |pod| even(0, pod), None) };
        let verdict = judge(&mut state, &quiet(complete(instance((0.0, 0.0)))), &compared());
        assert!(verdict.evidence.is_some_and(|odds| (odds.back - 1.0).abs() < 1e-6), "{verdict:?}");
    }
}

#[test]
fn given_errors_in_heaps_before_then_the_spread_is_known_from_the_first_tick() {
    let prior = phi(&JudgeState::default());
    let (calm, wild) =
        (JudgeState::primed(&past(200, even), &compared()), JudgeState::primed(&past(200, heaped), &compared()));
    assert!(phi(&calm) < 1.2 && prior > 1.3 && phi(&wild) > 4.0, "{} {prior} {}", phi(&calm), phi(&wild));
    let short = JudgeState::primed(&past(1, heaped), &compared());
    assert!(phi(&short) > 1.2 && phi(&short) < phi(&wild), "a little history is a little believed: {}", phi(&short));
}

#[test]
fn given_a_calm_history_then_a_fault_is_found_sooner_and_given_a_wild_one_later() {
    let worse = |_| 3.0;
    let at = |history: &[Tick]| fails(JudgeState::primed(history, &compared()), worse).expect("three times as many");
    let (calm, none, wild) = (at(&past(300, even)), at(&[]), at(&past(300, heaped)));
    assert!(calm < none && none < wild, "{calm} {none} {wild}");
}

#[test]
fn given_instances_that_fall_ill_for_a_minute_then_a_canary_that_does_so_is_not_rolled_back() {
    let ill = |t: usize| if t < 6 { 10.0 } else { even(t, 0) };
    assert!(fails(JudgeState::default(), ill).is_some());
    assert!(fails(JudgeState::primed(&past(300, even), &compared()), ill).is_some());
    let used_to_it = JudgeState::primed(&past(300, ill_in_turn), &compared());
    assert_eq!(fails(used_to_it.clone(), ill), None);
    assert!(fails(used_to_it, |_| 10.0).is_some(), "what does not end is still found");
}

/// One half of the instances has twice the errors of the other, for good.
fn unlike(t: usize, pod: usize) -> f64 {
    if pod.is_multiple_of(2) { 4.0 + even(t, 0) } else { 9.0 + even(t, 1) }
}

/// In turn, so that all have as many.
fn alike(t: usize, pod: usize) -> f64 {
    unlike(t, t + pod)
}

#[test]
fn given_instances_that_differ_for_good_then_a_canary_that_differs_as_much_is_not_rolled_back() {
    let fails = |history: fn(usize, usize) -> f64, canary: f64| {
        let mut state = JudgeState::primed(&past(300, history), &compared());
        let verdict =
            |t: usize| judge(&mut state, &tick(t, PODS, |pod| unlike(t, pod), Some(canary)), &compared()).kind;
        (0..200).map(verdict).position(|kind| kind == VerdictKind::Fail)
    };
    assert!(fails(alike, 13.5).is_some(), "1.8 times the errors of all, and all were alike");
    assert_eq!(fails(unlike, 13.5), None, "other instances have 1.33 times as many, too");
    assert!(fails(unlike, 30.0).is_some_and(|tick| tick < 20), "nobody differs that much");
    let mut state = JudgeState::primed(&past(300, unlike), &compared());
    for t in 0..400 {
        let verdict = judge(&mut state, &tick(t, PODS, |pod| unlike(t, pod), Some(13.5)), &compared());
        assert_ne!(verdict.kind, VerdictKind::Pass, "it is worse than the plan tolerates all the same");
        let said = verdict.guards[0].sentence.contains(" Running instances differ among themselves: up to ");
        assert!(said || t < 40, "{t}: {}", verdict.guards[0].sentence);
    }
}

#[test]
fn given_a_day_of_wild_history_then_today_still_counts() {
    let mut state = JudgeState::primed(&past(900, heaped), &compared());
    let before = phi(&state);
    (0..300).for_each(|t| drop(judge(&mut state, &tick(t, PODS, |pod| even(t, pod), Some(even(t, 0))), &compared())));
    assert!(phi(&state) < 0.5 * before, "{before} to {}", phi(&state));
}

#[test]
fn given_gaps_canaries_and_another_order_in_history_then_the_same_is_learned() {
    let plain = past(120, ill_in_turn);
    let learned = JudgeState::primed(&plain, &compared());
    let mut other = Vec::new();
    for (i, mut tick) in plain.into_iter().enumerate() {
        if i % 7 == 3 {
            other.push(Tick { baseline: arm(Data::NotANumber), ..tick.clone() });
            let failure = SourceFailure::Down { source_name: "memory".into(), detail: "no".into() };
            other.push(Tick { failure: Some(failure), ..tick.clone() });
        }
        tick.baseline.instances.reverse();
        tick.canary = complete(instance((1000.0, 900.0)));
        other.push(tick);
    }
    assert_eq!(JudgeState::primed(&other, &compared()), learned);
    let text = serde_json::to_string(&learned).expect("a state");
    assert_eq!(serde_json::from_str::<JudgeState>(&text).expect("what was written"), learned);
    assert!(text.len() < 2048, "{} bytes", text.len());
    assert_eq!(JudgeState::primed(&[], &compared()), JudgeState::primed(&past(9, |_, _| f64::NAN)[..0], &compared()));
}
