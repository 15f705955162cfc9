//! Changing what Sternway knows: services, plans, checklists, runbooks, flags, migrations and change freezes, all of a set or nothing.

use super::flags::flag_write;
use super::once::Once;
use super::record::Act;
use super::{Caller, Played, Result, Service, ServiceError};
use crate::documents::{self, Body, Document, DocumentProblem, Kind};
use crate::live::Topic;
use crate::store::StoreError;
use crate::store::rows::{FlagWrite, Unit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use sternway_domain::access::Action;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::change_freeze;
use sternway_domain::flag::{Command, Flag, lint};
use sternway_domain::migration;
use sternway_domain::release::{REASON_CHARS, Refusal};
use utoipa::ToSchema;

/// How often a set is committed again when a flag of it was switched meanwhile.
const TRIES: u32 = 5;

/// One document of an applied set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedDocument {
    /// `Service`, `Plan`, `Checklist`, `Runbook`, `Flag`, `Migration` or `ChangeFreeze`.
    pub kind: String,
    pub name: String,
    pub digest: String,
    /// `created`, `changed` or `unchanged`.
    pub outcome: String,
    /// A plan that is new or changed, over the recent past of services that were watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placebo: Vec<Played>,
    /// What the linter says of a flag, a migration or a change freeze.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

impl AppliedDocument {
    pub fn of(document: &Document, outcome: &str) -> Self {
        Self {
            kind: document.kind().to_string(),
            name: document.name().to_owned(),
            digest: document.digest().to_string(),
            outcome: outcome.to_owned(),
            placebo: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn is_new(&self) -> bool {
        self.outcome != "unchanged"
    }

    /// As the log names it: `Plan/quick`.
    pub fn named(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// As the log says it: `changed Plan/quick sha256:…`.
    pub fn effect(&self) -> String {
        format!("{} {} {}", self.outcome, self.named(), self.digest)
    }

    /// Kind and name, and the digest, of an effect in those words.
    pub(crate) fn from_effect(effect: &str) -> Option<((String, String), String)> {
        let mut words = effect.split(' ');
        let (Some("created" | "changed"), Some(named), Some(digest), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        let (kind, name) = named.split_once('/')?;
        Some(((kind.to_owned(), name.to_owned()), digest.to_owned()))
    }
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
        let news = applied.documents.iter().filter(|document| document.is_new());
        act.effects = news.clone().map(AppliedDocument::effect).collect();
        act.target = Target::Configuration { names: news.map(AppliedDocument::named).collect() };
        let mut tries = 0;
        loop {
            let at = self.clock.now();
            let flags = match self.defined(caller, &documents, &mut applied, reason).await {
                Ok(flags) => flags,
                Err(error @ ServiceError::FlagRefused(_)) => return Err(self.refuse(caller, &act, error).await),
                Err(error) => return Err(error),
            };
            let topic = if flags.is_empty() { None } else { Some(Topic::Flags) };
            // The others stand as they are, and were perhaps changed by somebody else meanwhile.
            let news = documents.iter().zip(&applied.documents).filter(|(_, document)| document.is_new());
            let unit = Unit {
                flags,
                decision: Some(self.decision(caller, &act, Outcome::Accepted)?),
                documents: news.map(|(document, _)| document.to_write(at)).collect(),
                idempotency: Some(self.remember(&once, 200, &applied)),
                ..Unit::default()
            };
            tries += 1;
            match self.commit(unit, Some(Topic::Configuration)).await {
                Ok(_) => {
                    topic.into_iter().for_each(|topic| self.bus.touched(topic));
                    return Ok(applied);
                }
                Err(error @ ServiceError::Store(StoreError::KeyUsed)) => {
                    return self.recall(&once).await?.ok_or(error);
                }
                // A flag was switched in between: what is kept of it is looked up again.
                Err(ServiceError::Store(StoreError::Conflict { .. })) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The flags of the set as they will stand, and what the linter says of them.
    async fn defined(
        &self,
        caller: &Caller,
        documents: &[Document],
        applied: &mut Applied,
        reason: &str,
    ) -> Result<Vec<FlagWrite>> {
        let mut writes = Vec::new();
        for (document, applied) in documents.iter().zip(&mut applied.documents) {
            if let Body::Migration(plan) = &document.body {
                applied.findings =
                    migration::lint(plan).into_iter().map(|f| format!("`{}`: {}", f.field, f.text)).collect();
            }
            if let Body::ChangeFreeze(freeze) = &document.body {
                applied.findings = change_freeze::lint(freeze, self.clock.now());
            }
            let Body::Flag(plan) = &document.body else { continue };
            let (now, reason) = (self.clock.now(), reason.trim().to_owned());
            let before = match self.load_flag(&plan.key).await {
                Ok(flag) => Some(flag),
                Err(ServiceError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            let events = match &before {
                // The same file again is no word about the flag.
                Some(_) if applied.outcome == "unchanged" => Vec::new(),
                Some(flag) => flag.decide(Command::Define { plan: plan.clone(), reason }, &caller.actor, now)?,
                None => Flag::create((**plan).clone(), &caller.actor, reason, now)?,
            };
            let expected = before.as_ref().map_or(0, |flag| flag.version);
            let after = match before {
                Some(flag) => Some(events.iter().fold(flag, Flag::evolve)),
                None => Flag::fold(&events),
            };
            let Some(after) = after else { continue };
            applied.findings = lint([&after], now).into_iter().map(|finding| finding.text).collect();
            writes.extend(flag_write(expected, &events, &after));
        }
        writes.sort_by(|a, b| a.row.key.cmp(&b.row.key));
        Ok(writes)
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
        let mut problems: Vec<DocumentProblem> = documents::unknown_references(&documents, &known);
        for document in &documents {
            let Body::Service(service) = &document.body else { continue };
            let refused = self.steps.refused(service);
            problems.extend(refused.into_iter().map(|problem| document.problem(&problem.field, problem.text)));
        }
        problems.extend(documents.iter().filter_map(|document| self.no_connection(document)));
        if problems.is_empty() { Ok(documents) } else { Err(ServiceError::Documents(problems)) }
    }

    /// A migration's queries run on this server: it must have the connection.
    fn no_connection(&self, document: &Document) -> Option<DocumentProblem> {
        let Body::Migration(plan) = &document.body else { return None };
        let text = self.steps.no_connection(plan.connection.as_ref()?)?;
        Some(document.problem("connection", text))
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
            applied.push(AppliedDocument::of(document, outcome));
        }
        Ok(Applied { documents: applied })
    }
}
