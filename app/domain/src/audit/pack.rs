//! What an evidence pack is asked for, and what must be in it so that nothing can be left out unnoticed.
//!
//! A pack holds a stretch of the log without gaps: every sealed entry from its first to its last, so that whoever has the
//! signed root sees whether one is missing. Those that were asked for are *chosen*: their texts stand beside them. Of the
//! others there are the sealed bytes alone, which hold no names and no free text, and say enough to see that they were
//! not asked for.

use super::Target;
use super::record::{Leaf, What};
use crate::id::{DecisionId, ReleaseId, ServiceName};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Asked {
    Decision {
        id: DecisionId,
    },
    /// Everything decided about a release.
    Release {
        id: ReleaseId,
    },
    /// Everything written down from a moment on and before another one, of one service if it is named.
    Period {
        #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
        from: Timestamp,
        #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
        to: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<ServiceName>,
    },
}

fn to_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

/// What is missing at an end of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Open {
    #[error(
        "entry {index} is the first one here and lies within the period: nothing shows what was written before it, from \
         {from} on"
    )]
    Begin { index: u64, from: Timestamp },
    #[error(
        "entry {index} is the last one here and lies within the period: nothing shows what was written after it, before \
         {to}"
    )]
    End { index: u64, to: Timestamp },
    #[error("no entry is here, so nothing shows that there was none in the period")]
    Nothing,
}

impl Asked {
    /// Whether an entry was asked for.
    pub fn chooses(&self, leaf: &Leaf) -> bool {
        match self {
            Asked::Decision { id } => leaf.id() == *id,
            Asked::Release { id } => leaf.release() == Some(*id),
            Asked::Period { from, to, service } => {
                let within = (*from..*to).contains(&leaf.at());
                within && service.as_ref().is_none_or(|service| leaf.service() == Some(service))
            }
        }
    }

    /// Whether the ends of a stretch show that nothing lies beyond them: an entry on either side of the period, or the
    /// beginning of the log, or the end of what was signed. Taken at its word is the clock: entries are dated in the
    /// order in which they were written, and where they are not, the verifier says so.
    pub fn closed(
        &self,
        first: Option<(u64, Timestamp)>,
        last: Option<(u64, Timestamp)>,
        size: u64,
    ) -> Result<(), Open> {
        let Asked::Period { from, to, .. } = self else { return Ok(()) };
        let (Some((begin, dated)), Some((end, until))) = (first, last) else {
            return if size == 0 { Ok(()) } else { Err(Open::Nothing) };
        };
        if begin > 0 && dated >= *from {
            return Err(Open::Begin { index: begin, from: *from });
        }
        if end + 1 < size && until < *to {
            return Err(Open::End { index: end, to: *to });
        }
        Ok(())
    }
}

impl Leaf {
    pub fn id(&self) -> DecisionId {
        match self {
            Leaf::Clear(entry) => entry.id,
            Leaf::Sealed(record) => record.id,
        }
    }

    /// The release it is about.
    pub fn release(&self) -> Option<ReleaseId> {
        match self {
            Leaf::Clear(entry) => match &entry.target {
                Target::Release { id, .. } => Some(*id),
                _ => None,
            },
            Leaf::Sealed(record) => match &record.target {
                What::Release { id, .. } => Some(*id),
                _ => None,
            },
        }
    }

    /// The service it is about, or that its release is of.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Leaf::Clear(entry) => match &entry.target {
                Target::Release { service, .. } => Some(service),
                Target::Service { name } => Some(name),
                _ => None,
            },
            Leaf::Sealed(record) => match &record.target {
                What::Release { service, .. } => Some(service),
                What::Service { name } => Some(name),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::audit::commitment::Salt;
    use crate::audit::record::{Links, Record};
    use crate::audit::{Entry, Origin, Outcome};
    use uuid::Uuid;

    fn leaf(n: u128, at: i64, target: Target) -> Leaf {
        let entry = Entry {
            v: 2,
            id: DecisionId(Uuid::from_u128(n)),
            at: Timestamp(at),
            occurred: None,
            actor: Actor::Anonymous,
            action: "promote".into(),
            target,
            expected_version: None,
            reason: "a test".into(),
            outcome: Outcome::Accepted,
            evidence: None,
            plan: None,
            runbooks: vec![],
            overridden: vec![],
            effects: vec![],
            origin: Origin { transport: "api".into(), ..Origin::default() },
        };
        let sealed = Record::seal(&entry, &Links::default(), || Salt([7; 32])).expect("it fits");
        Leaf::decode(&sealed.bytes).expect("as it was sealed")
    }

    fn of(service: &str) -> Target {
        let service = ServiceName::new(service).expect("a name");
        Target::Release { id: ReleaseId(Uuid::from_u128(9)), service }
    }

    fn period(service: Option<&str>) -> Asked {
        let service = service.map(|name| ServiceName::new(name).expect("a name"));
        Asked::Period { from: Timestamp(10), to: Timestamp(20), service }
    }

    #[test]
    fn given_a_question_then_it_chooses_what_it_names() {
        let shop = leaf(1, 10, of("checkout"));
        assert!(Asked::Decision { id: DecisionId(Uuid::from_u128(1)) }.chooses(&shop));
        assert!(!Asked::Decision { id: DecisionId(Uuid::from_u128(2)) }.chooses(&shop));
        assert!(Asked::Release { id: ReleaseId(Uuid::from_u128(9)) }.chooses(&shop));
        assert!(!Asked::Release { id: ReleaseId(Uuid::from_u128(8)) }.chooses(&shop));
        assert!(period(None).chooses(&shop) && period(Some("checkout")).chooses(&shop));
        assert!(!period(Some("search")).chooses(&shop));
        assert!(!period(None).chooses(&leaf(1, 20, of("checkout"))), "its end does not belong to it");
        let account = leaf(1, 15, Target::Account { name: "maya".into() });
        assert!(period(None).chooses(&account) && !period(Some("checkout")).chooses(&account));
    }

    #[test]
    fn given_a_stretch_then_both_its_ends_must_lie_outside_of_the_period() {
        let at = |index, micros| Some((index, Timestamp(micros)));
        assert_eq!(period(None).closed(at(4, 9), at(8, 20), 100), Ok(()));
        assert_eq!(period(None).closed(at(0, 12), at(8, 15), 9), Ok(()), "the whole log");
        let open = Open::Begin { index: 4, from: Timestamp(10) };
        assert_eq!(period(None).closed(at(4, 10), at(8, 20), 100), Err(open));
        let open = Open::End { index: 8, to: Timestamp(20) };
        assert_eq!(period(None).closed(at(4, 9), at(8, 19), 100), Err(open));
        assert_eq!(period(None).closed(None, None, 100), Err(Open::Nothing));
        assert_eq!(period(None).closed(None, None, 0), Ok(()));
        assert_eq!(Asked::Release { id: ReleaseId(Uuid::nil()) }.closed(at(4, 15), at(4, 15), 100), Ok(()));
    }

    #[test]
    fn given_a_question_then_it_is_written_with_times_that_people_read() {
        let text = serde_json::to_string(&period(Some("checkout"))).expect("JSON");
        assert!(text.contains(r#""from":"1970-01-01T00:00:00.000010Z""#), "{text}");
        assert_eq!(serde_json::from_str::<Asked>(&text).expect("as written"), period(Some("checkout")));
        assert!(serde_json::from_str::<Asked>(&text.replace("}", r#","more":1}"#)).is_err());
    }
}
