use super::*;
use crate::actor::{Actor, Role, Rule};
use crate::id::PersonId;
use crate::judge::{JUDGE_VERSION, Verdict};
use crate::plan::Mode;
use crate::saga::Outcome;
use uuid::Uuid;

mod frozen;
mod part;

fn maya() -> Actor {
    Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::ReleaseManager }
}

fn robot() -> Actor {
    Actor::Automation { rule: Rule::PromoteOnPass }
}

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

fn draft(mode: Mode) -> Draft {
    let plan = serde_json::json!({
        "name": "canary",
        "stages": [{"weight": 5, "bake": "1m"}, {"weight": 50, "bake": "1m"}, {"weight": 100, "bake": "1m"}],
        "guards": [{"metric": "errors"}],
    });
    let mut plan: Plan = serde_json::from_value(plan).expect("well-formed");
    plan.mode = mode;
    Draft {
        id: ReleaseId(Uuid::nil()),
        service: ServiceName::new("checkout").expect("plain"),
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        components: vec![],
        note: "pricing by currency".into(),
        plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
        plan,
        checklist: None,
        known_bad: vec![],
        override_known_bad: false,
    }
}

pub(super) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

/// A release in which these move together.
pub(super) fn together(names: &[&ServiceName]) -> Release {
    let part = |name: &&ServiceName| Component {
        name: (*name).clone(),
        layer: crate::component::Layer::Service,
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        needs: vec![],
        cells: vec![],
        features: vec![],
    };
    let draft = Draft { components: names.iter().map(part).collect(), ..draft(Mode::Assisted) };
    let events = Release::create(draft, &maya(), at(0)).expect("the draft is usable");
    Release::fold(&events).expect("a stream begins with its creation")
}

fn created(mode: Mode) -> Release {
    let events = Release::create(draft(mode), &maya(), at(0)).expect("the draft is usable");
    Release::fold(&events).expect("a stream begins with its creation")
}

fn after(release: Release, command: Command, by: &Actor, now: Timestamp) -> Release {
    let events = release.decide(command, by, now).expect("the act is legal");
    events.iter().fold(release, Release::evolve)
}

fn verdict(kind: VerdictKind, now: Timestamp) -> Command {
    Command::RecordVerdict(Box::new(Verdict {
        kind,
        at: now,
        tick: 1,
        sentence: "Errors 0.10 % against 0.10 %.".into(),
        next: String::new(),
        decided_by: None,
        guards: vec![],
        limits: vec![],
        evidence: None,
        pair: None,
        judge_version: JUDGE_VERSION.into(),
    }))
}

fn reason() -> String {
    "because".into()
}

fn running(mode: Mode) -> Release {
    let start =
        Command::Start { runbooks: vec![], override_checklist: false, saga: None, known_bad: vec![], reason: reason() };
    after(created(mode), start, &maya(), at(1))
}

#[test]
fn given_a_ready_release_when_started_then_the_first_stage_is_asked() {
    let release = running(Mode::Assisted);
    assert_eq!(release.state, State::Running { stage: 0 });
    let asked = release.asked.expect("a weight was asked");
    assert_eq!((asked.weight.percent(), asked.confirmed_at), (5, None));
    assert_eq!(asked.key, format!("{}:3:traffic", release.id));
}

#[test]
fn given_candidates_that_are_deployed_first_then_traffic_comes_when_all_are_in_place_and_else_it_can_be_started_again()
{
    let saga = Some(SagaId(Uuid::from_u128(7)));
    let start =
        Command::Start { runbooks: vec![], override_checklist: false, saga, known_bad: vec![], reason: reason() };
    let starting = after(created(Mode::Assisted), start.clone(), &maya(), at(1));
    assert_eq!((&starting.state, starting.saga, &starting.asked), (&State::Starting, saga, &None));
    let end = |outcome| Command::EndStart { outcome, summary: "5 of 5.".into() };

    let running = after(starting.clone(), end(Outcome::Complete), &robot(), at(2));
    assert_eq!(running.state, State::Running { stage: 0 });
    assert_eq!(running.asked.as_ref().map(|asked| asked.key.clone()), Some(format!("{}:3:traffic", running.id)));
    assert_eq!(running.decide(end(Outcome::Complete), &robot(), at(3)), Ok(vec![]), "once is enough");
    for outcome in [Outcome::Partial, Outcome::Undone, Outcome::PartlyUndone] {
        let again = after(starting.clone(), end(outcome), &robot(), at(2));
        assert_eq!((&again.state, again.started_at, &again.asked), (&State::Ready, None, &None));
        assert_eq!(after(again, start.clone(), &maya(), at(3)).state, State::Starting);
    }
}

#[test]
fn given_no_pass_when_promoted_then_refused_unless_overridden() {
    let release = running(Mode::Assisted);
    let plain = Command::Promote { override_verdict: false, reason: reason() };
    assert_eq!(release.decide(plain, &maya(), at(2)), Err(Refusal::NoPass("nothing has been judged yet".into())));
    let forced = after(release, Command::Promote { override_verdict: true, reason: reason() }, &maya(), at(2));
    assert_eq!(forced.state, State::Running { stage: 1 });
}

#[test]
fn a_pass_counts_for_its_own_stage_only() {
    let release = after(running(Mode::Assisted), verdict(VerdictKind::Pass, at(2)), &robot(), at(2));
    let promote = || Command::Promote { override_verdict: false, reason: reason() };
    let next = after(release, promote(), &maya(), at(3));
    assert!(matches!(next.decide(promote(), &maya(), at(4)), Err(Refusal::NoPass(_))));
}

#[test]
fn automation_promotes_only_on_pass_and_only_in_automatic_mode() {
    let promote = || Command::Promote { override_verdict: true, reason: reason() };
    let assisted = after(running(Mode::Assisted), verdict(VerdictKind::Pass, at(2)), &robot(), at(2));
    assert!(matches!(assisted.decide(promote(), &robot(), at(3)), Err(Refusal::Automation { .. })));
    for kind in VerdictKind::ALL {
        let release = after(running(Mode::Automatic), verdict(kind, at(2)), &robot(), at(2));
        assert_eq!(release.decide(promote(), &robot(), at(3)).is_ok(), kind == VerdictKind::Pass, "{kind:?}");
        let back = Command::Rollback { saga: None, only: None, reason: reason() };
        assert_eq!(release.decide(back, &robot(), at(3)).is_ok(), kind == VerdictKind::Fail, "{kind:?}");
    }
}

#[test]
fn automation_freezes_only_where_its_rollback_would_be_due_and_under_its_own_rule() {
    let freeze = || Command::Freeze { reason: reason() };
    let rule = Actor::Automation { rule: Rule::FreezePastNoReturn };
    for kind in VerdictKind::ALL {
        let release = after(running(Mode::Automatic), verdict(kind, at(2)), &robot(), at(2));
        assert_eq!(release.decide(freeze(), &rule, at(3)).is_ok(), kind == VerdictKind::Fail, "{kind:?}");
        assert!(matches!(release.decide(freeze(), &robot(), at(3)), Err(Refusal::Automation { .. })), "{kind:?}");
    }
    let assisted = after(running(Mode::Assisted), verdict(VerdictKind::Fail, at(2)), &robot(), at(2));
    assert!(matches!(assisted.decide(freeze(), &rule, at(3)), Err(Refusal::Automation { .. })));
}

#[test]
fn rolled_back_is_what_the_proxy_says() {
    let release =
        after(running(Mode::Assisted), Command::Rollback { saga: None, only: None, reason: reason() }, &maya(), at(5));
    assert_eq!(release.state, State::RollingBack);
    let unmoved = release.decide(
        Command::ConfirmTraffic { weight: 5u8.try_into().expect("small"), from: "p".into() },
        &robot(),
        at(6),
    );
    assert_eq!(unmoved, Ok(vec![]));
    let back = after(release, Command::ConfirmTraffic { weight: Weight::ZERO, from: "proxy".into() }, &robot(), at(7));
    assert_eq!(back.state, State::RolledBack);
}

#[test]
fn time_held_does_not_bake() {
    let hold = Command::Hold { cause: HoldCause::Person, reason: reason() };
    let held = after(running(Mode::Assisted), hold, &maya(), at(11));
    assert_eq!(held.baked(at(100)), Span::from_secs(10));
    let resumed = after(held, Command::Resume { reason: reason() }, &maya(), at(101));
    assert_eq!(resumed.baked(at(111)), Span::from_secs(20));
}

#[test]
fn a_promoted_release_can_be_rolled_back_within_its_window() {
    let mut release = running(Mode::Assisted);
    let promote = || Command::Promote { override_verdict: true, reason: reason() };
    for step in 0..2 {
        release = after(release, promote(), &maya(), at(10 + step));
    }
    assert_eq!(
        release.decide(promote(), &maya(), at(12)),
        Err(Refusal::NotSeen(100)),
        "nobody would see to it any more"
    );
    let confirm = Command::ConfirmTraffic { weight: Weight::FULL, from: "proxy".into() };
    release = after(after(release, confirm, &robot(), at(12)), promote(), &maya(), at(12));
    assert_eq!(release.state, State::Promoted);
    let back = || Command::Rollback { saga: None, only: None, reason: reason() };
    assert!(release.decide(back(), &maya(), at(86_400)).is_ok());
    assert!(matches!(release.decide(back(), &maya(), at(90_000)), Err(Refusal::WindowOver { .. })));
}

#[test]
fn a_hotfix_begins_again_at_the_first_stage() {
    let release =
        after(running(Mode::Assisted), Command::Promote { override_verdict: true, reason: reason() }, &maya(), at(5));
    let forward = after(release, forward(None, None), &maya(), at(6));
    assert_eq!((forward.state.clone(), forward.candidate.version.as_str()), (State::RollingForward, "1.42.1"));
    let confirmed = Command::ConfirmTraffic { weight: 5u8.try_into().expect("small"), from: "p".into() };
    assert_eq!(after(forward, confirmed, &robot(), at(7)).state, State::Running { stage: 0 });
}

fn forward(component: Option<&str>, saga: Option<SagaId>) -> Command {
    Command::Rollforward {
        hotfix: artifact("1.42.1"),
        component: component.map(|name| ServiceName::new(name).expect("plain")),
        saga,
        known_bad: vec![],
        override_known_bad: false,
        reason: reason(),
    }
}

#[test]
fn a_hotfix_that_is_deployed_begins_its_run_when_that_is_done_and_is_taken_back_when_that_is_undone() {
    let release = after(running(Mode::Assisted), verdict(VerdictKind::Fail, at(2)), &robot(), at(2));
    let ordered = after(release.clone(), forward(None, Some(SagaId(Uuid::nil()))), &maya(), at(6));
    let seen = Command::ConfirmTraffic { weight: 5u8.try_into().expect("small"), from: "p".into() };
    let ordered = after(ordered, seen, &robot(), at(7));
    assert_eq!((&ordered.state, ordered.state.stage()), (&State::RollingForward, None), "it is not deployed yet");
    let end = |outcome| Command::EndRollforward { outcome, summary: "1 of 1 done.".into() };
    let done = after(ordered.clone(), end(Outcome::Complete), &robot(), at(90));
    assert_eq!((&done.state, done.stage_entered_at), (&State::Running { stage: 0 }, Some(at(90))));
    assert_eq!((done.current_verdict(), done.forwarded_at), (None, Some(at(90))), "nothing is known of it yet");
    let undone = after(ordered.clone(), end(Outcome::Undone), &robot(), at(90));
    assert_eq!((&undone.candidate, undone.state.as_str()), (&release.candidate, "holding"));
    let partial = after(ordered, end(Outcome::Partial), &robot(), at(90));
    assert_eq!((partial.candidate.version.as_str(), partial.state.as_str()), ("1.42.1", "holding"));
}

#[test]
fn a_frozen_release_rolls_forward_without_going_back_to_less_traffic() {
    let promote = Command::Promote { override_verdict: true, reason: reason() };
    let release = after(running(Mode::Assisted), promote, &maya(), at(5));
    let frozen = after(release, Command::Freeze { reason: reason() }, &maya(), at(6));
    let ordered = after(frozen, forward(None, Some(SagaId(Uuid::nil()))), &maya(), at(7));
    assert_eq!(ordered.asked.as_ref().map(|asked| asked.weight.percent()), Some(50));
    let end = Command::EndRollforward { outcome: Outcome::Complete, summary: String::new() };
    assert_eq!(after(ordered, end, &robot(), at(9)).state, State::Running { stage: 1 });
}

#[test]
fn a_hotfix_is_for_something_that_moves_and_is_another_build() {
    let release = running(Mode::Assisted);
    let other = release.decide(forward(Some("billing"), None), &maya(), at(2));
    assert!(matches!(other, Err(Refusal::NoComponent(_))), "{other:?}");
    let own = release.decide(forward(Some("checkout"), None), &maya(), at(2));
    assert!(own.is_ok(), "{own:?}");
    let forwarded = after(release, forward(None, None), &maya(), at(3));
    let seen = Command::ConfirmTraffic { weight: 5u8.try_into().expect("small"), from: "p".into() };
    let again = after(forwarded, seen, &robot(), at(4)).decide(forward(None, None), &maya(), at(5));
    assert!(matches!(again, Err(Refusal::SameArtifact(_))), "{again:?}");
}

#[test]
fn reasons_are_mandatory() {
    let release = running(Mode::Assisted);
    for (text, chars) in [(" a ", 1), ("", 0), (&*"x".repeat(2001), 2001)] {
        let refused = release.decide(Command::Rollback { saga: None, only: None, reason: text.into() }, &maya(), at(2));
        assert_eq!(refused, Err(Refusal::Reason(chars)));
    }
}

#[test]
fn the_readme_shows_the_table_of_legal_moves() {
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&table::markdown()), "README.md shows another table than this:\n{}", table::markdown());
}

/// Ten thousand random commands: no stage is skipped, a refusal changes nothing, the fold equals the stored state.
#[test]
fn random_commands_keep_the_invariants() {
    let mut seed = 20_261_121_u64;
    println!("seed {seed}");
    let mut next = move |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for _ in 0..500 {
        let mut events = Release::create(draft(Mode::Automatic), &maya(), at(0)).expect("usable");
        let mut release = Release::fold(&events).expect("created");
        for step in 0..20 {
            let kind = VerdictKind::ALL[next(7) as usize];
            let weight = [0u8, 5, 50, 100][next(4) as usize].try_into().expect("small");
            let command = match next(10) {
                0 => Command::Start {
                    runbooks: vec![],
                    override_checklist: true,
                    saga: None,
                    known_bad: vec![],
                    reason: reason(),
                },
                1 | 2 => Command::Promote { override_verdict: next(2) == 0, reason: reason() },
                3 => Command::Hold { cause: HoldCause::Person, reason: reason() },
                4 => Command::Resume { reason: reason() },
                5 => Command::Rollback { saga: None, only: None, reason: reason() },
                6 => Command::Freeze { reason: reason() },
                7 => verdict(kind, at(step)),
                8 => Command::Rollforward {
                    hotfix: artifact(&format!("2.{step}")),
                    component: None,
                    saga: None,
                    known_bad: vec![],
                    override_known_bad: false,
                    reason: reason(),
                },
                _ => Command::ConfirmTraffic { weight, from: "p".into() },
            };
            let by = if next(2) == 0 { maya() } else { robot() };
            let act = command.act();
            if let Ok(new) = release.decide(command, &by, at(step)) {
                if let Some(act) = act {
                    assert!(table::allowed(&release.state, act));
                }
                for event in new {
                    if let Event::StageEntered { stage, .. } = &event {
                        let from = release.state.stage();
                        assert_eq!(
                            *stage,
                            from.map_or(0, |s| if matches!(release.state, State::Ready) { 0 } else { s + 1 })
                        );
                    }
                    release = release.evolve(&event);
                    events.push(event);
                }
            }
        }
        assert_eq!(Release::fold(&events), Some(release));
    }
}

#[test]
fn given_a_rollback_before_the_first_traffic_that_is_undone_then_the_release_can_be_started_again() {
    let saga = Some(SagaId(Uuid::from_u128(7)));
    let start =
        Command::Start { runbooks: vec![], override_checklist: false, saga, known_bad: vec![], reason: reason() };
    let starting = after(created(Mode::Assisted), start, &maya(), at(1));
    let back = Command::Rollback { saga: Some(SagaId(Uuid::from_u128(8))), only: None, reason: reason() };
    let back = after(starting, back, &maya(), at(2));
    let end = Command::EndRollback { outcome: Outcome::Undone, summary: "0 of 2 back.".into() };
    let undone = after(back, end, &robot(), at(3));
    assert_eq!((&undone.state, &undone.back, undone.started_at), (&State::Ready, &None, None));
}

#[test]
fn given_a_hold_written_by_a_clock_that_was_wrong_then_it_counts_for_no_more_than_the_stage_has_lasted() {
    let hold = Command::Hold { cause: HoldCause::Person, reason: reason() };
    let held = after(running(Mode::Assisted), hold, &maya(), at(-3_600));
    let resumed = after(held, Command::Resume { reason: reason() }, &maya(), at(31));
    assert_eq!(resumed.baked(at(91)), Span::from_secs(60), "from then on it bakes as ever");
}
