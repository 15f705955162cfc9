//! Ticks that say nothing, and what is said about them.

use super::*;

#[test]
fn given_no_canary_requests_then_it_is_a_matter_of_routing() {
    let mut run = Run::new(errors_guarded());
    run.times(SHOWN, HEALTHY, CANARY);
    let verdict = run.tick((4000.0, 4.0), (0.0, 0.0));
    assert_eq!(verdict.kind, VerdictKind::NoData);
    assert!(verdict.sentence.contains("25\u{a0}% of traffic is asked for it"), "{}", verdict.sentence);
    assert!(verdict.next.starts_with("Check the routing."));
}

#[test]
fn given_nothing_to_conclude_from_then_it_is_a_config_error() {
    let mut run = Run::new(policy(vec![]));
    assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::ConfigError);
    let mut asked = Run::new(errors_guarded());
    let refused =
        asked.fails(SourceFailure::Misconfigured { source_name: "prometheus".into(), detail: "parse error".into() });
    assert_eq!(refused.kind, VerdictKind::ConfigError);
    assert_eq!(refused.sentence, "`prometheus` refuses the question: parse error.");
}

#[test]
fn given_a_dead_source_then_the_sentence_says_for_how_long() {
    let mut run = Run::new(errors_guarded());
    run.times(SHOWN, HEALTHY, CANARY);
    let verdict = (0..8).map(|_| run.goes_down()).last().expect("eight");
    assert_eq!(verdict.sentence, "No data from `prometheus` for 1:20: connection refused.");
    assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Pass, "the window still holds enough");
    (0..60).for_each(|_| drop(run.goes_down()));
    assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Insufficient, "ten minutes on, it must look afresh");
}

#[test]
fn given_every_kind_of_unusable_data_then_it_says_which() {
    let cases = [
        (Data::Missing, "No canary instance has been seen"),
        (Data::Stale { age: Span::from_secs(80) }, "The newest canary sample is 1:20 old."),
        (Data::Ahead { by: Span::from_secs(300) }, "The newest canary sample is from 5:00 in the future: the clocks"),
        (Data::Partial { seen: 2, expected: 3 }, "Only 2 of 3 canary instances"),
        (Data::NotANumber, "A canary value is not a number"),
        (Data::Reset { instances: 1 }, "1 canary instance restarted"),
        (Data::BucketsChanged, "The latency buckets of the canary changed"),
    ];
    for (data, said) in cases {
        let mut run = Run::new(errors_guarded());
        run.times(SHOWN, HEALTHY, CANARY);
        let verdict = run.arms(complete(instance(HEALTHY)), arm(data));
        assert_eq!(verdict.kind, VerdictKind::NoData);
        assert!(verdict.sentence.starts_with(said), "{}", verdict.sentence);
        assert!(verdict.guards.iter().all(|g| g.kind == VerdictKind::NoData && g.canary.is_none()));
    }
}

#[test]
fn given_a_first_reading_then_it_is_too_little_at_the_beginning_and_after_a_gap_still_no_data() {
    let mut run = Run::new(errors_guarded());
    let first = |run: &mut Run| run.arms(arm(Data::First), arm(Data::First));
    assert_eq!(first(&mut run).kind, VerdictKind::Insufficient);
    run.times(SHOWN, HEALTHY, CANARY);
    run.goes_down();
    let again = first(&mut run);
    assert_eq!((again.kind, again.next.as_str()), (VerdictKind::NoData, "Counts from the next reading."));
    assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Pass);
}

#[test]
fn given_no_traffic_at_all_then_nothing_is_concluded() {
    let mut run = Run::new(errors_guarded());
    let verdict = run.times(100, (0.0, 0.0), (0.0, 0.0));
    assert_eq!(verdict.kind, VerdictKind::Insufficient, "{}", verdict.sentence);
    let evidence = verdict.evidence.expect("guards weigh");
    assert!(evidence.back <= 1.0 && evidence.promote.is_some_and(|odds| odds <= 1.0), "from nothing: {evidence:?}");
}

#[test]
fn given_a_baseline_without_traffic_then_nothing_is_concluded_however_the_canary_looks() {
    for canary in [CANARY, BROKEN] {
        let mut run = Run::new(errors_guarded());
        let verdict = run.times(100, (0.0, 0.0), canary);
        assert_eq!(verdict.kind, VerdictKind::Insufficient, "{}", verdict.sentence);
    }
}

#[test]
fn given_one_instance_of_each_version_then_they_are_judged_all_the_same() {
    let mut run = Run::new(errors_guarded());
    assert_eq!(run.times(SHOWN, HEALTHY, CANARY).kind, VerdictKind::Pass);
    assert_eq!(run.times(8, HEALTHY, BROKEN).kind, VerdictKind::Fail);
}

#[test]
fn given_a_restart_or_other_buckets_in_the_middle_then_the_tick_counts_for_nothing_and_the_next_one_does() {
    for data in [Data::Reset { instances: 1 }, Data::BucketsChanged] {
        let mut run = Run::new(errors_guarded());
        let before = run.times(SHOWN, HEALTHY, CANARY).evidence;
        let broken = ArmTick { data, ..complete(instance(BROKEN)) };
        let verdict = run.arms(complete(instance(HEALTHY)), broken);
        assert_eq!((verdict.kind, verdict.evidence), (VerdictKind::NoData, before), "{data:?}");
        assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Pass, "{data:?}");
    }
}
