//! What a person writes to have rehearsed.

use crate::documents::{DocumentProblem, Places};
use serde::Deserialize;
use std::collections::BTreeMap;
use sternway_domain::artifact::{Artifact, Version};
use sternway_domain::component::{Component, Components, Layer, Need, Scope};
use sternway_domain::id::{Digest, FlagKey, MigrationName, ReleaseId, SagaId, ServiceName};
use sternway_domain::migration::Phase;
use sternway_domain::plan::Weight;
use sternway_domain::probe::Probe;
use sternway_domain::saga::{
    BuildError, Cache, ComponentBack, MigrationBack, Retry, RollbackOrder, SagaPlan, Settings, problems, rollback,
};
use sternway_domain::time::Span;
use uuid::Uuid;

/// A rollback of these components.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RehearsalPlan {
    components: Vec<Part>,
    #[serde(default)]
    timeout: Option<Span>,
    #[serde(default)]
    deploy_timeout: Option<Span>,
    #[serde(default)]
    recovery_timeout: Option<Span>,
    #[serde(default)]
    retry: Option<Retry>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    objective: Option<Span>,
}

/// One component and how it goes back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: ServiceName,
    #[serde(default)]
    layer: Layer,
    #[serde(default)]
    needs: Vec<ServiceName>,
    #[serde(default = "Part::version_before")]
    baseline: Version,
    #[serde(default = "Part::version_after")]
    candidate: Version,
    #[serde(default = "Part::half")]
    weight: Weight,
    #[serde(default = "Part::yes")]
    beside: bool,
    #[serde(default = "Part::yes")]
    deploy: bool,
    #[serde(default)]
    drain: Option<Span>,
    #[serde(default)]
    features: Vec<FlagKey>,
    #[serde(default)]
    migrations: Vec<Moved>,
    #[serde(default)]
    probes: Vec<Probe>,
    #[serde(default)]
    caches: Vec<Cache>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    name: MigrationName,
    phase: Phase,
    /// Whether it is past its point of no return.
    #[serde(default)]
    loses: bool,
}

impl Part {
    fn version_before() -> Version {
        "1".to_owned().try_into().expect("a digit is a version")
    }

    fn version_after() -> Version {
        "2".to_owned().try_into().expect("a digit is a version")
    }

    fn half() -> Weight {
        Weight::try_from(50).expect("50 is a percentage")
    }

    fn yes() -> bool {
        true
    }

    fn component(&self) -> Component {
        let artifact = |version: &Version| Artifact {
            version: version.clone(),
            digest: Digest::of(format!("{} {version}", self.name).as_bytes()),
        };
        let need = |on: &ServiceName| Need { on: on.clone(), accepts: None, baseline_accepts: None };
        Component {
            name: self.name.clone(),
            layer: self.layer,
            baseline: artifact(&self.baseline),
            candidate: artifact(&self.candidate),
            needs: self.needs.iter().map(need).collect(),
            cells: vec![],
            features: self.features.clone(),
        }
    }

    fn back(&self) -> ComponentBack {
        let moved = |m: &Moved| MigrationBack { name: m.name.clone(), phase: m.phase, loses: m.loses, glass: None };
        ComponentBack {
            weight: self.weight,
            beside: self.beside,
            drain: self.drain,
            deploy: self.deploy,
            migrations: self.migrations.iter().map(moved).collect(),
            caches: self.caches.clone(),
            probes: self.probes.clone(),
            ..ComponentBack::default()
        }
    }
}

impl RehearsalPlan {
    /// The steps. Every problem names its place.
    pub(super) fn saga(&self, places: &Places) -> Result<SagaPlan, Vec<DocumentProblem>> {
        let list = self.components.iter().map(Part::component).collect();
        let components = Components::new(list, vec![]).map_err(|errors| {
            let problem = |text: String| places.problem(&self.place_of(&text), text);
            errors.into_iter().map(|error| problem(error.to_string())).collect::<Vec<_>>()
        })?;
        let known: BTreeMap<_, _> = self.components.iter().map(|part| (part.name.clone(), part.back())).collect();
        let usual = Settings::default();
        let settings = Settings {
            timeout: self.timeout.unwrap_or(usual.timeout),
            deploy_timeout: self.deploy_timeout.unwrap_or(usual.deploy_timeout),
            recovery_timeout: self.recovery_timeout.unwrap_or(usual.recovery_timeout),
            retry: self.retry.unwrap_or(usual.retry),
            channels: self.channels.clone(),
            objective: self.objective,
            ..usual
        };
        let order = RollbackOrder {
            id: SagaId(Uuid::nil()),
            release: ReleaseId(Uuid::nil()),
            components: &components,
            scope: &Scope::default(),
            known: &known,
            flags: &BTreeMap::new(),
            settings: &settings,
        };
        let plan = rollback(&order).map_err(|error| {
            let at = match &error {
                BuildError::PastNoReturn { service, .. } => {
                    format!("{}.migrations", self.place_of(&format!("`{service}`")))
                }
                _ => "components".to_owned(),
            };
            vec![places.problem(&at, error.to_string())]
        })?;
        let wrong: Vec<_> =
            problems(&plan).iter().map(|problem| places.problem("components", problem.to_string())).collect();
        if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
    }

    /// The component that a text names first.
    fn place_of(&self, text: &str) -> String {
        let named = |part: &Part| text.find(&format!("`{}`", part.name));
        let found = self.components.iter().enumerate().filter_map(|(i, part)| Some((named(part)?, i))).min();
        found.map_or_else(|| "components".to_owned(), |(_, i)| format!("components[{i}]"))
    }
}
