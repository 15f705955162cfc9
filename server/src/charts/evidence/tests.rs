use super::*;
use crate::service::course::tests::{course_of, watched};
use crate::service::{Course, TickBody};

fn course(bodies: &[TickBody]) -> (Course, Weighed) {
    let weighed = bodies.last().and_then(|body| body.verdict.evidence).expect("weighed");
    (course_of(bodies).expect("evidence"), weighed)
}

fn worse() -> Vec<TickBody> {
    watched(60, 3, |i| Some(if i > 30 { 40.0 } else { 2.0 }))
}

#[test]
fn given_a_worse_canary_then_its_line_crosses_what_rolls_back_and_promoting_goes_down() {
    let (course, needs) = course(&worse());
    let view = evidence(&course, &needs, &[]);
    let all = view.ends.iter().find(|end| end.arm == Arm::Canary).expect("labelled");
    assert!(all.y < view.levels[0].y, "{all:?} above {:?}", view.levels[0]);
    assert_eq!(view.levels[0].label, "20:1 rolls back");
    assert!(view.levels[2].below && view.levels[2].y > view.grid[0].y, "promoting is below even odds");
    let names: Vec<&str> = view.lines.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["errors", "promote: errors", "saturation", "together"]);
    assert!(view.points.iter().all(|point| point.values.len() == 4) && view.table.head.len() == 5);
    assert!(!view.inner_svg.contains("<text") && !view.inner_svg.contains("style"), "{}", view.inner_svg);
}

#[test]
fn given_a_calm_canary_then_grey_lines_along_the_middle_carry_no_label() {
    let (course, needs) = course(&watched(30, 2, |_| Some(2.0)));
    let view = evidence(&course, &needs, &[]);
    assert!(view.ends.iter().all(|end| !end.label.starts_with("saturation")), "{:?}", view.ends);
    assert!(view.ends.iter().any(|end| end.label.starts_with("together 1:")), "{:?}", view.ends);
}

#[test]
fn given_silence_then_a_gap_and_a_line_in_two_pieces() {
    let (course, needs) = course(&watched(60, 2, |i| (!(30..40).contains(&i)).then_some(2.0)));
    let view = placebo(&course, &needs, &[]).expect("two instances");
    assert_eq!(view.gaps.len(), 1);
    assert_eq!(view.inner_svg.matches("class=\"canary\"").count(), 2, "{}", view.inner_svg);
    assert_eq!(view.inner_svg.matches("class=\"placebo\"").count(), 2, "the baseline was read all the time");
    assert_eq!(view.points[35].values[0], None);
}

#[test]
fn given_three_instances_then_each_is_drawn_and_the_highest_is_read() {
    let (course, needs) = course(&worse());
    let view = placebo(&course, &needs, &[]).expect("three instances");
    assert_eq!(view.inner_svg.matches("class=\"placebo\"").count(), 3);
    assert_eq!(view.lines[1].1, "highest of 3");
    assert!(view.sentence.contains("3 baseline instances"), "{}", view.sentence);
}

#[test]
fn given_one_instance_then_there_is_no_picture_of_placebos() {
    let (course, needs) = course(&watched(30, 1, |_| Some(2.0)));
    assert_eq!(placebo(&course, &needs, &[]), None);
}
