//! The form for a new release, and what its plan would do.

use super::act::done;
use super::words::lasting;
use super::{Plane, caller, told, worded};
use crate::service::{NewArtifact, NewRelease, Past, Result, ServiceError};
use sternway_app::backend::Caller as PageCaller;
use sternway_app::error::{AppError, Problem};
use sternway_app::view::act::ActDone;
use sternway_app::view::new_release::*;
use sternway_app::view::{CheckView, ChoiceView, FactView, Icon, StepState, StepView, Tone};
use sternway_domain::access::{self, Action};
use sternway_domain::judge::estimate::{Estimate, StageEstimate, estimate};
use sternway_domain::judge::placebo::placebo;
use sternway_domain::plan::{Bound, DeadlineAct, Metric, Mode, Plan, Tolerance};
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
        Ok(NewReleaseView {
            services: self.choices("Service", &typed.service, None).await?,
            plans: self.choices("Plan", &typed.plan, None).await?,
            checklists: self.choices("Checklist", &typed.checklist, Some("none")).await?,
            yaml_example: EXAMPLE.to_owned(),
            can_create: why_not.is_none(),
            why_not,
            typed,
            fault,
            preview,
        })
    }

    async fn previewed(&self, form: &NewReleaseForm) -> Result<Option<PreviewView>> {
        if form.intent != "preview" {
            return Ok(None);
        }
        let draft = self.service.draft(&read(form)?).await?;
        let past = self.service.past(&draft.service).await?;
        Ok(Some(preview(&draft, &past)))
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
        service: form.service.trim().to_owned(),
        candidate: artifact(&form.version, &form.digest),
        baseline: named.then_some(baseline),
        plan: form.plan.trim().to_owned(),
        checklist: Some(form.checklist.trim().to_owned()).filter(|name| !name.is_empty()),
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

fn preview(draft: &Draft, past: &Past) -> PreviewView {
    let plan = &draft.plan;
    let expected = estimate(plan, &past.usual);
    let mut from = Span::ZERO;
    let stages = plan.stages.iter().enumerate().map(|(i, stage)| {
        let (start, end) = (from, from + stage.bake);
        from = end;
        StepView {
            state: StepState::Todo,
            name: format!("**{}\u{a0}%** of traffic on `{}`", stage.weight.percent(), draft.candidate.version),
            note: expected.as_ref().and_then(|expected| expected.stages.get(i)).map_or_else(
                || format!("bakes {}", stage.bake.clock()),
                |expected| format!("bakes {}. {}", stage.bake.clock(), told_of(expected)),
            ),
            meta: format!("{} to {} after the start", start.clock(), end.clock()),
        }
    });
    let stages: Vec<StepView> = stages.collect();
    PreviewView {
        title: format!(
            "{} {} → {} under {} v{}",
            draft.service, draft.baseline.version, draft.candidate.version, draft.plan_ref.name, draft.plan_ref.version
        ),
        stages,
        facts: facts(plan),
        findings: [expectations(plan, past, expected), findings(draft)].concat(),
        note: format!("At the earliest promoted {} after the start.", lasting(from)),
    }
}

/// `Goes on after 0:50 if unchanged. Errors: 2x noticed in about 3 min, 5x in about 40 s.`
fn told_of(stage: &StageEstimate) -> String {
    let promote = match stage.promote {
        Some(after) => format!("Goes on after {} if unchanged.", after.clock()),
        None => "Not promoted in time even if unchanged.".to_owned(),
    };
    [vec![promote], stage.sentences()].concat().join(" ")
}

/// What the judge would make of what the service showed of late.
fn expectations(plan: &Plan, past: &Past, expected: Option<Estimate>) -> Vec<CheckView> {
    let say = |tone: Tone, icon: Icon, text: String| CheckView { tone, icon, text, ..CheckView::default() };
    let Some(expected) = expected else {
        let text = "How long the judge needs is not estimated: no release of this service was watched lately.";
        return vec![say(Tone::Plain, Icon::Info, text.to_owned())];
    };
    let warnings = expected.warnings.into_iter().map(|text| say(Tone::Caution, Icon::Suspect, text));
    let mut all: Vec<CheckView> = warnings.collect();
    let played = placebo(plan, &past.ticks);
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
