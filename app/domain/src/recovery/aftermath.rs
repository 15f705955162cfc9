//! What follows from a rollback: the candidate is known bad, and rules stay off the service until a person resumes them.

use crate::actor::Actor;
use crate::artifact::{Artifact, Version};
use crate::id::{Digest, ReleaseId, ServiceName};
use crate::release::REASON_CHARS;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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

/// A hold that a person ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    pub hold: AutomationHold,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// Why not, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "`{service}` {version} ({digest}) is known bad: taken back {at}, {why}; start another build, or override with a reason",
        service = .0.service, version = .0.version, digest = .0.digest.short(), at = .0.at, why = .0.why
    )]
    KnownBad(Box<KnownBad>),
    #[error("only people may do this")]
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

/// The hold on a service, if there is one.
pub fn held<'a>(service: &ServiceName, holds: &'a [AutomationHold]) -> Option<&'a AutomationHold> {
    holds.iter().find(|hold| hold.service == *service)
}

impl AutomationHold {
    /// A person lets rules act again.
    pub fn lift(&self, by: &Actor, reason: &str, now: Timestamp) -> Result<Lifted, Refusal> {
        check_person(by, reason)?;
        Ok(Lifted { hold: self.clone(), by: by.label(), reason: reason.to_owned(), at: now })
    }
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
    use crate::id::PersonId;
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

    #[test]
    fn given_a_hold_then_only_a_person_with_a_reason_lifts_it() {
        let hold = AutomationHold {
            service: bad().service,
            release: bad().release,
            why: bad().why,
            since: Timestamp::from_secs(1),
        };
        assert!(held(&bad().service, std::slice::from_ref(&hold)).is_some());
        let robot = Actor::Automation { rule: Rule::ResumeOnEvidence };
        assert_eq!(hold.lift(&robot, "all is well", Timestamp::from_secs(2)), Err(Refusal::OnlyPeople));
        assert!(hold.lift(&maya(), "the cause is fixed", Timestamp::from_secs(2)).is_ok());
    }
}
