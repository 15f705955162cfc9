//! From what is known of an act to its leaf, and back as far as the texts are still there.

use super::super::commitment::{Commitment, Field, Opening, Salt};
use super::super::{Entry, MAX_ENTRY_BYTES, Origin, Outcome, Target, canonical};
use super::{Door, Finding, PointsBack, RECORD_VERSION, Record, What, Who, Word, WordError};
use crate::actor::Actor;
use crate::id::Digest;

/// What an entry refers to besides its own act.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Bodies too large for an entry.
    pub documents: Vec<Digest>,
    pub points_back: Vec<PointsBack>,
}

/// A leaf and what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub record: Record,
    /// What is hashed and stored.
    pub bytes: Vec<u8>,
    /// Salts and texts, to be stored where they can be removed.
    pub openings: Vec<Opening>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the entry has {0} bytes, at most {MAX_ENTRY_BYTES} fit; store the large part by digest")]
    Long(usize),
    #[error("the `{field}` of an entry: {error}")]
    Word { field: &'static str, error: WordError },
    #[error("the entry holds a time that cannot be written: {0}")]
    Time(canonical::NotCanonical),
    #[error("an entry has at most 65,535 effects, overridden rules and names, this one has {0}")]
    Many(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    #[error("the text of `{0}` is not the one that was written down")]
    Changed(Field),
    #[error("there is a text of `{0}`, of which the entry knows nothing")]
    Unknown(Field),
    #[error("there are two texts of `{0}`")]
    Twice(Field),
}

/// Commits to texts one after the other, each with its own salt.
struct Sealer<S> {
    salt: S,
    openings: Vec<Opening>,
}

impl<S: FnMut() -> Salt> Sealer<S> {
    /// NUL, which databases cannot keep in text, becomes U+FFFD.
    fn text(&mut self, field: Field, text: &str) -> Commitment {
        let opening = Opening { field, salt: (self.salt)(), text: text.replace('\0', "\u{fffd}") };
        let commitment = Commitment::new(field, opening.salt, &opening.text);
        self.openings.push(opening);
        commitment
    }

    fn texts(&mut self, field: fn(u16) -> Field, texts: &[String]) -> Result<Vec<Commitment>, SealError> {
        if texts.len() > usize::from(u16::MAX) {
            return Err(SealError::Many(texts.len()));
        }
        Ok((0..=u16::MAX).zip(texts).map(|(at, text)| self.text(field(at), text)).collect())
    }

    fn who(&mut self, actor: &Actor) -> Who {
        match actor {
            Actor::Person { id, name, role } => {
                Who::Person { id: *id, name: self.text(Field::ActorName, name), role: *role }
            }
            Actor::Token { id, name, owner, owner_name, role } => Who::Token {
                id: *id,
                name: self.text(Field::ActorName, name),
                owner: *owner,
                owner_name: self.text(Field::OwnerName, owner_name),
                role: *role,
            },
            Actor::Automation { rule } => Who::Automation { rule: *rule },
            Actor::Anonymous => Who::Anonymous {},
        }
    }

    fn what(&mut self, target: &Target) -> Result<What, SealError> {
        Ok(match target {
            Target::Release { id, service } => What::Release { id: *id, service: service.clone() },
            Target::Service { name } => What::Service { name: name.clone() },
            Target::Flag { key, environment } => What::Flag { key: key.clone(), environment: environment.clone() },
            Target::Configuration { names } => What::Configuration { names: self.texts(Field::Target, names)? },
            Target::Account { name } => What::Account { name: self.text(Field::Target(0), name) },
            Target::Unknown { text } => What::Unknown { text: self.text(Field::Target(0), text) },
        })
    }

    fn door(&mut self, origin: &Origin) -> Result<Door, SealError> {
        let word =
            |field: &'static str, given: &str| Word::new(given).map_err(|error| SealError::Word { field, error });
        Ok(Door {
            transport: word("transport", &origin.transport)?,
            request_id: origin.request_id.as_deref().map(|id| word("request id", id)).transpose()?,
            trace_id: origin.trace_id.as_deref().map(|id| word("trace id", id)).transpose()?,
            ip: origin.ip.as_deref().map(|ip| self.text(Field::Ip, ip)),
            user_agent: origin.user_agent.as_deref().map(|agent| self.text(Field::UserAgent, agent)),
        })
    }
}

impl Record {
    /// The leaf of an act. `salt` must give 32 new random bytes at each call.
    pub fn seal(entry: &Entry, links: &Links, salt: impl FnMut() -> Salt) -> Result<Sealed, SealError> {
        let mut sealer = Sealer { salt, openings: Vec::new() };
        let action = Word::new(&entry.action).map_err(|error| SealError::Word { field: "action", error })?;
        let record = Record {
            v: RECORD_VERSION,
            id: entry.id,
            at: entry.at,
            occurred: entry.occurred,
            actor: sealer.who(&entry.actor),
            action,
            target: sealer.what(&entry.target)?,
            expected_version: entry.expected_version,
            reason: sealer.text(Field::Reason, &entry.reason),
            outcome: match &entry.outcome {
                Outcome::Accepted => Finding::Accepted {},
                Outcome::Refused { why } => Finding::Refused { why: sealer.text(Field::Why, why) },
            },
            evidence: entry.evidence.clone(),
            plan: entry.plan.clone(),
            runbooks: entry.runbooks.clone(),
            documents: links.documents.clone(),
            overridden: sealer.texts(Field::Overridden, &entry.overridden)?,
            effects: sealer.texts(Field::Effect, &entry.effects)?,
            points_back: links.points_back.clone(),
            origin: sealer.door(&entry.origin)?,
        };
        let bytes = record.bytes()?;
        Ok(Sealed { record, bytes, openings: sealer.openings })
    }

    /// The bytes that are hashed.
    pub fn bytes(&self) -> Result<Vec<u8>, SealError> {
        let value = serde_json::to_value(self).expect("a record holds only texts, whole numbers and lists");
        let bytes = canonical::canonical_json(&value).into_bytes();
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(SealError::Long(bytes.len()));
        }
        // Only a time can be out of range; everything else is written canonically.
        canonical::check(&bytes).map_err(SealError::Time)?;
        Ok(bytes)
    }

    /// Each text of the entry, if its opening is still there and the right one. An opening that does not fit is an
    /// error: then somebody wrote another text beside the leaf.
    pub fn texts<'o>(&self, openings: &'o [Opening]) -> Result<Vec<(Field, Option<&'o str>)>, OpeningError> {
        let committed = self.commitments();
        for (at, opening) in openings.iter().enumerate() {
            if !committed.iter().any(|(field, _)| *field == opening.field) {
                return Err(OpeningError::Unknown(opening.field));
            }
            if openings[..at].iter().any(|other| other.field == opening.field) {
                return Err(OpeningError::Twice(opening.field));
            }
        }
        let text = |(field, commitment): (Field, Commitment)| {
            let opening = openings.iter().find(|opening| opening.field == field);
            match opening {
                Some(opening) if !commitment.opens(opening) => Err(OpeningError::Changed(field)),
                opening => Ok((field, opening.map(|opening| opening.text.as_str()))),
            }
        };
        committed.into_iter().map(text).collect()
    }

    /// The act as it was known, every removed text replaced by `redacted`.
    pub fn open(&self, openings: &[Opening], redacted: &str) -> Result<Entry, OpeningError> {
        let texts = self.texts(openings)?;
        Ok(self.told(|wanted| {
            let found = texts.iter().find(|(field, _)| *field == wanted);
            found.and_then(|(_, text)| *text).unwrap_or(redacted).to_owned()
        }))
    }

    /// The act with these texts, whether or not they are those that were committed to.
    pub fn told(&self, text: impl Fn(Field) -> String) -> Entry {
        let list = |field: fn(u16) -> Field, all: &[Commitment]| -> Vec<String> {
            (0..=u16::MAX).zip(all).map(|(at, _)| text(field(at))).collect()
        };
        Entry {
            v: self.v,
            id: self.id,
            at: self.at,
            occurred: self.occurred,
            actor: match &self.actor {
                Who::Person { id, role, .. } => Actor::Person { id: *id, name: text(Field::ActorName), role: *role },
                Who::Token { id, owner, role, .. } => Actor::Token {
                    id: *id,
                    name: text(Field::ActorName),
                    owner: *owner,
                    owner_name: text(Field::OwnerName),
                    role: *role,
                },
                Who::Automation { rule } => Actor::Automation { rule: *rule },
                Who::Anonymous {} => Actor::Anonymous,
            },
            action: self.action.as_str().to_owned(),
            target: match &self.target {
                What::Release { id, service } => Target::Release { id: *id, service: service.clone() },
                What::Service { name } => Target::Service { name: name.clone() },
                What::Flag { key, environment } => Target::Flag { key: key.clone(), environment: environment.clone() },
                What::Configuration { names } => Target::Configuration { names: list(Field::Target, names) },
                What::Account { .. } => Target::Account { name: text(Field::Target(0)) },
                What::Unknown { .. } => Target::Unknown { text: text(Field::Target(0)) },
            },
            expected_version: self.expected_version,
            reason: text(Field::Reason),
            outcome: match &self.outcome {
                Finding::Accepted {} => Outcome::Accepted,
                Finding::Refused { .. } => Outcome::Refused { why: text(Field::Why) },
            },
            evidence: self.evidence.clone(),
            plan: self.plan.clone(),
            runbooks: self.runbooks.clone(),
            overridden: list(Field::Overridden, &self.overridden),
            effects: list(Field::Effect, &self.effects),
            origin: Origin {
                transport: self.origin.transport.as_str().to_owned(),
                request_id: self.origin.request_id.as_ref().map(|id| id.as_str().to_owned()),
                trace_id: self.origin.trace_id.as_ref().map(|id| id.as_str().to_owned()),
                ip: self.origin.ip.map(|_| text(Field::Ip)),
                user_agent: self.origin.user_agent.map(|_| text(Field::UserAgent)),
            },
        }
    }
}
