//! The panel of a release's data, what is said of it elsewhere on the page, and its form.

use super::Plane;
use super::release::{Facts, unsigned};
use super::words::when;
use crate::service::{Caller, DataRequest, DataSeen, DataWanted, PastNoReturn, Result, ServiceError, goes_forward};
use sternway_app::path;
use sternway_app::view::act::{ActDone, ActView, Verb};
use sternway_app::view::data::{DataForm, DataPanel, DataParts, QueryView};
use sternway_app::view::{CheckView, Icon, LinkView, NoticeView, StepState, StepView, Tone};
use sternway_domain::access::Action;
use sternway_domain::id::ReleaseId;
use sternway_domain::migration::{Condition, Migration, Phase};
use sternway_domain::release::{ReleaseAct, table};
use sternway_domain::time::Timestamp;

impl Plane {
    pub(super) fn data_panels(&self, caller: &Caller, facts: &Facts, seen: &[DataSeen]) -> Vec<DataPanel> {
        seen.iter().map(|seen| DataPanel::drawn(self.parts(caller, facts, seen))).collect()
    }

    fn parts(&self, caller: &Caller, facts: &Facts, seen: &DataSeen) -> DataParts {
        let DataSeen { migration, share, .. } = seen;
        let (plan, release) = (&migration.plan, &facts.release);
        let missing = migration.missing(*share, facts.now);
        let may = self.may(caller, Action::MoveData);
        let lost = PastNoReturn::of(migration).is_some();
        let forward = goes_forward(&facts.release.state);
        let overriding = (!missing.is_empty() && may && forward).then(|| {
            let next = migration.phase.next().map(Phase::label).unwrap_or_default();
            format!("Enter {next} although something is missing: the log will say so")
        });
        let why_not = if may { "" } else { "Your role may not move data." };
        DataParts {
            release: release.id.to_string(),
            name: plan.name.to_string(),
            description: plan.description.clone(),
            phases: phases(migration, facts.now),
            safety: migration.safety(),
            lost: lost || migration.broken.is_some(),
            missing: if forward { missing.iter().map(ToString::to_string).collect() } else { vec![] },
            queries: queries(migration, facts.now),
            notes: notes(migration, facts.now),
            instead: if lost { others(facts) } else { vec![] },
            acts: if may { self.moves(caller, facts, migration) } else { vec![] },
            overriding,
            why_not: why_not.to_owned(),
            version: migration.version,
            // The same as long as nothing happened: what is typed stays, and a form that is sent twice acts once.
            idempotency_key: format!("page:{}:{}:{}", release.id, plan.name, migration.version),
            ..DataParts::default()
        }
    }

    /// What may be done now, as value and words.
    fn moves(&self, caller: &Caller, facts: &Facts, migration: &Migration) -> Vec<(String, String)> {
        let mut acts = Vec::new();
        for query in migration.plan.queries.keys() {
            acts.push((format!("validate:{query}"), format!("Run query {query}")));
        }
        if let Some(next) = migration.phase.next().filter(|_| goes_forward(&facts.release.state)) {
            for condition in migration.plan.enter.get(&next).into_iter().flatten() {
                if let Condition::SignedBy(role) = condition {
                    acts.push((format!("sign:{role}"), format!("Sign as {role}")));
                }
            }
            if let Some(back) = migration.phase.way_back() {
                acts.push(("back".to_owned(), format!("Back to {}", back.label())));
            }
            acts.push((format!("move:{}", next.as_str()), format!("Enter {}", next.label())));
        }
        if PastNoReturn::of(migration).is_some() && self.may(caller, Action::BreakGlass) {
            acts.push(match migration.asked(facts.now) {
                None => ("ask_glass".to_owned(), "Ask a second person to break the glass".to_owned()),
                Some(asked) if Some(asked.person) == caller.actor.person() => return acts,
                Some(asked) => ("break_glass".to_owned(), format!("Break the glass with {}", asked.by)),
            });
        }
        acts
    }

    /// Where going back would lose data, the page before it says so and leads elsewhere.
    pub(super) async fn past_no_return(&self, caller: &Caller, facts: &Facts, view: &mut ActView) -> Result<()> {
        if !matches!(view.verb, Verb::Rollback | Verb::Rollforward) {
            return Ok(());
        }
        let seen = self.service.data(caller, facts.release.id).await?;
        if seen.is_empty() {
            return Ok(());
        }
        view.risks.retain(|risk| risk.icon != Icon::Data);
        view.risks.extend(checks(&seen));
        let refused = seen.iter().find_map(|seen| PastNoReturn::of(&seen.migration));
        if let (Verb::Rollback, true, Some(refused)) = (view.verb, view.allowed, refused) {
            (view.shift, view.steps) = (vec![], vec![]);
            view.told.clear();
            view.allowed = false;
            view.why_not = Some(format!("{refused}."));
            view.instead = others(facts);
            let glass = format!("{}#data-h", path::release(&view.release));
            view.instead.push(LinkView::new(glass, "Break the glass"));
        }
        Ok(())
    }

    pub(super) async fn data_moved(&self, caller: &Caller, id: ReleaseId, form: DataForm) -> Result<ActDone> {
        let invalid = |field: &str, text: &str| ServiceError::Invalid { field: field.into(), text: text.into() };
        let (act, what) = form.act.split_once(':').unwrap_or((&form.act, ""));
        let wanted = match act {
            "move" => {
                let to = Phase::ALL.into_iter().find(|phase| phase.as_str() == what);
                let to = to.ok_or_else(|| invalid("act", "there is no such phase; load the page again"))?;
                DataWanted::Move { to, override_conditions: !form.overridden.is_empty() }
            }
            "back" => DataWanted::Back { to: None },
            "validate" => DataWanted::Validate { query: what.to_owned() },
            "sign" => DataWanted::Sign { role: what.to_owned() },
            "ask_glass" => DataWanted::AskGlass,
            "break_glass" => DataWanted::BreakGlass,
            _ => return Err(invalid("act", "choose one of the buttons")),
        };
        let looks = matches!(wanted, DataWanted::Validate { .. }) && form.reason.trim().is_empty();
        let request = DataRequest {
            release: id,
            migration: form.migration.parse().map_err(|_| invalid("migration", "the form names none"))?,
            wanted,
            reason: if looks { "Looked at the data from the release's page".to_owned() } else { form.reason },
            expected_version: form.expected_version,
            idempotency_key: format!("{}:{}", form.idempotency_key, form.act),
        };
        let acted = self.service.move_data(caller, request).await?;
        Ok(ActDone {
            release: id.to_string(),
            version: unsigned(acted.version),
            decision: acted.decision.id.to_string(),
            leaf_index: unsigned(acted.decision.leaf_index),
        })
    }
}

/// Lines for "way back" and "what could go wrong".
pub(super) fn checks(seen: &[DataSeen]) -> Vec<CheckView> {
    let line = |seen: &DataSeen| {
        let bad = seen.migration.past_no_return();
        let tone = if bad { Tone::Stop } else { Tone::Plain };
        let name = &seen.migration.plan.name;
        let text = match PastNoReturn::of(&seen.migration) {
            Some(_) => format!("`{name}` is past its point of no return: going back is refused."),
            None => seen.migration.safety(),
        };
        CheckView { tone, icon: Icon::Data, text, ..CheckView::default() }
    };
    seen.iter().map(line).collect()
}

/// What everybody must know who looks at this release.
pub(super) fn notices(facts: &Facts, seen: &[DataSeen]) -> Vec<NoticeView> {
    let mut notices = Vec::new();
    for DataSeen { migration, .. } in seen {
        if let Some(glass) = &migration.broken {
            notices.push(NoticeView {
                tone: Tone::Stop,
                icon: Icon::Lock,
                title: "The glass is broken".to_owned(),
                text: glass.notice(),
                acts: vec![],
            });
        } else if facts.release.state.active() && migration.past_no_return() {
            notices.push(NoticeView {
                tone: Tone::Caution,
                icon: Icon::Data,
                title: "Past the point of no return".to_owned(),
                text: format!(
                    "Going back would lose data of `{}`. {}",
                    migration.plan.component, migration.plan.data_loss
                ),
                acts: vec![],
            });
        }
    }
    notices
}

/// Freeze and roll forward, as far as the release allows them now.
fn others(facts: &Facts) -> Vec<LinkView> {
    let (release, id) = (&facts.release, facts.release.id.to_string());
    let both = [(Verb::Freeze, ReleaseAct::Freeze), (Verb::Rollforward, ReleaseAct::Rollforward)];
    let possible = both.into_iter().filter(|(_, act)| table::allowed(&release.state, *act));
    possible.map(|(verb, _)| LinkView::new(path::act(&id, verb), verb.label())).collect()
}

/// Each phase with who entered it, and the line that is crossed once.
fn phases(migration: &Migration, now: Timestamp) -> Vec<StepView> {
    let mut steps = Vec::new();
    for phase in Phase::ALL.into_iter().skip(1) {
        let reached = phase <= migration.phase;
        let state = match reached {
            true if phase == migration.phase => StepState::Now,
            true => StepState::Done,
            false => StepState::Todo,
        };
        let entered = migration.moves.iter().rev().find(|moved| moved.to == phase).filter(|_| reached);
        let note = entered.map_or_else(String::new, |moved| {
            let forced = if moved.overridden.is_empty() { "" } else { ", overridden" };
            format!("{}{forced}: {}", moved.by, moved.reason)
        });
        let meta = entered.map(|moved| when(moved.at, now).shown).unwrap_or_default();
        let name = phase.label();
        let name = name[..1].to_uppercase() + &name[1..];
        steps.push(StepView { state, name, note, meta });
        if phase == migration.plan.last_safe {
            let name = "point of no return: beyond it going back loses data".to_owned();
            steps.push(StepView { state: StepState::NoReturn, name, note: String::new(), meta: String::new() });
        }
    }
    steps
}

fn queries(migration: &Migration, now: Timestamp) -> Vec<QueryView> {
    let line = |(name, query): (&String, &sternway_domain::migration::Validation)| {
        let result = migration.results.get(name);
        let at = result.map(|result| when(result.at, now));
        QueryView {
            name: name.clone(),
            sql: query.sql.clone(),
            wanted: query.expect.words(),
            good: result.map(|result| result.good),
            detail: result.map(|result| result.detail.clone()).unwrap_or_default(),
            at: at.map(|at| format!("{}, {}", at.shown, at.ago)).unwrap_or_default(),
        }
    };
    migration.plan.queries.iter().map(line).collect()
}

fn notes(migration: &Migration, now: Timestamp) -> Vec<String> {
    let signed = migration.signed.iter().map(|signed| {
        format!("Signed by {} as {}, {}: {}", signed.by, signed.role, when(signed.at, now).shown, signed.note)
    });
    let asked = migration.asked(now).map(|asked| {
        let at = when(asked.at, now).shown;
        format!(
            "**{} asked at {at} to break the glass**: {} A second person must confirm it within an hour.",
            asked.by,
            sentence(&asked.reason)
        )
    });
    signed.chain(asked).collect()
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}
