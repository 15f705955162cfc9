//! One guard in one tick: what its numbers are, and what its evidence says.
//!
//! The numbers are those of the pooled window; the evidence has been gathered since the release began
//! ([`Track`](super::track::Track)). A guard *fails* when all guards' evidence together is enough to roll back and it has
//! the largest share of it; is *suspect* on the way there; *passes* when the canary is shown to be no worse than
//! tolerated, minimum data is there and the baseline is healthy.

use super::compare::{Arms, Comparison, Gap, Line, compare};
use super::counts::side;
use super::state::{Pair, Seen, alone};
use super::track::{Track, Weight, lines, unhealthy};
use super::weigh::{SUSPECT, Scale};
use super::{GuardEvidence, GuardFinding, Policy, VerdictKind, words};
use crate::plan::{Guard, Metric};
use crate::signal::Arm;
use crate::signal::stats::Sums;
use crate::time::{Span, Timestamp};

/// What guards and limits are judged on.
pub(super) struct View<'a> {
    pub(super) policy: &'a Policy,
    pub(super) pool: &'a Pair,
    /// The baseline to compare with: today's, or the remembered one.
    pub(super) baseline: Option<&'a Sums>,
    /// When the remembered baseline was last seen, if it is the one compared with.
    pub(super) remembered: Option<Timestamp>,
    /// What this tick added.
    pub(super) added: &'a Pair,
    pub(super) seen: Seen,
    pub(super) scale: &'a Scale,
}

/// A guard's finding, and how near its line the canary is: 1 is on it, more is worse.
pub(super) struct Judged {
    pub(super) finding: GuardFinding,
    pub(super) nearness: f64,
    pub(super) next: String,
}

/// How much worse one kind is than another when several guards speak at once.
pub(super) fn severity(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Fail => 6,
        VerdictKind::ConfigError => 5,
        VerdictKind::ProviderDown => 4,
        VerdictKind::NoData => 3,
        VerdictKind::Suspect => 2,
        VerdictKind::Insufficient => 1,
        VerdictKind::Pass => 0,
    }
}

impl View<'_> {
    /// What is compared. `slow` requests must lie beyond a quantile for it to be told.
    pub(super) fn arms(&self, slow: f64) -> Arms<'_> {
        let total = self.pool.canary.requests + self.pool.baseline.requests;
        let expected = self.policy.weight.ratio() * total;
        Arms { canary: &self.pool.canary, baseline: self.baseline, expected, slow }
    }

    /// Requests seen in the stage and requests needed, of the arm that is further behind.
    pub(super) fn requests(&self) -> (f64, f64) {
        let need = self.policy.min_data.requests as f64;
        let baseline =
            if alone(self.policy) { self.baseline.map_or(need, |sums| sums.requests) } else { self.seen.baseline };
        (self.seen.canary.min(baseline), need)
    }

    pub(super) fn requests_met(&self) -> bool {
        let (have, need) = self.requests();
        have >= need && self.seen.canary > 0.0
    }

    /// Time that must lie in the window itself, so that a long gap is followed by a fresh look.
    pub(super) fn time(&self) -> (Span, Span) {
        let need = self.policy.min_data.time;
        let in_window = need.min(self.policy.window);
        let slack = Span::from_micros(self.policy.interval.micros() / 2);
        if self.seen.time + slack < need { (self.seen.time, need) } else { (self.pool.canary.span + slack, in_window) }
    }

    pub(super) fn time_met(&self) -> bool {
        let (have, need) = self.time();
        have >= need
    }

    /// How long until minimum data is there at the present rate; `None` when nothing comes in.
    pub(super) fn wait(&self) -> Option<Span> {
        let (have, need) = self.requests();
        let (watched, needed) = self.time();
        let rate = have / self.seen.time.secs_f64();
        let requests = if have >= need {
            Span::ZERO
        } else if rate.is_finite() && rate > 0.0 {
            Span::from_micros(((need - have) / rate * 1e6) as i64)
        } else {
            return None;
        };
        Some(requests.max(needed.saturating_sub(watched)))
    }

    fn whose(&self, metric: &Metric) -> String {
        match (metric, self.remembered) {
            (Metric::Traffic, _) => format!(" expected at {}\u{a0}%", self.policy.weight.percent()),
            (_, Some(at)) => format!(" before, at {}", at.clock()),
            _ => String::new(),
        }
    }

    fn met(&self) -> bool {
        self.requests_met() && self.time_met()
    }
}

pub(super) fn judge_guard(guard: &Guard, index: usize, track: Option<&Track>, view: &View) -> Judged {
    let metric = &guard.metric;
    let found: Vec<(Line, Result<Comparison, Gap>)> =
        lines(guard).into_iter().map(|line| (line, compared(metric, line, view))).collect();
    // Without a line nothing could be tested; plans are checked against it.
    let worst = found.iter().max_by(|(_, a), (_, b)| urgency(metric, a).total_cmp(&urgency(metric, b)));
    let Some((line, outcome)) = worst else { return no_line(metric, view) };
    let weight = view.scale.guards[index];
    let decides = view.scale.heaviest() == Some(index);
    let mut judged = match outcome {
        Ok(comparison) => of_comparison(guard, *line, comparison, weight, decides, track, view),
        Err(gap) if decides && view.scale.rolls_back() => of_evidence(metric, *gap, view),
        Err(gap) => of_gap(metric, *gap, view),
    };
    let tolerated = found.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).map(|c| c.tolerated);
    judged.finding.tolerated = match side(metric) {
        super::compare::Side::Above => tolerated.min_by(f64::total_cmp),
        super::compare::Side::Below => tolerated.max_by(f64::total_cmp),
    };
    judged.finding.baseline =
        judged.finding.baseline.or_else(|| found.iter().find_map(|(_, outcome)| outcome.as_ref().ok()?.baseline));
    judged.finding.evidence = (*metric != Metric::Traffic).then(|| GuardEvidence {
        back: weight.back,
        promote: weight.promote,
        share: view.scale.share(index),
        band: track.and_then(|track| track.band(guard)),
        phi: weight.phi,
    });
    judged
}

/// Which of a guard's lines to show: one that cannot be judged, else the one the canary is nearest to or furthest beyond.
fn urgency(metric: &Metric, outcome: &Result<Comparison, Gap>) -> f64 {
    outcome.as_ref().map_or(f64::INFINITY, |comparison| nearness(metric, comparison))
}

fn nearness(metric: &Metric, comparison: &Comparison) -> f64 {
    let near = if metric.less_is_worse() {
        comparison.tolerated / comparison.canary
    } else {
        comparison.canary / comparison.tolerated
    };
    if near.is_finite() { near } else { 0.0 }
}

/// A metric that vanished from the newest reading is not judged by what lies in the window.
fn compared(metric: &Metric, line: Line, view: &View) -> Result<Comparison, Gap> {
    if view.added.canary.requests > 0.0 && !view.added.canary.reports(metric) {
        return Err(Gap::Unreported(Arm::Canary));
    }
    compare(metric, side(metric), line, &view.arms(1.0))
}

fn of_comparison(
    guard: &Guard,
    line: Line,
    comparison: &Comparison,
    weight: Weight,
    decides: bool,
    track: Option<&Track>,
    view: &View,
) -> Judged {
    let metric = &guard.metric;
    let scale = view.scale;
    let sick = unhealthy(guard, &view.pool.baseline, view.policy);
    let leak = track.and_then(|track| track.leak(comparison.canary));
    let shown = weight.promote.is_none_or(|odds| odds >= scale.promote_needed);
    let kind = if *metric == Metric::Traffic {
        match (comparison.worse, comparison.sure(), view.met()) {
            (true, true, _) => VerdictKind::Suspect,
            (true, false, _) | (_, _, false) => VerdictKind::Insufficient,
            _ => VerdictKind::Pass,
        }
    } else if decides && scale.rolls_back() {
        VerdictKind::Fail
    } else if (decides && scale.suspect()) || weight.back >= SUSPECT || leak.is_some() {
        VerdictKind::Suspect
    } else if sick.is_some() || !view.met() || comparison.doubtful() || !shown {
        VerdictKind::Insufficient
    } else {
        VerdictKind::Pass
    };
    let said = words::numbers(metric, comparison, &view.whose(metric));
    let mut sentence = format!("{said}. {}", words::line(metric, side(metric), line, comparison.tolerated));
    let next = match (kind, sick, leak) {
        (VerdictKind::Fail, ..) => format!("Fails: {}.", scale.said_back()),
        (VerdictKind::Suspect, ..) if *metric == Metric::Traffic => {
            "A wrong share never fails a release. Check the routing.".into()
        }
        (VerdictKind::Suspect, _, Some(leak)) if !(decides && scale.suspect()) => {
            sentence = format!(
                "{said}, rising by {} a minute. Full in about {}.",
                metric.show(leak.per_minute),
                words::about(Span::from_micros((leak.full_in * 6e7) as i64))
            );
            "Traffic stays as it is.".into()
        }
        (VerdictKind::Suspect, ..) => suspect_next(view),
        (VerdictKind::Insufficient, Some(value), _) => {
            sentence = format!(
                "The baseline is unhealthy: {} {}, the limit is {}. {said}.",
                metric.label(),
                metric.show(value),
                metric.show(guard.slo.unwrap_or(value))
            );
            "Nothing is promoted until the baseline is within its limit.".into()
        }
        (VerdictKind::Insufficient, ..) if !view.met() => enough_next(view),
        (VerdictKind::Insufficient, ..) if shown => {
            "Worse than tolerated in the window, not beyond chance. Nothing is promoted.".into()
        }
        (VerdictKind::Insufficient, ..) => promote_next(metric, weight, view),
        _ => String::new(),
    };
    Judged {
        finding: GuardFinding {
            canary: Some(comparison.canary),
            baseline: comparison.baseline,
            ..empty(metric, kind, sentence, view)
        },
        nearness: nearness(metric, comparison),
        next,
    }
}

/// `Evidence toward rolling back 14:1, 20:1 needed. If it stays like this, fails in about 40 s.`
fn suspect_next(view: &View) -> String {
    let scale = view.scale;
    let rest = match scale.back_in {
        Some(wait) => format!("If it stays like this, fails in about {}.", words::about(wait)),
        None => "Traffic stays as it is.".into(),
    };
    format!("{}. {rest}", capital(&scale.said_back()))
}

/// `Evidence toward promoting 3:1, 20:1 needed: in about 4 min.`
fn promote_next(metric: &Metric, weight: Weight, view: &View) -> String {
    let needed = view.scale.promote_needed;
    let odds = weight.promote.unwrap_or(needed);
    if odds == 0.0 {
        return match metric {
            Metric::Latency(_) => {
                "Nothing is promoted: no latency bucket ends near this quantile, or none is known yet."
            }
            _ => "Nothing is promoted: no evidence has been gathered yet.",
        }
        .into();
    }
    let said = format!("Evidence toward promoting {}, {} needed", words::odds(odds), words::odds(needed));
    match super::weigh::until(odds, needed, weight.pace.1) {
        Some(wait) => format!("{said}: at this rate in about {}.", words::about(wait)),
        None => format!("{said}."),
    }
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

/// The evidence is there although the window shows nothing now.
fn of_evidence(metric: &Metric, gap: Gap, view: &View) -> Judged {
    let shown = of_gap(metric, gap, view);
    let sentence = format!("{} is worse than tolerated: {}.", words::heading(metric), view.scale.said_back());
    Judged {
        finding: GuardFinding { kind: VerdictKind::Fail, sentence, ..shown.finding },
        next: format!("Fails: {}.", view.scale.said_back()),
        ..shown
    }
}

fn of_gap(metric: &Metric, gap: Gap, view: &View) -> Judged {
    let name = words::heading(metric);
    let served = view.pool.canary.requests > 0.0;
    let baseline_has = view.baseline.is_some_and(|sums| sums.reports(metric));
    let (kind, sentence, next) = match gap {
        Gap::Unreported(_) if !served => {
            (VerdictKind::Insufficient, format!("{name}: no requests seen yet."), enough_next(view))
        }
        Gap::Unreported(Arm::Canary) if baseline_has => (
            VerdictKind::NoData,
            format!("{name}: in the baseline, not in the canary."),
            "Its instrumentation may be missing in the new version. Nothing is promoted.".into(),
        ),
        Gap::Unreported(arm) => (
            VerdictKind::ConfigError,
            format!("{name}: no {} instance reports `{metric}`.", arm.label()),
            "Fix the guard or the service's signals; until then nothing is promoted.".into(),
        ),
        Gap::Short { have, need } if need > 1.0 => (
            VerdictKind::Insufficient,
            format!("{name}: {} of {} requests needed in the window.", words::whole(have), words::whole(need)),
            quantile_next(have, need, view),
        ),
        Gap::Short { .. } => (VerdictKind::Insufficient, format!("{name}: no requests seen yet."), enough_next(view)),
        Gap::Unresolved => (
            VerdictKind::Insufficient,
            format!("{name}: beyond the last latency bucket, so the versions cannot be told apart."),
            "Nothing is promoted. Give the service's histogram higher buckets.".into(),
        ),
        Gap::NoBaseline => (
            VerdictKind::Insufficient,
            format!("{name}: the baseline carries no traffic and was not seen before."),
            "Nothing is promoted. An absolute limit (`slo`) could be judged.".into(),
        ),
        Gap::Load => {
            let kind = if view.met() { VerdictKind::Pass } else { VerdictKind::Insufficient };
            let value = view.pool.canary.value(metric).known().map_or_else(String::new, |v| metric.show(v));
            let text = format!(
                "{name} {value}. Not compared: canary instances carry more requests than baseline instances do."
            );
            (kind, text, enough_next(view))
        }
    };
    let canary = view.pool.canary.value(metric).known();
    Judged { finding: GuardFinding { canary, ..empty(metric, kind, sentence, view) }, nearness: 0.0, next }
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

fn no_line(metric: &Metric, view: &View) -> Judged {
    let sentence = format!("{}: neither a tolerance nor a limit is given.", words::heading(metric));
    Judged {
        finding: empty(metric, VerdictKind::ConfigError, sentence, view),
        nearness: 0.0,
        next: "Fix the guard; until then nothing is promoted.".into(),
    }
}

fn empty(metric: &Metric, kind: VerdictKind, sentence: String, view: &View) -> GuardFinding {
    let baseline = view.baseline.map_or(0.0, |sums| sums.requests);
    GuardFinding {
        metric: metric.clone(),
        kind,
        canary: None,
        baseline: None,
        tolerated: None,
        requests: (view.pool.canary.requests, baseline),
        sentence,
        evidence: None,
    }
}
