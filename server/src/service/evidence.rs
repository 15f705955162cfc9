//! What was seen: per tick, in short for the board, and as a snapshot that a decision rests on.

use super::{Course, Result, Service, SourceSummary, decode, encode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use sternway_domain::id::{Digest, ReleaseId, ServiceName};
use sternway_domain::judge::pair::{Names, judge_both};
use sternway_domain::judge::{JudgeState, Policy, Verdict, judge};
use sternway_domain::plan::{Metric, Weight};
use sternway_domain::release::{Release, State};
use sternway_domain::signal::{Source, Tick};
use sternway_domain::time::{Span, Timestamp};

/// How far back charts and evidence reach.
pub const CHART_SPAN: Span = Span::from_secs(20 * 60);

/// At most this many points go into one piece of evidence.
const EVIDENCE_POINTS: usize = 240;

/// One stored tick: what was read and what it meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TickBody {
    pub tick: Tick,
    pub verdict: Verdict,
    pub point: Point,
    /// What the other source read, where the service names two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Beside>,
}

/// What the second source read at the same tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    pub tick: Tick,
    pub point: Point,
}

impl TickBody {
    /// What one source read and said by itself; `None` where it was not read.
    pub fn of(&self, source: Source) -> Option<TickBody> {
        let verdict = self.verdict.of(source)?;
        let (tick, point) = match source {
            Source::First => (&self.tick, &self.point),
            Source::Second => self.second.as_ref().map(|beside| (&beside.tick, &beside.point))?,
        };
        Some(TickBody { tick: tick.clone(), verdict, point: point.clone(), second: None })
    }

    /// Ticks as the source saw them whose verdict is the newest that rules: numbers of two sources are never mixed.
    pub fn as_ruled(bodies: Vec<TickBody>) -> Vec<TickBody> {
        let Some(newest) = bodies.last() else { return bodies };
        let rules = newest.verdict.rules();
        if bodies.iter().all(|body| body.verdict.pair.is_none()) {
            return bodies;
        }
        bodies.iter().filter_map(|body| body.of(rules)).collect()
    }
}

/// The values of one tick, for charts. A metric without a value is absent, never zero.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    pub at: Timestamp,
    pub canary: BTreeMap<Metric, f64>,
    pub baseline: BTreeMap<Metric, f64>,
    /// Requests and errors of the interval, canary then baseline.
    pub requests: (f64, f64),
    pub errors: (f64, f64),
}

/// What the board shows of a release, kept up to date with every tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    pub verdict: Verdict,
    /// When the newest sample was taken.
    pub sampled_at: Timestamp,
    /// The last points, oldest first, at most [`Live::POINTS`].
    pub points: Vec<Point>,
}

impl Live {
    pub const POINTS: usize = 24;
}

/// Asked and observed, as the engine saw them last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficStatus {
    pub asked: Weight,
    pub asked_at: Timestamp,
    pub observed: Option<Weight>,
    pub observed_at: Option<Timestamp>,
    /// Where it was read.
    pub from: String,
    pub baseline_ready: Option<u32>,
    pub canary_ready: Option<u32>,
    #[serde(default)]
    pub baseline_total: Option<u32>,
    #[serde(default)]
    pub canary_total: Option<u32>,
    /// Since when asked and observed differ, or the target cannot be read.
    pub disagree_since: Option<Timestamp>,
    /// Why the target could not be set or read, in its own words.
    pub failure: Option<String>,
    pub fenced: bool,
}

impl TrafficStatus {
    /// Longer than this and it is an alarm.
    pub const ALARM_AFTER: Span = Span::from_secs(10);

    pub fn alarm(&self, now: Timestamp) -> bool {
        self.disagree_since.is_some_and(|since| now.since(since) > Self::ALARM_AFTER)
    }
}

/// Everything the newest verdict follows from: whoever has it can judge again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Before the tick.
    pub state: JudgeState,
    pub tick: Tick,
    pub policy: Policy,
    /// The same of the second source, if one was read: the policy holds for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondInputs>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondInputs {
    pub names: Names,
    pub state: JudgeState,
    pub tick: Tick,
}

impl Inputs {
    /// Says once more what they mean.
    pub fn judge(mut self) -> Verdict {
        match &mut self.second {
            None => judge(&mut self.state, &self.tick, &self.policy),
            Some(second) => {
                let first = (&mut self.state, &self.tick);
                judge_both(first, (&mut second.state, &second.tick), &second.names, &self.policy)
            }
        }
    }
}

/// Inputs without their tick, which is stored by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Number of the tick.
    pub tick: u64,
    pub state: JudgeState,
    pub policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondBefore>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondBefore {
    pub names: Names,
    pub state: JudgeState,
}

impl Before {
    /// `None` when they are of another tick.
    fn with(self, body: &TickBody) -> Option<Inputs> {
        let Before { tick: number, state, policy, second } = self;
        let second = match (second, &body.second) {
            (None, None) => None,
            (Some(SecondBefore { names, state }), Some(Beside { tick, .. })) => {
                Some(SecondInputs { names, state, tick: tick.clone() })
            }
            _ => return None,
        };
        (number == body.tick.number).then(|| Inputs { state, tick: body.tick.clone(), policy, second })
    }
}

/// The part of a stored watch that evidence needs.
#[derive(Debug, Deserialize)]
struct Watched {
    #[serde(default)]
    before: Option<Before>,
    #[serde(default)]
    knew: JudgeState,
    #[serde(default)]
    second: Option<WatchedSecond>,
}

#[derive(Debug, Deserialize)]
struct WatchedSecond {
    #[serde(default)]
    knew: JudgeState,
}

/// What an actor saw when deciding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub at: Timestamp,
    pub release: ReleaseId,
    pub service: ServiceName,
    pub version: i64,
    pub state: State,
    pub plan: Digest,
    pub verdict: Option<Verdict>,
    /// What the verdict follows from, to judge it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    pub traffic: Option<TrafficStatus>,
    /// Of two sources, what the one that ruled had read.
    pub points: Vec<Point>,
    /// How the evidence gathered; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// Stage changes within the points' time, for the marks on the charts.
    pub stages: Vec<(Timestamp, Weight)>,
}

impl Service {
    /// The snapshot a decision about this release rests on, with its digest.
    pub(super) async fn evidence_for(&self, release: &Release) -> Result<(Digest, String)> {
        let now = self.clock.now();
        let ticks = self.tick_bodies(release.id, now - CHART_SPAN).await?;
        let newest = ticks.last().cloned();
        let verdict = newest.as_ref().map(|body| body.verdict.clone());
        let ticks = TickBody::as_ruled(ticks);
        let drawn = &ticks[ticks.len().saturating_sub(EVIDENCE_POINTS)..];
        let points = drawn.iter().map(|body| body.point.clone()).collect();
        let rules = verdict.as_ref().map_or(Source::First, Verdict::rules);
        let course = self.course(release, drawn, rules).await?;
        let before = self.watched(release.id).await?.and_then(|watched| watched.before);
        let inputs = before.zip(newest).and_then(|(before, newest)| before.with(&newest));
        let evidence = Evidence {
            at: now,
            release: release.id,
            service: release.service.clone(),
            version: release.version,
            state: release.state.clone(),
            plan: release.plan_ref.digest.clone(),
            verdict,
            inputs,
            traffic: self.traffic_status(&release.service).await?,
            points,
            course,
            stages: release.stages_entered.iter().map(|entry| (entry.at, entry.weight)).collect(),
        };
        let body = encode(&evidence);
        Ok((Digest::of(body.as_bytes()), body))
    }

    async fn watched(&self, release: ReleaseId) -> Result<Option<Watched>> {
        let watched = self.store.judge_state(release).await?;
        watched.map(|(_, state)| decode("judge state", &state)).transpose()
    }

    /// What the judge of one source knew of the running version as the release began; nothing where it was not read.
    pub(super) async fn knew(&self, release: ReleaseId, source: Source) -> Result<JudgeState> {
        let watched = self.watched(release).await?;
        let knew = watched.and_then(|watched| match source {
            Source::First => Some(watched.knew),
            Source::Second => watched.second.map(|second| second.knew),
        });
        Ok(knew.unwrap_or_default())
    }

    /// What each of two sources said last of a release; empty where one is read, and before the first reading.
    pub async fn sources(&self, release: ReleaseId) -> Result<Vec<SourceSummary>> {
        let Some((_, body)) = self.store.live(&[release]).await?.pop() else { return Ok(Vec::new()) };
        let live: Live = decode("live values", &body)?;
        Ok(SourceSummary::both(&live.verdict))
    }

    /// Ticks since a moment, oldest first.
    pub async fn tick_bodies(&self, release: ReleaseId, since: Timestamp) -> Result<Vec<TickBody>> {
        const MOST: u32 = 1_200;
        let rows = self.store.ticks(release, since, MOST).await?;
        rows.iter().map(|row| decode("tick", &row.body)).collect()
    }

    /// Traffic of many services, read at once; a service that never had any is left out.
    pub async fn traffic_statuses(&self, services: &[ServiceName]) -> Result<HashMap<ServiceName, TrafficStatus>> {
        let rows = self.store.traffic_of(services).await?;
        rows.into_iter().map(|(service, body)| Ok((service, decode("traffic status", &body)?))).collect()
    }

    pub async fn traffic_status(&self, service: &ServiceName) -> Result<Option<TrafficStatus>> {
        self.store.traffic(service).await?.map(|body| decode("traffic status", &body)).transpose()
    }
}
