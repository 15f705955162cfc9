//! Nobody hears that something changed: whatever is done upon a notice is done by the next look anyway.

use super::runs;
use super::setup::{Quality, Troubles};
use super::world::{Report, World};
use std::collections::BTreeMap;

const SEEDS: std::ops::Range<u64> = 0..1_000;

/// Runs that keep every promise, by seed.
fn kept(what: &str, world: impl Fn(u64) -> World + Sync) -> BTreeMap<u64, Report> {
    let reports = runs(SEEDS, world);
    for (seed, report) in &reports {
        assert_eq!(report.broken, None, "seed {seed}, {what}: {}", report.tail.join("\n"));
    }
    reports
}

#[test]
fn given_every_notice_is_lost_then_a_thousand_releases_end_as_they_do_with_them() {
    let ends = |deaf: f64| {
        kept("calm", |seed| {
            let mut world = World::with(seed, |setup| {
                setup.quality = if seed % 2 == 0 { Quality::Good } else { Quality::Bad };
                setup.troubles = Troubles { deaf, ..Troubles::NONE };
                // What is promoted before the metrics go down for good is a matter of seconds.
                setup.dark = None;
                setup.alone();
            });
            // Chance falls otherwise where looks come at other moments, and near a deadline it can decide.
            world.signals.even = true;
            world
        })
    };
    let (with, without) = (ends(0.0), ends(1.0));
    let other: Vec<_> = with.iter().filter(|(seed, report)| report.end != without[seed].end).collect();
    let text = |(seed, report): &(&u64, &Report)| {
        format!("seed {seed}: {} with notices, {} without\n", report.end, without[*seed].end)
    };
    assert!(other.is_empty(), "{} end otherwise\n{}", other.len(), other.iter().map(text).collect::<String>());
    let count = |end: &str| with.values().filter(|report| report.end == end).count();
    assert!(count("promoted") >= 300 && count("rolled_back") >= 300, "the good and the bad do not all end alike");
}

#[test]
fn given_every_notice_is_lost_in_a_storm_then_every_promise_is_kept() {
    let troubles = Troubles { deaf: 1.0, ..Troubles::STORM };
    let reports = kept("storm", |seed| World::with(seed, |setup| setup.troubles = troubles));
    let ended = reports.values().filter(|report| report.end == "promoted" || report.end == "rolled_back").count();
    assert!(ended * 2 >= reports.len(), "{ended} of {} came to an end of their own", reports.len());
}
