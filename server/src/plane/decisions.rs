//! The log of decisions, as a list.

use super::Plane;
use super::confirmed::Confirmation;
use super::words::{full_day, lasting, percent, when};
use crate::service::{Caller, Result};
use crate::store::rows;
use std::collections::{BTreeMap, BTreeSet};
use sternway_app::error::Problem;
use sternway_app::path;
use sternway_app::view::decision::*;
use sternway_app::view::{ChoiceView, Icon, LinkView, StateView, Tone};
use sternway_domain::access::Action;
use sternway_domain::actor::Actor;
use sternway_domain::audit::{Entry, Outcome};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::plan::grouped;
use sternway_domain::release::ReleaseAct;
use sternway_domain::time::{Span, Timestamp};

const PAGE: u32 = 50;

impl Plane {
    pub(super) async fn decisions_view(&self, caller: &Caller, filter: DecisionFilter) -> Result<DecisionsView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let mut problems = Vec::new();
        let wanted = self.wanted(&filter, &mut problems).await?;
        let mut found = if problems.is_empty() { self.service.decisions(caller, &wanted).await? } else { Vec::new() };
        let more = found.len() > PAGE as usize;
        found.truncate(PAGE as usize);
        let older = found.last().filter(|_| more).map(|row| address(&filter, Some(row.leaf_index)));
        let head = self.service.store.checkpoint().await?;
        let signed = head.as_ref().map_or(0, |head| head.size);
        let mut confirmed = BTreeMap::new();
        for release in found.iter().filter_map(|row| row.release).collect::<BTreeSet<_>>() {
            confirmed.append(&mut self.confirmations(release).await?);
        }
        let entries = self.service.acts(&found).await?;
        let mut days: Vec<DayView> = Vec::new();
        for row in &found {
            let title = full_day(row.at);
            if days.last().is_none_or(|day| day.title != title) {
                days.push(DayView { title, rows: Vec::new() });
            }
            let shown = match entries.get(&row.leaf_index) {
                Some(entry) => {
                    let proof = if row.leaf_index < signed { Proof::Signed } else { Proof::NotSigned };
                    let row = rows::DecisionRow::of(entry, row.leaf_index);
                    DecisionRow { proof, ..line(&row, entry, confirmed.get(&row.id), now) }
                }
                None => unread(row, now),
            };
            if let Some(day) = days.last_mut() {
                day.rows.push(shown);
            }
        }
        let foot = match &head {
            None => "Times in UTC. Nothing of the log is signed yet.".to_owned(),
            Some(head) => {
                let (size, at) = (grouped(head.size), when(head.at, now).shown);
                format!("Times in UTC. The log was signed at {at}, with {size} entries.")
            }
        };
        let foot = format!("{foot} {}", self.outside_words(now).await?);
        Ok(DecisionsView {
            actors: actors(&filter.actor, &found),
            acts: acts(&filter.act),
            outcomes: outcomes(&filter.outcome),
            empty: days.is_empty().then(|| nothing(&filter)),
            days,
            older,
            newest: (!filter.cursor.is_empty()).then(|| address(&filter, None)),
            export: export(&wanted, &found),
            foot,
            signed: head.is_some(),
            problems,
            filter,
        })
    }

    async fn wanted(&self, filter: &DecisionFilter, problems: &mut Vec<Problem>) -> Result<rows::DecisionFilter> {
        let mut wanted = rows::DecisionFilter { limit: PAGE + 1, ..rows::DecisionFilter::default() };
        let release = filter.release.trim();
        if let Ok(id) = release.parse::<ReleaseId>() {
            wanted.release = Some(id);
        } else if let Ok(service) = ServiceName::new(release) {
            wanted.service = Some(service);
        } else if !release.is_empty() {
            problems.push(Problem::new("release", "Give a release's id or a service's name."));
        }
        wanted.text = Some(filter.q.trim().to_owned()).filter(|words| !words.is_empty());
        if wanted.text.as_ref().is_some_and(|words| !words.contains(char::is_alphanumeric)) {
            problems.push(Problem::new("q", "Give a word to look for, or the beginning of one."));
        }
        match filter.actor.as_str() {
            "" => {}
            actor => wanted.actor_key = Some(actor.to_owned()),
        }
        match filter.act.as_str() {
            "" => {}
            "refused" => wanted.outcome = Some("refused".to_owned()),
            act => wanted.action = Some(act.to_owned()),
        }
        if !filter.outcome.is_empty() {
            wanted.outcome = Some(filter.outcome.clone());
        }
        let mut day = |field: &str, text: &str| {
            if text.is_empty() {
                return None;
            }
            let parsed = format!("{text}T00:00:00Z").parse::<Timestamp>().ok();
            if parsed.is_none() {
                problems.push(Problem::new(field, "Write the day like 2026-11-19."));
            }
            parsed
        };
        wanted.from = day("from", &filter.from);
        wanted.to = day("to", &filter.to).map(|to| to + Span::from_secs(86_400));
        wanted.acts = wanted.action.is_none();
        wanted.before = filter.cursor.parse().ok();
        Ok(wanted)
    }
}

fn address(filter: &DecisionFilter, before: Option<i64>) -> String {
    let cursor = before.map(|index| index.to_string()).unwrap_or_default();
    let parts = [
        ("q", filter.q.as_str()),
        ("release", filter.release.as_str()),
        ("actor", filter.actor.as_str()),
        ("act", filter.act.as_str()),
        ("outcome", filter.outcome.as_str()),
        ("from", filter.from.as_str()),
        ("to", filter.to.as_str()),
        ("cursor", cursor.as_str()),
    ];
    let query: Vec<String> = parts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", path::escaped(value)))
        .collect();
    if query.is_empty() { path::DECISIONS.to_owned() } else { format!("{}?{}", path::DECISIONS, query.join("&")) }
}

/// An act's icon and tone, wherever it is shown.
pub(super) fn look(action: &str) -> (Icon, Tone) {
    match action {
        "rollback" => (Icon::Rollback, Tone::Stop),
        "rollforward" => (Icon::Rollforward, Tone::Accent),
        "promote" | "start" | "resume" => (Icon::Promote, Tone::Accent),
        "hold" => (Icon::Hold, Tone::Hold),
        "freeze" => (Icon::Freeze, Tone::Hold),
        "cancel" => (Icon::Close, Tone::Plain),
        "create" => (Icon::Plus, Tone::Plain),
        "check" => (Icon::Pass, Tone::Plain),
        "apply" | "configure" | "move_data" => (Icon::Data, Tone::Plain),
        "inject" | "flip" => (Icon::Switch, Tone::Caution),
        "break_glass" => (Icon::Suspect, Tone::Caution),
        "step" | "observe" => (Icon::StepDone, Tone::Plain),
        "read" | "export" => (Icon::Search, Tone::Plain),
        "redact" | "legal_hold" | "change_key" => (Icon::Lock, Tone::Plain),
        "resume_automation" => (Icon::Automation, Tone::Plain),
        _ => (Icon::Person, Tone::Plain),
    }
}

/// What was done, in a word: `Rolled back`, `Refused: roll back`.
pub(super) fn act_word(action: &str, refused: bool) -> String {
    let (plain, past) = match action {
        "rollback" => ("roll back", "Rolled back"),
        "rollforward" => ("roll forward", "Rolled forward"),
        "promote" => ("promote", "Promoted"),
        "start" => ("start", "Started"),
        "hold" => ("hold", "Held"),
        "resume" => ("resume", "Resumed"),
        "freeze" => ("freeze", "Frozen"),
        "cancel" => ("cancel", "Cancelled"),
        "resume_automation" => ("resume automation", "Automation resumed"),
        "steer" => ("choose a step", "Step chosen"),
        "create" => ("create", "Created"),
        "check" => ("checklist", "Checklist item set"),
        "apply" => ("apply", "Configuration applied"),
        "configure" => ("configure the server", "Server configured"),
        "flip" => ("switch a flag", "Flag switched"),
        "export" => ("export decisions", "Decisions exported"),
        "move_data" => ("move data", "Data moved"),
        "break_glass" => ("break the glass", "Glass broken"),
        "redact" => ("take texts out", "Texts taken out"),
        "inject" => ("inject a fault", "Fault injected"),
        "sign_in" => ("sign in", "Signed in"),
        "sign_out" => ("sign out", "Signed out"),
        "manage_tokens" => ("change tokens", "Tokens changed"),
        "manage_people" => ("change people", "People changed"),
        "change_key" => ("change the log's key", "The log's key changed"),
        "legal_hold" => ("change a legal hold", "Legal hold changed"),
        "read" => ("read the log", "Log read"),
        "step" => ("carry out a step", "Step"),
        "observe" => ("say what was observed", "Observed"),
        other => (other, other),
    };
    if refused { format!("Refused: {plain}") } else { past.to_owned() }
}

/// Who, and in which role or under which rule.
pub(super) fn who(actor: &Actor) -> (String, String) {
    match actor {
        Actor::Person { name, role, .. } => (name.clone(), role.label().to_owned()),
        Actor::Token { name, owner_name, role, .. } => (format!("{name} for {owner_name}"), role.label().to_owned()),
        Actor::Automation { rule } => ("Automation".to_owned(), format!("rule {}", rule.as_str())),
        Actor::Anonymous => ("Not signed in".to_owned(), String::new()),
    }
}

fn line(row: &rows::DecisionRow, entry: &Entry, confirmed: Option<&Confirmation>, now: Timestamp) -> DecisionRow {
    let refused = matches!(entry.outcome, Outcome::Refused { .. });
    let (icon, tone) = if refused { (Icon::Lock, Tone::Caution) } else { look(&entry.action) };
    let (who, who_note) = who(&entry.actor);
    let automatic = matches!(entry.actor, Actor::Automation { .. });
    let why = match &entry.outcome {
        Outcome::Refused { why } => why.clone(),
        Outcome::Accepted if automatic => entry.reason.clone(),
        Outcome::Accepted => String::new(),
    };
    let asked = entry.effects.iter().any(|effect| effect.starts_with("ask for"));
    let (outcome, outcome_icon, outcome_tone) = match confirmed {
        _ if refused => ("nothing changed".to_owned(), Icon::Lock, Tone::Plain),
        Some(seen) => (format!("confirmed in {}", lasting(seen.at.since(row.at))), Icon::Pass, Tone::Go),
        None if asked => ("asked, not confirmed".to_owned(), Icon::Clock, Tone::Caution),
        None => ("done".to_owned(), Icon::Pass, Tone::Go),
    };
    DecisionRow {
        id: row.id.to_string(),
        at: when(row.at, now),
        icon,
        tone,
        act: act_word(&entry.action, refused),
        service: row.service.as_ref().map(ToString::to_string).unwrap_or_else(|| target_words(entry)),
        detail: detail(entry),
        quote: if automatic { String::new() } else { entry.reason.clone() },
        why,
        who,
        who_note,
        outcome,
        outcome_icon,
        outcome_tone,
        evidence: if entry.evidence.is_some() { "evidence kept".to_owned() } else { String::new() },
        leaf: grouped(row.leaf_index),
        proof: Proof::NotSigned,
    }
}

/// What is known without its entry. Whoever looks for this one must find it.
fn unread(row: &rows::DecisionRow, now: Timestamp) -> DecisionRow {
    DecisionRow {
        id: row.id.to_string(),
        at: when(row.at, now),
        icon: Icon::Fail,
        tone: Tone::Stop,
        act: act_word(&row.action, row.outcome == "refused"),
        service: row.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        who: row.actor_label.clone(),
        quote: row.reason.clone(),
        why: "Its entry in the log cannot be read: `sternway audit verify` says why.".to_owned(),
        outcome: "not known".to_owned(),
        outcome_icon: Icon::Fail,
        outcome_tone: Tone::Stop,
        leaf: grouped(row.leaf_index),
        proof: Proof::Unreadable,
        ..DecisionRow::default()
    }
}

pub(super) fn target_words(entry: &Entry) -> String {
    use sternway_domain::audit::Target;
    let kind = if entry.action == Action::Configure.as_str() { "settings" } else { "documents" };
    match &entry.target {
        Target::Release { service, .. } => service.to_string(),
        Target::Service { name } => name.to_string(),
        Target::Configuration { names } => match &names[..] {
            // Too many for the entry: one text, with a line for each.
            [only] if only.contains('\n') => format!("{} {kind}", only.lines().count()),
            [only] => only.clone(),
            several => format!("{} {kind}", several.len()),
        },
        Target::Flag { key, .. } => key.to_string(),
        Target::Account { name } => name.clone(),
        Target::Unknown { text } => text.clone(),
    }
}

/// The weight asked, if traffic was to move: `to 25 %`; how a flag stands after it: `off in production`.
fn detail(entry: &Entry) -> String {
    if entry.action == Action::Flip.as_str() {
        let effect = entry.effects.first().map(String::as_str).unwrap_or_default();
        return effect.split([',', ';']).next().unwrap_or_default().to_owned();
    }
    let asked =
        entry.effects.iter().find_map(|effect| effect.strip_prefix("ask for ")?.split(' ').next()?.parse().ok());
    asked.map(|weight: u8| format!("to {}", percent(weight))).unwrap_or_default()
}

fn actors(chosen: &str, found: &[rows::DecisionRow]) -> Vec<ChoiceView> {
    let mut choices = vec![ChoiceView { value: String::new(), label: "Anybody".into(), chosen: chosen.is_empty() }];
    for row in found {
        if choices.iter().all(|choice| choice.value != row.actor_key) {
            let chosen = row.actor_key == chosen;
            choices.push(ChoiceView { value: row.actor_key.clone(), label: row.actor_label.clone(), chosen });
        }
    }
    if !chosen.is_empty() && choices.iter().all(|choice| !choice.chosen) {
        choices.push(ChoiceView { value: chosen.to_owned(), label: chosen.to_owned(), chosen: true });
    }
    choices
}

fn acts(chosen: &str) -> Vec<ChoiceView> {
    let any = [(String::new(), "Any act".to_owned()), ("refused".to_owned(), "Refused attempts".to_owned())];
    let verbs = ReleaseAct::ALL.into_iter().map(|act| (act.as_str().to_owned(), act_word(act.as_str(), false)));
    let others = ["create", "apply", "configure", "flip", "sign_in", "redact", "legal_hold", "read", "step", "observe"]
        .map(|act| (act.to_owned(), act_word(act, false)));
    let all = any.into_iter().chain(verbs).chain(others);
    all.map(|(value, label)| ChoiceView { chosen: value == chosen, value, label }).collect()
}

fn outcomes(chosen: &str) -> Vec<ChoiceView> {
    let all = [("", "Any outcome"), ("accepted", "Accepted"), ("refused", "Refused")];
    let choice = |(value, label): (&str, &str)| ChoiceView {
        chosen: value == chosen,
        value: value.to_owned(),
        label: label.to_owned(),
    };
    all.map(choice).to_vec()
}

/// What is shown as a pack to take away: the release, or the days from the oldest row on.
fn export(wanted: &rows::DecisionFilter, found: &[rows::DecisionRow]) -> Option<LinkView> {
    let (newest, oldest) = (found.first()?, found.last()?);
    let midnight = |at: Timestamp| Timestamp::from_secs(at.secs().div_euclid(86_400) * 86_400);
    let from = wanted.from.unwrap_or_else(|| midnight(oldest.at));
    let to = wanted.to.unwrap_or_else(|| midnight(newest.at) + Span::from_secs(86_400));
    let mut asked = vec![("from", from.to_rfc3339()), ("to", to.to_rfc3339())];
    asked.extend(wanted.service.iter().map(|service| ("service", service.to_string())));
    if let Some(release) = wanted.release {
        asked = vec![("release", release.to_string())];
    }
    let query: Vec<String> = asked.iter().map(|(name, value)| format!("{name}={}", path::escaped(value))).collect();
    let text = if wanted.release.is_some() { "Pack of the release" } else { "Evidence pack of these days" };
    Some(LinkView::new(format!("/api/v1/evidence-pack?{}", query.join("&")), text))
}

fn nothing(filter: &DecisionFilter) -> StateView {
    let filtered = *filter != DecisionFilter::default();
    StateView {
        icon: if filtered { Icon::Search } else { Icon::Proof },
        title: if filtered { "No decision matches this filter" } else { "No decision yet" }.to_owned(),
        text: if filtered { "Widen the filter." } else { "Every act is written down here, refused ones too." }
            .to_owned(),
        acts: if filtered { vec![LinkView::new(path::DECISIONS, "Show all")] } else { vec![] },
        ..StateView::default()
    }
}
