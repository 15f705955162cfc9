//! What two sources say of the same signals, side by side.

use super::words::{capital, verdict_pill};
use sternway_app::view::Tone;
use sternway_app::view::chart::{CellView, RowView, TableView};
use sternway_domain::judge::{Verdict, VerdictKind};
use sternway_domain::plan::Metric;
use sternway_domain::signal::Source;

/// A row for each source with its verdict and its numbers; empty where only one is read.
pub(super) fn table(verdict: &Verdict) -> TableView {
    let Some(pair) = &verdict.pair else { return TableView::default() };
    let metrics = metrics(verdict);
    let row = |source: Source| {
        let said = verdict.of(source)?;
        let pill = verdict_pill(said.kind);
        let rules = if source == pair.rules { ", rules" } else { "" };
        let first = CellView { text: format!("{}{rules}", pill.label.to_lowercase()), tone: pill.tone };
        let cells = std::iter::once(first).chain(metrics.iter().map(|metric| cell(&said, metric))).collect();
        Some(RowView { name: pair.names.full(source), at: None, cells })
    };
    let head = ["Source".to_owned(), "Verdict".to_owned()];
    TableView {
        caption: "Two sources: the worse verdict rules".to_owned(),
        head: head.into_iter().chain(metrics.iter().map(|metric| capital(&metric.label()))).collect(),
        rows: Source::BOTH.into_iter().filter_map(row).collect(),
    }
}

/// `; charts as the second source has it`: whose numbers are drawn. Empty where only one is read.
pub(super) fn drawn(verdict: Option<&Verdict>) -> String {
    let rules = verdict.and_then(|verdict| verdict.pair.as_ref()).map(|pair| pair.rules);
    rules.map_or_else(String::new, |rules| format!("; charts as the {} has it", rules.label().to_lowercase()))
}

/// What the plan looks at, in its order.
fn metrics(verdict: &Verdict) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    let limits = verdict.limits.iter().map(|finding| &finding.metric);
    for metric in verdict.guards.iter().map(|finding| &finding.metric).chain(limits) {
        if !metrics.contains(metric) {
            metrics.push(metric.clone());
        }
    }
    metrics
}

/// `0.31 % against 0.10 %`; a dash where the source shows nothing.
fn cell(said: &Verdict, metric: &Metric) -> CellView {
    let guard = said.guards.iter().find(|finding| finding.metric == *metric);
    let limit = said.limits.iter().find(|finding| finding.metric == *metric);
    let canary = guard.and_then(|finding| finding.canary).or(limit.and_then(|finding| finding.value));
    let against = guard.and_then(|finding| finding.baseline);
    let text = match (canary, against) {
        (Some(canary), Some(baseline)) => format!("{} against {}", metric.show(canary), metric.show(baseline)),
        (Some(canary), None) => metric.show(canary),
        (None, _) => "–".to_owned(),
    };
    let kind = guard.map(|finding| finding.kind).filter(|_| canary.is_some());
    let worse = kind.is_some_and(|kind| matches!(kind, VerdictKind::Fail | VerdictKind::Suspect));
    let broken = canary.is_some() && limit.is_some_and(|finding| finding.breached);
    let tone = match kind.filter(|_| worse) {
        Some(kind) => verdict_pill(kind).tone,
        None if broken => Tone::Caution,
        None => Tone::Plain,
    };
    CellView { text, tone }
}
