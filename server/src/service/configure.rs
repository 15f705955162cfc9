//! Changing what Sternway knows: services, plans, checklists and runbooks, all of a set or nothing.

use super::once::Once;
use super::record::Act;
use super::{Caller, Played, Result, Service, ServiceError};
use crate::documents::{self, Document, DocumentProblem, Kind};
use crate::live::Topic;
use crate::store::StoreError;
use crate::store::rows::Unit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use sternway_domain::access::Action;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::release::{REASON_CHARS, Refusal};
use utoipa::ToSchema;

/// One document of an applied set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedDocument {
    /// `Service`, `Plan`, `Checklist` or `Runbook`.
    pub kind: String,
    pub name: String,
    pub digest: String,
    /// `created`, `changed` or `unchanged`.
    pub outcome: String,
    /// A plan that is new or changed, over the recent past of services that were watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placebo: Vec<Played>,
}

/// What applying a set did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    pub documents: Vec<AppliedDocument>,
}

impl Service {
    /// Applies a set of files (path and text), once per key. Every problem of every file is reported together, and then
    /// nothing is applied.
    pub async fn apply(
        &self,
        caller: &Caller,
        files: &[(String, String)],
        reason: &str,
        idempotency_key: &str,
    ) -> Result<Applied> {
        let once = Once::new(&caller.actor.key(), idempotency_key, &(files, reason));
        if let Some(applied) = self.recall(&once).await? {
            return Ok(applied);
        }
        let mut act = Act::on(Action::Apply, Target::Configuration { names: Vec::new() }, reason);
        let checked = match self.authorise(caller, Action::Apply) {
            Ok(()) => self.checked(files, reason).await,
            Err(error) => Err(error),
        };
        let documents = match checked {
            Ok(documents) => documents,
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => return Err(self.refuse(caller, &act, error).await),
        };
        let mut applied = self.compared(&documents).await?;
        self.play(&documents, &mut applied).await;
        let news = applied.documents.iter().filter(|document| document.outcome != "unchanged");
        let named = |document: &AppliedDocument| format!("{}/{}", document.kind, document.name);
        // The entry of the log has a limit; the digests of everything stand in the answer and in the store.
        const MOST_NAMED: usize = 100;
        let names: Vec<String> = news.clone().map(named).take(MOST_NAMED).collect();
        act.effects = news.take(MOST_NAMED).map(|d| format!("{} {} {}", d.outcome, named(d), d.digest)).collect();
        act.target = Target::Configuration { names };
        let at = self.clock.now();
        let unit = Unit {
            decision: Some(self.decision(caller, &act, Outcome::Accepted)?),
            documents: documents.iter().map(|document| document.to_write(at)).collect(),
            idempotency: Some(self.remember(&once, 200, &applied)),
            ..Unit::default()
        };
        match self.commit(unit, Some(Topic::Configuration)).await {
            Ok(_) => Ok(applied),
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => self.recall(&once).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn checked(&self, files: &[(String, String)], reason: &str) -> Result<Vec<Document>> {
        let chars = reason.trim().chars().count();
        if !REASON_CHARS.contains(&chars) {
            return Err(Refusal::Reason(chars).into());
        }
        let documents = documents::parse(files).map_err(ServiceError::Documents)?;
        let mut known = BTreeSet::new();
        for kind in Kind::ALL {
            let stored = self.store.documents(kind.as_str()).await?;
            known.extend(stored.into_iter().map(|row| (kind, row.name)));
        }
        let dangling: Vec<DocumentProblem> = documents::unknown_references(&documents, &known);
        if dangling.is_empty() { Ok(documents) } else { Err(ServiceError::Documents(dangling)) }
    }

    async fn compared(&self, documents: &[Document]) -> Result<Applied> {
        let mut applied = Vec::with_capacity(documents.len());
        for document in documents {
            let digest = document.digest();
            let outcome = match self.store.document(document.kind().as_str(), document.name(), None).await? {
                None => "created",
                Some(row) if row.digest == digest => "unchanged",
                Some(_) => "changed",
            };
            applied.push(AppliedDocument {
                kind: document.kind().to_string(),
                name: document.name().to_owned(),
                digest: digest.to_string(),
                outcome: outcome.to_owned(),
                placebo: Vec::new(),
            });
        }
        Ok(Applied { documents: applied })
    }
}
