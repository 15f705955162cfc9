//! What makes a plan unusable. Each problem names its field, so that an editor can point at it.

use super::{Bound, Guard, Metric, Plan, Weight};
use crate::time::Span;

/// Evidence stops counting at odds of some thousands to one: a rarer chance could never be reached.
const LEAST_CHANCE: f64 = 0.001;

/// Beyond this a weight is a mistake.
const MOST_WEIGHT: f64 = 1000.0;

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// Path of the field, `stages[2].weight`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the plan; empty when it can be used.
pub fn problems(plan: &Plan) -> Vec<PlanProblem> {
    let mut found = Found(Vec::new());
    check_stages(plan, &mut found);
    if plan.guards.is_empty() && plan.hard_limits.is_empty() {
        found.add("guards", "a plan needs at least one guard or hard limit; without one nothing could be concluded");
    }
    for (i, guard) in plan.guards.iter().enumerate() {
        check_guard(&format!("guards[{i}]"), guard, &mut found);
        if plan.guards[..i].iter().any(|other| other.metric == guard.metric) {
            found.add(format!("guards[{i}].metric"), format!("`{}` is guarded twice; keep one guard", guard.metric));
        }
    }
    for (i, limit) in plan.hard_limits.iter().enumerate() {
        let (Bound::Above(value) | Bound::Below(value) | Bound::AboveBaseline(value) | Bound::BelowBaseline(value)) =
            limit.bound;
        if !value.is_finite() || value < 0.0 {
            found.add(format!("hard_limits[{i}].bound"), "a bound is a number of at least 0");
        }
        if matches!(limit.bound, Bound::Above(_) | Bound::Below(_)) && beyond_all(&limit.metric, value) {
            found.add(format!("hard_limits[{i}].bound"), share_of(&limit.metric, value));
        }
        if limit.lasting < plan.interval {
            found.add(
                format!("hard_limits[{i}].for"),
                "must be at least one `interval`, or a single reading would decide",
            );
        }
    }
    check_judging(plan, &mut found);
    check_times(plan, &mut found);
    found.0
}

struct Found(Vec<PlanProblem>);

impl Found {
    fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.0.push(PlanProblem { field: field.into(), text: text.into() });
    }
}

fn check_stages(plan: &Plan, found: &mut Found) {
    if plan.stages.is_empty() {
        found.add("stages", "a plan needs at least one stage");
    }
    if plan.stages.len() > 20 {
        found.add("stages", "at most 20 stages");
    }
    for (i, stage) in plan.stages.iter().enumerate() {
        if stage.weight == Weight::ZERO {
            found.add(format!("stages[{i}].weight"), "a stage sends some traffic: use 1 to 100");
        }
        if i > 0 && stage.weight <= plan.stages[i - 1].weight {
            found.add(format!("stages[{i}].weight"), "weights must grow from stage to stage");
        }
        if stage.bake < plan.interval {
            found.add(format!("stages[{i}].bake"), "must be at least one `interval`, or nothing would be seen");
        }
    }
    if plan.stages.last().is_some_and(|last| last.weight != Weight::FULL) {
        found.add(format!("stages[{}].weight", plan.stages.len() - 1), "the last stage must be 100");
    }
}

fn check_guard(field: &str, guard: &Guard, found: &mut Found) {
    let tolerance = guard.effective_tolerance();
    let wrong_number = |value: Option<f64>| value.is_some_and(|v| !v.is_finite() || v < 0.0);
    if wrong_number(tolerance.ratio) || wrong_number(tolerance.plus) {
        found.add(format!("{field}.tolerance"), "`ratio` and `plus` are numbers of at least 0");
    }
    if wrong_number(guard.slo) {
        found.add(format!("{field}.slo"), "must be a number of at least 0, in the unit of the metric");
    }
    if let Some(slo) = guard.slo.filter(|slo| beyond_all(&guard.metric, *slo)) {
        found.add(format!("{field}.slo"), share_of(&guard.metric, slo));
    }
    match tolerance.ratio {
        Some(ratio) if guard.metric.less_is_worse() && ratio > 1.0 => {
            found.add(
                format!("{field}.tolerance.ratio"),
                format!("less is worse for `{}`: use at most 1", guard.metric),
            );
        }
        Some(ratio) if !guard.metric.less_is_worse() && ratio < 1.0 && tolerance.plus.unwrap_or(0.0) == 0.0 => {
            found.add(
                format!("{field}.tolerance.ratio"),
                "below 1 even an unchanged version would fail; use at least 1",
            );
        }
        _ => {}
    }
}

/// A share that no version could have.
fn beyond_all(metric: &Metric, value: f64) -> bool {
    matches!(metric, Metric::Errors | Metric::Saturation | Metric::Kpi(_)) && value > 1.0
}

fn share_of(metric: &Metric, value: f64) -> String {
    format!("`{metric}` is a share from 0 to 1: for {value} % write {}", value / 100.0)
}

fn check_judging(plan: &Plan, found: &mut Found) {
    let chances = [("false_alarms", plan.judge.false_alarms), ("wrong_promotions", plan.judge.wrong_promotions)];
    for (name, chance) in chances {
        if !(LEAST_CHANCE..=0.2).contains(&chance) {
            found.add(format!("judge.{name}"), "use a chance between 0.001 and 0.2, like 0.05 for 5 %");
        }
    }
    if plan.judge.patience > Span::from_secs(600) {
        found.add("judge.patience", "at most 10m: for longer the worst of regressions would be served");
    }
    let weights: Vec<f64> = plan.guards.iter().map(Guard::effective_weight).collect();
    for (i, weight) in weights.iter().enumerate() {
        if !(0.0..=MOST_WEIGHT).contains(weight) {
            found.add(format!("guards[{i}].weight"), "a weight is a number from 0 to 1000");
        }
    }
    let given = plan.guards.iter().any(|guard| guard.weight.is_some());
    let nothing = !plan.guards.is_empty() && weights.iter().sum::<f64>() <= 0.0;
    if nothing && (given || plan.hard_limits.is_empty()) {
        let text = "the weights sum to nothing: nothing could ever roll back; guard `errors` too, or give one a weight";
        found.add("guards", text);
    }
}

fn check_times(plan: &Plan, found: &mut Found) {
    if plan.interval < Span::from_millis(500) || plan.interval > Span::from_secs(300) {
        found.add("interval", "use 500ms to 5m");
    }
    if plan.window < plan.interval {
        found.add("window", "must be at least one `interval`");
    }
    if plan.max_age < plan.interval {
        found.add("max_age", "must be at least one `interval`, or every sample would be stale");
    }
    if plan.on_deadline.after < plan.interval {
        found.add("on_deadline.after", "must be at least one `interval`");
    }
    if plan.min_data.requests == 0 {
        found.add("min_data.requests", "must be at least 1: nothing can be concluded from no requests");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Guard, HardLimit, Metric, Stage, Tolerance};

    fn plan(text: serde_json::Value) -> Plan {
        serde_json::from_value(text).expect("the plan of the test is well-formed")
    }

    fn usable() -> Plan {
        plan(serde_json::json!({
            "name": "canary",
            "stages": [{"weight": 5, "bake": "10m"}, {"weight": 100, "bake": "10m"}],
            "guards": [{"metric": "errors"}],
        }))
    }

    fn fields(plan: &Plan) -> Vec<String> {
        problems(plan).into_iter().map(|p| p.field).collect()
    }

    #[test]
    fn a_plan_with_defaults_is_usable() {
        assert_eq!(problems(&usable()), vec![]);
    }

    #[test]
    fn a_plan_that_concludes_nothing_is_refused() {
        let without = Plan { guards: vec![], ..usable() };
        assert_eq!(fields(&without), ["guards"]);
    }

    #[test]
    fn weights_grow_to_one_hundred() {
        let mut odd = usable();
        odd.stages = [50u8, 25, 0]
            .into_iter()
            .map(|w| Stage { weight: w.try_into().expect("small"), bake: Span::from_secs(60) })
            .collect();
        assert_eq!(fields(&odd), ["stages[1].weight", "stages[2].weight", "stages[2].weight", "stages[2].weight"]);
    }

    #[test]
    fn weights_that_sum_to_nothing_and_impossible_chances_are_named() {
        let mut odd = usable();
        odd.guards[0].weight = Some(0.0);
        odd.judge.false_alarms = 0.0;
        odd.judge.wrong_promotions = 1.0;
        odd.judge.patience = Span::from_secs(3600);
        assert_eq!(fields(&odd), ["judge.false_alarms", "judge.wrong_promotions", "judge.patience", "guards"]);
        odd = usable();
        odd.guards[0].weight = Some(-1.0);
        assert_eq!(fields(&odd), ["guards[0].weight", "guards"]);
        odd = usable();
        (odd.judge.false_alarms, odd.judge.wrong_promotions) = (0.001, 0.0009);
        assert_eq!(fields(&odd), ["judge.wrong_promotions"], "evidence stops counting below such a chance");
    }

    #[test]
    fn a_plan_that_can_never_roll_back_and_shares_beyond_all_are_named() {
        let guard = |metric: Metric, slo| Guard { metric, tolerance: Tolerance::default(), slo, weight: None };
        let only = |guards| Plan { guards, ..usable() };
        assert_eq!(fields(&only(vec![guard(Metric::Traffic, None)])), ["guards"]);
        let heavy = Guard { weight: Some(1e308), ..guard(Metric::Errors, None) };
        assert_eq!(fields(&only(vec![heavy])), ["guards[0].weight"]);
        assert_eq!(fields(&only(vec![guard(Metric::Errors, Some(5.0))])), ["guards[0].slo"]);
        assert_eq!(fields(&only(vec![guard(Metric::Latency(99), Some(5.0))])), [""; 0], "seconds");
        let limit = HardLimit { metric: Metric::Saturation, bound: Bound::Above(90.0), lasting: Span::from_secs(60) };
        let found = problems(&Plan { hard_limits: vec![limit], ..usable() });
        assert_eq!(found[0].field, "hard_limits[0].bound");
        assert_eq!(found[0].text, "`saturation` is a share from 0 to 1: for 90 % write 0.9");
    }

    #[test]
    fn contradictory_tolerances_are_named() {
        let mut odd = usable();
        odd.guards = vec![
            Guard {
                metric: Metric::Kpi("orders".into()),
                tolerance: Tolerance { ratio: Some(1.5), plus: None },
                slo: None,
                weight: None,
            },
            Guard {
                metric: Metric::Errors,
                tolerance: Tolerance { ratio: Some(0.5), plus: None },
                slo: Some(f64::NAN),
                weight: None,
            },
        ];
        odd.hard_limits = vec![HardLimit { metric: Metric::Errors, bound: Bound::Above(-1.0), lasting: Span::ZERO }];
        assert_eq!(
            fields(&odd),
            [
                "guards[0].tolerance.ratio",
                "guards[1].slo",
                "guards[1].tolerance.ratio",
                "hard_limits[0].bound",
                "hard_limits[0].for"
            ]
        );
    }
}
