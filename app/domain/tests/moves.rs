//! Random commands against a model of the legal moves: what is accepted, what is refused, and where it leads.
//!
//! The model knows which acts are legal from the README's table, and the rest from a few lines of its own; it shares no
//! rule with the code. `SEED=17 cargo test -p sternway-domain --test moves` replays one sequence.

#[path = "releases/chance.rs"]
mod chance;
#[path = "moves/model.rs"]
mod model;

use chance::Chance;
use model::{Model, WEIGHTS, act, table};
use serde_json::json;
use std::collections::BTreeMap;
use sternway_domain::actor::{Actor, Role, Rule};
use sternway_domain::artifact::Artifact;
use sternway_domain::checklist::{Checklist, ItemState, ReleaseChecklist};
use sternway_domain::id::{Digest, PersonId, ReleaseId, SagaId, ServiceName};
use sternway_domain::judge::{Verdict, VerdictKind};
use sternway_domain::plan::{Plan, Weight};
use sternway_domain::release::{Command, Draft, HoldCause, PlanRef, Release};
use sternway_domain::saga::Outcome;
use sternway_domain::time::Timestamp;
use uuid::Uuid;

const SEQUENCES: u64 = 10_000;
const LENGTH: usize = 40;

fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

fn draft(chance: &mut Chance) -> Draft {
    let mode = chance.one(&["manual", "assisted", "automatic"]);
    let then = chance.one(&["hold", "roll_back"]);
    let stages: Vec<_> = WEIGHTS.iter().map(|weight| json!({"weight": weight, "bake": "1m"})).collect();
    let plan = json!({
        "name": "canary", "mode": mode, "stages": stages, "guards": [{"metric": "errors"}], "rollback_window": "10m",
        "on_deadline": {"after": "1m", "then": then},
    });
    let plan: Plan = serde_json::from_value(plan).expect("well-formed");
    let item = json!({"id": "flag", "title": "Behind a flag", "evidence": "its key", "owner": "release manager"});
    let list: Checklist =
        serde_json::from_value(json!({"name": "before", "title": "Before", "items": [item]})).expect("well-formed");
    Draft {
        id: ReleaseId(Uuid::nil()),
        service: ServiceName::new("shop").expect("plain"),
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        components: vec![],
        note: "a model".into(),
        plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
        plan,
        checklist: Some(ReleaseChecklist::pin(&list, 1, Digest::of(b"list"))),
        known_bad: vec![],
        override_known_bad: false,
    }
}

fn drawn(chance: &mut Chance, release: &Release, now: Timestamp) -> Command {
    let reason = "because".to_owned();
    let forced = chance.hits(0.3);
    let saga = chance.hits(0.4).then(|| SagaId(Uuid::from_u128(7)));
    let outcome =
        chance.one(&[Outcome::Complete, Outcome::Complete, Outcome::Partial, Outcome::Undone, Outcome::PartlyUndone]);
    let summary = "as it stands".to_owned();
    match (chance.unit() * 20.0) as u8 {
        0 => Command::Check { item: "flag".into(), to: ItemState::Open },
        1 | 2 => Command::Check { item: "flag".into(), to: ItemState::Done { evidence: "new-pricing".into() } },
        3 | 4 => {
            let (runbooks, known_bad) = (vec![], vec![]);
            Command::Start { runbooks, override_checklist: forced, saga, known_bad, reason }
        }
        5..=7 => Command::Promote { override_verdict: chance.hits(0.7), reason },
        8 => {
            let blind = HoldCause::NoEvidence { verdict: VerdictKind::NoData };
            let causes = [HoldCause::Person, blind, HoldCause::Deadline, HoldCause::NoRoom];
            let cause = causes[(chance.unit() * 4.0) as usize].clone();
            Command::Hold { cause, reason }
        }
        9 => Command::Resume { reason },
        10 => Command::Rollback { saga, only: None, reason },
        11 => {
            let hotfix = artifact(chance.one(&["1.41.3", "1.42.0", "1.42.1", "1.42.2"]));
            let (component, known_bad) = (None, vec![]);
            Command::Rollforward { hotfix, component, saga, known_bad, override_known_bad: false, reason }
        }
        12 if chance.hits(0.5) => Command::Freeze { reason },
        12 if forced => Command::Cancel { reason },
        12 => Command::ResumeAutomation { reason },
        13 => {
            let (kind, sentence) = (chance.one(&VerdictKind::ALL), "Errors 0.10 % against 0.10 %.".to_owned());
            let verdict = json!({
                "kind": kind, "at": now, "tick": 1, "sentence": sentence, "next": "", "decided_by": null,
                "guards": [], "limits": [], "judge_version": "a model",
            });
            let verdict: Verdict = serde_json::from_value(verdict).expect("well-formed");
            Command::RecordVerdict(Box::new(verdict))
        }
        14..=16 => {
            let asked = release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight);
            let weight = if forced { Weight::ZERO } else { asked };
            Command::ConfirmTraffic { weight, from: "proxy".into() }
        }
        17 => Command::EndRollback { outcome, summary },
        18 => Command::EndStart { outcome, summary },
        _ => Command::EndRollforward { outcome, summary },
    }
}

fn actor(chance: &mut Chance) -> (Actor, bool) {
    if chance.hits(0.3) {
        let rule =
            chance.one(&[Rule::PromoteOnPass, Rule::RollBackOnFail, Rule::OnDeadline, Rule::HoldWithoutEvidence]);
        return (Actor::Automation { rule }, true);
    }
    (Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }, false)
}

fn played(seed: u64, table: &BTreeMap<String, Vec<String>>, met: &mut BTreeMap<String, (u32, u32)>) {
    let mut chance = Chance::new(seed);
    let draft = draft(&mut chance);
    let mut now = Timestamp::from_secs(1_700_000_000);
    let (maya, _) = (Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }, ());
    let plan = draft.plan.clone();
    let events = Release::create(draft, &maya, now).expect("usable");
    let mut release = Release::fold(&events).expect("created");
    let mut model = Model {
        state: "draft",
        stage: 0,
        entered: false,
        cause: "",
        open: true,
        automatic: plan.mode == sternway_domain::plan::Mode::Automatic,
        back_at_deadline: plan.on_deadline.then == sternway_domain::plan::DeadlineAct::RollBack,
        verdict: None,
        asked: None,
        saga: false,
        resumed: false,
        ended: 0,
        builds: ("1.41.3".into(), "1.42.0".into()),
        before: None,
    };
    for step in 0..LENGTH {
        now = now + chance.between(1_000, 200_000);
        let command = drawn(&mut chance, &release, now);
        let (by, by_rule) = actor(&mut chance);
        let said = format!("{command:?} by {}", by.label());
        let before = (release.clone(), model.clone());
        let taken = model.take(&command, by_rule, now.micros(), table);
        let decided = release.decide(command.clone(), &by, now);
        if let Some(act) = act(&command) {
            let met = met.entry(format!("{} {act}", before.1.state)).or_default();
            *(if taken { &mut met.0 } else { &mut met.1 }) += 1;
        }
        let context = format!("seed {seed}, step {step}: {said}\nbefore {:?}\n{:?}", before.1, before.0.state);
        assert_eq!(decided.is_ok(), taken, "{context}\n{decided:?}");
        if let Ok(events) = decided {
            release = events.iter().fold(release, Release::evolve);
        }
        assert_eq!(release.state.as_str(), model.state, "{context}");
        if let Some(stage) = release.state.stage() {
            assert_eq!(usize::from(stage), model.stage, "{context}");
        }
        if let sternway_domain::release::State::Holding { cause, .. } = &release.state {
            let cause = serde_json::to_value(cause).expect("JSON");
            assert_eq!(cause["cause"], model.cause, "{context}");
        }
        let asked = release.asked.as_ref().map(|asked| (asked.weight.percent(), asked.confirmed_at.is_some()));
        assert_eq!(asked, model.asked, "{context}");
        assert_eq!(release.candidate.version.as_str(), model.builds.1, "{context}");
    }
}

#[test]
fn given_ten_thousand_random_sequences_then_the_release_and_the_model_agree_on_every_command() {
    let table = table();
    assert_eq!(table.len(), 12, "{table:?}");
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = seed.map_or(0..SEQUENCES, |seed| seed..seed + 1);
    let mut met = BTreeMap::new();
    for seed in seeds {
        played(seed, &table, &mut met);
    }
    if seed.is_some() {
        return;
    }
    // A test that never comes somewhere says nothing of it.
    for (state, acts) in &table {
        for act in acts.iter().filter(|act| *act != "none") {
            // Only whole releases go back here.
            if act == "resume_automation" && !state.ends_with("rolled_back") {
                continue;
            }
            let (taken, _) = met.get(&format!("{state} {act}")).copied().unwrap_or_default();
            assert!(taken >= 10, "{act} while {state} was taken {taken} times: no test");
        }
        assert!(met.keys().any(|met| met.starts_with(&format!("{state} "))), "{state} was never met");
    }
}
