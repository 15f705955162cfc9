//! One guard in one tick: within tolerance, worse, for how long, and beyond chance or not.
//!
//! A guard that is worse than tolerated over the pooled window is *suspect*. It *fails* when three more things hold:
//! the stage has its minimum of requests in both arms; the counts are beyond chance ([`chance`](super::chance)); and at
//! least [`BAD_READINGS`] readings were each worse by themselves, so that one burst, which stays in the window for
//! minutes, never fails a release. A clean window starts the count of bad readings anew; missing data leaves it alone.

use super::compare::{Arms, Comparison, Gap, Line, Side, compare};
use super::state::{Pair, Seen, alone};
use super::{GuardFinding, Policy, VerdictKind, words};
use crate::plan::{Guard, Metric};
use crate::signal::Arm;
use crate::signal::stats::Sums;
use crate::time::{Span, Timestamp};

/// Readings that must be bad by themselves before a guard fails.
pub(super) const BAD_READINGS: u32 = 3;

/// The same for a gauge, which has no counts to tell chance by.
pub(super) const BAD_GAUGE_READINGS: u32 = 6;

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
    pub(super) fn arms(&self) -> Arms<'_> {
        let total = self.pool.canary.requests + self.pool.baseline.requests;
        Arms { canary: &self.pool.canary, baseline: self.baseline, expected: self.policy.weight.ratio() * total }
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
}

pub(super) fn side_of(metric: &Metric) -> Side {
    if metric.less_is_worse() { Side::Below } else { Side::Above }
}

pub(super) fn judge_guard(guard: &Guard, view: &View, bad: &mut u32) -> Judged {
    let metric = &guard.metric;
    let side = side_of(metric);
    let tolerance = guard.effective_tolerance();
    let relative = (tolerance.ratio.is_some() || tolerance.plus.is_some())
        .then(|| Line::Relative { ratio: tolerance.ratio.unwrap_or(1.0), plus: tolerance.plus.unwrap_or(0.0) });
    let lines: Vec<Line> = relative.into_iter().chain(guard.slo.map(Line::Fixed)).collect();
    let found: Vec<_> = lines.iter().map(|line| (*line, compared(metric, side, *line, view))).collect();
    count_bad(&found, metric, side, view, bad);

    let unhealthy = guard.slo.filter(|slo| {
        let value = view.pool.baseline.value(metric).known();
        *metric != Metric::Traffic && !alone(view.policy) && value.is_some_and(|value| side.beyond(value, *slo))
    });
    let mut judged: Vec<Judged> = found
        .iter()
        .map(|(line, outcome)| match outcome {
            Ok(comparison) => of_comparison(metric, side, *line, comparison, unhealthy, view, *bad),
            Err(gap) => of_gap(metric, *gap, view),
        })
        .collect();
    // Without a line nothing could be tested; plans are checked against it.
    judged.sort_by(|a, b| {
        severity(b.finding.kind).cmp(&severity(a.finding.kind)).then(b.nearness.total_cmp(&a.nearness))
    });
    let mut worst = judged.into_iter().next().unwrap_or_else(|| no_line(metric, view));
    let tolerated = found.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).map(|c| c.tolerated);
    worst.finding.tolerated = match side {
        Side::Above => tolerated.min_by(f64::total_cmp),
        Side::Below => tolerated.max_by(f64::total_cmp),
    };
    worst.finding.baseline =
        worst.finding.baseline.or_else(|| found.iter().find_map(|(_, outcome)| outcome.as_ref().ok()?.baseline));
    worst
}

/// A metric that vanished from the newest reading is not judged by what lies in the window.
fn compared(metric: &Metric, side: Side, line: Line, view: &View) -> Result<Comparison, Gap> {
    if view.added.canary.requests > 0.0 && !view.added.canary.reports(metric) {
        return Err(Gap::Unreported(Arm::Canary));
    }
    compare(metric, side, line, &view.arms())
}

fn count_bad(found: &[(Line, Result<Comparison, Gap>)], metric: &Metric, side: Side, view: &View, bad: &mut u32) {
    let worse = || found.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).filter(|c| c.worse);
    let clean = worse().next().is_none() && found.iter().all(|(_, outcome)| outcome.is_ok());
    let alone = view.added.canary.value(metric).known();
    if clean {
        *bad = 0;
    } else if alone.is_some_and(|value| worse().any(|c| side.beyond(value, c.tolerated))) {
        *bad = bad.saturating_add(1);
    }
}

fn of_comparison(
    metric: &Metric,
    side: Side,
    line: Line,
    comparison: &Comparison,
    unhealthy: Option<f64>,
    view: &View,
    bad: u32,
) -> Judged {
    let need = if comparison.evidence.is_some() { BAD_READINGS } else { BAD_GAUGE_READINGS };
    let sure = comparison.sure();
    let incident = unhealthy.is_some() && matches!(line, Line::Fixed(_));
    let kind = if comparison.worse && !incident {
        match (sure, view.requests_met()) {
            _ if *metric == Metric::Traffic => {
                if sure {
                    VerdictKind::Suspect
                } else {
                    VerdictKind::Insufficient
                }
            }
            (true, true) if bad >= need => VerdictKind::Fail,
            (true, _) | (_, true) => VerdictKind::Suspect,
            _ => VerdictKind::Insufficient,
        }
    } else if unhealthy.is_some() || !view.requests_met() || !view.time_met() {
        VerdictKind::Insufficient
    } else {
        VerdictKind::Pass
    };
    let said = words::numbers(metric, comparison, &view.whose(metric));
    let tolerated = words::line(metric, side, line, comparison.tolerated);
    let mut sentence = format!("{said}. {tolerated}");
    let next = match (kind, unhealthy) {
        (VerdictKind::Fail, _) => format!("Fails: {bad} readings were worse than tolerated, beyond chance."),
        (VerdictKind::Suspect, _) if *metric == Metric::Traffic => {
            "A wrong share never fails a release. Check the routing.".into()
        }
        (VerdictKind::Suspect, _) => suspect_next(metric, comparison, need.saturating_sub(bad), view),
        (VerdictKind::Insufficient, Some(slo)) => {
            let value = view.pool.baseline.value(metric).known().unwrap_or_default();
            sentence = format!(
                "The baseline is unhealthy: {} {}, the limit is {}. {said}.",
                metric.label(),
                metric.show(value),
                metric.show(slo)
            );
            "Nothing is promoted until the baseline is within its limit.".into()
        }
        (VerdictKind::Insufficient, None) => enough_next(view),
        _ => String::new(),
    };
    let nearness = match side {
        Side::Above => comparison.canary / comparison.tolerated,
        Side::Below => comparison.tolerated / comparison.canary,
    };
    Judged {
        finding: GuardFinding {
            canary: Some(comparison.canary),
            baseline: comparison.baseline,
            tolerated: Some(comparison.tolerated),
            ..empty(metric, kind, sentence, view)
        },
        nearness: if nearness.is_finite() { nearness } else { 0.0 },
        next,
    }
}

/// `If it stays like this, fails in about 20 s.`
fn suspect_next(metric: &Metric, comparison: &Comparison, readings: u32, view: &View) -> String {
    let span = view.pool.canary.span;
    let until_sure = match &comparison.evidence {
        Some(evidence) => (0..)
            .map(|k| 1.1_f64.powi(k))
            .take_while(|times| *times == 1.0 || span.secs_f64() * times <= view.policy.window.secs_f64())
            .find(|times| evidence.sure_at(*times))
            .map(|times| Span::from_micros((span.micros() as f64 * (times - 1.0)) as i64)),
        None => Some(Span::ZERO),
    };
    let requests = if view.requests_met() { Some(Span::ZERO) } else { view.wait() };
    let readings = Span::from_micros(view.policy.interval.micros() * i64::from(readings.max(1)));
    match (until_sure, requests, &comparison.evidence) {
        (Some(sure), Some(requests), _) => {
            format!("If it stays like this, fails in about {}.", words::about(sure.max(requests).max(readings)))
        }
        (None, _, Some(evidence)) => {
            format!("Not yet beyond chance: {}. Traffic stays as it is.", words::counts(metric, evidence))
        }
        _ => "Traffic stays as it is.".into(),
    }
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
            let kind =
                if view.requests_met() && view.time_met() { VerdictKind::Pass } else { VerdictKind::Insufficient };
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
    }
}
