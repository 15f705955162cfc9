//! What makes a flag unusable, and what the linter says of one that can be used.

use super::{Flag, FlagPlan, Setting};
use crate::id::FlagKey;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long before its end a flag is mentioned.
const SOON: Span = Span::from_secs(14 * 86_400);

/// One thing wrong with a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagProblem {
    /// Path of the field, `environments.production.split[0].percent`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the flag; empty when it can be used.
pub fn problems(plan: &FlagPlan) -> Vec<FlagProblem> {
    let mut found = Found(Vec::new());
    if !(3..=500).contains(&plan.purpose.trim().chars().count()) {
        found.add("purpose", "say what it switches, in 3 to 500 characters");
    }
    if !(1..=120).contains(&plan.owner.trim().chars().count()) {
        found.add("owner", "name who answers for it, in 1 to 120 characters");
    }
    if plan.expires.is_none() && !plan.permanent {
        found.add("expires", "say when it should be gone, or write `permanent: true`");
    }
    if plan.expires.is_some() && plan.permanent {
        found.add("permanent", "a flag that expires is not permanent; keep one of the two");
    }
    if !(1..=50).contains(&plan.variants.len()) {
        found.add("variants", "a flag has 1 to 50 variants");
    }
    let kinds: Vec<&str> = plan.variants.values().map(kind).collect();
    if kinds.iter().any(|kind| *kind != kinds[0] || *kind == "null") {
        found.add("variants", "all variants must be of one type: boolean, text, number or object");
    }
    if !plan.variants.contains_key(&plan.off) {
        found.add("off", &format!("there is no variant `{}`", plan.off));
    }
    check_setting("default", &plan.default, plan, &mut found);
    for (name, setting) in &plan.environments {
        check_setting(&format!("environments.{name}"), setting, plan, &mut found);
    }
    found.0
}

struct Found(Vec<FlagProblem>);

impl Found {
    fn add(&mut self, field: &str, text: &str) {
        self.0.push(FlagProblem { field: field.to_owned(), text: text.to_owned() });
    }
}

fn check_setting(at: &str, setting: &Setting, plan: &FlagPlan, found: &mut Found) {
    if !plan.variants.contains_key(&setting.serve) {
        found.add(&format!("{at}.serve"), &format!("there is no variant `{}`", setting.serve));
    }
    let mut total = 0.0;
    for (i, share) in setting.split.iter().enumerate() {
        if !plan.variants.contains_key(&share.variant) {
            let text = format!("there is no variant `{}`", share.variant);
            found.add(&format!("{at}.split[{i}].variant"), &text);
        }
        if !(0.0..=100.0).contains(&share.percent) {
            found.add(&format!("{at}.split[{i}].percent"), "use 0 to 100");
        } else {
            total += share.percent;
        }
    }
    if total > 100.0 + 1e-9 {
        found.add(
            &format!("{at}.split"),
            &format!("the shares come to {total}\u{a0}%; at most 100\u{a0}% can be given"),
        );
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) | Value::Object(_) => "object",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Note,
    Warning,
}

/// What the linter found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub flag: FlagKey,
    pub severity: Severity,
    /// Stable name: `expired`, `expires_soon`, `never_flipped`.
    pub code: String,
    /// What was found and what to do.
    pub text: String,
}

/// What a careful reader would object to, flag by flag.
pub fn lint<'a>(flags: impl IntoIterator<Item = &'a Flag>, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    for flag in flags.into_iter().filter(|flag| flag.retired.is_none()) {
        found.extend(lint_plan(&flag.plan, now));
        if flag.flips.is_empty() {
            let key = &flag.plan.key;
            let text = format!("`{key}` has never been switched, so nobody knows whether it works; try it in a drill");
            found.push(finding(key, Severity::Note, "never_flipped", text));
        }
    }
    found
}

/// The same of a flag as it is written, before it is applied.
pub fn lint_plan(plan: &FlagPlan, now: Timestamp) -> Option<Finding> {
    let (key, owner, end) = (&plan.key, &plan.owner, plan.expires?);
    if end <= now {
        let text = format!("`{key}` expired {}; {owner} takes it out of the code, or gives it a new end", end.date());
        return Some(finding(key, Severity::Warning, "expired", text));
    }
    let text = format!("`{key}` expires {}; ask {owner}", end.date());
    (end.since(now) <= SOON).then(|| finding(key, Severity::Note, "expires_soon", text))
}

fn finding(key: &FlagKey, severity: Severity, code: &str, text: String) -> Finding {
    Finding { flag: key.clone(), severity, code: code.to_owned(), text }
}
