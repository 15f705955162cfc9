//! Reading and judging: one tick at a time, stored before anything follows from it.

use super::steward::Steward;
use crate::live::Topic;
use crate::service::{Live, Point, Service, ServiceError, TickBody, decode, encode};
use crate::store::rows::TickWrite;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use sternway_domain::id::ReleaseId;
use sternway_domain::judge::{JudgeState, Policy, judge};
use sternway_domain::plan::{Metric, Plan, Weight};
use sternway_domain::release::Release;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::signal::{Arm, ArmTick, SourceFailure, Tick, stats};
use sternway_domain::time::{Span, Timestamp};

/// Everything that is carried from tick to tick. Stored with each, so that a restart goes on where it was.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    window: SignalWindow,
    judge: JudgeState,
    last_at: Option<Timestamp>,
    points: Vec<Point>,
}

impl Watch {
    pub(super) async fn load(service: &Service, release: ReleaseId) -> Result<Watch, ServiceError> {
        match service.store.judge_state(release).await? {
            Some((_, state)) => decode("judge state", &state),
            None => Ok(Watch::default()),
        }
    }

    pub(super) fn due(&self, release: &Release, now: Timestamp) -> bool {
        self.next_in(release, now) == Span::ZERO
    }

    pub(super) fn next_in(&self, release: &Release, now: Timestamp) -> Span {
        self.last_at.map_or(Span::ZERO, |last| (last + release.plan.interval).since(now))
    }
}

impl Steward {
    /// Reads once, judges once, stores both with the state after them.
    pub(super) async fn read_and_judge(&mut self, now: Timestamp) -> Result<(), ServiceError> {
        let Some(stage) = self.release.state.stage() else { return Ok(()) };
        let reading = match &self.source {
            Ok(source) => source.read(now).await,
            Err(detail) => {
                let source_name = self.release.service.to_string();
                Err(SourceFailure::Misconfigured { source_name, detail: detail.clone() })
            }
        };
        let now = self.engine.service.clock.now();
        let plan = &self.release.plan;
        let tick = self.watch.window.push(reading, now, plan.max_age);
        let verdict = judge(&mut self.watch.judge, &tick, &policy(plan, &self.release, stage));
        let point = point(&tick, plan);
        self.watch.last_at = Some(now);
        self.watch.points.push(point.clone());
        let surplus = self.watch.points.len().saturating_sub(Live::POINTS);
        self.watch.points.drain(..surplus);
        let sampled_at = self.sampled_at(&tick);
        let live = Live { verdict: verdict.clone(), sampled_at, points: self.watch.points.clone() };
        let write = TickWrite {
            release: self.release.id,
            number: i64::try_from(tick.number).unwrap_or(i64::MAX),
            at: tick.at,
            body: encode(&TickBody { tick, verdict: verdict.clone(), point }),
            state: encode(&self.watch),
            live: encode(&live),
            fence: self.fence.clone(),
        };
        self.engine.service.store.put_tick(write).await?;
        self.engine.service.metrics.judged(verdict.kind.as_str());
        self.verdict = Some(verdict);
        let topic = Topic::Release { id: self.release.id, service: self.release.service.clone() };
        self.engine.service.bus.touched(topic);
        Ok(())
    }

    /// When the newest usable sample was taken.
    fn sampled_at(&self, tick: &Tick) -> Timestamp {
        if tick.baseline.data.usable() && tick.canary.data.usable() {
            tick.at
        } else {
            let usable = |point: &&Point| !point.canary.is_empty();
            self.watch.points.iter().rev().find(usable).map_or(tick.at, |point| point.at)
        }
    }
}

fn policy(plan: &Plan, release: &Release, stage: u8) -> Policy {
    Policy {
        guards: plan.guards.clone(),
        hard_limits: plan.hard_limits.clone(),
        min_data: plan.min_data,
        window: plan.window,
        interval: plan.interval,
        weight: release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight),
        stage,
    }
}

/// The values of one tick, for charts: the golden signals and whatever else the plan looks at.
fn point(tick: &Tick, plan: &Plan) -> Point {
    let golden = [
        Metric::Errors,
        Metric::Latency(50),
        Metric::Latency(95),
        Metric::Latency(99),
        Metric::Traffic,
        Metric::Saturation,
    ];
    let asked = plan.guards.iter().map(|guard| &guard.metric).chain(plan.hard_limits.iter().map(|limit| &limit.metric));
    let metrics: BTreeSet<Metric> = golden.iter().chain(asked).cloned().collect();
    let values = |arm| {
        let value = |metric: &Metric| Some((metric.clone(), stats::value(metric, [tick], arm).known()?));
        metrics.iter().filter_map(value).collect()
    };
    let sum = |arm: &ArmTick, of: fn(&sternway_domain::signal::InstanceTick) -> f64| arm.instances.iter().map(of).sum();
    Point {
        at: tick.at,
        canary: values(Arm::Canary),
        baseline: values(Arm::Baseline),
        requests: (sum(&tick.canary, |i| i.requests), sum(&tick.baseline, |i| i.requests)),
        errors: (sum(&tick.canary, |i| i.errors.unwrap_or(0.0)), sum(&tick.baseline, |i| i.errors.unwrap_or(0.0))),
    }
}
