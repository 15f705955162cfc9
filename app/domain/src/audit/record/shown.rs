//! Whether a decision shows what its entry says, told without writing what it should show: it is held piece by piece
//! against what is there. For whoever checks a million of them.

use super::beside::Texts;
use super::{Field, Finding, Record, What, Who};
use crate::actor::{AUTOMATION, Actor};
use crate::time::Timestamp;
use serde::Serialize;
use std::io;
use uuid::Uuid;

/// A decision as a store keeps it for pages and lists; names and numbers as they are written there. Bytes, because what is
/// the same as a text is one.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub id: &'a [u8],
    pub at: Timestamp,
    /// [`Actor::key`] and [`Actor::label`].
    pub actor_key: &'a [u8],
    pub actor_label: &'a [u8],
    pub action: &'a [u8],
    pub release: Option<&'a [u8]>,
    pub service: Option<&'a [u8]>,
    /// `accepted` or `refused`.
    pub outcome: &'a [u8],
    pub reason: &'a [u8],
    pub evidence: Option<&'a [u8]>,
    /// JSON of the [`Entry`](super::super::Entry).
    pub body: &'a [u8],
}

impl Record {
    /// Which texts are gone, if the others are those that were committed to and the decision shows, to the byte, what
    /// would be written of the entry, with `instead` in the place of each text that is gone.
    ///
    /// `None` says only that something is not so: the same may be said in other bytes. [`Record::open`] tells.
    pub fn shown_by(&self, shown: &Shown<'_>, texts: &Texts, instead: &str) -> Option<Vec<Field>> {
        let committed = self.commitments();
        if !texts.open(&committed) {
            return None;
        }
        let act = Act { record: self, texts, instead };
        act.is(shown)?;
        Some(committed.into_iter().map(|(field, _)| field).filter(|field| texts.get(*field).is_none()).collect())
    }
}

/// What is known of an act. `Some` says that what is there is what is written of it.
struct Act<'a> {
    record: &'a Record,
    texts: &'a Texts,
    instead: &'a str,
}

impl<'a> Act<'a> {
    fn text(&self, field: Field) -> &'a str {
        self.texts.get(field).unwrap_or(self.instead)
    }

    fn is(&self, shown: &Shown<'_>) -> Option<()> {
        let Act { record, .. } = self;
        let outcome = if matches!(record.outcome, Finding::Accepted {}) { "accepted" } else { "refused" };
        let plain = shown.at == record.at
            && shown.action == record.action.as_str().as_bytes()
            && shown.outcome == outcome.as_bytes()
            && shown.evidence == record.evidence.as_ref().map(|digest| digest.as_str().as_bytes())
            // A column has no NUL, and a text may.
            && shown.reason == self.text(Field::Reason).as_bytes()
            && !shown.reason.contains(&0)
            && !shown.actor_label.contains(&0);
        if !plain {
            return None;
        }
        whole(shown.id, |same| same.id(record.id.0))?;
        whole(shown.actor_key, |same| self.key(same))?;
        whole(shown.actor_label, |same| self.label(same))?;
        let service = match &record.target {
            What::Release { id, service } => {
                whole(shown.release?, |same| same.id(id.0))?;
                Some(service)
            }
            What::Service { name } => Some(name),
            _ => None,
        };
        let released = matches!(record.target, What::Release { .. });
        if shown.release.is_some() != released || shown.service != service.map(|name| name.as_str().as_bytes()) {
            return None;
        }
        whole(shown.body, |same| self.body(same))
    }

    fn key(&self, same: &mut Same<'_>) -> Option<()> {
        match &self.record.actor {
            Who::Person { id, .. } => same.is("person:")?.id(id.0),
            Who::Token { id, .. } => same.is("token:")?.id(id.0),
            Who::Automation { rule } => same.is("automation:")?.is(rule.as_str()).map(drop),
            Who::Anonymous {} => same.is("anonymous").map(drop),
        }
    }

    fn label(&self, same: &mut Same<'_>) -> Option<()> {
        match &self.record.actor {
            Who::Person { .. } => same.is(self.text(Field::ActorName))?,
            Who::Token { .. } => same.is(self.text(Field::ActorName))?.is(" for ")?.is(self.text(Field::OwnerName))?,
            Who::Automation { rule } => same.is(AUTOMATION)?.is(rule.as_str())?,
            Who::Anonymous {} => same.is(&Actor::Anonymous.label())?,
        };
        Some(())
    }

    /// In the order of the fields of an [`Entry`](super::super::Entry).
    fn body(&self, same: &mut Same<'_>) -> Option<()> {
        let Act { record, .. } = self;
        same.is("{\"v\":")?.json(&record.v)?;
        same.is(",\"id\":\"")?.id(record.id.0)?;
        same.is("\",\"at\":")?.json(&record.at)?;
        if let Some(occurred) = &record.occurred {
            same.is(",\"occurred\":")?.json(occurred)?;
        }
        self.actor(same)?;
        same.is(",\"action\":")?.quoted(record.action.as_str())?;
        self.target(same)?;
        if let Some(version) = &record.expected_version {
            same.is(",\"expected_version\":")?.json(version)?;
        }
        same.is(",\"reason\":")?.quoted(self.text(Field::Reason))?;
        match record.outcome {
            Finding::Accepted {} => same.is(",\"outcome\":{\"kind\":\"accepted\"}")?,
            Finding::Refused { .. } => {
                same.is(",\"outcome\":{\"kind\":\"refused\",\"why\":")?.quoted(self.text(Field::Why))?;
                same.is("}")?
            }
        };
        for (name, digest) in [(",\"evidence\":", &record.evidence), (",\"plan\":", &record.plan)] {
            if let Some(digest) = digest {
                same.is(name)?.quoted(digest.as_str())?;
            }
        }
        same.list(",\"runbooks\":", record.runbooks.iter().map(|digest| digest.as_str()))?;
        self.numbered(same, ",\"overridden\":", Field::Overridden, record.overridden.len())?;
        self.numbered(same, ",\"effects\":", Field::Effect, record.effects.len())?;
        let origin = &record.origin;
        same.is(",\"origin\":{\"transport\":")?.quoted(origin.transport.as_str())?;
        let rest = [
            (",\"request_id\":", origin.request_id.as_ref().map(|id| id.as_str())),
            (",\"trace_id\":", origin.trace_id.as_ref().map(|id| id.as_str())),
            (",\"ip\":", origin.ip.map(|_| self.text(Field::Ip))),
            (",\"user_agent\":", origin.user_agent.map(|_| self.text(Field::UserAgent))),
        ];
        for (name, text) in rest {
            if let Some(text) = text {
                same.is(name)?.quoted(text)?;
            }
        }
        same.is("}}").map(drop)
    }

    fn actor(&self, same: &mut Same<'_>) -> Option<()> {
        same.is(",\"actor\":{\"kind\":\"")?;
        match &self.record.actor {
            Who::Person { id, role, .. } => {
                same.is("person\",\"id\":\"")?.id(id.0)?;
                same.is("\",\"name\":")?.quoted(self.text(Field::ActorName))?;
                same.is(",\"role\":")?.quoted(role.as_str())?;
            }
            Who::Token { id, owner, role, .. } => {
                same.is("token\",\"id\":\"")?.id(id.0)?;
                same.is("\",\"name\":")?.quoted(self.text(Field::ActorName))?;
                same.is(",\"owner\":\"")?.id(owner.0)?;
                same.is("\",\"owner_name\":")?.quoted(self.text(Field::OwnerName))?;
                same.is(",\"role\":")?.quoted(role.as_str())?;
            }
            Who::Automation { rule } => same.is("automation\",\"rule\":")?.quoted(rule.as_str())?,
            Who::Anonymous {} => return same.is("anonymous\"}").map(drop),
        }
        same.is("}").map(drop)
    }

    fn target(&self, same: &mut Same<'_>) -> Option<()> {
        same.is(",\"target\":{\"kind\":\"")?;
        match &self.record.target {
            What::Release { id, service } => {
                same.is("release\",\"id\":\"")?.id(id.0)?;
                same.is("\",\"service\":")?.quoted(service.as_str())?;
            }
            What::Service { name } => same.is("service\",\"name\":")?.quoted(name.as_str())?,
            What::Flag { key, environment } => {
                same.is("flag\",\"key\":")?.quoted(key.as_str())?;
                same.is(",\"environment\":")?.quoted(environment.as_str())?;
            }
            What::Configuration { names } => {
                same.is("configuration\",\"names\":")?.items((0..names.len()).map(|at| self.nth(Field::Target, at)))?;
            }
            What::Account { .. } => same.is("account\",\"name\":")?.quoted(self.text(Field::Target(0)))?,
            What::Unknown { .. } => same.is("unknown\",\"text\":")?.quoted(self.text(Field::Target(0)))?,
        }
        same.is("}").map(drop)
    }

    fn numbered(&self, same: &mut Same<'_>, name: &str, field: fn(u16) -> Field, many: usize) -> Option<()> {
        same.list(name, (0..many).map(|at| self.nth(field, at)))
    }

    /// An entry has no more of a kind than a `u16` counts.
    fn nth(&self, field: fn(u16) -> Field, at: usize) -> &'a str {
        self.text(field(at as u16))
    }
}

/// All of it is what is taken from it.
fn whole(bytes: &[u8], take: impl FnOnce(&mut Same<'_>) -> Option<()>) -> Option<()> {
    let mut same = Same(bytes);
    take(&mut same)?;
    same.0.is_empty().then_some(())
}

/// What is left of what is there. Takes what should come next, and nothing else.
struct Same<'a>(&'a [u8]);

impl Same<'_> {
    fn is(&mut self, piece: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(piece.as_bytes())?;
        Some(self)
    }

    fn id(&mut self, id: Uuid) -> Option<()> {
        self.is(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())).map(drop)
    }

    /// A text in quotes, with escapes where it needs some.
    fn quoted(&mut self, text: &str) -> Option<()> {
        let special = |some, b| some | (b < b' ') | (b == b'"') | (b == b'\\');
        if text.bytes().fold(false, special) {
            return self.json(text);
        }
        self.is("\"")?.is(text)?.is("\"").map(drop)
    }

    /// Left out when it is empty.
    fn list<'t>(&mut self, name: &str, texts: impl ExactSizeIterator<Item = &'t str>) -> Option<()> {
        if texts.len() == 0 { Some(()) } else { self.is(name)?.items(texts) }
    }

    fn items<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Option<()> {
        self.is("[")?;
        for (at, text) in texts.enumerate() {
            if at > 0 {
                self.is(",")?;
            }
            self.quoted(text)?;
        }
        self.is("]").map(drop)
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Option<()> {
        serde_json::to_writer(self, value).ok()
    }
}

impl io::Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
