//! Putting a hotfix in place of a candidate.

use super::{Event, Refusal, Release, State};
use crate::actor::Actor;
use crate::artifact::Artifact;
use crate::id::{SagaId, ServiceName};
use crate::time::Timestamp;

impl Release {
    /// A frozen release keeps its traffic: going back even in part would harm data. Any other begins at the first stage.
    #[expect(clippy::too_many_arguments, reason = "all that an order to roll forward says")]
    pub(super) fn roll_forward(
        &self,
        hotfix: Artifact,
        component: Option<ServiceName>,
        saga: Option<SagaId>,
        overridden: Vec<String>,
        reason: String,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let component = component.filter(|name| *name != self.service);
        let name = component.as_ref().unwrap_or(&self.service);
        let part = self.components.iter().find(|component| component.name == *name);
        let (baseline, candidate) = match part {
            Some(part) => (&part.baseline, &part.candidate),
            None if *name == self.service => (&self.baseline, &self.candidate),
            None => return Err(Refusal::NoComponent(name.clone())),
        };
        if [&baseline.digest, &candidate.digest].contains(&&hotfix.digest) {
            return Err(Refusal::SameArtifact(hotfix.digest.short()));
        }
        let stage = if let State::Frozen { stage } = self.state { stage } else { 0 };
        let Some(weight) = self.plan.stage(stage).map(|stage| stage.weight) else {
            return Err(Refusal::Plan { field: "stages".into(), text: "there is none".into() });
        };
        let (key, by) = (self.traffic_key(1), by.label());
        Ok(vec![Event::RollforwardOrdered {
            hotfix,
            component,
            saga,
            stage,
            overridden,
            weight,
            key,
            by,
            reason,
            at: now,
        }])
    }
}
