use super::*;
use crate::service::TickBody;
use crate::service::course::tests::{course_of, plan, watched};

fn told(bodies: &[TickBody]) -> (String, ExplainedView) {
    let verdict = &bodies.last().expect("ticks").verdict;
    let course = course_of(bodies);
    (estimate(&plan(), verdict), explained(&plan(), verdict, course.as_ref(), &[]))
}

#[test]
fn given_a_worse_canary_then_the_estimate_has_units_its_range_and_what_is_tolerated() {
    let (said, view) = told(&watched(60, 3, |_| Some(20.0)));
    assert!(
        said.starts_with(
            "Since this stage began, with 95\u{a0}% certainty: errors 2.00\u{a0}% against 0.20\u{a0}%, **10x**"
        ),
        "{said}"
    );
    assert!(said.contains("surely between **"), "{said}");
    // 1.5x + 0.05 % of a baseline of 0.2 %.
    assert!(said.ends_with("; tolerated 1.75x."), "{said}");
    assert!(matches!((&view.evidence, &view.placebo), (Or::Shown(_), Or::Shown(_))));
    let errors = &view.table.rows[0];
    assert_eq!((errors.name.as_str(), errors.cells[0].text.as_str()), ("errors", "fail"));
    assert_eq!(errors.cells.len() + 1, view.table.head.len());
}

#[test]
fn given_a_clean_baseline_then_at_least_is_said() {
    let mut bodies = watched(60, 3, |_| Some(20.0));
    let finding = &mut bodies[59].verdict.guards[0];
    let band = finding.evidence.as_mut().and_then(|evidence| evidence.band.as_mut()).expect("a band");
    (band.high, band.seen.baseline, band.low) = (None, 0.0, 3.2);
    let (said, view) = told(&bodies);
    assert!(said.ends_with("against 0.00\u{a0}%, surely at least **3.2x**."), "{said}");
    assert_eq!(view.table.rows[0].cells[4].text, "at least 3.2x");
}

#[test]
fn given_one_instance_or_silence_then_the_place_of_a_picture_says_why() {
    let (_, view) = told(&watched(30, 1, |_| Some(2.0)));
    let Or::Instead(why) = view.placebo else { panic!("nothing to play") };
    assert!(why.text.contains("two instances"), "{}", why.text);
    let (said, view) = told(&watched(3, 2, |_| None));
    assert_eq!(said, "");
    assert!(matches!((view.evidence, view.placebo), (Or::Instead(_), Or::Instead(_))));
}

#[test]
fn meters_say_how_long_it_takes_and_not_once_it_is_there() {
    assert_eq!(needed(2.0, 20.0, Some(Span::from_secs(38))), "20:1 needed, in about 40\u{a0}s");
    assert_eq!(needed(25.0, 20.0, Some(Span::ZERO)), "20:1 needed");
    assert_eq!(needed(0.5, 20.0, None), "20:1 needed");
}
