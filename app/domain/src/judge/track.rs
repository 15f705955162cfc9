//! The evidence of one guard: a pair of bets for each of its lines, or a gauge.

use super::Policy;
use super::band::{Band, against_baseline, against_rate};
use super::compare::{Line, Side};
use super::counts::{Known, counts, side};
use super::gauge::{Gauge, Leak};
use super::state::alone;
use super::stream::{Measure, Stream};
use super::window::Pair;
use crate::plan::{Guard, Metric};
use crate::signal::Tick;
use crate::signal::stats::Sums;
use serde::{Deserialize, Serialize};

/// What is remembered of a guard's lines, by their place in [`lines`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Track {
    Counted(Vec<Option<Stream>>),
    Gauge(Gauge),
}

/// What a guard's evidence amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weight {
    /// Odds against "no worse than tolerated".
    pub(super) back: f64,
    /// Odds against "worse than tolerated" of the line that has least; `None` where none are kept.
    pub(super) promote: Option<f64>,
    /// Nats per second toward each.
    pub(super) pace: (f64, f64),
    pub(super) phi: f64,
}

/// The lines of a guard: the tolerance, then the absolute limit.
pub(super) fn lines(guard: &Guard) -> impl Iterator<Item = Line> + Clone + use<> {
    let tolerance = guard.effective_tolerance();
    let relative = (tolerance.ratio.is_some() || tolerance.plus.is_some())
        .then(|| Line::Relative { ratio: tolerance.ratio.unwrap_or(1.0), plus: tolerance.plus.unwrap_or(0.0) });
    relative.into_iter().chain(guard.slo.map(Line::Fixed))
}

/// The baseline itself breaks the guard's absolute limit: the value it has.
pub(super) fn unhealthy(guard: &Guard, baseline: &Sums, policy: &Policy) -> Option<f64> {
    let slo = guard.slo.filter(|_| guard.metric != Metric::Traffic && !alone(policy))?;
    baseline.value(&guard.metric).known().filter(|value| side(&guard.metric).beyond(*value, slo))
}

impl Track {
    pub(super) fn new(metric: &Metric) -> Track {
        if *metric == Metric::Saturation { Track::Gauge(Gauge::default()) } else { Track::Counted(Vec::new()) }
    }

    pub(super) fn stage(&mut self) {
        match self {
            Track::Counted(streams) => streams.iter_mut().flatten().for_each(Stream::stage),
            Track::Gauge(gauge) => gauge.stage(),
        }
    }

    pub(super) fn spread_as(&mut self, known: &Track) {
        let (Track::Counted(mine), Track::Counted(known)) = (self, known) else { return };
        for (mine, known) in mine.iter_mut().zip(known) {
            if let (Some(mine), Some(known)) = (mine, known) {
                mine.spread_as(known);
            }
        }
    }

    /// Takes a tick. `before` is the window without it.
    pub(super) fn take(
        &mut self,
        guard: &Guard,
        tick: &Tick,
        known: &Known,
        added: &Pair,
        sick: bool,
        measure: Measure,
    ) {
        match self {
            Track::Counted(streams) => {
                let lines = lines(guard);
                streams.resize(lines.clone().count(), None);
                for (line, stream) in lines.zip(streams) {
                    // While the baseline breaks the limit too, it is the environment that is ill.
                    if sick && matches!(line, Line::Fixed(_)) {
                        continue;
                    }
                    if let Some(counts) = counts(&guard.metric, line, tick, known) {
                        stream.get_or_insert_with(|| Stream::new(counts.bad)).take(&counts, measure);
                    }
                }
            }
            Track::Gauge(gauge) => {
                if let Some((canary, baseline, tolerated)) = gauged(guard, known, added) {
                    gauge.take(canary, baseline, tolerated, measure.secs, measure.stake);
                }
            }
        }
    }

    /// What the evidence amounts to; `kept` are the stakes not placed.
    pub(super) fn weight(&self, guard: &Guard, kept: f64, sick: bool, interval: f64) -> Weight {
        match self {
            Track::Counted(streams) => {
                let lines = lines(guard);
                let mut sum = Weight { back: 0.0, promote: None, pace: (0.0, f64::INFINITY), phi: 1.0 };
                let all = lines.clone().count();
                for (i, line) in lines.enumerate() {
                    let stream = streams.get(i).copied().flatten();
                    let back = stream.map_or(1.0, |stream| stream.back(kept));
                    let ill = sick && matches!(line, Line::Fixed(_));
                    sum.back += if ill { back.min(1.0) } else { back } / all as f64;
                    let promote = stream.map_or(0.0, |stream| stream.promote());
                    let pace = stream.map_or((0.0, 0.0), |stream| stream.pace());
                    sum.pace.0 = sum.pace.0.max(pace.0);
                    if sum.promote.is_none_or(|least| promote < least) {
                        (sum.promote, sum.pace.1) = (Some(promote), pace.1);
                    }
                    sum.phi = stream.map_or(sum.phi, |stream| stream.phi().max(sum.phi));
                }
                if all == 0 { Weight { back: 1.0, ..sum } } else { sum }
            }
            Track::Gauge(gauge) => {
                Weight { back: gauge.back(kept), promote: None, pace: (gauge.pace(interval), 0.0), phi: 1.0 }
            }
        }
    }

    /// How the canary compares since the stage began, by the first line that says so.
    pub(super) fn band(&self, guard: &Guard) -> Option<Band> {
        let Track::Counted(streams) = self else { return None };
        let found = lines(guard).zip(streams).find_map(|(line, stream)| Some((line, (*stream)?)));
        let (line, stream) = found?;
        match (&guard.metric, line) {
            (Metric::Latency(q), Line::Fixed(_)) => {
                against_rate(stream.tally(), 1.0 - f64::from(*q) / 100.0, stream.phi())
            }
            (Metric::Errors, Line::Fixed(limit)) => against_rate(stream.tally(), limit, stream.phi()),
            (_, Line::Fixed(_)) => None,
            (_, Line::Relative { .. }) => against_baseline(stream.tally(), stream.phi()),
        }
    }

    /// Times as often up to which bad requests roll nothing back, if that is more than this line tolerates of a `baseline`:
    /// running instances differ as much among themselves.
    pub(super) fn own(&self, metric: &Metric, line: Line, baseline: f64) -> Option<f64> {
        let (Track::Counted(streams), Line::Relative { ratio, plus }) = (self, line) else { return None };
        let own = streams.iter().flatten().map(Stream::own).fold(0.0, f64::max);
        let more = match metric {
            Metric::Errors => own * baseline > ratio * baseline + plus,
            // What is tolerated of a latency is where slow begins, not how often.
            Metric::Latency(_) => own > 1.0,
            _ => false,
        };
        more.then_some(own)
    }

    pub(super) fn leak(&self, canary: f64) -> Option<Leak> {
        match self {
            Track::Gauge(gauge) => gauge.leak(canary),
            Track::Counted(_) => None,
        }
    }
}

/// Canary, baseline and tolerated value of a gauge in one tick. An instance that carries more is fuller: not compared.
fn gauged(guard: &Guard, known: &Known, added: &Pair) -> Option<(f64, Option<f64>, f64)> {
    use super::compare::{Arms, compare};
    let baseline = if known.alone { known.baseline } else { Some(&added.baseline) };
    let arms = Arms { canary: &added.canary, baseline, expected: 0.0, slow: 1.0 };
    let found = lines(guard).filter_map(|line| compare(&guard.metric, Side::Above, line, &arms).ok());
    let strictest = found.min_by(|a, b| a.tolerated.total_cmp(&b.tolerated))?;
    Some((strictest.canary, strictest.baseline, strictest.tolerated))
}
