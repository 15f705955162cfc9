use super::*;
use crate::actor::{Actor, Role, Rule};
use crate::id::{PersonId, TokenId};
use serde_json::json;
use uuid::Uuid;

fn person(number: u128, name: &str) -> Actor {
    Actor::Person { id: PersonId(Uuid::from_u128(number)), name: name.into(), role: Role::OnCall }
}

fn maya() -> Actor {
    person(1, "Maya Ortiz")
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn plan() -> MigrationPlan {
    serde_json::from_value(json!({
        "name": "order-status", "component": "checkout", "description": "`status` becomes `order_status`.",
        "connection": "orders", "data_loss": "Orders changed since then lose their status.",
        "queries": {"missing": {"sql": "SELECT count(*) FROM orders WHERE order_status IS NULL", "expect": {"equals": 0.0}}},
        "enter": {
            "switch_reads": [{"validated": {"query": "missing", "within": "10m"}}, {"candidate_share": 100}],
            "contract": [{"lasted": "1h"}, {"signed_by": "data owner"}],
        },
    }))
    .expect("well-formed")
}

fn planned() -> Migration {
    let events = Migration::plan(plan(), ReleaseId(Uuid::nil()), &maya(), at(0)).expect("can be used");
    Migration::fold(&events).expect("begins with its plan")
}

fn after(migration: Migration, command: Command, by: &Actor, now: i64) -> Migration {
    let events = migration.decide(command, by, at(now)).expect("is taken");
    events.iter().fold(migration, Migration::evolve)
}

fn advance(to: Phase, forced: bool) -> Command {
    Command::Advance { to, share: Weight::FULL, override_conditions: forced, reason: "as planned".into() }
}

fn at_phase(phase: Phase) -> Migration {
    let upto = Phase::ALL.into_iter().filter(|p| *p > Phase::Planned && *p <= phase);
    upto.fold(planned(), |migration, to| after(migration, advance(to, true), &maya(), 10))
}

#[test]
fn given_conditions_that_are_not_met_then_each_is_named() {
    let migration = at_phase(Phase::Backfill);
    let command = Command::Advance {
        to: Phase::SwitchReads,
        share: Weight::ZERO,
        override_conditions: false,
        reason: "as planned".into(),
    };
    let refusal = migration.decide(command, &maya(), at(20)).expect_err("is refused");
    assert_eq!(
        refusal.to_string(),
        "`switch reads` may not be entered yet: the query `missing` has not been run in this phase; the candidate takes \
         0\u{a0}%; it must take 100\u{a0}%; meet them, or override them with a reason"
    );
    let run =
        |migration, value, now| after(migration, Command::Record { query: "missing".into(), value }, &maya(), now);
    let bad = run(migration.clone(), Ok(7.0), 20);
    assert!(bad.missing(Weight::FULL, at(21))[0].to_string().contains("gave 7, wanted exactly 0"));
    let failed = run(migration.clone(), Err("timed out after 10s".into()), 20);
    assert!(failed.missing(Weight::FULL, at(21))[0].to_string().contains("timed out"));
    let nan = run(migration.clone(), Ok(f64::NAN), 20);
    assert_eq!((nan.results["missing"].good, nan.results["missing"].value), (false, None));
    let good = run(migration, Ok(0.0), 20);
    assert_eq!(good.missing(Weight::FULL, at(620)), []);
    assert!(matches!(good.missing(Weight::FULL, at(621))[0], Unmet::TooOld { .. }));
}

#[test]
fn given_a_result_from_an_earlier_phase_then_it_does_not_count() {
    let record = Command::Record { query: "missing".into(), value: Ok(0.0) };
    let early = after(at_phase(Phase::DualWrite), record, &maya(), 10);
    let migration = after(early, advance(Phase::Backfill, false), &maya(), 20);
    assert_eq!(migration.missing(Weight::FULL, at(21)), [Unmet::NotRun("missing".into())]);
}

#[test]
fn given_time_and_signature_then_the_contract_is_entered_and_who_moved_it_is_known() {
    let sign = Command::Sign { role: "Data Owner".into(), note: "all reads are new".into() };
    let migration = after(at_phase(Phase::SwitchReads), sign, &maya(), 20);
    assert!(matches!(migration.missing(Weight::FULL, at(3_609))[..], [Unmet::TooShort { .. }]));
    let migration = after(migration, advance(Phase::Contract, false), &maya(), 3_610);
    let moved = migration.moves.last().expect("was moved");
    assert_eq!((moved.by.as_str(), moved.overridden.len()), ("Maya Ortiz", 0));
}

#[test]
fn given_each_phase_then_the_way_back_is_known() {
    let ways: Vec<String> = Phase::ALL
        .into_iter()
        .map(|phase| match at_phase(phase).way_back() {
            WayBack::Free => "free".to_owned(),
            WayBack::Through { phases } => phases.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" "),
            WayBack::Refused { .. } => "refused".to_owned(),
            WayBack::GlassBroken { .. } => "broken".to_owned(),
        })
        .collect();
    assert_eq!(ways, ["free", "free", "expand", "dual_write expand", "dual_write expand", "refused"]);
}

#[test]
fn given_an_earlier_point_of_no_return_then_it_rules() {
    let mut early = at_phase(Phase::DualWrite);
    early.plan.last_safe = Phase::Expand;
    assert!(matches!(early.way_back(), WayBack::Refused { last_safe: Phase::Expand, .. }));
}

#[test]
fn given_a_migration_past_no_return_then_the_refusal_states_loss_and_other_ways() {
    let WayBack::Refused { why, left_by, instead, .. } = at_phase(Phase::Contract).way_back() else {
        panic!("going back from the contract loses data");
    };
    assert!(why.contains("past its last safe rollback point `switch reads`. Orders changed since then lose"), "{why}");
    assert_eq!((left_by.as_deref(), instead), (Some("Maya Ortiz"), [OtherWay::Freeze, OtherWay::RollForward]));
    assert!(at_phase(Phase::SwitchReads).safety().contains("This is the last safe rollback point"));
}

fn ask() -> Command {
    Command::AskGlass { reason: "customers cannot pay".into() }
}

fn confirm() -> Command {
    Command::BreakGlass { reason: "seen, go on".into() }
}

#[test]
fn given_one_who_asks_and_another_who_confirms_then_the_glass_breaks_and_says_so() {
    let asked = after(at_phase(Phase::Contract), ask(), &maya(), 30);
    assert!(matches!(asked.way_back(), WayBack::Refused { .. }), "one person is not two");
    assert_eq!(asked.asked(at(31)).map(|asked| asked.by.as_str()), Some("Maya Ortiz"));
    let broken = after(asked, confirm(), &person(2, "Ben"), 60);
    assert!(matches!(broken.way_back(), WayBack::GlassBroken { .. }));
    assert!(broken.safety().starts_with("Glass broken by Maya Ortiz and Ben: customers cannot pay."));
    assert_eq!(broken.decide(ask(), &maya(), at(61)), Err(Refusal::BrokenAlready));
}

#[test]
fn given_one_person_in_two_guises_or_a_rule_then_the_glass_stays_whole() {
    let asked = after(at_phase(Phase::Contract), ask(), &maya(), 30);
    let robot = Actor::Token {
        id: TokenId(Uuid::from_u128(9)),
        name: "phone".into(),
        owner: PersonId(Uuid::from_u128(1)),
        owner_name: "Maya Ortiz".into(),
        role: Role::Admin,
    };
    for same in [maya(), robot] {
        assert_eq!(asked.decide(confirm(), &same, at(40)), Err(Refusal::SamePerson("Maya Ortiz".into())));
    }
    let rule = Actor::Automation { rule: Rule::RollBackOnFail };
    assert_eq!(asked.decide(confirm(), &rule, at(40)), Err(Refusal::OnlyPeople));
    assert_eq!(at_phase(Phase::Contract).decide(ask(), &rule, at(40)), Err(Refusal::OnlyPeople));
    let again = asked.decide(ask(), &person(2, "Ben"), at(40));
    assert_eq!(again, Err(Refusal::AskedAlready { by: "Maya Ortiz".into() }));
    assert!(matches!(at_phase(Phase::SwitchReads).decide(ask(), &maya(), at(40)), Err(Refusal::NothingLost(_))));
}

#[test]
fn given_a_wish_that_is_an_hour_old_then_it_is_asked_anew() {
    let asked = after(at_phase(Phase::Contract), ask(), &maya(), 30);
    assert_eq!(asked.decide(confirm(), &person(2, "Ben"), at(3_630)), Err(Refusal::NobodyAsked));
    assert!(asked.decide(confirm(), &person(2, "Ben"), at(3_629)).is_ok());
    assert!(asked.decide(ask(), &person(2, "Ben"), at(3_630)).is_ok());
}

#[test]
fn given_moves_out_of_order_then_they_are_refused() {
    let skip = planned().decide(advance(Phase::Backfill, true), &maya(), at(1)).expect_err("is refused");
    assert_eq!(skip.to_string(), "from `planned` comes `expand`, not `backfill`");
    let back = Command::Revert { to: Phase::Expand, reason: "rollback".into() };
    let refusal = at_phase(Phase::SwitchReads).decide(back.clone(), &maya(), at(1)).expect_err("is refused");
    assert!(refusal.to_string().contains("only to `dual write`"), "{refusal}");
    assert_eq!(at_phase(Phase::Expand).decide(back, &maya(), at(1)), Ok(vec![]), "twice is once");
    let rule = Actor::Automation { rule: Rule::RollBackOnFail };
    assert_eq!(planned().decide(advance(Phase::Expand, true), &rule, at(1)), Err(Refusal::Automation));
}

#[test]
fn given_a_plan_that_cannot_be_used_then_the_field_is_named() {
    let fields = |plan: &MigrationPlan| problems(plan).into_iter().map(|p| p.field).collect::<Vec<_>>();
    assert_eq!(fields(&plan()), Vec::<String>::new());
    let mut wrong = plan();
    wrong.last_safe = Phase::Contract;
    wrong.connection = None;
    wrong.data_loss = String::new();
    wrong.queries.get_mut("missing").expect("is there").sql = "DELETE FROM orders".into();
    let ghost = Condition::Validated { query: "ghost".into(), within: Span::from_secs(1) };
    wrong.enter.insert(Phase::Backfill, vec![ghost]);
    assert_eq!(fields(&wrong), ["data_loss", "last_safe", "connection", "queries.missing.sql", "enter.backfill[0]"]);
    let mut bare = plan();
    bare.enter.clear();
    assert_eq!(lint(&bare).len(), 2);
    assert_eq!(lint(&plan()), []);
}

#[test]
fn given_its_events_as_json_then_the_same_migration_is_folded_from_them() {
    let mut events = Migration::plan(plan(), ReleaseId(Uuid::nil()), &maya(), at(0)).expect("can be used");
    let first = Migration::fold(&events).expect("begins with its plan");
    events.extend(first.decide(advance(Phase::Expand, false), &maya(), at(1)).expect("is taken"));
    let text = serde_json::to_string(&events).expect("events are JSON");
    let again: Vec<Event> = serde_json::from_str(&text).expect("and back");
    assert_eq!(Migration::fold(&again), Migration::fold(&events));
}
