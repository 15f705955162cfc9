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
    let mut run = Run::new(errors_guarded());
    assert_eq!(run.arms(arm(Data::First), arm(Data::First)).kind, VerdictKind::Insufficient);
}
