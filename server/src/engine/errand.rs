//! One try of one step: done in the world, then looked at. Failed means it surely did not happen.

use super::Engine;
use super::tenure::Term;
use crate::ports::{DeployOrder, DeployQuestion, Intent, TrafficDriver};
use crate::service::outside::CHANNEL;
use crate::service::{Caller, ServiceError};
use crate::steps::notify::Notice;
use crate::store::rows::{Fence, ReleaseFilter};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::actor::Rule;
use sternway_domain::flag::Refusal;
use sternway_domain::id::{CellName, FlagKey, MigrationName, SagaId, ServiceName};
use sternway_domain::migration::Phase;
use sternway_domain::plan::Weight;
use sternway_domain::release::{Command, HoldCause, Release, State};
use sternway_domain::saga::{Answer, StepAct, StepId};
use sternway_domain::service::Service as Document;
use sternway_domain::time::{Span, Timestamp};

mod recovery;

/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(200);

/// Everything one try needs, owned: it outlives the look that sent it.
pub(super) struct Errand {
    pub(super) engine: Engine,
    pub(super) release: Release,
    pub(super) saga: SagaId,
    pub(super) step: StepId,
    pub(super) act: StepAct,
    pub(super) timeout: Span,
    pub(super) key: String,
    pub(super) attempt: u32,
    pub(super) token: u64,
    pub(super) fence: Fence,
    pub(super) term: Term,
    pub(super) deadline: Timestamp,
}

impl Errand {
    /// Brings it about and looks.
    pub(super) async fn run(self) -> Answer {
        match &self.act {
            StepAct::Freeze { components } => self.freeze(components).await,
            StepAct::ShiftTraffic { service, weight, cells, settle } => {
                self.shift(service, *weight, cells, settle.unwrap_or_default()).await
            }
            StepAct::Drain { service, limit } => match self.driver(service).await {
                Ok(driver) => self.engine.hands.drain(driver.as_ref(), *limit).await,
                Err(answer) => answer,
            },
            StepAct::Deploy { service, artifact, cells } => match self.deployer(service).await {
                Ok(deployer) => {
                    let order = DeployOrder {
                        service: service.clone(),
                        artifact: artifact.clone(),
                        cells: cells.clone(),
                        key: self.key.clone(),
                        attempt: self.attempt,
                        token: self.token,
                        deadline: self.deadline,
                    };
                    if !self.term.stands() {
                        return again("the lease was over before the order left".to_owned());
                    }
                    deployer.deploy(&order).await
                }
                Err(answer) => answer,
            },
            StepAct::Probe { service, probe } => match self.document(service).await {
                Ok(document) => {
                    let now = self.engine.service.clock.now();
                    self.engine.hands.probe(probe, &document.signals, now).await
                }
                Err(answer) => answer,
            },
            StepAct::InvalidateCache { cache } => self.engine.hands.empty_cache(cache, &self.key).await,
            StepAct::Notify { channels, text } => self.tell(channels, text).await,
            StepAct::RecoveryGate { components, policy } => self.prove(components, policy.clone()).await,
            StepAct::KillSwitch { flag, enabled } => self.switch(flag, *enabled).await,
            StepAct::Data { migration, from, to, .. } => self.move_data(migration, *from, *to).await,
            // A person does it; no order ever leaves for one.
            StepAct::Manual { .. } => Answer::Running,
        }
    }

    /// What became of it. Only a deployer remembers; everything else may be done again under the same key.
    pub(super) async fn ask(self) -> Answer {
        match &self.act {
            StepAct::Deploy { service, artifact, cells } => match self.deployer(service).await {
                Ok(deployer) => {
                    let question = DeployQuestion {
                        service: service.clone(),
                        artifact: artifact.clone(),
                        cells: cells.clone(),
                        key: self.key.clone(),
                        attempt: self.attempt,
                        token: self.token,
                    };
                    deployer.ask(&question).await
                }
                Err(_) => Answer::Running,
            },
            StepAct::ShiftTraffic { service, weight, settle, .. } => match self.driver(service).await {
                Ok(driver) => match driver.observe(self.engine.service.clock.now()).await {
                    // Whether it stood long enough nobody knows: it is asked for again, and stands from then on.
                    Ok(seen) if seen.canary == *weight && settle.is_none() => {
                        Answer::Done { output: format!("`{}` reports {} %", seen.from, weight.percent()) }
                    }
                    Ok(_) => Answer::NeverArrived,
                    Err(_) => Answer::Running,
                },
                Err(_) => Answer::Running,
            },
            StepAct::Manual { .. } => Answer::Running,
            _ => Answer::NeverArrived,
        }
    }

    /// With the newest head of the log, which from then on is in others' hands.
    async fn tell(&self, channels: &[String], text: &str) -> Answer {
        let service = &self.engine.service;
        let head = service.signed_head().await.ok().flatten();
        let checkpoint = head.as_ref().map(|head| head.row.note.as_str());
        let (release, saga, step) = (self.release.id, self.saga, self.step);
        let link = service.alarms.link(Some(release));
        let notice = Notice { text, release, saga, step, key: &self.key, checkpoint, link: link.as_deref() };
        let told = self.engine.hands.notify(channels, &notice).await;
        if let Some(head) = head {
            for name in &told.by {
                service.left_by(CHANNEL, name, head.row.size, head.row.note.clone()).await;
            }
        }
        told.answer
    }

    async fn switch(&self, flag: &FlagKey, enabled: bool) -> Answer {
        let service = &self.engine.service;
        let reason = format!("`{}` {} is rolled back.", self.release.service, self.release.candidate.version);
        let caller = Caller::engine(Rule::SwitchOnRollback);
        let fence = Some(self.fence.clone());
        match service.switch_by_rule(&caller, flag, enabled, &reason, &self.key, fence).await {
            Ok(_) => Answer::Done { output: format!("`{flag}` is {}", if enabled { "on" } else { "off" }) },
            Err(error @ ServiceError::Store(_)) => again(error.to_string()),
            Err(ServiceError::FlagRefused(Refusal::Retired { .. })) => {
                Answer::Done { output: format!("`{flag}` is retired: nothing asks for it any more") }
            }
            Err(error) => never(error.to_string()),
        }
    }

    /// Back only: what was undone goes forward again by a person, who knows what was written meanwhile.
    async fn move_data(&self, name: &MigrationName, from: Phase, to: Phase) -> Answer {
        if to > from {
            let (from, to) = (from.label(), to.label());
            return never(format!(
                "`{name}` went back to `{from}`; only a person moves it on to `{to}`, then go on without this step"
            ));
        }
        let service = &self.engine.service;
        let caller = Caller::engine(Rule::MoveDataOnRollback);
        let fence = Some(self.fence.clone());
        match service.data_back_by_rule(&caller, &self.release, name, to, &self.key, fence).await {
            Ok(acted) => Answer::Done { output: format!("`{name}` {}", acted.said) },
            Err(error @ ServiceError::Store(_)) => again(error.to_string()),
            Err(error) => never(error.to_string()),
        }
    }

    /// Other releases of these services are held, so that no rule promotes them meanwhile.
    async fn freeze(&self, components: &[ServiceName]) -> Answer {
        match self.hold_others(components).await {
            Ok(held) if held.is_empty() => Answer::Done { output: "nothing else was under way".to_owned() },
            Ok(held) => Answer::Done { output: format!("held: {}", held.join(", ")) },
            Err(error) => again(error.to_string()),
        }
    }

    async fn hold_others(&self, components: &[ServiceName]) -> Result<Vec<String>, ServiceError> {
        let service = &self.engine.service;
        let filter = ReleaseFilter { active: Some(true), limit: 10_000, ..ReleaseFilter::default() };
        let mut held = Vec::new();
        for row in service.store.releases(&filter).await? {
            if row.id == self.release.id {
                continue;
            }
            let other = service.load(row.id).await?;
            let shares = components.contains(&other.service)
                || other.moves().into_iter().any(|(name, _)| components.contains(name));
            if !shares || !matches!(other.state, State::Running { .. }) {
                continue;
            }
            let reason = format!("`{}` is rolled back.", self.release.service);
            let command = Command::Hold { cause: HoldCause::Person, reason };
            let caller = Caller::engine(Rule::FreezeOnRollback);
            held.push(format!("`{}` {}", other.service, other.candidate.version));
            service.act_by_rule(&caller, other, command, self.fence.clone()).await?;
        }
        Ok(held)
    }

    /// Asks, then waits until the proxy has reported it for long enough.
    async fn shift(&self, service: &ServiceName, weight: Weight, cells: &[CellName], settle: Span) -> Answer {
        if !cells.is_empty() {
            return never(format!("traffic of `{service}` moves as a whole, not cell by cell"));
        }
        let driver = match self.driver(service).await {
            Ok(driver) => driver,
            Err(answer) => return answer,
        };
        let token = i64::try_from(self.token).unwrap_or(i64::MAX);
        let intent = Intent { service: service.clone(), canary: weight, key: self.key.clone(), token };
        if !self.term.stands() {
            return again("the lease was over before the order left".to_owned());
        }
        if let Err(failure) = driver.apply(&intent).await {
            // A weight is absolute: asking again is asking once.
            return again(failure.to_string());
        }
        let clock = &self.engine.service.clock;
        let long = Duration::from_micros(settle.micros().unsigned_abs());
        let mut since = None;
        loop {
            let seen = driver.observe(clock.now()).await;
            let there = seen.as_ref().is_ok_and(|seen| seen.canary == weight);
            since = since.filter(|_| there).or(there.then(tokio::time::Instant::now));
            match &seen {
                Ok(seen) if since.is_some_and(|since| since.elapsed() >= long) => {
                    return Answer::Done { output: format!("`{}` reports {} %", seen.from, weight.percent()) };
                }
                _ if clock.now() >= self.deadline => {}
                _ => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            }
            return again(match seen {
                Ok(seen) => format!("`{}` still reports {} % after {}", seen.from, seen.canary.percent(), self.timeout),
                Err(failure) => failure.to_string(),
            });
        }
    }

    async fn document(&self, service: &ServiceName) -> Result<Document, Answer> {
        match self.engine.service.service_document(service).await {
            Ok(Some(document)) => Ok(document),
            Ok(None) => Err(never(format!("the service `{service}` is not configured; apply its document"))),
            Err(error) => Err(again(error.to_string())),
        }
    }

    async fn driver(&self, service: &ServiceName) -> Result<Arc<dyn TrafficDriver>, Answer> {
        let document = self.document(service).await?;
        self.engine.adapters.driver(&document).map_err(never)
    }

    async fn deployer(&self, service: &ServiceName) -> Result<Arc<dyn crate::ports::Deployer>, Answer> {
        let document = self.document(service).await?;
        let Some(deploy) = &document.deploy else {
            return Err(never(format!(
                "the service `{service}` names no deployer; deploy by hand, then skip this step"
            )));
        };
        self.engine.hands.deployer(service, deploy).map_err(|error| never(error.to_string()))
    }
}

fn never(error: String) -> Answer {
    Answer::Failed { error, again: false }
}

fn again(error: String) -> Answer {
    Answer::Failed { error, again: true }
}
