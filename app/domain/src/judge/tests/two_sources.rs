//! Two sources of the same signals that agree, disagree or say nothing: the worse rules, and nothing else follows.

use super::super::pair::{Names, PAIR_VERSION, judge_both, ruling, worse_of};
use super::*;
use crate::actor::{Actor, Role, Rule};
use crate::artifact::Artifact;
use crate::effect::Effect;
use crate::engine::{World, reconcile};
use crate::id::{Digest, PersonId, ReleaseId, ServiceName};
use crate::release::{Command, Draft, HoldCause, PlanRef, Release};
use crate::signal::Source;
use uuid::Uuid;

use VerdictKind::{ConfigError, Fail, Insufficient, NoData, Pass, ProviderDown, Suspect};

/// Worst first.
const ORDER: [VerdictKind; 7] = [Fail, ConfigError, ProviderDown, NoData, Suspect, Insufficient, Pass];

fn names() -> Names {
    Names { first: "scrape of c1:8080".into(), second: "Prometheus prom-b:9090".into() }
}

fn said(kind: VerdictKind, sentence: &str) -> Verdict {
    Verdict {
        kind,
        at: Timestamp::from_secs(1_700_000_400),
        tick: 7,
        sentence: sentence.into(),
        next: format!("next of {sentence}"),
        decided_by: None,
        guards: vec![],
        limits: vec![],
        evidence: None,
        pair: None,
        judge_version: JUDGE_VERSION.into(),
    }
}

#[test]
fn given_any_two_verdicts_then_the_worse_one_rules_and_both_are_in_it() {
    for (i, one) in ORDER.into_iter().enumerate() {
        for (j, two) in ORDER.into_iter().enumerate() {
            let verdict = worse_of(said(one, "One."), said(two, "Two."), &names());
            assert_eq!(verdict.kind, ORDER[i.min(j)], "{one:?} and {two:?}");
            let rules = if j < i { Source::Second } else { Source::First };
            assert_eq!(ruling(one, two), rules, "{one:?} and {two:?}: of equal ones the first");
            assert_eq!(verdict.of(Source::First), Some(said(one, "One.")));
            assert_eq!(verdict.of(Source::Second), Some(said(two, "Two.")));
            assert_eq!(verdict.own_sentence(), if rules == Source::First { "One." } else { "Two." });
            for source in Source::BOTH.into_iter().filter(|source| *source != rules || one != two) {
                assert!(verdict.sentence.contains(&names().full(source)), "{}", verdict.sentence);
            }
            for kind in [one, two].into_iter().filter(|kind| *kind != verdict.kind) {
                assert!(verdict.sentence.contains(&kind.label().to_lowercase()), "{}", verdict.sentence);
            }
        }
    }
    let verdict = worse_of(said(Pass, "No errors."), said(Fail, "Errors 0.31 % against 0.10 %."), &names());
    assert_eq!(
        verdict.sentence,
        "Second source (Prometheus prom-b:9090): Errors 0.31 % against 0.10 %. First source (scrape of c1:8080): pass. \
         The worse rules."
    );
    let verdict = worse_of(said(Pass, "No errors."), said(Pass, "None."), &names());
    assert_eq!(verdict.sentence, "No errors. Second source (Prometheus prom-b:9090) says so too: pass.");
}

/// A release that runs by rules, its traffic confirmed and its bake time over.
fn baked() -> Release {
    let plan = serde_json::json!({
        "name": "canary", "mode": "automatic", "interval": "10s", "guards": [{"metric": "errors"}],
        "stages": [{"weight": 5, "bake": "1m"}, {"weight": 100, "bake": "1m"}], "on_deadline": {"after": "1h", "then": "roll_back"},
    });
    let plan: Plan = serde_json::from_value(plan).expect("well-formed");
    let build = |version: &str| Artifact {
        version: version.to_owned().try_into().expect("plain"),
        digest: Digest::of(version.as_bytes()),
    };
    let draft = Draft {
        id: ReleaseId(Uuid::nil()),
        service: ServiceName::new("checkout").expect("plain"),
        baseline: build("1.41.3"),
        candidate: build("1.42.0"),
        components: vec![],
        note: "faster".into(),
        plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
        plan,
        checklist: None,
        known_bad: vec![],
        override_known_bad: false,
    };
    let maya = Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::ReleaseManager };
    let at = Timestamp::from_secs(1_700_000_000);
    let mut release = Release::fold(&Release::create(draft, &maya, at).expect("usable")).expect("created");
    let start = Command::Start {
        runbooks: vec![],
        override_checklist: false,
        saga: None,
        known_bad: vec![],
        reason: "because".into(),
    };
    let weight = Weight::try_from(5).expect("a weight");
    for command in [start, Command::ConfirmTraffic { weight, from: "proxy".into() }] {
        release = acted(release, command, &maya, at);
    }
    release
}

fn acted(release: Release, command: Command, by: &Actor, now: Timestamp) -> Release {
    let events = release.decide(command, by, now).expect("legal");
    events.iter().fold(release, Release::evolve)
}

#[test]
fn given_a_pass_that_waited_beyond_the_deadline_when_it_is_gone_then_the_deadline_counts_from_there() {
    let (rule, hour) = (Actor::Automation { rule: Rule::ConfirmObserved }, Span::from_secs(3_600));
    let at = |minutes: i64| Timestamp::from_secs(1_700_000_000 + minutes * 60);
    let noted = |release: Release, kind, minutes| {
        let verdict = Verdict { at: at(minutes), ..said(kind, "Said.") };
        let release = acted(release, Command::RecordVerdict(Box::new(verdict.clone())), &rule, verdict.at);
        (release, verdict)
    };
    let after = |release: &Release, verdict: &Verdict, minutes| {
        let observed = Some((Weight::try_from(5).expect("a weight"), "proxy"));
        let world = World {
            release,
            verdict: Some((0, verdict)),
            observed,
            saga: None,
            held: false,
            no_room: None,
            frozen: true,
        };
        reconcile(&world, at(minutes))
    };
    // A change freeze keeps it waiting for a night, then too few requests come to say so any longer.
    let (release, pass) = noted(baked(), Pass, 2);
    assert_eq!(after(&release, &pass, 600), []);
    let (release, short) = noted(release, Insufficient, 600);
    assert_eq!(after(&release, &short, 601), []);
    // Another kind that is no pass does not begin it anew.
    let (release, suspect) = noted(release, Suspect, 640);
    assert_eq!(after(&release, &suspect, 659), []);
    let effects = after(&release, &suspect, 660);
    let [Effect::Decide { rule: Rule::OnDeadline, command: Command::Rollback { reason, .. } }] = &effects[..] else {
        panic!("at the deadline: {effects:?}");
    };
    assert_eq!(*reason, format!("Not decided within {hour} after it passed last. Said."));
}

/// What rules do about a verdict that has stood for a minute.
fn done(release: &Release, verdict: &Verdict) -> &'static str {
    let by = Actor::Automation { rule: Rule::ConfirmObserved };
    let release = acted(release.clone(), Command::RecordVerdict(Box::new(verdict.clone())), &by, verdict.at);
    let weight = release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight);
    let observed = Some((weight, "proxy"));
    let world = World {
        release: &release,
        verdict: Some((0, verdict)),
        observed,
        saga: None,
        held: false,
        no_room: None,
        frozen: false,
    };
    let mut effects = reconcile(&world, verdict.at + Span::from_secs(60));
    assert!(effects.len() <= 1, "one decision at a time: {effects:?}");
    match effects.pop() {
        None => "nothing",
        Some(Effect::Decide { rule: Rule::PromoteOnPass, .. }) => "promoted",
        Some(Effect::Decide { rule: Rule::RollBackOnFail, command: Command::Rollback { reason, .. } }) => {
            assert_eq!(reason, verdict.sentence, "both sources are in the reason");
            "rolled back"
        }
        Some(Effect::Decide { rule: Rule::HoldWithoutEvidence, .. }) => "held",
        Some(other) => panic!("unexpected: {other:?}"),
    }
}

#[test]
fn given_any_two_verdicts_then_only_two_passes_promote_and_only_a_fail_rolls_back() {
    let release = baked();
    let mut counts = std::collections::BTreeMap::new();
    for one in ORDER {
        for two in ORDER {
            let verdict = worse_of(said(one, "One."), said(two, "Two."), &names());
            let both = [one, two];
            let expected = if both.contains(&Fail) {
                "rolled back"
            } else if both.iter().any(|kind| matches!(kind, ConfigError | ProviderDown | NoData)) {
                "held"
            } else if both == [Pass, Pass] {
                "promoted"
            } else {
                "nothing"
            };
            assert_eq!(done(&release, &verdict), expected, "{one:?} and {two:?}");
            *counts.entry(expected).or_insert(0) += 1;
        }
    }
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("held", 27), ("nothing", 8), ("promoted", 1), ("rolled back", 13)]
    );
}

#[test]
fn given_a_release_held_without_evidence_of_one_source_when_the_other_fails_then_it_is_rolled_back() {
    let cause = HoldCause::NoEvidence { verdict: ProviderDown };
    let by = Actor::Automation { rule: Rule::HoldWithoutEvidence };
    let silent = worse_of(said(Pass, "One."), said(ProviderDown, "Two."), &names());
    let at = silent.at;
    let held = acted(baked(), Command::RecordVerdict(Box::new(silent)), &by, at);
    let held = acted(held, Command::Hold { cause, reason: "silent".into() }, &by, at);
    let failed = worse_of(said(Fail, "One."), said(ProviderDown, "Two."), &names());
    assert_eq!(done(&held, &failed), "rolled back");
    let silent = worse_of(said(Suspect, "One."), said(NoData, "Two."), &names());
    assert_eq!(done(&held, &silent), "nothing", "what is only suspect waits, and the silent one keeps it held");
}

/// Two sources under judgement, tick by tick.
struct Both {
    policy: Policy,
    states: (JudgeState, JudgeState),
    number: u64,
}

impl Both {
    fn new() -> Both {
        Both { policy: errors_guarded(), states: Default::default(), number: 0 }
    }

    fn tick(&mut self, first: Option<Counts>, second: Option<Counts>) -> Verdict {
        self.number += 1;
        let at = Timestamp::from_secs(1_000 + 10 * self.number as i64);
        let tick = |canary: Option<Counts>| Tick {
            number: self.number,
            at,
            span: INTERVAL,
            baseline: canary.map_or(arm(Data::Missing), |_| complete(instance(HEALTHY))),
            canary: canary.map_or(arm(Data::Missing), |canary| complete(instance(canary))),
            failure: canary
                .is_none()
                .then(|| SourceFailure::Down { source_name: "prometheus".into(), detail: "refused".into() }),
            warnings: vec![],
        };
        let (one, two) = (tick(first), tick(second));
        let before = self.states.clone();
        let verdict = judge_both((&mut self.states.0, &one), (&mut self.states.1, &two), &names(), &self.policy);
        // Stored and read again, the same inputs give the same verdict, to the last bit.
        let stored = serde_json::to_value((&before, &one, &two, &self.policy)).expect("JSON");
        let (mut states, one, two, policy): ((JudgeState, JudgeState), Tick, Tick, Policy) =
            serde_json::from_value(stored).expect("and back");
        let again = judge_both((&mut states.0, &one), (&mut states.1, &two), &names(), &policy);
        assert_eq!(serde_json::to_string(&again).ok(), serde_json::to_string(&verdict).ok());
        verdict
    }

    fn times(&mut self, n: usize, first: Option<Counts>, second: Option<Counts>) -> Verdict {
        (0..n).map(|_| self.tick(first, second)).last().expect("at least one tick")
    }
}

#[test]
fn given_two_sources_that_disagree_then_each_is_judged_as_if_it_were_alone_and_the_worse_rules() {
    for (first, second, rules) in [(BROKEN, CANARY, Source::First), (CANARY, BROKEN, Source::Second)] {
        let (mut both, mut one, mut two) = (Both::new(), Run::new(errors_guarded()), Run::new(errors_guarded()));
        let (mut failed, mut verdict) = (0, None);
        for _ in 0..SHOWN {
            let ruling = both.tick(Some(first), Some(second));
            assert_eq!(ruling.of(Source::First), Some(one.tick(HEALTHY, first)));
            assert_eq!(ruling.of(Source::Second), Some(two.tick(HEALTHY, second)));
            failed += usize::from(ruling.kind == Fail);
            verdict = Some(ruling);
        }
        let verdict = verdict.expect("judged");
        assert_eq!((verdict.kind, verdict.judge_version.as_str()), (Fail, PAIR_VERSION));
        assert!(failed > 5, "{failed}");
        let pair = verdict.pair.as_ref().expect("two sources");
        assert_eq!((pair.rules, pair.other.kind), (rules, Pass), "{}", verdict.sentence);
        assert!(verdict.sentence.ends_with("pass. The worse rules."), "{}", verdict.sentence);
    }
    let passed = Both::new().times(SHOWN, Some(CANARY), Some(CANARY));
    assert_eq!(passed.kind, Pass, "{}", passed.sentence);
}

#[test]
fn given_one_source_is_silent_then_the_other_never_promotes_and_still_rolls_back() {
    for second in [false, true] {
        let turned = |living: Counts| if second { (None, Some(living)) } else { (Some(living), None) };
        let mut both = Both::new();
        let (one, two) = turned(CANARY);
        for _ in 0..3 * SHOWN {
            let verdict = both.tick(one, two);
            assert_eq!(verdict.kind, ProviderDown, "{}", verdict.sentence);
        }
        let (one, two) = turned(BROKEN);
        let verdict = both.times(SHOWN, one, two);
        assert_eq!(verdict.kind, Fail, "{}", verdict.sentence);
        assert!(verdict.sentence.ends_with("provider down. The worse rules."), "{}", verdict.sentence);
    }
    let silent = Both::new().times(SHOWN, None, None);
    assert_eq!(silent.kind, ProviderDown, "{}", silent.sentence);
}

#[test]
fn given_a_verdict_of_one_source_then_it_is_stored_as_it_always_was() {
    let verdict = Run::new(errors_guarded()).times(SHOWN, HEALTHY, CANARY);
    let stored = serde_json::to_value(&verdict).expect("JSON");
    assert!(stored.get("pair").is_none(), "{stored}");
    assert_eq!(verdict.of(Source::First), Some(verdict.clone()));
    assert_eq!((verdict.of(Source::Second), verdict.own_sentence()), (None, verdict.sentence.as_str()));
    assert!(PAIR_VERSION.starts_with(&format!("{JUDGE_VERSION}+")), "a new judge is a new judge of two as well");
}
