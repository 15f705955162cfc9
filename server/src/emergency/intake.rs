//! The server's side: keeps the copy of the services, and takes spooled acts into the log once it can.
//!
//! Each act becomes one late entry, once over all replicas and restarts, by the key's owner, with the time it occurred
//! beside the time it was recorded. A release that is still under way is rolled back by the same order, or the engine
//! would give the canary its traffic back. What is not signed by a registered key is refused, and the refusal is an entry
//! too.

use super::copy;
use super::key::Registered;
use super::no_return::Follow;
use super::order::{Order, order};
use super::spool::{Loss, Record, Said, SpoolError, bytes, read};
use crate::live::Topic;
use crate::service::once::Once;
use crate::service::record::Act;
use crate::service::{Caller, Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::Unit;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use sternway_domain::access::Action;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::{Origin, Outcome, Target};
use sternway_domain::id::Digest;
use tokio_util::sync::CancellationToken;

/// Between two looks into the spool.
const EVERY: Duration = Duration::from_secs(1);
/// The copy is compared after so many looks even if nothing happened: somebody may have removed it.
const COPY_EVERY: u32 = 30;
/// A run whose end was not written by then was cut off.
const UNENDED: Duration = Duration::from_secs(300);
/// The answer kept with the entry of an act whose release could not go back yet.
const WAITS: &str = "waits";

/// Watches the spool.
pub struct Intake {
    pub service: Service,
    pub keys: Vec<Registered>,
    pub spool: PathBuf,
    /// Where the copy of the services is kept.
    pub copy: PathBuf,
}

impl Intake {
    /// Until cancelled. Failures are logged and tried again: most of them are the database's.
    pub async fn run(self, cancel: CancellationToken) {
        let (mut round, mut follow, mut head) = (0_u32, Follow::default(), None);
        loop {
            let now = self.service.store.head().await.ok();
            if round.is_multiple_of(COPY_EVERY) || (now.is_some() && now != head) {
                head = now;
                if let Err(error) = copy::keep(&self.service, &mut follow, &self.copy).await {
                    head = None;
                    tracing::warn!(error = &error as &dyn std::error::Error, "nothing was copied for an emergency");
                }
            }
            self.look().await;
            round = round.wrapping_add(1);
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Takes in everything that lies there. To be called before the engine starts, too.
    pub async fn look(&self) {
        for path in waiting(&self.spool) {
            match self.take(&path).await {
                Ok(Some(place)) => put_aside(&path, place),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, path = %path.display(), "an emergency was not taken in yet");
                }
            }
        }
    }

    /// One file. `Some` names the folder it goes to; `None` leaves it for the next look.
    async fn take(&self, path: &Path) -> Result<Option<&'static str>, ServiceError> {
        let records = match read(path, &self.keys) {
            Ok(records) => records,
            Err(error @ SpoolError::Read { .. }) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    path = %path.display(),
                    "an emergency cannot be read, so it is not taken in; let the server read the file"
                );
                return Ok(None);
            }
            Err(error) => {
                self.refuse(path, &error.to_string()).await?;
                return Ok(Some("refused"));
            }
        };
        let cut_off = age(path).is_some_and(|age| age > UNENDED);
        let (mut left, mut waits) = (false, false);
        for record in &records {
            let ended = |other: &&Record| other.service == record.service && matches!(other.said, Said::Ended { .. });
            if record.said == Said::Begun && (records.iter().any(|other| ended(&other)) || !cut_off) {
                left |= !records.iter().any(|other| ended(&other));
                continue;
            }
            match self.owner(&record.owner).await? {
                Some(actor) => waits |= self.enter(record, actor, path).await?,
                None => {
                    // It is signed, so what it says was done. It stays where it is: the canary gets nothing back, and it is
                    // taken in once the account is there.
                    let text =
                        format!("the key's owner `{}` has no account here; make one, or remove the file", record.owner);
                    self.refuse(path, &text).await?;
                    return Ok(None);
                }
            }
        }
        Ok((!left && !waits && (cut_off || !records.is_empty())).then_some("taken"))
    }

    /// Said at the start, so that nobody learns it at night.
    pub async fn warn_of_strangers(&self) {
        for key in &self.keys {
            if let Ok(None) = self.owner(&key.owner).await {
                tracing::warn!(
                    owner = key.owner,
                    "`emergency.keys`: nobody signs in under this name; what its key signs will not be taken in"
                );
            }
        }
    }

    async fn owner(&self, login: &str) -> Result<Option<Actor>, ServiceError> {
        let person = self.service.store.person_by_login(login).await?.filter(|person| person.disabled_at.is_none());
        let Some(person) = person else { return Ok(None) };
        let role: Role = person.role.parse().map_err(|error: sternway_domain::actor::RoleError| {
            ServiceError::Store(StoreError::Corrupt { what: "person", detail: error.to_string() })
        })?;
        Ok(Some(Actor::Person { id: person.id, name: person.name, role }))
    }

    /// Writes the entry, once. Says whether its release waits for a person: then the file stays where it is, so that the
    /// canary gets nothing back.
    async fn enter(&self, record: &Record, actor: Actor, path: &Path) -> Result<bool, ServiceError> {
        let service = &self.service;
        let once = Once::new(&actor.key(), &format!("emergency:{}", record.id), record);
        let before = service.recall::<String>(&once).await?;
        if before.as_ref().is_some_and(|said| said != WAITS) {
            return Ok(false);
        }
        let caller = Caller { actor, origin: Origin { transport: "emergency".to_owned(), ..Origin::default() } };
        let Order { release, waits } = order(service, record, &caller).await?;
        if before.is_some() {
            return Ok(waits.is_some());
        }
        let target = match &release {
            Some(release) => Target::Release { id: release.id, service: release.service.clone() },
            None => Target::Service { name: record.service.clone() },
        };
        let mut act = Act::on(Action::Rollback, target, &record.reason);
        act.occurred = Some(record.occurred);
        act.effects = effects(record, path);
        if let Some(release) = release.filter(|release| release.service != record.service) {
            act.effects.push(format!("`{}` moves in this release of `{}`", record.service, release.service));
        }
        if let Some(why) = &waits {
            tracing::error!(service = %record.service, why, "the release of an emergency could not be rolled back; a person has to");
            act.effects.push(format!(
                "not rolled back yet, and its canary gets no traffic from this server until then: {why}"
            ));
        }
        act.overridden = overridden(record);
        let decision = service.decision(&caller, &act, Outcome::Accepted)?;
        let answer = if waits.is_some() { WAITS.to_owned() } else { record.id.to_string() };
        let idempotency = Some(service.remember(&once, 200, &answer));
        let unit = Unit { decision: Some(decision), idempotency, ..Unit::default() };
        match service.commit(unit, Some(Topic::Decisions)).await {
            // Another replica was quicker.
            Ok(_) | Err(ServiceError::Store(StoreError::KeyUsed)) => {
                tracing::warn!(service = %record.service, owner = record.owner, "an emergency rollback was taken into the log");
                Ok(waits.is_some())
            }
            Err(error) => Err(error),
        }
    }

    /// Says, once, that a file was not believed.
    async fn refuse(&self, path: &Path, why: &str) -> Result<(), ServiceError> {
        let service = &self.service;
        let name: String = path.file_name().unwrap_or_default().to_string_lossy().chars().take(120).collect();
        let caller = Caller {
            actor: Actor::Anonymous,
            origin: Origin { transport: "emergency".to_owned(), ..Origin::default() },
        };
        let digest = bytes(path).map(|bytes| Digest::of(&bytes)).ok();
        let once = Once::new(&caller.actor.key(), &format!("emergency:{name}"), &(&name, digest.clone()));
        match service.recall::<String>(&once).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(ServiceError::KeyReused(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        tracing::error!(path = %path.display(), why, "a spooled emergency is refused");
        let mut act = Act::on(Action::Rollback, Target::Unknown { text: format!("spool file {name}") }, "");
        // What nobody believes is no evidence, and is not kept; which bytes it was can still be told.
        act.documents.extend(digest);
        let decision = service.decision(&caller, &act, Outcome::Refused { why: why.to_owned() })?;
        let idempotency = Some(service.remember(&once, 403, &name));
        let unit = Unit { decision: Some(decision), idempotency, ..Unit::default() };
        match service.commit(unit, Some(Topic::Decisions)).await {
            Ok(_) | Err(ServiceError::Store(StoreError::KeyUsed)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn effects(record: &Record, path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let percent = |share: Option<u8>| share.map_or_else(|| "unknown".to_owned(), |share| format!("{share}\u{a0}%"));
    let mut effects = match &record.said {
        Said::Begun => vec!["begun; its end was never written".to_owned()],
        Said::Ended { before, after, from, done, detail } => {
            let (before, after) = (percent(*before), percent(*after));
            let mut lines =
                vec![format!("canary of `{}`: before {before}, observed afterwards {after}", record.service)];
            lines.extend((!from.is_empty()).then(|| format!("at {from}")));
            lines.push(if *done { "done".to_owned() } else { format!("not done: {detail}") });
            lines
        }
    };
    if record.loss == Some(Loss::Unknown) {
        effects.push("whether data would be lost was not known there".to_owned());
    }
    effects.push(format!("late entry: occurred {}, spooled in {name}", record.occurred.to_rfc3339()));
    effects.push(format!("without the server: {}", record.server));
    effects
}

fn overridden(record: &Record) -> Vec<String> {
    let healthy = record.forced.then(|| "done although the server was healthy".to_owned());
    let lost = match &record.loss {
        Some(Loss::Accepted { why }) => Some(format!("done although data is lost: {why}")),
        Some(Loss::Unknown) | None => None,
    };
    healthy.into_iter().chain(lost).collect()
}

/// Files that were not taken in yet.
pub(super) fn waiting(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    found.sort();
    found
}

/// Out of the way. Should it fail, the file is met again and nothing happens a second time.
fn put_aside(path: &Path, place: &str) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    let place = folder.join(place);
    let moved = std::fs::create_dir_all(&place).and_then(|()| std::fs::rename(path, place.join(name)));
    if let Err(error) = moved {
        tracing::warn!(%error, path = %path.display(), "a spool file could not be put aside");
    }
}

/// By the file system's clock on both sides.
fn age(path: &Path) -> Option<Duration> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    #[expect(clippy::disallowed_methods, reason = "compared with a file's time, which is the machine's own")]
    SystemTime::now().duration_since(modified).ok()
}
