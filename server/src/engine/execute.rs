//! Does what `reconcile` asked for. Whether anything changed is all it reports.

use super::steward::Steward;
use crate::live::Topic;
use crate::ports::Intent;
use crate::service::{Caller, ServiceError, TrafficStatus, encode};
use crate::store::StoreError;
use crate::store::rows::{OutboxMark, OutboxRow};
use sternway_domain::actor::Rule;
use sternway_domain::effect::Effect;
use sternway_domain::plan::Weight;
use sternway_domain::release::Command;
use sternway_domain::time::Span;

/// An observation that says what the last one said is written down this often: each is a commit, and hundreds of
/// releases are observed every second.
const NOTED_AGAIN: Span = Span::from_secs(5);

impl Steward {
    /// Executes one effect; `true` when the release or what is observed of it changed.
    pub(super) async fn execute(&mut self, effect: Effect) -> Result<bool, ServiceError> {
        match effect {
            Effect::ShiftTraffic { weight, key } => self.shift(weight, key).await,
            Effect::Record(command) => self.act(Rule::ConfirmObserved, command).await,
            Effect::Decide { rule, command } => {
                tracing::info!(release = %self.release.id, rule = rule.as_str(), "acting under a rule");
                self.act(rule, command).await
            }
        }
    }

    async fn act(&mut self, rule: Rule, command: Command) -> Result<bool, ServiceError> {
        let service = self.engine.service.clone();
        let before = self.release.clone();
        let back = matches!(command, Command::Rollback { .. }).then(|| command.reason().to_owned());
        let acted = service.act_by_rule(&Caller::engine(rule), before.clone(), command, self.fence.clone()).await;
        let acted = match (acted, back) {
            // Going back would lose data: nothing moves until a person decides.
            (Err(ServiceError::PastNoReturn(refused)), Some(reason)) => {
                service.freeze_instead(rule, before, &reason, &refused, self.fence.clone()).await
            }
            (acted, _) => acted,
        };
        match acted {
            Ok(after) => {
                let changed = after.version != self.release.version;
                self.release = after;
                if self.release.confirmed() {
                    self.settle_outbox().await?;
                }
                Ok(changed)
            }
            // A person was quicker: look again.
            Err(ServiceError::Store(StoreError::Conflict { .. })) => {
                self.release = service.load(self.release.id).await?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks, then looks. Whether it worked is what the proxy says, not what the answer was.
    async fn shift(&mut self, weight: Weight, key: String) -> Result<bool, ServiceError> {
        let message = self.settle_outbox().await?;
        if self.left.take() == Some(weight) {
            tracing::warn!(release = %self.release.id, service = %self.release.service, "traffic drifted and is set right");
        }
        let intent = Intent { service: self.release.service.clone(), canary: weight, key, token: self.fence.token };
        let asked = match self.driver.clone() {
            Ok(driver) => self.keeping(driver.apply(&intent)).await?.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let asked = asked.and(self.shift_members(&intent.key).await?);
        let result = if asked.is_ok() { "asked" } else { "failed" };
        self.engine.service.metrics.effect("shift_traffic", result);
        if let Some(message) = message {
            let mark = OutboxMark::Attempted { error: asked.clone().err() };
            self.engine.service.store.outbox_mark(message.id, mark, &self.fence).await?;
        }
        if let Err(failure) = asked {
            tracing::warn!(release = %self.release.id, weight = weight.percent(), failure, "traffic could not be moved");
            self.observed = None;
            self.note_traffic(Some(failure)).await?;
            return Ok(false);
        }
        self.observe().await?;
        self.left = None;
        Ok(self.members_agree() && self.observed.as_ref().is_some_and(|seen| seen.canary == weight))
    }

    /// Ends messages that are confirmed or overtaken; returns the one that is still to be done.
    pub(super) async fn settle_outbox(&mut self) -> Result<Option<OutboxRow>, ServiceError> {
        let store = self.engine.service.store.clone();
        let at = self.engine.service.clock.now();
        let asked = self.release.asked.clone();
        let mut current = None;
        for message in store.outbox_pending(self.release.id).await? {
            match &asked {
                Some(asked) if asked.key == message.key && asked.confirmed_at.is_none() => current = Some(message),
                Some(asked) if asked.key == message.key => {
                    store.outbox_mark(message.id, OutboxMark::Done { at }, &self.fence).await?;
                }
                _ => store.outbox_mark(message.id, OutboxMark::Superseded { at }, &self.fence).await?,
            }
        }
        Ok(current)
    }

    /// Keeps asked and observed side by side, and since when they differ.
    pub(super) async fn note_traffic(&mut self, failure: Option<String>) -> Result<(), ServiceError> {
        let Some(asked) = &self.release.asked else { return Ok(()) };
        let now = self.engine.service.clock.now();
        let seen = self.observed.as_ref();
        let wanted = self.release.share(asked);
        let agree = failure.is_none() && seen.is_some_and(|seen| seen.canary == wanted);
        let before = self.traffic.take();
        let since = before.as_ref().and_then(|before| before.disagree_since);
        let status = TrafficStatus {
            asked: wanted,
            asked_at: asked.at,
            observed: seen.map(|seen| seen.canary).or(before.as_ref().and_then(|b| b.observed)),
            observed_at: seen.map(|seen| seen.at).or(before.as_ref().and_then(|b| b.observed_at)),
            from: seen.map(|seen| seen.from.clone()).or(before.as_ref().map(|b| b.from.clone())).unwrap_or_default(),
            baseline_ready: seen.and_then(|seen| seen.baseline_ready),
            canary_ready: seen.and_then(|seen| seen.canary_ready),
            baseline_total: seen.and_then(|seen| seen.baseline_total),
            canary_total: seen.and_then(|seen| seen.canary_total),
            disagree_since: if agree { None } else { Some(since.unwrap_or(now)) },
            failure,
            fenced: self.driver.as_ref().is_ok_and(|driver| driver.fenced()),
        };
        let alarm = status.alarm(now);
        let service = &self.engine.service;
        let only_later = before
            .as_ref()
            .is_some_and(|before| status == TrafficStatus { observed_at: status.observed_at, ..before.clone() });
        if !only_later || now.since(self.noted_at) >= NOTED_AGAIN {
            service.store.put_traffic(&self.release.service, &encode(&status), &self.fence).await?;
            self.noted_at = now;
        }
        let news = before.is_none_or(|before| {
            before.observed != status.observed
                || before.disagree_since.is_some() != status.disagree_since.is_some()
                || self.alarmed != alarm
                || before.failure != status.failure
        });
        service.metrics.disagrees(self.release.service.as_str(), status.disagree_since.is_some());
        self.alarmed = alarm;
        self.traffic = Some(status);
        if news {
            service.bus.touched(Topic::Release { id: self.release.id, service: self.release.service.clone() });
        }
        Ok(())
    }
}
