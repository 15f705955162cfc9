//! One decision: who, what, why, and what they saw, drawn from the evidence stored with it.

use super::confirmed::Confirmation;
use super::decisions::{act_word, target_words, who};
use super::signals::{Drawing, decider};
use super::words::{full_day, lasting, percent, verdict_pill, when};
use super::{Plane, explain, sources};
use crate::service::{Caller, Evidence, Result};
use crate::store::rows;
use sternway_app::path;
use sternway_app::view::decision::*;
use sternway_app::view::release::ProgressMark;
use sternway_app::view::{FactView, Icon, LinkView, Or, StateView, StepState, Tone};
use sternway_domain::actor::Actor;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::settings::Settings;
use sternway_domain::audit::{Entry, Outcome};
use sternway_domain::flag::Flag;
use sternway_domain::id::DecisionId;
use sternway_domain::plan::grouped;
use sternway_domain::release::Release;
use sternway_domain::time::Timestamp;

mod log;
mod settings;
mod unread;

pub(super) use log::what;

impl Plane {
    pub(super) async fn decision_view(&self, caller: &Caller, id: DecisionId) -> Result<DecisionView> {
        let now = self.service.clock.now();
        let row = self.service.read_decision(caller, id).await?;
        let removed = self.service.store.removed(row.leaf_index).await?;
        let Ok(entry) = self.service.entry(&row).await else { return self.unread_view(&row, removed, now).await };
        // The page shows what the entry says; whether the row does, too, is for the verifier.
        let row = rows::DecisionRow::of(&entry, row.leaf_index);
        let gone = |field: Field| removed.iter().any(|text| text.field == field);
        let kept = |field: Field, text: &str| if gone(field) { String::new() } else { text.to_owned() };
        let release = match row.release {
            Some(id) => Some(self.service.load(id).await?),
            None => None,
        };
        let refused = matches!(entry.outcome, Outcome::Refused { .. });
        let automatic = matches!(entry.actor, Actor::Automation { .. });
        let (name, _) = who(&entry.actor);
        let confirmed = match row.release {
            Some(release) => self.confirmations(release).await?.remove(&row.id),
            None => None,
        };
        let moved = !refused && ["start", "promote", "rollback", "rollforward"].contains(&entry.action.as_str());
        let title_version = release.as_ref().filter(|_| moved).map(|release| version_of(release, &entry.action));
        let joint = if title_version.is_some() { " to" } else { "" };
        let reason = kept(Field::Reason, &entry.reason);
        let names = !gone(Field::ActorName) && !gone(Field::OwnerName);
        let against = (0..=u16::MAX).map(Field::Overridden).zip(&entry.overridden);
        Ok(DecisionView {
            id: id.to_string(),
            leaf: grouped(row.leaf_index),
            title: format!("{} {}{joint}", act_word(&entry.action, refused), target_words(&entry)),
            title_version: title_version.unwrap_or_default(),
            day: full_day(row.at),
            at: when(row.at, now),
            who: who_view(&entry.actor, names),
            quote: if automatic { String::new() } else { reason.clone() },
            rule: if automatic { reason } else { String::new() },
            why: match &entry.outcome {
                Outcome::Refused { why } => kept(Field::Why, why),
                Outcome::Accepted => String::new(),
            },
            refused,
            overridden: against
                .filter(|(field, _)| !gone(*field))
                .map(|(field, text)| (field.to_string(), text.clone()))
                .collect(),
            marks: marks(&entry, row.at, confirmed.as_ref(), now),
            facts: facts(&row, &entry, release.as_ref()).into_iter().chain(super::redact::link(caller, &row)).collect(),
            settings: self.settings(&row, &entry).await?,
            saw: self.saw(&row, &name, release.as_ref(), now).await?,
            effects: effects(&entry, row.at, confirmed.as_ref(), now),
            told: Vec::new(),
            log: self.log_facts(&row, Some(&entry)).await?,
            linked: self.linked(&row).await?,
            near: self.near(&row).await?,
            removed: self.removals(removed).await?,
            packs: packs(&row),
        })
    }

    async fn saw(
        &self,
        row: &rows::DecisionRow,
        who: &str,
        release: Option<&Release>,
        now: Timestamp,
    ) -> Result<Or<SawView>> {
        let nothing = |title: &str, text: &str| StateView {
            icon: Icon::Info,
            title: title.to_owned(),
            text: text.to_owned(),
            ..StateView::default()
        };
        let Some(digest) = &row.evidence else {
            return Ok(Or::Instead(nothing("No evidence", "This act rests on no readings.")));
        };
        let Some(body) = self.service.store.evidence(digest).await? else {
            return Ok(Or::Instead(nothing(
                "Evidence is missing",
                "Its digest is in the log, its body is not here: it goes as a whole when a text that it holds is redacted.",
            )));
        };
        if let Ok(flag) = serde_json::from_str::<Flag>(&body) {
            let stood = |on: bool| if on { "on" } else { "off" };
            let flips = flag.plan.environments.iter().map(|(name, set)| format!("{} in `{name}`", stood(set.enabled)));
            let rest = format!("{} elsewhere", stood(flag.plan.default.enabled));
            let all: Vec<String> = flips.chain([rest]).collect();
            let text = format!("Version {} of `{}`: {}.", flag.version, flag.plan.key, all.join(", "));
            return Ok(Or::Instead(nothing("How the flag stood before", &text)));
        }
        if let Some(settings) = Settings::read(&body) {
            let text =
                format!("The program's version and {} settings. What is secret is hidden.", settings.settings.len());
            return Ok(Or::Instead(nothing("What the server was started with", &text)));
        }
        let (Ok(evidence), Some(release)) = (serde_json::from_str::<Evidence>(&body), release) else {
            let text = format!("What was asked for is kept as `{}`.", digest.short());
            return Ok(Or::Instead(nothing("No readings yet", &text)));
        };
        let verdict = evidence.verdict.as_ref();
        let at = evidence.points.last().map_or(evidence.at, |point| point.at);
        let acts: Vec<(Timestamp, String)> = Vec::new();
        let drawing = Drawing {
            plan: &release.plan,
            points: &evidence.points,
            verdict,
            stages: &evidence.stages,
            acts: &acts,
            now: at,
            course: evidence.course.as_ref(),
        };
        let charts = if evidence.points.is_empty() {
            Vec::new()
        } else {
            let deciding = decider(&release.plan, verdict);
            let others = drawing.metrics().into_iter().filter(|metric| *metric != deciding);
            std::iter::once(drawing.chart(&deciding, true))
                .chain(others.map(|metric| drawing.chart(&metric, false)))
                .collect()
        };
        let newest = evidence
            .points
            .last()
            .map(|point| format!("Newest sample {}, {} old.", point.at.clock(), lasting(evidence.at.since(point.at))));
        Ok(Or::Shown(SawView {
            title: if matches!(row.actor_key.split(':').next(), Some("automation")) {
                "What the rule saw".to_owned()
            } else {
                format!("What {who} saw")
            },
            note: format!(
                "drawn from evidence stored at {}, not from today's data{}",
                when(evidence.at, now).shown,
                sources::drawn(verdict)
            ),
            digest: digest.short(),
            pill: verdict.map(|verdict| verdict_pill(verdict.kind)),
            since: String::new(),
            sentence: verdict.map_or_else(|| "Nothing had been judged yet.".to_owned(), |v| v.sentence.clone()),
            estimate: verdict.map(|verdict| explain::estimate(&release.plan, verdict)).unwrap_or_default(),
            meters: verdict.map(|verdict| explain::meters(&release.plan, verdict)).unwrap_or_default(),
            explained: verdict
                .map(|verdict| explain::explained(&release.plan, verdict, evidence.course.as_ref(), &evidence.stages)),
            foot: newest.unwrap_or_default(),
            charts,
        }))
    }
}

/// Packs to take away: of the decision, and of all that was decided about its release.
fn packs(row: &rows::DecisionRow) -> Vec<LinkView> {
    let one = LinkView::new(format!("/api/v1/evidence-pack?decision={}", row.id), "Evidence pack");
    let release =
        row.release.map(|id| LinkView::new(format!("/api/v1/evidence-pack?release={id}"), "Pack of the release"));
    std::iter::once(one).chain(release).collect()
}

fn who_view(actor: &Actor, names: bool) -> WhoView {
    let (shown, note) = who(actor);
    let (name, owner, written) = match actor {
        Actor::Person { name, .. } => (name.clone(), String::new(), names),
        Actor::Token { name, owner_name, .. } => (name.clone(), owner_name.clone(), names),
        Actor::Automation { .. } | Actor::Anonymous => (shown, String::new(), false),
    };
    WhoView { name, owner, note, written }
}

fn version_of(release: &Release, action: &str) -> String {
    match action {
        "rollback" => release.baseline.version.to_string(),
        _ => release.candidate.version.to_string(),
    }
}

fn marks(entry: &Entry, at: Timestamp, confirmed: Option<&Confirmation>, now: Timestamp) -> Vec<ProgressMark> {
    if !entry.effects.iter().any(|effect| effect.starts_with("ask for")) {
        return Vec::new();
    }
    let asked = ProgressMark { state: StepState::Done, label: "Asked".to_owned(), at: Some(when(at, now)) };
    let seen = match confirmed {
        Some(seen) => ProgressMark {
            state: StepState::Done,
            label: "Confirmed by the proxy".to_owned(),
            at: Some(when(seen.at, now)),
        },
        None => ProgressMark { state: StepState::Now, label: "Not confirmed".to_owned(), at: None },
    };
    vec![asked, seen]
}

fn effects(entry: &Entry, at: Timestamp, confirmed: Option<&Confirmation>, now: Timestamp) -> Vec<EffectView> {
    let asked = entry.effects.iter().filter_map(|effect| {
        let weight: u8 = effect.strip_prefix("ask for ")?.split(' ').next()?.parse().ok()?;
        Some(EffectView {
            name: format!("Traffic to the candidate: {}", percent(weight)),
            asked: Some(when(at, now)),
            confirmed: confirmed.map(|seen| when(seen.at, now)),
            took: confirmed.map(|seen| lasting(seen.at.since(at))).unwrap_or_default(),
            by: confirmed
                .map_or_else(|| "not confirmed, or overtaken by a later act".to_owned(), |seen| seen.from.clone()),
            tone: if confirmed.is_some() { Tone::Go } else { Tone::Caution },
        })
    });
    let others = entry.effects.iter().filter(|effect| !effect.starts_with("ask for")).map(|effect| EffectView {
        name: effect.clone(),
        asked: Some(when(at, now)),
        confirmed: Some(when(at, now)),
        by: "written with the decision".to_owned(),
        ..EffectView::default()
    });
    asked.chain(others).collect()
}

fn facts(row: &rows::DecisionRow, entry: &Entry, release: Option<&Release>) -> Vec<FactView> {
    let fact = |name: &str, value: String, href: Option<String>| FactView { name: name.to_owned(), value, href };
    let mut facts = Vec::new();
    if let Some(release) = release {
        let versions = format!("{} {} → {}", release.service, release.baseline.version, release.candidate.version);
        facts.push(fact("Release", versions, Some(path::release(&release.id.to_string()))));
        facts.push(fact("Plan", format!("{} v{}", release.plan_ref.name, release.plan_ref.version), None));
    }
    if let Some(version) = entry.expected_version {
        facts.push(fact("Version seen", version.to_string(), None));
    }
    facts.push(fact("Through", entry.origin.transport.clone(), None));
    if let Some(ip) = &entry.origin.ip {
        facts.push(fact("From", format!("`{ip}`"), None));
    }
    if let Some(request) = &entry.origin.request_id {
        facts.push(fact("Request", format!("`{request}`"), None));
    }
    if let Some(trace) = &entry.origin.trace_id {
        facts.push(fact("Trace", format!("`{trace}`"), None));
    }
    facts.push(fact("Outcome", row.outcome.clone(), None));
    facts
}
