//! Reading and judging: one tick at a time, stored before anything follows from it.

use super::look::{Look, Seen};
use super::steward::Steward;
use crate::live::Topic;
use crate::service::{
    Before, Beside, Live, Point, SecondBefore, Service, ServiceError, TickBody, aside, decode, encode,
};
use crate::store::rows::TickWrite;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use sternway_domain::engine::reading_due;
use sternway_domain::judge::pair::{Names, judge_both};
use sternway_domain::judge::{JudgeState, Policy, judge};
use sternway_domain::plan::{Metric, Plan, Weight};
use sternway_domain::release::Release;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::signal::{Arm, ArmTick, Source, Tick, stats};
use sternway_domain::time::{Span, Timestamp};

/// Everything that is carried from tick to tick. Stored with each, so that a restart goes on where it was.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    window: SignalWindow,
    judge: JudgeState,
    /// The judge as it began: what it knew of the running version.
    #[serde(default)]
    knew: JudgeState,
    /// What the newest verdict follows from.
    #[serde(default)]
    before: Option<Before>,
    last_at: Option<Timestamp>,
    points: Vec<Point>,
    /// The same of the other source, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<Other>,
    /// Which hotfix is judged, by when it began its run; what was seen before it does not count.
    #[serde(default)]
    forwarded_at: Option<Timestamp>,
}

/// What is carried from tick to tick of the second source.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Other {
    names: Names,
    window: SignalWindow,
    judge: JudgeState,
    #[serde(default)]
    knew: JudgeState,
    points: Vec<Point>,
}

impl Watch {
    /// Goes on where it was; a release of which nothing was seen yet begins with what the running version showed before.
    pub(super) async fn load(service: &Service, release: &Release) -> Result<Watch, ServiceError> {
        match service.store.judge_state(release.id).await? {
            Some((_, state)) => decode("judge state", &state),
            None => {
                let judge = primed(service, release, None).await?;
                Ok(Watch { knew: judge.clone(), judge, forwarded_at: release.forwarded_at, ..Watch::default() })
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
        let (service, interval) = (self.release.service.as_str(), self.release.plan.interval);
        self.look = Some(Look::begin(&self.sources, service, stage, interval, now));
    }

    /// Judges what was read, and stores both with the state after them.
    pub(super) async fn judge(&mut self, seen: Seen) -> Result<(), ServiceError> {
        let Some(stage) = watched(&self.release).filter(|stage| *stage == seen.stage) else { return Ok(()) };
        let now = self.engine.service.clock.now();
        let plan = &self.release.plan;
        let policy = policy(plan, &self.release, stage);
        if !self.watch.of_this_run(&self.release) {
            self.watch.judge = primed(&self.engine.service, &self.release, None).await?;
            self.watch.knew = self.watch.judge.clone();
            self.watch.second = None;
            self.watch.forwarded_at = self.release.forwarded_at;
        }
        let mut other = match seen.second {
            None => None,
            Some((names, answer)) => {
                let mut other = self.other(names).await?;
                let tick = other.window.push(answer, now, plan.max_age);
                Some((other, tick))
            }
        };
        let tick = self.watch.window.push(seen.first, now, plan.max_age);
        let mut before =
            Before { tick: tick.number, state: self.watch.judge.clone(), policy: policy.clone(), second: None };
        let verdict = match &mut other {
            None => judge(&mut self.watch.judge, &tick, &policy),
            Some((other, second)) => {
                before.second = Some(SecondBefore { names: other.names.clone(), state: other.judge.clone() });
                let first = (&mut self.watch.judge, &tick);
                judge_both(first, (&mut other.judge, &*second), &other.names, &policy)
            }
        };
        self.watch.before = Some(before);
        self.watch.last_at = Some(now);
        let point = point(&tick, plan);
        keep(&mut self.watch.points, point.clone());
        let mut live = Live {
            verdict: verdict.clone(),
            sampled_at: sampled_at(&tick, &self.watch.points),
            points: self.watch.points.clone(),
        };
        let mut second = None;
        self.watch.second = None;
        if let Some((mut other, tick)) = other {
            let point = self::point(&tick, plan);
            keep(&mut other.points, point.clone());
            if verdict.rules() == Source::Second {
                (live.sampled_at, live.points) = (sampled_at(&tick, &other.points), other.points.clone());
            }
            second = Some(Beside { tick, point });
            self.watch.second = Some(other);
        }
        let write = TickWrite {
            release: self.release.id,
            number: i64::try_from(tick.number).unwrap_or(i64::MAX),
            at: tick.at,
            body: encode(&TickBody { tick, verdict: verdict.clone(), point, second }),
            state: encode(&self.watch),
            live: encode(&live),
            fence: self.fence.clone(),
        };
        self.engine.service.store.put_tick(write).await?;
        self.engine.service.metrics.judged(verdict.kind.as_str());
        self.verdict = Some((stage, verdict));
        let topic = Topic::Release { id: self.release.id, service: self.release.service.clone() };
        self.engine.service.bus.touched(topic);
        Ok(())
    }

    /// What is known of the second source. One that is new, or another one than before, has shown nothing of this
    /// release yet.
    async fn other(&self, names: Names) -> Result<Other, ServiceError> {
        match &self.watch.second {
            Some(other) if other.names.second == names.second => Ok(Other { names, ..other.clone() }),
            _ => {
                let judge = primed(&self.engine.service, &self.release, Some(&names.second)).await?;
                Ok(Other { names, knew: judge.clone(), judge, window: SignalWindow::default(), points: Vec::new() })
            }
        }
    }
}

/// When the newest usable sample was taken.
fn sampled_at(tick: &Tick, points: &[Point]) -> Timestamp {
    if tick.baseline.data.usable() && tick.canary.data.usable() {
        tick.at
    } else {
        points.iter().rev().find(|point| !point.canary.is_empty()).map_or(tick.at, |point| point.at)
    }
}

/// Keeps the newest for the board.
fn keep(points: &mut Vec<Point>, point: Point) {
    points.push(point);
    let surplus = points.len().saturating_sub(Live::POINTS);
    points.drain(..surplus);
}

/// A judge that has seen nothing of the candidate, only what the running version showed before: to the first source, or
/// to the second of this name.
async fn primed(service: &Service, release: &Release, second: Option<&str>) -> Result<JudgeState, ServiceError> {
    let policy = policy(&release.plan, release, 0);
    let past = match second {
        None => service.past(&release.service).await?,
        Some(name) => service.past_of_second(&release.service, name).await?,
    };
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
