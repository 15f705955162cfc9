//! Making a release, and seeing beforehand what its plan would do.

use super::act::{target, topic, write_of};
use super::record::Act;
use super::{Acted, Caller, DecisionBrief, ReleaseSummary, Result, Service, ServiceError, decode, encode};
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::artifact::Artifact;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::checklist::{Checklist, ReleaseChecklist};
use sternway_domain::component::{Component, Layer};
use sternway_domain::id::{Digest, PlanName, ReleaseId, ServiceName};
use sternway_domain::plan::Plan;
use sternway_domain::release::{Draft, PlanRef, Release};
use utoipa::ToSchema;

/// A build as it is named from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewArtifact {
    /// `1.42.0`: 1 to 64 of `A-Z a-z 0-9 . _ + -`.
    pub version: String,
    /// `sha256:` and 64 lower-case hexadecimal digits.
    pub digest: String,
}

/// A service that moves together with the one that is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComponent {
    pub service: String,
    pub candidate: NewArtifact,
    /// What runs now. Left out: the outcome of the service's last release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<NewArtifact>,
}

/// What a release is made from. Also what is pasted as YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    pub service: String,
    pub candidate: NewArtifact,
    /// What runs now. Left out: the outcome of the service's last release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<NewArtifact>,
    pub plan: String,
    /// Other services that move together with this one, in any order: their documents say who depends on whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<NewComponent>,
    /// Data migrations that happen with it, by name: each of this service or of one that moves with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checklist: Option<String>,
    /// Although a candidate is known bad: it was taken back before. The reason says why, and the decision shows it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub override_known_bad: bool,
    /// What the release is for; also the reason of the decision. 3 to 2000 characters.
    pub reason: String,
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}

impl Service {
    /// Everything a release would be made from, checked. Nothing is written.
    pub async fn draft(&self, new: &NewRelease) -> Result<Draft> {
        let service = ServiceName::new(new.service.clone()).map_err(|error| invalid("service", error))?;
        self.document_of("Service", "service", service.as_str()).await?;
        let plan_name = PlanName::new(new.plan.clone()).map_err(|error| invalid("plan", error))?;
        let plan_row = self.document_of("Plan", "plan", plan_name.as_str()).await?;
        let plan: Plan = decode("plan", &plan_row.body)?;
        let checklist = match new.checklist.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Some(self.pinned_checklist(name).await?),
            None => None,
        };
        let baseline = self.baseline("baseline", &service, new.baseline.as_ref()).await?;
        let chars = new.reason.trim().chars().count();
        if !sternway_domain::release::REASON_CHARS.contains(&chars) {
            return Err(sternway_domain::release::Refusal::Reason(chars).into());
        }
        let candidate = artifact("candidate", &new.candidate)?;
        let components = self.components(new, &service, (&baseline, &candidate)).await?;
        let mut moving = vec![&service];
        moving.extend(components.iter().map(|component| &component.name));
        let known_bad = self.known_bad(&moving).await?;
        Ok(Draft {
            known_bad,
            override_known_bad: new.override_known_bad,
            id: ReleaseId(self.new_id()),
            service,
            baseline,
            candidate,
            components,
            note: new.reason.trim().to_owned(),
            plan,
            plan_ref: PlanRef { name: plan_name, version: plan_row.version, digest: plan_row.digest },
            checklist,
        })
    }

    async fn baseline(&self, field: &str, service: &ServiceName, given: Option<&NewArtifact>) -> Result<Artifact> {
        match given {
            Some(baseline) => artifact(field, baseline),
            None => self.running_now(service).await?.ok_or_else(|| ServiceError::Invalid {
                field: field.to_owned(),
                text: format!("name what runs now: `{service}` has no earlier release to take it from"),
            }),
        }
    }

    /// Everything that moves together, the service itself first; empty when it moves alone.
    async fn components(
        &self,
        new: &NewRelease,
        service: &ServiceName,
        (baseline, candidate): (&Artifact, &Artifact),
    ) -> Result<Vec<Component>> {
        if new.components.is_empty() {
            return Ok(vec![]);
        }
        let component = |name: &ServiceName, baseline: Artifact, candidate: Artifact| Component {
            name: name.clone(),
            layer: Layer::default(),
            baseline,
            candidate,
            needs: vec![],
            cells: vec![],
            features: vec![],
        };
        let mut components = vec![component(service, baseline.clone(), candidate.clone())];
        for (i, other) in new.components.iter().enumerate() {
            let field = |name: &str| format!("components[{i}].{name}");
            let name = ServiceName::new(other.service.clone()).map_err(|error| invalid(&field("service"), error))?;
            if self.service_document(&name).await?.is_none() {
                return Err(invalid(&field("service"), format!("there is no service `{name}`; apply it first")));
            }
            let baseline = self.baseline(&field("baseline"), &name, other.baseline.as_ref()).await?;
            components.push(component(&name, baseline, artifact(&field("candidate"), &other.candidate)?));
        }
        self.check_components(&components).await?;
        Ok(components)
    }

    /// Creates a release, once per key.
    pub async fn create(&self, caller: &Caller, new: NewRelease, idempotency_key: &str) -> Result<Acted> {
        let actor = caller.actor.key();
        let fingerprint = Digest::of(encode(&new).as_bytes());
        if let Some(acted) = self.replay(&actor, idempotency_key, &fingerprint).await? {
            return Ok(acted);
        }
        let unknown = Target::Unknown { text: format!("a release of {}", new.service) };
        let mut act = Act::on(Action::Create, unknown, &new.reason);
        if let Err(error) = self.authorise(caller, Action::Create) {
            return Err(self.refuse(caller, &act, error).await);
        }
        let created = match self.draft(&new).await {
            Ok(draft) => Release::create(draft, &caller.actor, self.clock.now()).map_err(ServiceError::from),
            Err(error) => Err(error),
        };
        let events = match created {
            Ok(events) => events,
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => return Err(self.refuse(caller, &act, error).await),
        };
        let release = Release::fold(&events).expect("the first event of a stream creates it");
        let planned = match self.planned(caller, &release, &new.migrations).await {
            Ok(planned) => planned,
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => return Err(self.refuse(caller, &act, error).await),
        };
        let (migrations, pinned): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
        act.effects = pinned;
        let evidence = encode(&new);
        let digest = Digest::of(evidence.as_bytes());
        act.target = target(&release);
        act.release = Some(&release);
        act.overridden.clone_from(&release.overridden);
        act.evidence = Some(digest.clone());
        let decision = self.decision(caller, &act, Outcome::Accepted)?;
        let (id, at) = (decision.row.id, decision.row.at);
        let mut acted =
            Acted { release: ReleaseSummary::from(&release), decision: DecisionBrief { id, leaf_index: -1 } };
        let idempotency = IdempotencyRow {
            actor: actor.clone(),
            key: idempotency_key.to_owned(),
            request: fingerprint.clone(),
            status: 201,
            response: encode(&acted),
            at,
        };
        let unit = Unit {
            release: Some(write_of(None, &events, &release)),
            migrations,
            decision: Some(decision),
            evidence: vec![(digest, evidence)],
            idempotency: Some(idempotency),
            ..Unit::default()
        };
        match self.commit(unit, Some(topic(&release))).await {
            Ok(committed) => {
                acted.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
                Ok(acted)
            }
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => {
                self.replay(&actor, idempotency_key, &fingerprint).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn pinned_checklist(&self, name: &str) -> Result<ReleaseChecklist> {
        let row = self.document_of("Checklist", "checklist", name).await?;
        let checklist: Checklist = decode("checklist", &row.body)?;
        Ok(ReleaseChecklist::pin(&checklist, row.version, row.digest))
    }

    /// The newest version of a document, or what field to mend.
    pub(super) async fn document_of(&self, kind: &str, field: &str, name: &str) -> Result<DocumentRow> {
        self.store.document(kind, name, None).await?.ok_or_else(|| ServiceError::Invalid {
            field: field.to_owned(),
            text: format!("there is no {field} `{name}`; apply it first"),
        })
    }
}

fn artifact(field: &str, new: &NewArtifact) -> Result<Artifact> {
    Ok(Artifact {
        version: new.version.clone().try_into().map_err(|error| invalid(&format!("{field}.version"), error))?,
        digest: new.digest.parse().map_err(|error| invalid(&format!("{field}.digest"), error))?,
    })
}

fn invalid(field: &str, error: impl std::fmt::Display) -> ServiceError {
    ServiceError::Invalid { field: field.to_owned(), text: error.to_string() }
}
