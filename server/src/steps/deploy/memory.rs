//! Deployments as a table in this process. Remembers keys and tokens as a good program would, counts what really happened,
//! and can be told to fail, hang, lose its answer or lie.

use crate::ports::{DeployOrder, DeployQuestion, Deployer};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::artifact::Artifact;
use sternway_domain::id::ServiceName;
use sternway_domain::saga::Answer;

/// The deployments of all services. Clones share the table.
#[derive(Debug, Clone, Default)]
pub struct MemoryDeployments {
    table: Arc<Mutex<HashMap<ServiceName, Place>>>,
}

/// What happens to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    Works,
    /// Nothing happens, and it says so.
    Fails {
        error: String,
        again: bool,
    },
    /// It happens, and the answer never comes.
    LosesAnswer,
    /// It never arrives, and no answer comes.
    LosesOrder,
    /// It never happens, and it says that it did.
    Lies,
    /// Neither happens nor answers until the caller gives up; asked, it is under way.
    Hangs,
}

#[derive(Debug, Default)]
struct Place {
    running: Option<Artifact>,
    effects: Vec<DeployOrder>,
    script: VecDeque<Behaviour>,
    highest_token: u64,
    /// What was answered under each key.
    keys: BTreeMap<String, Answer>,
    /// Tries up to this one are refused: somebody was told that they never came.
    refused: BTreeMap<String, u32>,
}

impl MemoryDeployments {
    pub fn deployer(&self, service: ServiceName) -> MemoryDeployer {
        MemoryDeployer { deployments: self.clone(), service }
    }

    /// What runs now; nothing until something was deployed.
    pub fn running(&self, service: &ServiceName) -> Option<Artifact> {
        self.with(service, |place| place.running.clone())
    }

    /// Every order that took effect, oldest first. A key stands here at most once.
    pub fn effects(&self, service: &ServiceName) -> Vec<DeployOrder> {
        self.with(service, |place| place.effects.clone())
    }

    /// What happens to the next orders, one each; after these everything works.
    pub fn script(&self, service: &ServiceName, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.with(service, |place| place.script.extend(behaviours));
    }

    fn with<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Place) -> T) -> T {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        act(table.entry(service.clone()).or_default())
    }
}

/// The part of the table that belongs to one service.
#[derive(Debug, Clone)]
pub struct MemoryDeployer {
    deployments: MemoryDeployments,
    service: ServiceName,
}

impl Place {
    fn take(&mut self, order: &DeployOrder) -> Option<Answer> {
        if let Some(error) = self.stale(order.token) {
            return Some(failed(error));
        }
        if let Some(known) = self.keys.get(&order.key) {
            return Some(known.clone());
        }
        if self.refused.get(&order.key).is_some_and(|newest| order.attempt <= *newest) {
            return Some(failed(format!("try {} was said never to have arrived", order.attempt)));
        }
        let done = Answer::Done { output: format!("deployed {}", order.artifact.version) };
        match self.script.pop_front().unwrap_or(Behaviour::Works) {
            Behaviour::Works => {
                self.happen(order, &done);
                Some(done)
            }
            Behaviour::Fails { error, again } => {
                let answer = Answer::Failed { error, again };
                if !again {
                    self.keys.insert(order.key.clone(), answer.clone());
                }
                Some(answer)
            }
            Behaviour::LosesAnswer => {
                self.happen(order, &done);
                Some(Answer::Unknown { detail: "the answer was lost".to_owned() })
            }
            Behaviour::LosesOrder => Some(Answer::Unknown { detail: "no answer came".to_owned() }),
            Behaviour::Lies => {
                self.keys.insert(order.key.clone(), done.clone());
                Some(done)
            }
            Behaviour::Hangs => {
                self.keys.insert(order.key.clone(), Answer::Running);
                None
            }
        }
    }

    fn happen(&mut self, order: &DeployOrder, answer: &Answer) {
        self.running = Some(order.artifact.clone());
        self.effects.push(order.clone());
        self.keys.insert(order.key.clone(), answer.clone());
    }

    fn stale(&mut self, token: u64) -> Option<String> {
        if token < self.highest_token {
            return Some(format!("token {token} is older than {}", self.highest_token));
        }
        self.highest_token = token;
        None
    }
}

fn failed(error: String) -> Answer {
    Answer::Failed { error, again: false }
}

#[async_trait]
impl Deployer for MemoryDeployer {
    async fn deploy(&self, order: &DeployOrder) -> Answer {
        match self.deployments.with(&self.service, |place| place.take(order)) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    async fn ask(&self, question: &DeployQuestion) -> Answer {
        self.deployments.with(&self.service, |place| {
            if let Some(detail) = place.stale(question.token) {
                return Answer::CannotTell { detail };
            }
            if let Some(known) = place.keys.get(&question.key) {
                return known.clone();
            }
            let newest = place.refused.entry(question.key.clone()).or_default();
            *newest = question.attempt.max(*newest);
            Answer::NeverArrived
        })
    }

    fn fenced(&self) -> bool {
        true
    }
}
