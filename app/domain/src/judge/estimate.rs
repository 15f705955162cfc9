//! What a plan can be expected to do, before it begins.
//!
//! The judge itself is fed what a service shows on average, tick by tick and stage by stage: an unchanged version until
//! it may be promoted, a worse one until it fails. Logarithms of evidence are straight lines in the counts, so their
//! mean is followed exactly; a real release is sooner or later by chance. How far its errors come in clusters is known from
//! the past, and averages, which show no clusters, do not make the judge forget it. Nothing is estimated of a share of traffic.

use super::counts::resolution;
use super::number::log2;
use super::{JudgeState, Policy, Verdict, VerdictKind, judge, words};
use crate::plan::{Metric, Plan, Stage, Weight};
use crate::signal::native::step;
use crate::signal::stats::Sums;
use crate::signal::{ArmTick, Data, Histogram, InstanceTick, Kpi, Tick};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How many times as bad a version is of which the delay is told.
pub const TIMES: [f64; 2] = [2.0, 5.0];
/// No stage is followed for longer, in ticks: what has not shown itself by then is followed no further.
const MOST: usize = 1_000;

/// What can be expected of a plan for a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub stages: Vec<StageEstimate>,
    /// What a person should change or know, worst first.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageEstimate {
    pub weight: Weight,
    /// Of the canary, per second.
    pub requests: f64,
    /// From entering the stage until an unchanged version may be promoted; `None`: not before the deadline.
    pub promote: Option<Span>,
    pub detect: Vec<Detection>,
}

/// When a version would fail that gets worse in one metric as the stage is entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    pub metric: Metric,
    /// Errors so many times as frequent, latency so many times as long, of a business ratio only such a part.
    pub times: f64,
    /// `None`: not before the deadline.
    pub after: Option<Span>,
    /// It is no worse than the plan tolerates.
    pub tolerated: bool,
}

/// Estimates a plan for a service of which `usual` was seen: sums over all instances of the running version; and `past`, the
/// readings that the judge of a release would know ([`JudgeState::primed`]). `None` when nothing was seen.
pub fn estimate(plan: &Plan, usual: &Sums, past: &[Tick]) -> Option<Estimate> {
    if !(usual.requests > 0.0 && usual.span > Span::ZERO) {
        return None;
    }
    let known = JudgeState::primed(past, &Policy::of(plan, Weight::ZERO, 0));
    let mut course = Course { plan, usual, known: &known, state: known.clone(), number: 0 };
    let mut stages = Vec::new();
    let mut warnings: Vec<String> = unresolved(plan, usual);
    for (i, stage) in plan.stages.iter().enumerate() {
        let policy = Policy { split: false, ..Policy::of(plan, stage.weight, u8::try_from(i).unwrap_or(u8::MAX)) };
        let detect: Vec<Detection> = course.detections(&policy, *stage);
        let (promote, last) = course.healthy(&policy, *stage);
        if promote.is_none() {
            let followed = Span::from_micros(plan.interval.micros() * course.most(*stage) as i64);
            warnings.push(never(plan, *stage, followed, last.as_ref()));
        }
        let requests = usual.requests / usual.span.secs_f64() * stage.weight.ratio();
        stages.push(StageEstimate { weight: stage.weight, requests, promote, detect });
    }
    warnings.extend(late(&stages));
    Some(Estimate { stages, warnings })
}

impl Estimate {
    /// A line per stage with its guards below it, then what to be careful about.
    pub fn sentences(&self) -> Vec<String> {
        let stage = |stage: &StageEstimate| {
            let promote = match stage.promote {
                Some(after) => format!("an unchanged version goes on after {}", after.clock()),
                None => "an unchanged version is not promoted in time".to_owned(),
            };
            let percent = stage.weight.percent();
            let head = format!("{percent}\u{a0}%, {:.1} requests/s: {promote}.", stage.requests);
            [vec![head], stage.sentences().iter().map(|sentence| format!("  {sentence}")).collect()].concat()
        };
        let warnings = self.warnings.iter().map(|warning| format!("Careful: {warning}"));
        self.stages.iter().flat_map(stage).chain(warnings).collect()
    }
}

impl StageEstimate {
    /// `Errors: 2x noticed in about 3 min, 5x in about 40 s.`
    pub fn sentences(&self) -> Vec<String> {
        let mut metrics: Vec<&Metric> = self.detect.iter().map(|detection| &detection.metric).collect();
        metrics.dedup();
        let of = |metric: &Metric| {
            let parts = self.detect.iter().filter(|detection| detection.metric == *metric).map(|detection| {
                let times = match metric {
                    Metric::Kpi(_) => format!("1/{} of them", detection.times),
                    _ => format!("{}x", detection.times),
                };
                match detection.after {
                    Some(after) => format!("{times} noticed in about {}", words::about(after)),
                    None if detection.tolerated => format!("{times} is tolerated"),
                    None => format!("{times} not noticed in time"),
                }
            });
            format!("{}: {}.", words::heading(metric), parts.collect::<Vec<_>>().join(", "))
        };
        metrics.into_iter().map(of).collect()
    }
}

/// A release that has not begun, on average.
struct Course<'a> {
    plan: &'a Plan,
    usual: &'a Sums,
    /// What the judge begins with.
    known: &'a JudgeState,
    state: JudgeState,
    number: u64,
}

impl Course<'_> {
    fn most(&self, stage: Stage) -> usize {
        let all = (stage.bake + self.plan.on_deadline.after).secs_f64() / self.plan.interval.secs_f64();
        (all.ceil().max(1.0) as usize).min(MOST)
    }

    /// Goes through a stage with an unchanged version: when it may be promoted, and the last verdict. What passes on average
    /// when it is followed no further goes on passing until the bake time is over.
    fn healthy(&mut self, policy: &Policy, stage: Stage) -> (Option<Span>, Option<Verdict>) {
        let mut last: Option<Verdict> = None;
        for i in 1..=self.most(stage) {
            let verdict = self.next(policy, None);
            let passed = Span::from_micros(self.plan.interval.micros() * i as i64);
            if verdict.kind == VerdictKind::Pass && passed >= stage.bake {
                return (Some(passed), Some(verdict));
            }
            last = Some(verdict);
        }
        let passes = last.as_ref().is_some_and(|verdict| verdict.kind == VerdictKind::Pass);
        (passes.then_some(stage.bake), last)
    }

    fn detections(&self, policy: &Policy, stage: Stage) -> Vec<Detection> {
        let plan = self.plan;
        let limits = plan.hard_limits.iter().map(|limit| &limit.metric);
        let mut metrics: Vec<&Metric> = plan.guards.iter().map(|guard| &guard.metric).chain(limits).collect();
        metrics.retain(|metric| **metric != Metric::Traffic && self.usual.reports(metric));
        metrics.sort();
        metrics.dedup();
        let both = metrics.into_iter().flat_map(|metric| TIMES.map(|times| (metric, times)));
        both.map(|(metric, times)| self.detection(policy, stage, metric, times)).collect()
    }

    fn detection(&self, policy: &Policy, stage: Stage, metric: &Metric, times: f64) -> Detection {
        let mut course = Course { state: self.state.clone(), ..*self };
        let mut tolerated = false;
        for i in 1..=self.most(stage) {
            let verdict = course.next(policy, Some((metric, times)));
            if verdict.kind == VerdictKind::Fail {
                let after = Span::from_micros(self.plan.interval.micros() * i as i64);
                return Detection { metric: metric.clone(), times, after: Some(after), tolerated: false };
            }
            let found = verdict.guards.iter().find(|finding| finding.metric == *metric);
            tolerated = found
                .and_then(|finding| Some((finding.canary?, finding.tolerated?)))
                .is_some_and(|(canary, line)| if metric.less_is_worse() { canary >= line } else { canary <= line });
        }
        Detection { metric: metric.clone(), times, after: None, tolerated }
    }

    fn next(&mut self, policy: &Policy, fault: Option<(&Metric, f64)>) -> Verdict {
        self.number += 1;
        let span = policy.interval;
        let secs = span.secs_f64() / self.usual.span.secs_f64();
        let share = policy.weight.ratio();
        let arm = |share: f64, fault| ArmTick {
            data: Data::Complete,
            instances: vec![on_average(self.usual, secs * share, fault)],
        };
        let nothing = ArmTick { data: Data::Missing, instances: vec![] };
        let tick = Tick {
            number: self.number,
            at: Timestamp::from_micros(span.micros().saturating_mul(i64::try_from(self.number).unwrap_or(i64::MAX))),
            span,
            baseline: if share < 1.0 { arm(1.0 - share, None) } else { nothing },
            canary: arm(share, fault),
            failure: None,
            warnings: vec![],
        };
        let verdict = judge(&mut self.state, &tick, policy);
        self.state.spread_as(self.known);
        verdict
    }
}

/// What an arm shows that takes `part` of what was seen.
fn on_average(usual: &Sums, part: f64, fault: Option<(&Metric, f64)>) -> InstanceTick {
    let times = |metric: &Metric| fault.filter(|(worse, _)| *worse == metric).map_or(1.0, |(_, times)| times);
    let slower = fault.filter(|(metric, _)| matches!(metric, Metric::Latency(_))).map_or(1.0, |(_, times)| times);
    let ratio = |part: crate::signal::stats::Part| if part.of > 0.0 { part.part / part.of } else { 0.0 };
    let requests = usual.requests * part;
    let kpi = |(name, kpi): (&String, &Kpi)| {
        let good = kpi.good * part / times(&Metric::Kpi(name.clone()));
        (name.clone(), Kpi { good, of: kpi.of * part })
    };
    InstanceTick {
        instance: "average".to_owned(),
        requests,
        errors: usual.errors.map(|errors| requests * (ratio(errors) * times(&Metric::Errors)).min(1.0)),
        latency: usual.latency.as_ref().map(|latency| slowed(latency, slower, part)),
        saturation: usual.saturation.map(|full| (ratio(full) * times(&Metric::Saturation)).min(1.0)),
        kpis: usual.kpis.iter().map(kpi).collect(),
    }
}

/// Every request so many times as long, and only a part of them.
fn slowed(latency: &Histogram, times: f64, part: f64) -> Histogram {
    match latency {
        Histogram::Classic(buckets) => {
            let total = latency.total();
            let mut slowed = buckets.clone();
            for bucket in &mut slowed {
                let below = if bucket.le.is_finite() && times > 1.0 {
                    total - latency.count_above(bucket.le / times)
                } else {
                    bucket.count
                };
                bucket.count = below * part;
            }
            Histogram::Classic(slowed)
        }
        Histogram::Native { schema, zero, buckets } => {
            let shift = (log2(times) / step(*schema)).round() as i32;
            let buckets = buckets.iter().map(|(index, count)| (index + shift, count * part)).collect();
            Histogram::Native { schema: *schema, zero: zero * part, buckets }
        }
    }
}

/// Latency guards whose buckets are coarser than what they tolerate.
fn unresolved(plan: &Plan, usual: &Sums) -> Vec<String> {
    let guards = plan.guards.iter().filter_map(|guard| match guard.metric {
        Metric::Latency(q) => Some((guard, q, guard.effective_tolerance().ratio?)),
        _ => None,
    });
    let Some(latency) = &usual.latency else {
        return guards.map(|(guard, ..)| format!("`{}`: the service shows no latency.", guard.metric)).collect();
    };
    let warn = |(guard, q, ratio): (&crate::plan::Guard, u8, f64)| {
        let metric = &guard.metric;
        match resolution(latency, f64::from(q) / 100.0, ratio, guard.effective_tolerance().plus.unwrap_or(0.0)) {
            None => Some(format!(
                "`{metric}` cannot be judged: no latency bucket ends near it. Add bounds around {}.",
                latency.quantile(f64::from(q) / 100.0).known().map_or("it".to_owned(), |value| metric.show(value))
            )),
            Some((0.0, bound)) => Some(format!(
                "`{metric}`: below the first bucket's bound, {}, any shift stays unseen. Add bounds below it.",
                metric.show(bound)
            )),
            Some((below, bound)) if bound / below > ratio * 1.1 => Some(format!(
                "`{metric}`: between the buckets' bounds {} and {} a shift of up to {:.1}x can stay unseen, tolerated is {ratio}x. \
                 Add bounds between them, or use native histograms.",
                metric.show(below),
                metric.show(bound),
                bound / below
            )),
            Some(_) => None,
        }
    };
    guards.filter_map(warn).collect()
}

/// Why an unchanged version is not promoted in time, or in so much of it as was `followed`, and how far it is from it.
fn never(plan: &Plan, stage: Stage, followed: Span, last: Option<&Verdict>) -> String {
    let percent = stage.weight.percent();
    let lacks = last.and_then(|verdict| {
        let undecided = verdict.guards.iter().filter(|finding| finding.kind != VerdictKind::Pass);
        undecided.min_by(|a, b| odds(a).total_cmp(&odds(b)))
    });
    let which = lacks.map_or("nothing".to_owned(), |finding| format!("`{}`", finding.metric));
    let wait = last.and_then(|verdict| verdict.evidence?.promote_in).filter(|wait| *wait > Span::ZERO);
    let wait = wait.map_or_else(String::new, |wait| format!(", but about {} later", words::about(wait)));
    let within = if followed < stage.bake + plan.on_deadline.after {
        format!("within {}", words::about(followed))
    } else {
        format!("before the deadline, {} after the bake time", plan.on_deadline.after)
    };
    format!(
        "At {percent}\u{a0}% {which} cannot be shown to be within its tolerance {within}{wait}: raise the share, widen the \
         tolerance (`plus`) or move the deadline."
    )
}

fn odds(finding: &super::GuardFinding) -> f64 {
    finding.evidence.and_then(|evidence| evidence.promote).unwrap_or(f64::INFINITY)
}

/// Regressions that no stage before the last would notice.
fn late(stages: &[StageEstimate]) -> Vec<String> {
    let before = &stages[..stages.len().saturating_sub(1).max(1)];
    let worst = TIMES[TIMES.len() - 1];
    let Some(first) = before.first() else { return Vec::new() };
    let metrics = first.detect.iter().filter(|detection| detection.times == worst).map(|detection| &detection.metric);
    let unseen = metrics.filter(|metric| {
        let mut all = before.iter().flat_map(|stage| &stage.detect);
        !all.any(|detection| detection.metric == **metric && detection.times == worst && detection.after.is_some())
    });
    unseen
        .map(|metric| {
            format!(
                "`{metric}`: even {worst}x would not fail before all traffic is on it: raise the share or tolerate less."
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
