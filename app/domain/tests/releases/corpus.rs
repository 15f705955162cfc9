//! What was stored once is understood for ever: streams of releases and sagas as they were written, with readings, and what
//! came of them. The code of today must come to the same, to the last byte.
//!
//! `corpus/*.json` holds streams, which are never written anew, and beside them what follows from them. After a change that
//! is meant to change what follows (a new field of a release, another judge), `WRITE_CORPUS=1 cargo test -p sternway-domain
//! --test releases corpus` writes that part; look at the difference. `GROW_CORPUS=1` adds streams of today for states and
//! kinds of events that none has.

use super::setup::Setup;
use super::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use sternway_domain::judge::{JudgeState, Policy, judge};
use sternway_domain::release::{Event, Release};
use sternway_domain::saga::{self, Saga};
use sternway_domain::signal::Tick;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
/// Readings kept of one release, so that the folder stays small.
const MOST_TICKS: usize = 24;

const STATES: [&str; 12] = [
    "draft",
    "ready",
    "starting",
    "running",
    "holding",
    "promoted",
    "rolling_back",
    "rolled_back",
    "partially_rolled_back",
    "rolling_forward",
    "frozen",
    "cancelled",
];
const KINDS: [&str; 21] = [
    "created",
    "checklist_item_set",
    "started",
    "start_ended",
    "stage_entered",
    "promoted",
    "completed",
    "traffic_confirmed",
    "verdict_changed",
    "held",
    "resumed",
    "rollback_ordered",
    "rolled_back",
    "partially_rolled_back",
    "rollback_undone",
    "rollforward_ordered",
    "rolled_forward",
    "rollforward_ended",
    "frozen",
    "cancelled",
    "automation_resumed",
];
const SAGA_KINDS: [&str; 15] = [
    "ordered",
    "taken",
    "begun",
    "succeeded",
    "failed",
    "outcome_unknown",
    "cannot_tell",
    "overdue",
    "escalated",
    "retry_ordered",
    "skipped",
    "undo_ordered",
    "stopped",
    "superseded",
    "ended",
];

/// One file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// As they were stored.
    events: Vec<Value>,
    sagas: Vec<Vec<Value>>,
    /// Policies, and readings each with the number of its policy.
    policies: Vec<Value>,
    ticks: Vec<(usize, Value)>,
    follows: Follows,
}

/// What follows from the rest, as text: bytes are compared, not values.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Follows {
    release: String,
    standings: Vec<String>,
    verdicts: Vec<String>,
}

impl Kept {
    fn of(events: &[Event], sagas: &[Vec<saga::Event>], ticks: &[(&Policy, &Tick)]) -> Kept {
        let value = |event: &dyn erased::Json| event.json();
        let mut kept = Kept {
            events: events.iter().map(|event| value(event)).collect(),
            sagas: sagas.iter().map(|events| events.iter().map(|event| value(event)).collect()).collect(),
            policies: vec![],
            ticks: vec![],
            follows: Follows::default(),
        };
        for (policy, tick) in ticks {
            let policy = value(*policy);
            let number = kept.policies.iter().position(|known| *known == policy).unwrap_or_else(|| {
                kept.policies.push(policy);
                kept.policies.len() - 1
            });
            kept.ticks.push((number, value(*tick)));
        }
        kept.follows = kept.replayed();
        kept
    }

    fn events(&self) -> Vec<Event> {
        self.events.iter().map(read).collect()
    }

    fn sagas(&self) -> Vec<Vec<saga::Event>> {
        self.sagas.iter().map(|events| events.iter().map(read).collect()).collect()
    }

    fn replayed(&self) -> Follows {
        let text = |value: &dyn erased::Json| value.json().to_string();
        let release = Release::fold(&self.events()).expect("it begins with its creation");
        let standings = self.sagas().into_iter().map(|events| {
            let saga = Saga::fold(&events).expect("it begins with its order");
            format!("{:?} {} {}", saga.phase, saga.version, text(&saga.standing()))
        });
        let policies: Vec<Policy> = self.policies.iter().map(read).collect();
        let mut state = JudgeState::default();
        let verdicts = self.ticks.iter().map(|(policy, tick)| {
            serde_json::to_string(&judge(&mut state, &read::<Tick>(tick), &policies[*policy])).expect("it is JSON")
        });
        let (standings, verdicts) = (standings.collect(), verdicts.collect());
        Follows { release: serde_json::to_string(&release).expect("it is JSON"), standings, verdicts }
    }
}

/// Anything that is stored.
mod erased {
    use serde::Serialize;
    use serde_json::Value;

    pub(super) trait Json {
        fn json(&self) -> Value;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> Value {
            serde_json::to_value(self).expect("it is JSON")
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("what was stored is no longer understood: {error}: {value}"))
}

fn files() -> Vec<(PathBuf, Kept)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(FOLDER).into_iter().flatten().map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("readable");
        let kept = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, kept)
    };
    paths.into_iter().map(read).collect()
}

fn write(path: &PathBuf, kept: &Kept) {
    let line = |value: &Value| value.to_string();
    let list = |values: &[Value]| values.iter().map(line).collect::<Vec<_>>().join(",\n");
    let sagas: Vec<String> = kept.sagas.iter().map(|events| format!("[\n{}\n]", list(events))).collect();
    let ticks: Vec<String> = kept.ticks.iter().map(|(policy, tick)| format!("[{policy}, {tick}]")).collect();
    let text = format!(
        "{{\"events\": [\n{}\n],\n\"sagas\": [{}],\n\"policies\": [\n{}\n],\n\"ticks\": [\n{}\n],\n\"follows\": {}}}\n",
        list(&kept.events),
        sagas.join(",\n"),
        list(&kept.policies),
        ticks.join(",\n"),
        serde_json::to_string_pretty(&kept.follows).expect("it is JSON")
    );
    std::fs::write(path, text).expect("written");
}

/// Of a stream: each state it comes through for the first time, and the kinds of its events.
fn shown(kept: &Kept) -> BTreeSet<String> {
    let release = Release::fold(&kept.events()).expect("it begins with its creation");
    let mut shown = BTreeSet::from([format!("state {}", release.state.as_str())]);
    shown.extend(kept.events().iter().map(|event| format!("event {}", event.kind())));
    shown.extend(kept.sagas().iter().flatten().map(|event| format!("step {}", event.kind())));
    shown
}

fn wanted() -> BTreeSet<String> {
    let states = STATES.iter().map(|state| format!("state {state}"));
    let kinds = KINDS.iter().map(|kind| format!("event {kind}"));
    states.chain(kinds).chain(SAGA_KINDS.iter().map(|kind| format!("step {kind}"))).collect()
}

/// Runs that show what no file shows yet, cut where they show it.
fn grow() {
    std::fs::create_dir_all(FOLDER).expect("made");
    let mut missing = &wanted() - &files().iter().flat_map(|(_, kept)| shown(kept)).collect();
    for seed in 0..5_000 {
        if missing.is_empty() {
            return;
        }
        let world = World::with(seed, Setup::alone).store_of_run();
        let sagas: Vec<Vec<saga::Event>> = world.sagas.values().map(|stream| stream.events.clone()).collect();
        let ticks = world.ticks.iter().filter(|judged| judged.forwarded_at.is_none());
        let ticks: Vec<_> = ticks.take(MOST_TICKS).map(|judged| (&judged.policy, &judged.tick)).collect();
        for until in 1..=world.events.len() {
            let (last, saga) =
                (until == world.events.len(), if until == world.events.len() { &sagas[..] } else { &[] });
            let kept = Kept::of(&world.events[..until], saga, if last { &ticks } else { &[] });
            let new: BTreeSet<String> = &shown(&kept) & &missing;
            // What is on the way is only kept for its state; kinds of events come with whole runs.
            if new.is_empty() || (!last && !new.iter().any(|what| what.starts_with("state"))) {
                continue;
            }
            missing = &missing - &new;
            let state = Release::fold(&world.events[..until]).expect("it begins with its creation").state;
            write(&PathBuf::from(FOLDER).join(format!("{seed:04}-{until:02}-{}.json", state.as_str())), &kept);
        }
    }
    panic!("no run shows {missing:?}");
}

#[test]
fn given_the_corpus_of_old_streams_when_replayed_then_states_and_verdicts_are_the_same_to_the_last_byte() {
    if std::env::var_os("GROW_CORPUS").is_some() {
        grow();
    }
    let all = files();
    for (path, kept) in &all {
        let name = path.file_name().unwrap_or_default().display();
        let again: Vec<Value> = kept.events().iter().map(erased::Json::json).collect();
        assert_eq!(again, kept.events, "{name}: an event is written in another way than it was read");
        let again: Vec<Vec<Value>> =
            kept.sagas().iter().map(|events| events.iter().map(erased::Json::json).collect()).collect();
        assert_eq!(again, kept.sagas, "{name}: an event of a saga is written in another way than it was read");
        let follows = kept.replayed();
        if std::env::var_os("WRITE_CORPUS").is_some() && follows != kept.follows {
            let Kept { events, sagas, policies, ticks, .. } = kept;
            let (events, sagas) = (events.clone(), sagas.clone());
            let (policies, ticks) = (policies.clone(), ticks.clone());
            write(path, &Kept { events, sagas, policies, ticks, follows });
            continue;
        }
        assert_eq!(follows.release, kept.follows.release, "{name}: the release is another");
        assert_eq!(follows.standings, kept.follows.standings, "{name}: a saga stands elsewhere");
        for (number, (now, then)) in follows.verdicts.iter().zip(&kept.follows.verdicts).enumerate() {
            assert_eq!(now, then, "{name}: verdict {number} is another");
        }
        assert_eq!(follows.verdicts.len(), kept.follows.verdicts.len(), "{name}");
    }
    let missing: BTreeSet<String> = &wanted() - &all.iter().flat_map(|(_, kept)| shown(kept)).collect();
    assert!(missing.is_empty(), "no file shows {missing:?}; GROW_CORPUS=1 adds some");
    let verdicts: usize = all.iter().map(|(_, kept)| kept.ticks.len()).sum();
    assert!(verdicts >= 100, "{verdicts} verdicts are no test");
}
