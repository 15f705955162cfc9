//! From findings to what a tick means: the kind of its verdict and what decided it, in numbers alone.

use super::compare::{Arms, Gap};
use super::guard::{Judged, judge_guard, severity};
use super::limit::{Limited, judge_limit};
use super::missing::{Silence, silence, unrouted};
use super::state::{JudgeState, alone, step};
use super::view::View;
use super::{Policy, VerdictKind};
use crate::plan::Metric;
use crate::signal::Tick;
use crate::time::Span;

/// What a tick means, before it is put into words by [`verdict`](Conclusion::verdict).
pub struct Conclusion<'a> {
    pub kind: VerdictKind,
    pub(super) cause: Cause<'a>,
    /// In the order of the policy's guards; empty when the tick says nothing.
    pub(super) guards: Vec<Judged>,
    /// In the order of the policy's hard limits.
    pub(super) limits: Vec<Limited>,
    pub(super) view: View<'a>,
}

/// Why a verdict is what it is. Numbers are places in the policy.
#[derive(Debug)]
pub(super) enum Cause<'a> {
    Silent(Silence<'a>),
    /// A hard limit is broken.
    Limit(usize),
    /// No instance reports what a hard limit is about.
    Unreported(usize),
    /// A hard limit cannot be judged yet.
    Blind(usize),
    Guard(usize),
    /// The canary takes no part of traffic.
    Unrouted,
    /// The canary takes more than its share, or less.
    Misrouted {
        more: bool,
    },
    /// Minimum data is not there.
    Short,
    /// The canary has had no request for a while.
    Quiet,
    /// No hard limit is broken, and there is no guard.
    Clear,
}

/// Says what a tick means, after all those before it, and moves the state on. [`judge`](super::judge) is this with words,
/// and says in which order.
pub fn conclude<'a>(state: &'a mut JudgeState, tick: &'a Tick, policy: &'a Policy) -> Conclusion<'a> {
    state.enter(tick, policy);
    if policy.guards.is_empty() && policy.hard_limits.is_empty() {
        return silent(state, tick, policy, Silence::NoRule);
    }
    if tick.failure.is_none() {
        state.pass_over(tick);
    }
    if let Some(silence) = silence(tick, policy) {
        return silent(state, tick, policy, silence);
    }
    let added = state.take(tick, policy);
    let counted = added.is_some();
    if let Some(added) = &added {
        state.bet(tick, policy, added);
    }
    state.pool.slide(tick, added, policy.window);
    let limits = limits(state, policy, if counted { step(tick, policy) } else { Span::ZERO });
    let view = View::of(state, tick, policy, counted);
    let guards: Vec<Judged> = policy.guards.iter().enumerate().map(|(i, guard)| judge_guard(guard, i, &view)).collect();
    let (kind, cause) = cause(&view, &guards, &limits);
    Conclusion { kind, cause, guards, limits, view }
}

/// A tick that says nothing: evidence and timers stand still.
fn silent<'a>(state: &'a mut JudgeState, tick: &'a Tick, policy: &'a Policy, silence: Silence<'a>) -> Conclusion<'a> {
    let paused = policy.hard_limits.iter().map(|limit| Limited::paused(limit, *state.timers.of(limit, policy)));
    let limits = paused.collect();
    let view = View::of(state, tick, policy, false);
    Conclusion {
        kind: silence.kind(view.state.pace.begun()),
        cause: Cause::Silent(silence),
        guards: Vec::new(),
        limits,
        view,
    }
}

fn limits(state: &mut JudgeState, policy: &Policy, step: Span) -> Vec<Limited> {
    let pool = state.pool.sums();
    let remembered = state.reference.as_ref().map(|reference| &reference.sums);
    let baseline = if alone(policy) { remembered } else { Some(&pool.baseline) };
    let arms = Arms::of(pool, baseline, policy, 10.0);
    let half_full = pool.canary.span.micros() * 2 >= policy.window.micros();
    let timers = &mut state.timers;
    let judged = |limit| judge_limit(limit, &arms, half_full, timers.of(limit, policy), step);
    policy.hard_limits.iter().map(judged).collect()
}

/// Weighs guards, limits and minimum data against each other.
fn cause<'a>(view: &View, guards: &[Judged], limits: &[Limited]) -> (VerdictKind, Cause<'a>) {
    let worst = guards
        .iter()
        .enumerate()
        .max_by(|(_, a), (_, b)| severity(a.kind).cmp(&severity(b.kind)).then(a.nearness.total_cmp(&b.nearness)));
    // Without guards nothing of theirs is worse than a pass.
    let (worst, kind) = worst.map_or((Cause::Clear, VerdictKind::Pass), |(i, judged)| (Cause::Guard(i), judged.kind));
    let limit = |is: &dyn Fn(&Limited) -> bool| limits.iter().position(is);
    if let Some(fired) = limit(&Limited::fired) {
        return (VerdictKind::Fail, Cause::Limit(fired));
    }
    if matches!(kind, VerdictKind::Fail | VerdictKind::ConfigError) {
        return (kind, worst);
    }
    if view.pool.canary.requests > 0.0
        && let Some(unknown) = limit(&|limited| matches!(limited.gap(), Some(Gap::Unreported(_))))
    {
        return (VerdictKind::ConfigError, Cause::Unreported(unknown));
    }
    if unrouted(view.state) {
        return (VerdictKind::NoData, Cause::Unrouted);
    }
    if view.policy.split
        && let Some(more) = view.state.split.wrong()
    {
        return (VerdictKind::Suspect, Cause::Misrouted { more });
    }
    if matches!(kind, VerdictKind::NoData | VerdictKind::Suspect) {
        return (kind, worst);
    }
    if let Some(running) = limit(&|limited| limited.breached) {
        return (VerdictKind::Suspect, Cause::Limit(running));
    }
    // Then no guard's number is worth a headline.
    if !view.met() {
        return (VerdictKind::Insufficient, Cause::Short);
    }
    if kind == VerdictKind::Insufficient {
        return (kind, worst);
    }
    let interval = view.policy.interval;
    if view.seen.silent > (interval + interval + interval).max(Span::from_secs(60)) {
        return (VerdictKind::Insufficient, Cause::Quiet);
    }
    match limit(&|limited| matches!(limited.gap(), Some(Gap::Short { .. } | Gap::Unresolved))) {
        Some(blind) => (VerdictKind::Insufficient, Cause::Blind(blind)),
        None => (kind, worst),
    }
}

impl Conclusion<'_> {
    /// The guard or limit that decided, if one did.
    pub fn decided_by(&self) -> Option<&Metric> {
        let policy = self.view.policy;
        match self.cause {
            Cause::Limit(i) | Cause::Unreported(i) => Some(&policy.hard_limits[i].metric),
            Cause::Guard(i) if !matches!(self.kind, VerdictKind::Insufficient | VerdictKind::Pass) => {
                Some(&policy.guards[i].metric)
            }
            _ => None,
        }
    }
}
