use super::*;
use crate::artifact::Artifact;
use crate::component::{Component, Components, Layer, Need, Scope};
use crate::id::{Digest, FlagKey, ReleaseId, SagaId, ServiceName};
use crate::migration;
use crate::plan::Weight;
use crate::probe::{Ask, Probe};
use crate::saga::{ComponentBack, MigrationBack, RollbackOrder, Settings, StepAct, rollback};
use std::collections::BTreeMap;
use uuid::Uuid;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

fn component(called: &str, needs: &[&str]) -> Component {
    let need = |on: &&str| Need { on: name(on), accepts: None, baseline_accepts: None };
    Component {
        name: name(called),
        layer: Layer::Service,
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        needs: needs.iter().map(need).collect(),
        cells: vec![],
        features: if called == "api" { vec!["new-price".parse().expect("a key")] } else { vec![] },
    }
}

/// A rollback of five services with everything a step can be.
fn plan() -> SagaPlan {
    let list = vec![
        component("api", &["auth", "cache"]),
        component("auth", &["storage"]),
        component("messaging", &["storage"]),
        component("storage", &[]),
        component("cache", &[]),
    ];
    let components = Components::new(list, vec![]).expect("an order");
    let back = |c: &Component| {
        let ask = Ask::Tcp { address: "127.0.0.1:80".into() };
        let orders = MigrationBack {
            name: "orders".parse().expect("a name"),
            phase: migration::Phase::SwitchReads,
            loses: false,
            glass: None,
        };
        ComponentBack {
            weight: Weight::try_from(50).expect("a weight"),
            drain: Some(Span::from_secs(5)),
            deploy: c.name.as_str() != "cache",
            migrations: if c.name.as_str() == "storage" { vec![orders] } else { vec![] },
            probes: vec![Probe { name: "answers".into(), ask, timeout: Span::from_secs(5) }],
            ..ComponentBack::default()
        }
    };
    let known: BTreeMap<_, _> = components.iter().map(|c| (c.name.clone(), back(c))).collect();
    let settings = Settings {
        timeout: Span::from_secs(10),
        deploy_timeout: Span::from_secs(30),
        recovery_timeout: Span::from_secs(60),
        channels: vec!["ops".into()],
        ..Settings::default()
    };
    let flags: BTreeMap<FlagKey, bool> = BTreeMap::new();
    let (scope, id, release) = (Scope::default(), SagaId(Uuid::nil()), ReleaseId(Uuid::nil()));
    let order = RollbackOrder {
        id,
        release,
        components: &components,
        scope: &scope,
        known: &known,
        flags: &flags,
        settings: &settings,
    };
    rollback(&order).expect("can go back")
}

/// Set `STERNWAY_SEED` to replay one seed, `STERNWAY_RUNS` for more runs.
fn seeds(runs: u64) -> std::ops::Range<u64> {
    let read = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match read("STERNWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..read("STERNWAY_RUNS").unwrap_or(runs),
    }
}

fn kept(plan: &SagaPlan, faults: &Faults, seed: u64) -> Report {
    let run = rehearse(plan, faults, seed);
    if let Some(promise) = &run.report.broken {
        let tail: Vec<String> = run.events.iter().rev().take(25).rev().map(|event| format!("{event:?}")).collect();
        panic!("seed {seed}: {promise}\n{}\nreplay with STERNWAY_SEED={seed}", tail.join("\n"));
    }
    run.report
}

#[test]
fn given_no_faults_then_it_is_complete_and_needs_nobody() {
    let report = kept(&plan(), &Faults::NONE, 1);
    assert_eq!((report.outcome, report.people, report.crashes), (Some(Outcome::Complete), 0, 0));
    assert_eq!((report.takeovers, report.stale_taken), (1, 0));
    assert!(report.took < Span::from_secs(120), "{}", report.took);
}

#[test]
fn given_a_seed_then_the_run_is_the_same_bit_for_bit() {
    let plan = plan();
    assert_eq!(rehearse(&plan, &Faults::STORM, 42), rehearse(&plan, &Faults::STORM, 42));
    assert_ne!(rehearse(&plan, &Faults::STORM, 42), rehearse(&plan, &Faults::STORM, 43));
}

#[test]
fn given_any_trouble_and_a_patient_person_then_the_end_is_that_of_an_untroubled_run() {
    let (plan, faults) = (plan(), Faults { impatient: 0.0, ..Faults::STORM });
    let (mut crashes, mut runs) = (0, 0);
    for seed in seeds(1_000) {
        let report = kept(&plan, &faults, seed);
        assert_eq!(report.outcome, Some(Outcome::Complete), "seed {seed}: {}", report.summary);
        assert_eq!(report.summary, "5 of 5 back.", "seed {seed}");
        crashes += report.crashes;
        runs += 1;
    }
    assert!(crashes >= runs, "{crashes} crashes in {runs} runs are no test");
}

#[test]
fn given_a_storm_then_every_promise_is_kept_in_thousands_of_runs() {
    let plan = plan();
    let (mut seen, mut stale, mut takeovers) = (BTreeMap::new(), 0, 0);
    for seed in seeds(2_000) {
        let report = kept(&plan, &Faults::STORM, seed);
        *seen.entry(format!("{:?}", report.outcome)).or_insert(0) += 1;
        stale += report.stale_refused;
        takeovers += report.takeovers;
    }
    if std::env::var("STERNWAY_SEED").is_err() {
        assert_eq!(seen.len(), 4, "every way to end is met: {seen:?}");
        assert!(stale > 0 && takeovers > 2_000, "{stale} stale orders, {takeovers} takeovers are no test");
    }
}

#[test]
fn given_a_plan_that_cannot_be_run_then_the_report_says_so() {
    let mut wrong = plan();
    wrong.steps[0].after = vec![wrong.steps[1].id];
    let report = rehearse(&wrong, &Faults::NONE, 1).report;
    assert!(report.broken.is_some_and(|text| text.contains("comes after step 2")));
}

#[test]
fn given_many_runs_then_the_overview_counts_what_could_happen() {
    let seen = overview(&plan(), &Faults::STORM, 7, 47);
    assert_eq!((seen.runs, seen.ends().iter().map(|end| end.runs).sum::<u32>()), (40, 40));
    let (median, p95) = seen.times();
    assert!(median > Span::ZERO && p95 >= median && seen.with_people > 0);
    let halves = overview(&plan(), &Faults::STORM, 7, 27).join(overview(&plan(), &Faults::STORM, 27, 47));
    assert_eq!(halves.ends(), seen.ends());
    assert_eq!(seen.broken, []);
    let kinds: Vec<_> = plan().steps.iter().map(|step| step.act.kind()).collect();
    assert!(kinds.contains(&"data") && plan().steps.iter().any(|s| matches!(s.act, StepAct::Drain { .. })));
}
