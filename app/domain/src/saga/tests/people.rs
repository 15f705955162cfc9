//! What people choose, and undoing.

use super::*;

fn failed_auth() -> (Saga, StepId) {
    let (saga, id) = upto("Deploy `auth`");
    let reply = answer(id, Side::Do, &saga, refused());
    (run(seen(saga, reply, 1, 3), "", 4), id)
}

fn because() -> String {
    "the disk was cleaned".to_owned()
}

#[test]
fn given_a_failed_step_when_it_is_retried_then_it_goes_on_to_the_end() {
    let (saga, step) = failed_auth();
    let saga = told(saga, Command::Retry { step, side: Side::Do, reason: because() }, 5);
    let saga = run(saga, "", 5);
    assert_eq!(saga.phase, Phase::Ended(Outcome::Complete));
}

#[test]
fn given_a_failed_step_when_it_is_skipped_then_the_end_is_partial_and_says_so() {
    let (saga, step) = failed_auth();
    let saga = told(saga, Command::Skip { step, side: Side::Do, reason: because() }, 5);
    let saga = run(saga, "", 5);
    assert_eq!(saga.phase, Phase::Ended(Outcome::Partial));
    assert_eq!(
        saga.standing().sentence,
        "4 of 5 back. `auth` was left out: Deploy `auth` 1.41.3 was skipped: the disk was cleaned."
    );
}

#[test]
fn given_a_step_that_tells_people_when_it_is_skipped_then_the_rest_still_counts_as_complete() {
    let (saga, step) = upto("Tell people: Rollback begins");
    let saga = told(saga, Command::Skip { step, side: Side::Do, reason: because() }, 5);
    assert_eq!(run(saga, "", 5).phase, Phase::Ended(Outcome::Complete));
}

#[test]
fn given_an_order_to_undo_then_what_was_done_is_undone_in_reverse() {
    let (saga, _) = failed_auth();
    let mut saga = told(saga, Command::Compensate { reason: because() }, 5);
    assert_eq!(begins(&saga, 5).len(), 3, "messaging, cache and the traffic of storage come first, side by side");
    let mut order = Vec::new();
    while let Some(id) = begins(&saga, 5).first().copied() {
        order.push(saga.step(id).expect("is due").title.clone());
        saga = seen(saga, Observation::Begin { step: id, side: Side::Undo }, 1, 6);
        let reply = answer(id, Side::Undo, &saga, done());
        saga = seen(saga, reply, 1, 6);
    }
    assert_eq!(saga.phase, Phase::Ended(Outcome::Undone));
    let sentence = saga.standing().sentence;
    assert_eq!(sentence, "0 of 5 back. Taken back again: `api`, `auth`, `messaging`, `cache` and `storage`.");
    let place = |title: &str| order.iter().position(|t| t.contains(title)).expect("was undone");
    assert!(place("Deploy `api`") < place("traffic of `api`"));
    assert!(place("traffic of `storage`") < place("traffic of `auth`"));
    assert!(place("traffic of `auth`") < place("traffic of `api`"));
    assert!(!order.iter().any(|title| title.contains("Deploy `auth`")), "what never happened is not undone");
}

#[test]
fn given_a_step_under_way_when_undoing_is_ordered_then_its_answer_is_waited_for() {
    let (saga, id) = upto("Deploy `api`");
    let saga = told(saga, Command::Compensate { reason: because() }, 5);
    let shift = find(&saga, "traffic of `api`");
    assert!(!begins(&saga, 5).contains(&shift), "the deploy came after it and is not settled");
    let reply = answer(id, Side::Do, &saga, Answer::Failed { error: "busy".into(), again: true });
    let saga = seen(saga, reply, 1, 6);
    assert_eq!(status(&saga, id), Status::Failed, "it is not tried again");
    assert_eq!(run(saga, "", 6).phase, Phase::Ended(Outcome::Undone));
}

#[test]
fn given_an_undo_that_fails_for_ever_then_it_is_never_called_undone() {
    let (saga, _) = failed_auth();
    let saga = told(saga, Command::Compensate { reason: because() }, 5);
    let step = find(&saga, "Deploy `cache`");
    let saga = seen(saga, Observation::Begin { step, side: Side::Undo }, 1, 6);
    let reply = answer(step, Side::Undo, &saga, refused());
    let events = saga.observe(reply.clone(), 1, at(6), Dice(0.0)).expect("is taken");
    let called = |event: &&Event| matches!(event, Event::Escalated { side: Side::Undo, step: s, .. } if *s == step);
    let called: Vec<Timestamp> = events.iter().filter(called).map(Event::at).collect();
    assert_eq!(called, [at(6)], "somebody is called with the answer, once: {events:?}");
    let saga = run(seen(saga, reply, 1, 6), "", 7);
    assert_eq!(saga.standing().kind, StandingKind::Partial);
    let saga = told(saga, Command::Skip { step, side: Side::Undo, reason: because() }, 8);
    let saga = run(saga, "", 8);
    assert_eq!(saga.phase, Phase::Ended(Outcome::PartlyUndone));
    let sentence = saga.standing().sentence;
    let cause = "`cache` was left out: undoing “Deploy `cache` 1.41.3” was skipped: the disk was cleaned.";
    assert!(sentence.contains(cause), "{sentence}");
}

#[test]
fn given_a_person_who_stops_it_then_it_ends_where_it_stands() {
    let (saga, id) = upto("Deploy `api`");
    let late = answer(id, Side::Do, &saga, done());
    let saga = told(saga, Command::Stop { reason: because() }, 5);
    assert_eq!(saga.phase, Phase::Ended(Outcome::Partial));
    let sentence = saga.standing().sentence;
    assert!(sentence.contains("`api` hangs") && sentence.contains("Not done: Prove recovery."), "{sentence}");
    let events = saga.observe(late, 1, at(6), Dice(0.0)).expect("is taken");
    assert!(matches!(events.as_slice(), [Event::Late { .. }]), "{events:?}");
}

#[test]
fn given_choices_that_are_not_open_then_they_are_refused_with_the_cause() {
    let (saga, id) = upto("Deploy `api`");
    let reply = answer(id, Side::Do, &saga, lost());
    let saga = seen(saga, reply, 1, 3);
    let refuse = |command| saga.decide(command, &maya(), at(4)).expect_err("is refused");
    let retry = refuse(Command::Retry { step: id, side: Side::Do, reason: because() });
    assert!(retry.to_string().contains("may have happened already"), "{retry}");
    assert_eq!(refuse(Command::Compensate { reason: "no".into() }), Refusal::Reason(2));
    let gate = find(&saga, "Prove");
    let skip = refuse(Command::Skip { step: gate, side: Side::Do, reason: because() });
    assert!(skip.to_string().contains("has not begun"), "{skip}");
    assert_eq!(
        refuse(Command::Escalate { step: StepId(99), side: Side::Do, to: None, reason: because() }),
        Refusal::NoSuchStep(StepId(99))
    );
    assert_eq!(saga.decide(Command::Compensate { reason: because() }, &robot(), at(4)), Err(Refusal::OnlyPeople));
    let ended = run(super::saga(), "", 1);
    assert_eq!(ended.decide(Command::Compensate { reason: because() }, &maya(), at(4)), Err(Refusal::Ended));
}

#[test]
fn given_a_step_done_by_hand_then_only_its_role_signs_it_off_and_a_takeover_does_not_touch_it() {
    let act = StepAct::Manual { role: "Data expert".into(), instruction: "Check the orders.".into() };
    let step = Step {
        id: StepId(1),
        title: "Check".into(),
        component: None,
        after: vec![],
        act,
        undo: None,
        timeout: Span::from_secs(60),
        retry: Retry::NONE,
        role: "recovery lead".into(),
        vital: true,
    };
    let plan = SagaPlan { steps: vec![step], ..(*saga().plan).clone() };
    let events = Saga::order_new(plan, &robot(), "errors".into(), at(0)).expect("can be run");
    let saga = seen(Saga::fold(&events).expect("begins"), Observation::Take { holder: "one".into() }, 1, 0);
    let saga = seen(saga, Observation::Begin { step: StepId(1), side: Side::Do }, 1, 1);
    assert_eq!(saga.order(StepId(1), Side::Do), None, "nothing is sent");
    let saga = seen(saga, Observation::Take { holder: "two".into() }, 2, 2);
    let saga = seen(saga, Observation::Look, 2, 90);
    assert_eq!(status(&saga, StepId(1)), Status::Running);
    assert!(saga.tracks[0].does.escalated.is_some(), "the role is called after its time");
    let sign =
        |role: &str| Command::SignOff { step: StepId(1), side: Side::Do, role: role.into(), note: "12 rows".into() };
    assert!(matches!(saga.decide(sign("scribe"), &maya(), at(91)), Err(Refusal::Role { .. })));
    let saga = told(saga, sign("data expert"), 91);
    assert_eq!(saga.phase, Phase::Ended(Outcome::Complete));
}

#[test]
fn given_a_look_under_way_when_undoing_is_ordered_and_the_engine_changes_then_nothing_waits_for_it() {
    let (saga, _) = upto("Prove recovery");
    let saga = told(saga, Command::Compensate { reason: because() }, 5);
    let saga = seen(saga, Observation::Take { holder: "two".into() }, 2, 6);
    assert_eq!(run(saga, "", 7).phase, Phase::Ended(Outcome::Undone));
}

#[test]
fn given_a_stop_when_only_people_remain_to_be_told_then_it_is_complete() {
    let (saga, _) = upto("Tell people: Rollback done");
    let saga = told(saga, Command::Stop { reason: because() }, 5);
    assert_eq!((saga.phase, saga.standing().sentence.as_str()), (Phase::Ended(Outcome::Complete), "5 of 5 back."));
}
