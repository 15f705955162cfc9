use super::*;
use crate::plan::Metric;
use crate::signal::stats::{Measured, value};
use crate::signal::{Bucket, Histogram};
use proptest::prelude::*;

const MAX_AGE: Span = Span::from_secs(60);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn sample(name: &str, secs: i64, requests: f64, errors: f64) -> InstanceReading {
    InstanceReading {
        instance: name.into(),
        at: at(secs),
        requests: Some(requests),
        errors: Some(errors),
        ..InstanceReading::default()
    }
}

fn reading(secs: i64, baseline: Vec<InstanceReading>, canary: Vec<InstanceReading>) -> Reading {
    Reading { at: at(secs), baseline, canary, warnings: vec![] }
}

/// Both arms with one healthy instance each; the canary as given.
fn push(window: &mut SignalWindow, secs: i64, canary: Vec<InstanceReading>) -> Tick {
    let baseline = vec![sample("old", secs, secs as f64 * 10.0, 0.0)];
    window.push(Ok(reading(secs, baseline, canary)), at(secs), MAX_AGE)
}

#[test]
fn given_a_first_reading_then_differences_come_with_the_second() {
    let mut window = SignalWindow::default();
    let first = push(&mut window, 100, vec![sample("new", 100, 5000.0, 7.0)]);
    assert_eq!((first.canary.data, first.span), (Data::First, Span::ZERO));
    let second = push(&mut window, 110, vec![sample("new", 110, 5100.0, 9.0)]);
    assert_eq!((second.number, second.span), (2, Span::from_secs(10)));
    assert_eq!(second.canary.data, Data::Complete);
    assert_eq!((second.canary.instances[0].requests, second.canary.instances[0].errors), (100.0, Some(2.0)));
}

#[test]
fn given_a_restart_then_the_tick_counts_for_neither_arm_and_the_next_one_does() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 500.0, 1.0), sample("b", 0, 500.0, 1.0)]);
    let reset = push(&mut window, 10, vec![sample("a", 10, 20.0, 0.0), sample("b", 10, 600.0, 1.0)]);
    assert_eq!(reset.canary, ArmTick { data: Data::Reset { instances: 1 }, instances: vec![] });
    let next = push(&mut window, 20, vec![sample("a", 20, 50.0, 0.0), sample("b", 20, 700.0, 1.0)]);
    assert_eq!(next.canary.data, Data::Complete);
    assert_eq!(next.canary.instances.iter().map(|i| i.requests).sum::<f64>(), 130.0);
}

#[test]
fn given_an_instance_that_goes_for_good_then_the_arm_is_partial_until_it_is_forgotten() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 0.0, 0.0), sample("b", 0, 0.0, 0.0)]);
    for secs in (10..=60).step_by(10) {
        let tick = push(&mut window, secs, vec![sample("a", secs, secs as f64, 0.0)]);
        assert_eq!(tick.canary.data, Data::Partial { seen: 1, expected: 2 }, "at {secs} s");
    }
    let after = push(&mut window, 70, vec![sample("a", 70, 70.0, 0.0)]);
    assert_eq!(after.canary.data, Data::Complete);
    assert_eq!(after.canary.instances.len(), 1);
}

#[test]
fn given_a_new_instance_then_it_contributes_from_its_second_reading() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 0.0, 0.0)]);
    let seen = push(&mut window, 10, vec![sample("a", 10, 10.0, 0.0), sample("b", 10, 9999.0, 999.0)]);
    assert_eq!((seen.canary.data, seen.canary.instances.len()), (Data::Complete, 1));
    let next = push(&mut window, 20, vec![sample("a", 20, 20.0, 0.0), sample("b", 20, 10_004.0, 999.0)]);
    assert_eq!(next.canary.instances.iter().map(|i| i.requests).collect::<Vec<_>>(), [10.0, 5.0]);
}

#[test]
fn given_only_old_samples_then_the_arm_is_stale_and_a_long_gap_is_a_first_reading_again() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 0.0, 0.0)]);
    let stale = push(&mut window, 80, vec![sample("a", 0, 0.0, 0.0)]);
    assert_eq!(stale.canary.data, Data::Stale { age: Span::from_secs(80) });
    let back = push(&mut window, 90, vec![sample("a", 90, 900.0, 900.0)]);
    assert_eq!(back.canary.data, Data::First);
}

#[test]
fn given_clocks_that_disagree_then_samples_of_the_future_are_none_and_a_little_ahead_does_no_harm() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 5, 0.0, 0.0)]);
    assert_eq!(push(&mut window, 10, vec![sample("a", 15, 50.0, 0.0)]).canary.data, Data::Complete);
    let ahead = push(&mut window, 20, vec![sample("a", 320, 100.0, 0.0)]);
    assert_eq!(ahead.canary.data, Data::Ahead { by: Span::from_secs(300) });
    let set = push(&mut window, 30, vec![sample("a", 30, 150.0, 0.0)]);
    assert_eq!((set.canary.data, set.canary.instances[0].requests), (Data::Complete, 100.0));
}

#[test]
fn given_samples_further_apart_than_they_may_age_then_the_later_is_a_first_one() {
    let mut window = SignalWindow::default();
    let seen = |window: &mut SignalWindow, secs: i64, sampled: i64| {
        let arm = |name| vec![sample(name, sampled, sampled as f64, 0.0)];
        window.push(Ok(reading(secs, arm("old"), arm("new"))), at(secs), MAX_AGE).canary.data
    };
    assert_eq!(seen(&mut window, 0, 0), Data::First);
    assert_eq!(seen(&mut window, 55, 0), Data::Complete);
    assert_eq!(seen(&mut window, 100, 100), Data::First);
}

#[test]
fn given_arms_that_are_scraped_at_different_times_then_a_tick_covers_both_or_no_time() {
    let mut window = SignalWindow::default();
    let (mut baseline, mut canary, mut covered) = (0.0, 0.0, Span::ZERO);
    // Scraped every 15 s, one arm 7 s after the other, and read every 5 s.
    for secs in (0..600).step_by(5) {
        let arm = |name, phase: i64| {
            let sampled = (secs - phase).div_euclid(15) * 15 + phase;
            vec![sample(name, sampled, (sampled + 100) as f64 * 10.0, 0.0)]
        };
        let tick = window.push(Ok(reading(secs, arm("old", 0), arm("new", 7))), at(secs), MAX_AGE);
        let sum = |arm: &ArmTick| arm.instances.iter().map(|one| one.requests).sum::<f64>();
        let (old, new) = (sum(&tick.baseline), sum(&tick.canary));
        assert_eq!(old > 0.0, new > 0.0, "at {secs} s: {old} beside {new}");
        assert_eq!(tick.span > Span::ZERO, old > 0.0, "at {secs} s");
        assert!(secs == 0 || tick.canary.data == Data::Complete, "at {secs} s: {:?}", tick.canary.data);
        (baseline, canary, covered) = (baseline + old, canary + new, covered + tick.span);
    }
    assert!(baseline >= 5700.0 && canary >= 5700.0, "nothing is lost: {baseline} and {canary}");
    assert!(covered >= Span::from_secs(570), "{covered}");
}

#[test]
fn given_an_arm_that_is_not_scraped_any_more_then_the_other_does_not_wait_for_ever() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 0.0, 0.0)]);
    let ticks: Vec<Tick> =
        (10..=90).step_by(10).map(|secs| push(&mut window, secs, vec![sample("a", 0, 0.0, 0.0)])).collect();
    assert!(ticks[..6].iter().all(|tick| tick.span == Span::ZERO && tick.canary.data == Data::Complete));
    assert_eq!(ticks[6].canary.data, Data::Stale { age: Span::from_secs(70) });
    assert_eq!((ticks[7].baseline.data, ticks[7].baseline.instances[0].requests), (Data::Complete, 100.0));
}

#[test]
fn given_a_sample_seen_before_then_the_tick_covers_no_time_and_the_next_covers_both() {
    let mut window = SignalWindow::default();
    let same = |window: &mut SignalWindow, secs: i64, sampled: i64| {
        let arm = |name| vec![sample(name, sampled, sampled as f64 * 10.0, 0.0)];
        window.push(Ok(reading(secs, arm("old"), arm("new"))), at(secs), MAX_AGE)
    };
    same(&mut window, 0, 0);
    let again = same(&mut window, 10, 0);
    assert_eq!((again.canary.data, again.span), (Data::Complete, Span::ZERO));
    assert_eq!(value(&Metric::Errors, [&again], Arm::Canary).known(), None);
    let moved = same(&mut window, 20, 18);
    assert_eq!((moved.span, moved.canary.instances[0].requests), (Span::from_secs(20), 180.0));
}

#[test]
fn given_a_short_outage_then_its_counts_are_not_lost() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 0.0, 0.0)]);
    let down = SourceFailure::Down { source_name: "prometheus".into(), detail: "refused".into() };
    for secs in [10, 20] {
        let tick = window.push(Err(down.clone()), at(secs), MAX_AGE);
        assert_eq!((tick.canary.data, tick.span, tick.failure.as_ref()), (Data::Missing, Span::ZERO, Some(&down)));
    }
    let back = push(&mut window, 30, vec![sample("a", 30, 300.0, 3.0)]);
    assert_eq!((back.number, back.span, back.canary.instances[0].errors), (4, Span::from_secs(30), Some(3.0)));
}

#[test]
fn given_a_counter_the_baseline_has_and_the_canary_lacks_then_it_is_missing_and_not_zero() {
    let mut window = SignalWindow::default();
    let without = |secs: i64, requests: f64| InstanceReading { errors: None, ..sample("new", secs, requests, 0.0) };
    let idle = push(&mut window, 0, vec![without(0, 0.0)]);
    assert_eq!(idle.canary.data, Data::First, "before any request nothing can be missed");
    let tick = push(&mut window, 10, vec![without(10, 50.0)]);
    assert_eq!(tick.canary.data, Data::Partial { seen: 0, expected: 1 });
    assert!(tick.warnings[0].contains("`errors` is missing in 1 of 1 canary instances"), "{:?}", tick.warnings);
    assert_eq!(value(&Metric::Errors, [&tick], Arm::Canary).known(), None);
}

#[test]
fn given_nan_then_it_is_nothing_without_requests_and_not_a_number_with_them() {
    let mut window = SignalWindow::default();
    push(&mut window, 0, vec![sample("a", 0, 100.0, 2.0)]);
    let quiet = push(&mut window, 10, vec![sample("a", 10, 100.0, f64::NAN)]);
    assert_eq!((quiet.canary.data, quiet.canary.instances[0].errors), (Data::Complete, Some(0.0)));
    let odd = push(&mut window, 20, vec![sample("a", 20, 150.0, f64::NAN)]);
    assert_eq!(odd.canary.data, Data::NotANumber);
    let back = push(&mut window, 30, vec![sample("a", 30, 200.0, 5.0)]);
    assert_eq!(back.canary.instances[0].errors, Some(3.0));
    let infinite = push(&mut window, 40, vec![sample("a", 40, f64::INFINITY, 5.0)]);
    assert_eq!(infinite.canary.data, Data::NotANumber);
}

#[test]
fn given_other_bucket_bounds_then_the_tick_is_not_used() {
    let mut window = SignalWindow::default();
    let with = |secs: i64, le: f64, count: f64| InstanceReading {
        latency: Some(Histogram::Classic(vec![Bucket { le, count }, Bucket { le: f64::INFINITY, count }])),
        ..sample("a", secs, count, 0.0)
    };
    push(&mut window, 0, vec![with(0, 0.1, 1.0)]);
    assert_eq!(push(&mut window, 10, vec![with(10, 0.2, 5.0)]).canary.data, Data::BucketsChanged);
    let next = push(&mut window, 20, vec![with(20, 0.2, 8.0)]);
    assert_eq!(value(&Metric::Latency(50), [&next], Arm::Canary), Measured::Value(0.1));
}

#[test]
fn given_no_request_counter_then_the_histogram_counts_requests() {
    let mut window = SignalWindow::default();
    let with = |secs: i64, count: f64| InstanceReading {
        requests: None,
        latency: Some(Histogram::Classic(vec![Bucket { le: f64::INFINITY, count }])),
        ..sample("a", secs, 0.0, 0.0)
    };
    push(&mut window, 0, vec![with(0, 10.0)]);
    assert_eq!(push(&mut window, 10, vec![with(10, 35.0)]).canary.instances[0].requests, 25.0);
}

/// What an instance shows in one reading: absent, or an age, requests and errors that may jump anywhere.
type Shown = Option<(i64, f64, f64)>;

fn anything() -> impl Strategy<Value = Shown> {
    let number = prop_oneof![8 => (0u32..5000).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    prop::option::weighted(0.85, (prop_oneof![9 => 0i64..20, 1 => 0i64..200], number.clone(), number))
}

fn story() -> impl Strategy<Value = Vec<Option<[Shown; 4]>>> {
    let one = [anything(), anything(), anything(), anything()];
    prop::collection::vec(prop::option::weighted(0.9, one), 1..25)
}

fn told(step: Option<&[Shown; 4]>, secs: i64, reverse: bool) -> Result<Reading, SourceFailure> {
    let Some(instances) = step else {
        return Err(SourceFailure::Down { source_name: "memory".into(), detail: "off".into() });
    };
    let mut all: Vec<InstanceReading> = instances
        .iter()
        .enumerate()
        .filter_map(|(i, shown)| shown.map(|(age, r, e)| sample(&format!("i{i}"), secs - age, r, e)))
        .collect();
    if reverse {
        all.reverse();
    }
    let (baseline, canary) = all.into_iter().partition(|r| r.instance.as_str() < "i2");
    Ok(reading(secs, baseline, canary))
}

proptest! {
    #[test]
    fn deltas_are_never_negative_and_never_nan(story in story()) {
        let mut window = SignalWindow::default();
        for (i, step) in story.iter().enumerate() {
            let secs = 1000 + 10 * i as i64;
            let tick = window.push(told(step.as_ref(), secs, false), at(secs), MAX_AGE);
            for arm in [&tick.baseline, &tick.canary] {
                prop_assert!(arm.data.usable() || arm.instances.is_empty());
                prop_assert!(!arm.data.usable() || !arm.instances.is_empty());
                for instance in &arm.instances {
                    prop_assert!(instance.requests >= 0.0 && instance.requests.is_finite());
                    prop_assert!(instance.errors.is_none_or(|e| e >= 0.0 && e.is_finite()));
                }
            }
            if step.is_none() {
                prop_assert!(!tick.baseline.data.usable() && !tick.canary.data.usable());
            }
        }
    }

    #[test]
    fn the_order_of_instances_changes_nothing(story in story()) {
        let (mut one, mut other) = (SignalWindow::default(), SignalWindow::default());
        for (i, step) in story.iter().enumerate() {
            let secs = 1000 + 10 * i as i64;
            let a = one.push(told(step.as_ref(), secs, false), at(secs), MAX_AGE);
            let b = other.push(told(step.as_ref(), secs, true), at(secs), MAX_AGE);
            prop_assert_eq!(serde_json::to_string(&a).expect("a tick"), serde_json::to_string(&b).expect("a tick"));
        }
    }

    #[test]
    fn a_window_that_was_stored_and_read_goes_on_alike(story in story()) {
        let mut kept = SignalWindow::default();
        for (i, step) in story.iter().enumerate() {
            let secs = 1000 + 10 * i as i64;
            let text = serde_json::to_string(&kept).expect("a window");
            let mut read: SignalWindow = serde_json::from_str(&text).expect("what was written");
            let a = kept.push(told(step.as_ref(), secs, false), at(secs), MAX_AGE);
            let b = read.push(told(step.as_ref(), secs, false), at(secs), MAX_AGE);
            prop_assert_eq!(a, b);
            prop_assert_eq!(&kept, &read);
        }
    }
}
