//! What follows from a rollback: the candidate is known bad, and rules stay off the service until a person resumes them.

use crate::actor::Actor;
use crate::artifact::{Artifact, Version};
use crate::id::{Digest, ReleaseId, ServiceName};
use crate::release::{Part, REASON_CHARS, Release, State};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A build that was taken back. Its digest counts, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBad {
    pub service: ServiceName,
    pub digest: Digest,
    pub version: Version,
    /// The release that was taken back.
    pub release: ReleaseId,
    /// Why it was taken back.
    pub why: String,
    pub at: Timestamp,
}

/// No rule starts, promotes or rolls back this service meanwhile. People may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomationHold {
    pub service: ServiceName,
    pub release: ReleaseId,
    pub why: String,
    pub since: Timestamp,
}

/// What every rollback so far leaves behind. Kept up by [`Aftermath::note`]; says nothing about releases it never saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aftermath {
    taken_back: BTreeMap<ReleaseId, Vec<TakenBack>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TakenBack {
    builds: Vec<(ServiceName, Artifact)>,
    why: String,
    at: Timestamp,
    resumed: Option<Timestamp>,
}

impl TakenBack {
    /// All that went back: parts, and the release itself. Nothing of what was undone.
    fn of(release: &Release) -> Vec<TakenBack> {
        let why = |by: &str, reason: &str| format!("{by}: {}", reason.trim_end_matches('.'));
        let part = |part: &Part| TakenBack {
            builds: part.components.iter().map(|one| (one.name.clone(), one.candidate.clone())).collect(),
            why: why(&part.by, &part.reason),
            at: part.at,
            resumed: part.resumed,
        };
        let mut taken: Vec<TakenBack> = release.parts.iter().map(part).collect();
        let back = matches!(release.state, State::RollingBack | State::RolledBack | State::PartiallyRolledBack);
        if let Some(order) = release.back.as_ref().filter(|_| back) {
            let goes = |name: &ServiceName| order.only.as_ref().is_none_or(|only| only.contains(name));
            let moves = release.moves().into_iter().filter(|(name, _)| goes(name));
            taken.push(TakenBack {
                builds: moves.map(|(name, build)| (name.clone(), build.clone())).collect(),
                why: why(&order.by, &order.reason),
                at: order.at,
                resumed: release.resumed.as_ref().map(|resumed| resumed.at),
            });
        }
        taken.retain(|taken| !taken.builds.is_empty());
        taken
    }

    fn has(&self, service: &ServiceName) -> bool {
        self.builds.iter().any(|(name, _)| name == service)
    }
}

impl Aftermath {
    /// Takes in where a release stands now.
    pub fn note(&mut self, release: &Release) {
        match TakenBack::of(release) {
            taken if taken.is_empty() => self.taken_back.remove(&release.id),
            taken => self.taken_back.insert(release.id, taken),
        };
    }

    fn all(&self) -> impl Iterator<Item = (&ReleaseId, &TakenBack)> {
        self.taken_back.iter().flat_map(|(id, taken)| taken.iter().map(move |taken| (id, taken)))
    }

    /// Builds of these services that were taken back, oldest first.
    pub fn known_bad<'a>(&self, services: impl IntoIterator<Item = &'a ServiceName>) -> Vec<KnownBad> {
        let services: Vec<&ServiceName> = services.into_iter().collect();
        let mut known: Vec<KnownBad> = self
            .all()
            .flat_map(|(id, taken)| taken.builds.iter().map(move |(name, build)| (id, taken, name, build)))
            .filter(|(_, _, name, _)| services.contains(name))
            .map(|(id, taken, name, build)| KnownBad {
                service: name.clone(),
                digest: build.digest.clone(),
                version: build.version.clone(),
                release: *id,
                why: taken.why.clone(),
                at: taken.at,
            })
            .collect();
        known.sort_by_key(|bad| bad.at);
        known
    }

    /// The newest rollback of a service after which nobody let rules act again. A person who does so for one release
    /// does so for everything that was taken back before.
    pub fn hold(&self, service: &ServiceName) -> Option<AutomationHold> {
        let resumed = self.all().filter(|(_, taken)| taken.has(service)).filter_map(|(_, taken)| taken.resumed).max();
        let open = self.all().filter(|(_, taken)| {
            taken.has(service) && taken.resumed.is_none() && resumed.is_none_or(|at| taken.at > at)
        });
        let (id, taken) = open.max_by_key(|(_, taken)| taken.at)?;
        Some(AutomationHold { service: service.clone(), release: *id, why: taken.why.clone(), since: taken.at })
    }

    /// Whether rules keep their hands off something because of this release.
    pub fn keeps_off(&self, release: &Release) -> bool {
        let taken = self.taken_back.get(&release.id).into_iter().flatten();
        let mut names = taken.flat_map(|taken| &taken.builds).map(|(name, _)| name);
        names.any(|name| self.hold(name).is_some_and(|hold| hold.release == release.id))
    }

    /// The hold on anything that moves in this release, by another one.
    pub fn hold_on(&self, release: &Release) -> Option<AutomationHold> {
        let holds = release.moves().into_iter().filter_map(|(name, _)| self.hold(name));
        holds.filter(|hold| hold.release != release.id).max_by_key(|hold| hold.since)
    }
}

/// Why not, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "`{service}` {version} ({digest}) is known bad: taken back {at}, {why}; start another build, or override with a reason",
        service = .0.service, version = .0.version, digest = .0.digest.short(), at = .0.at, why = .0.why
    )]
    KnownBad(Box<KnownBad>),
    #[error("a rule may not resume automation; a person does, with `sternway release resume-automation`")]
    OnlyPeople,
    #[error("the reason has {0} characters; say why in 3 to 2000")]
    Reason(usize),
}

/// Whether a candidate may be started. With a reason a known-bad build may; the result says what was overridden.
pub fn check_candidate(
    service: &ServiceName,
    candidate: &Artifact,
    known: &[KnownBad],
    override_reason: Option<&str>,
    by: &Actor,
) -> Result<Option<String>, Refusal> {
    let bad = known.iter().rev().find(|bad| bad.service == *service && bad.digest == candidate.digest);
    let Some(bad) = bad else { return Ok(None) };
    let Some(reason) = override_reason else { return Err(Refusal::KnownBad(Box::new(bad.clone()))) };
    check_person(by, reason)?;
    Ok(Some(format!("known bad since {}: {}", bad.at, bad.why)))
}

fn check_person(by: &Actor, reason: &str) -> Result<(), Refusal> {
    by.person().ok_or(Refusal::OnlyPeople)?;
    let chars = reason.trim().chars().count();
    if REASON_CHARS.contains(&chars) { Ok(()) } else { Err(Refusal::Reason(chars)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{Role, Rule};
    use crate::component::{Component, Layer};
    use crate::id::{PersonId, SagaId};
    use crate::release::{Command, Draft, PlanRef};
    use crate::saga::Outcome;
    use uuid::Uuid;

    fn maya() -> Actor {
        Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }
    }

    fn artifact(version: &str, bytes: &[u8]) -> Artifact {
        Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(bytes) }
    }

    fn bad() -> KnownBad {
        let build = artifact("1.42.0", b"bad");
        KnownBad {
            service: ServiceName::new("api").expect("plain"),
            digest: build.digest,
            version: build.version,
            release: ReleaseId(Uuid::nil()),
            why: "errors at 0.51\u{a0}%".into(),
            at: Timestamp::from_secs(1_700_000_000),
        }
    }

    #[test]
    fn given_a_known_bad_build_then_no_new_name_lets_it_through() {
        let (known, api) = ([bad()], bad().service);
        let renamed = artifact("1.42.1", b"bad");
        let refusal = check_candidate(&api, &renamed, &known, None, &maya()).expect_err("is refused");
        assert!(refusal.to_string().contains("is known bad: taken back 2023-11-14T22:13:20Z, errors at"), "{refusal}");
        let overridden = check_candidate(&api, &renamed, &known, Some("the cause was the database"), &maya());
        assert!(overridden.is_ok_and(|text| text.is_some()));
        let robot = Actor::Automation { rule: Rule::PromoteOnPass };
        assert_eq!(check_candidate(&api, &renamed, &known, Some("because"), &robot), Err(Refusal::OnlyPeople));
        assert_eq!(check_candidate(&api, &renamed, &known, Some("x"), &maya()), Err(Refusal::Reason(1)));
        assert_eq!(check_candidate(&api, &artifact("1.43.0", b"good"), &known, None, &maya()), Ok(None));
        let other = ServiceName::new("auth").expect("plain");
        assert_eq!(check_candidate(&other, &renamed, &known, None, &maya()), Ok(None));
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    /// A release of `api` that was started, with another service beside it.
    fn running(id: u128, build: &[u8], known_bad: Vec<KnownBad>) -> Result<Release, crate::release::Refusal> {
        let plan: crate::plan::Plan = serde_json::from_value(serde_json::json!({
            "name": "canary", "stages": [{"weight": 5, "bake": "1m"}, {"weight": 100, "bake": "1m"}], "guards": [{"metric": "errors"}],
        }))
        .expect("well-formed");
        let component = |name: &str, build: &[u8]| Component {
            name: ServiceName::new(name).expect("plain"),
            layer: Layer::default(),
            baseline: artifact("1.41.0", b"old"),
            candidate: artifact("1.42.0", build),
            needs: vec![],
            cells: vec![],
            features: vec![],
        };
        let draft = Draft {
            id: ReleaseId(Uuid::from_u128(id)),
            service: bad().service,
            baseline: artifact("1.41.0", b"old"),
            candidate: artifact("1.42.0", build),
            components: vec![component("api", build), component("auth", b"auth")],
            note: "pricing".into(),
            plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
            plan,
            checklist: None,
            known_bad: vec![],
            override_known_bad: false,
        };
        let created = Release::fold(&Release::create(draft, &maya(), at(0))?).expect("it is created");
        let reason = "as planned".to_owned();
        let start = Command::Start { runbooks: vec![], override_checklist: false, saga: None, known_bad, reason };
        after(created, start, at(1))
    }

    fn after(release: Release, command: Command, now: Timestamp) -> Result<Release, crate::release::Refusal> {
        let events = release.decide(command, &maya(), now)?;
        Ok(events.iter().fold(release, Release::evolve))
    }

    fn rolled_back(release: Release, only: Option<Vec<ServiceName>>, secs: i64) -> Release {
        let (saga, reason) = (Some(SagaId(Uuid::nil())), "errors at 0.51\u{a0}%".into());
        let ordered = after(release, Command::Rollback { saga, only, reason }, at(secs)).expect("it may go back");
        let done = Command::EndRollback { outcome: Outcome::Complete, summary: "1 of 1 back.".into() };
        after(ordered, done, at(secs + 1)).expect("it is done")
    }

    fn resume() -> Command {
        Command::ResumeAutomation { reason: "the cause is fixed".into() }
    }

    #[test]
    fn given_a_rollback_then_its_builds_are_known_bad_and_rules_wait_until_a_person_resumes_them() {
        let (api, auth) = (bad().service, ServiceName::new("auth").expect("plain"));
        let (first, later) = (running(1, b"bad", vec![]).expect("starts"), running(2, b"new", vec![]).expect("starts"));
        let mut aftermath = Aftermath::default();
        aftermath.note(&first);
        assert_eq!((aftermath.known_bad([&api]), aftermath.hold_on(&later)), (vec![], None));

        let first = rolled_back(first, None, 10);
        aftermath.note(&first);
        assert_eq!(aftermath.known_bad([&api, &auth]).len(), 2, "components count too");
        let hold = aftermath.hold_on(&later).expect("rules wait");
        assert_eq!((hold.release, hold.since), (first.id, at(10)));
        assert_eq!(hold.why, "Maya Ortiz: errors at 0.51\u{a0}%");
        assert_eq!(aftermath.hold_on(&first), None, "what went back is not held by itself");
        assert!(aftermath.keeps_off(&first) && !aftermath.keeps_off(&later));

        let robot = Actor::Automation { rule: Rule::ResumeOnEvidence };
        assert!(first.decide(resume(), &robot, at(20)).is_err(), "no rule lets itself act again");
        let first = after(first, resume(), at(20)).expect("a person may");
        assert!(after(first.clone(), resume(), at(21)).is_err(), "once is enough");
        aftermath.note(&first);
        assert_eq!((aftermath.hold_on(&later), aftermath.known_bad([&api]).len()), (None, 1), "bad it stays");
    }

    #[test]
    fn given_several_rollbacks_when_a_person_resumes_then_everything_before_is_resumed() {
        let api = bad().service;
        let [one, two] = [(1, 10), (2, 30)].map(|(id, secs)| {
            rolled_back(running(id, &[u8::try_from(id).expect("small")], vec![]).expect("starts"), None, secs)
        });
        let mut aftermath = Aftermath::default();
        [&one, &two].into_iter().for_each(|release| aftermath.note(release));
        assert_eq!(aftermath.hold(&api).map(|hold| hold.release), Some(two.id));
        aftermath.note(&after(one, resume(), at(20)).expect("a person may"));
        assert_eq!(aftermath.hold(&api).map(|hold| hold.release), Some(two.id), "resumed before the second went back");
        aftermath.note(&after(two, resume(), at(40)).expect("a person may"));
        assert_eq!(aftermath.hold(&api), None);
    }

    #[test]
    fn given_only_a_part_went_back_or_it_was_undone_then_the_rest_is_not_bad() {
        let (api, auth) = (bad().service, ServiceName::new("auth").expect("plain"));
        let mut aftermath = Aftermath::default();
        let part = rolled_back(running(1, b"bad", vec![]).expect("starts"), Some(vec![auth.clone()]), 10);
        aftermath.note(&part);
        assert!(aftermath.known_bad([&api]).is_empty() && aftermath.hold(&api).is_none());
        assert!(!aftermath.known_bad([&auth]).is_empty() && aftermath.hold(&auth).is_some());
        assert!(aftermath.keeps_off(&part), "rules wait because of it, although it goes on");

        // Resumed for the part, it stays so when the rest goes back; what is bad stays bad.
        let resumed = after(part, resume(), at(11)).expect("a person may");
        let rest = rolled_back(resumed, None, 12);
        aftermath.note(&rest);
        assert!(aftermath.hold(&auth).is_none() && aftermath.hold(&api).is_some());
        assert_eq!(aftermath.known_bad([&api, &auth]).len(), 2);

        // Only flags: nothing is bad, and nothing waits.
        let flags = rolled_back(running(3, b"flags", vec![]).expect("starts"), Some(vec![]), 10);
        let mut aftermath = Aftermath::default();
        aftermath.note(&flags);
        assert!(aftermath.known_bad([&api, &auth]).is_empty() && !aftermath.keeps_off(&flags));
        assert!(after(flags, resume(), at(11)).is_err(), "there is nothing to resume");

        let mut aftermath = Aftermath::default();
        let whole = running(2, b"other", vec![]).expect("starts");
        let order = Command::Rollback { saga: Some(SagaId(Uuid::nil())), only: None, reason: "errors".into() };
        let ordered = after(whole, order, at(12)).expect("it may go back");
        aftermath.note(&ordered);
        assert_eq!(aftermath.known_bad([&api]).len(), 1, "on its way back is bad already");
        let undone = Command::EndRollback { outcome: Outcome::Undone, summary: "taken back".into() };
        aftermath.note(&after(ordered, undone, at(13)).expect("it is recorded"));
        assert!(aftermath.known_bad([&api]).is_empty());
    }

    #[test]
    fn given_a_build_that_became_known_bad_when_started_then_refused_unless_overridden() {
        let refused = running(1, b"bad", vec![bad()]).expect_err("is refused");
        assert!(refused.to_string().contains("is known bad"), "{refused}");
    }
}
