//! Another key for the log: rotated, or because the old one is lost. A decision like any other, in the log itself.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError};
use crate::notary::{self, KeyFault};
use crate::store::StoreError;
use crate::store::rows::{LogKeyWrite, Unit};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use sternway_domain::access::Action;
use sternway_domain::audit::keys::{KeyList, Statement};
use sternway_domain::audit::note::{SignerKey, VerifierKey};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::release::REASON_CHARS;
use sternway_domain::time::Span;
use utoipa::ToSchema;

/// An entry that is not signed for so long shows that nobody has the key: twice the lease of whoever signs.
const UNSIGNED_FOR: Span = Span::from_secs(20);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeKey {
    /// The old key is gone: the new one does not follow from it.
    pub lost: bool,
    pub reason: String,
}

/// Another key signs the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyChanged {
    /// `NAME+ID+BASE64`, as `/log/key` shows it.
    pub key: String,
    /// The one it takes the place of, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<String>,
    /// Whether the earlier key vouches for it.
    pub rotated: bool,
    /// How many entries the first checkpoint under it has. A rotation is signed by both keys there.
    pub from: i64,
    pub decision: DecisionBrief,
}

fn invalid(text: impl Into<String>) -> ServiceError {
    ServiceError::Invalid { field: String::new(), text: text.into() }
}

impl Service {
    /// The keys the log was signed with. Before anything was signed: the one that will.
    pub async fn log_keys(&self) -> Result<Option<KeyList>> {
        let list = notary::list(self.store.as_ref()).await?;
        Ok(list.or_else(|| self.notary.keys().into_iter().next().map(KeyList::one)))
    }

    pub async fn change_key(&self, caller: &Caller, request: &ChangeKey, key: &str) -> Result<KeyChanged> {
        let once = Once::new(&caller.actor.key(), key, request);
        if let Some(changed) = self.changed_before(&once).await? {
            return Ok(changed);
        }
        let target = Target::Configuration { names: vec!["the log's key".to_owned()] };
        let mut act = Act::on(Action::ChangeKey, target, &request.reason);
        match self.change_key_once(caller, request, &mut act, &once).await {
            Ok(changed) => Ok(changed),
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => self.changed_before(&once).await?.ok_or(error),
            Err(ServiceError::Store(StoreError::Conflict { .. })) => {
                let error = invalid("the key was changed at the same moment; look at `sternway audit status`");
                Err(self.refuse(caller, &act, error).await)
            }
            Err(error @ ServiceError::Store(_)) => Err(error),
            Err(error) => Err(self.refuse(caller, &act, error).await),
        }
    }

    async fn change_key_once(
        &self,
        caller: &Caller,
        request: &ChangeKey,
        act: &mut Act<'_>,
        once: &Once,
    ) -> Result<KeyChanged> {
        self.authorise(caller, Action::ChangeKey)?;
        if !REASON_CHARS.contains(&request.reason.trim().chars().count()) {
            let text = "say in 3 to 2000 characters why the log gets another key".to_owned();
            return Err(ServiceError::Invalid { field: "reason".to_owned(), text });
        }
        let list = notary::list(self.store.as_ref()).await?;
        let statement = match request.lost {
            false => self.rotation(list.as_ref())?,
            true => self.loss(list.as_ref()).await?,
        };
        let (new, old) = (statement.new.to_string(), statement.old.as_ref().map(ToString::to_string));
        act.effects.push(format!("`{new}` signs the log from here on"));
        act.effects.push(match (&old, statement.rotated) {
            (Some(old), true) => format!("`{old}` vouches for it and signs nothing later"),
            (Some(old), false) => format!("`{old}` is lost and does not vouch for it"),
            (None, _) => "the key before it is not known and does not vouch for it".to_owned(),
        });
        act.documents.push(statement.digest());
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let mut changed = KeyChanged { key: new, earlier: old, rotated: statement.rotated, from: -1, decision: brief };
        let after = list.as_ref().map(|list| list.newest().from as i64);
        let unit = Unit {
            idempotency: Some(self.remember(once, 200, &changed)),
            evidence: vec![(statement.digest(), statement.to_string())],
            log_key: Some(LogKeyWrite { after, statement, at: decision.row.at }),
            decision: Some(decision),
            ..Unit::default()
        };
        let committed = self.commit(unit, None).await?;
        changed.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        changed.from = changed.decision.leaf_index + 1;
        Ok(changed)
    }

    fn rotation(&self, list: Option<&KeyList>) -> Result<Statement> {
        let list = list.ok_or_else(|| invalid("nothing of the log is signed yet; ask again in a few seconds"))?;
        let newest = &list.newest().key;
        let Some(old) = self.at_hand(newest)? else {
            return Err(invalid(format!(
                "this replica does not have the log's key `{newest}`; ask the one that signs, or put the key there"
            )));
        };
        let new = self.next_key(Some(list))?;
        Statement::rotated(&old, &new).map_err(|error| invalid(error.to_string()))
    }

    /// Only when it shows that nobody signs any more.
    async fn loss(&self, list: Option<&KeyList>) -> Result<Statement> {
        let old = list.map(|list| list.newest().key.clone());
        if let Some(old) = &old
            && self.at_hand(old)?.is_some()
        {
            return Err(invalid("the log's key is at hand: to replace it, use `sternway audit rotate-key`"));
        }
        let signed = self.store.checkpoint().await?.map(|row| row.size);
        let Some(signed) = signed else { return Err(invalid("nothing of the log is signed yet: no key can be lost")) };
        let first = self.store.leaves(signed, 1).await?.into_iter().next();
        if first.is_none_or(|leaf| self.clock.now().since(leaf.at) < UNSIGNED_FOR) {
            return Err(invalid(format!(
                "all but the newest entries are signed, so another replica may have the key; this attempt is an entry: if \
                 it is not signed within {}\u{a0}s, ask again",
                UNSIGNED_FOR.secs()
            )));
        }
        let new = self.next_key(list)?;
        Statement::lost(old, &new).map_err(|error| invalid(error.to_string()))
    }

    fn at_hand(&self, key: &VerifierKey) -> Result<Option<Arc<SignerKey>>> {
        if let Some(secret) = self.notary.secret(key) {
            return Ok(Some(secret));
        }
        self.notary.read_again().map_err(unusable)?;
        Ok(self.notary.secret(key))
    }

    fn next_key(&self, list: Option<&KeyList>) -> Result<Arc<SignerKey>> {
        self.notary.next(list, self.rng.as_ref()).map_err(unusable)
    }

    async fn changed_before(&self, once: &Once) -> Result<Option<KeyChanged>> {
        let Some(mut changed) = self.recall::<KeyChanged>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(changed.decision.id).await? {
            changed.decision.leaf_index = decision.leaf_index;
            changed.from = decision.leaf_index + 1;
        }
        Ok(Some(changed))
    }
}

/// What the file system says is for whoever runs the server; the place and what to do are for everybody.
fn unusable(fault: KeyFault) -> ServiceError {
    tracing::warn!(error = &fault as &dyn std::error::Error, "no other key for the log");
    invalid(fault.to_string())
}
