//! What a plan can be expected to do, from what services showed of late: how soon it would notice a worse version, and
//! whether it would have fired although nothing was released.

use super::{Applied, Caller, Past, Result, Service, ServiceError, aside, decode};
use crate::documents::{Body, Document};
use crate::store::rows::ReleaseFilter;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::id::{PlanName, ServiceName};
use sternway_domain::judge::estimate::{Estimate, estimate};
use sternway_domain::judge::placebo::{Placebo, placebo};
use sternway_domain::plan::Plan;
use sternway_domain::release::Release;
use utoipa::ToSchema;

/// Saving plans plays at most so many of them, each for at most so many services.
const PLANS: usize = 5;
const SERVICES: usize = 3;
/// Releases that are looked through for services that were watched.
const RELEASES: u32 = 50;

/// What to expect of a plan for a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Of the whole service, per second; `None` when no release of it was watched lately.
    pub requests: Option<f64>,
    /// Stage by stage; `None` when nothing was seen.
    pub estimate: Option<Estimate>,
    pub placebo: Placebo,
    /// The change freeze that it would run into if it began now, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<String>,
}

/// A saved plan over the recent past of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Played {
    #[schema(value_type = String)]
    pub service: ServiceName,
    /// Instances of the running version that played the canary.
    pub runs: u32,
    /// How many of them the plan would have rolled back.
    pub fired: u32,
    /// `Would have fired 0 of 4 times: …`
    pub sentence: String,
}

impl Expected {
    pub fn of(plan: &Plan, past: &Past) -> Expected {
        let seen = past.usual.requests > 0.0;
        Expected {
            requests: seen.then(|| past.usual.requests / past.usual.span.secs_f64()),
            estimate: estimate(plan, &past.usual, &past.ticks),
            placebo: placebo(plan, &past.ticks),
            freeze: None,
        }
    }

    /// For people, a line each.
    pub fn sentences(&self) -> Vec<String> {
        let estimate = match (&self.estimate, self.requests) {
            (Some(estimate), Some(requests)) => {
                [vec![format!("Seen lately: {requests:.1} requests/s.")], estimate.sentences()].concat()
            }
            _ => {
                vec!["How long the judge needs is not estimated: no release of this service was watched lately.".into()]
            }
        };
        [estimate, vec![self.placebo.sentence()], self.freeze.iter().cloned().collect()].concat()
    }
}

impl Service {
    /// What to expect of an applied plan for an applied service.
    pub async fn expected(&self, caller: &Caller, plan: &PlanName, service: &ServiceName) -> Result<Expected> {
        self.authorise(caller, Action::View)?;
        let missing = |what, name: &str| ServiceError::NotFound { what, name: name.to_owned() };
        let row = self.store.document("Plan", plan.as_str(), None).await?;
        let plan: Plan = decode("plan", &row.ok_or_else(|| missing("plan", plan.as_str()))?.body)?;
        if self.service_document(service).await?.is_none() {
            return Err(missing("service", service.as_str()));
        }
        self.expects(plan, &[service]).await
    }

    /// The same, of a plan that need not be applied, for a service and those that move with it. Judges for a while, so not on
    /// the threads that serve.
    pub(crate) async fn expects(&self, plan: Plan, moving: &[&ServiceName]) -> Result<Expected> {
        let past = match moving.first() {
            Some(service) => self.past(service).await?,
            None => Past::default(),
        };
        let freeze = self.freeze_ahead(&plan, moving).await?;
        Ok(aside(move || Expected { freeze, ..Expected::of(&plan, &past) }).await)
    }

    /// Plays the plans of a set that are new or changed over the recent past: services that were last released with the
    /// plan first. What cannot be read is left out: it must not keep a plan from being saved.
    pub(super) async fn play(&self, documents: &[Document], applied: &mut Applied) {
        let plans =
            documents.iter().zip(&mut applied.documents).filter_map(|(document, applied)| match &document.body {
                Body::Plan(plan) if applied.outcome != "unchanged" => Some((plan, applied)),
                _ => None,
            });
        let plans: Vec<_> = plans.take(PLANS).collect();
        if plans.is_empty() {
            return;
        }
        for (plan, applied) in plans {
            match self.played(plan).await {
                Ok(played) => applied.placebo = played,
                Err(error) => tracing::warn!(plan = %plan.name, %error, "the plan could not be played over the past"),
            }
        }
    }

    async fn played(&self, plan: &Plan) -> Result<Vec<Played>> {
        let filter = ReleaseFilter { limit: RELEASES, ..ReleaseFilter::default() };
        let mut services: Vec<(bool, ServiceName)> = Vec::new();
        for row in self.store.releases(&filter).await? {
            let release: Release = decode("release", &row.body)?;
            if services.iter().all(|(_, known)| *known != row.service) {
                services.push((release.plan_ref.name != plan.name, row.service));
            }
        }
        services.sort_by_key(|(other, _)| *other);
        let mut all = Vec::new();
        for (_, service) in services.into_iter().take(SERVICES) {
            let past = self.past(&service).await?;
            let plan = plan.clone();
            let placebo = aside(move || placebo(&plan, &past.ticks)).await;
            if placebo.runs > 0 {
                let sentence = placebo.sentence();
                all.push(Played { service, runs: placebo.runs, fired: placebo.fired, sentence });
            }
        }
        Ok(all)
    }
}
