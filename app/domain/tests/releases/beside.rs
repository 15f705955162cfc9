//! What some runs have besides: a change freeze, and a second source of the signals. Drawn apart, so that the other runs
//! stay as they were.

use super::chance::Chance;
use super::setup::{Quality, START, Setup, Troubles};
use super::signals::{Ill, Signals};
use super::world::World;
use serde_json::json;
use sternway_domain::change_freeze::{self, ChangeFreeze, Frozen};
use sternway_domain::plan::{Mode, Stage};
use sternway_domain::release::{Event, Release, State};
use sternway_domain::signal::{Reading, SourceFailure};
use sternway_domain::time::{Span, Timestamp};

/// Longer than any run.
const FOR_GOOD: Span = Span::from_secs(86_400);

/// A freeze, and what it comes to, reckoned without its rules.
#[derive(Debug, Clone)]
pub(crate) struct Freeze {
    pub(crate) document: ChangeFreeze,
    /// Whether anything that moves is frozen by it.
    pub(crate) concerns: bool,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Freeze {
    /// From a minute of the clock after the start, for so many minutes.
    pub(crate) fn minutes(services: &[&str], concerns: bool, after: i64, lasts: i64) -> Freeze {
        let from = Timestamp::from_secs((START.micros() / 60_000_000 + 1 + after) * 60);
        let until = from + Span::from_secs(lasts * 60);
        let written = |at: Timestamp| at.to_rfc3339().chars().take(16).collect::<String>();
        let document = json!({
            "name": "quarter-end", "description": "The quarter ends.", "services": services, "zone": "UTC",
            "windows": [{"once": {"from": written(from), "to": written(until)}}],
        });
        let document = serde_json::from_value(document).expect("well-formed");
        Freeze { document, concerns, from, until }
    }

    fn drawn(aside: &mut Chance, steps: bool) -> Freeze {
        let (services, concerns) = match (aside.unit() * 5.0) as u8 {
            0 => (&["shop"][..], true),
            1 => (&["auth", "elsewhere"][..], steps),
            2 => (&["elsewhere"][..], false),
            _ => (&[][..], true),
        };
        let (after, lasts) = ((aside.unit() * 4.0) as i64, 1 + (aside.unit() * 10.0) as i64);
        Freeze::minutes(services, concerns, after, lasts)
    }
}

/// How the candidate does as the second source has it, and when that falls silent for good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second {
    pub(crate) quality: Quality,
    pub(crate) dark: Option<Span>,
}

impl Setup {
    /// One run in eight has a freeze, one in twenty a second source: judging twice takes its time. In a quarter of these only
    /// that sees what is bad.
    pub(crate) fn draw_beside(&mut self, aside: &mut Chance) {
        self.freeze = aside.hits(0.12).then(|| Freeze::drawn(aside, self.steps));
        self.second = aside.hits(0.05).then(|| Second {
            quality: if aside.hits(0.25) { Quality::Bad } else { self.quality },
            dark: aside.hits(0.1).then(|| aside.between(10_000, 120_000)),
        });
    }

    /// As if neither had been drawn.
    pub(crate) fn alone(&mut self) {
        (self.freeze, self.second) = (None, None);
    }
}

impl World {
    /// What keeps it from going further, for somebody with this clock.
    pub(crate) fn frozen(&self, release: &Release, clock: Timestamp) -> Option<Frozen> {
        let freeze = self.setup.freeze.as_ref()?;
        let moving = release.moves().into_iter().map(|(name, _)| name).chain([&release.service]);
        change_freeze::frozen(std::slice::from_ref(&freeze.document), moving, clock)
    }

    /// Since when the candidate has been bad, as far as any source can see it.
    pub(crate) fn bad_since(&self) -> Option<Timestamp> {
        let second = self.second.as_ref().and_then(Signals::bad_since);
        self.signals.bad_since().into_iter().chain(second).min()
    }

    pub(crate) fn read_second(&mut self, asked: Timestamp) -> Option<Result<Reading, SourceFailure>> {
        self.second.as_mut().map(|second| second.read(asked))
    }

    /// What goes wrong with the second source.
    pub(crate) fn weather_beside(&mut self) {
        let (now, calm) = (self.now, self.calm());
        let (Some(second), Some(drawn)) = (&mut self.second, self.setup.second) else { return };
        if drawn.dark.is_some_and(|after| now.since(START) >= after) {
            second.fall_ill(now, Ill::Down, FOR_GOOD);
        }
        if self.aside.hits(self.setup.troubles.outage) && !calm {
            let (how, last) = (self.aside.one(&Ill::ALL), self.aside.between(5_000, 120_000));
            second.fall_ill(now, how, last);
        }
    }
}

/// A calm run by rules, the candidate good where the seed is even; the others turn bad.
fn calm(seed: u64, change: impl FnOnce(&mut Setup)) -> World {
    World::with(seed, |setup| {
        setup.quality = if seed.is_multiple_of(2) { Quality::Good } else { Quality::Turns(Span::from_secs(150)) };
        (setup.troubles, setup.dark) = (Troubles::NONE, None);
        setup.draft.plan.mode = Mode::Automatic;
        // With everything at once there is nothing to compare it with.
        let stages = &mut setup.draft.plan.stages;
        if let [only] = &stages[..] {
            let half = Stage { weight: 50.try_into().expect("a share"), ..*only };
            stages.insert(0, half);
        }
        setup.alone();
        change(setup);
    })
}

#[test]
fn given_half_an_hour_of_freeze_then_the_bad_go_back_within_it_and_the_good_go_on_when_it_is_over() {
    let (mut back, mut waited) = (0, 0);
    for seed in 0..200 {
        let freeze = Freeze::minutes(&[], true, 1, 30);
        let (from, until) = (freeze.from, freeze.until);
        let within = |at: Timestamp| (from..until).contains(&at);
        let store = calm(seed, |setup| setup.freeze = Some(freeze)).store_of_run();
        let by_rule = |event: &&Event| matches!(event, Event::Promoted { by, .. } if by.starts_with("automation"));
        let promoted: Vec<Timestamp> = store.events.iter().filter(by_rule).map(Event::at).collect();
        assert!(promoted.iter().all(|at| !within(*at)), "seed {seed}: {:#?}", store.events);
        let ordered = store.events.iter().find(|event| matches!(event, Event::RollbackOrdered { .. }));
        let entered = store.events.iter().find(|event| matches!(event, Event::StageEntered { .. }));
        let running = entered.is_some_and(|event| event.at() < from);
        match seed.is_multiple_of(2) {
            true => {
                assert_eq!(store.release.state, State::Promoted, "seed {seed}: {:#?}", store.events);
                waited += usize::from(running && promoted.iter().any(|at| *at >= until));
            }
            false if running => {
                let at = ordered.map(Event::at);
                assert!(at.is_some_and(|at| at < until), "seed {seed}: nothing keeps it from going back: {at:?}");
                back += usize::from(at.is_some_and(within));
            }
            false => {}
        }
    }
    assert!(back >= 20 && waited >= 20, "{back} went back within it, {waited} waited: no test");
}

#[test]
fn given_a_second_source_that_fails_or_is_silent_then_no_rule_promotes_and_silence_takes_nothing_back() {
    let dark = Some(Span::from_secs(20));
    for seed in (0..200).step_by(2) {
        let bad = Second { quality: Quality::Bad, dark: None };
        let store = calm(seed, |setup| setup.second = Some(bad)).store_of_run();
        assert_eq!(store.release.state, State::RolledBack, "seed {seed}: what one of them shows to be bad goes back");
        let silent = Second { quality: Quality::Good, dark };
        let store = calm(seed, |setup| (setup.second, setup.hands_off) = (Some(silent), true)).store_of_run();
        // After half an hour somebody takes it back.
        let acts = |event: &&Event| match event {
            Event::Promoted { by, .. } | Event::RollbackOrdered { by, .. } => by.starts_with("automation"),
            _ => false,
        };
        assert_eq!(store.events.iter().find(acts), None, "seed {seed}: silence does neither");
    }
}
