//! Reading and judging: one tick at a time, stored before anything follows from it.

use super::steward::Steward;
use crate::live::Topic;
use crate::service::{Before, Live, Point, Service, ServiceError, TickBody, aside, decode, encode};
use crate::store::rows::TickWrite;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use sternway_domain::engine::reading_due;
use sternway_domain::judge::{JudgeState, Policy, judge};
use sternway_domain::plan::{Metric, Plan, Weight};
use sternway_domain::release::Release;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::signal::{Arm, ArmTick, Reading, SourceFailure, Tick, stats};
use sternway_domain::time::{Span, Timestamp};
use tokio_util::task::AbortOnDropHandle;

/// Everything that is carried from tick to tick. Stored with each, so that a restart goes on where it was.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    window: SignalWindow,
    judge: JudgeState,
    /// What the newest verdict follows from.
    #[serde(default)]
    before: Option<Before>,
    last_at: Option<Timestamp>,
    points: Vec<Point>,
    /// Which hotfix is judged, by when it began its run; what was seen before it does not count.
    #[serde(default)]
    forwarded_at: Option<Timestamp>,
}

impl Watch {
    /// Goes on where it was; a release of which nothing was seen yet begins with what the running version showed before.
    pub(super) async fn load(service: &Service, release: &Release) -> Result<Watch, ServiceError> {
        match service.store.judge_state(release.id).await? {
            Some((_, state)) => decode("judge state", &state),
            None => {
                let judge = primed(service, release).await?;
                Ok(Watch { judge, forwarded_at: release.forwarded_at, ..Watch::default() })
            }
        }
    }

    /// Whether what was judged last is what moves now, and not what moved before a hotfix or a rollback in part.
    pub(super) fn of_this_run(&self, release: &Release) -> bool {
        self.forwarded_at == release.forwarded_at
    }

    pub(super) fn due(&self, release: &Release, now: Timestamp) -> bool {
        self.next_in(release, now) == Span::ZERO
    }

    pub(super) fn next_in(&self, release: &Release, now: Timestamp) -> Span {
        reading_due(self.last_at, release.plan.interval, now)
    }

    /// How long ago the next reading was due.
    fn overdue(&self, release: &Release, now: Timestamp) -> Duration {
        let late = self.last_at.map_or(Span::ZERO, |last| now.since(last + release.plan.interval));
        Duration::from_micros(late.micros().unsigned_abs())
    }
}

/// The stage whose signals are read; none where the service they are of went back already.
pub(super) fn watched(release: &Release) -> Option<u8> {
    release.state.stage().filter(|_| release.judged())
}

/// A look at the signals that is under way. Ends when dropped.
#[derive(Debug)]
pub(super) struct Look {
    stage: u8,
    reading: AbortOnDropHandle<Result<Reading, SourceFailure>>,
}

/// What a look has brought, and the stage it was begun in: a reading of another stage says nothing about this one.
#[derive(Debug)]
pub(super) struct Seen {
    stage: u8,
    reading: Result<Reading, SourceFailure>,
}

/// Waits for the look under way; for ever, if there is none.
pub(super) async fn looked(look: &mut Option<Look>) -> Seen {
    let Some(Look { stage, reading }) = look else { return std::future::pending().await };
    let stage = *stage;
    let reading = reading.await.unwrap_or_else(|error| {
        Err(SourceFailure::Down { source_name: "the source".into(), detail: format!("reading it failed: {error}") })
    });
    *look = None;
    Seen { stage, reading }
}

impl Steward {
    /// Begins to read beside everything else: a source that hangs must not delay a way back.
    pub(super) fn look_if_due(&mut self, now: Timestamp) {
        let Some(stage) = watched(&self.release) else {
            self.look = None;
            return;
        };
        if self.look.is_some() || !self.watch.due(&self.release, now) {
            return;
        }
        self.engine.service.metrics.lagged(self.watch.overdue(&self.release, now));
        let source = self.source.clone();
        let source_name = self.release.service.to_string();
        let reading = async move {
            match source {
                Ok(source) => source.read(now).await,
                Err(detail) => Err(SourceFailure::Misconfigured { source_name, detail }),
            }
        };
        self.look = Some(Look { stage, reading: AbortOnDropHandle::new(tokio::spawn(reading)) });
    }

    /// Judges what was read, and stores both with the state after them.
    pub(super) async fn judge(&mut self, seen: Seen) -> Result<(), ServiceError> {
        let Some(stage) = watched(&self.release).filter(|stage| *stage == seen.stage) else { return Ok(()) };
        let reading = seen.reading;
        let now = self.engine.service.clock.now();
        let plan = &self.release.plan;
        let tick = self.watch.window.push(reading, now, plan.max_age);
        let policy = policy(plan, &self.release, stage);
        if !self.watch.of_this_run(&self.release) {
            self.watch.judge = primed(&self.engine.service, &self.release).await?;
            self.watch.forwarded_at = self.release.forwarded_at;
        }
        let before = self.watch.judge.clone();
        let verdict = judge(&mut self.watch.judge, &tick, &policy);
        self.watch.before = Some(Before { tick: tick.number, state: before, policy });
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

/// A judge that has seen nothing of the candidate, only what the running version showed before.
async fn primed(service: &Service, release: &Release) -> Result<JudgeState, ServiceError> {
    let policy = policy(&release.plan, release, 0);
    let past = service.past(&release.service).await?;
    Ok(aside(move || JudgeState::primed(&past.ticks, &policy)).await)
}

fn policy(plan: &Plan, release: &Release, stage: u8) -> Policy {
    Policy::of(plan, release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight), stage)
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
    let instances = tick.canary.instances.iter().chain(&tick.baseline.instances);
    let kpis = instances.flat_map(|instance| instance.kpis.keys()).cloned().map(Metric::Kpi);
    let metrics: BTreeSet<Metric> = golden.iter().chain(asked).cloned().chain(kpis).collect();
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
