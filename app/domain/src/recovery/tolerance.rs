//! At which values a service counts as well again: the limits of the plan, and its guards beside what the baseline showed
//! before anything was wrong.
//!
//! A guard tolerates so much more than the baseline. After a rollback there is nothing but the baseline, so it is held
//! to its own past: nine of ten of its readings before the trouble were no worse than what is called usual here. The
//! strictest bound of a metric counts. Two metrics are left to absolute limits alone: saturation, because the side that
//! takes everything back is fuller than before, and traffic, which says nothing about whether a version is well.

use crate::plan::{Bound, Guard, Metric, Plan};
use std::collections::BTreeMap;

/// The part of requests that may fail when the plan knows no better, 0-1.
pub const TOLERATED_ERRORS: f64 = 0.01;

/// Which part of the readings before the trouble were no worse than usual.
const USUAL: f64 = 0.9;

/// The worst value of a metric at which the service counts as well, in the metric's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerated {
    pub metric: Metric,
    pub bound: f64,
}

/// What the baseline usually showed, from its readings before the trouble. Values that are no numbers are left out.
pub fn usual<'a>(readings: impl IntoIterator<Item = &'a BTreeMap<Metric, f64>>) -> BTreeMap<Metric, f64> {
    let mut all: BTreeMap<&Metric, Vec<f64>> = BTreeMap::new();
    for (metric, value) in readings.into_iter().flatten().filter(|(_, value)| value.is_finite()) {
        all.entry(metric).or_default().push(*value);
    }
    all.into_iter()
        .filter_map(|(metric, mut values)| {
            values.sort_by(f64::total_cmp);
            if metric.less_is_worse() {
                values.reverse();
            }
            let place = ((values.len() - 1) as f64 * USUAL).round() as usize;
            Some((metric.clone(), *values.get(place)?))
        })
        .collect()
}

/// Every metric that a service is held to. Errors always are.
pub fn tolerated(plan: Option<&Plan>, usual: &BTreeMap<Metric, f64>) -> Vec<Tolerated> {
    let mut bounds: BTreeMap<Metric, f64> = BTreeMap::new();
    let mut add = |metric: &Metric, bound: f64| {
        let stricter = |known: &mut f64| {
            *known = if metric.less_is_worse() { known.max(bound) } else { known.min(bound) };
        };
        bounds.entry(metric.clone()).and_modify(stricter).or_insert(bound);
    };
    for guard in plan.iter().flat_map(|plan| &plan.guards) {
        [guard.slo, beside(guard, usual)].into_iter().flatten().for_each(|bound| add(&guard.metric, bound));
    }
    for limit in plan.iter().flat_map(|plan| &plan.hard_limits) {
        let usual = usual.get(&limit.metric).filter(|_| relative(&limit.metric));
        let bound = match limit.bound {
            Bound::Above(value) | Bound::Below(value) => Some(value),
            Bound::AboveBaseline(times) | Bound::BelowBaseline(times) => usual.map(|usual| times * usual),
        };
        bound.into_iter().for_each(|bound| add(&limit.metric, bound));
    }
    bounds.remove(&Metric::Traffic);
    bounds.entry(Metric::Errors).or_insert(TOLERATED_ERRORS);
    bounds.into_iter().map(|(metric, bound)| Tolerated { metric, bound }).collect()
}

/// Whether a metric says the same of the baseline before and after it takes everything back.
fn relative(metric: &Metric) -> bool {
    !matches!(metric, Metric::Saturation | Metric::Traffic)
}

/// What a guard tolerates of what was usual.
fn beside(guard: &Guard, usual: &BTreeMap<Metric, f64>) -> Option<f64> {
    let usual = usual.get(&guard.metric).filter(|_| relative(&guard.metric))?;
    let tolerance = guard.effective_tolerance();
    if tolerance.ratio.is_none() && tolerance.plus.is_none() {
        return None;
    }
    let (times, plus) = (tolerance.ratio.unwrap_or(1.0) * usual, tolerance.plus.unwrap_or(0.0));
    Some(if guard.metric.less_is_worse() { times - plus } else { times + plus })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(guards: serde_json::Value, limits: serde_json::Value) -> Plan {
        serde_json::from_value(json!({
            "name": "canary", "stages": [{"weight": 100, "bake": "1m"}], "guards": guards, "hard_limits": limits,
        }))
        .expect("well-formed")
    }

    fn kpi() -> Metric {
        Metric::Kpi("orders".into())
    }

    fn bounds(plan: &Plan, usual: &[(Metric, f64)]) -> Vec<(Metric, f64)> {
        let found = tolerated(Some(plan), &usual.iter().cloned().collect());
        found.into_iter().map(|one| (one.metric, (one.bound * 1e6).round() / 1e6)).collect()
    }

    #[test]
    fn given_no_plan_or_nothing_known_of_errors_then_one_in_a_hundred_may_fail() {
        let only = vec![Tolerated { metric: Metric::Errors, bound: TOLERATED_ERRORS }];
        assert_eq!(tolerated(None, &BTreeMap::new()), only);
        assert_eq!(tolerated(Some(&plan(json!([{"metric": "p99"}]), json!([]))), &BTreeMap::new()), only);
    }

    #[test]
    fn given_guards_then_the_service_is_held_to_its_own_past_and_to_the_strictest_bound() {
        let guards = json!([
            {"metric": "errors", "tolerance": {"ratio": 1.5, "plus": 0.0005}},
            {"metric": "p99", "tolerance": {"ratio": 1.25}, "slo": 0.25},
            {"metric": "kpi:orders", "tolerance": {"ratio": 0.97}},
            {"metric": "traffic"}, {"metric": "saturation"},
        ]);
        let plan = plan(guards, json!([{"metric": "errors", "bound": {"above": 0.05}, "for": "1m"}]));
        let usual = [
            (Metric::Errors, 0.001),
            (Metric::Latency(99), 0.3),
            (kpi(), 0.5),
            (Metric::Traffic, 100.0),
            (Metric::Saturation, 0.4),
        ];
        let expected = [(Metric::Errors, 0.002), (Metric::Latency(99), 0.25), (kpi(), 0.485)];
        assert_eq!(bounds(&plan, &usual), expected);
        assert_eq!(bounds(&plan, &[]), [(Metric::Errors, 0.05), (Metric::Latency(99), 0.25)], "only what is absolute");
    }

    #[test]
    fn given_limits_then_absolute_ones_hold_as_they_are_and_relative_ones_beside_the_past() {
        let limits = json!([
            {"metric": "saturation", "bound": {"above": 0.9}, "for": "1m"},
            {"metric": "p95", "bound": {"above_baseline": 2.0}, "for": "1m"},
            {"metric": "kpi:orders", "bound": {"below": 0.2}, "for": "1m"},
        ]);
        let found = bounds(&plan(json!([]), limits), &[(Metric::Latency(95), 0.1), (Metric::Saturation, 0.5)]);
        let expected = [(Metric::Errors, 0.01), (Metric::Latency(95), 0.2), (Metric::Saturation, 0.9), (kpi(), 0.2)];
        assert_eq!(found, expected);
    }

    #[test]
    fn usual_is_what_nine_of_ten_readings_were_no_worse_than() {
        let readings: Vec<BTreeMap<Metric, f64>> = (1..=11)
            .map(|i| BTreeMap::from([(Metric::Latency(99), f64::from(i)), (kpi(), f64::from(i))]))
            .chain([BTreeMap::from([(Metric::Latency(99), f64::NAN)])])
            .collect();
        assert_eq!(usual(&readings), BTreeMap::from([(Metric::Latency(99), 10.0), (kpi(), 2.0)]));
    }
}
