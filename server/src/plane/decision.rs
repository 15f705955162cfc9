//! One decision: who, what, why, and what they saw, drawn from the evidence stored with it.

use super::confirmed::Confirmation;
use super::decisions::{act_word, look, target_words, who};
use super::signals::{Drawing, decider};
use super::words::{full_day, lasting, leaf_link, percent, verdict_pill, when};
use super::{Plane, explain};
use crate::service::{Caller, Evidence, Result, ServiceError, decode};
use crate::store::rows;
use sternway_app::path;
use sternway_app::view::decision::*;
use sternway_app::view::release::ProgressMark;
use sternway_app::view::{FactView, Icon, Or, StateView, StepState, Tone};
use sternway_domain::access::Action;
use sternway_domain::actor::Actor;
use sternway_domain::audit::{Entry, Outcome};
use sternway_domain::flag::Flag;
use sternway_domain::id::{DecisionId, hex};
use sternway_domain::plan::grouped;
use sternway_domain::release::Release;
use sternway_domain::time::Timestamp;

impl Plane {
    pub(super) async fn decision_view(&self, caller: &Caller, id: DecisionId) -> Result<DecisionView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let row = self.service.store.decision(id).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "decision", name: id.to_string() })?;
        let entry: Entry = decode("decision", &row.body)?;
        let leaf = self.service.store.leaves(row.leaf_index, 1).await?.into_iter().next();
        let beside = self.service.store.texts(row.leaf_index, 1).await?.into_iter().next();
        let signed = self.service.store.checkpoint().await?.map_or(0, |head| head.size);
        let release = match row.release {
            Some(id) => Some(self.service.load(id).await?),
            None => None,
        };
        let refused = matches!(entry.outcome, Outcome::Refused { .. });
        let automatic = matches!(entry.actor, Actor::Automation { .. });
        let (name, note) = who(&entry.actor);
        let confirmed = match row.release {
            Some(release) => self.confirmations(release).await?.remove(&row.id),
            None => None,
        };
        let title_version = release.as_ref().filter(|_| !refused).map(|release| version_of(release, &entry.action));
        let joint = if title_version.is_some() { " to" } else { "" };
        Ok(DecisionView {
            id: id.to_string(),
            leaf: grouped(row.leaf_index),
            title: format!("{} {}{joint}", act_word(&entry.action, refused), target_words(&entry)),
            title_version: title_version.unwrap_or_default(),
            day: full_day(row.at),
            at: when(row.at, now),
            who: if note.is_empty() { name.clone() } else { format!("{name}, {note}") },
            quote: if automatic { String::new() } else { entry.reason.clone() },
            why: match &entry.outcome {
                Outcome::Refused { why } => why.clone(),
                Outcome::Accepted if automatic => entry.reason.clone(),
                Outcome::Accepted => String::new(),
            },
            refused,
            overridden: (!entry.overridden.is_empty()).then(|| format!("Override: {}.", entry.overridden.join(", "))),
            marks: marks(&entry, row.at, confirmed.as_ref(), now),
            facts: facts(&row, &entry, release.as_ref()),
            saw: self.saw(&row, &name, release.as_ref(), now).await?,
            effects: effects(&entry, row.at, confirmed.as_ref(), now),
            told: Vec::new(),
            log: log_facts(&row, &entry, leaf.as_ref(), signed),
            near: self.near(&row).await?,
            canonical: pretty(leaf.as_ref().map_or(row.body.as_bytes(), |leaf| &leaf.entry), beside.as_ref()),
            export: None,
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
            note: format!("drawn from evidence stored at {}, not from today's data", when(evidence.at, now).shown),
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

    /// Decisions of the same release before and after.
    async fn near(&self, row: &rows::DecisionRow) -> Result<Vec<NearView>> {
        let Some(release) = row.release else { return Ok(Vec::new()) };
        let filter = rows::DecisionFilter { release: Some(release), limit: 100, ..Default::default() };
        let all = self.service.store.decisions(&filter).await?;
        let Some(here) = all.iter().position(|other| other.id == row.id) else { return Ok(Vec::new()) };
        let around = all.iter().enumerate().filter(|(i, _)| *i != here && i.abs_diff(here) <= 2);
        let near = around.map(|(_, other)| {
            let refused = other.outcome == "refused";
            let (icon, tone) = look(&other.action);
            let (gap, word) =
                if other.at >= row.at { (other.at.since(row.at), "after") } else { (row.at.since(other.at), "before") };
            NearView {
                icon,
                tone,
                link: leaf_link(&other.id.to_string(), other.leaf_index),
                text: act_word(&other.action, refused),
                meta: format!("{} {word}", lasting(gap)),
            }
        });
        Ok(near.collect())
    }
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

fn log_facts(row: &rows::DecisionRow, entry: &Entry, leaf: Option<&rows::LeafRow>, signed: i64) -> LogFactsView {
    let digits = leaf.map(|leaf| hex(&leaf.leaf_hash)).unwrap_or_default();
    let groups: Vec<&str> = digits.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let mut facts = vec![proof(row, signed)];
    if let Some(plan) = &entry.plan {
        facts.push(FactView { name: "Plan".into(), value: format!("`{}`", plan.short()), href: None });
    }
    for runbook in &entry.runbooks {
        facts.push(FactView { name: "Runbook".into(), value: format!("`{}`", runbook.short()), href: None });
    }
    LogFactsView {
        index: grouped(row.leaf_index),
        leaf_hash: groups.join(" "),
        evidence: row.evidence.as_ref().map(ToString::to_string).unwrap_or_default(),
        facts,
    }
}

/// How others can check that the entry is in the log.
fn proof(row: &rows::DecisionRow, signed: i64) -> FactView {
    let name = "Proof".to_owned();
    if row.leaf_index >= signed {
        return FactView { name, value: "in a second, with the next checkpoint".into(), href: None };
    }
    let value = format!("under the checkpoint of {} entries", grouped(signed));
    FactView { name, value, href: Some(format!("/api/v1/decisions/{}/proof", row.id)) }
}

/// The record as it was hashed, then the texts of which it holds commitments.
fn pretty(entry: &[u8], beside: Option<&rows::TextRow>) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(entry).ok();
    let record = value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default();
    let texts = beside.map(|beside| beside.openings.as_slice()).unwrap_or_default();
    let lines = texts.iter().map(|opening| format!("\n{}: {}", opening.field, opening.text));
    if texts.is_empty() {
        record
    } else {
        format!("{record}\n\nBeside it, by commitment:{}", lines.collect::<String>())
    }
}
