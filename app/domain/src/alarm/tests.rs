use super::*;
use crate::actor::{AUTOMATION, Actor, Role};
use crate::artifact::Artifact;
use crate::id::{Digest, PersonId, SagaId};
use crate::migration::{BreakGlass, GLASS_WAITS, GlassAsked, Migration};
use crate::plan::{Plan, Weight};
use crate::release::{Draft, Event, HoldCause, PlanRef, Release};
use crate::saga::{
    self, Answer, Command, Dice, Observation, Purpose, Retry, Saga, SagaPlan, Side, Step, StepAct, StepId,
};
use crate::time::{Span, Timestamp};
use serde_json::json;
use uuid::Uuid;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn maya() -> Actor {
    Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }
}

fn checkout() -> ServiceName {
    ServiceName::new("checkout").expect("plain")
}

fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

fn share(percent: u8) -> Weight {
    Weight::try_from(percent).expect("a weight")
}

/// Started at 1, its first traffic seen at 2, and then this.
fn release(events: &[Event]) -> (Release, Option<Event>) {
    let stages = json!([{"weight": 5, "bake": "1m"}, {"weight": 100, "bake": "1m"}]);
    let plan = json!({"name": "canary", "stages": stages, "guards": [{"metric": "errors"}]});
    let plan: Plan = serde_json::from_value(plan).expect("well-formed");
    let draft = Draft {
        id: ReleaseId(Uuid::nil()),
        service: checkout(),
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        components: vec![],
        note: "pricing by currency".into(),
        plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
        plan,
        checklist: None,
        known_bad: vec![],
        override_known_bad: false,
    };
    let created = Release::create(draft, &maya(), at(0)).expect("usable");
    let entered = Event::StageEntered { stage: 0, weight: share(5), key: "k".into(), at: at(1) };
    let all: Vec<Event> = created.into_iter().chain([entered]).chain(events.iter().cloned()).collect();
    let last = all.iter().rev().find(|event| event.decides()).cloned();
    (Release::fold(&all).expect("begins with its creation"), last)
}

fn confirmed() -> Event {
    Event::TrafficConfirmed { weight: share(5), after: Span::from_secs(1), from: "haproxy".into(), at: at(2) }
}

fn rule(name: &str) -> String {
    format!("{AUTOMATION}{name}")
}

fn held(cause: HoldCause, by: &str) -> Event {
    Event::Held { cause, by: by.to_owned(), reason: "No evidence for 10m.".into(), at: at(20) }
}

fn back(by: &str) -> Event {
    let (key, reason) = ("back".to_owned(), "Errors 3.1 % against 0.1 %.".to_owned());
    Event::RollbackOrdered { key, saga: None, only: None, by: by.to_owned(), reason, at: at(20) }
}

fn kinds(open: &[Alarm]) -> Vec<AlarmKind> {
    open.iter().map(|alarm| alarm.kind).collect()
}

#[test]
fn given_a_release_in_every_situation_then_only_what_needs_a_person_is_an_alarm() {
    use AlarmKind::*;
    let by_rule = rule("roll-back-on-fail");
    let frozen = |by: String| Event::Frozen { by, reason: "It would lose orders.".into(), at: at(20) };
    let blind = HoldCause::NoEvidence { verdict: crate::judge::VerdictKind::NoData };
    let partly = Event::PartiallyRolledBack { summary: "1 of 2 back.".into(), at: at(25) };
    let seen = Event::TrafficConfirmed { weight: Weight::ZERO, after: Span::ZERO, from: "haproxy".into(), at: at(21) };
    let resumed = Event::AutomationResumed { by: "Maya".into(), reason: "done by hand".into(), at: at(26) };
    let table: Vec<(&str, Vec<Event>, i64, Vec<AlarmKind>)> = vec![
        ("running", vec![confirmed()], 500, vec![]),
        ("asked a moment ago", vec![], 30, vec![]),
        ("asked for too long", vec![], 31, vec![Unconfirmed]),
        ("promoted to the end", vec![confirmed(), Event::Completed { at: at(9) }], 500, vec![]),
        ("held by a person", vec![confirmed(), held(HoldCause::Person, "Maya")], 500, vec![]),
        ("held without evidence", vec![confirmed(), held(blind, &rule("hold-without-evidence"))], 500, vec![]),
        (
            "held at its deadline",
            vec![confirmed(), held(HoldCause::Deadline, &rule("on-deadline"))],
            21,
            vec![Deadline],
        ),
        ("no room", vec![confirmed(), held(HoldCause::NoRoom, &by_rule)], 21, vec![NoRoom]),
        (
            "resumed after its deadline",
            vec![
                confirmed(),
                held(HoldCause::Deadline, &rule("on-deadline")),
                Event::Resumed { by: "Maya".into(), reason: "fine".into(), at: at(22) },
            ],
            500,
            vec![],
        ),
        ("rolled back by a rule", vec![confirmed(), back(&by_rule)], 21, vec![RollbackBegun]),
        ("and not confirmed", vec![confirmed(), back(&by_rule)], 50, vec![Unconfirmed, RollbackBegun]),
        ("rolled back by a person", vec![confirmed(), back("Maya")], 21, vec![]),
        ("that is not confirmed", vec![confirmed(), back("Maya")], 50, vec![Unconfirmed]),
        ("is back", vec![confirmed(), back(&by_rule), seen, Event::RolledBack { at: at(22) }], 500, vec![]),
        ("partly back", vec![confirmed(), back("Maya"), partly.clone()], 500, vec![PartlyBack]),
        ("and taken care of", vec![confirmed(), back("Maya"), partly, resumed], 500, vec![]),
        ("frozen by a rule", vec![confirmed(), frozen(rule("freeze-past-no-return"))], 500, vec![Frozen]),
        ("frozen by a person", vec![confirmed(), frozen("Maya".into())], 500, vec![]),
    ];
    for (situation, events, now, expected) in table {
        let (release, last) = release(&events);
        let open = of_release(&release, last.as_ref(), at(now));
        assert_eq!(kinds(&open), expected, "{situation}");
        for alarm in open {
            let Alarm { summary, key, service, .. } = &alarm;
            assert!(summary.starts_with("`checkout` 1.42.0 ") && summary.ends_with('.'), "{situation}: {summary}");
            assert!(
                !summary.contains("Maya") && !summary.contains("  ") && summary.chars().count() < 1_000,
                "{summary}"
            );
            assert!(key.starts_with(&format!("release:{}:", release.id)), "{key}");
            assert_eq!(service.as_ref(), Some(&checkout()));
        }
    }
}

#[test]
fn given_a_hold_at_its_deadline_then_it_says_where_why_and_what_to_do() {
    let (release, last) = release(&[confirmed(), held(HoldCause::Deadline, &rule("on-deadline"))]);
    let [alarm] = &of_release(&release, last.as_ref(), at(21))[..] else { panic!("one") };
    let expected = "`checkout` 1.42.0 is held at 5\u{a0}%. No evidence for 10m. Look at its signals, then resume, promote \
                    or roll back.";
    assert_eq!(alarm.summary, expected);
    assert_eq!((alarm.severity, alarm.kind), (Severity::Page, AlarmKind::Deadline));
}

#[test]
fn given_traffic_that_a_saga_moves_then_its_steps_have_deadlines_and_not_the_whole() {
    let mut order = back("Maya");
    let Event::RollbackOrdered { saga, .. } = &mut order else { panic!("an order") };
    *saga = Some(SagaId(Uuid::from_u128(7)));
    let (release, _) = release(&[confirmed(), order]);
    assert_eq!((unconfirmed_from(&release), of_release(&release, None, at(500))), (None, vec![]));
}

fn step(number: u16, act: StepAct) -> Step {
    Step {
        id: StepId(number),
        title: format!("Step {number}"),
        component: None,
        after: vec![],
        act,
        undo: None,
        timeout: Span::from_secs(10),
        retry: Retry::NONE,
        role: "on call".into(),
        vital: true,
    }
}

/// The steps are a probe that fails, one that hangs, and one by hand.
fn going_back() -> (Saga, Vec<saga::Event>) {
    let act = || StepAct::Deploy { service: checkout(), artifact: artifact("1.41.3"), cells: vec![] };
    let hand = StepAct::Manual { role: "on call".into(), instruction: "Empty the queue.".into() };
    let steps = vec![step(1, act()), step(2, act()), step(3, hand)];
    let (id, release) = (SagaId(Uuid::from_u128(7)), ReleaseId(Uuid::nil()));
    let plan = SagaPlan { id, release, purpose: Purpose::Rollback, steps, objective: None };
    let mut events = Saga::order_new(plan, &maya(), "errors".into(), at(0)).expect("can be run");
    let see = |events: &mut Vec<saga::Event>, seen, now| {
        let saga = Saga::fold(&*events).expect("begins with its order");
        events.extend(saga.observe(seen, 1, at(now), Dice(0.0)).expect("is taken"));
    };
    see(&mut events, Observation::Take { holder: "one".into() }, 1);
    for number in 1..=3 {
        see(&mut events, Observation::Begin { step: StepId(number), side: Side::Do }, 1);
    }
    let answer = Answer::Failed { error: "503: full".into(), again: false };
    see(&mut events, Observation::Answer { step: StepId(1), side: Side::Do, attempt: 1, answer }, 2);
    (Saga::fold(&events).expect("begins with its order"), events)
}

#[test]
fn given_a_saga_then_each_step_that_stands_still_is_an_alarm_until_somebody_chooses() {
    let (saga, mut events) = going_back();
    let open = of_saga(&saga, &events, &checkout());
    assert_eq!(kinds(&open), [AlarmKind::Step, AlarmKind::ByHand]);
    let expected = "The rollback of `checkout` does not go on at step 1. Step 1: 503: full. On the release's page you may \
                    try again, go on without it, undo what was done, call somebody or stop.";
    assert_eq!(open[0].summary, expected);
    assert!(open[1].summary.contains("waits for the role on call to do by hand what step 3 says: Step 3."), "{open:?}");

    events.extend(saga.observe(Observation::Look, 1, at(60), Dice(0.0)).expect("is taken"));
    let late = Saga::fold(&events).expect("begins with its order");
    let open = of_saga(&late, &events, &checkout());
    assert_eq!(kinds(&open), [AlarmKind::Step; 3], "the second is overdue, and so is what somebody does by hand");
    let keys: Vec<&str> = open.iter().map(|alarm| alarm.key.rsplit_once(":").expect("parts").0).collect();
    let id = saga.plan.id;
    assert_eq!(keys, [format!("saga:{id}:1"), format!("saga:{id}:2"), format!("saga:{id}:3")]);

    let stop = Command::Stop { reason: "enough".into() };
    events.extend(late.decide(stop, &maya(), at(61)).expect("is taken"));
    assert_eq!(of_saga(&Saga::fold(&events).expect("ended"), &events, &checkout()), []);
}

#[test]
fn given_a_person_calls_another_then_that_is_an_alarm_of_its_own_without_their_words() {
    let (saga, mut events) = going_back();
    let reason = "I cannot reach the cluster".to_owned();
    let call = Command::Escalate { step: StepId(1), side: Side::Do, to: Some("storage team".into()), reason };
    events.extend(saga.decide(call, &maya(), at(5)).expect("is taken"));
    let saga = Saga::fold(&events).expect("begins with its order");
    let open = of_saga(&saga, &events, &checkout());
    assert_eq!(kinds(&open), [AlarmKind::Step, AlarmKind::ByHand, AlarmKind::Called]);
    assert!(open[2].summary.starts_with("Somebody calls for `storage team`: "), "{}", open[2].summary);
    assert!(!open[2].summary.contains("cluster") && !open[2].summary.contains("Maya"));

    let skip = Command::Skip { step: StepId(1), side: Side::Do, reason: "by hand".into() };
    events.extend(saga.decide(skip, &maya(), at(6)).expect("is taken"));
    let open = of_saga(&Saga::fold(&events).expect("goes on"), &events, &checkout());
    assert_eq!(kinds(&open), [AlarmKind::ByHand]);
}

#[test]
fn given_glass_that_is_asked_for_then_a_second_person_is_called_for_an_hour_and_broken_glass_is_a_notice() {
    let plan = json!({
        "name": "order-state", "component": "checkout", "description": "d", "connection": "orders",
        "data_loss": "Orders lose their state.", "queries": {},
    });
    let asked = |now| GlassAsked {
        person: PersonId(Uuid::nil()),
        by: "Maya".into(),
        reason: "r".into(),
        data_loss: "Orders lose their state.".into(),
        at: at(now),
    };
    let mut migration = Migration {
        plan: serde_json::from_value(plan).expect("well-formed"),
        release: ReleaseId(Uuid::nil()),
        version: 1,
        phase: crate::migration::Phase::Contract,
        since: at(0),
        moves: vec![],
        results: Default::default(),
        signed: vec![],
        asked: None,
        broken: None,
    };
    let open = |migration: &Migration, now| of_data(migration, &checkout(), at(now));
    assert_eq!(open(&migration, 9), []);
    migration.asked = Some(asked(10));
    let [alarm] = &open(&migration, 11)[..] else { panic!("one") };
    assert_eq!((alarm.kind, alarm.severity), (AlarmKind::GlassAsked, Severity::Page));
    assert!(!alarm.summary.contains("Maya"));
    assert_eq!(open(&migration, 10 + GLASS_WAITS.secs()), [], "the wish is forgotten");
    migration.asked = None;
    let (by, second, reason) = ("Maya".to_owned(), "Ben".to_owned(), "r".to_owned());
    migration.broken = Some(BreakGlass { by, second, reason, data_loss: "Orders".into(), at: at(20) });
    let [alarm] = &open(&migration, 21)[..] else { panic!("one") };
    assert_eq!((alarm.kind, alarm.severity), (AlarmKind::GlassBroken, Severity::Notice));
}

#[test]
fn given_a_replica_that_is_held_then_only_a_confirmation_or_silence_ends_it() {
    let said = SaidHeld { at: at(100), epoch: 2 };
    let over = |epoch, secs| held_over(&said, epoch, at(secs));
    assert_eq!((over(2, 100), over(2, 100 + HELD_SILENT.secs()), over(1, 50)), (None, None, None));
    let confirmed = "Sternway is no longer held: somebody confirmed what is observed.";
    assert_eq!(over(3, 100).as_deref(), Some(confirmed));
    let silent = "Sternway is no longer held: for 10\u{a0}min no replica has said that it is.";
    assert_eq!(over(2, 101 + HELD_SILENT.secs()).as_deref(), Some(silent));
}

#[test]
fn given_an_entry_that_stays_unsigned_then_it_is_an_alarm_after_a_while_and_only_then() {
    let after = |secs| at(secs) + SIGN_WITHIN;
    let mut unsigned = Unsigned::default();
    let mut look = |first, now| log_unsigned(unsigned.look(first, now), Some("the key is gone."));
    assert_eq!([look(Some(7), at(100)), look(Some(7), after(100))], [None, None]);
    let alarm = look(Some(7), after(101)).expect("an alarm");
    assert_eq!((alarm.kind, alarm.severity, alarm.release), (AlarmKind::LogUnsigned, Severity::Page, None));
    assert!(
        alarm.summary.contains("for more than 1\u{a0}min nobody")
            && alarm.summary.contains("Why: the key is gone. Look")
    );
    assert_eq!([look(None, after(102)), look(Some(9), after(200)), look(Some(9), after(230))], [None, None, None]);
}

#[test]
fn given_a_busy_log_then_signing_goes_on_and_less_that_is_signed_is_watched_from_then_on() {
    let mut unsigned = Unsigned::default();
    assert_eq!(unsigned.look(Some(7), at(0)), Signing::Stands(Span::ZERO));
    assert_eq!(unsigned.look(Some(8), at(300)), Signing::Goes);
    assert_eq!(unsigned.look(Some(8), at(310)), Signing::Stands(Span::from_secs(10)));
    assert_eq!(unsigned.look(Some(0), at(320)), Signing::Stands(Span::ZERO), "a checkpoint that was forged");
    assert_eq!(unsigned.look(Some(0), at(330)), Signing::Stands(Span::from_secs(10)));
    assert_eq!(unsigned.look(None, at(340)), Signing::Goes);
}
