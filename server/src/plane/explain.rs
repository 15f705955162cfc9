//! Why a verdict is what it is, in words, meters and pictures: of a release as it stands, of a decision as it was made.

use super::signals::decider;
use super::sources;
use super::words::{capital, verdict_pill};
use crate::charts;
use crate::service::Course;
use sternway_app::view::chart::{CellView, ChartView, FlagView, RowView, TableView};
use sternway_app::view::release::{ExplainedView, MeterView};
use sternway_app::view::{CheckView, Icon, Or, StateView, Tone};
use sternway_domain::judge::{Band, GuardFinding, Verdict, VerdictKind, Weighed, about, odds};
use sternway_domain::plan::{Guard, Metric, Plan, Weight, grouped};
use sternway_domain::time::{Span, Timestamp};

/// Pictures and table below a verdict.
pub(super) fn explained(
    plan: &Plan,
    verdict: &Verdict,
    course: Option<&Course>,
    stages: &[(Timestamp, Weight)],
) -> ExplainedView {
    let nothing = |title: &str, text: &str| {
        Or::Instead(StateView {
            icon: Icon::Info,
            title: title.to_owned(),
            text: text.to_owned(),
            ..StateView::default()
        })
    };
    let drawn = course.zip(verdict.evidence.as_ref());
    let evidence = match drawn {
        Some((course, needs)) => {
            let flag = share(verdict);
            Or::Shown(ChartView { flag, ..charts::evidence(course, needs, stages) })
        }
        None if plan.guards.is_empty() => nothing("No evidence", "The plan has hard limits only. They run on timers."),
        None => nothing("No evidence yet", "It begins with the second reading of both versions."),
    };
    let placebo = match drawn.and_then(|(course, needs)| charts::placebo(course, needs, stages)) {
        Some(chart) => Or::Shown(chart),
        None if drawn.is_none() => nothing("No comparison yet", "It is drawn beside the evidence."),
        None => nothing(
            "No comparison",
            "It takes two instances of the baseline that are read one by one: each is judged once as if it were the canary.",
        ),
    };
    ExplainedView {
        note: format!("as of {}, odds against a version that is no worse than tolerated", verdict.at.clock()),
        evidence,
        placebo,
        sources: sources::table(verdict),
        table: table(verdict),
        remarks: remarks(verdict),
    }
}

/// `96 % from errors`.
fn share(verdict: &Verdict) -> Option<FlagView> {
    let finding = heaviest(verdict)?;
    let share = finding.evidence?.share;
    let text = format!("{:.0}\u{a0}% of it from {}", 100.0 * share, finding.metric.label());
    let several = verdict.guards.iter().filter(|finding| finding.evidence.is_some()).count() > 1;
    let pill = verdict_pill(finding.kind);
    let some = verdict.evidence.is_some_and(|evidence| evidence.back >= 1.0);
    (several && some).then_some(FlagView { tone: pill.tone, icon: pill.icon, text })
}

fn heaviest(verdict: &Verdict) -> Option<&GuardFinding> {
    let share = |finding: &&GuardFinding| finding.evidence.map_or(0.0, |evidence| evidence.share);
    verdict.guards.iter().max_by(|a, b| share(a).total_cmp(&share(b)))
}

fn table(verdict: &Verdict) -> TableView {
    let head = [
        "Guard",
        "Verdict",
        "Canary",
        "Baseline",
        "Tolerated",
        "Times as frequent",
        "Toward rolling back",
        "Its share",
        "Toward promoting",
    ];
    let row = |finding: &GuardFinding| {
        let show = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| finding.metric.show(value));
        let cell = |text: String, tone: Tone| CellView { text, tone };
        let plain = |text: String| cell(text, Tone::Plain);
        let evidence = finding.evidence;
        let told = |of: Option<String>| plain(of.unwrap_or_else(|| "–".to_owned()));
        let worse = matches!(finding.kind, VerdictKind::Fail | VerdictKind::Suspect);
        let pill = verdict_pill(finding.kind);
        RowView {
            name: finding.metric.label(),
            at: None,
            cells: vec![
                cell(pill.label.to_lowercase(), pill.tone),
                cell(show(finding.canary), if worse { pill.tone } else { Tone::Plain }),
                plain(show(finding.baseline)),
                plain(show(finding.tolerated)),
                told(evidence.and_then(|evidence| evidence.band).map(|band| times_and_range(&band))),
                told(evidence.map(|evidence| odds(evidence.back))),
                told(evidence.map(|evidence| format!("{:.0}\u{a0}%", 100.0 * evidence.share))),
                told(evidence.and_then(|evidence| evidence.promote).map(odds)),
            ],
        }
    };
    TableView {
        caption: "Evidence by guard".to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: verdict.guards.iter().map(row).collect(),
    }
}

/// `5.1x, 2.3x to 9.8x`.
fn times_and_range(band: &Band) -> String {
    match band.high {
        Some(high) => format!("{}, {} to {}", times(band.estimate), times(band.low), times(high)),
        None => format!("at least {}", times(band.low)),
    }
}

/// `0.94x`, `3.1x`, `14x`.
fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 9.95 => format!("{}x", grouped(ratio.round() as i64)),
        ratio if ratio >= 1.995 => format!("{ratio:.1}x"),
        ratio => format!("{ratio:.2}x"),
    }
}

/// What the numbers of the table do not say.
fn remarks(verdict: &Verdict) -> Vec<CheckView> {
    let apart = |finding: &&GuardFinding| {
        let shown = finding.canary.is_some() && finding.tolerated.is_some();
        let said = finding.sentence == verdict.sentence || !verdict.sentence.is_empty() && finding.evidence.is_none();
        !shown && !said
    };
    let said = verdict.guards.iter().filter(apart).map(|finding| {
        let pill = verdict_pill(finding.kind);
        CheckView { tone: pill.tone, icon: pill.icon, text: finding.sentence.clone(), ..CheckView::default() }
    });
    let clustered = verdict.guards.iter().filter_map(|finding| {
        let phi = finding.evidence?.phi;
        let text = format!(
            "{} are taken to come in clusters of about {phi:.1}: their evidence is divided by it.",
            events(&finding.metric)?
        );
        (phi >= 1.05).then(|| CheckView { icon: Icon::Info, text: capital(&text), ..CheckView::default() })
    });
    said.chain(clustered).collect()
}

/// What is counted of a metric.
fn events(metric: &Metric) -> Option<&'static str> {
    match metric {
        Metric::Errors => Some("failed requests"),
        Metric::Latency(_) => Some("slow requests"),
        Metric::Kpi(_) => Some("outcomes of tries"),
        Metric::Traffic | Metric::Saturation => None,
    }
}

/// How sure the estimate of the guard is that the verdict turns on:
/// `Since this stage began: errors 0.51 % against 0.10 %, 5.1x, surely between 2.3x and 9.8x (95 %); tolerated 1.5x.`
pub(super) fn estimate(plan: &Plan, verdict: &Verdict) -> String {
    let metric = decider(plan, Some(verdict));
    let finding = verdict.guards.iter().find(|finding| finding.metric == metric);
    let guard = plan.guards.iter().find(|guard| guard.metric == metric);
    let (Some(finding), Some(guard)) = (finding, guard) else { return String::new() };
    let Some(band) = finding.evidence.and_then(|evidence| evidence.band) else { return String::new() };
    let sure = match (band.low > 0.0, band.high) {
        (true, Some(high)) => format!("surely between **{}** and **{}**", times(band.low), times(high)),
        (true, None) => format!("surely at least **{}**", times(band.low)),
        (false, Some(high)) => format!("surely at most **{}**", times(high)),
        (false, None) => return String::new(),
    };
    let share = |value: f64| Metric::Errors.show(value);
    let canary = share(band.seen.canary / band.seen.of);
    let (what, failures) = counted(finding, &band);
    let tolerance = guard.effective_tolerance();
    let said = match guard.slo.filter(|_| tolerance.ratio.is_none() && tolerance.plus.is_none()) {
        Some(_) => format!("{what} {canary}, **{}** of what the limit allows, {sure}", times(band.estimate)),
        None => {
            let usual = band.seen.baseline / band.seen.baseline_of;
            let against = format!("{what} {canary} against {}", share(usual));
            let against = if usual > 0.0 { format!("{against}, **{}**", times(band.estimate)) } else { against };
            let allowed = allowed(guard, usual, failures).map(|ratio| format!("; tolerated {}", times(ratio)));
            format!("{against}, {sure}{}", allowed.unwrap_or_default())
        }
    };
    format!("Since this stage began, with 95\u{a0}% certainty: {said}.")
}

/// What is counted of a guard, in words, and whether that is failures of a business ratio.
fn counted(finding: &GuardFinding, band: &Band) -> (&'static str, bool) {
    let seen = band.seen.canary / band.seen.of;
    match (&finding.metric, finding.canary) {
        (Metric::Kpi(_), Some(value)) if (seen - value).abs() > (1.0 - seen - value).abs() => ("failed tries", true),
        (Metric::Kpi(_), _) => ("successful tries", false),
        (Metric::Latency(_), _) => ("slow requests", false),
        _ => ("errors", false),
    }
}

/// The tolerated ratio of what is counted, at a baseline's rate; `None` where buckets decide it or the rate is zero.
fn allowed(guard: &Guard, usual: f64, failures: bool) -> Option<f64> {
    let tolerance = guard.effective_tolerance();
    let (ratio, plus) = (tolerance.ratio.unwrap_or(1.0), tolerance.plus.unwrap_or(0.0));
    let plus = match guard.metric {
        Metric::Errors => plus,
        // 1 - p_c <= (1 - ratio + plus) + ratio·(1 - p_b)
        Metric::Kpi(_) if failures => 1.0 - ratio + plus,
        Metric::Kpi(_) => -plus,
        Metric::Latency(_) | Metric::Traffic | Metric::Saturation => return None,
    };
    (usual > 0.0).then(|| ratio + plus / usual)
}

/// Progress toward a conclusion: evidence toward rolling back and toward promoting, or data seen out of what is needed;
/// timers of limits.
pub(super) fn meters(plan: &Plan, verdict: &Verdict) -> Vec<MeterView> {
    let mut meters = Vec::new();
    if let Some(evidence) = &verdict.evidence {
        meters.push(back_meter(evidence));
        meters.extend(evidence.promote.map(|odds| promote_meter(odds, evidence)));
    }
    let seen = verdict.guards.iter().map(|finding| finding.requests.0.min(finding.requests.1)).fold(0.0, f64::max);
    let needed = plan.min_data.requests as f64;
    if seen < needed || meters.is_empty() {
        meters.push(MeterView {
            label: "Requests seen by both versions".to_owned(),
            value: grouped(seen.round() as i64),
            needed: format!("{} needed", grouped(i64::try_from(plan.min_data.requests).unwrap_or(i64::MAX))),
            tone: if seen >= needed { Tone::Go } else { Tone::Plain },
            filled: (seen / needed.max(1.0)).clamp(0.0, 1.0),
            scale: vec![(0.0, "0".to_owned()), (1.0, "enough to judge".to_owned())],
        });
    }
    for limit in verdict.limits.iter().filter(|limit| limit.breached || limit.elapsed > Span::ZERO) {
        meters.push(MeterView {
            label: format!("{} beyond its limit", capital(&limit.metric.label())),
            value: limit.elapsed.clock(),
            needed: format!("of {}{}", limit.lasting.clock(), if limit.paused { ", timer paused" } else { "" }),
            tone: Tone::Caution,
            filled: (limit.elapsed.secs_f64() / limit.lasting.secs_f64().max(1e-9)).clamp(0.0, 1.0),
            scale: vec![(0.0, "0:00".to_owned()), (1.0, "rolls back".to_owned())],
        });
    }
    meters
}

/// How far odds have come on the way from 1:1, on a scale of logarithms.
fn way(odds: f64, needed: f64) -> f64 {
    (odds.max(1.0).ln() / needed.max(1.0 + 1e-9).ln()).clamp(0.0, 1.0)
}

fn back_meter(evidence: &Weighed) -> MeterView {
    let Weighed { back, back_needed, suspect, .. } = *evidence;
    MeterView {
        label: "Evidence toward rolling back".to_owned(),
        value: odds(back),
        needed: needed(back, back_needed, evidence.back_in),
        tone: if back >= back_needed {
            Tone::Stop
        } else if back >= suspect {
            Tone::Caution
        } else {
            Tone::Plain
        },
        filled: way(back, back_needed),
        scale: vec![
            (0.0, "1:1".to_owned()),
            (way(suspect, back_needed), format!("{} suspect", odds(suspect))),
            (1.0, "rolls back".to_owned()),
        ],
    }
}

fn promote_meter(promote: f64, evidence: &Weighed) -> MeterView {
    let least = evidence.promote_needed;
    MeterView {
        label: "Evidence toward promoting".to_owned(),
        value: odds(promote),
        needed: needed(promote, least, evidence.promote_in),
        tone: if promote >= least { Tone::Go } else { Tone::Plain },
        filled: way(promote, least),
        scale: vec![(0.0, "1:1".to_owned()), (1.0, "promotes".to_owned())],
    }
}

/// `20:1 needed, in about 40 s`: if it goes on at this rate.
fn needed(have: f64, needed: f64, wait: Option<Span>) -> String {
    let wait = wait.filter(|_| have < needed).map(|wait| format!(", in about {}", about(wait)));
    format!("{} needed{}", odds(needed), wait.unwrap_or_default())
}

#[cfg(test)]
mod tests;
