//! Whether a plan would have fired although nothing was released: each instance of the running version plays the canary
//! against the others, over what they showed of late.
//!
//! The judge of a release knows what the running version showed before it ([`JudgeState::primed`]). So does this one, and
//! never of the ticks that it judges: each half of the time is judged by one that knows the other half.

use super::missing::silence;
use super::weigh::Scale;
use super::{JudgeState, Policy, Verdict, VerdictKind, conclude, words};
use crate::plan::{Metric, Plan, Weight};
use crate::signal::{ArmTick, Data, InstanceTick, Tick};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// So many instances play at most: those with most requests.
const MOST: usize = 20;
/// Ticks times instances of a picture, at most: some 30 ms.
const LOOKS: usize = 1_200;

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

/// What the evidence of all guards would have been for an instance of the running version in the canary's place.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub instance: String,
    /// Odds toward rolling back after each tick; `None` where the tick said nothing.
    pub odds: Vec<Option<f64>>,
}

/// Plays the plan over ticks, oldest first. No run when there are not two instances to compare.
pub fn placebo(plan: &Plan, ticks: &[Tick]) -> Placebo {
    let usable = ticks.iter().filter(|tick| tick.baseline.data.usable());
    let mut placebo = Placebo { span: usable.fold(Span::ZERO, |sum, tick| sum + tick.span), ..Placebo::default() };
    let (older, newer) = ticks.split_at(ticks.len() / 2);
    let knowing = |past: &[Tick]| JudgeState::primed(past, &policy(plan, Weight::ZERO));
    let halves = [(older, knowing(newer)), (newer, knowing(older))];
    for (name, weight) in players(ticks, MOST) {
        let policy = policy(plan, weight);
        placebo.runs += 1;
        if let Some(verdict) = halves.iter().find_map(|(half, known)| fired(half, name, known.clone(), &policy)) {
            placebo.fired += 1;
            placebo.count(&verdict);
        }
    }
    placebo
}

/// The first verdict that would have rolled the instance back.
fn fired(ticks: &[Tick], name: &str, mut state: JudgeState, policy: &Policy) -> Option<Verdict> {
    recast(ticks, name).find_map(|tick| {
        let conclusion = conclude(&mut state, &tick, policy);
        (conclusion.kind == VerdictKind::Fail).then(|| conclusion.verdict())
    })
}

/// The evidence of each instance in the canary's place, tick by tick, for a picture beside the canary's own. Each
/// begins with what the judge of the release `knew` as it began. Bounded: over more ticks fewer instances play, at least
/// two.
pub fn paths<T: Borrow<Tick>>(plan: &Plan, knew: &JudgeState, ticks: &[T]) -> Vec<Path> {
    let most = (LOOKS / ticks.len().max(1)).clamp(2, MOST);
    let path = |(name, weight): (&str, Weight)| {
        let mut state = knew.clone();
        let policy = policy(plan, weight);
        let odds = recast(ticks, name).map(|tick| gathered(&mut state, &tick, &policy));
        Path { instance: name.to_owned(), odds: odds.collect() }
    };
    players(ticks, most).into_iter().map(path).collect()
}

/// The instances of the baseline with most requests, and their share of its traffic; nobody when there are not two.
fn players<T: Borrow<Tick>>(ticks: &[T], most: usize) -> Vec<(&str, Weight)> {
    let mut requests: BTreeMap<&str, f64> = BTreeMap::new();
    let arms = ticks.iter().map(|tick| &tick.borrow().baseline);
    for instance in arms.filter(|arm| arm.data.usable()).flat_map(|arm| &arm.instances) {
        *requests.entry(&instance.instance).or_default() += instance.requests;
    }
    let all: f64 = requests.values().sum();
    let mut busiest: Vec<(&str, f64)> = requests.into_iter().filter(|(_, requests)| *requests > 0.0).collect();
    if busiest.len() < 2 {
        return Vec::new();
    }
    busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let share = |requests: f64| {
        // Between 1 and 99 a share is a weight.
        Weight::try_from((100.0 * requests / all).round().clamp(1.0, 99.0) as u8).unwrap_or(Weight::ZERO)
    };
    busiest.into_iter().take(most).map(|(name, requests)| (name, share(requests))).collect()
}

fn policy(plan: &Plan, weight: Weight) -> Policy {
    Policy { split: false, ..Policy::of(plan, weight, 0) }
}

/// The ticks with this instance in the canary's place and without the canary.
fn recast<'a, T: Borrow<Tick>>(ticks: &'a [T], name: &'a str) -> impl Iterator<Item = Tick> + 'a {
    ticks.iter().map(Borrow::borrow).enumerate().map(move |(i, tick): (usize, &Tick)| {
        let arm = |mine: bool| {
            let instances = tick.baseline.instances.iter().filter(|one| (one.instance == name) == mine);
            let instances: Vec<InstanceTick> = instances.cloned().collect();
            let data = match tick.baseline.data {
                data if data.usable() && instances.is_empty() => Data::Missing,
                data => data,
            };
            ArmTick { data, instances }
        };
        let (canary, baseline) = (arm(true), arm(false));
        let (failure, warnings) = (tick.failure.clone(), tick.warnings.clone());
        Tick { number: i as u64 + 1, at: tick.at, span: tick.span, baseline, canary, failure, warnings }
    })
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

    /// `Would have fired 0 of 4 times: each instance of the running version once in the canary's place, in two halves of
    /// 10 min each.`
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
            "Would have fired {} of {} times{by}: each instance of the running version once in the canary's place, in two \
             halves of {} each.",
            self.fired,
            self.runs,
            words::about(Span::from_micros(self.span.micros() / 2))
        )
    }
}

/// The evidence after a tick, as [`judge`] gathers it, without finding anything.
fn gathered(state: &mut JudgeState, tick: &Tick, policy: &Policy) -> Option<f64> {
    state.enter(tick, policy);
    if silence(tick, policy).is_some() {
        return None;
    }
    let added = state.take(tick, policy);
    if let Some(added) = &added {
        state.bet(tick, policy, added);
    }
    let odds = Scale::of(state, policy, state.pool.sums()).back;
    state.pool.slide(tick, added, policy.window);
    Some(odds)
}

#[cfg(test)]
pub(super) mod tests;
