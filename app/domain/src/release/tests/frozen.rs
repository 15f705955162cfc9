//! What rules do while a change freeze is in force.

use super::*;
use crate::effect::Effect;
use crate::engine::{World, reconcile};

/// What is decided about a release that has baked, with the proxy reporting what was asked.
fn decided(kind: VerdictKind, frozen: bool) -> Option<Command> {
    let Command::RecordVerdict(verdict) = verdict(kind, at(2)) else { unreachable!("it records one") };
    let release = running(Mode::Automatic);
    let weight = release.asked.as_ref().expect("a weight was asked").weight;
    let confirm = Command::ConfirmTraffic { weight, from: "proxy".into() };
    let release = after(release, confirm, &robot(), at(2));
    let release = after(release, Command::RecordVerdict(verdict.clone()), &robot(), at(2));
    let world = World {
        release: &release,
        verdict: Some((0, &verdict)),
        observed: Some((weight, "proxy")),
        saga: None,
        held: false,
        frozen,
        no_room: None,
    };
    let effects = reconcile(&world, at(600));
    effects.into_iter().find_map(|effect| match effect {
        Effect::Decide { command, .. } => Some(command),
        _ => None,
    })
}

#[test]
fn given_a_change_freeze_then_rules_wait_with_more_traffic_and_with_nothing_else() {
    let decided = |kind, frozen| decided(kind, frozen).and_then(|command| command.act());
    assert_eq!(decided(VerdictKind::Pass, false), Some(ReleaseAct::Promote));
    assert_eq!(decided(VerdictKind::Pass, true), None, "neither promoted nor held: it goes on by itself");
    for kind in [VerdictKind::Fail, VerdictKind::NoData] {
        assert!(decided(kind, true).is_some(), "{kind:?}");
        assert_eq!(decided(kind, true), decided(kind, false), "{kind:?}");
    }
}
