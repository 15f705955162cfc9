use super::*;
use std::collections::BTreeMap;

fn points(values: &[Option<f64>]) -> Vec<Point> {
    let point = |(i, value): (usize, &Option<f64>)| Point {
        at: Timestamp::from_secs(1_700_000_000 + 15 * i as i64),
        canary: value.iter().map(|v| (Metric::Errors, *v)).collect(),
        baseline: value.iter().map(|_| (Metric::Errors, 0.001)).collect::<BTreeMap<_, _>>(),
        requests: (100.0, 1_900.0),
        errors: (value.unwrap_or(0.0) * 100.0, 2.0),
    };
    values.iter().enumerate().map(point).collect()
}

fn chart(points: &[Point]) -> ChartView {
    let now = points.last().expect("some points").at;
    Chart {
        metric: Metric::Errors,
        points,
        now,
        span: Span::from_secs(20 * 60),
        interval: Span::from_secs(15),
        guard: None,
        finding: None,
        limit: Some(0.01),
        stages: &[],
        acts: &[],
        wide: true,
    }
    .view()
}

#[test]
fn given_a_gap_when_drawn_then_the_line_is_in_two_pieces() {
    let mut values = vec![Some(0.001); 20];
    values.extend([None; 10]);
    values.extend([Some(0.002); 20]);
    let view = chart(&points(&values));
    assert_eq!(view.inner_svg.matches("class=\"canary\"").count(), 2, "{}", view.inner_svg);
    assert_eq!(view.gaps.len(), 1);
}

#[test]
fn given_values_beyond_the_limit_when_drawn_then_they_are_filled() {
    let mut values = vec![Some(0.001); 20];
    values.extend([Some(0.02); 5]);
    let view = chart(&points(&values));
    assert!(view.inner_svg.contains("class=\"beyond\""), "{}", view.inner_svg);
    assert!(!view.inner_svg.contains("style"));
    assert_eq!(view.tolerance.map(|t| t.label), Some("limit 1.00\u{a0}%".to_owned()));
}

#[test]
fn given_nothing_now_when_shown_then_a_dash_and_what_was() {
    let view = chart(&points(&[Some(0.004), Some(0.004), None]));
    assert_eq!((view.now.as_str(), view.against.as_str()), ("–", "was 0.40\u{a0}%"));
}

#[test]
fn labels_of_two_lines_at_the_same_height_stand_apart() {
    let view = chart(&points(&vec![Some(0.001); 40]));
    let [a, b] = view.ends.as_slice() else { panic!("two ends") };
    assert!((a.label_y - b.label_y).abs() >= 7.4, "{a:?} {b:?}");
}
