//! `report.pdf`: the pack for people. Made from the entries and the evidence alone, so that whoever checks the pack makes
//! the same bytes again and sees whether the report says what was sealed.

mod block;
mod chart;
mod cover;
mod face;
mod pdf;
mod sheet;
mod words;

use super::MOST_DETAILS;
use super::item::Decision;
use super::manifest::About;
use crate::service::Evidence;
use chart::Picture;
use sheet::Sheet;
use sternway_domain::actor::Actor;
use sternway_domain::audit::Outcome;
use sternway_domain::time::Timestamp;

/// Changes whenever the same entries would make other bytes: only reports of the same version are compared.
pub(super) const VERSION: u32 = 1;

pub(super) struct Report {
    about: About,
    counts: Counts,
    details: Vec<Detail>,
}

#[derive(Default)]
struct Counts {
    all: u64,
    refused: u64,
    automatic: u64,
    redacted: u64,
    span: Option<(Timestamp, Timestamp)>,
    /// The only service that all are about, if there is one.
    service: Option<String>,
}

/// A decision with what was seen.
struct Detail {
    decision: Decision,
    saw: Option<Saw>,
}

struct Saw {
    /// `Pass`, and the sentence.
    verdict: Option<(String, String)>,
    at: Timestamp,
    pictures: Vec<Picture>,
}

impl Report {
    pub(super) fn new(about: &About) -> Self {
        Self { about: about.clone(), counts: Counts::default(), details: Vec::new() }
    }

    /// Whether the next decision is shown in detail.
    pub(super) fn wants_evidence(&self) -> bool {
        (self.details.len() as u64) < MOST_DETAILS
    }

    pub(super) fn take(&mut self, decision: &Decision, evidence: Option<&str>) {
        let counts = &mut self.counts;
        counts.all += 1;
        counts.refused += u64::from(matches!(decision.entry.outcome, Outcome::Refused { .. }));
        counts.automatic += u64::from(matches!(decision.entry.actor, Actor::Automation { .. }));
        counts.redacted += u64::from(!decision.redacted.is_empty());
        let at = decision.entry.at;
        counts.span = Some(counts.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        let service = words::service(&decision.entry.target);
        if counts.all == 1 {
            counts.service = service;
        } else if counts.service != service {
            counts.service = None;
        }
        if self.wants_evidence() {
            let saw = evidence.and_then(|body| serde_json::from_str::<Evidence>(body).ok()).map(|seen| Saw::of(&seen));
            self.details.push(Detail { decision: decision.clone(), saw });
        }
    }

    /// The bytes of the PDF.
    pub(super) fn finish(self) -> Result<Vec<u8>, String> {
        let mut sheet = Sheet::new()?;
        cover::draw(&mut sheet, &self);
        for detail in &self.details {
            block::draw(&mut sheet, detail);
        }
        let about = &self.about;
        let foot =
            format!("Evidence pack · {} · checkpoint of {} entries", about.log.origin, words::many(about.log.size));
        sheet.feet(&foot);
        pdf::write(sheet, &format!("Evidence pack: {}", super::readme::asked(&about.asked)))
    }
}

impl Saw {
    fn of(evidence: &Evidence) -> Self {
        let verdict = evidence.verdict.as_ref();
        Self {
            verdict: verdict.map(|verdict| (verdict.kind.label().to_owned(), verdict.sentence.clone())),
            at: evidence.at,
            pictures: chart::pictures(evidence),
        }
    }
}
