use super::*;
use crate::id::{ReleaseId, SagaId};
use crate::saga::{Purpose, Retry};
use uuid::Uuid;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

fn weight(percent: u8) -> Weight {
    Weight::try_from(percent).expect("a weight")
}

fn step(id: u16, after: &[u16], act: StepAct, timeout: i64) -> Step {
    Step {
        id: StepId(id),
        title: format!("step {id}"),
        component: Some(name("api")),
        after: after.iter().map(|id| StepId(*id)).collect(),
        act,
        undo: None,
        timeout: Span::from_secs(timeout),
        retry: Retry::NONE,
        role: "recovery lead".into(),
        vital: true,
    }
}

fn plan() -> SagaPlan {
    let shift = StepAct::ShiftTraffic { service: name("api"), weight: Weight::ZERO, cells: vec![], settle: None };
    let switch = StepAct::KillSwitch { flag: "new-price".parse().expect("a key"), enabled: false };
    let data = StepAct::Data {
        service: name("api"),
        migration: "orders".parse().expect("a name"),
        from: Phase::SwitchReads,
        to: Phase::DualWrite,
    };
    let tell = StepAct::Notify { channels: vec!["ops".into(), "ops".into(), "status".into()], text: "back".into() };
    let hand = StepAct::Manual { role: "data owner".into(), instruction: "look".into() };
    let steps = vec![
        step(1, &[], shift, 10),
        step(2, &[], switch, 5),
        step(3, &[1, 2], data, 30),
        step(4, &[3], tell, 5),
        step(5, &[1], hand, 60),
    ];
    let (id, release) = (SagaId(Uuid::nil()), ReleaseId(Uuid::nil()));
    SagaPlan { id, release, purpose: Purpose::Rollback, steps, objective: Some(Span::from_secs(60)) }
}

fn load(share: u8, baseline: (u32, u32, Option<f64>), candidate: (u32, u32, Option<f64>)) -> Load {
    let side = |(ready, total, saturation): (u32, u32, Option<f64>)| Side {
        ready: Some(ready),
        total: Some(total),
        saturation,
    };
    Load { candidate_share: Some(weight(share)), baseline: side(baseline), candidate: side(candidate) }
}

fn seen(load: Load) -> Observed {
    Observed { traffic: [(name("api"), load)].into(), ..Observed::default() }
}

fn capacity(load: Load) -> Capacity {
    room(&name("api"), Some(&load), Weight::ZERO, Headroom::default()).capacity
}

#[test]
fn given_a_saga_then_its_preview_tells_everything_it_will_touch() {
    let mut observed = seen(load(50, (4, 4, Some(0.3)), (4, 4, Some(0.3))));
    observed.flags = [("new-price".parse().expect("a key"), true)].into();
    let preview = preview(&plan(), &observed);
    assert!(preview.may_start(), "{:?}", preview.blockers);
    assert_eq!(preview.steps.iter().map(|step| step.level).collect::<Vec<_>>(), [1, 1, 2, 3, 2]);
    assert_eq!((preview.traffic[0].before, preview.traffic[0].after), (Some(weight(50)), Weight::ZERO));
    assert_eq!(
        preview.traffic[0].room.sentence,
        "`api`: 4 of 4 instances of the baseline are ready and would be 60\u{a0}% full."
    );
    assert_eq!((preview.flags[0].before, preview.flags[0].after), (Some(true), false));
    assert_eq!(
        (preview.told, preview.by_hand),
        (vec!["ops".to_owned(), "status".to_owned()], vec!["data owner".to_owned()])
    );
    assert_eq!((preview.migrations.len(), preview.at_most), (1, Span::from_secs(70)));
}

#[test]
fn given_a_receiver_without_healthy_instances_then_nothing_may_start() {
    let preview = preview(&plan(), &seen(load(50, (0, 20, Some(0.1)), (4, 4, Some(0.3)))));
    assert!(!preview.may_start());
    assert_eq!(
        preview.blockers,
        [
            "`api`: 0 of 20 instances of the baseline are ready; it cannot take 100\u{a0}% of the traffic. Start more first."
        ]
    );
}

#[test]
fn given_a_receiver_with_a_twentieth_of_its_instances_then_it_is_refused_with_and_without_saturation() {
    assert_eq!(capacity(load(95, (1, 20, Some(0.2)), (20, 20, Some(0.5)))), Capacity::Refused);
    assert_eq!(capacity(load(95, (1, 20, None), (20, 20, None))), Capacity::Refused);
}

#[test]
fn given_little_room_or_no_knowledge_then_a_person_is_told_and_silence_is_never_room() {
    assert_eq!(capacity(load(50, (4, 4, Some(0.4)), (4, 4, Some(0.4)))), Capacity::Tight);
    assert_eq!(capacity(load(50, (4, 4, Some(0.5)), (4, 4, Some(0.5)))), Capacity::Refused);
    assert_eq!(capacity(load(50, (4, 4, None), (4, 4, Some(0.2)))), Capacity::Unknown);
    assert_eq!(capacity(load(50, (4, 4, Some(f64::NAN)), (4, 4, Some(0.2)))), Capacity::Unknown);
    assert_eq!(capacity(Load::default()), Capacity::Unknown);
    assert_eq!(room(&name("api"), None, Weight::ZERO, Headroom::default()).capacity, Capacity::Unknown);
}

#[test]
fn given_a_baseline_that_is_idle_then_its_room_is_foreseen_from_the_candidate() {
    let found =
        room(&name("api"), Some(&load(100, (2, 4, None), (4, 4, Some(0.3)))), Weight::ZERO, Headroom::default());
    assert_eq!((found.capacity, found.foreseen.map(|f| (f * 100.0).round())), (Capacity::Fits, Some(60.0)));
    let forward = room(&name("api"), Some(&load(0, (4, 4, Some(0.5)), (1, 1, None))), weight(50), Headroom::default());
    assert_eq!(forward.capacity, Capacity::Refused);
}

#[test]
fn given_past_runs_then_the_longest_way_is_expected_and_kept_beside_the_objective() {
    let run =
        |kind: &str, secs| PastRun { kind: kind.into(), component: Some(name("api")), took: Span::from_secs(secs) };
    let mut observed = seen(load(50, (4, 4, Some(0.1)), (4, 4, Some(0.1))));
    observed.past =
        vec![run("shift_traffic", 2), run("shift_traffic", 9), run("shift_traffic", 3), run("kill_switch", 1)];
    assert_eq!(preview(&plan(), &observed).expected, None, "data was never moved before");
    observed.past.extend([run("data", 40), run("notify", 1), run("manual", 300)]);
    let preview = preview(&plan(), &observed);
    assert_eq!((preview.steps[0].expected, preview.steps[0].runs), (Some(Span::from_secs(3)), 3));
    assert_eq!((preview.expected, preview.keeps_objective), (Some(Span::from_secs(303)), Some(false)));
    assert!(preview.warnings.iter().any(|text| text.contains("takes 5m3s, longer than the objective of 1m")));
}

fn foreseen(saturation: f64) -> Room {
    let side = |saturation| Side { ready: Some(2), total: None, saturation: Some(saturation) };
    let load = Load { candidate_share: Some(weight(50)), baseline: side(saturation), candidate: side(saturation) };
    room(&name("api"), Some(&load), Weight::ZERO, Headroom::default())
}

#[test]
fn given_a_side_without_room_then_people_override_and_rules_go_back_only_while_it_is_not_more_than_full() {
    let (fits, crowded, over) = (foreseen(0.2), foreseen(0.49), foreseen(0.6));
    assert_eq!(permit(std::slice::from_ref(&fits), false), Ok(vec![]));
    let refused = permit(&[fits.clone(), crowded.clone()], false).expect_err("there is no room");
    assert!(refused.to_string().contains("98\u{a0}% full"), "{refused}");
    let overridden = permit(std::slice::from_ref(&crowded), true).expect("a person may");
    assert!(overridden[0].starts_with("capacity: `api`"), "{overridden:?}");
    assert_eq!(forbids_rule(&[fits, crowded]), None, "a failing candidate is worse than a crowded baseline");
    assert!(forbids_rule(&[over]).is_some());
    let none = Load { baseline: Side { ready: Some(0), ..Side::default() }, ..Load::default() };
    let dead = room(&name("api"), Some(&none), Weight::ZERO, Headroom::default());
    assert!(forbids_rule(&[dead]).is_some_and(|why| why.contains("0 instances of the baseline are ready")));
    assert_eq!(forbids_rule(&[room(&name("api"), None, Weight::ZERO, Headroom::default())]), None, "nothing is known");
}
