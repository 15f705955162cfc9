//! The facts before an act, and the act itself.

use super::buttons::{act_of, why_not};
use super::release::{Facts, unsigned};
use super::words::{change, lasting, percent, verdict_pill, when};
use super::{Plane, freezes, preview, told};
use crate::service::{ActRequest, Acted, Caller, NewArtifact, Overrides, Result, ServiceError, Wanted, decode};
use crate::store::rows::DecisionFilter;
use sternway_app::view::act::*;
use sternway_app::view::board::ActStyle;
use sternway_app::view::chart::{CellView, RowView, TableView};
use sternway_app::view::{CheckView, ChoiceView, Icon, StepState, StepView, Tone};
use sternway_domain::artifact::Artifact;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::judge::{Verdict, VerdictKind};
use sternway_domain::plan::Weight;
use sternway_domain::preview::{Preview, permit};
use sternway_domain::release::{Event, Release, State};

/// What the box on the page before a start stands for, where it is not for what is open.
const DEPLOYED: &str = "deployed";
/// That the box stands for a change freeze too: one that began after the page was read is not overridden by it.
const FREEZE: &str = "freeze";

impl Plane {
    pub(super) async fn act_view(
        &self,
        caller: &Caller,
        id: ReleaseId,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView> {
        let facts = self.facts(caller, id).await?;
        let release = &facts.release;
        let why_not = why_not(caller, release, verb);
        let changes = match seen.and_then(|seen| i64::try_from(seen).ok()).filter(|seen| *seen < release.version) {
            Some(seen) => {
                let since = self.service.history(caller, id, seen).await?;
                since.iter().map(|(_, event)| change(release, event, None, facts.now)).collect()
            }
            None => Vec::new(),
        };
        let preview = self.foreseen(caller, release, verb).await?;
        let why_not = why_not.or(preview.as_ref().err().cloned());
        let preview = preview.unwrap_or_default();
        let verdict = facts.verdict();
        let title = title(release, verb);
        let style = match verb {
            Verb::Rollback => ActStyle::Stop,
            Verb::Start | Verb::Promote | Verb::Resume | Verb::Rollforward | Verb::ResumeAutomation => ActStyle::Main,
            Verb::Hold | Verb::Freeze | Verb::Cancel | Verb::On | Verb::Off => ActStyle::Plain,
        };
        let mut view = ActView {
            release: release.id.to_string(),
            verb,
            crumb: format!("{} {} → {}", release.service, release.baseline.version, release.candidate.version),
            at: when(facts.now, facts.now),
            version: unsigned(release.version),
            idempotency_key: self.service.new_id().to_string(),
            evidence: String::new(),
            shift: shift(&facts, verb),
            steps: preview.as_ref().map_or_else(|| steps(&facts, verb), preview::steps),
            told: preview.as_ref().map(preview::told).unwrap_or(self.last_such(release, verb).await?),
            known_pill: verdict.map(|verdict| verdict_pill(verdict.kind)),
            known: known(&facts, verdict),
            known_table: verdict.map(numbers).unwrap_or_default(),
            risks: preview.iter().flat_map(preview::risks).chain(risks(&facts, verb)).collect(),
            reasons: reasons(&facts, verb),
            needs_override: self.needs_override(release, verb).await?,
            asks_hotfix: verb == Verb::Rollforward,
            confirm: title.clone(),
            title,
            confirm_style: style,
            cancel: "Keep watching".to_owned(),
            allowed: why_not.is_none(),
            why_not,
            instead: vec![],
            changes,
            typed: ActForm { expected_version: unsigned(release.version), ..ActForm::default() },
            fault: None,
        };
        self.past_no_return(caller, &facts, &mut view).await?;
        if let Some(frozen) = freezes::overridden(&facts, verb) {
            view.needs_override = Some(freezes::beside(view.needs_override, &frozen, verb, facts.now));
            view.evidence = FREEZE.to_owned();
        }
        // Only one thing is overridden on a page: what is open comes first.
        if verb == Verb::Start && view.needs_override.is_none() && self.service.deploys(release).await? {
            let text = "The candidates run already: nothing is deployed, traffic is all that moves.";
            (view.needs_override, view.evidence) = (Some(text.to_owned()), DEPLOYED.to_owned());
        }
        Ok(view)
    }

    pub(super) async fn act_done(&self, caller: &Caller, id: ReleaseId, verb: Verb, form: ActForm) -> Result<ActDone> {
        let overridden = !form.overridden.is_empty();
        let wanted = match verb {
            Verb::Start => {
                let deployed = form.evidence == DEPLOYED;
                Wanted::Start { override_checklist: overridden && !deployed, deployed: overridden && deployed }
            }
            Verb::Promote => Wanted::Promote { override_verdict: overridden },
            Verb::Hold => Wanted::Hold,
            Verb::Resume => Wanted::Resume,
            Verb::Rollback => Wanted::Rollback { scope: Default::default() },
            Verb::Rollforward => {
                Wanted::Rollforward { hotfix: hotfix(&form)?, component: None, override_known_bad: overridden }
            }
            Verb::Freeze => Wanted::Freeze,
            Verb::Cancel => Wanted::Cancel,
            Verb::ResumeAutomation => Wanted::ResumeAutomation,
            Verb::On | Verb::Off => return Err(ServiceError::NotFound { what: "act", name: verb.to_string() }),
        };
        let request = ActRequest {
            release: id,
            wanted,
            reason: form.full_reason(),
            expected_version: i64::try_from(form.expected_version).unwrap_or(i64::MAX),
            overrides: Overrides {
                capacity: verb == Verb::Rollback && overridden,
                freeze: overridden && form.evidence == FREEZE && matches!(verb, Verb::Start | Verb::Promote),
                fit: None,
            },
            idempotency_key: form.idempotency_key,
        };
        Ok(done(self.service.act(caller, request).await?))
    }

    /// What a rollback would do, or why there is none.
    async fn foreseen(
        &self,
        caller: &Caller,
        release: &Release,
        verb: Verb,
    ) -> Result<std::result::Result<Option<Preview>, String>> {
        if verb != Verb::Rollback {
            return Ok(Ok(None));
        }
        match self.service.preview_rollback(caller, release.id, &Scope::default()).await {
            Err(ServiceError::Rollback(why)) => Ok(Err(told(&why))),
            // What is lost, and what remains, stands where the data is looked at.
            Err(ServiceError::PastNoReturn(_)) => Ok(Ok(None)),
            Err(error) => Err(error),
            Ok(preview) => Ok(Ok(preview)),
        }
    }

    /// How long the last such act took until the proxy confirmed it.
    async fn last_such(&self, release: &Release, verb: Verb) -> Result<String> {
        let Some(act) = act_of(verb) else { return Ok(String::new()) };
        let action = act.as_str().to_owned();
        let filter =
            DecisionFilter { action: Some(action), outcome: Some("accepted".into()), limit: 20, ..Default::default() };
        let decisions = self.service.store.decisions(&filter).await?;
        let same = decisions.into_iter().find(|row| row.service.as_ref() == Some(&release.service));
        let Some((id, decision)) = same.and_then(|row| Some((row.release?, row.id))) else {
            return Ok("Nobody is told: no channel is configured.".to_owned());
        };
        let rows = self.service.store.events(id, 0).await?;
        let after = rows.iter().skip_while(|row| row.decision != Some(decision));
        for row in after {
            if let Event::TrafficConfirmed { after, .. } = decode("event", &row.body)? {
                return Ok(format!("The last time it took {} until the proxy confirmed it.", lasting(after)));
            }
        }
        Ok(String::new())
    }
}

pub(super) fn done(acted: Acted) -> ActDone {
    ActDone {
        release: acted.release.id,
        version: unsigned(acted.release.version),
        decision: acted.decision.id.to_string(),
        leaf_index: unsigned(acted.decision.leaf_index),
    }
}

fn hotfix(form: &ActForm) -> Result<Artifact> {
    let new = NewArtifact { version: form.hotfix_version.trim().into(), digest: form.hotfix_digest.trim().into() };
    let invalid = |field: &str, text: String| ServiceError::Invalid { field: field.into(), text };
    Ok(Artifact {
        version: new.version.try_into().map_err(|error| invalid("hotfix_version", format!("{error}")))?,
        digest: new.digest.parse().map_err(|error| invalid("hotfix_digest", format!("{error}")))?,
    })
}

fn title(release: &Release, verb: Verb) -> String {
    let service = &release.service;
    match verb {
        Verb::Start => format!("Start {service} {}", release.candidate.version),
        Verb::Promote => match next_weight(release) {
            Some(weight) => format!("Promote {service} to {}", percent(weight.percent())),
            None => format!("Promote {service} to {} for good", release.candidate.version),
        },
        Verb::Rollback => format!("Roll back {service} to {}", release.baseline.version),
        Verb::Rollforward => format!("Roll {service} forward to a hotfix"),
        Verb::ResumeAutomation => format!("Resume automation of {service}"),
        verb => format!("{} {service}", verb.label()),
    }
}

fn next_weight(release: &Release) -> Option<Weight> {
    Some(release.plan.stage(release.state.stage()? + 1)?.weight)
}

/// The canary's share after the act, where it moves.
fn weight_after(release: &Release, verb: Verb) -> Option<Weight> {
    match verb {
        Verb::Start | Verb::Rollforward => Some(release.plan.stage(0)?.weight),
        Verb::Promote => next_weight(release),
        Verb::Rollback => Some(Weight::ZERO),
        Verb::Hold | Verb::Resume | Verb::Freeze | Verb::Cancel | Verb::ResumeAutomation | Verb::On | Verb::Off => None,
    }
}

fn shift(facts: &Facts, verb: Verb) -> Vec<ShiftView> {
    let release = &facts.release;
    let Some(after) = weight_after(release, verb) else { return vec![] };
    let observed = facts.traffic.as_ref().and_then(|traffic| traffic.observed);
    let now = observed.or(release.asked.as_ref().map(|asked| asked.weight)).unwrap_or(Weight::ZERO);
    let side = |version: String, canary, now: u8, after: u8| ShiftView { version, canary, now, after };
    vec![
        side(release.candidate.version.to_string(), true, now.percent(), after.percent()),
        side(release.baseline.version.to_string(), false, 100 - now.percent(), 100 - after.percent()),
    ]
}

fn steps(facts: &Facts, verb: Verb) -> Vec<StepView> {
    let release = &facts.release;
    let step =
        |name: String, meta: &str| StepView { state: StepState::Todo, name, note: String::new(), meta: meta.into() };
    let mut steps = vec![step("Write the decision into the log, with what is on this page".to_owned(), "at once")];
    match weight_after(release, verb) {
        Some(weight) => {
            let service = &release.service;
            let share = percent(weight.percent());
            steps.push(step(
                format!("Ask the proxy for {share} of `{service}` on `{}`", release.candidate.version),
                "auto",
            ));
            steps.push(step("Read it back until the proxy reports it".to_owned(), "auto"));
        }
        None => steps.push(step("Traffic stays where it is".to_owned(), "")),
    }
    match verb {
        Verb::Rollback => steps.push(step("The release ends as rolled back".to_owned(), "auto")),
        Verb::ResumeAutomation => {
            steps.push(step("Rules promote, hold and roll back by themselves again".to_owned(), ""));
        }
        Verb::Hold => steps.push(step("Nothing is promoted until somebody resumes".to_owned(), "")),
        Verb::Freeze => {
            steps.push(step("Neither forward nor back until somebody resumes or rolls back".to_owned(), ""))
        }
        Verb::Rollforward => steps.push(step("Bake and judge the hotfix from the first stage".to_owned(), "auto")),
        _ => {}
    }
    steps
}

fn known(facts: &Facts, verdict: Option<&Verdict>) -> String {
    match (verdict, facts.release.current_verdict()) {
        (Some(verdict), Some(note)) => format!("since {}. {}", note.since.clock(), verdict.sentence),
        _ => format!("The release is {}; nothing is judged now.", facts.release.state.label()),
    }
}

fn numbers(verdict: &Verdict) -> TableView {
    let head = ["Signal", "Canary", "Baseline", "Tolerated"].map(str::to_owned).to_vec();
    let rows = verdict.guards.iter().map(|finding| {
        let show = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| finding.metric.show(value));
        let off = matches!(finding.kind, VerdictKind::Fail | VerdictKind::Suspect);
        let tone = if off { Tone::Caution } else { Tone::Plain };
        RowView {
            name: finding.metric.label(),
            at: None,
            cells: vec![
                CellView { text: show(finding.canary), tone },
                CellView { text: show(finding.baseline), tone: Tone::Plain },
                CellView { text: show(finding.tolerated), tone: Tone::Plain },
            ],
        }
    });
    TableView { caption: "What the guards say".to_owned(), head, rows: rows.collect() }
}

/// What could go wrong, as far as Sternway can know it.
fn risks(facts: &Facts, verb: Verb) -> Vec<CheckView> {
    let check = |tone, icon, text: String| CheckView { tone, icon, text, ..CheckView::default() };
    let mut risks = Vec::new();
    let traffic = facts.traffic.as_ref();
    if let Some(failure) = traffic.and_then(|traffic| traffic.failure.clone()) {
        risks.push(check(
            Tone::Caution,
            Icon::ProviderDown,
            format!("The proxy cannot be read: {failure}. The act is written down and applied when it answers."),
        ));
    }
    let (who, ready) = match verb {
        Verb::Rollback => (&facts.release.baseline.version, traffic.and_then(|traffic| traffic.baseline_ready)),
        _ => (&facts.release.candidate.version, traffic.and_then(|traffic| traffic.canary_ready)),
    };
    if weight_after(&facts.release, verb).is_some() {
        risks.push(match ready {
            Some(0) => {
                check(Tone::Stop, Icon::Fail, format!("**No instance of `{who}` is ready**, as the proxy reports."))
            }
            Some(n) => check(Tone::Go, Icon::Pass, format!("{n} instances of `{who}` are ready to take traffic.")),
            None => check(
                Tone::Plain,
                Icon::Info,
                format!("How many instances of `{who}` are ready is known once the proxy has been read."),
            ),
        });
    }
    risks.extend(freezes::risk(facts, verb));
    if let (Verb::Start, Some(hold)) = (verb, &facts.hold) {
        let text =
            format!("Automation is off for `{}` since it was rolled back: nobody but people acts on it.", hold.service);
        risks.push(check(Tone::Caution, Icon::Hold, text));
    }
    if matches!(verb, Verb::Rollback | Verb::Rollforward) {
        let text = "No data migration is tracked with this release; Sternway cannot tell whether one is crossed.";
        risks.push(check(Tone::Plain, Icon::Data, text.to_owned()));
    }
    risks
}

/// Reasons to pick from: what the judge says comes first.
fn reasons(facts: &Facts, verb: Verb) -> Vec<ChoiceView> {
    let choice = |text: String| ChoiceView { value: text.clone(), label: text, chosen: false };
    let verdict = facts.verdict();
    let mut reasons = Vec::new();
    if let Some(verdict) = verdict.filter(|v| matches!(v.kind, VerdictKind::Fail | VerdictKind::Suspect)) {
        reasons.push(choice(verdict.sentence.clone()));
    }
    let usual: &[&str] = match verb {
        Verb::Rollback => &["Customers report errors", "Wrong build", "Incident in a dependency"],
        Verb::Hold => &["Waiting for a dependency", "Looking into a signal"],
        Verb::Promote => &["Signals look well", "Agreed with the team"],
        Verb::Resume => &["Cause is gone"],
        Verb::ResumeAutomation => &["The cause is known and fixed", "The next version does not have it"],
        Verb::Start => &["As planned"],
        Verb::Freeze => &["Going back would harm data"],
        Verb::Cancel => &["Wrong build", "Superseded"],
        Verb::On | Verb::Off => &[],
        Verb::Rollforward => &["Cause is known, the patch is small"],
    };
    reasons.extend(usual.iter().map(|text| choice((*text).to_owned())));
    reasons
}

impl Plane {
    /// The words beside the box that must be ticked.
    async fn needs_override(&self, release: &Release, verb: Verb) -> Result<Option<String>> {
        Ok(match verb {
            Verb::Promote => {
                let kind = release.current_verdict().map(|note| note.kind);
                let found = kind.map_or("nothing has been judged yet", VerdictKind::label);
                (kind != Some(VerdictKind::Pass))
                    .then(|| format!("Promote without a pass ({}): the log will say so.", found.to_lowercase()))
            }
            Verb::Start => self.start_overrides(release).await?,
            Verb::Rollback => {
                let rooms = self.service.rooms(release, None).await?;
                let over = permit(&rooms, false).err();
                over.map(|no_room| format!("Roll back although: {} The log will say so.", no_room.0.join(" ")))
            }
            _ => None,
        })
    }

    async fn start_overrides(&self, release: &Release) -> Result<Option<String>> {
        let mut although = Vec::new();
        if release.state == State::Draft {
            let open = release.checklist.as_ref().map_or(0, |checklist| checklist.open());
            although.push(format!("with {open} checklist items open"));
        }
        let moves = release.moves();
        let services: Vec<_> = moves.iter().map(|(name, _)| *name).collect();
        for bad in release.news(&self.service.known_bad(&services).await?) {
            if moves.iter().any(|(name, build)| **name == bad.service && build.digest == bad.digest) {
                although.push(format!("although `{}` {} was taken back ({})", bad.service, bad.version, bad.why));
            }
        }
        Ok((!although.is_empty()).then(|| format!("Start {}: the log will say so.", although.join(" and "))))
    }
}
