//! The metrics are gone for ten minutes: nothing moves, and a person is called when the time for it has come.

use super::setup::{Quality, START, Troubles};
use super::signals::Ill;
use super::world::World;
use sternway_domain::plan::Mode;
use sternway_domain::release::{Event, HoldCause};
use sternway_domain::time::{Span, Timestamp};

const SEEDS: u64 = 100;
/// Since when, after the start, and for how long.
const FROM: Span = Span::from_secs(100);
const LASTS: Span = Span::from_secs(600);
/// So long after the release was held, as its plan says.
const DEADLINE: Span = Span::from_secs(90);

#[test]
fn given_no_metrics_for_ten_minutes_then_no_rule_promotes_or_goes_back_and_a_person_is_called_at_the_deadline() {
    let (from, until) = (START + FROM, START + FROM + LASTS);
    for seed in 0..SEEDS {
        let mut world = World::with(seed, |setup| {
            (setup.quality, setup.troubles) = (Quality::Good, Troubles::NONE);
            (setup.dark, setup.hands_off) = (None, true);
            setup.alone();
            setup.draft.plan.mode = Mode::Automatic;
            assert_eq!(setup.draft.plan.on_deadline.after, DEADLINE);
            // Well before its end the metrics go, well after it they return: a stage is over while nothing is seen.
            setup.draft.plan.stages.iter_mut().for_each(|stage| stage.bake = Span::from_secs(300));
        });
        world.full_until = START;
        world.signals.fall_ill(from, Ill::Down, LASTS);
        let store = world.store_of_run();
        let events: Vec<&Event> = store.events.iter().filter(|event| (from..until).contains(&event.at())).collect();
        let moved = |event: &&&Event| matches!(event, Event::Promoted { .. } | Event::RollbackOrdered { .. });
        assert_eq!(events.iter().find(moved), None, "seed {seed}: nobody saw anything");
        let held = |wanted: fn(&HoldCause) -> bool| -> Vec<Timestamp> {
            let of = |event: &&&Event| matches!(event, Event::Held { cause, .. } if wanted(cause));
            events.iter().filter(of).map(|event| event.at()).collect()
        };
        let blind = held(|cause| matches!(cause, HoldCause::NoEvidence { .. }));
        let called = held(|cause| *cause == HoldCause::Deadline);
        let ([blind], [called]) = (&blind[..], &called[..]) else {
            panic!("seed {seed}: each once: {blind:?}, {called:?} of {events:#?}");
        };
        let after = called.since(*blind);
        let off = (after.micros() - DEADLINE.micros()).abs();
        assert!(off <= Span::from_secs(5).micros(), "seed {seed}: called {after} after it was held");
        let states = store.events.iter().filter(|event| matches!(event, Event::Held { .. } | Event::Resumed { .. }));
        assert_eq!(states.count(), 2, "seed {seed}: held, then called, and no more: {:#?}", store.events);
    }
}
