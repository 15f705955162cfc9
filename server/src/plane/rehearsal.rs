//! The page of what could happen.

use super::words::capital;
use super::{Plane, caller, invalid, worded};
use crate::service::{RehearsalRequest, Rehearsed};
use sternway_app::backend::Caller as PageCaller;
use sternway_app::error::AppError;
use sternway_app::path;
use sternway_app::view::rehearsal::{EndView, RehearsalForm, RehearsalView};
use sternway_app::view::{CheckView, FactView, Icon, LinkView, PillView, Tone};
use sternway_domain::id::ReleaseId;
use sternway_domain::rehearsal::{End, Faults, FaultsError, Overview};
use sternway_domain::saga::Outcome;

/// Ends beyond this many are only counted.
const MOST_ENDS: usize = 12;

impl Plane {
    /// A form that cannot be used comes back with what is wrong; a release that cannot go back says why.
    pub(super) async fn rehearsal_view(
        &self,
        page: &PageCaller,
        id: ReleaseId,
        form: RehearsalForm,
    ) -> Result<RehearsalView, AppError> {
        let or = |text: String, usual: &str| if text.trim().is_empty() { usual.to_owned() } else { text };
        let typed =
            RehearsalForm { faults: or(form.faults, "storm"), runs: or(form.runs, "500"), seed: or(form.seed, "1") };
        let release = self.service.release(&caller(page), id).await.map_err(|error| worded(page, error))?;
        let text = format!("{} {} → {}", release.service, release.baseline.version, release.candidate.version);
        let empty = RehearsalView {
            release: LinkView::new(path::release(&id.to_string()), text),
            typed,
            fault: None,
            count: String::new(),
            lead: String::new(),
            promise: None,
            ends: vec![],
            more: String::new(),
            facts: vec![],
        };
        let request = match read(&empty.typed) {
            Ok(request) => request,
            Err(fault) => return Ok(RehearsalView { fault: Some(fault), ..empty }),
        };
        match self.service.rehearse_rollback(&caller(page), id, &request).await.map_err(|error| worded(page, error)) {
            Ok(Rehearsed { steps: Some(steps), overview, .. }) => Ok(filled(empty, &id.to_string(), steps, &overview)),
            Ok(Rehearsed { steps: None, .. }) => {
                let lead = "Traffic is all there is to take back: one step, confirmed by the proxy. There is nothing to \
                            rehearse until the service's document has a `rollback` or `deploy` section.";
                Ok(RehearsalView { lead: lead.to_owned(), ..empty })
            }
            Err(fault @ (AppError::Refused { .. } | AppError::Invalid { .. })) => {
                Ok(RehearsalView { fault: Some(fault), ..empty })
            }
            Err(error) => Err(error),
        }
    }
}

fn read(typed: &RehearsalForm) -> Result<RehearsalRequest, AppError> {
    let number = |field: &str| invalid(field, "Write a whole number.");
    let faults: Faults = typed.faults.parse().map_err(|error: FaultsError| invalid("faults", &error.to_string()))?;
    let seed = typed.seed.trim().parse().map_err(|_| number("seed"))?;
    let runs = typed.runs.trim().parse().map_err(|_| number("runs"))?;
    Ok(RehearsalRequest { faults, seed, runs })
}

fn filled(empty: RehearsalView, id: &str, steps: usize, seen: &Overview) -> RehearsalView {
    let typed = empty.typed.clone();
    let ends = seen.ends();
    let share = |count: u32| format!("{:.1}\u{a0}%", 100.0 * f64::from(count) / f64::from(seen.runs.max(1)));
    let one = |seed: u64| {
        let query = format!("?faults={}&runs=1&seed={seed}", path::escaped(&typed.faults));
        LinkView::new(format!("{}{query}", path::rehearsal(id)), seed.to_string())
    };
    let (median, p95) = seen.times();
    let fact = |name: &str, value: String| FactView { name: name.to_owned(), value, href: None };
    let hidden = ends.len().saturating_sub(MOST_ENDS);
    RehearsalView {
        count: format!("{} of {steps} steps, faults: {}", counted(seen.runs), typed.faults),
        promise: Some(promise(seen)),
        ends: ends
            .iter()
            .take(MOST_ENDS)
            .map(|end| EndView {
                pill: look(end),
                summary: end.summary.clone(),
                runs: end.runs.to_string(),
                share: share(end.runs),
                example: one(end.seed),
            })
            .collect(),
        more: if hidden == 0 { String::new() } else { format!("And {hidden} rarer ways to end.") },
        facts: vec![
            fact("Median time", median.to_string()),
            fact("19 of 20 within", p95.to_string()),
            fact("Needed a person", share(seen.with_people)),
            fact("Crashes", seen.crashes.to_string()),
            fact("Takeovers", seen.takeovers.to_string()),
            fact("Stale orders refused", seen.stale_refused.to_string()),
            fact("Stale writes corrected", seen.stale_taken.to_string()),
        ],
        ..empty
    }
}

fn counted(runs: u32) -> String {
    if runs == 1 { "One run".to_owned() } else { format!("{runs} runs") }
}

fn promise(seen: &Overview) -> CheckView {
    let (icon, tone, text, note) = match seen.broken.first() {
        None => (Icon::Pass, Tone::Go, "Every promise was kept in every run.".to_owned(), String::new()),
        Some((seed, text)) => {
            let count = seen.broken.len();
            (Icon::Fail, Tone::Stop, format!("Broken in {count} of {} runs", seen.runs), format!("Seed {seed}: {text}"))
        }
    };
    CheckView { icon, tone, text, note, meta: String::new() }
}

fn look(end: &End) -> PillView {
    let (tone, icon) = match end.outcome {
        Some(Outcome::Complete) => (Tone::Go, Icon::Pass),
        Some(Outcome::Partial | Outcome::PartlyUndone) => (Tone::Caution, Icon::Suspect),
        Some(Outcome::Undone) => (Tone::Plain, Icon::Hold),
        None => (Tone::Stop, Icon::Fail),
    };
    PillView::new(tone, icon, capital(end.outcome.map_or("never", Outcome::label)))
}
