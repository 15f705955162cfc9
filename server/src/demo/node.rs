//! What the world is made of: a service with its two arms, and the ground on which all of them stand.

use super::catalogue::Spec;
use super::chance::Chance;
use super::instance::{ArmState, Deployment, Instance};
use super::load::Sent;
use super::net::{self, Tasks};
use super::router::DemoRouter;
use super::{Behaviour, DemoError, DemoKpi, DemoService};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use sternway_domain::artifact::Version;
use sternway_domain::id::ServiceName;
use sternway_domain::signal::Arm;

const INSTANCES_PER_ARM: usize = 2;
/// How often leaks grow and saturation is measured.
const TICK: Duration = Duration::from_millis(500);

/// One service with everything that belongs to it.
pub(super) struct Node {
    pub spec: &'static Spec,
    pub router: Arc<DemoRouter>,
    pub router_url: String,
    pub stable: Side,
    pub canary: Side,
    pub sent: Arc<Sent>,
    /// Deployments of a service come one after the other.
    pub changing: tokio::sync::Mutex<()>,
}

/// One arm.
pub(super) struct Side {
    pub state: Arc<ArmState>,
    pub instances: Vec<(Arc<Instance>, String)>,
    pub deployed: RwLock<Option<Arc<Deployment>>>,
}

impl Node {
    pub(super) fn side(&self, arm: Arm) -> &Side {
        match arm {
            Arm::Baseline => &self.stable,
            Arm::Canary => &self.canary,
        }
    }

    pub(super) async fn empty_canary(&self) {
        self.router.reset();
        self.router.drain_canary().await;
        self.canary.run(None);
        self.router.check().await;
    }
}

impl Side {
    pub(super) fn run(&self, deployment: Option<Arc<Deployment>>) {
        for (instance, _) in &self.instances {
            instance.run(deployment.clone());
        }
        *self.deployed.write().unwrap_or_else(PoisonError::into_inner) = deployment;
    }

    /// What is wrong with what runs here, as far as it runs.
    fn behaviour(&self) -> Behaviour {
        let without = self.state.without_new_code.load(Ordering::Relaxed);
        self.deployed().filter(|_| !without).map(|deployment| deployment.behaviour).unwrap_or_default()
    }

    pub(super) fn deployed(&self) -> Option<Arc<Deployment>> {
        self.deployed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn urls(&self) -> Vec<String> {
        self.instances.iter().map(|(_, url)| url.clone()).collect()
    }
}

/// What every part of a new world stands on.
pub(super) struct Ground {
    pub seed: u64,
    pub client: reqwest::Client,
    pub upstream: Arc<BTreeMap<&'static str, String>>,
    pub tasks: Tasks,
}

impl Ground {
    pub(super) fn chance(&self, name: &str) -> Chance {
        Chance::new(self.seed, name)
    }

    pub(super) async fn node(
        &self,
        spec: &'static Spec,
        listener: tokio::net::TcpListener,
        addr: SocketAddr,
    ) -> Result<Node, DemoError> {
        let (stable, stable_addrs) = self.side(spec, Arm::Baseline).await?;
        let (canary, canary_addrs) = self.side(spec, Arm::Canary).await?;
        let chance = self.chance(&format!("{} router", spec.name));
        let name = catalogue_name(spec.name)?;
        let router = DemoRouter::new(name, addr, [stable_addrs, canary_addrs], chance, self.client.clone());
        self.tasks.serve(listener, router.clone().app());
        let version = Version::try_from(spec.version.to_owned())
            .map_err(|error| DemoError::Catalogue { detail: error.to_string() })?;
        stable.run(Some(Deployment::new(version, Behaviour::Healthy)));
        Ok(Node {
            spec,
            router,
            router_url: format!("http://{addr}{}", spec.path),
            stable,
            canary,
            sent: Arc::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    async fn side(&self, spec: &'static Spec, arm: Arm) -> Result<(Side, Vec<SocketAddr>), DemoError> {
        let state = Arc::new(ArmState::default());
        let (mut instances, mut addrs) = (Vec::new(), Vec::new());
        for number in 1..=INSTANCES_PER_ARM {
            let name = match arm {
                Arm::Baseline => format!("{}-stable-{number}", spec.name),
                Arm::Canary => format!("{}-canary-{number}", spec.name),
            };
            let (listener, addr) = net::bind(&name).await?;
            let instance = Arc::new(Instance {
                spec,
                arm,
                state: state.clone(),
                upstream: self.upstream.clone(),
                client: self.client.clone(),
                chance: self.chance(&name),
                stop: self.tasks.stop.clone(),
                running: RwLock::new(None),
            });
            self.tasks.serve(listener, instance.clone().app());
            instances.push((instance, format!("http://{addr}/metrics")));
            addrs.push(addr);
        }
        Ok((Side { state, instances, deployed: RwLock::new(None) }, addrs))
    }

    pub(super) fn keep_time(&self, nodes: &BTreeMap<ServiceName, Node>) {
        let sides = nodes.values().flat_map(|node| [&node.stable, &node.canary]);
        let all: Vec<_> = sides.flat_map(|side| side.instances.iter().map(|(instance, _)| instance.clone())).collect();
        self.tasks.spawn(async move {
            let mut last = tokio::time::Instant::now();
            loop {
                tokio::time::sleep(TICK).await;
                let elapsed = last.elapsed().as_secs_f64();
                last = tokio::time::Instant::now();
                all.iter().for_each(|instance| instance.tick(elapsed));
            }
        });
    }
}

pub(super) fn describe((name, node): (&ServiceName, &Node)) -> DemoService {
    let version = |side: &Side| side.deployed().map(|deployment| deployment.version.clone());
    let kpi = node.spec.kpi.map(|kpi| DemoKpi {
        name: kpi.name.to_owned(),
        good: format!("{}_total", kpi.good),
        of: format!("{}_total", kpi.of),
    });
    DemoService {
        name: name.clone(),
        description: node.spec.description.to_owned(),
        depends_on: node.spec.depends_on().filter_map(|needed| ServiceName::new(needed).ok()).collect(),
        router: node.router_url.clone(),
        stable: node.stable.urls(),
        canary: node.canary.urls(),
        stable_version: version(&node.stable).expect("a world is built with a stable version, and none is taken away"),
        candidate: version(&node.canary),
        behaviour: node.canary.behaviour(),
        kpi,
    }
}

pub(super) fn catalogue_name(name: &str) -> Result<ServiceName, DemoError> {
    ServiceName::new(name).map_err(|error| DemoError::Catalogue { detail: error.to_string() })
}
