//! The form for a new release, and what its plan would do.

use super::act::done;
use super::words::lasting;
use super::{Plane, caller, freezes, told, worded};
use crate::service::{Expected, NewArtifact, NewRelease, Result, ServiceError};
use sternway_app::backend::Caller as PageCaller;
use sternway_app::error::{AppError, Problem};
use sternway_app::view::act::ActDone;
use sternway_app::view::chart::{CellView, RowView, TableView};
use sternway_app::view::new_release::*;
use sternway_app::view::{CheckView, ChoiceView, FactView, Icon, Tone};
use sternway_domain::access::{self, Action};
use sternway_domain::id::ServiceName;
use sternway_domain::judge::about;
use sternway_domain::judge::estimate::{Detection, StageEstimate, TIMES};
use sternway_domain::plan::{Bound, DeadlineAct, Metric, Mode, Plan, Stage, Tolerance};
use sternway_domain::release::Draft;
use sternway_domain::time::Span;

const EXAMPLE: &str = "\
service: checkout
candidate:
  version: 1.42.0
  digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
# baseline:             # what runs now; only for a service's first release
#   version: 1.41.3
#   digest: sha256:1111111111111111111111111111111111111111111111111111111111111111
plan: canary-standard
checklist: pre-release
reason: Pricing by currency, ticket SHOP-1182
";

impl Plane {
    pub(super) async fn new_release_view(&self, page: &PageCaller, form: NewReleaseForm) -> Result<NewReleaseView> {
        let caller = &caller(page);
        self.service.authorise(caller, Action::View)?;
        let why_not = access::authorise(&caller.actor, Action::Create).err().map(|denied| told(&denied.to_string()));
        let (preview, fault) = match self.previewed(&form).await {
            Ok(preview) => (preview, None),
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => (None, Some(in_form(&form, worded(page, error)))),
        };
        let mut typed = form;
        if typed.idempotency_key.is_empty() {
            typed.idempotency_key = self.service.new_id().to_string();
        }
        let known_bad = self.known_bad(&typed).await?;
        Ok(NewReleaseView {
            services: self.choices("Service", &typed.service, None).await?,
            plans: self.choices("Plan", &typed.plan, None).await?,
            checklists: self.choices("Checklist", &typed.checklist, Some("none")).await?,
            yaml_example: EXAMPLE.to_owned(),
            can_create: why_not.is_none(),
            why_not,
            typed,
            known_bad,
            fault,
            preview,
        })
    }

    /// What is said beside the box that overrides, when the candidate that was typed is known bad.
    async fn known_bad(&self, form: &NewReleaseForm) -> Result<Option<String>> {
        let Ok(new) = read(form) else { return Ok(None) };
        let Ok(service) = ServiceName::new(new.service) else { return Ok(None) };
        let known = self.service.known_bad(&[&service]).await?;
        let found = known.iter().rev().find(|bad| bad.digest.to_string() == new.candidate.digest);
        Ok(found.map(|bad| {
            format!("Release `{}` although it was taken back ({}): the log will say so.", bad.version, bad.why)
        }))
    }

    async fn previewed(&self, form: &NewReleaseForm) -> Result<Option<PreviewView>> {
        if form.intent != "preview" {
            return Ok(None);
        }
        let draft = self.service.draft(&read(form)?).await?;
        let others = draft.components.iter().map(|component| &component.name).filter(|name| **name != draft.service);
        let moving: Vec<&ServiceName> = [&draft.service].into_iter().chain(others).collect();
        let expected = self.service.expects(draft.plan.clone(), &moving).await?;
        Ok(Some(preview(&draft, expected)))
    }

    pub(super) async fn create_done(
        &self,
        page: &PageCaller,
        form: NewReleaseForm,
    ) -> std::result::Result<ActDone, AppError> {
        let created = match read(&form) {
            Ok(new) => self.service.create(&caller(page), new, &form.idempotency_key).await,
            Err(error) => Err(error),
        };
        created.map(done).map_err(|error| in_form(&form, worded(page, error)))
    }

    async fn choices(&self, kind: &str, chosen: &str, none: Option<&str>) -> Result<Vec<ChoiceView>> {
        let documents = self.service.store.documents(kind).await?;
        let mut choices: Vec<ChoiceView> = none
            .iter()
            .map(|none| ChoiceView { value: String::new(), label: (*none).to_owned(), chosen: chosen.is_empty() })
            .collect();
        choices.extend(documents.into_iter().map(|row| ChoiceView {
            chosen: row.name == chosen,
            label: row.name.clone(),
            value: row.name,
        }));
        Ok(choices)
    }
}

/// What was typed, from the form or the pasted YAML.
fn read(form: &NewReleaseForm) -> Result<NewRelease> {
    if form.how == "yaml" {
        return serde_saphyr::from_str(&form.yaml)
            .map_err(|error| ServiceError::Invalid { field: "yaml".into(), text: error.to_string() });
    }
    for (field, value) in
        [("service", &form.service), ("version", &form.version), ("digest", &form.digest), ("plan", &form.plan)]
    {
        if value.trim().is_empty() {
            return Err(ServiceError::Invalid { field: field.into(), text: format!("fill in the {field}") });
        }
    }
    let artifact = |version: &str, digest: &str| NewArtifact {
        version: version.trim().to_owned(),
        digest: digest.trim().to_owned(),
    };
    let baseline = artifact(&form.baseline_version, &form.baseline_digest);
    let named = !(baseline.version.is_empty() && baseline.digest.is_empty());
    Ok(NewRelease {
        components: vec![],
        migrations: vec![],
        service: form.service.trim().to_owned(),
        candidate: artifact(&form.version, &form.digest),
        baseline: named.then_some(baseline),
        plan: form.plan.trim().to_owned(),
        checklist: Some(form.checklist.trim().to_owned()).filter(|name| !name.is_empty()),
        override_known_bad: !form.override_known_bad.is_empty(),
        reason: form.reason.trim().to_owned(),
    })
}

/// The same fault at the fields of this form; in pasted YAML all are in one field, so the text names the key.
fn in_form(form: &NewReleaseForm, error: AppError) -> AppError {
    let AppError::Invalid { problems } = error else { return error };
    let place = |problem: Problem| match problem.field.as_str() {
        "yaml" | "" => problem,
        key if form.how == "yaml" => Problem::new("yaml", format!("`{key}`: {}", problem.text)),
        "candidate.version" => Problem::new("version", problem.text),
        "candidate.digest" => Problem::new("digest", problem.text),
        "baseline" | "baseline.version" => Problem::new("baseline_version", problem.text),
        "baseline.digest" => Problem::new("baseline_digest", problem.text),
        _ => problem,
    };
    AppError::Invalid { problems: problems.into_iter().map(place).collect() }
}

fn preview(draft: &Draft, expected: Expected) -> PreviewView {
    let plan = &draft.plan;
    let mut findings = [expectations(&expected), findings(draft)].concat();
    findings.sort_by_key(|finding| finding.tone != Tone::Caution);
    let least = plan.stages.iter().fold(Span::ZERO, |sum, stage| sum + stage.bake);
    PreviewView {
        title: format!(
            "{} {} → {} under {} v{}",
            draft.service, draft.baseline.version, draft.candidate.version, draft.plan_ref.name, draft.plan_ref.version
        ),
        stages: stages(plan, &expected),
        stages_note: told_of(&expected),
        facts: facts(plan),
        findings,
        note: format!("At the earliest promoted {} after the start.", lasting(least)),
    }
}

/// A row per stage: its traffic and time, and how soon a worse version would be noticed.
fn stages(plan: &Plan, expected: &Expected) -> TableView {
    let estimated = expected.estimate.as_ref().map(|estimate| estimate.stages.as_slice()).unwrap_or_default();
    let mut metrics: Vec<&Metric> =
        estimated.iter().flat_map(|stage| &stage.detect).map(|detection| &detection.metric).collect();
    metrics.sort();
    metrics.dedup();
    let mut head = vec!["Traffic".to_owned(), "Bakes".to_owned()];
    if !estimated.is_empty() {
        head.extend(["Requests".to_owned(), "Goes on, if unchanged".to_owned()]);
    }
    head.extend(metrics.iter().map(|metric| match metric {
        Metric::Kpi(_) => format!("{} {}", metric.label(), TIMES.map(|times| format!("1/{times}")).join(", ")),
        _ => format!("{} {}", metric.label(), TIMES.map(|times| format!("{times}x")).join(", ")),
    }));
    let row = |(i, stage): (usize, &Stage)| {
        let plain = |text: String| CellView { text, ..CellView::default() };
        let mut cells = vec![plain(stage.bake.clock())];
        if let Some(expected) = estimated.get(i) {
            cells.push(plain(format!("{:.1}/s", expected.requests)));
            cells.push(match expected.promote {
                Some(after) => plain(format!("after {}", after.clock())),
                None => CellView { text: "not in time".to_owned(), tone: Tone::Caution },
            });
            cells.extend(metrics.iter().map(|metric| noticed(expected, metric)));
        }
        RowView { name: format!("{}\u{a0}%", stage.weight.percent()), at: None, cells }
    };
    TableView { caption: "Stage by stage".to_owned(), head, rows: plan.stages.iter().enumerate().map(row).collect() }
}

/// `4 min, 15 s`: until twice and five times as bad would fail.
fn noticed(stage: &StageEstimate, metric: &Metric) -> CellView {
    let found: Vec<&Detection> = stage.detect.iter().filter(|detection| detection.metric == *metric).collect();
    let said = found.iter().map(|detection| match detection.after {
        Some(after) => about(after),
        None if detection.tolerated => "tolerated".to_owned(),
        None => "not in time".to_owned(),
    });
    let mut said: Vec<String> = said.collect();
    said.dedup();
    let late = found.iter().any(|detection| detection.after.is_none() && !detection.tolerated);
    CellView { text: said.join(", "), tone: if late { Tone::Caution } else { Tone::Plain } }
}

fn told_of(expected: &Expected) -> String {
    match expected.requests.filter(|_| expected.estimate.is_some()) {
        Some(requests) => format!(
            "On average, at the {requests:.1} requests/s the service had lately: how long until a version fails that is so \
             many times as bad from the moment the stage is entered."
        ),
        None => "How long the judge needs is not known: no release of this service was watched lately.".to_owned(),
    }
}

/// What the judge would make of what the service showed of late.
fn expectations(expected: &Expected) -> Vec<CheckView> {
    let say = |tone: Tone, icon: Icon, text: String| CheckView { tone, icon, text, ..CheckView::default() };
    let warnings = expected.estimate.iter().flat_map(|estimate| &estimate.warnings);
    let mut all: Vec<CheckView> = warnings.map(|text| say(Tone::Caution, Icon::Suspect, text.clone())).collect();
    all.extend(expected.freeze.clone().map(freezes::caution));
    let played = &expected.placebo;
    all.push(match (played.runs, played.fired) {
        (0, _) => say(Tone::Plain, Icon::Info, played.sentence()),
        (_, 0) => say(Tone::Go, Icon::Pass, played.sentence()),
        _ => say(Tone::Caution, Icon::Suspect, played.sentence()),
    });
    all
}

fn facts(plan: &Plan) -> Vec<FactView> {
    let fact = |name: &str, value: String| FactView { name: name.to_owned(), value, href: None };
    let mut facts = vec![fact(
        "Mode",
        match plan.mode {
            Mode::Manual => "manual: people promote and roll back",
            Mode::Assisted => "assisted: Sternway recommends, people act",
            Mode::Automatic => "automatic: Sternway promotes on pass and rolls back on fail",
        }
        .to_owned(),
    )];
    for guard in &plan.guards {
        let limit = guard.slo.map(|slo| format!("at most {}", guard.metric.show(slo)));
        let parts = [tolerance_words(&guard.metric, &guard.effective_tolerance()), limit.unwrap_or_default()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        facts.push(fact(&format!("Guard on {}", guard.metric.label()), parts.join(", ")));
    }
    for limit in &plan.hard_limits {
        let bound = match limit.bound {
            Bound::Above(value) => format!("above {}", limit.metric.show(value)),
            Bound::Below(value) => format!("below {}", limit.metric.show(value)),
            Bound::AboveBaseline(times) => format!("above {times}x baseline"),
            Bound::BelowBaseline(times) => format!("below {times}x baseline"),
        };
        facts.push(fact(&format!("Hard limit on {}", limit.metric.label()), format!("{bound} for {}", limit.lasting)));
    }
    let data = format!("{} requests and {} per version and stage", plan.min_data.requests, plan.min_data.time);
    facts.push(fact("Minimum data", data));
    let then = match plan.on_deadline.then {
        DeadlineAct::Hold => "hold and ask a person",
        DeadlineAct::RollBack => "roll back",
    };
    facts.push(fact("Deadline", format!("{} after the bake time: {then}", plan.on_deadline.after)));
    facts.push(fact("Way back", format!("for {} after promotion", plan.rollback_window)));
    facts
}

fn tolerance_words(metric: &Metric, tolerance: &Tolerance) -> String {
    let sign = if metric.less_is_worse() { "−" } else { "+" };
    match (tolerance.ratio, tolerance.plus) {
        (Some(ratio), Some(plus)) => format!("tolerated {ratio}x {sign} {}", metric.show(plus)),
        (Some(ratio), None) => format!("tolerated {ratio}x"),
        (None, Some(plus)) => format!("tolerated baseline {sign} {}", metric.show(plus)),
        (None, None) => String::new(),
    }
}

/// What a careful colleague would say before the start.
fn findings(draft: &Draft) -> Vec<CheckView> {
    let plan = &draft.plan;
    let warn = |text: String| CheckView { tone: Tone::Caution, icon: Icon::Suspect, text, ..CheckView::default() };
    let mut findings = Vec::new();
    if plan.stages.first().is_some_and(|stage| stage.weight.percent() > 10) && plan.stages.len() > 1 {
        findings.push(warn("The first stage takes more than 10\u{a0}% of traffic at once.".to_owned()));
    }
    if !plan.guards.iter().any(|guard| guard.metric == Metric::Errors) {
        findings
            .push(warn("No guard on errors: a version that fails requests would not be noticed by them.".to_owned()));
    }
    if !plan.guards.iter().any(|guard| matches!(guard.metric, Metric::Latency(_))) {
        findings.push(warn("No guard on latency.".to_owned()));
    }
    if draft.checklist.is_none() {
        findings.push(warn("No checklist: nothing must be true before the start.".to_owned()));
    }
    if findings.is_empty() {
        let text = "Guards on errors and latency, a checklist, a small first stage.".to_owned();
        findings.push(CheckView { tone: Tone::Go, icon: Icon::Pass, text, ..CheckView::default() });
    }
    findings
}

#[cfg(test)]
mod tests;
