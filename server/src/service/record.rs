//! Writes a decision down: the entry of the log, its row, and the unit they are committed in.

use super::{Caller, Result, Service, ServiceError};
use crate::live::Topic;
use crate::store::StoreError;
use crate::store::rows::*;
use sternway_domain::access::Action;
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::record::{Links, PointsBack, RECORD_VERSION, Record, SealError, Sealed, Word};
use sternway_domain::audit::{Entry, Origin, Outcome, Target, leaf_hash};
use sternway_domain::id::{DecisionId, Digest, ServiceName};
use sternway_domain::release::Release;
use sternway_domain::time::Timestamp;

/// What is known of an act besides who did it.
#[derive(Debug, Clone)]
pub(crate) struct Act<'a> {
    pub action: Action,
    pub target: Target,
    pub expected_version: Option<i64>,
    pub reason: &'a str,
    pub evidence: Option<Digest>,
    pub release: Option<&'a Release>,
    pub overridden: Vec<String>,
    pub effects: Vec<String>,
    /// When it happened, if it is written down late.
    pub occurred: Option<Timestamp>,
    /// Earlier entries it belongs to.
    pub points_back: Vec<PointsBack>,
    /// Bodies that stand in the entry by their digest.
    pub documents: Vec<Digest>,
}

impl<'a> Act<'a> {
    pub(crate) fn on(action: Action, target: Target, reason: &'a str) -> Self {
        Self {
            action,
            target,
            expected_version: None,
            reason,
            evidence: None,
            release: None,
            overridden: Vec::new(),
            effects: Vec::new(),
            occurred: None,
            points_back: Vec::new(),
            documents: Vec::new(),
        }
    }
}

impl Service {
    /// The decision with its canonical entry, ready to be committed.
    pub(crate) fn decision(&self, caller: &Caller, act: &Act<'_>, outcome: Outcome) -> Result<DecisionWrite> {
        let id = DecisionId(self.new_id());
        let at = self.clock.now();
        let mut entry = Entry {
            v: RECORD_VERSION,
            id,
            at,
            occurred: act.occurred,
            actor: caller.actor.clone(),
            action: act.action.as_str().to_owned(),
            target: act.target.clone(),
            expected_version: act.expected_version,
            reason: shorten(act.reason),
            outcome: outcome.clone(),
            evidence: act.evidence.clone(),
            plan: act.release.map(|release| release.plan_ref.digest.clone()),
            runbooks: act
                .release
                .map(|r| r.runbooks.iter().map(|book| book.digest.clone()).collect())
                .unwrap_or_default(),
            overridden: act.overridden.clone(),
            effects: act.effects.clone(),
            origin: in_clear(&caller.origin),
        }
        .plain();
        let salt = || {
            let mut salt = Salt([0; 32]);
            self.rng.fill(&mut salt.0);
            salt
        };
        let links = Links { points_back: act.points_back.clone(), documents: act.documents.clone() };
        let mut sealed = Record::seal(&entry, &links, salt);
        if let Err(SealError::Long(_) | SealError::Many(_)) = sealed {
            entry = entry.folded();
            sealed = Record::seal(&entry, &links, salt);
        }
        let Sealed { bytes, openings, .. } =
            sealed.map_err(|error| ServiceError::Invalid { field: "reason".into(), text: error.to_string() })?;
        let row = DecisionRow::of(&entry, 0);
        Ok(DecisionWrite { row, leaf_hash: leaf_hash(&bytes), entry: bytes, openings })
    }

    /// Writes a refused attempt into the log and hands the refusal back.
    pub(crate) async fn refuse(&self, caller: &Caller, act: &Act<'_>, error: ServiceError) -> ServiceError {
        let outcome = Outcome::Refused { why: shorten(&error.to_string()) };
        let written = match self.decision(caller, act, outcome) {
            Ok(decision) => self.commit(Unit { decision: Some(decision), ..Unit::default() }, None).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(_) => error,
            // A refusal that could not be written down is worse news than the refusal itself.
            Err(unwritten) => unwritten,
        }
    }

    /// Names the release in the way.
    async fn refused_by(&self, error: StoreError, busy: Option<ServiceName>) -> ServiceError {
        match (error, busy) {
            (StoreError::Moving { service, release }, _) => {
                let other = match self.load(release).await {
                    Ok(other) => {
                        format!("the release of `{}` to {} (`{release}`)", other.service, other.candidate.version)
                    }
                    Err(_) => format!("release `{release}`"),
                };
                ServiceError::Busy { service, other }
            }
            (StoreError::Exists { what }, Some(service)) if what == ACTIVE_RELEASE => {
                ServiceError::Busy { service, other: "another release".to_owned() }
            }
            (error, _) => error.into(),
        }
    }

    /// Commits a unit and tells whoever is connected.
    pub(crate) async fn commit(&self, unit: Unit, topic: Option<Topic>) -> Result<Committed> {
        let decided = unit.decision.as_ref().map(|decision| counted(&decision.row));
        let mut flags: Vec<FlagRow> = unit.flags.iter().map(|write| write.row.clone()).collect();
        let busy = unit.release.as_ref().map(|write| write.row.service.clone());
        let quiet = unit.quiet;
        let _under_way = self.bus.begin();
        let committed = match self.store.commit(unit).await {
            Ok(committed) => committed,
            Err(error) => return Err(self.refused_by(error, busy).await),
        };
        // The unit's last event is the last flag's: near enough, as positions of flags only need to grow.
        flags.iter_mut().for_each(|row| row.position = committed.position);
        self.flags.put(&flags)?;
        if let Some(topic) = topic {
            self.bus.committed(topic, &committed);
        }
        if let Some((action, outcome, actor)) = decided {
            self.metrics.decided(action, outcome, actor);
            match quiet {
                true => self.bus.known(&committed),
                false => self.bus.committed(Topic::Decisions, &committed),
            }
        }
        Ok(committed)
    }
}

/// The labels under which a decision is counted: from fixed sets, never text from outside.
fn counted(row: &DecisionRow) -> (&'static str, &'static str, &'static str) {
    let action = Action::ALL.into_iter().find(|action| action.as_str() == row.action).map_or("other", Action::as_str);
    let outcome = if row.outcome == "accepted" { "accepted" } else { "refused" };
    let kind = row.actor_key.split(':').next().unwrap_or_default();
    let actor = ["person", "token", "automation"].into_iter().find(|known| *known == kind).unwrap_or("anonymous");
    (action, outcome, actor)
}

/// What stands in clear in the log is made to fit: no act fails for want of a good request id.
fn in_clear(origin: &Origin) -> Origin {
    let word = |text: &str| match Word::new(text) {
        Ok(word) => word.as_str().to_owned(),
        Err(_) if text.is_empty() => "unknown".to_owned(),
        Err(_) => text.chars().take(128).map(|c| if Word::new(c).is_ok() { c } else { '-' }).collect(),
    };
    Origin {
        transport: word(&origin.transport),
        request_id: origin.request_id.as_deref().map(word),
        trace_id: origin.trace_id.as_deref().map(word),
        ip: origin.ip.clone(),
        user_agent: origin.user_agent.clone(),
    }
}

/// Text from outside is bounded before it goes into the log.
fn shorten(text: &str) -> String {
    const MOST: usize = 2_000;
    let text = text.trim();
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}
