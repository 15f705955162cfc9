//! Compares the canary with a line, relative to the baseline or fixed, over the pooled window: what is shown, and what
//! hard limits are judged on. Guards are decided by evidence that gathers from tick to tick, see `process.rs`.

use super::Policy;
use super::chance::{SURE, Shown, Tolerated, tail_above, tail_below};
use super::window::Pair;
use crate::plan::Metric;
use crate::signal::Arm;
use crate::signal::stats::{Measured, Sums};

/// Beyond this many times the baseline's requests per instance, saturation cannot be compared.
const COMPARABLE_LOAD: f64 = 1.25;

/// The tail below which a window that is worse than tolerated keeps a release from being promoted.
const DOUBT: f64 = 0.1;

/// Which side of the line is the worse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line {
    /// `ratio × baseline`, with `plus` added toward the worse side.
    Relative {
        ratio: f64,
        plus: f64,
    },
    Fixed(f64),
}

/// What is compared: sums over the window.
pub(super) struct Arms<'a> {
    pub(super) canary: &'a Sums,
    /// `None` when the baseline carries no traffic and never did in this release.
    pub(super) baseline: Option<&'a Sums>,
    /// Requests the canary should have had by its share of traffic.
    pub(super) expected: f64,
    /// How many slower requests a quantile must rest on: ten for a limit; to show one, a single request is enough.
    pub(super) slow: f64,
}

impl<'a> Arms<'a> {
    /// Of a window and the baseline to compare with.
    pub(super) fn of(pool: &'a Pair, baseline: Option<&'a Sums>, policy: &Policy, slow: f64) -> Arms<'a> {
        let total = pool.canary.requests + pool.baseline.requests;
        Arms { canary: &pool.canary, baseline, expected: policy.weight.ratio() * total, slow }
    }
}

/// The canary beside its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) canary: f64,
    /// The canary's quantile lies beyond the last bucket: `canary` is its least value.
    pub(super) at_least: bool,
    pub(super) baseline: Option<f64>,
    pub(super) tolerated: f64,
    pub(super) worse: bool,
    /// The counts behind it, when it is worse.
    evidence: Option<Evidence>,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gap {
    Unreported(Arm),
    /// Too few requests for this metric.
    Short {
        have: f64,
        need: f64,
    },
    /// The buckets end too early to tell.
    Unresolved,
    NoBaseline,
    /// The canary's instances carry more than the baseline's did.
    Load,
}

/// The counts behind a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Evidence {
    canary: Shown,
    tolerated: Tolerated,
    side: Side,
}

impl Evidence {
    /// The chance of this many events if the canary were just as bad as tolerated.
    fn tail(&self) -> f64 {
        match self.side {
            Side::Above => tail_above(self.canary, self.tolerated),
            Side::Below => tail_below(self.canary, self.tolerated),
        }
    }
}

impl Comparison {
    /// Worse, and by counts beyond chance. Gauges have no counts: there time alone decides.
    pub(super) fn sure(&self) -> bool {
        self.worse && self.evidence.is_none_or(|evidence| evidence.tail() < SURE)
    }

    /// Worse, and not easily by chance: no moment to give it more traffic.
    pub(super) fn doubtful(&self) -> bool {
        self.worse && self.evidence.is_none_or(|evidence| evidence.tail() < DOUBT)
    }
}

impl Side {
    pub(super) fn beyond(self, value: f64, line: f64) -> bool {
        match self {
            Side::Above => value > line,
            Side::Below => value < line,
        }
    }
}

pub(super) fn compare(metric: &Metric, side: Side, line: Line, arms: &Arms) -> Result<Comparison, Gap> {
    if !arms.canary.reports(metric) {
        return Err(Gap::Unreported(Arm::Canary));
    }
    let (canary, canary_open) = enough(metric, arms.canary, arms.slow)?;
    let (baseline, baseline_open, tolerated) = match line {
        Line::Fixed(value) => (None, false, value),
        Line::Relative { ratio, plus } => {
            let (baseline, open) = baseline_of(metric, arms)?;
            let tolerated = match side {
                Side::Above => ratio * baseline + plus,
                Side::Below => (ratio * baseline - plus).max(0.0),
            };
            (Some(baseline), open, tolerated)
        }
    };
    let worse = side.beyond(canary, tolerated);
    let unresolved = match side {
        Side::Above => (worse && baseline_open) || (!worse && canary_open),
        Side::Below => (worse && canary_open) || (!worse && baseline_open),
    };
    if unresolved {
        return Err(Gap::Unresolved);
    }
    let evidence = if worse { evidence(metric, side, line, tolerated, baseline, arms) } else { None };
    Ok(Comparison { canary, at_least: canary_open, baseline, tolerated, worse, evidence })
}

/// The baseline's value, and whether it is only known from below. Of traffic it is the canary's share of the whole.
fn baseline_of(metric: &Metric, arms: &Arms) -> Result<(f64, bool), Gap> {
    if *metric == Metric::Traffic {
        let seconds = arms.canary.span.secs_f64();
        return if arms.expected > 0.0 && seconds > 0.0 {
            Ok((arms.expected / seconds, false))
        } else {
            Err(Gap::Short { have: 0.0, need: 1.0 })
        };
    }
    let baseline = arms.baseline.ok_or(Gap::NoBaseline)?;
    if !baseline.reports(metric) {
        return Err(Gap::Unreported(Arm::Baseline));
    }
    let load = |sums: &Sums| sums.saturation.map_or(0.0, |s| if s.of > 0.0 { sums.requests / s.of } else { 0.0 });
    if *metric == Metric::Saturation && load(arms.canary) > COMPARABLE_LOAD * load(baseline) {
        return Err(Gap::Load);
    }
    enough(metric, baseline, arms.slow)
}

/// The value, and whether it is only known from below, once there are requests enough: `slow/(1-q)` for a quantile.
fn enough(metric: &Metric, sums: &Sums, slow: f64) -> Result<(f64, bool), Gap> {
    if let (Metric::Latency(q), Some(latency)) = (metric, &sums.latency) {
        let need = (100.0 * slow / (100.0 - f64::from((*q).min(99)))).ceil();
        let have = latency.total();
        if have < need {
            return Err(Gap::Short { have, need });
        }
    }
    match sums.value(metric) {
        Measured::Value(value) => Ok((value, false)),
        Measured::AtLeast(value) => Ok((value, true)),
        Measured::Nothing(crate::signal::stats::Cause::BeyondBuckets) => Err(Gap::Unresolved),
        Measured::Nothing(_) => Err(Gap::Short { have: 0.0, need: 1.0 }),
    }
}

fn evidence(
    metric: &Metric,
    side: Side,
    line: Line,
    tolerated: f64,
    baseline: Option<f64>,
    arms: &Arms,
) -> Option<Evidence> {
    let relative = |shown: fn(&Metric, &Sums) -> Option<Shown>| match line {
        Line::Fixed(value) => Some(Tolerated { baseline: None, plus: value }),
        Line::Relative { ratio, plus } => {
            let shown = shown(metric, arms.baseline?)?;
            Some(Tolerated { baseline: Some((shown, ratio)), plus })
        }
    };
    let (canary, tolerated) = match (metric, side) {
        (Metric::Errors, Side::Above) => (failures(metric, arms.canary)?, relative(failures)?),
        (Metric::Kpi(_), Side::Below) if baseline.unwrap_or(tolerated) > 0.5 => {
            // Failures are the rarer side, and Poisson is closest to the truth for what is rare.
            let of_failures = relative(failures)?;
            let plus = match line {
                Line::Fixed(good) => 1.0 - good,
                Line::Relative { ratio, plus } => 1.0 - ratio + plus,
            };
            let evidence =
                Evidence { canary: failures(metric, arms.canary)?, tolerated: Tolerated { plus, ..of_failures }, side };
            return Some(Evidence { side: Side::Above, ..evidence });
        }
        (Metric::Kpi(_), Side::Below) => (successes(metric, arms.canary)?, relative(successes)?),
        (Metric::Latency(q), Side::Above) => {
            let slow = 1.0 - f64::from(*q) / 100.0;
            let latency = arms.canary.latency.as_ref()?;
            let canary = Shown { events: latency.count_above(tolerated), trials: latency.total() };
            let line = match line {
                Line::Fixed(_) => Tolerated { baseline: None, plus: slow },
                Line::Relative { .. } => {
                    let trials = arms.baseline?.latency.as_ref()?.total();
                    Tolerated { baseline: Some((Shown { events: slow * trials, trials }, 1.0)), plus: 0.0 }
                }
            };
            (canary, line)
        }
        (Metric::Traffic, Side::Below) => {
            let trials = arms.canary.span.secs_f64();
            (Shown { events: arms.canary.requests, trials }, Tolerated { baseline: None, plus: tolerated })
        }
        _ => return None,
    };
    Some(Evidence { canary, tolerated, side })
}

fn failures(metric: &Metric, sums: &Sums) -> Option<Shown> {
    match metric {
        Metric::Errors => sums.errors.map(|errors| Shown { events: errors.part, trials: errors.of }),
        Metric::Kpi(name) => sums.kpis.get(name).map(|kpi| Shown { events: kpi.of - kpi.good, trials: kpi.of }),
        _ => None,
    }
}

fn successes(metric: &Metric, sums: &Sums) -> Option<Shown> {
    match metric {
        Metric::Kpi(name) => sums.kpis.get(name).map(|kpi| Shown { events: kpi.good, trials: kpi.of }),
        _ => None,
    }
}
