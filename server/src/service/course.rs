//! How evidence gathered, tick by tick, as charts show it: taken from stored ticks for a page, kept with each decision.

use super::{Result, Service, TickBody};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sternway_domain::id::ReleaseId;
use sternway_domain::judge::placebo::{self, Path};
use sternway_domain::judge::{GuardFinding, JudgeState};
use sternway_domain::plan::{Metric, Plan};
use sternway_domain::release::Release;
use sternway_domain::signal::{Source, Tick};
use sternway_domain::time::Timestamp;

/// At most this many points.
const POINTS: usize = 80;
/// Placebos are played over so many ticks, the newest.
const PLAYED: usize = 240;

/// Every list is as long as `at`. `None` where a tick said nothing: a gap. Three digits of each number are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Course {
    pub at: Vec<Timestamp>,
    /// Odds toward rolling back, all guards together.
    pub back: Vec<Option<f64>>,
    pub guards: Vec<GuardCourse>,
    /// Each instance of the baseline in the canary's place; empty when there are not two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placebo: Vec<PlaceboCourse>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardCourse {
    pub metric: Metric,
    /// Odds toward rolling back, of this guard alone.
    pub back: Vec<Option<f64>>,
    /// Odds toward promoting; empty for gauges, which have no counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promote: Vec<Option<f64>>,
    /// What the canary's value surely is since the stage began, in the unit of the metric; empty where that is no rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub range: Vec<Option<(f64, f64)>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceboCourse {
    pub instance: String,
    pub back: Vec<Option<f64>>,
}

impl Course {
    /// Of ticks, oldest first, with what was played over them. `None` when no guard gathered evidence in them.
    pub(crate) fn of(plan: &Plan, bodies: &[TickBody], paths: &[Path]) -> Option<Course> {
        let step = bodies.len().div_ceil(POINTS).max(1) as u64;
        let kept: Vec<usize> = (0..bodies.len())
            .filter(|i| *i + 1 == bodies.len() || bodies[*i].tick.number.is_multiple_of(step))
            .collect();
        // Findings carry no evidence while data is missing; then it stands still.
        let told = |body: &TickBody| body.verdict.guards.iter().any(|finding| finding.evidence.is_some());
        if !bodies.iter().any(told) {
            return None;
        }
        let back = |body: &TickBody| Some(digits(body.verdict.evidence.filter(|_| told(body))?.back));
        let guards = plan.guards.iter().filter(|guard| guard.metric != Metric::Traffic);
        Some(Course {
            at: kept.iter().map(|i| bodies[*i].tick.at).collect(),
            back: kept.iter().map(|i| back(&bodies[*i])).collect(),
            guards: guards.map(|guard| GuardCourse::of(&guard.metric, &kept, bodies)).collect(),
            placebo: placebos(paths, &kept, bodies),
        })
    }

    pub fn guard(&self, metric: &Metric) -> Option<&GuardCourse> {
        self.guards.iter().find(|guard| guard.metric == *metric)
    }
}

impl GuardCourse {
    fn of(metric: &Metric, kept: &[usize], bodies: &[TickBody]) -> GuardCourse {
        let finding = |i: &usize| bodies[*i].verdict.guards.iter().find(|finding| finding.metric == *metric);
        let column = |of: fn(&GuardFinding) -> Option<f64>| -> Vec<Option<f64>> {
            kept.iter().map(|i| finding(i).and_then(of).map(digits)).collect()
        };
        let mut course = GuardCourse {
            metric: metric.clone(),
            back: column(|finding| Some(finding.evidence?.back)),
            promote: column(|finding| finding.evidence?.promote),
            range: kept.iter().map(|i| range(finding(i)?)).collect(),
        };
        if course.promote.iter().all(Option::is_none) {
            course.promote.clear();
        }
        if course.range.iter().all(Option::is_none) {
            course.range.clear();
        }
        course
    }
}

/// What the canary's rate surely is; of a business ratio whose failures were counted, what its successes are.
fn range(finding: &GuardFinding) -> Option<(f64, f64)> {
    let evidence = finding.evidence?;
    let band = evidence.band?;
    let range = band.canary(evidence.phi);
    let failures = |value: f64| {
        let seen = band.seen.canary / band.seen.of;
        (seen - value).abs() > (1.0 - seen - value).abs()
    };
    match finding.metric {
        Metric::Errors => Some((digits(range.low), digits(range.high))),
        Metric::Kpi(_) if finding.canary.is_some_and(failures) => {
            Some((digits(1.0 - range.high), digits(1.0 - range.low)))
        }
        Metric::Kpi(_) => Some((digits(range.low), digits(range.high))),
        Metric::Latency(_) | Metric::Traffic | Metric::Saturation => None,
    }
}

fn placebos(paths: &[Path], kept: &[usize], bodies: &[TickBody]) -> Vec<PlaceboCourse> {
    let from = bodies.len().saturating_sub(PLAYED);
    let played = paths.iter().map(|path| PlaceboCourse {
        back: kept.iter().map(|i| path.odds.get(i.checked_sub(from)?).copied()?.map(digits)).collect(),
        instance: path.instance.clone(),
    });
    played.collect()
}

/// Each instance of the baseline in the canary's place, over the newest ticks.
pub(crate) fn played(plan: &Plan, knew: &JudgeState, bodies: &[TickBody]) -> Vec<Path> {
    let from = bodies.len().saturating_sub(PLAYED);
    let ticks: Vec<&Tick> = bodies[from..].iter().map(|body| &body.tick).collect();
    placebo::paths(plan, knew, &ticks)
}

/// A release, its newest tick, and what was played up to it. Ticks of two sources may have one number, and never one time
/// with another source in charge.
type Kept = (ReleaseId, Timestamp, Arc<[Path]>);

/// What was played of late: once for each newest tick of a release, for everybody who looks at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Placebos(Arc<Mutex<Vec<Kept>>>);

impl Placebos {
    /// Releases kept.
    const MOST: usize = 64;

    fn of(&self, release: ReleaseId, newest: Timestamp) -> Option<Arc<[Path]>> {
        let known = |(id, tick, _): &&Kept| *id == release && *tick == newest;
        self.lock().iter().find(known).map(|(.., paths)| paths.clone())
    }

    fn keep(&self, release: ReleaseId, newest: Timestamp, paths: &Arc<[Path]>) {
        let mut all = self.lock();
        all.retain(|(id, ..)| *id != release);
        if all.len() >= Self::MOST {
            all.remove(0);
        }
        all.push((release, newest, paths.clone()));
    }

    /// A thread that panicked left a whole list behind: entries are put in at once.
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// How the evidence of a release gathered in these ticks of one source, oldest first. `None` when no guard gathered any.
    pub(crate) async fn course(&self, release: &Release, bodies: &[TickBody], of: Source) -> Result<Option<Course>> {
        let newest = bodies.last().map_or(Timestamp::default(), |body| body.tick.at);
        let paths = match self.placebos.of(release.id, newest) {
            Some(paths) => paths,
            None => {
                let paths = played(&release.plan, &self.knew(release.id, of).await?, bodies).into();
                self.placebos.keep(release.id, newest, &paths);
                paths
            }
        };
        Ok(Course::of(&release.plan, bodies, &paths))
    }
}

/// Rounded to three digits.
fn digits(value: f64) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return 0.0;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 2);
    // Dividing by a whole power of ten leaves no tail of digits.
    if unit < 1.0 { (value / unit).round() / (1.0 / unit).round() } else { (value / unit).round() * unit }
}

#[cfg(test)]
pub(crate) mod tests;
