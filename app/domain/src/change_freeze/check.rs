//! What makes a freeze unusable, and what the linter says of one that can be used.

use super::window::{Once, Weekly, Yearly};
use super::{ChangeFreeze, ClockTime, Run, Window};
use crate::time::Timestamp;

/// Most windows of one freeze.
const MOST_WINDOWS: usize = 100;

/// One thing wrong with a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeProblem {
    /// Path of the field, `windows[0].weekly.to`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the freeze; empty when it can be used.
pub fn problems(freeze: &ChangeFreeze) -> Vec<FreezeProblem> {
    let mut found = Vec::new();
    let mut add = |field: String, text: &str| found.push(FreezeProblem { field, text: text.to_owned() });
    if !(3..=200).contains(&freeze.description.trim().chars().count()) {
        add("description".into(), "say why nothing goes out, in 3 to 200 characters");
    }
    if freeze.windows.is_empty() {
        add("windows".into(), "without a window nothing is ever frozen; write at least one");
    }
    if freeze.windows.len() > MOST_WINDOWS {
        add("windows".into(), "a freeze has at most 100 windows; make it two");
    }
    for (i, window) in freeze.windows.iter().enumerate() {
        let at = |field: &str| format!("windows[{i}].{field}");
        match window {
            Window::Once(Once { from, to }) if to.naive() <= from.naive() => {
                add(at("once.to"), "it ends before it has begun; write a time after `from`");
            }
            Window::Weekly(Weekly { days, .. }) if days.is_empty() => add(at("weekly.days"), "name at least one day"),
            Window::Weekly(Weekly { from, .. }) if *from == ClockTime::END => {
                add(at("weekly.from"), "that is `00:00` of the next day; write it so");
            }
            Window::Weekly(Weekly { from, to, .. }) if from == to => {
                add(at("weekly.to"), "from and to are the same time; a whole day is `00:00` to `24:00`");
            }
            Window::Yearly(Yearly { from, to }) if from == to => {
                add(at("yearly.to"), "from and to are the same time; write when it ends");
            }
            Window::Once(_) | Window::Weekly(_) | Window::Yearly(_) => {}
        }
    }
    found
}

/// What a careful reader would object to although the freeze can be used.
pub fn lint(freeze: &ChangeFreeze, now: Timestamp) -> Vec<String> {
    let name = &freeze.name;
    match (freeze.active(now), freeze.next(now)) {
        _ if freeze.lifted => vec![],
        (Some(Run { until: None, .. }), _) => {
            vec![format!("change freeze `{name}` has no end within a year: nothing goes out without an override")]
        }
        (None, None) => vec![format!("change freeze `{name}` is over: none of its windows comes again")],
        _ => vec![],
    }
}
