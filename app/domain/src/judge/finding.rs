//! What was found of one guard, in words and with what explains it.

use super::compare::{Arms, Comparison, Gap, Line, compare};
use super::counts::side;
use super::gauge::Leak;
use super::guard::Judged;
use super::track::Weight;
use super::view::View;
use super::weigh::until;
use super::{GuardEvidence, GuardFinding, VerdictKind, words};
use crate::plan::{Guard, Metric};
use crate::time::Span;

/// The guard at this place of the policy.
pub(super) struct Finding<'a> {
    pub(super) guard: &'a Guard,
    pub(super) index: usize,
    pub(super) judged: &'a Judged,
    pub(super) view: &'a View<'a>,
}

impl Finding<'_> {
    pub(super) fn told(&self) -> GuardFinding {
        let Finding { guard, judged, view, .. } = *self;
        let metric = &guard.metric;
        let (canary, baseline) = match &judged.shown {
            None => (None, None),
            Some((_, Ok(comparison))) => (Some(comparison.canary), comparison.baseline.or(judged.baseline)),
            Some((_, Err(_))) => (view.pool.canary.value(metric).known(), judged.baseline),
        };
        GuardFinding {
            metric: metric.clone(),
            kind: judged.kind,
            canary,
            baseline,
            tolerated: judged.tolerated,
            requests: (view.pool.canary.requests, view.baseline.map_or(0.0, |sums| sums.requests)),
            sentence: self.sentence(),
            evidence: judged.shown.as_ref().and_then(|_| self.evidence()),
        }
    }

    fn weight(&self) -> Weight {
        self.view.scale.guards[self.index]
    }

    fn evidence(&self) -> Option<GuardEvidence> {
        let Finding { guard, index, view, .. } = *self;
        let Weight { back, promote, phi, .. } = self.weight();
        (guard.metric != Metric::Traffic).then(|| GuardEvidence {
            back,
            promote,
            share: view.scale.share(index),
            band: view.state.evidence.get(&guard.metric).and_then(|track| track.band(guard)),
            phi,
        })
    }

    pub(super) fn sentence(&self) -> String {
        let Finding { guard: Guard { metric, .. }, judged, .. } = *self;
        match &judged.shown {
            None => format!("{}: neither a tolerance nor a limit is given.", words::heading(metric)),
            Some((line, Ok(comparison))) => self.of_comparison(*line, comparison),
            Some((_, Err(gap))) => self.of_gap(*gap),
        }
    }

    /// What happens if it stays like this, or what is still needed; empty for a guard that passes.
    pub(super) fn next(&self) -> String {
        match &self.judged.shown {
            None => "Fix the guard; until then nothing is promoted.".into(),
            Some((_, Ok(_))) => self.next_of_comparison(),
            Some((_, Err(gap))) => self.next_of_gap(*gap),
        }
    }

    /// A leak is what makes the guard suspect.
    fn leaks(&self) -> Option<Leak> {
        let Finding { guard, index, judged, view } = *self;
        let weighs = view.scale.heaviest == Some(index) && view.scale.suspect();
        let told = judged.kind == VerdictKind::Suspect && guard.metric != Metric::Traffic && !weighs;
        judged.leak.filter(|_| told)
    }

    fn of_comparison(&self, line: Line, comparison: &Comparison) -> String {
        let Finding { guard, judged, view, .. } = *self;
        let metric = &guard.metric;
        let said = words::numbers(metric, comparison, &whose(metric, view));
        if let Some(leak) = self.leaks() {
            return format!(
                "{said}, rising by {} a minute. Full in about {}.",
                metric.show(leak.per_minute),
                words::about(Span::from_micros((leak.full_in * 6e7) as i64))
            );
        }
        match (judged.kind, judged.sick) {
            (VerdictKind::Insufficient, Some(value)) => format!(
                "The baseline is unhealthy: {} {}, the limit is {}. {said}.",
                metric.label(),
                metric.show(value),
                metric.show(guard.slo.unwrap_or(value))
            ),
            _ => {
                let tolerated = words::line(metric, side(metric), line, comparison.tolerated);
                format!("{said}. {tolerated}{}{}", self.differing(line, comparison), self.lately(line, comparison))
            }
        }
    }

    /// ` Running instances differ among themselves: up to 1.8x as often does not roll back.`
    fn differing(&self, line: Line, comparison: &Comparison) -> String {
        let metric = &self.guard.metric;
        let track = self.view.state.evidence.get(metric);
        let own = comparison.baseline.zip(track).and_then(|(baseline, track)| track.own(metric, line, baseline));
        match own.filter(|_| comparison.worse && self.judged.kind != VerdictKind::Fail) {
            Some(own) => {
                format!(" Running instances differ among themselves: up to {own:.1}x as often does not roll back.")
            }
            None => String::new(),
        }
    }

    /// ` In the last 1:30 it was 0.45 % against 0.10 %.` The window also holds what was before a change; evidence does not
    /// wait until it has left.
    fn lately(&self, line: Line, comparison: &Comparison) -> String {
        let Finding { guard: Guard { metric, .. }, index, judged, view } = *self;
        let weighs = matches!(judged.kind, VerdictKind::Fail | VerdictKind::Suspect) && *metric != Metric::Traffic;
        if comparison.worse || !weighs || view.scale.heaviest != Some(index) {
            return String::new();
        }
        let worse = view.state.pool.newest().filter_map(|newest| {
            let baseline = if view.remembered.is_some() { view.baseline } else { Some(&newest.baseline) };
            let arms = Arms::of(&newest, baseline, view.policy, 1.0);
            let found = compare(metric, side(metric), line, &arms).ok().filter(|found| found.worse)?;
            // Most beyond the line, times requests: where the sum of what is too much began to rise.
            Some(((found.canary - found.tolerated).abs() * newest.canary.requests, newest.canary.span, found))
        });
        let Some((_, span, found)) = worse.max_by(|(a, ..), (b, ..)| a.total_cmp(b)) else {
            return " It was worse before; the window no longer shows it.".to_owned();
        };
        let against = found.baseline.map_or_else(String::new, |value| format!(" against {}", metric.show(value)));
        format!(" In the last {} it was {}{against}.", span.clock(), metric.show(found.canary))
    }

    fn next_of_comparison(&self) -> String {
        let Finding { guard, judged, view, .. } = *self;
        match (judged.kind, judged.sick) {
            (VerdictKind::Fail, _) => format!("Fails: {}.", view.scale.said_back()),
            (VerdictKind::Suspect, _) if guard.metric == Metric::Traffic => {
                "A wrong share never fails a release. Check the routing.".into()
            }
            (VerdictKind::Suspect, _) if self.leaks().is_some() => "Traffic stays as it is.".into(),
            (VerdictKind::Suspect, _) => suspect_next(view),
            (VerdictKind::Insufficient, Some(_)) => {
                "Nothing is promoted until the baseline is within its limit.".into()
            }
            (VerdictKind::Insufficient, _) if !view.met() => enough_next(view),
            (VerdictKind::Insufficient, _) if judged.proven => {
                "Worse than tolerated in the window, not beyond chance. Nothing is promoted.".into()
            }
            (VerdictKind::Insufficient, _) => self.promote_next(),
            _ => String::new(),
        }
    }

    /// `Evidence toward promoting 3:1, 20:1 needed: in about 4 min.`
    fn promote_next(&self) -> String {
        let (weight, needed) = (self.weight(), self.view.scale.promote_needed);
        let odds = weight.promote.unwrap_or(needed);
        if odds == 0.0 {
            return match self.guard.metric {
                Metric::Latency(_) => {
                    "Nothing is promoted: no latency bucket ends near this quantile, or none is known yet."
                }
                _ => "Nothing is promoted: no evidence has been gathered yet.",
            }
            .into();
        }
        let said = format!("Evidence toward promoting {}, {} needed", words::odds(odds), words::odds(needed));
        match until(odds, needed, weight.pace.1) {
            Some(wait) => format!("{said}: at this rate in about {}.", words::about(wait)),
            None => format!("{said}."),
        }
    }

    fn of_gap(&self, gap: Gap) -> String {
        let Finding { guard: Guard { metric, .. }, judged, view, .. } = *self;
        let name = words::heading(metric);
        match (gap, judged.kind) {
            (_, VerdictKind::Fail) => format!("{name} is worse than tolerated: {}.", view.scale.said_back()),
            (Gap::Unreported(_), VerdictKind::Insufficient) => format!("{name}: no requests seen yet."),
            (Gap::Unreported(_), VerdictKind::NoData) => format!("{name}: in the baseline, not in the canary."),
            (Gap::Unreported(arm), _) => format!("{name}: no {} instance reports `{metric}`.", arm.label()),
            (Gap::Short { have, need }, _) if need > 1.0 => {
                format!("{name}: {} of {} requests needed in the window.", words::whole(have), words::whole(need))
            }
            (Gap::Short { .. }, _) => format!("{name}: no requests seen yet."),
            (Gap::Unresolved, _) => {
                format!("{name}: beyond the last latency bucket, so the versions cannot be told apart.")
            }
            (Gap::NoBaseline, _) => format!("{name}: the baseline carries no traffic and was not seen before."),
            (Gap::Load, _) => {
                let value = view.pool.canary.value(metric).known().map_or_else(String::new, |v| metric.show(v));
                format!(
                    "{name} {value}. Not compared: canary instances carry more requests than baseline instances do."
                )
            }
        }
    }

    fn next_of_gap(&self, gap: Gap) -> String {
        let view = self.view;
        match (gap, self.judged.kind) {
            (_, VerdictKind::Fail) => format!("Fails: {}.", view.scale.said_back()),
            (Gap::Unreported(_), VerdictKind::Insufficient) | (Gap::Load, _) => enough_next(view),
            (Gap::Unreported(_), VerdictKind::NoData) => {
                "Its instrumentation may be missing in the new version. Nothing is promoted.".into()
            }
            (Gap::Unreported(_), _) => "Fix the guard or the service's signals; until then nothing is promoted.".into(),
            (Gap::Short { have, need }, _) if need > 1.0 => quantile_next(have, need, view),
            (Gap::Short { .. }, _) => enough_next(view),
            (Gap::Unresolved, _) => "Nothing is promoted. Give the service's histogram higher buckets.".into(),
            (Gap::NoBaseline, _) => "Nothing is promoted. An absolute limit (`slo`) could be judged.".into(),
        }
    }
}

fn whose(metric: &Metric, view: &View) -> String {
    match (metric, view.remembered) {
        (Metric::Traffic, _) => format!(" expected at {}\u{a0}%", view.policy.weight.percent()),
        (_, Some(at)) => format!(" before, at {}", at.clock()),
        _ => String::new(),
    }
}

/// `Evidence toward rolling back 14:1, 20:1 needed. If it stays like this, fails in about 40 s.`
fn suspect_next(view: &View) -> String {
    let scale = &view.scale;
    let rest = match scale.back_in() {
        Some(wait) => format!("If it stays like this, fails in about {}.", words::about(wait)),
        None => "Traffic stays as it is.".into(),
    };
    format!("{}. {rest}", capital(&scale.said_back()))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `Enough in about 40 s: 310 of 500 requests.`
pub(super) fn enough_next(view: &View) -> String {
    let (have, need) = view.requests();
    let (watched, needed) = view.time();
    let counted = if have < need {
        format!("{} of {} requests", words::whole(have), words::whole(need))
    } else {
        format!("watched {} of {}", watched.min(needed).clock(), needed.clock())
    };
    match view.wait() {
        Some(wait) if wait > Span::ZERO => format!("Enough in about {}: {counted}.", words::about(wait)),
        Some(_) => "Enough with the next readings.".into(),
        None => format!("Waiting for requests: {counted}."),
    }
}

fn quantile_next(have: f64, need: f64, view: &View) -> String {
    let span = view.pool.canary.span.secs_f64();
    let rate = have / span;
    if span <= 0.0 || have <= 0.0 {
        return enough_next(view);
    }
    if rate * view.policy.window.secs_f64() < need && span * 2.0 > view.policy.window.secs_f64() {
        return format!(
            "At this traffic a window of {} never holds {} requests: widen `window` or choose a lower quantile.",
            view.policy.window.clock(),
            words::whole(need)
        );
    }
    let wait = Span::from_micros(((need - have) / rate * 1e6) as i64);
    format!("Enough in about {}: {} of {} requests.", words::about(wait), words::whole(have), words::whole(need))
}
