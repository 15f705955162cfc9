//! Which steps a rollback has, and in which order.

use super::*;
use crate::migration;
use crate::probe::{Ask, Probe};

fn titles(plan: &SagaPlan) -> Vec<String> {
    plan.steps.iter().map(|step| format!("{} {} <{}>", step.id, step.title, list(&step.after))).collect()
}

fn list(ids: &[StepId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn orders(phase: migration::Phase) -> MigrationBack {
    MigrationBack { name: "orders".parse().expect("a name"), phase, loses: false, glass: None }
}

fn full() -> ComponentBack {
    let ask = Ask::Tcp { address: "127.0.0.1:80".into() };
    ComponentBack {
        drain: Some(Span::from_secs(10)),
        migrations: vec![orders(migration::Phase::SwitchReads)],
        caches: vec![Cache::Http {
            url: "http://cache/flush".into(),
            secret: None,
            headers: crate::service::Headers::new(),
        }],
        probes: vec![Probe { name: "answers".into(), ask, timeout: Span::from_secs(5) }],
        ..deployed()
    }
}

#[test]
fn given_two_components_then_steps_go_back_in_reverse_and_data_before_the_old_version() {
    let mut storage = component("storage", &[]);
    storage.features = vec!["new-orders".parse().expect("a key")];
    let components = Components::new(vec![storage, component("api", &["storage"])], vec![]).expect("an order");
    let known = [(name("storage"), full()), (name("api"), deployed())].into();
    let settings = Settings { channels: vec!["ops".into()], ..Settings::default() };
    let plan = rollback(&order(&components, &Scope::default(), &known, &settings)).expect("can go back");
    assert_eq!(problems(&plan), []);
    assert_eq!(
        titles(&plan),
        [
            "1 Freeze: no further promotion <>",
            "2 Tell people: Rollback begins <1>",
            "3 Switch off `new-orders` <1>",
            "4 Shift all traffic of `api` to 1.41.3 <1>",
            "5 Shift all traffic of `storage` to 1.41.3 <1 4>",
            "6 Deploy `api` 1.41.3 <3 4>",
            "7 Drain `storage` 1.42.0 <3 5 6>",
            "8 Reads of `orders` back to the old data <7>",
            "9 Deploy `storage` 1.41.3 <8>",
            "10 Writes of `orders` back to the old data <9>",
            "11 Empty the cache of `storage` <10>",
            "12 Probe `storage`: answers <11>",
            "13 Prove recovery <3 6 11 12>",
            "14 Tell people: Rollback done <13>",
        ]
    );
}

#[test]
fn given_a_component_that_only_moves_traffic_then_its_users_are_still_waited_for() {
    let list = vec![component("api", &["auth"]), component("auth", &["storage"]), component("storage", &[])];
    let components = Components::new(list, vec![]).expect("an order");
    let known = [(name("api"), deployed()), (name("storage"), deployed())].into();
    let settings = Settings::default();
    let plan = rollback(&order(&components, &Scope::default(), &known, &settings)).expect("can go back");
    let id = |title: &str| plan.steps.iter().find(|step| step.title.contains(title)).expect("is planned");
    assert!(id("Deploy `storage`").after.contains(&id("Deploy `api`").id), "{:#?}", titles(&plan));
}

#[test]
fn given_parts_in_which_traffic_comes_back_then_each_is_a_step_that_stands_and_is_undone_to_the_one_before() {
    let components = Components::new(vec![component("api", &[])], vec![]).expect("an order");
    let percent = |parts: &[u8]| parts.iter().map(|part| Weight::try_from(*part).expect("a weight")).collect();
    let settings = Settings::default();
    let made = |from: u8, parts: &[u8]| {
        let weight = Weight::try_from(from).expect("a weight");
        let return_each = Span::from_secs(30);
        let back = ComponentBack { weight, returns: percent(parts), return_each, ..ComponentBack::default() };
        let known = [(name("api"), back)].into();
        let plan = rollback(&order(&components, &Scope::default(), &known, &settings)).expect("can go back");
        assert_eq!(problems(&plan), []);
        plan
    };
    let shifts = |plan: &SagaPlan| -> Vec<(u8, Option<u8>, bool, i64)> {
        let share = |act: &StepAct| match act {
            StepAct::ShiftTraffic { weight, settle, .. } => Some((weight.percent(), settle.is_some())),
            _ => None,
        };
        let steps = plan.steps.iter().filter_map(|step| {
            let (to, settles) = share(&step.act)?;
            let undo = step.undo.as_ref().and_then(share).map(|(weight, _)| weight);
            Some((to, undo, settles, step.timeout.secs()))
        });
        steps.collect()
    };
    let thirds = made(50, &[33, 66, 100]);
    assert_eq!(shifts(&thirds), [(34, Some(50), true, 60), (17, Some(34), true, 60), (0, Some(17), false, 30)]);
    assert!(titles(&thirds).contains(&"3 Shift 66\u{a0}% of what `api` 1.42.0 has back to 1.41.3 <2>".to_owned()));
    assert_eq!(shifts(&made(50, &[])), [(0, Some(50), false, 30)], "all at once");
    assert_eq!(shifts(&made(1, &[33, 66, 100])), [(0, Some(1), false, 30)], "a part of one percent is none");
    assert_eq!(shifts(&made(2, &[50, 51, 100])), [(1, Some(2), true, 60), (0, Some(1), false, 30)]);
    assert_eq!(shifts(&made(0, &[33, 66, 100])), [(0, None, false, 30)]);

    // Undone from the last to the first, the share is that of the step undone last.
    let undone = |until: u16| {
        let mut saga = Saga::fold(&Saga::order_new(thirds.clone(), &maya(), "because".into(), at(0)).expect("runs"))
            .expect("ordered");
        for (number, side) in (2..=4).map(|n| (n, Side::Do)).chain((until..=4).rev().map(|n| (n, Side::Undo))) {
            let (step, key) = (StepId(number), String::new());
            let begun = Event::Begun { step, side, attempt: 1, key, deadline: at(9), token: 1, at: at(1) };
            saga = saga.evolve(&begun);
        }
        saga.share(&name("api")).map(Weight::percent)
    };
    assert_eq!([undone(5), undone(4), undone(3), undone(2)], [Some(0), Some(17), Some(34), Some(50)]);
}

#[test]
fn given_a_baseline_that_no_longer_runs_then_it_is_deployed_without_moving_traffic_first() {
    let components = Components::new(vec![component("api", &[])], vec![]).expect("an order");
    let known = [(name("api"), ComponentBack { beside: false, drain: Some(Span::from_secs(1)), ..deployed() })].into();
    let settings = Settings::default();
    let plan = rollback(&order(&components, &Scope::default(), &known, &settings)).expect("can go back");
    assert_eq!(
        titles(&plan),
        ["1 Freeze: no further promotion <>", "2 Deploy `api` 1.41.3 <1>", "3 Prove recovery <2>"]
    );
}

#[test]
fn given_a_migration_past_its_contract_then_it_is_refused_unless_the_glass_is_broken() {
    let components = Components::new(vec![component("api", &[])], vec![]).expect("an order");
    let migration = MigrationBack { loses: true, ..orders(migration::Phase::Contract) };
    let migrations = vec![migration.clone()];
    let known = [(name("api"), ComponentBack { migrations, ..deployed() })].into();
    let scope = Scope::default();
    let refused = rollback(&order(&components, &scope, &known, &Settings::default())).expect_err("is refused");
    assert!(refused.to_string().contains("`orders` is past its point of no return"), "{refused}");
    let migrations = vec![MigrationBack { glass: Some("Glass broken by A and B.".into()), ..migration }];
    let known = [(name("api"), ComponentBack { migrations, ..deployed() })].into();
    let plan = rollback(&order(&components, &scope, &known, &Settings::default())).expect("the glass is broken");
    let repair = plan.steps.iter().find(|step| step.title.contains("Repair")).expect("is planned");
    assert!(repair.act.by_hand());
}

#[test]
fn given_a_part_that_does_not_fit_the_rest_then_it_is_refused_with_the_explanation() {
    let components = shop();
    let scope = Scope { components: Some([name("storage")].into()), ..Scope::default() };
    let known = BTreeMap::new();
    let refused = rollback(&order(&components, &scope, &known, &Settings::default())).expect_err("is refused");
    assert!(refused.to_string().contains("Nobody declared whether `auth` 1.42.0 works"), "{refused}");
    let accepted = Settings { accept: Fit::Undeclared, ..Settings::default() };
    assert!(rollback(&order(&components, &scope, &known, &accepted)).is_ok());
}

#[test]
fn given_flags_only_then_nothing_is_moved() {
    let mut api = component("api", &[]);
    api.features = vec!["a".parse().expect("a key"), "b".parse().expect("a key")];
    let components = Components::new(vec![api], vec![]).expect("an order");
    let scope =
        Scope { components: Some([].into()), features: Some(["b".parse().expect("a key")].into()), ..Scope::default() };
    let (known, settings) = (BTreeMap::new(), Settings::default());
    let mut order = order(&components, &scope, &known, &settings);
    let flags = [("b".parse().expect("a key"), false)].into();
    order.flags = &flags;
    let plan = rollback(&order).expect("can go back");
    assert_eq!(titles(&plan), ["1 Freeze: no further promotion <>", "2 Switch off `b` <1>"]);
    assert_eq!(plan.steps[1].undo, None, "it was off before");
}

#[test]
fn given_steps_that_cannot_be_run_then_each_is_named() {
    let mut plan = (*saga().plan).clone();
    plan.steps[0].after = vec![StepId(3)];
    plan.steps[1].timeout = Span::ZERO;
    plan.steps[2].retry.tries = 0;
    plan.steps[3].retry.jitter = f64::NAN;
    plan.steps[4].role = " ".into();
    let found: Vec<String> = problems(&plan).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(Saga::order_new(plan, &maya(), "errors".into(), at(0)).is_err());
}

#[test]
fn given_a_start_then_what_is_needed_is_deployed_and_probed_first_even_through_what_is_not_deployed() {
    let list = vec![component("api", &["auth"]), component("auth", &["storage"]), component("storage", &[])];
    let components = Components::new(list, vec![]).expect("an order");
    let known: BTreeMap<_, _> = [(name("api"), deployed()), (name("storage"), full())].into();
    let settings = Settings::default();
    let (id, release) = (SagaId(Uuid::nil()), ReleaseId(Uuid::nil()));
    let order = ForwardOrder { id, release, components: &components, known: &known, settings: &settings };
    let plan = start(&order).expect("can be deployed");
    assert_eq!(problems(&plan), []);
    assert_eq!(
        titles(&plan),
        ["1 Deploy `storage` 1.42.0 <>", "2 Probe `storage`: answers <1>", "3 Deploy `api` 1.42.0 <2>"]
    );
    let fix = |of: &str, version: &str| rollforward(&order, &[(name(of), artifact(version))].into());
    assert_eq!(titles(&fix("api", "1.42.1").expect("can be deployed")), ["1 Deploy `api` 1.42.1 <>"]);
    assert_eq!(fix("api", "1.42.0"), Err(ForwardError::Same(name("api"))));
    assert_eq!(fix("auth", "1.42.1"), Err(ForwardError::NoDeployer(name("auth"))));
    assert_eq!(fix("ghost", "1.42.1"), Err(ForwardError::NoComponent(name("ghost"))));
    let nothing = BTreeMap::new();
    assert_eq!(start(&ForwardOrder { known: &nothing, ..order.clone() }), Err(ForwardError::Nothing));
}
