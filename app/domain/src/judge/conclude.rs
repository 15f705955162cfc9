//! From findings to a verdict.

use super::compare::Gap;
use super::guard::{Judged, View, enough_next, severity};
use super::limit::Limited;
use super::missing::{Silence, unrouted};
use super::{JudgeState, VerdictKind, words};
use crate::plan::Metric;
use crate::time::Span;

/// A verdict in few words.
pub(super) struct Concluded {
    pub(super) kind: VerdictKind,
    pub(super) sentence: String,
    pub(super) next: String,
    pub(super) decided_by: Option<Metric>,
}

/// Weighs guards, limits and minimum data against each other.
pub(super) fn conclude(state: &JudgeState, view: &View, guards: &[Judged], limits: &[Limited]) -> Concluded {
    let of_limit = |limited: &Limited, kind: VerdictKind| Concluded {
        kind,
        sentence: limited.sentence.clone(),
        next: limited.next(),
        decided_by: Some(limited.finding.metric.clone()),
    };
    let worst = guards.iter().max_by(|a, b| {
        let rank = |judged: &Judged| severity(judged.finding.kind);
        rank(a).cmp(&rank(b)).then(a.nearness.total_cmp(&b.nearness))
    });
    let worst_is = |kind: VerdictKind| worst.is_some_and(|judged| judged.finding.kind == kind);
    let of_worst = |decides: bool| {
        worst.map(|judged| Concluded {
            kind: judged.finding.kind,
            sentence: judged.finding.sentence.clone(),
            next: judged.next.clone(),
            decided_by: decides.then(|| judged.finding.metric.clone()),
        })
    };
    if let Some(fired) = limits.iter().find(|limited| limited.fired()) {
        return of_limit(fired, VerdictKind::Fail);
    }
    if (worst_is(VerdictKind::Fail) || worst_is(VerdictKind::ConfigError))
        && let Some(concluded) = of_worst(true)
    {
        return concluded;
    }
    if let Some(unknown) = limits.iter().find(|limited| matches!(limited.gap, Some(Gap::Unreported(_))))
        && view.pool.canary.requests > 0.0
    {
        let metric = &unknown.finding.metric;
        return Concluded {
            kind: VerdictKind::ConfigError,
            sentence: format!("The hard limit on {} cannot be judged: no instance reports `{metric}`.", metric.label()),
            next: "Fix the limit or the service's signals; until then nothing is promoted.".into(),
            decided_by: Some(metric.clone()),
        };
    }
    if let Some(Silence { kind, sentence, next }) = unrouted(state, view.policy) {
        return Concluded { kind, sentence, next, decided_by: None };
    }
    if let Some(more) = state.split.wrong().filter(|_| view.policy.split) {
        return misrouted(view, more);
    }
    if (worst_is(VerdictKind::NoData) || worst_is(VerdictKind::Suspect))
        && let Some(concluded) = of_worst(true)
    {
        return concluded;
    }
    if let Some(running) = limits.iter().find(|limited| limited.finding.breached) {
        return of_limit(running, VerdictKind::Suspect);
    }
    if worst_is(VerdictKind::Insufficient)
        && let Some(concluded) = short_of(view).or_else(|| of_worst(false))
    {
        return concluded;
    }
    held_back(view, limits).or_else(|| of_worst(false)).map_or_else(
        || Concluded {
            kind: VerdictKind::Pass,
            sentence: "No hard limit is broken.".into(),
            next: passed(view, guards, limits),
            decided_by: None,
        },
        |concluded| match concluded.kind {
            VerdictKind::Pass => Concluded { next: passed(view, guards, limits), ..concluded },
            _ => concluded,
        },
    )
}

/// Minimum data is not met yet: then no guard's number is worth a headline.
fn short_of(view: &View) -> Option<Concluded> {
    (!view.requests_met() || !view.time_met()).then(|| Concluded {
        kind: VerdictKind::Insufficient,
        sentence: "Too little seen so far.".to_owned(),
        next: enough_next(view),
        decided_by: None,
    })
}

/// The canary takes another share of traffic than was asked.
fn misrouted(view: &View, more: bool) -> Concluded {
    let share = view.pool.canary.requests / (view.pool.canary.requests + view.pool.baseline.requests);
    let word = if more { "more" } else { "less" };
    Concluded {
        kind: VerdictKind::Suspect,
        sentence: format!(
            "The canary takes {word} than its share: {:.1}\u{a0}% of requests, asked are {}\u{a0}%.",
            share * 100.0,
            view.policy.weight.percent()
        ),
        next: "The versions may serve different requests and are not comparable. Check the routing.".into(),
        decided_by: None,
    }
}

/// What keeps guards that are content from passing: too little data, silence, a limit that could not be judged.
fn held_back(view: &View, limits: &[Limited]) -> Option<Concluded> {
    let quiet = (view.policy.interval + view.policy.interval + view.policy.interval).max(Span::from_secs(60));
    let blind = limits.iter().find(|limited| matches!(limited.gap, Some(Gap::Short { .. } | Gap::Unresolved)));
    if let Some(short) = short_of(view) {
        return Some(short);
    }
    let (sentence, next) = if view.seen.silent > quiet {
        (format!("No canary request for {}.", view.seen.silent.clock()), "Passes with the next requests.".into())
    } else {
        let blind = blind?;
        let reason = match blind.gap {
            Some(Gap::Short { have, need }) => {
                format!("{} of {} requests in the window", words::whole(have), words::whole(need))
            }
            _ => "it lies beyond the last latency bucket".to_owned(),
        };
        let metric = blind.finding.metric.label();
        (format!("The hard limit on {metric} cannot be judged yet: {reason}."), "Nothing is promoted.".into())
    };
    Some(Concluded { kind: VerdictKind::Insufficient, sentence, next, decided_by: None })
}

/// `All 3 guards pass, 18 300 requests.`
fn passed(view: &View, guards: &[Judged], limits: &[Limited]) -> String {
    let requests = words::whole(view.pool.canary.requests);
    match (guards.len(), limits.len()) {
        (0, 1) => format!("The hard limit is kept, {requests} requests."),
        (0, all) => format!("All {all} hard limits are kept, {requests} requests."),
        (1, _) => format!("The guard passes, {requests} requests."),
        (all, _) => format!("All {all} guards pass, {requests} requests."),
    }
}
