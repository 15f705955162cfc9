//! Rules and change freezes: what would be promoted waits, and goes on by itself afterwards.

use super::*;
use std::sync::atomic::AtomicI64;
use sternway_domain::release::Event;

/// The time of the machine, moved.
#[derive(Debug, Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.0.load(Ordering::SeqCst))
    }
}

impl Moved {
    /// It shows this, and goes on from there.
    fn set(&self, now: Timestamp) {
        self.0.store(now.micros() - SystemClock.now().micros(), Ordering::SeqCst);
    }
}

/// The frozen minute.
const BEGIN: &str = "2027-01-04T07:59:00Z";
const END: &str = "2027-01-04T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_pass_within_a_change_freeze_then_it_waits_for_the_end_and_goes_on_by_itself() {
    let clock = Arc::new(Moved::default());
    clock.set(at(BEGIN) - Span::from_secs(3));
    let rig = Rig::with("automatic", clock.clone()).await;
    let freeze = "kind: ChangeFreeze\nname: christmas\ndescription: Christmas\nzone: Europe/Berlin\nwindows:\n  \
                  - once: { from: 2027-01-04T08:59, to: 2027-01-04T09:00 }\n";
    let files = [("freeze.yaml".to_owned(), freeze.to_owned())];
    rig.service.apply(&maya(), &files, "as every year", "apply").await.expect("applied");
    clock.set(at(BEGIN) - Span::from_secs(1));
    let id = rig.started().await;
    clock.set(at(BEGIN) + Span::from_secs(1));
    let baked = |release: &Release| {
        let pass = release.current_verdict().is_some_and(|note| note.kind == VerdictKind::Pass);
        pass && release.confirmed() && release.bake_left(clock.now()) == Some(Span::ZERO)
    };
    let waits = rig.until(id, baked).await;
    assert!(clock.now() < at(END), "too slow to see it wait");
    assert_eq!(waits.state.stage(), Some(0));
    // It is read and judged three times more, and nothing is done.
    let count = async || rig.service.tick_bodies(id, Timestamp::default()).await.expect("read").len();
    let before = count().await;
    let mut changes = rig.service.bus.subscribe();
    while count().await < before + 3 {
        let _ = tokio::time::timeout(Duration::from_millis(200), changes.recv()).await;
    }
    assert_eq!(rig.actions(id).await, ["create Maya Ortiz", "start Maya Ortiz"], "no rule has acted, nor tried to");
    clock.set(at(END) - Span::from_millis(300));
    rig.until(id, |release| release.state == State::Promoted).await;
    let history = rig.service.history(&maya(), id, 0).await.expect("read");
    let promoted: Vec<Timestamp> = history
        .iter()
        .filter(|(_, event)| matches!(event, Event::Promoted { .. }))
        .map(|(_, event)| event.at())
        .collect();
    assert_eq!(promoted.len(), 3);
    assert!(promoted[0] >= at(END), "not before its end: {}", promoted[0]);
    assert!(promoted[0].since(at(END)) < Span::from_secs(10), "as soon as it is over: {}", promoted[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_fail_within_a_change_freeze_then_it_is_rolled_back_all_the_same() {
    let rig = Rig::new("automatic").await;
    let id = rig.started().await;
    let freeze = "kind: ChangeFreeze\nname: always\ndescription: For good\nzone: UTC\nwindows:\n  \
                  - once: { from: 2020-01-01T00:00, to: 2999-01-01T00:00 }\n";
    let files = [("freeze.yaml".to_owned(), freeze.to_owned())];
    rig.service.apply(&maya(), &files, "nothing goes out", "apply").await.expect("applied");
    rig.world.errors.store(2_000, Ordering::Relaxed);
    rig.until(id, |release| release.state == State::RolledBack).await;
    assert_eq!(rig.actions(id).await.last().map(String::as_str), Some("rollback automation, rule roll-back-on-fail"));
}
