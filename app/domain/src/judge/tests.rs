use super::*;
use crate::plan::Tolerance;
use crate::signal::stats::Sums;
use crate::signal::{ArmTick, Bucket, Data, Histogram, InstanceTick, Kpi, SourceFailure};

mod evidence;
mod gauges;
mod history;
mod latency;
mod limits;
mod properties;
mod silence;
mod two_sources;

const INTERVAL: Span = Span::from_secs(10);

/// Requests, errors.
type Counts = (f64, f64);

fn guard(metric: Metric) -> Guard {
    Guard { metric, tolerance: Tolerance::default(), slo: None, weight: None }
}

fn policy(guards: Vec<Guard>) -> Policy {
    Policy {
        guards,
        hard_limits: vec![],
        min_data: MinData { requests: 500, time: Span::from_secs(60) },
        window: Span::from_secs(300),
        interval: INTERVAL,
        weight: Weight::try_from(25).expect("a weight"),
        judge: Judging::default(),
        stage: 0,
        split: false,
    }
}

fn errors_guarded() -> Policy {
    policy(vec![guard(Metric::Errors)])
}

fn instance((requests, errors): Counts) -> InstanceTick {
    InstanceTick { instance: "i-0".into(), requests, errors: Some(errors), ..InstanceTick::default() }
}

fn complete(instance: InstanceTick) -> ArmTick {
    ArmTick { data: Data::Complete, instances: vec![instance] }
}

fn arm(data: Data) -> ArmTick {
    ArmTick { data, instances: vec![] }
}

/// A release under judgement: gives out ticks with running numbers and times.
struct Run {
    state: JudgeState,
    policy: Policy,
    number: u64,
}

impl Run {
    fn new(policy: Policy) -> Run {
        Run { state: JudgeState::default(), policy, number: 0 }
    }

    fn arms(&mut self, baseline: ArmTick, canary: ArmTick) -> Verdict {
        self.number += 1;
        let at = Timestamp::from_secs(1_000 + 10 * self.number as i64);
        let tick = Tick { number: self.number, at, span: INTERVAL, baseline, canary, failure: None, warnings: vec![] };
        judge(&mut self.state, &tick, &self.policy)
    }

    fn tick(&mut self, baseline: Counts, canary: Counts) -> Verdict {
        self.arms(complete(instance(baseline)), complete(instance(canary)))
    }

    fn times(&mut self, n: usize, baseline: Counts, canary: Counts) -> Verdict {
        (0..n).map(|_| self.tick(baseline, canary)).last().expect("at least one tick")
    }

    fn fails(&mut self, failure: SourceFailure) -> Verdict {
        self.number += 1;
        let at = Timestamp::from_secs(1_000 + 10 * self.number as i64);
        let tick = Tick {
            number: self.number,
            at,
            span: Span::ZERO,
            baseline: arm(Data::Missing),
            canary: arm(Data::Missing),
            failure: Some(failure),
            warnings: vec![],
        };
        judge(&mut self.state, &tick, &self.policy)
    }

    fn goes_down(&mut self) -> Verdict {
        self.fails(SourceFailure::Down { source_name: "prometheus".into(), detail: "connection refused".into() })
    }
}

const HEALTHY: Counts = (3000.0, 3.0);
const CANARY: Counts = (1000.0, 1.0);
/// Readings after which a healthy canary has been shown to be no worse than tolerated.
const SHOWN: usize = 21;
const BROKEN: Counts = (1000.0, 200.0);

/// 1000 requests, all but `slow` of them under 100 ms, the others under 1 s.
fn timed(slow: f64) -> ArmTick {
    let buckets = [(0.1, 1000.0 - slow), (1.0, 1000.0), (f64::INFINITY, 1000.0)];
    let latency = Histogram::Classic(buckets.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect());
    complete(InstanceTick { latency: Some(latency), ..instance((1000.0, 1.0)) })
}

fn with_kpi(good: f64, of: f64) -> ArmTick {
    complete(InstanceTick { kpis: [("orders".to_owned(), Kpi { good, of })].into(), ..instance((of, 0.0)) })
}

#[test]
fn given_a_healthy_canary_then_it_passes_once_minimum_data_is_there() {
    let mut run = Run::new(errors_guarded());
    let early = run.times(5, HEALTHY, CANARY);
    assert_eq!(early.kind, VerdictKind::Insufficient);
    assert_eq!(early.next, "Enough in about 10\u{a0}s: watched 0:50 of 1:00.");
    let watched = run.tick(HEALTHY, CANARY);
    assert_eq!(watched.kind, VerdictKind::Insufficient);
    assert!(watched.next.starts_with("Evidence toward promoting 1:1, 20:1 needed: at this rate in about "));
    let first = (7..).find(|_| run.tick(HEALTHY, CANARY).kind == VerdictKind::Pass);
    assert_eq!(first, Some(SHOWN as i32));
    let verdict = run.tick(HEALTHY, CANARY);
    assert_eq!(
        verdict.sentence,
        "Errors 0.10\u{a0}% against 0.10\u{a0}%: 1.0x. Tolerated 1.5x + 0.05\u{a0}%, that is 0.20\u{a0}%."
    );
    assert_eq!(verdict.next, "The guard passes, 22\u{a0}000 requests.");
}

#[test]
fn given_few_requests_then_it_says_how_long_until_enough() {
    let mut run = Run::new(errors_guarded());
    let verdict = run.times(31, (100.0, 0.0), (10.0, 0.0));
    assert_eq!(verdict.kind, VerdictKind::Insufficient);
    assert_eq!(verdict.next, "Enough in about 3\u{a0}min: 310 of 500 requests.");
}

#[test]
fn given_twenty_percent_errors_then_it_fails_when_they_have_outlasted_the_patience() {
    let mut run = Run::new(errors_guarded());
    assert_eq!(run.times(SHOWN, HEALTHY, CANARY).kind, VerdictKind::Pass);
    let kinds: Vec<Verdict> = (0..6).map(|_| run.tick(HEALTHY, BROKEN)).collect();
    let fails = kinds.iter().position(|verdict| verdict.kind == VerdictKind::Fail);
    assert_eq!(fails, Some(5), "40 s of patience, and what evidence had fallen to before");
    assert!(kinds[..5].iter().all(|verdict| verdict.kind != VerdictKind::Pass), "{kinds:?}");
    let verdict = &kinds[5];
    assert_eq!(verdict.decided_by, Some(Metric::Errors));
    assert!(verdict.sentence.starts_with("Errors 4."), "{}", verdict.sentence);
    assert!(verdict.sentence.ends_with("Tolerated 1.5x + 0.05\u{a0}%, that is 0.20\u{a0}%."), "{}", verdict.sentence);
    assert!(verdict.next.starts_with("Fails: evidence toward rolling back "), "{}", verdict.next);
    let evidence = verdict.evidence.expect("guards gather evidence");
    assert!(evidence.back >= 20.0 && evidence.back_needed == 20.0 && evidence.promote.is_some_and(|odds| odds < 1.0));
    let guard = verdict.guards[0].evidence.expect("it is counted");
    assert_eq!(guard.share, 1.0);
    let band = guard.band.expect("both versions have errors");
    assert!(
        band.low > 5.0 && band.low < band.estimate && band.high.is_some_and(|high| high > band.estimate),
        "{band:?}"
    );
}

#[test]
fn given_evidence_on_its_way_then_it_is_suspect_and_says_when_it_would_fail() {
    let mut run = Run::new(errors_guarded());
    let verdict = (0..40).map(|_| run.tick(HEALTHY, (1000.0, 5.0))).find(|v| v.kind == VerdictKind::Suspect);
    let verdict = verdict.expect("half again what is tolerated, and more");
    assert!(verdict.next.starts_with("Evidence toward rolling back 1"), "{}", verdict.next);
    assert!(verdict.next.contains(":1, 20:1 needed. If it stays like this, fails in about"), "{}", verdict.next);
}

#[test]
fn given_a_broken_canary_in_low_traffic_then_it_fails_within_minutes() {
    let mut run = Run::new(errors_guarded());
    let kinds: Vec<VerdictKind> = (0..14).map(|_| run.tick((120.0, 0.0), (40.0, 8.0)).kind).collect();
    let first_fail = kinds.iter().position(|kind| *kind == VerdictKind::Fail);
    assert!(first_fail.is_some_and(|reading| reading <= 8), "{kinds:?}");
}

#[test]
fn given_one_unlucky_error_in_low_traffic_then_it_never_fails() {
    let mut run = Run::new(errors_guarded());
    for i in 0..200 {
        let canary = (20.0, if i % 40 == 39 { 1.0 } else { 0.0 });
        assert_ne!(run.tick((60.0, 0.0), canary).kind, VerdictKind::Fail, "reading {i}");
    }
}

#[test]
fn given_something_shorter_than_the_patience_then_it_never_fails_whenever_it_comes() {
    for before in [0, 1, SHOWN, 200] {
        let mut run = Run::new(errors_guarded());
        (0..before).for_each(|_| drop(run.tick(HEALTHY, CANARY)));
        // Thirty seconds that lie across four readings, the worst there is.
        for _ in 0..4 {
            let verdict = run.tick(HEALTHY, (1000.0, 1000.0));
            assert!(!matches!(verdict.kind, VerdictKind::Fail | VerdictKind::Pass), "{before}: {}", verdict.next);
        }
        for reading in 0..60 {
            assert_ne!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Fail, "{before}, reading {reading}");
        }
    }
}

#[test]
fn given_a_baseline_without_errors_then_canary_errors_still_fail() {
    let mut run = Run::new(errors_guarded());
    run.times(10, (3000.0, 0.0), (1000.0, 0.0));
    let verdict = run.times(9, (3000.0, 0.0), (1000.0, 20.0));
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert!(verdict.sentence.starts_with("Errors 0.95\u{a0}% against 0.00\u{a0}%. Tolerated"), "{}", verdict.sentence);
}

#[test]
fn given_a_slower_canary_then_the_p99_guard_fails_and_a_few_requests_do_not_speak_for_a_quantile() {
    let mut run = Run::new(policy(vec![guard(Metric::Latency(99))]));
    assert_eq!(run.arms(timed(5.0), timed(5.0)).kind, VerdictKind::Insufficient);
    (0..8).for_each(|_| drop(run.arms(timed(5.0), timed(5.0))));
    let last = (0..8).map(|_| run.arms(timed(5.0), timed(60.0))).last().expect("eight");
    assert_eq!(last.kind, VerdictKind::Fail, "{}", last.sentence);
    assert!(last.sentence.starts_with("p99 latency "), "{}", last.sentence);

    let mut few = Run::new(Policy { min_data: MinData { requests: 10, ..errors_guarded().min_data }, ..run.policy });
    let tiny = |slow: f64| {
        let latency = Histogram::Classic(vec![
            Bucket { le: 0.1, count: 20.0 - slow },
            Bucket { le: 1.0, count: 20.0 },
            Bucket { le: f64::INFINITY, count: 20.0 },
        ]);
        complete(InstanceTick { latency: Some(latency), ..instance((20.0, 0.0)) })
    };
    let verdict = (0..4).map(|_| few.arms(tiny(0.0), tiny(1.0))).last().expect("four");
    assert_eq!(verdict.kind, VerdictKind::Insufficient);
    assert_eq!(verdict.guards[0].sentence, "p99 latency: 80 of 100 requests needed in the window.");
}

#[test]
fn given_fewer_conversions_then_the_kpi_guard_fails() {
    for (baseline, canary) in [((90.0, 3000.0), (10.0, 1000.0)), ((2900.0, 3000.0), (700.0, 1000.0))] {
        let mut run = Run::new(policy(vec![guard(Metric::Kpi("orders".into()))]));
        let arms = |(good, of): (f64, f64)| with_kpi(good, of);
        let verdicts: Vec<Verdict> = (0..6).map(|_| run.arms(arms(baseline), arms(canary))).collect();
        assert_eq!(verdicts.last().map(|v| v.kind), Some(VerdictKind::Fail), "{:?}", verdicts.last());
    }
}

#[test]
fn given_a_kpi_nobody_reports_then_it_is_a_config_error() {
    let mut run = Run::new(policy(vec![guard(Metric::Kpi("ordres".into()))]));
    let verdict = run.times(8, HEALTHY, CANARY);
    assert_eq!(verdict.kind, VerdictKind::ConfigError);
    assert!(verdict.sentence.contains("`kpi:ordres`"), "{}", verdict.sentence);
}

#[test]
fn given_a_metric_that_vanishes_from_both_arms_then_what_lies_in_the_window_does_not_pass() {
    let mut run = Run::new(errors_guarded());
    assert_eq!(run.times(SHOWN, HEALTHY, CANARY).kind, VerdictKind::Pass);
    let blind = |requests: f64| complete(InstanceTick { errors: None, ..instance((requests, 0.0)) });
    assert_ne!(run.arms(blind(3000.0), blind(1000.0)).kind, VerdictKind::Pass);
}

#[test]
fn given_an_absolute_limit_then_a_baseline_that_breaks_it_too_blocks_promotion_and_not_the_release() {
    let slo = Guard { slo: Some(0.01), ..guard(Metric::Errors) };
    let mut run = Run::new(policy(vec![slo]));
    let verdict = run.times(12, HEALTHY, (1000.0, 30.0));
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert!(verdict.sentence.ends_with("The limit is 1.00\u{a0}%."), "{}", verdict.sentence);
    assert_eq!(verdict.guards[0].tolerated, Some(0.01));

    let mut incident = Run::new(run.policy);
    let verdict = incident.times(12, (3000.0, 90.0), (1000.0, 30.0));
    assert_eq!(verdict.kind, VerdictKind::Insufficient);
    assert!(verdict.sentence.starts_with("The baseline is unhealthy: errors 3.00\u{a0}%"), "{}", verdict.sentence);

    let mut relative = Run::new(policy(vec![Guard {
        tolerance: Metric::Errors.default_tolerance(),
        slo: Some(0.01),
        ..guard(Metric::Errors)
    }]));
    assert_eq!(relative.times(12, (3000.0, 90.0), (1000.0, 90.0)).kind, VerdictKind::Fail);
}

#[test]
fn given_a_stage_that_warms_up_then_guards_gather_nothing_and_limits_do() {
    let judging = Judging { warm_up: Span::from_secs(60), ..Judging::default() };
    let mut run = Run::new(Policy { judge: judging, ..limited(Metric::Errors, Bound::Above(0.05), 30) });
    assert_eq!(run.times(2, HEALTHY, BROKEN).evidence.map(|evidence| evidence.back), Some(1.0));
    assert_eq!(run.tick(HEALTHY, BROKEN).kind, VerdictKind::Fail, "the hard limit");
    run.times(3, HEALTHY, BROKEN);
    assert!(run.times(5, HEALTHY, BROKEN).evidence.is_some_and(|evidence| evidence.back > 20.0));
}

fn limited(metric: Metric, bound: Bound, secs: i64) -> Policy {
    let limit = HardLimit { metric, bound, lasting: Span::from_secs(secs) };
    Policy { hard_limits: vec![limit], ..errors_guarded() }
}

#[test]
fn given_another_stage_then_minimum_data_is_counted_anew_and_windows_do_not_mix() {
    let mut run = Run::new(errors_guarded());
    assert_eq!(run.times(SHOWN, HEALTHY, CANARY).kind, VerdictKind::Pass);
    run.policy.stage = 1;
    run.policy.weight = Weight::try_from(50).expect("a weight");
    let entered = run.tick(HEALTHY, CANARY);
    assert_eq!((entered.kind, entered.guards[0].requests), (VerdictKind::Insufficient, (0.0, 0.0)));
    assert_eq!(run.times(5, HEALTHY, CANARY).kind, VerdictKind::Insufficient);
    assert_eq!(run.tick(HEALTHY, CANARY).kind, VerdictKind::Pass);
}

#[test]
fn given_all_traffic_on_the_canary_then_it_is_compared_with_the_baseline_as_last_seen() {
    let mut run = Run::new(errors_guarded());
    run.times(SHOWN, HEALTHY, CANARY);
    run.policy.stage = 1;
    run.policy.weight = Weight::FULL;
    let gone = || arm(Data::Missing);
    let last = |run: &mut Run, counts: Counts, n: usize| {
        (0..n).map(|_| run.arms(gone(), complete(instance(counts)))).last().expect("some")
    };
    let verdict = last(&mut run, (4000.0, 4.0), 20);
    assert_eq!(verdict.kind, VerdictKind::Pass);
    assert!(verdict.sentence.contains("against 0.10\u{a0}% before, at 00:20:10"), "{}", verdict.sentence);
    assert_eq!(last(&mut run, (4000.0, 400.0), 9).kind, VerdictKind::Fail);
}

#[test]
fn the_state_stays_small_however_long_the_release_runs() {
    let mut run = Run::new(policy(vec![guard(Metric::Latency(99)), guard(Metric::Errors)]));
    run.policy.window = Span::from_secs(3600);
    let wide = |count: f64| {
        let bounds = (1..=15).map(|i| f64::from(i) * 0.1).chain([f64::INFINITY]);
        let latency = Histogram::Classic(bounds.map(|le| Bucket { le, count }).collect());
        let one =
            |i: u32| InstanceTick { instance: format!("i-{i}"), latency: Some(latency.clone()), ..instance(CANARY) };
        ArmTick { data: Data::Complete, instances: (0..20).map(one).collect() }
    };
    (0..1500).for_each(|_| drop(run.arms(wide(1000.0), wide(1000.0))));
    let text = serde_json::to_string(&run.state).expect("a state");
    assert!(text.len() < 64 * 1024, "{} bytes", text.len());
    let back: JudgeState = serde_json::from_str(&text).expect("what was written");
    assert_eq!(back, run.state);
    assert_eq!(run.state.pool.sums().canary.span, Sums { span: Span::from_secs(3600), ..Sums::default() }.span);
}

#[test]
fn given_quantiles_beyond_the_last_bucket_then_the_versions_cannot_be_told_apart() {
    let slow = |beyond: f64| {
        let buckets = [(0.1, 1000.0 - beyond), (f64::INFINITY, 1000.0)];
        let latency = Histogram::Classic(buckets.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect());
        complete(InstanceTick { latency: Some(latency), ..instance((1000.0, 0.0)) })
    };
    let judged = |baseline: f64, canary: f64| {
        let mut run = Run::new(policy(vec![guard(Metric::Latency(99))]));
        (0..10).map(|_| run.arms(slow(baseline), slow(canary))).last().expect("ten")
    };
    let both = judged(100.0, 500.0);
    assert_eq!(both.kind, VerdictKind::Insufficient);
    assert!(both.sentence.starts_with("p99 latency: beyond the last latency bucket"), "{}", both.sentence);
    assert_eq!(judged(5.0, 500.0).kind, VerdictKind::Fail, "a hundred times as many beyond 100 ms are no rounding");
    let coarse = judged(100.0, 5.0);
    assert_eq!(coarse.kind, VerdictKind::Insufficient, "no bound lies near the baseline's p99");
    assert!(coarse.next.contains("bucket"), "{}", coarse.next);
}

#[test]
fn given_a_late_regression_that_a_long_window_hides_then_the_sentence_says_what_it_was_of_late() {
    let mut run = Run::new(Policy { window: Span::from_secs(900), ..errors_guarded() });
    run.times(90, HEALTHY, CANARY);
    let mut worse = (0..20).map(|_| run.tick(HEALTHY, (1000.0, 6.0)));
    let failed = worse.find(|verdict| verdict.kind == VerdictKind::Fail).expect("three times what is tolerated");
    assert_eq!(
        failed.sentence,
        "Errors 0.13\u{a0}% against 0.10\u{a0}%: 1.3x. Tolerated 1.5x + 0.05\u{a0}%, that is 0.20\u{a0}%. \
         In the last 1:00 it was 0.60\u{a0}% against 0.10\u{a0}%."
    );
}
