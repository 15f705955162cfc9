use super::*;
use crate::service::Point;
use sternway_domain::judge::{JudgeState, Policy, judge};
use sternway_domain::plan::Weight;
use sternway_domain::signal::{ArmTick, Data, InstanceTick};
use sternway_domain::time::Span;

/// Guards on errors and saturation, read every 10 s.
pub(crate) fn plan() -> Plan {
    let plan = serde_json::json!({
        "name": "course",
        "stages": [{"weight": 20, "bake": "10m"}],
        "guards": [{"metric": "errors"}, {"metric": "saturation"}],
    });
    serde_json::from_value(plan).expect("a plan")
}

/// A release judged tick by tick: `baseline` instances with 1,000 requests and 2 errors each, a canary with so many
/// errors in 1,000 requests, or silent.
pub(crate) fn watched(ticks: i64, baseline: usize, canary: impl Fn(i64) -> Option<f64>) -> Vec<TickBody> {
    let one = |name: String, errors: f64| InstanceTick {
        instance: name,
        requests: 1_000.0,
        errors: Some(errors),
        saturation: Some(0.5),
        ..InstanceTick::default()
    };
    let mut state = JudgeState::default();
    let policy = Policy { split: false, ..Policy::of(&plan(), Weight::try_from(20).expect("a weight"), 0) };
    let tick = |number: i64| {
        let complete = |instances| ArmTick { data: Data::Complete, instances };
        Tick {
            number: number as u64,
            at: Timestamp::from_secs(1_700_000_000 + 10 * number),
            span: Span::from_secs(10),
            baseline: complete((0..baseline).map(|i| one(format!("b-{i}"), 2.0)).collect()),
            canary: canary(number).map_or(ArmTick { data: Data::Missing, instances: vec![] }, |errors| {
                complete(vec![one("c-0".into(), errors)])
            }),
            failure: None,
            warnings: vec![],
        }
    };
    let body = |tick: Tick| TickBody {
        verdict: judge(&mut state, &tick, &policy),
        tick,
        point: Point::default(),
        second: None,
    };
    (1..=ticks).map(tick).map(body).collect()
}

pub(crate) fn course_of(bodies: &[TickBody]) -> Option<Course> {
    Course::of(&plan(), bodies, &played(&plan(), &JudgeState::default(), bodies))
}

#[test]
fn given_a_worse_canary_then_its_course_ends_where_the_verdict_is_and_placebos_stay_calm() {
    let bodies = watched(60, 3, |i| Some(if i > 30 { 40.0 } else { 2.0 }));
    let course = course_of(&bodies).expect("guards gathered evidence");
    let last = bodies[59].verdict.evidence.expect("weighed").back;
    let shown = course.back[59].expect("told");
    assert!((shown / last - 1.0).abs() < 0.01 && shown > 20.0, "{shown} for {last}");
    let names: Vec<&str> = course.placebo.iter().map(|one| one.instance.as_str()).collect();
    assert_eq!(names, ["b-0", "b-1", "b-2"]);
    assert!(course.placebo.iter().flat_map(|one| &one.back).flatten().all(|odds| *odds < 2.0));
    let errors = course.guard(&Metric::Errors).expect("guarded");
    let (low, high) = errors.range[59].expect("counted");
    assert!(low > 0.005 && low < 0.021 && high > 0.021 && high < 0.05, "{low} to {high}");
    assert_eq!(course.guard(&Metric::Saturation).expect("guarded").range, [], "a gauge is no rate");
}

#[test]
fn given_silence_then_a_gap_in_every_line() {
    let bodies = watched(30, 2, |i| (i != 20).then_some(2.0));
    let course = course_of(&bodies).expect("evidence");
    assert_eq!((course.back[19], course.guards[0].back[19], course.guards[0].range[19]), (None, None, None));
    assert!(course.back[18].is_some() && course.back[20].is_some());
    assert!(course.placebo[0].back[19].is_some(), "the baseline was read");
}

#[test]
fn given_many_ticks_then_few_points_that_stay_where_they_are() {
    let bodies = watched(300, 2, |_| Some(2.0));
    let (before, after) = (course_of(&bodies[..299]), course_of(&bodies));
    let (before, after) = (before.expect("evidence"), after.expect("evidence"));
    assert!(after.at.len() <= POINTS + 1, "{}", after.at.len());
    let kept = before.at.len() - 1;
    assert_eq!(after.at[..kept], before.at[..kept], "only the end moves");
    assert!(after.placebo.iter().all(|one| one.back.len() == after.at.len()));
    let text = serde_json::to_string(&after).expect("finite numbers");
    assert!(text.len() < 12_000, "{} bytes", text.len());
}

#[test]
fn given_one_instance_or_no_reading_then_there_is_nothing_to_play_or_to_draw() {
    assert_eq!(course_of(&watched(20, 1, |_| Some(2.0))).expect("evidence").placebo, []);
    assert_eq!(course_of(&watched(20, 2, |_| None)), None);
    assert_eq!(course_of(&[]), None);
}

#[test]
fn three_digits_are_kept_without_a_tail() {
    for (value, kept) in [(0.123_456, "0.123"), (14.26, "14.3"), (6_192.4, "6190.0"), (0.000_301_9, "0.000302")] {
        assert_eq!(serde_json::to_string(&digits(value)).expect("finite"), kept);
    }
}
