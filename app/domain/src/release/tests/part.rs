//! What is left of a release of which a part went back.

use super::*;
use crate::component::Layer;

fn component(name: &str) -> Component {
    Component {
        name: ServiceName::new(name).expect("plain"),
        layer: Layer::default(),
        baseline: artifact("1.41.0"),
        candidate: artifact("1.42.0"),
        needs: vec![],
        cells: vec![],
        features: vec![],
    }
}

/// `checkout` with `auth` and `cart`, at the second stage.
fn together() -> Release {
    let components = ["checkout", "auth", "cart"].map(component).to_vec();
    let draft = Draft { components, ..draft(Mode::Automatic) };
    let events = Release::create(draft, &maya(), at(0)).expect("usable");
    let start =
        Command::Start { runbooks: vec![], override_checklist: true, saga: None, known_bad: vec![], reason: reason() };
    let started = after(Release::fold(&events).expect("created"), start, &maya(), at(1));
    after(started, Command::Promote { override_verdict: true, reason: reason() }, &maya(), at(2))
}

fn order(release: Release, only: Option<&[&str]>) -> Release {
    let name = |name: &&str| ServiceName::new(*name).expect("plain");
    let only = only.map(|only| only.iter().map(name).collect());
    after(release, Command::Rollback { saga: Some(SagaId(Uuid::nil())), only, reason: reason() }, &maya(), at(5))
}

fn end(release: Release, outcome: Outcome) -> Release {
    after(release, Command::EndRollback { outcome, summary: "1 of 1 back.".into() }, &robot(), at(9))
}

fn moves(release: &Release) -> Vec<&str> {
    release.moves().into_iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn given_a_part_when_it_is_back_then_the_rest_is_held_where_it_stood_and_a_person_goes_on() {
    let judged = after(together(), verdict(VerdictKind::Fail, at(3)), &robot(), at(3));
    let ordered = order(judged, Some(&["auth"]));
    assert_eq!(ordered.asked.as_ref().map(|asked| asked.weight.percent()), Some(50), "nothing is asked of the rest");
    // As far as it was carried out: whoever skipped a step went on without it.
    for outcome in [Outcome::Complete, Outcome::Partial, Outcome::PartlyUndone] {
        let held = end(ordered.clone(), outcome);
        assert_eq!(held.state, State::Holding { stage: 1, cause: HoldCause::PartBack }, "{outcome:?}");
        assert!(held.state.active());
        assert_eq!(moves(&held), ["checkout", "cart"]);
        assert_eq!(held.parts[0].components, [component("auth")]);
        assert_eq!(held.asked.as_ref().map(|asked| asked.weight.percent()), Some(50));
        assert_eq!((held.current_verdict(), held.forwarded_at), (None, Some(at(9))), "it is another thing now");
    }
    let held = end(ordered.clone(), Outcome::Complete);
    let resumed = after(held.clone(), Command::Resume { reason: reason() }, &maya(), at(10));
    assert_eq!(resumed.state, State::Running { stage: 1 });
    assert!(matches!(
        resumed.decide(Command::Promote { override_verdict: false, reason: reason() }, &maya(), at(11)),
        Err(Refusal::NoPass(_))
    ));
    let rest = end(order(held, None), Outcome::Complete);
    assert_eq!((&rest.state, moves(&rest)), (&State::RolledBack, vec!["checkout", "cart"]));
    let undone = end(ordered, Outcome::Undone);
    assert_eq!((moves(&undone).len(), undone.parts.len()), (3, 0), "nothing went back");
}

#[test]
fn given_the_judged_service_went_back_then_what_stays_keeps_its_share_and_can_only_go_back() {
    let held = end(order(together(), Some(&["checkout"])), Outcome::Complete);
    assert!(!held.judged() && held.state.active());
    let asked = held.asked.clone().expect("asked");
    assert_eq!((asked.weight.percent(), held.share(&asked)), (50, Weight::ZERO));
    for command in [
        Command::Promote { override_verdict: true, reason: reason() },
        Command::Resume { reason: reason() },
        forward(Some("cart"), None),
    ] {
        let refused = held.decide(command, &maya(), at(10));
        assert!(matches!(refused, Err(Refusal::NotJudged(_))), "{refused:?}");
    }
    assert!(held.possible(ReleaseAct::Rollback) && !held.possible(ReleaseAct::Resume));
    assert_eq!(end(order(held, None), Outcome::Complete).state, State::RolledBack);
}

#[test]
fn given_only_flags_when_they_are_off_then_everything_stays() {
    let held = end(order(together(), Some(&[])), Outcome::Complete);
    assert_eq!(held.state, State::Holding { stage: 1, cause: HoldCause::PartBack });
    assert_eq!(moves(&held).len(), 3);
    let resume = held.decide(Command::ResumeAutomation { reason: reason() }, &maya(), at(10));
    assert_eq!(resume, Err(Refusal::NothingBack));
}

#[test]
fn given_half_a_rollback_then_no_part_of_it_is_taken_for_the_rest() {
    let partly = end(order(together(), None), Outcome::Partial);
    assert_eq!(partly.state, State::PartiallyRolledBack);
    let only = Some(vec![ServiceName::new("auth").expect("plain")]);
    let part = Command::Rollback { saga: Some(SagaId(Uuid::nil())), only, reason: reason() };
    assert!(matches!(partly.decide(part, &maya(), at(10)), Err(Refusal::WholeOnly(_))));
    assert_eq!(order(partly, None).state, State::RollingBack);
}

#[test]
fn given_an_order_as_it_was_stored_before_then_it_says_the_same() {
    let stored =
        |only: &str| format!(r#"{{"event":"rollback_ordered","key":"k","by":"Maya","reason":"errors","at":0{only}}}"#);
    let read = |text: &str| match serde_json::from_str(text).expect("it is understood") {
        Event::RollbackOrdered { only, .. } => only,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&stored("")), None, "all of it");
    assert_eq!(read(&stored(r#","only":["auth"]"#)).map(|only| only.len()), Some(1));
    let flags = Event::RollbackOrdered {
        key: "k".into(),
        saga: None,
        only: Some(vec![]),
        by: "Maya".into(),
        reason: "errors".into(),
        at: at(0),
    };
    let text = serde_json::to_string(&flags).expect("JSON");
    assert_eq!(read(&text), Some(vec![]), "nothing is not everything");
}
