//! What a tick says about a line of a guard, as counts by instance.
//!
//! Latency is judged by how many requests are slower than a threshold that was known before the tick, taken from the
//! baseline's quantile of the window so far:
//!
//! - native histograms: `t` is a bucket bound at the quantile; the canary counts above `ratio·t + plus`, the baseline
//!   above `t`; tolerated is as often ([`SLACK`] for interpolating within a bucket);
//! - classic buckets: the canary counts above the bound `B` for which the baseline's share above `u = (B - plus)/ratio` is
//!   nearest the quantile's, the baseline above the bound `A` nearest `u`; tolerated is `S(u)/S(A)` times as often, between
//!   bounds on a straight line of logarithms, plus [`LOOSE`] unless `u` is `A`.

use super::chance::Shown;
use super::compare::{Line, Side};
use super::number::{exp, exp2, ln, log2};
use super::stream::{Bad, Counts};
use crate::plan::Metric;
use crate::signal::native::step;
use crate::signal::stats::{Measured, Sums};
use crate::signal::{ArmTick, Bucket, Histogram, InstanceTick, Tick};

const SLACK: f64 = 1.02;
const LOOSE: f64 = 1.05;
/// A bound speaks for a quantile when its share of slower requests is within this factor of the quantile's.
const NEAR: f64 = 5.0;
/// Standard errors that a remembered baseline is given, because it cannot be asked again.
const REMEMBERED: f64 = 2.33;

/// What is known of the baseline before the tick.
pub(super) struct Known<'a> {
    /// Sums over the window, or the remembered ones.
    pub(super) baseline: Option<&'a Sums>,
    /// The baseline carries no traffic: it is remembered and shows nothing any more.
    pub(super) alone: bool,
}

/// `None` when the tick teaches nothing about the line: a metric that is no count, or no threshold known yet.
pub(super) fn counts(metric: &Metric, line: Line, tick: &Tick, known: &Known) -> Option<Counts> {
    match metric {
        Metric::Errors => Some(plain(line, tick, known, Bad::More, failures)),
        Metric::Kpi(name) => kpi(name, line, tick, known),
        Metric::Latency(q) => latency(f64::from(*q) / 100.0, line, tick, known),
        Metric::Traffic | Metric::Saturation => None,
    }
}

pub(super) fn side(metric: &Metric) -> Side {
    if metric.less_is_worse() { Side::Below } else { Side::Above }
}

fn failures(instance: &InstanceTick) -> Option<Shown> {
    instance.errors.map(|errors| Shown { events: errors.min(instance.requests), trials: instance.requests })
}

fn units(arm: &ArmTick, of: impl Fn(&InstanceTick) -> Option<Shown>) -> Vec<Shown> {
    let mut all: Vec<Shown> = arm.instances.iter().filter_map(of).collect();
    // The order in which a source lists instances must not decide the last bit of a sum.
    all.sort_by(|a, b| a.trials.total_cmp(&b.trials).then(a.events.total_cmp(&b.events)));
    all
}

/// Counts whose tolerated rate follows from the line as it stands.
fn plain(line: Line, tick: &Tick, known: &Known, bad: Bad, of: impl Fn(&InstanceTick) -> Option<Shown>) -> Counts {
    let canary = units(&tick.canary, &of);
    let baseline = if known.alone { Vec::new() } else { units(&tick.baseline, &of) };
    let sign = if bad == Bad::Fewer { -1.0 } else { 1.0 };
    match line {
        Line::Fixed(limit) => Counts { canary, baseline, d: limit, bad, ..Counts::default() },
        Line::Relative { ratio, plus } => {
            let plus = sign * plus;
            match (known.alone, known.baseline.and_then(|sums| rate(sums, bad))) {
                (true, Some((events, trials))) => {
                    let off = REMEMBERED * (events + 1.0).sqrt() * 2.0 + 3.0;
                    let worst = ((events + sign * off) / trials).max(0.0);
                    let d = ratio * worst + plus;
                    let promote_d = Some(ratio * events / trials + plus);
                    Counts { canary, baseline, r: 0.0, d, promote_d, bad, ..Counts::default() }
                }
                (true, None) => Counts::default(),
                (false, _) => Counts { canary, baseline, r: ratio, d: plus, bad, ..Counts::default() },
            }
        }
    }
}

/// Errors of a window: events, trials. Business ratios bring their own.
fn rate(sums: &Sums, bad: Bad) -> Option<(f64, f64)> {
    let errors = sums.errors.filter(|errors| bad == Bad::More && errors.of > 0.0)?;
    Some((errors.part, errors.of))
}

fn kpi(name: &str, line: Line, tick: &Tick, known: &Known) -> Option<Counts> {
    let of = |instance: &InstanceTick| instance.kpis.get(name).copied();
    let now = tick.baseline.instances.iter().filter_map(of).fold((0.0, 0.0), |(g, o), k| (g + k.good, o + k.of));
    let before = known.baseline.and_then(|sums| sums.kpis.get(name)).map(|kpi| (kpi.good, kpi.of));
    let (good, tries) = before.filter(|(_, of)| *of > 0.0).unwrap_or(now);
    let usual = match line {
        Line::Fixed(limit) => limit,
        Line::Relative { .. } => {
            if tries > 0.0 {
                good / tries
            } else {
                return None;
            }
        }
    };
    // Of a frequent success the failures are counted: the rarer side is closest to a Poisson.
    let failures = usual > 0.5;
    let one = move |kpi: crate::signal::Kpi| {
        let good = kpi.good.clamp(0.0, kpi.of);
        Shown { events: if failures { kpi.of - good } else { good }, trials: kpi.of }
    };
    let canary = units(&tick.canary, |instance| of(instance).map(one));
    let baseline = if known.alone { Vec::new() } else { units(&tick.baseline, |instance| of(instance).map(one)) };
    let bad = if failures { Bad::LittleMore } else { Bad::Fewer };
    let tolerated = |usual: f64, ratio: f64, plus: f64| {
        let good = ratio * usual - plus;
        if failures { 1.0 - good } else { good }
    };
    let counts = Counts { canary, baseline, bad, ..Counts::default() };
    Some(match line {
        Line::Fixed(limit) => Counts { d: tolerated(limit, 1.0, 0.0), ..counts },
        Line::Relative { ratio, plus } if known.alone => {
            let off = REMEMBERED * (usual * (1.0 - usual) / tries).sqrt() * 2.0;
            let promote_d = Some(tolerated(usual, ratio, plus));
            Counts { d: tolerated((usual - off).max(0.0), ratio, plus).max(1e-9), promote_d, ..counts }
        }
        // 1 - p_c <= (1 - ratio + plus) + ratio·(1 - p_b)
        Line::Relative { ratio, plus } if failures => Counts { r: ratio, d: 1.0 - ratio + plus, ..counts },
        Line::Relative { ratio, plus } => Counts { r: ratio, d: -plus, ..counts },
    })
}

fn latency(q: f64, line: Line, tick: &Tick, known: &Known) -> Option<Counts> {
    let above = |threshold: f64, up: Option<bool>| {
        move |instance: &InstanceTick| {
            instance.latency.as_ref().map(|latency| {
                let trials = latency.total();
                Shown { events: slower(latency, threshold, up).min(trials), trials }
            })
        }
    };
    let shown = |arm: &ArmTick, threshold: f64, up: Option<bool>| units(arm, above(threshold, up));
    let baseline = |threshold: f64| if known.alone { Vec::new() } else { shown(&tick.baseline, threshold, None) };
    match line {
        Line::Fixed(limit) => Some(Counts {
            canary: shown(&tick.canary, limit, Some(true)),
            promote: Some(shown(&tick.canary, limit, Some(false))),
            baseline: baseline(limit),
            d: 1.0 - q,
            ..Counts::default()
        }),
        Line::Relative { ratio, plus } => {
            let before = known.baseline?.latency.as_ref()?;
            let total = before.total();
            if total * (1.0 - q) < 3.0 {
                return None;
            }
            let Thresholds { canary, baseline: usual, r } = thresholds(before, q, ratio, plus)?;
            let counts = Counts { canary: shown(&tick.canary, canary, None), ..Counts::default() };
            if known.alone {
                let tail = slower(before, usual, None) / total;
                let off = REMEMBERED * (tail * (1.0 - tail) / total).sqrt() * 2.0 + 3.0 / total;
                return Some(Counts { d: r * (tail + off), promote_d: Some(r * tail), ..counts });
            }
            Some(Counts { baseline: baseline(usual), r, ..counts })
        }
    }
}

/// Where "slow" begins, seconds, and how many times as often the canary may be slow.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Thresholds {
    canary: f64,
    baseline: f64,
    r: f64,
}

fn thresholds(before: &Histogram, q: f64, ratio: f64, plus: f64) -> Option<Thresholds> {
    match before {
        Histogram::Native { schema, .. } => {
            let baseline = before.bound_nearest(q)?;
            let canary = ratio * baseline + plus;
            let place = log2(canary) / step(*schema);
            let r = if (place - place.round()).abs() < 1e-6 { 1.0 } else { SLACK };
            Some(Thresholds { canary, baseline, r })
        }
        Histogram::Classic(buckets) => {
            let total = before.total();
            let Place { canary, usual, share, baseline } = place(buckets, total, q, ratio, plus)?;
            let own = (total - baseline.count) / total;
            let on_a_bound = (usual - baseline.le).abs() <= 1e-6 * baseline.le;
            let r = if on_a_bound { 1.0 } else { share / own * LOOSE };
            Some(Thresholds { canary: canary.le, baseline: baseline.le, r })
        }
    }
}

/// Where classic buckets can be read for a quantile.
struct Place {
    /// The canary counts above this bound ...
    canary: Bucket,
    /// ... which is what is tolerated of this value, seconds, in the baseline.
    usual: f64,
    /// The baseline's share slower than `usual`.
    share: f64,
    /// The baseline counts above this bound, the nearest to `usual`.
    baseline: Bucket,
}

/// The bound of the canary that stands for a value nearest the baseline's quantile, if one does.
fn place(buckets: &[Bucket], total: f64, q: f64, ratio: f64, plus: f64) -> Option<Place> {
    let far = |share: f64, from: f64| (ln(share) - ln(from)).abs();
    let counted = |bucket: &&Bucket| bucket.le.is_finite() && total - bucket.count >= 1.0;
    let places = buckets.iter().filter(|bucket| bucket.le.is_finite() && bucket.le > plus).filter_map(|canary| {
        let usual = (canary.le - plus) / ratio;
        let share = tail(buckets, total, usual).filter(|share| *share * total >= 1.0)?;
        let own = |bucket: &Bucket| (total - bucket.count) / total;
        let near = |a: &&Bucket, b: &&Bucket| far(own(a), share).total_cmp(&far(own(b), share));
        let baseline = *buckets.iter().filter(counted).min_by(near)?;
        Some(Place { canary: *canary, usual, share, baseline })
    });
    places
        .min_by(|a, b| far(a.share, 1.0 - q).total_cmp(&far(b.share, 1.0 - q)))
        .filter(|best| far(best.share, 1.0 - q) <= ln(NEAR))
}

/// Between which bounds, in seconds, a shift at a quantile can stay unseen: the one the canary is held to and the one
/// below it. `None` when no bound speaks for it.
pub(super) fn resolution(latency: &Histogram, q: f64, ratio: f64, plus: f64) -> Option<(f64, f64)> {
    match latency {
        Histogram::Native { schema, .. } => {
            let Measured::Value(quantile) = latency.quantile(q) else { return None };
            let step = exp2(step(*schema));
            (quantile > 0.0).then(|| (quantile / step, quantile))
        }
        Histogram::Classic(buckets) => {
            let bound = place(buckets, latency.total(), q, ratio, plus)?.canary.le;
            let below = buckets.iter().map(|bucket| bucket.le).filter(|le| *le < bound).fold(0.0, f64::max);
            Some((below, bound))
        }
    }
}

/// The share slower than `at`, on a straight line between the logarithms at the bounds around it.
fn tail(buckets: &[Bucket], total: f64, at: f64) -> Option<f64> {
    let (mut bound, mut share) = (0.0_f64, 1.0_f64);
    for bucket in buckets {
        let next = ((total - bucket.count) / total).max(0.0);
        if at <= bucket.le {
            if !bucket.le.is_finite() || next <= 0.0 {
                // No logarithm to draw on: the larger share tolerates more.
                return Some(share);
            }
            // The first bucket begins at nothing: there it is a straight line over seconds.
            let part = if bound > 0.0 {
                (ln(at) - ln(bound)) / (ln(bucket.le) - ln(bound))
            } else {
                (at / bucket.le).max(0.0)
            };
            return Some(exp(ln(share) + part * (ln(next) - ln(share))));
        }
        (bound, share) = (bucket.le, next);
    }
    None
}

/// How many are slower. Within a classic bucket nothing is known: `up` takes the bound above the threshold (too few are
/// counted), `!up` the one below (too many), `None` interpolates.
fn slower(latency: &Histogram, threshold: f64, up: Option<bool>) -> f64 {
    let (Histogram::Classic(buckets), Some(up)) = (latency, up) else { return latency.count_above(threshold) };
    let total = latency.total();
    let bound = if up {
        buckets.iter().find(|bucket| bucket.le >= threshold)
    } else {
        buckets.iter().rev().find(|bucket| bucket.le <= threshold)
    };
    bound.map_or(if up { 0.0 } else { total }, |bucket| (total - bucket.count).max(0.0))
}
