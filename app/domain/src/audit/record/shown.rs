//! Whether a decision shows what its entry says, told without writing what it should show: it is held piece by piece
//! against what is there. For whoever checks a million of them.

use super::beside::Texts;
use super::{Field, Finding, Record, What, Who};
use crate::actor::{AUTOMATION, Actor};
use crate::time::Timestamp;
use uuid::Uuid;

/// A decision as a store keeps it for lists and searches; names and numbers as they are written there. Bytes, because what is
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
        Some(())
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
}

#[cfg(test)]
mod tests;
