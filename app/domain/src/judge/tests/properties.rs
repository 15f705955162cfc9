//! What must hold for every history, and simulated releases with fixed seeds.

use super::super::number::ln;
use super::*;
use crate::signal::{InstanceReading, Reading, window::SignalWindow};
use proptest::prelude::*;

/// Numerical Recipes' 64-bit congruential generator: enough for counts, the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Events of so many trials.
    fn binomial(&mut self, trials: u32, rate: f64) -> f64 {
        (0..trials).filter(|_| self.roll() < rate).count() as f64
    }
}

#[test]
fn given_two_alike_versions_then_two_thousand_readings_raise_no_false_alarm() {
    for (seed, baseline, canary) in [(1, 380, 20), (2, 300, 100), (3, 60, 20), (4, 100, 100)] {
        let mut dice = Dice(seed);
        let mut run = Run::new(Policy { split: false, ..errors_guarded() });
        let mut passed = 0;
        for reading in 0..2000 {
            let counts = |dice: &mut Dice, n: u32| (f64::from(n), dice.binomial(n, 0.001));
            let (b, c) = (counts(&mut dice, baseline), counts(&mut dice, canary));
            let verdict = run.tick(b, c);
            assert_ne!(verdict.kind, VerdictKind::Fail, "seed {seed}, reading {reading}: {}", verdict.sentence);
            passed += u32::from(verdict.kind == VerdictKind::Pass);
        }
        let enough = if canary < 50 { 0 } else { 600 };
        assert!(passed >= enough, "seed {seed}: passes only {passed} of 2000 times");
    }
}

#[test]
fn given_five_times_the_errors_then_it_fails_within_minutes() {
    for seed in 1..=5 {
        let mut dice = Dice(seed);
        let mut run = Run::new(errors_guarded());
        let fails = (0..60).position(|_| {
            let baseline = (1500.0, dice.binomial(1500, 0.001));
            let canary = (500.0, dice.binomial(500, 0.005));
            run.tick(baseline, canary).kind == VerdictKind::Fail
        });
        assert!(fails.is_some_and(|reading| reading < 40), "seed {seed}: {fails:?}");
    }
}

/// So many requests of exponential duration, mean 50 ms times `slower`, in Prometheus' default buckets.
fn served(dice: &mut Dice, requests: u32, slower: f64) -> ArmTick {
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, f64::INFINITY];
    let durations: Vec<f64> = (0..requests).map(|_| -0.05 * slower * ln(1.0 - dice.roll())).collect();
    let count = |le: f64| durations.iter().filter(|duration| **duration <= le).count() as f64;
    let latency = Histogram::Classic(bounds.iter().map(|le| Bucket { le: *le, count: count(*le) }).collect());
    complete(InstanceTick { latency: Some(latency), ..instance((f64::from(requests), 0.0)) })
}

#[test]
fn given_latencies_of_two_alike_versions_then_there_is_no_false_alarm_and_twice_as_slow_fails() {
    for (seed, baseline, canary) in [(1, 300, 60), (2, 100, 100)] {
        let mut dice = Dice(seed);
        let guards = vec![guard(Metric::Latency(50)), guard(Metric::Latency(99))];
        let mut run = Run::new(policy(guards));
        let mut passed = 0;
        for reading in 0..1000 {
            let (b, c) = (served(&mut dice, baseline, 1.0), served(&mut dice, canary, 1.0));
            let verdict = run.arms(b, c);
            assert_ne!(verdict.kind, VerdictKind::Fail, "seed {seed}, reading {reading}: {}", verdict.sentence);
            passed += u32::from(verdict.kind == VerdictKind::Pass);
        }
        assert!(passed > 700, "seed {seed}: passes only {passed} of 1000 times");
        let fails = (0..40).position(|_| {
            let (b, c) = (served(&mut dice, baseline, 1.0), served(&mut dice, canary, 2.0));
            run.arms(b, c).kind == VerdictKind::Fail
        });
        assert!(fails.is_some_and(|reading| reading < 20), "seed {seed}: {fails:?}");
    }
}

/// One reading of the judge's whole input: a state of data per arm and counts.
#[derive(Debug, Clone)]
enum Step {
    Counted { baseline: Counts, canary: Counts },
    Data(Data, Data),
    Down,
    Refused,
    NextStage,
}

fn counts() -> impl Strategy<Value = Counts> {
    (0u32..3000, 0.0f64..0.3).prop_map(|(n, rate)| (f64::from(n), (f64::from(n) * rate).floor()))
}

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        Just(Data::Complete),
        Just(Data::Missing),
        (61i64..900).prop_map(|secs| Data::Stale { age: Span::from_secs(secs) }),
        Just(Data::Partial { seen: 1, expected: 2 }),
        Just(Data::NotANumber),
        Just(Data::Reset { instances: 1 }),
        Just(Data::First),
        Just(Data::BucketsChanged),
    ]
}

fn unusable() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any_data(), any_data())
            .prop_filter("one arm is unusable", |(b, c)| !b.usable() || !c.usable())
            .prop_map(|(b, c)| Step::Data(b, c)),
        Just(Step::Down),
        Just(Step::Refused),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (counts(), counts()).prop_map(|(baseline, canary)| Step::Counted { baseline, canary }),
        3 => unusable(),
        1 => Just(Step::NextStage),
    ]
}

fn play(run: &mut Run, step: &Step) -> Option<Verdict> {
    let or_counts = |data: Data, counts: Counts| if data.usable() { complete(instance(counts)) } else { arm(data) };
    match step {
        Step::Counted { baseline, canary } => Some(run.tick(*baseline, *canary)),
        Step::Data(baseline, canary) => Some(run.arms(or_counts(*baseline, HEALTHY), or_counts(*canary, BROKEN))),
        Step::Down => Some(run.goes_down()),
        Step::Refused => {
            Some(run.fails(SourceFailure::Misconfigured { source_name: "memory".into(), detail: "no".into() }))
        }
        Step::NextStage => {
            run.policy.stage = run.policy.stage.saturating_add(1);
            None
        }
    }
}

fn both() -> Policy {
    limited(Metric::Errors, Bound::Above(0.1), 30)
}

proptest! {
    #[test]
    fn silence_neither_passes_nor_fails_whatever_came_before(
        before in prop::collection::vec(any_step(), 0..40), last in unusable(),
    ) {
        let mut run = Run::new(both());
        before.iter().for_each(|step| drop(play(&mut run, step)));
        let elapsed = |run: &mut Run| { let policy = run.policy.clone(); *run.state.timers.of(&policy.hard_limits[0], &policy) };
        let then = elapsed(&mut run);
        let verdict = play(&mut run, &last).expect("a verdict");
        prop_assert!(!matches!(verdict.kind, VerdictKind::Pass | VerdictKind::Fail), "{:?}", verdict);
        prop_assert_eq!(elapsed(&mut run), then, "timers stand still");
        prop_assert!(verdict.limits.iter().all(|limit| limit.paused));
        prop_assert!(!verdict.sentence.is_empty() && !verdict.next.is_empty());
    }

    #[test]
    fn a_replay_gives_the_same_verdicts_to_the_last_bit(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut kept = Run::new(both());
        let mut stored = Run::new(both());
        for step in &steps {
            let text = serde_json::to_string(&stored.state).expect("a state");
            stored.state = serde_json::from_str(&text).expect("what was written");
            let one = serde_json::to_string(&play(&mut kept, step)).expect("a verdict");
            let other = serde_json::to_string(&play(&mut stored, step)).expect("a verdict");
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn only_enough_data_passes(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut run = Run::new(both());
        let (mut requests, mut ticks) = (0.0, 0);
        for step in &steps {
            let verdict = play(&mut run, step);
            match step {
                Step::NextStage => (requests, ticks) = (0.0, 0),
                Step::Counted { canary, .. } => (requests, ticks) = (requests + canary.0, ticks + 1),
                _ => {}
            }
            if verdict.is_some_and(|v| v.kind == VerdictKind::Pass) {
                prop_assert!(requests >= 500.0 && ticks >= 6, "{requests} requests, {ticks} ticks");
            }
        }
    }

    #[test]
    fn the_order_of_instances_changes_no_verdict(
        story in prop::collection::vec(prop::collection::vec((0u32..500, 0u32..20, 0.0f64..1.0), 6), 2..25),
    ) {
        let mut verdicts = Vec::new();
        for reverse in [false, true] {
            let (mut window, mut state) = (SignalWindow::default(), JudgeState::default());
            let mut totals = [(0.0, 0.0); 6];
            let policy = policy(vec![guard(Metric::Errors), guard(Metric::Saturation), guard(Metric::Traffic)]);
            let mut said = Vec::new();
            for (i, step) in story.iter().enumerate() {
                let at = Timestamp::from_secs(1000 + 10 * i as i64);
                let mut all: Vec<InstanceReading> = Vec::new();
                for (j, (requests, errors, saturation)) in step.iter().enumerate() {
                    totals[j].0 += f64::from(*requests);
                    totals[j].1 += f64::from(*errors);
                    all.push(InstanceReading {
                        instance: format!("i-{j}"),
                        at,
                        requests: Some(totals[j].0),
                        errors: Some(totals[j].1),
                        saturation: Some(*saturation),
                        ..InstanceReading::default()
                    });
                }
                if reverse {
                    all.reverse();
                }
                let (baseline, canary) = all.into_iter().partition(|one| one.instance.as_str() < "i-3");
                let reading = Reading { at, baseline, canary, warnings: vec![] };
                let tick = window.push(Ok(reading), at, Span::from_secs(60));
                said.push(serde_json::to_string(&judge(&mut state, &tick, &policy)).expect("a verdict"));
            }
            verdicts.push(said);
        }
        prop_assert_eq!(&verdicts[0], &verdicts[1]);
    }
}
