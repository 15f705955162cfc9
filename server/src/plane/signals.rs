//! The charts of a release, from its stored ticks.

use super::release::Facts;
use super::sources;
use super::words::when;
use crate::charts::{Chart, span_since};
use crate::service::{Course, Point};
use sternway_app::view::chart::ChartView;
use sternway_app::view::release::SignalsView;
use sternway_app::view::{Icon, StateView, Tone};
use sternway_domain::judge::{Verdict, VerdictKind};
use sternway_domain::plan::{Bound, Metric, Plan, Weight};
use sternway_domain::release::Release;
use sternway_domain::time::{Span, Timestamp};

/// What the charts of one release have in common, from today's ticks or from stored evidence.
pub(super) struct Drawing<'a> {
    pub(super) plan: &'a Plan,
    pub(super) points: &'a [Point],
    pub(super) verdict: Option<&'a Verdict>,
    pub(super) stages: &'a [(Timestamp, Weight)],
    pub(super) acts: &'a [(Timestamp, String)],
    pub(super) now: Timestamp,
    pub(super) course: Option<&'a Course>,
}

impl Drawing<'_> {
    pub(super) fn chart(&self, metric: &Metric, wide: bool) -> ChartView {
        let guard = self.plan.guards.iter().find(|guard| guard.metric == *metric);
        let limit = self.plan.hard_limits.iter().find_map(|limit| match limit.bound {
            Bound::Above(value) | Bound::Below(value) if limit.metric == *metric => Some(value),
            _ => None,
        });
        let blind = self.verdict.is_some_and(|verdict| blind(verdict.kind));
        let finding = self.verdict.filter(|_| !blind).and_then(|v| v.guards.iter().find(|f| f.metric == *metric));
        let start = self.points.first().map_or(self.now, |point| point.at);
        let course = self.course.and_then(|course| Some((course, course.guard(metric)?)));
        let ranges: Vec<_> = course
            .map(|(course, guard)| course.at.iter().copied().zip(guard.range.iter().copied()).collect())
            .unwrap_or_default();
        Chart {
            metric: metric.clone(),
            points: self.points,
            now: self.now,
            span: span_since(start, self.now),
            interval: self.plan.interval,
            guard,
            finding,
            ranges: &ranges,
            limit,
            stages: self.stages,
            acts: self.acts,
            wide,
        }
        .view()
    }

    /// The golden signals first, then whatever else the plan looks at and the service's business ratios.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let golden = [Metric::Errors, Metric::Latency(99), Metric::Latency(50), Metric::Traffic, Metric::Saturation];
        let plan = self.plan;
        let more = plan.guards.iter().map(|g| &g.metric).chain(plan.hard_limits.iter().map(|l| &l.metric));
        let kpis = self.points.iter().rev().take(1).flat_map(|point| point.baseline.keys());
        let kpis = kpis.filter(|metric| matches!(metric, Metric::Kpi(_)));
        let mut metrics: Vec<Metric> = golden.to_vec();
        for metric in more.chain(kpis) {
            if !metrics.contains(metric) {
                metrics.push(metric.clone());
            }
        }
        metrics
    }
}

fn blind(kind: VerdictKind) -> bool {
    matches!(kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError)
}

/// Points, stage changes and changes of verdict of a release.
struct Parts {
    points: Vec<Point>,
    stages: Vec<(Timestamp, Weight)>,
    acts: Vec<(Timestamp, String)>,
}

fn parts(facts: &Facts) -> Parts {
    let release = &facts.release;
    let mut acts = Vec::new();
    if let Some(note) = release.current_verdict().filter(|n| matches!(n.kind, VerdictKind::Suspect | VerdictKind::Fail))
    {
        acts.push((note.since, note.kind.label().to_lowercase()));
    }
    Parts { points: facts.ticks.iter().map(|body| body.point.clone()).collect(), stages: stages(release), acts }
}

pub(super) fn stages(release: &Release) -> Vec<(Timestamp, Weight)> {
    release.stages_entered.iter().map(|entry| (entry.at, entry.weight)).collect()
}

fn edge(facts: &Facts) -> Timestamp {
    let ended = facts.release.ended_at.and(facts.ticks.last()).map(|body| body.tick.at);
    ended.unwrap_or(facts.now)
}

/// The chart that decided, drawn wide.
pub(super) fn deciding(facts: &Facts, verdict: &Verdict, course: Option<&Course>) -> Option<ChartView> {
    let Parts { points, stages, acts } = parts(facts);
    let metric = decider(&facts.release.plan, Some(verdict));
    let drawing = Drawing {
        plan: &facts.release.plan,
        points: &points,
        verdict: Some(verdict),
        stages: &stages,
        acts: &acts,
        now: edge(facts),
        course,
    };
    Some(drawing.chart(&metric, true))
}

/// The metric a verdict turns on: the one it names or speaks of, else the plan's first guard, else errors.
pub(super) fn decider(plan: &Plan, verdict: Option<&Verdict>) -> Metric {
    let named = verdict.and_then(|verdict| {
        let told = || verdict.guards.iter().find(|finding| finding.sentence == verdict.own_sentence());
        verdict.decided_by.as_ref().or_else(|| told().map(|finding| &finding.metric))
    });
    named.or(plan.guards.first().map(|guard| &guard.metric)).cloned().unwrap_or(Metric::Errors)
}

/// The panel of small charts.
pub(super) fn panel(facts: &Facts, course: Option<&Course>) -> SignalsView {
    let Parts { points, stages, acts } = parts(facts);
    let release = &facts.release;
    let verdict = facts.verdict();
    let newest = facts.ticks.iter().rev().find(|body| body.tick.canary.data.usable()).map(|body| body.tick.at);
    if facts.ticks.is_empty() {
        return SignalsView { empty: Some(nothing(release.started_at.is_some())), ..SignalsView::default() };
    }
    let now = edge(facts);
    let drawing = Drawing { plan: &release.plan, points: &points, verdict, stages: &stages, acts: &acts, now, course };
    let wide = verdict.map(|verdict| decider(&release.plan, Some(verdict)));
    let metrics = drawing.metrics().into_iter().filter(|metric| Some(metric) != wide.as_ref());
    let charts = metrics.map(|metric| drawing.chart(&metric, false)).collect();
    let start = points.first().map_or(now, |point| point.at);
    let minutes = (span_since(start, now).secs() + 30) / 60;
    let old = newest.map_or(Span::ZERO, |newest| facts.now.since(newest)) > release.plan.max_age;
    let stale = (release.state.active() && old).then(|| {
        let since = newest.map_or_else(|| "the start".to_owned(), Timestamp::clock);
        format!("No usable sample since {since}")
    });
    SignalsView {
        note: format!(
            "Canary beside baseline, last {minutes}\u{a0}min, every {}{}",
            release.plan.interval,
            sources::drawn(facts.newest.as_ref())
        ),
        newest: newest.map(|newest| when(newest, facts.now)),
        stale,
        charts,
        empty: None,
    }
}

fn nothing(started: bool) -> StateView {
    let text = if started {
        "The first reading is on its way."
    } else {
        "Signals are read from the moment the release starts."
    };
    StateView {
        tone: Tone::Plain,
        icon: Icon::NoData,
        title: "No reading yet".to_owned(),
        text: text.to_owned(),
        acts: vec![],
    }
}
