//! Whether a plan would have fired although nothing was released: each instance of the running version plays the canary
//! against the others, over what they showed of late.

use super::{JudgeState, Policy, Verdict, VerdictKind, judge, words};
use crate::plan::{Metric, Plan, Weight};
use crate::signal::{ArmTick, Data, InstanceTick, Tick};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many instances play at most: those with most requests.
const MOST: usize = 20;

/// How often the plan would have rolled back a version that was the same.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Placebo {
    /// Instances that played the canary.
    pub runs: u32,
    pub fired: u32,
    /// What fired, and how often.
    pub by: Vec<Fired>,
    /// Time with usable data.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    pub metric: Metric,
    /// A hard limit; otherwise evidence of the guards, most of it from this one.
    pub limit: bool,
    pub times: u32,
}

/// Plays the plan over ticks, oldest first. No run when there are not two instances to compare.
pub fn placebo(plan: &Plan, ticks: &[Tick]) -> Placebo {
    let usable = || ticks.iter().filter(|tick| tick.baseline.data.usable());
    let mut requests: BTreeMap<&str, f64> = BTreeMap::new();
    for instance in usable().flat_map(|tick| &tick.baseline.instances) {
        *requests.entry(&instance.instance).or_default() += instance.requests;
    }
    let mut placebo = Placebo { span: usable().fold(Span::ZERO, |sum, tick| sum + tick.span), ..Placebo::default() };
    let all: f64 = requests.values().sum();
    if requests.len() < 2 || all <= 0.0 {
        return placebo;
    }
    let mut busiest: Vec<(&str, f64)> = requests.into_iter().filter(|(_, requests)| *requests > 0.0).collect();
    busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    for (name, requests) in busiest.into_iter().take(MOST) {
        // Between 1 and 99 a share is a weight.
        let weight = Weight::try_from((100.0 * requests / all).round().clamp(1.0, 99.0) as u8).unwrap_or(Weight::ZERO);
        let policy = Policy { split: false, ..Policy::of(plan, weight, 0) };
        placebo.runs += 1;
        if let Some(verdict) = fired(&policy, ticks, name) {
            placebo.fired += 1;
            placebo.count(&verdict);
        }
    }
    placebo
}

impl Placebo {
    fn count(&mut self, verdict: &Verdict) {
        let Some(metric) = &verdict.decided_by else { return };
        let limit = verdict.limits.iter().any(|l| l.metric == *metric && l.breached && l.elapsed >= l.lasting);
        match self.by.iter_mut().find(|fired| fired.metric == *metric && fired.limit == limit) {
            Some(fired) => fired.times += 1,
            None => self.by.push(Fired { metric: metric.clone(), limit, times: 1 }),
        }
    }

    /// `Would have fired 0 of 4 times: each instance of the baseline once in the canary's place, over 20 min.`
    pub fn sentence(&self) -> String {
        if self.runs == 0 {
            return "Not played over the past: it takes two instances of the running version that were watched.".into();
        }
        let by = self.by.iter().map(|fired| {
            let what = if fired.limit { "the hard limit on" } else { "the guard on" };
            format!("{what} {} {} times", fired.metric.label(), fired.times)
        });
        let by: Vec<String> = by.collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        format!(
            "Would have fired {} of {} times{by}: each instance of the running version once in the canary's place, over {}.",
            self.fired,
            self.runs,
            words::about(self.span)
        )
    }
}

/// The verdict that would have rolled back this instance.
fn fired(policy: &Policy, ticks: &[Tick], name: &str) -> Option<Verdict> {
    let mut state = JudgeState::default();
    let mut played = ticks.iter().enumerate().map(|(i, tick)| {
        let (canary, baseline): (Vec<InstanceTick>, Vec<InstanceTick>) =
            tick.baseline.instances.iter().cloned().partition(|instance| instance.instance == name);
        let data = |instances: &[InstanceTick]| match tick.baseline.data {
            data if data.usable() && instances.is_empty() => Data::Missing,
            data => data,
        };
        Tick {
            number: i as u64 + 1,
            canary: ArmTick { data: data(&canary), instances: canary },
            baseline: ArmTick { data: data(&baseline), instances: baseline },
            ..tick.clone()
        }
    });
    played.find_map(|tick| Some(judge(&mut state, &tick, policy)).filter(|verdict| verdict.kind == VerdictKind::Fail))
}

#[cfg(test)]
mod tests;
