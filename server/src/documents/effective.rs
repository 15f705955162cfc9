//! A plan with every default written out, and where each came from: what `sternway plan show --effective` prints.

use serde_json::Value;
use std::fmt::Write as _;
use sternway_domain::plan::{Bound, DeadlineAct, Guard, Judging, MinData, Mode, OnDeadline, Plan, Tolerance};

/// The width at which comments begin.
const MARGIN: usize = 44;

/// YAML that [`super::parse`] reads as a plan which does the same. A comment marks what was not written by a person but
/// filled in: what equals the default is shown as the default, whether written or not, since it does the same.
pub fn effective_plan_text(plan: &Plan) -> String {
    let bare = bare();
    let mut out = Out(String::new());
    let default = |is: bool| if is { "default" } else { "" };
    out.line(0, "kind: Plan", "");
    out.line(0, &format!("name: {}", plan.name), "");
    if !plan.description.is_empty() {
        // JSON text is YAML text.
        out.line(0, &format!("description: {}", Value::from(plan.description.as_str())), "");
    }
    let mode = match plan.mode {
        Mode::Manual => "manual",
        Mode::Assisted => "assisted",
        Mode::Automatic => "automatic",
    };
    out.line(0, &format!("mode: {mode}"), default(plan.mode == Mode::default()));
    out.line(0, "stages:", "");
    for stage in &plan.stages {
        out.line(1, &format!("- weight: {}", stage.weight.percent()), "% of the traffic");
        out.line(2, &format!("bake: {}", stage.bake), "");
    }
    guards(&mut out, plan);
    limits(&mut out, plan);
    let least = MinData::default();
    out.line(0, "min_data:", "before anything is concluded in a stage");
    out.line(1, &format!("requests: {}", plan.min_data.requests), default(plan.min_data.requests == least.requests));
    out.line(1, &format!("time: {}", plan.min_data.time), default(plan.min_data.time == least.time));
    let deadline = OnDeadline::default();
    let then = match plan.on_deadline.then {
        DeadlineAct::Hold => "hold",
        DeadlineAct::RollBack => "roll_back",
    };
    out.line(0, "on_deadline:", "counted from the end of the stage's bake time, or of its last pass");
    out.line(1, &format!("after: {}", plan.on_deadline.after), default(plan.on_deadline.after == deadline.after));
    out.line(1, &format!("then: {then}"), default(plan.on_deadline.then == deadline.then));
    judging(&mut out, plan);
    for (name, span, usual) in [
        ("interval", plan.interval, bare.interval),
        ("window", plan.window, bare.window),
        ("max_age", plan.max_age, bare.max_age),
        ("rollback_window", plan.rollback_window, bare.rollback_window),
    ] {
        out.line(0, &format!("{name}: {span}"), default(span == usual));
    }
    out.0
}

fn judging(out: &mut Out, plan: &Plan) {
    let (judge, usual) = (plan.judge, Judging::default());
    let default = |is: bool| if is { "default" } else { "" };
    out.line(0, "judge:", "how sure it must be");
    out.line(1, &format!("false_alarms: {}", judge.false_alarms), default(judge.false_alarms == usual.false_alarms));
    let same = judge.wrong_promotions == usual.wrong_promotions;
    out.line(1, &format!("wrong_promotions: {}", judge.wrong_promotions), default(same));
    out.line(1, &format!("patience: {}", judge.patience), default(judge.patience == usual.patience));
    out.line(1, &format!("warm_up: {}", judge.warm_up), default(judge.warm_up == usual.warm_up));
}

fn guards(out: &mut Out, plan: &Plan) {
    if plan.guards.is_empty() {
        return out.line(0, "guards: []", "default");
    }
    out.line(0, "guards:", "");
    for guard in &plan.guards {
        out.line(1, &format!("- metric: {}", guard.metric), "");
        tolerance(out, guard);
        if let Some(slo) = guard.slo {
            out.line(2, &format!("slo: {slo}"), &format!("never beyond {}", plainly(&guard.metric.show(slo))));
        }
        if let Some(weight) = guard.weight {
            out.line(2, &format!("weight: {weight}"), "beside the other guards");
        }
    }
}

fn tolerance(out: &mut Out, guard: &Guard) {
    let tolerance = guard.effective_tolerance();
    if tolerance == Tolerance::default() {
        return out.line(2, "tolerance: {}", "not compared with the baseline, only with `slo`");
    }
    let usual = tolerance == guard.metric.default_tolerance();
    let from = if usual { format!("default for {}", guard.metric.label()) } else { String::new() };
    out.line(2, "tolerance:", &from);
    let sign = if guard.metric.less_is_worse() { "minus" } else { "plus" };
    if let Some(ratio) = tolerance.ratio {
        out.line(3, &format!("ratio: {ratio}"), "times the baseline");
    }
    if let Some(plus) = tolerance.plus {
        out.line(3, &format!("plus: {plus}"), &format!("{sign} {}", plainly(&guard.metric.show(plus))));
    }
}

fn limits(out: &mut Out, plan: &Plan) {
    if plan.hard_limits.is_empty() {
        return out.line(0, "hard_limits: []", "default");
    }
    out.line(0, "hard_limits:", "");
    for limit in &plan.hard_limits {
        let shown = |value: f64| plainly(&limit.metric.show(value));
        let (bound, means) = match limit.bound {
            Bound::Above(value) => (format!("above: {value}"), format!("fails above {}", shown(value))),
            Bound::Below(value) => (format!("below: {value}"), format!("fails below {}", shown(value))),
            Bound::AboveBaseline(times) => {
                (format!("above_baseline: {times}"), format!("fails above {times} times the baseline"))
            }
            Bound::BelowBaseline(times) => {
                (format!("below_baseline: {times}"), format!("fails below {times} times the baseline"))
            }
        };
        out.line(1, &format!("- metric: {}", limit.metric), "");
        out.line(2, &format!("bound: {{ {bound} }}"), &means);
        out.line(2, &format!("for: {}", limit.lasting), "without pause");
    }
}

/// For a terminal that may not know the no-break space.
fn plainly(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// A plan in which everything that can be left out is.
fn bare() -> Plan {
    serde_json::from_value(serde_json::json!({ "name": "bare", "stages": [] }))
        .expect("name and stages are all that a plan must say")
}

struct Out(String);

impl Out {
    fn line(&mut self, depth: usize, text: &str, comment: &str) {
        let text = format!("{}{text}", "  ".repeat(depth));
        let written = match comment {
            "" => writeln!(self.0, "{text}"),
            _ => writeln!(self.0, "{text:<MARGIN$} # {comment}"),
        };
        written.expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Body, examples, parse};

    fn read(text: &str) -> Plan {
        let documents = parse(&[("a.yaml".to_owned(), text.to_owned())]).unwrap_or_else(|p| panic!("{p:?}\n{text}"));
        match documents.into_iter().next().map(|document| document.body) {
            Some(Body::Plan(plan)) => plan,
            other => panic!("{other:?} is no plan"),
        }
    }

    #[test]
    fn what_is_printed_is_the_plan_that_will_be_applied() {
        for document in parse(&examples()).expect("are shipped") {
            let Body::Plan(plan) = document.body else { continue };
            assert_eq!(read(&effective_plan_text(&plan)), plan.effective());
        }
    }

    #[test]
    fn every_default_says_that_it_is_one() {
        let plan = read(
            "kind: Plan\nname: small\ndescription: 'It''s \"small\": # really'\nstages: [{weight: 100, bake: 10m}]\nguards: [{metric: errors}, {metric: p99, slo: 0.5}]\nhard_limits: [{metric: kpi:orders, bound: {below: 0.1}, for: 1m}]\nmin_data: {requests: 9}\n",
        );
        let text = effective_plan_text(&plan);
        assert_eq!(read(&text), plan.effective());
        insta::assert_snapshot!(text);
    }
}
