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
    asked(points).view()
}

fn asked(points: &[Point]) -> Chart<'_> {
    let now = points.last().expect("some points").at;
    Chart {
        metric: Metric::Errors,
        points,
        now,
        span: Span::from_secs(20 * 60),
        interval: Span::from_secs(15),
        guard: None,
        finding: None,
        ranges: &[],
        limit: Some(0.01),
        stages: &[],
        acts: &[],
        wide: true,
    }
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
    assert_eq!(view.levels[0].label, "limit 1.00\u{a0}%");
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

#[test]
fn given_a_range_then_a_band_for_each_known_stretch_and_room_for_it() {
    let points = points(&vec![Some(0.004); 40]);
    let range = |(i, point): (usize, &Point)| (point.at, (i != 20).then_some((0.002, 0.007)));
    let ranges: Vec<(Timestamp, Option<(f64, f64)>)> = points.iter().enumerate().map(range).collect();
    let plain = Chart { ranges: &[], limit: None, ..asked(&points) }.view();
    let view = Chart { ranges: &ranges, limit: None, ..asked(&points) }.view();
    assert_eq!(view.inner_svg.matches("class=\"band\"").count(), 2, "{}", view.inner_svg);
    assert!(view.ends.iter().any(|end| end.arm == Arm::Band && end.label.contains("95")), "{:?}", view.ends);
    assert!(
        view.ends.iter().find(|end| end.arm == Arm::Canary).map(|end| end.y)
            > plain.ends.iter().find(|end| end.arm == Arm::Canary).map(|end| end.y),
        "the scale makes room"
    );
}

#[test]
fn labels_of_five_lines_at_one_height_stand_apart_within_the_plot() {
    let end = |y: f64| EndView { y, label_y: y, ..EndView::default() };
    for y in [0.0, 40.0, 100.0] {
        let mut ends: Vec<EndView> = (0..5).map(|_| end(y)).collect();
        axis::part(&mut ends, 9.0);
        assert!(ends.windows(2).all(|pair| pair[1].label_y - pair[0].label_y >= 8.9), "{ends:?}");
        assert!(ends[0].label_y >= 0.0 && ends[4].label_y <= 100.0, "{ends:?}");
    }
}
