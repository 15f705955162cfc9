//! The other services of a release: their traffic moves with the one that is judged, and counts as moved when every
//! proxy says so. While a saga takes them back, each follows its own step.

use super::Engine;
use super::steward::Steward;
use crate::ports::{Intent, Observation, TrafficDriver};
use crate::service::{ServiceError, TrafficStatus, encode};
use futures::future::join_all;
use std::sync::Arc;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::release::{Release, State};
use sternway_domain::saga::Saga;
use sternway_domain::time::{Span, Timestamp};

/// How often what a proxy says of a member is written down when nothing changes.
const NOTED_AGAIN: Span = Span::from_secs(5);

/// One of them.
pub(super) struct Member {
    name: ServiceName,
    driver: Result<Arc<dyn TrafficDriver>, String>,
    seen: Result<Observation, String>,
    noted: Option<(Weight, Timestamp)>,
}

/// Connects every member; what cannot be connected is said where it is looked at.
pub(super) async fn connect(engine: &Engine, release: &Release) -> Result<Vec<Member>, ServiceError> {
    let mut members = Vec::new();
    for component in release.components.iter().filter(|component| component.name != release.service) {
        let driver = match engine.service.service_document(&component.name).await? {
            Some(document) => engine.adapters.driver(&document),
            None => Err(format!("the service `{}` is not configured; apply its document", component.name)),
        };
        let seen = Err("not looked at yet".to_owned());
        members.push(Member { name: component.name.clone(), driver, seen, noted: None });
    }
    Ok(members)
}

impl Steward {
    /// Looks at every member, side by side, and sets right what drifted from where a saga put it.
    pub(super) async fn observe_members(&mut self) -> Result<(), ServiceError> {
        let release = &self.release;
        self.members.retain(|member| moves(release, member));
        let now = self.engine.service.clock.now();
        let looks: Vec<_> = self.members.iter().map(|member| member.driver.clone()).collect();
        let looks = looks
            .into_iter()
            .map(|driver| async move { driver?.observe(now).await.map_err(|failure| failure.to_string()) });
        let seen = self.keeping(join_all(looks)).await?;
        for (member, seen) in self.members.iter_mut().zip(seen) {
            member.seen = seen;
        }
        for index in 0..self.members.len() {
            self.correct(index).await?;
            self.note_member(index, now).await?;
        }
        Ok(())
    }

    /// Whether every proxy but the first reports what is asked of it now. Not asked while a saga takes them back.
    pub(super) fn members_agree(&self) -> bool {
        let wanted = self.release.asked.as_ref().map(|asked| asked.weight);
        let mut members = self.members.iter().filter(|member| moves(&self.release, member));
        self.sent_back() || members.all(|member| member.share() == wanted)
    }

    /// Asks every member for the share that is asked of all that moves. The first failure is told.
    pub(super) async fn shift_members(&mut self, key: &str) -> Result<Result<(), String>, ServiceError> {
        let Some(weight) = self.release.asked.as_ref().map(|asked| asked.weight).filter(|_| !self.sent_back()) else {
            return Ok(Ok(()));
        };
        let token = self.fence.token;
        let asks: Vec<_> = self
            .members
            .iter()
            .filter(|member| moves(&self.release, member))
            .map(|member| {
                let intent = Intent { service: member.name.clone(), canary: weight, key: key.to_owned(), token };
                let driver = member.driver.clone();
                async move { driver?.apply(&intent).await.map_err(|failure| failure.to_string()) }
            })
            .collect();
        let asked = self.keeping(join_all(asks)).await?;
        Ok(asked.into_iter().collect())
    }

    /// Whether a saga decides about traffic.
    fn sent_back(&self) -> bool {
        self.release.state == State::RollingBack && self.release.saga.is_some()
    }

    /// A share that was seen where a step put it, and is another now.
    async fn correct(&mut self, index: usize) -> Result<(), ServiceError> {
        let Some(saga) = self.courier.saga.as_ref().filter(|_| self.sent_back()) else { return Ok(()) };
        let member = &self.members[index];
        let (Some(wanted), Ok(driver)) = (self.wanted(saga, &member.name), member.driver.clone()) else {
            return Ok(());
        };
        if member.share().is_none_or(|share| share == wanted) {
            return Ok(());
        }
        tracing::warn!(release = %self.release.id, service = %member.name, "traffic drifted and is set right");
        let key = format!("{}:{}:{}", saga.plan.id, member.name, wanted.percent());
        let intent = Intent { service: member.name.clone(), canary: wanted, key, token: self.fence.token };
        if let Err(failure) = self.keeping(driver.apply(&intent)).await? {
            tracing::warn!(release = %self.release.id, %failure, "drifted traffic could not be set right");
        }
        Ok(())
    }

    /// Where a member should stand while a saga decides about traffic; `None` while one of its steps is under way.
    fn wanted(&self, saga: &Saga, name: &ServiceName) -> Option<Weight> {
        let part = self.release.back.as_ref().is_some_and(|back| back.only.is_some());
        // What does not go back stays where it stood.
        let stood =
            || self.release.stages_entered.last().filter(|_| part && !saga.shifts(name)).map(|entry| entry.weight);
        saga.settled_share(name).or_else(stood)
    }

    async fn note_member(&mut self, index: usize, now: Timestamp) -> Result<(), ServiceError> {
        let Some(asked) = &self.release.asked else { return Ok(()) };
        let member = &self.members[index];
        let Ok(seen) = &member.seen else { return Ok(()) };
        if member.noted.is_some_and(|(share, at)| share == seen.canary && now.since(at) < NOTED_AGAIN) {
            return Ok(());
        }
        let saga = self.courier.saga.as_ref().filter(|_| self.sent_back());
        let wanted = saga.and_then(|saga| self.wanted(saga, &member.name)).unwrap_or(asked.weight);
        let status = TrafficStatus {
            asked: wanted,
            asked_at: asked.at,
            observed: Some(seen.canary),
            observed_at: Some(seen.at),
            from: seen.from.clone(),
            baseline_ready: seen.baseline_ready,
            canary_ready: seen.canary_ready,
            baseline_total: seen.baseline_total,
            canary_total: seen.canary_total,
            disagree_since: None,
            failure: None,
            fenced: member.driver.as_ref().is_ok_and(|driver| driver.fenced()),
        };
        let (name, body, share) = (member.name.clone(), encode(&status), seen.canary);
        self.members[index].noted = Some((share, now));
        self.engine.service.store.put_traffic(&name, &body, &self.fence).await?;
        Ok(())
    }
}

/// What went back by itself is nobody's here any more.
fn moves(release: &Release, member: &Member) -> bool {
    release.components.iter().any(|component| component.name == member.name)
}

impl Member {
    fn share(&self) -> Option<Weight> {
        self.seen.as_ref().ok().map(|seen| seen.canary)
    }
}
