//! What makes a migration's plan unusable, and what the linter says of it.

use super::{Condition, MigrationPlan, Phase};
use crate::probe::check_query;
use crate::time::Span;

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationProblem {
    /// Path of the field, `queries.orphans.sql`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the plan; empty when it can be used.
pub fn problems(plan: &MigrationPlan) -> Vec<MigrationProblem> {
    let mut found = Vec::new();
    let mut add = |field: String, text: String| found.push(MigrationProblem { field, text });
    if !(1..=500).contains(&plan.description.trim().chars().count()) {
        add("description".into(), "say what changes, in 1 to 500 characters".into());
    }
    if !(3..=1000).contains(&plan.data_loss.trim().chars().count()) {
        add("data_loss".into(), "say what is lost by going back too late, in 3 to 1000 characters".into());
    }
    if plan.last_safe == Phase::Contract {
        add("last_safe".into(), "after the contract the old data is gone; name an earlier phase".into());
    }
    if plan.connection.is_none() && !plan.queries.is_empty() {
        add("connection".into(), "queries need a connection to run on; name one".into());
    }
    for (name, query) in &plan.queries {
        if let Err(why) = check_query(&query.sql) {
            add(format!("queries.{name}.sql"), why.to_string());
        }
        if query.timeout == Span::ZERO || query.timeout > Span::from_secs(300) {
            add(format!("queries.{name}.timeout"), "use more than 0s and at most 5m".into());
        }
    }
    if plan.enter.contains_key(&Phase::Planned) {
        add("enter.planned".into(), "a migration begins there: conditions belong to a later phase".into());
    }
    for (phase, conditions) in &plan.enter {
        for (i, condition) in conditions.iter().enumerate() {
            if let Condition::Validated { query, .. } = condition
                && !plan.queries.contains_key(query)
            {
                add(format!("enter.{}[{i}]", phase.as_str()), format!("there is no query `{query}`"));
            }
        }
    }
    found
}

/// What a careful reader would object to although the plan can be used.
pub fn lint(plan: &MigrationPlan) -> Vec<MigrationProblem> {
    let mut found = Vec::new();
    let mut add = |field: &str, text: &str| found.push(MigrationProblem { field: field.into(), text: text.into() });
    let conditions = |phase| plan.enter.get(&phase).map(Vec::as_slice).unwrap_or_default();
    if !conditions(Phase::Contract).iter().any(|condition| matches!(condition, Condition::Lasted(_))) {
        add("enter.contract", "the contract may come at once: let reads be on the new data for a stated time first");
    }
    if !conditions(Phase::SwitchReads).iter().any(|condition| matches!(condition, Condition::Validated { .. })) {
        add("enter.switch_reads", "the backfill is never validated: reads would move to data nobody has checked");
    }
    found
}
