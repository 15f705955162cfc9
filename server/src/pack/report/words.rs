//! What the report calls things. Kept apart from the pages' wording: another word there must not change a report here.

use sternway_domain::actor::Actor;
use sternway_domain::audit::record::Relation;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::plan::grouped;
use sternway_domain::time::Timestamp;

/// `18 534`.
pub(super) fn many(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

/// `2026-11-19 14:03:10`.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{} {}", at.date(), at.clock())
}

/// `Roll back` of `roll_back`; acts are named by their stable names.
pub(super) fn act(action: &str) -> String {
    let plain = match action {
        "rollback" => "roll back",
        "rollforward" => "roll forward",
        "check" => "edit the checklist",
        "flip" => "switch a flag",
        "steer" => "choose a step",
        "apply" => "apply configuration",
        other => other,
    };
    let words = plain.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub(super) fn target(target: &Target) -> String {
    match target {
        Target::Release { service, .. } => service.to_string(),
        Target::Service { name } => name.to_string(),
        Target::Flag { key, environment } => format!("{key} in {environment}"),
        Target::Configuration { names } => names.join(", "),
        Target::Account { name } => name.clone(),
        Target::Unknown { text } => text.clone(),
    }
}

pub(super) fn service(target: &Target) -> Option<String> {
    match target {
        Target::Release { service, .. } => Some(service.to_string()),
        Target::Service { name } => Some(name.to_string()),
        _ => None,
    }
}

/// Who, and in which role.
pub(super) fn who(actor: &Actor) -> (String, String) {
    match actor {
        Actor::Person { name, role, .. } => (name.clone(), role.label().to_owned()),
        Actor::Token { name, owner_name, role, .. } => (format!("{name} for {owner_name}"), role.label().to_owned()),
        Actor::Automation { rule } => ("Automation".to_owned(), format!("rule {}", rule.as_str())),
        Actor::Anonymous => ("Somebody not signed in".to_owned(), String::new()),
    }
}

pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "Accepted",
        Outcome::Refused { .. } => "Refused",
    }
}

/// Before "entry 17".
pub(super) fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Outcome => "Came of",
        Relation::Approves => "Approves",
        Relation::FollowsApproval => "Approved by",
        Relation::StepOf => "Step of",
        Relation::Corrects => "Corrects",
        Relation::Redacts => "Took texts out of",
        Relation::Reviews => "Reviews",
        Relation::Reads => "Reads",
    }
}
