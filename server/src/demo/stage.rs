//! Puts the demo world on Sternway's stage: people, documents, releases, and the bar with which a visitor breaks things.
//!
//! Everything goes through the application service like anybody else's doing; the world only runs what is released.

pub mod orders;
mod people;
mod resume;
mod switches;

use self::people::{ADMIN, DemoPerson, MANAGER};
use super::{Behaviour, DemoError, DemoService, DemoWorld, Fault};
use crate::auth::{Auth, AuthError};
use crate::documents;
use crate::engine::Adapters;
use crate::outbound::Outbound;
use crate::ports::{SignalSource, TrafficDriver};
use crate::service::record::Act;
use crate::service::{ActRequest, Caller, NewArtifact, NewRelease, Overrides, Service, ServiceError, Wanted};
use crate::sources::{self, MemorySignals};
use crate::store::rows::{ReleaseFilter, Unit};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_app::view::door::DemoPersonView;
use sternway_app::view::{ChoiceView, DemoBarView, DemoServiceView};
use sternway_domain::access::Action;
use sternway_domain::artifact::Version;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{Digest, ReleaseId, ServiceName};
use sternway_domain::release::{Release, State};
use sternway_domain::service::Service as Document;
use sternway_domain::signal::{Arm, Source};
use sternway_domain::time::Span;

/// How long the failing candidate behaves well.
const FAILS_AFTER: Span = Span::from_secs(45);

/// The three releases that run from the start: service, plan, what is wrong with the build, why it is released.
const RELEASES: [(&str, &str, Behaviour, &str); 3] = [
    ("search", "demo-automatic", Behaviour::Healthy, "Better ranking of short questions"),
    (
        "checkout",
        "demo-assisted",
        Behaviour::FailsAfter { after: FAILS_AFTER },
        "Pricing by currency, ticket SHOP-1182",
    ),
    ("payments", "demo-automatic", Behaviour::CreepsSlowly, "New card provider behind the same interface"),
];

/// Why the demo could not be set up or asked.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    World(#[from] DemoError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the demo's own documents are wrong: {0}")]
    Documents(String),
    #[error("`{0}` is not a fault; choose one from the bar")]
    UnknownFault(String),
    #[error("the demo's orders cannot be kept")]
    Orders(#[from] sqlx::Error),
    #[error("the demo's file cannot be written")]
    File(#[source] std::io::Error),
}

/// The demo: its world, its people, and Sternway around both.
pub struct Stage {
    world: Arc<DemoWorld>,
    service: Service,
    outbound: Outbound,
    people: Vec<DemoPerson>,
    manager: Caller,
    /// What to make of the next candidate of a service, so that a new release is not the last one again.
    next: Mutex<HashMap<ServiceName, u32>>,
}

impl Stage {
    /// Makes the people, applies the documents and starts the releases.
    pub async fn set(
        world: Arc<DemoWorld>,
        service: Service,
        auth: &Auth,
        outbound: Outbound,
    ) -> Result<Arc<Self>, StageError> {
        let (people, callers) = people::make(auth, service.rng.as_ref()).await?;
        let manager = callers[MANAGER].clone();
        let stage = Self { world, service, outbound, people, manager, next: Mutex::default() };
        stage.apply(&callers[ADMIN]).await?;
        let stage = Arc::new(stage);
        for (service, plan, behaviour, reason) in RELEASES {
            stage.release(&stage.manager, &demo_name(service), plan, behaviour, reason).await?;
        }
        orders::play(&stage, &callers[ADMIN]).await?;
        Ok(stage)
    }

    /// For the sign-in page.
    pub fn people(&self) -> Vec<DemoPersonView> {
        people::views(&self.people)
    }

    /// `demo.json`: the address and the people, so that scripts can act as them. Readable by its owner only.
    pub fn write(&self, path: &Path, url: &str) -> Result<(), StageError> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let text = serde_json::json!({ "url": url, "people": self.people, "services": self.world.services() });
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(StageError::File)?;
        writeln!(file, "{text:#}").map_err(StageError::File)
    }

    /// The bar at the foot of every page.
    pub fn bar(&self) -> DemoBarView {
        let faults = self.world.faults();
        let services = self.world.services();
        DemoBarView {
            services: services
                .iter()
                .map(|service| DemoServiceView {
                    name: service.name.to_string(),
                    active: born_with(service)
                        .into_iter()
                        .chain(faults.iter().filter(|f| f.service == service.name).map(|f| fault_words(f.fault)))
                        .collect(),
                })
                .collect(),
            faults: FAULTS
                .iter()
                .map(|(value, label, _)| ChoiceView {
                    value: (*value).to_owned(),
                    label: (*label).to_owned(),
                    chosen: false,
                })
                .collect(),
            startable: services.iter().map(|service| service.name.to_string()).collect(),
        }
    }

    /// Breaks the canary of a service, or mends it (`clear`). A decision in the log like any other act.
    pub async fn inject(&self, caller: &Caller, service: &str, fault: &str) -> Result<(), StageError> {
        let name = ServiceName::new(service).map_err(|error| invalid("service", &error.to_string()))?;
        let mut act = Act::on(Action::Inject, Target::Service { name: name.clone() }, "");
        act.effects.push(format!("demo fault on the canary: {fault}"));
        if let Err(error) = self.service.authorise(caller, Action::Inject) {
            return Err(self.service.refuse(caller, &act, error).await.into());
        }
        if fault == "clear" {
            self.world.clear(&name, Arm::Canary)?;
            self.world.clear(&name, Arm::Baseline)?;
        } else {
            let known = FAULTS.iter().find(|(value, _, _)| *value == fault);
            let (_, _, fault) = known.ok_or_else(|| StageError::UnknownFault(fault.chars().take(40).collect()))?;
            self.world.inject(&name, Arm::Canary, *fault)?;
        }
        let decision = self.service.decision(caller, &act, Outcome::Accepted)?;
        self.service.commit(Unit { decision: Some(decision), ..Unit::default() }, None).await?;
        Ok(())
    }

    /// Starts a new release of a demo service, healthy unless a fault is injected.
    pub async fn start_release(&self, caller: &Caller, service: &str) -> Result<ReleaseId, StageError> {
        let name = ServiceName::new(service).map_err(|error| invalid("service", &error.to_string()))?;
        self.release(caller, &name, "demo-automatic", Behaviour::Healthy, "A visitor wanted to see one more").await
    }

    async fn release(
        &self,
        caller: &Caller,
        name: &ServiceName,
        plan: &str,
        behaviour: Behaviour,
        reason: &str,
    ) -> Result<ReleaseId, StageError> {
        self.release_with(caller, name, plan, behaviour, reason, vec![]).await
    }

    /// The same with data migrations.
    async fn release_with(
        &self,
        caller: &Caller,
        name: &ServiceName,
        plan: &str,
        behaviour: Behaviour,
        reason: &str,
        migrations: Vec<String>,
    ) -> Result<ReleaseId, StageError> {
        self.resume_automation(name).await?;
        self.clear_away(name).await?;
        let now = self.find(name)?;
        let version = self.next_version(name, &now.stable_version);
        let new = NewRelease {
            components: vec![],
            migrations,
            service: name.to_string(),
            candidate: build(name, &version),
            baseline: Some(build(name, now.stable_version.as_str())),
            plan: plan.to_owned(),
            checklist: None,
            override_known_bad: false,
            reason: reason.to_owned(),
        };
        let key = || self.service.new_id().to_string();
        let created = self.service.create(caller, new, &key()).await?;
        let id: ReleaseId =
            created.release.id.parse().map_err(|_| StageError::Documents("a release without an id".into()))?;
        let version = Version::try_from(version).map_err(|error| StageError::Documents(error.to_string()))?;
        self.world.deploy(name, version, behaviour).await?;
        let start = ActRequest {
            release: id,
            wanted: Wanted::Start { override_checklist: false, deployed: false },
            reason: reason.to_owned(),
            expected_version: created.release.version,
            overrides: Overrides::default(),
            idempotency_key: key(),
        };
        self.service.act(caller, start).await?;
        Ok(id)
    }

    /// Deploys what somebody released through the form or the API, and tidies up after what ended.
    pub async fn follow(self: Arc<Self>, cancel: tokio_util::sync::CancellationToken) {
        let mut changes = self.service.bus.subscribe();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                change = changes.recv() => {
                    if matches!(change, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                        return;
                    }
                }
            }
            while changes.try_recv().is_ok() {}
            if let Err(error) = self.heed_flags().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the demo could not read its flags");
            }
            if let Err(error) = self.deploy_what_runs().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the demo could not follow a release");
            }
        }
    }

    /// The candidate of every active release must run somewhere, or its canary arm would be empty.
    async fn deploy_what_runs(&self) -> Result<(), StageError> {
        let filter = ReleaseFilter { active: Some(true), limit: 50, ..ReleaseFilter::default() };
        for row in self.service.store.releases(&filter).await.map_err(ServiceError::from)? {
            let Ok(service) = self.find(&row.service) else { continue };
            let release: Release = crate::service::decode("release", &row.body)?;
            if release.state != State::RollingBack && service.candidate.as_ref() != Some(&release.candidate.version) {
                self.world.deploy(&row.service, release.candidate.version, Behaviour::Healthy).await?;
            }
        }
        Ok(())
    }

    /// Before a new candidate: the last one becomes the stable version if it was promoted, or goes.
    async fn clear_away(&self, name: &ServiceName) -> Result<(), StageError> {
        let service = self.find(name)?;
        let Some(candidate) = service.candidate else { return Ok(()) };
        let running = self.service.running_now(name).await?;
        if running.is_some_and(|artifact| artifact.version == candidate) {
            self.world.settle(name).await?;
        } else if self.world.routed(name).is_ok() {
            self.world.withdraw(name).await?;
        }
        Ok(())
    }

    fn find(&self, name: &ServiceName) -> Result<DemoService, DemoError> {
        self.world.driver(name)?;
        let found = self.world.services().into_iter().find(|service| service.name == *name);
        found.ok_or_else(|| DemoError::Catalogue { detail: format!("`{name}` is not in it") })
    }

    fn next_version(&self, name: &ServiceName, stable: &Version) -> String {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let step = next.entry(name.clone()).or_insert(0);
        *step += 1;
        bumped(stable.as_str(), *step)
    }

    async fn apply(&self, admin: &Caller) -> Result<(), StageError> {
        let mut files: Vec<(String, String)> =
            documents::examples().into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        files.push(("demo/plans.yaml".into(), include_str!("documents/plans.yaml").into()));
        files.push(("demo/flags.yaml".into(), switches::yaml(self.service.clock.now())));
        files.push(("demo/orders.yaml".into(), include_str!("documents/orders.yaml").into()));
        files.push(("demo/services.yaml".into(), services_yaml(&self.world.services())));
        let key = self.service.new_id().to_string();
        self.service.apply(admin, &files, "What the demo runs on", &key).await?;
        Ok(())
    }
}

impl Adapters for Stage {
    fn source(&self, service: &Document, which: Source) -> Result<Arc<dyn SignalSource>, String> {
        sources::build(service, which, &self.outbound, &MemorySignals::default()).map_err(|error| error.to_string())
    }

    fn driver(&self, service: &Document) -> Result<Arc<dyn TrafficDriver>, String> {
        self.world.driver(&service.name).map_err(|error| error.to_string())
    }
}

/// The faults of the bar: value, words, and what it does to the canary.
const FAULTS: [(&str, &str, Fault); 5] = [
    ("errors", "20 % errors", Fault::Errors { ratio: 0.2 }),
    ("few_errors", "4 % errors", Fault::Errors { ratio: 0.04 }),
    ("latency", "+80 ms latency", Fault::Latency { added_ms: 80.0 }),
    ("saturation", "saturation leak", Fault::SaturationLeak { per_second: 0.01 }),
    ("metrics", "metrics outage", Fault::MetricsOutage),
];

/// What is wrong with the candidate's build itself, which no button mends.
fn born_with(service: &DemoService) -> Option<String> {
    let version = service.candidate.as_ref()?;
    match service.behaviour {
        Behaviour::Healthy => None,
        Behaviour::FailsAfter { after } => Some(format!("{version} fails one request in five after {after}")),
        Behaviour::CreepsSlowly => Some(format!("{version} gets slower and slower")),
    }
}

fn fault_words(fault: Fault) -> String {
    let known = FAULTS.iter().find(|(_, _, known)| *known == fault);
    known.map_or_else(|| "a fault".to_owned(), |(_, label, _)| (*label).to_owned())
}

/// `1.41.3` and 1 → `1.42.0`.
fn bumped(version: &str, step: u32) -> String {
    let mut parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    match parts.len() {
        0 => step.to_string(),
        1 => (parts[0] + step).to_string(),
        len => {
            parts[len - 2] += step;
            parts[len - 1] = 0;
            parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
        }
    }
}

fn demo_name(name: &str) -> ServiceName {
    ServiceName::new(name).expect("the names of the catalogue are plain")
}

/// The demo has no registry of images: a build's digest is that of its name.
fn build(service: &ServiceName, version: &str) -> NewArtifact {
    let digest = Digest::of(format!("demo build of {service} {version}").as_bytes());
    NewArtifact { version: version.to_owned(), digest: digest.to_string() }
}

fn invalid(field: &str, text: &str) -> ServiceError {
    ServiceError::Invalid { field: field.to_owned(), text: text.to_owned() }
}

fn services_yaml(services: &[DemoService]) -> String {
    let list = |urls: &[String]| urls.iter().map(|url| format!("\"{url}\"")).collect::<Vec<_>>().join(", ");
    let one = |service: &DemoService| {
        let depends: Vec<&str> = service.depends_on.iter().map(ServiceName::as_str).collect();
        let kpis = service.kpi.as_ref().map_or_else(String::new, |kpi| {
            format!("\n      kpis:\n        {}: {{ good: {}, of: {} }}", kpi.name, kpi.good, kpi.of)
        });
        format!(
            "kind: Service\nname: {}\ndescription: \"{}\"\nowners: [team-{}]\ndepends_on: [{}]\ntraffic: demo\nsignals:\n  \
             scrape:\n    preset: http_requests_total\n    baseline: [{}]\n    canary: [{}]\n    queries:\n      \
             saturation: process_saturation_ratio{kpis}\nobjectives: {{ rto: 5m }}\nrunbooks: [rollback, rollforward]\n\
             rollback: {{ recovery: {{ steady: 5s, max_age: 10s }} }}\n",
            service.name,
            service.description,
            service.name,
            depends.join(", "),
            list(&service.stable),
            list(&service.canary),
        )
    };
    services.iter().map(one).collect::<Vec<_>>().join("---\n")
}
