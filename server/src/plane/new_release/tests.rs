use super::*;
use crate::service::course::tests::{plan, watched};
use crate::service::{Expected, Past};
use sternway_domain::signal::stats::pooled;
use sternway_domain::signal::{Arm, Tick};

fn expected(plan: &Plan, instances: usize) -> Expected {
    let ticks: Vec<Tick> = watched(120, instances, |_| Some(2.0)).into_iter().map(|body| body.tick).collect();
    let usual = pooled(&ticks, Arm::Baseline).expect("watched");
    Expected::of(plan, &Past { ticks, usual })
}

#[test]
fn given_a_service_that_was_watched_then_each_stage_says_when_it_goes_on_and_what_is_noticed() {
    let table = stages(&plan(), &expected(&plan(), 4));
    let head = ["Traffic", "Bakes", "Requests", "Goes on, if unchanged", "errors 2x, 5x", "saturation 2x, 5x"];
    assert_eq!(table.head, head);
    let cells: Vec<&str> = table.rows[0].cells.iter().map(|cell| cell.text.as_str()).collect();
    assert_eq!((table.rows[0].name.as_str(), cells[0], cells[1]), ("20\u{a0}%", "10:00", "80.0/s"));
    assert!(cells[2].starts_with("after "), "{cells:?}");
    assert!(cells[3].contains("\u{a0}s") || cells[3].contains("\u{a0}min"), "{cells:?}");
    assert_eq!(table.rows.len(), 1);
}

#[test]
fn given_a_guard_that_cannot_decide_in_time_then_it_is_marked_and_warned_of() {
    let mut slow = plan();
    slow.on_deadline.after = Span::from_secs(10);
    slow.stages[0].bake = Span::from_secs(10);
    let expected = expected(&slow, 4);
    let table = stages(&slow, &expected);
    assert_eq!((table.rows[0].cells[2].text.as_str(), table.rows[0].cells[2].tone), ("not in time", Tone::Caution));
    let said = expectations(&expected);
    assert!(said.first().is_some_and(|check| check.tone == Tone::Caution), "{said:?}");
}

#[test]
fn given_a_service_that_was_never_watched_then_only_what_is_known_is_shown() {
    let nothing = Expected::of(&plan(), &Past::default());
    let table = stages(&plan(), &nothing);
    assert_eq!((table.head.len(), table.rows[0].cells.len()), (2, 1));
    assert!(told_of(&nothing).contains("not known"), "{}", told_of(&nothing));
    let played = expectations(&nothing);
    assert!(played[0].text.starts_with("Not played"), "{played:?}");
}
