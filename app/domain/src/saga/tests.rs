use super::*;
use crate::actor::{Actor, Role, Rule};
use crate::artifact::Artifact;
use crate::component::{Component, Components, Fit, Layer, Need, Scope};
use crate::id::{Digest, PersonId, ServiceName};
use crate::plan::Weight;
use std::collections::BTreeMap;
use uuid::Uuid;

mod build;
mod each;
mod people;

pub(super) fn maya() -> Actor {
    Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }
}

pub(super) fn robot() -> Actor {
    Actor::Automation { rule: Rule::RollBackOnFail }
}

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

pub(super) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

pub(super) fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

pub(super) fn component(called: &str, needs: &[&str]) -> Component {
    let need = |on: &&str| Need { on: name(on), accepts: None, baseline_accepts: None };
    Component {
        name: name(called),
        layer: Layer::Service,
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        needs: needs.iter().map(need).collect(),
        cells: vec![],
        features: vec![],
    }
}

/// api → auth → storage, api → cache, messaging → storage.
pub(super) fn shop() -> Components {
    let list = vec![
        component("api", &["auth", "cache"]),
        component("auth", &["storage"]),
        component("messaging", &["storage"]),
        component("storage", &[]),
        component("cache", &[]),
    ];
    Components::new(list, vec![]).expect("has an order")
}

pub(super) fn order<'a>(
    components: &'a Components,
    scope: &'a Scope,
    known: &'a BTreeMap<ServiceName, ComponentBack>,
    settings: &'a Settings,
) -> RollbackOrder<'a> {
    static NONE: BTreeMap<crate::id::FlagKey, bool> = BTreeMap::new();
    let (id, release) = (SagaId(Uuid::from_u128(7)), ReleaseId(Uuid::from_u128(1)));
    RollbackOrder { id, release, components, scope, known, flags: &NONE, settings }
}

pub(super) fn deployed() -> ComponentBack {
    ComponentBack { weight: Weight::try_from(50).expect("a weight"), deploy: true, ..ComponentBack::default() }
}

pub(super) fn saga() -> Saga {
    let components = shop();
    let known = components.iter().map(|c| (c.name.clone(), deployed())).collect();
    let settings = Settings { channels: vec!["ops".into()], message: "checkout 1.42.0".into(), ..Settings::default() };
    let plan = rollback(&order(&components, &Scope::default(), &known, &settings)).expect("can go back");
    let events = Saga::order_new(plan, &maya(), "errors at 0.51 %".into(), at(0)).expect("can be run");
    let saga = Saga::fold(&events).expect("begins with its order");
    seen(saga, Observation::Take { holder: "one".into() }, 1, 0)
}

pub(super) fn seen(saga: Saga, observation: Observation, token: u64, now: i64) -> Saga {
    let events = saga.observe(observation, token, at(now), Dice(0.0)).expect("is taken");
    events.iter().fold(saga, Saga::evolve)
}

pub(super) fn told(saga: Saga, command: Command, now: i64) -> Saga {
    let events = saga.decide(command, &maya(), at(now)).expect("is taken");
    events.iter().fold(saga, Saga::evolve)
}

pub(super) fn begins(saga: &Saga, now: i64) -> Vec<StepId> {
    let begin = |due| if let Due::Begin { step, .. } = due { Some(step) } else { None };
    saga.due(at(now)).into_iter().filter_map(begin).collect()
}

pub(super) fn answer(step: StepId, side: Side, saga: &Saga, answer: Answer) -> Observation {
    let attempt = saga.track(step, side).expect("exists").attempt;
    Observation::Answer { step, side, attempt, answer }
}

pub(super) fn done() -> Answer {
    Answer::Done { output: "ok".into() }
}

pub(super) fn lost() -> Answer {
    Answer::Unknown { detail: "connection reset".into() }
}

pub(super) fn refused() -> Answer {
    Answer::Failed { error: "no space left".into(), again: false }
}

/// Begins and finishes everything that is due, until the steps whose title holds `except` are all that is left.
pub(super) fn run(mut saga: Saga, except: &str, now: i64) -> Saga {
    loop {
        let side = if saga.phase == Phase::Undoing { Side::Undo } else { Side::Do };
        let title = |id: &StepId| saga.step(*id).expect("is due").title.clone();
        let Some(id) = begins(&saga, now).into_iter().find(|id| except.is_empty() || !title(id).contains(except))
        else {
            return saga;
        };
        let token = saga.token;
        saga = seen(saga, Observation::Begin { step: id, side }, token, now);
        let reply = answer(id, side, &saga, done());
        saga = seen(saga, reply, token, now);
    }
}

pub(super) fn find(saga: &Saga, title: &str) -> StepId {
    saga.plan.steps.iter().find(|step| step.title.contains(title)).expect("there is such a step").id
}

fn status(saga: &Saga, id: StepId) -> Status {
    saga.track(id, Side::Do).expect("exists").status
}

/// Everything before the step is done, the step is begun.
fn upto(title: &str) -> (Saga, StepId) {
    let saga = run(saga(), title, 1);
    let id = find(&saga, title);
    (seen(saga, Observation::Begin { step: id, side: Side::Do }, 1, 2), id)
}

#[test]
fn given_steps_that_go_well_then_it_is_complete_and_every_component_back() {
    let saga = run(saga(), "", 1);
    assert_eq!(saga.phase, Phase::Ended(Outcome::Complete));
    let standing = saga.standing();
    assert_eq!((standing.kind, standing.sentence.as_str()), (StandingKind::Complete, "5 of 5 back."));
    assert_eq!(saga.due(at(9)), []);
}

#[test]
fn given_a_begun_step_then_its_order_carries_key_token_and_deadline() {
    let (saga, id) = upto("Deploy `api`");
    let order = saga.order(id, Side::Do).expect("is begun");
    assert_eq!(order.key, format!("{}:{id}:do", saga.plan.id));
    assert_eq!((order.token, order.attempt, order.deadline), (1, 1, at(602)));
    assert_eq!(saga.order(StepId(99), Side::Do), None);
}

#[test]
fn given_a_failed_try_then_it_is_tried_again_later_under_the_same_key() {
    let (saga, id) = upto("Deploy `api`");
    let key = saga.order(id, Side::Do).expect("is begun").key;
    let failed = answer(id, Side::Do, &saga, Answer::Failed { error: "busy".into(), again: true });
    let saga = seen(saga, failed, 1, 3);
    assert_eq!(status(&saga, id), Status::Retrying(at(4)));
    assert!(saga.due(at(3)).contains(&Due::Wake { at: at(4) }));
    assert!(!begins(&saga, 3).contains(&id) && begins(&saga, 4).contains(&id));
    let saga = seen(saga, Observation::Begin { step: id, side: Side::Do }, 1, 4);
    let order = saga.order(id, Side::Do).expect("is begun again");
    assert_eq!((order.attempt, order.key), (2, key));
}

#[test]
fn given_a_step_that_fails_for_good_then_the_rest_goes_on_and_the_state_is_named() {
    let (saga, id) = upto("Deploy `auth`");
    let failed = answer(id, Side::Do, &saga, refused());
    let saga = run(seen(saga, failed, 1, 3), "", 4);
    let standing = saga.standing();
    assert_eq!(standing.kind, StandingKind::Partial);
    assert_eq!(
        standing.sentence,
        "3 of 5 back. `auth` failed: Deploy `auth` 1.41.3: no space left. Waiting: `storage`. Nothing moves until a person \
         chooses."
    );
    use Choice::*;
    assert_eq!(standing.needs[0].choices, [Retry, Skip, Compensate, Escalate, Stop]);
    assert!(saga.track(id, Side::Do).is_some_and(|track| track.escalated.is_some()), "somebody is called");
}

#[test]
fn given_an_answer_that_was_lost_then_the_driver_is_asked_before_anything_is_repeated() {
    let (saga, id) = upto("Deploy `api`");
    let reply = answer(id, Side::Do, &saga, lost());
    let saga = seen(saga, reply, 1, 3);
    assert_eq!(saga.order(id, Side::Do), None);
    let key = saga.key(id, Side::Do);
    assert!(saga.due(at(3)).contains(&Due::Ask { step: id, side: Side::Do, attempt: 1, key, token: 1 }));
    let asked = answer(id, Side::Do, &saga, done());
    assert_eq!(status(&seen(saga.clone(), asked, 1, 4), id), Status::Done);
    let never = answer(id, Side::Do, &saga, Answer::NeverArrived);
    assert_eq!(status(&seen(saga, never, 1, 4), id), Status::Retrying(at(5)));
}

#[test]
fn given_a_takeover_then_begun_steps_are_asked_about_and_the_old_engine_is_refused() {
    let (saga, id) = upto("Deploy `api`");
    let late = answer(id, Side::Do, &saga, done());
    let saga = seen(saga, Observation::Take { holder: "two".into() }, 2, 3);
    assert_eq!(status(&saga, id), Status::Asking);
    let refusal = saga.observe(late, 1, at(3), Dice(0.0));
    assert_eq!(refusal, Err(Refusal::Stale { token: 1, newest: 2 }));
    assert_eq!(
        saga.observe(Observation::Look, 3, at(3), Dice(0.0)),
        Err(Refusal::Stale { token: 3, newest: 2 }),
        "a newer token takes first"
    );
    let never = answer(id, Side::Do, &saga, Answer::NeverArrived);
    let saga = seen(saga, never, 2, 4);
    assert_eq!(status(&saga, id), Status::Retrying(at(4)), "no try was used up");
    let saga = seen(saga, Observation::Begin { step: id, side: Side::Do }, 2, 4);
    assert_eq!(saga.order(id, Side::Do).map(|order| order.token), Some(2));
}

#[test]
fn given_a_takeover_then_what_only_looks_looks_again() {
    let (saga, id) = upto("Prove recovery");
    let saga = seen(saga, Observation::Take { holder: "two".into() }, 2, 3);
    assert_eq!(status(&saga, id), Status::Retrying(at(3)));
}

#[test]
fn given_an_engine_that_loses_a_look_again_and_again_then_it_looks_again_and_nobody_is_called() {
    let (mut saga, id) = upto("Prove recovery");
    for lost in 1..10 {
        let answer = answer(id, Side::Do, &saga, Answer::Unknown { detail: "the engine started again".into() });
        saga = seen(saga, answer, 1, 2 + 60 * lost);
        assert!(matches!(status(&saga, id), Status::Retrying(_)), "lost {lost} times: {:?}", status(&saga, id));
        saga = seen(saga, Observation::Begin { step: id, side: Side::Do }, 1, 50 + 60 * lost);
    }
    let bad = answer(id, Side::Do, &saga, Answer::Failed { error: "errors at 3 %".into(), again: false });
    assert_eq!(status(&seen(saga, bad, 1, 700), id), Status::Failed, "what it sees counts");
}

#[test]
fn given_a_step_that_hangs_then_somebody_is_called_once_and_a_late_answer_still_counts() {
    let (saga, id) = upto("Deploy `api`");
    let saga = seen(saga, Observation::Look, 1, 601);
    assert_eq!(status(&saga, id), Status::Running);
    let saga = seen(saga, Observation::Look, 1, 602);
    assert_eq!(status(&saga, id), Status::Asking);
    assert_eq!(saga.standing().kind, StandingKind::Partial);
    assert!(saga.standing().sentence.contains("`api` hangs"), "{}", saga.standing().sentence);
    assert_eq!(saga.observe(Observation::Look, 1, at(700), Dice(0.0)), Ok(vec![]));
    let late = answer(id, Side::Do, &saga, done());
    assert_eq!(status(&seen(saga, late, 1, 800), id), Status::Done);
}

#[test]
fn given_answers_repeated_late_or_for_nothing_then_they_change_nothing() {
    let (saga, id) = upto("Deploy `api`");
    let reply = answer(id, Side::Do, &saga, done());
    let saga = seen(saga, reply.clone(), 1, 3);
    assert_eq!(saga.observe(reply, 1, at(4), Dice(0.0)), Ok(vec![]));
    let failed = answer(id, Side::Do, &saga, refused());
    assert_eq!(saga.observe(failed, 1, at(4), Dice(0.0)), Ok(vec![]));
    let early = answer(find(&saga, "Prove"), Side::Do, &saga, done());
    assert!(matches!(saga.observe(early, 1, at(4), Dice(0.0)), Err(Refusal::NeverBegun { .. })));
    let gate = find(&saga, "Prove");
    let begin = saga.observe(Observation::Begin { step: gate, side: Side::Do }, 1, at(4), Dice(0.0));
    assert!(matches!(begin, Err(Refusal::NotDue { .. })));
}

#[test]
fn given_a_driver_that_cannot_say_then_a_person_chooses() {
    let (saga, id) = upto("Deploy `api`");
    let reply = answer(id, Side::Do, &saga, lost());
    let saga = seen(saga, reply, 1, 3);
    let cannot = answer(id, Side::Do, &saga, Answer::CannotTell { detail: "it keeps no keys".into() });
    let saga = seen(saga, cannot, 1, 4);
    assert_eq!(status(&saga, id), Status::Unclear);
    assert!(saga.choices(id, Side::Do).contains(&Choice::Retry));
}

#[test]
fn given_a_clock_that_was_set_back_then_a_retry_does_not_wait_for_it() {
    let (saga, id) = upto("Deploy `api`");
    let failed = answer(id, Side::Do, &saga, Answer::Failed { error: "busy".into(), again: true });
    let saga = seen(saga, failed, 1, 3);
    assert!(begins(&saga, -3_600).contains(&id));
}

#[test]
fn given_a_clock_that_was_set_back_then_a_step_that_hangs_is_still_noticed() {
    let (saga, id) = upto("traffic of `api`");
    let saga = seen(saga, Observation::Look, 1, -20);
    assert_eq!(status(&saga, id), Status::Running, "a few seconds are no jump");
    let saga = seen(saga, Observation::Look, 1, -3_600);
    assert_eq!(status(&saga, id), Status::Asking);
}

#[test]
fn given_its_events_as_json_then_the_same_saga_is_folded_from_them() {
    let (before, id) = upto("Deploy `api`");
    let plan = (*before.plan).clone();
    let mut events = Saga::order_new(plan, &maya(), "errors".into(), at(0)).expect("can be run");
    let mut saga = Saga::fold(&events).expect("begins with its order");
    let take = Observation::Take { holder: "one".into() };
    for seen in [take, Observation::Begin { step: StepId(1), side: Side::Do }] {
        let more = saga.observe(seen, 1, at(1), Dice(0.0)).expect("is taken");
        saga = more.iter().fold(saga, Saga::evolve);
        events.extend(more);
    }
    let text = serde_json::to_string(&events).expect("events are JSON");
    let again: Vec<Event> = serde_json::from_str(&text).expect("and back");
    assert_eq!(Saga::fold(&again), Some(saga));
    assert_ne!(id, StepId(1));
}

#[test]
fn given_a_saga_that_ended_then_a_newer_engine_may_look_at_it_and_changes_nothing() {
    let complete = run(saga(), "none", 10);
    assert!(complete.ended());
    for newer in [Observation::Take { holder: "b".into() }, Observation::Look, Observation::Supersede { by: None }] {
        assert_eq!(complete.observe(newer, 99, at(20), Dice(0.5)), Ok(vec![]));
    }
}

#[test]
fn given_another_order_in_its_place_then_it_ends_where_it_stands_and_nothing_more_is_due() {
    let begun = seen(saga(), Observation::Take { holder: "a".into() }, 1, 0);
    let begun = seen(begun, Observation::Begin { step: StepId(1), side: Side::Do }, 1, 1);
    let by = Some(SagaId(Uuid::from_u128(9)));
    let over = seen(begun, Observation::Supersede { by }, 1, 2);
    assert_eq!((over.phase, over.due(at(3))), (Phase::Ended(Outcome::Partial), vec![]));
    let answer = Answer::Done { output: "ok".into() };
    let late = Observation::Answer { step: StepId(1), side: Side::Do, attempt: 1, answer };
    let late = over.observe(late, 1, at(4), Dice(0.5)).expect("taken note of");
    assert!(matches!(late[..], [Event::Late { .. }]), "{late:?}");
}
