//! The page of one release.

use super::buttons::acts;
use super::traffic::{flow, marks, track};
use super::words::{NBSP, capital, change, hold_cause, leaf_link, percent, state_pill, verdict_pill, when};
use super::{Plane, aftermath, alarms, data, explain, freezes, panels, signals};
use crate::service::{Caller, Course, Result, TickBody, TrafficStatus, decode};
use crate::store::rows::{DecisionFilter, EventRow};
use std::collections::HashMap;
use sternway_app::path;
use sternway_app::view::release::*;
use sternway_app::view::{ChangeView, Icon, LinkView, NoticeView, Or, StateView, Tone};
use sternway_domain::access::{self, Action};
use sternway_domain::change_freeze::ChangeFreeze;
use sternway_domain::id::{DecisionId, ReleaseId};
use sternway_domain::judge::{Verdict, VerdictKind};
use sternway_domain::plan::{Mode, grouped};
use sternway_domain::recovery::{AutomationHold, WayBack};
use sternway_domain::release::{Event, Release, State};
use sternway_domain::signal::Source;
use sternway_domain::time::{Span, Timestamp};

/// Lines of the timeline before "all decisions of this release".
const TIMELINE_ROWS: usize = 40;

/// Everything the page is made from, read once.
pub(super) struct Facts {
    pub(super) release: Release,
    pub(super) now: Timestamp,
    /// Of two sources, as the one saw them whose verdict rules now.
    pub(super) ticks: Vec<TickBody>,
    /// What was said of the newest tick; of two sources, of both.
    pub(super) newest: Option<Verdict>,
    pub(super) traffic: Option<TrafficStatus>,
    /// Why rules keep their hands off this release.
    pub(super) hold: Option<AutomationHold>,
    /// Whether they keep their hands off others because of this one.
    pub(super) keeps_off: bool,
    /// How it went back, if it did.
    pub(super) back: Option<WayBack>,
    /// All there are.
    pub(super) freezes: Vec<ChangeFreeze>,
}

impl Facts {
    /// The newest verdict, if it was given for the stage the release is in.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        let note = self.release.current_verdict()?;
        self.newest.as_ref().filter(|verdict| verdict.kind == note.kind)
    }
}

impl Plane {
    pub(super) async fn facts(&self, caller: &Caller, id: ReleaseId) -> Result<Facts> {
        let release = self.service.release(caller, id).await?;
        let now = self.service.clock.now();
        let end = release.ended_at.map_or(now, |ended| (ended + Span::from_secs(60)).min(now));
        let ticks = self.service.tick_bodies(id, end - crate::service::CHART_SPAN).await?;
        let newest = ticks.last().map(|body| body.verdict.clone());
        let ticks = TickBody::as_ruled(ticks);
        let active = release.state.active();
        let traffic = if active { self.service.traffic_status(&release.service).await? } else { None };
        let (hold, keeps_off) = self
            .service
            .with_aftermath(|aftermath| (aftermath.hold_on(&release), aftermath.keeps_off(&release)))
            .await?;
        let back = self.service.way_back(caller, &release).await?;
        let freezes = self.service.change_freezes().await?;
        Ok(Facts { release, now, ticks, newest, traffic, hold, keeps_off, back, freezes })
    }

    pub(super) async fn release_view(
        &self,
        caller: &Caller,
        id: ReleaseId,
        done: Option<DecisionId>,
    ) -> Result<ReleaseView> {
        let facts = self.facts(caller, id).await?;
        let (timeline, more) = self.timeline(&facts).await?;
        let release = &facts.release;
        let seen = self.service.data(caller, id).await?;
        let course = self
            .service
            .course(release, &facts.ticks, facts.newest.as_ref().map_or(Source::First, Verdict::rules))
            .await?;
        let course = course.as_ref();
        let stage = release.state.stage();
        let of = release.plan.stages.len();
        let place = stage.map_or_else(String::new, |stage| format!(", stage {} of {of}", stage + 1));
        let state = release.state.label();
        let state = state[..1].to_uppercase() + &state[1..];
        let cause = match &release.state {
            State::Holding { cause, .. } => format!(": {}", hold_cause(cause)),
            _ => String::new(),
        };
        let by = match (&release.started_by, release.started_at) {
            (Some(by), Some(at)) => format!("Started by {by} at {}", at.clock()),
            _ => format!("Created by {} at {}", release.created_by, release.created_at.clock()),
        };
        let told: Vec<NoticeView> = alarms::told(&self.service, release.id, facts.now).await?.into_iter().collect();
        Ok(ReleaseView {
            id: release.id.to_string(),
            version: unsigned(release.version),
            at: when(facts.now, facts.now),
            service: release.service.to_string(),
            from: release.baseline.version.to_string(),
            to: release.candidate.version.to_string(),
            summary: format!("{state}{place}{cause}. {by}, {} mode.", mode(release.plan.mode)),
            state: state_pill(&release.state),
            plan: LinkView::new(
                path::service(release.service.as_str()),
                format!("{} v{}", release.plan_ref.name, release.plan_ref.version),
            ),
            toast: self.toast(done, &facts).await?,
            notices: [told, notices(&facts), data::notices(&facts, &seen)].concat(),
            acts: acts(caller, &facts),
            marks: marks(&facts),
            track: track(&facts),
            flow: flow(&facts),
            verdict: self.verdict_panel(&facts, course),
            // After the end too: what was read stays.
            explained: facts
                .newest
                .as_ref()
                .map(|verdict| explain::explained(&release.plan, verdict, course, &signals::stages(release))),
            signals: signals::panel(&facts, course),
            timeline,
            timeline_more: more,
            runbook: self.runbook_panel(&facts).await?,
            way_back: panels::way_back(&facts, data::checks(&seen)),
            checklist: panels::checklist(self, caller, &facts),
            saga: self.saga_panel(caller, &facts).await?,
            data: self.data_panels(caller, &facts, &seen),
        })
    }

    async fn timeline(&self, facts: &Facts) -> Result<(Vec<ChangeView>, Option<LinkView>)> {
        let release = &facts.release;
        let rows = self.service.store.events(release.id, 0).await?;
        let filter = DecisionFilter { release: Some(release.id), acts: true, limit: 200, ..DecisionFilter::default() };
        let decisions = self.service.store.decisions(&filter).await?;
        let leaves: HashMap<DecisionId, i64> = decisions.iter().map(|row| (row.id, row.leaf_index)).collect();
        let mut timeline = Vec::new();
        // A verdict is stored a moment after its tick: newest first means by time, then by order.
        let mut newest: Vec<&EventRow> = rows.iter().rev().collect();
        newest.sort_by_key(|row| std::cmp::Reverse(row.at));
        for row in newest.into_iter().take(TIMELINE_ROWS) {
            let event: Event = decode("event", &row.body)?;
            let acted = !matches!(event, Event::StageEntered { .. } | Event::Completed { .. });
            let leaf = row.decision.filter(|_| acted);
            let leaf = leaf.and_then(|id| Some(leaf_link(&id.to_string(), *leaves.get(&id)?)));
            timeline.push(change(release, &event, leaf, facts.now));
        }
        let all = LinkView::new(path::decisions_of(&release.id.to_string()), "All decisions of this release");
        Ok((timeline, Some(all)))
    }

    async fn toast(&self, done: Option<DecisionId>, facts: &Facts) -> Result<Option<ToastView>> {
        let Some(id) = done else { return Ok(None) };
        let Some(decision) = self.service.store.decision(id).await? else { return Ok(None) };
        if decision.release != Some(facts.release.id) {
            return Ok(None);
        }
        let waiting =
            if facts.release.state.active() && !facts.release.confirmed() { " Waiting for the proxy." } else { "" };
        let verb = decision.action.replace('_', " ");
        let entry = self.service.entry(&decision).await.ok();
        let effect = entry.as_ref().and_then(|entry| entry.effects.first());
        let text = match effect.filter(|_| matches!(verb.as_str(), "move data" | "break glass")) {
            Some(effect) => format!("Written down {}: {effect}.", decision.at.clock()),
            None => format!("Asked {}: {verb} {}.{waiting}", decision.at.clock(), facts.release.service),
        };
        Ok(Some(ToastView {
            text,
            link: Some(LinkView::new(
                path::decision(&id.to_string()),
                format!("Decision {}", grouped(decision.leaf_index)),
            )),
        }))
    }

    fn verdict_panel(&self, facts: &Facts, course: Option<&Course>) -> Or<VerdictView> {
        let release = &facts.release;
        let Some(verdict) = facts.verdict() else { return Or::Instead(no_verdict(release)) };
        let note = release.current_verdict();
        let marked = |text: &str| text.to_owned();
        Or::Shown(VerdictView {
            pill: verdict_pill(verdict.kind),
            since: note.map(|note| when(note.since, facts.now)),
            sentence: marked(&verdict.sentence),
            next: marked(&verdict.next),
            estimate: explain::estimate(&release.plan, verdict),
            meters: explain::meters(&release.plan, verdict),
            advice: advice(facts, verdict),
            chart: signals::deciding(facts, verdict, course),
        })
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Manual => "manual",
        Mode::Assisted => "assisted",
        Mode::Automatic => "automatic",
    }
}

pub(super) fn unsigned(version: i64) -> u64 {
    u64::try_from(version).unwrap_or_default()
}

fn no_verdict(release: &Release) -> StateView {
    let (icon, title, text) = match &release.state {
        State::Draft => (Icon::Clock, "Not started", "Complete the checklist, then start."),
        State::Ready => (Icon::Clock, "Not started", "Nothing is judged before the first traffic."),
        State::Starting => (Icon::Clock, "Being deployed", "Nothing is judged before the first traffic."),
        State::Promoted => (Icon::Pass, "The candidate is the new baseline", "It is no longer judged."),
        State::RollingBack if release.saga.is_some() => {
            (Icon::Rollback, "Rolling back", "It counts as rolled back when every step is done and recovery is proven.")
        }
        State::RollingBack => {
            (Icon::Rollback, "Rolling back", "Waiting until the proxy reports all traffic on the baseline.")
        }
        State::RollingForward => {
            (Icon::Rollforward, "Rolling forward", "The hotfix is judged from the moment it is in place.")
        }
        // As releases ended once that went back only in part.
        State::RolledBack if release.back.as_ref().is_some_and(|back| back.only.is_some()) => {
            (Icon::Suspect, "A part went back", "The rest stayed with its candidates; the steps say what went back.")
        }
        State::RolledBack => (Icon::Pass, "All traffic is on the baseline", "As the proxy reports."),
        State::PartiallyRolledBack => (
            Icon::Suspect,
            "Some of it is back",
            "The steps say what is not. Roll back again, or put it right by hand.",
        ),
        _ if !release.judged() => (
            Icon::Insufficient,
            "Nothing is judged",
            "The service whose signals were judged went back. What stays keeps its traffic until it goes back too.",
        ),
        State::Cancelled => (Icon::Close, "It was never started", "No traffic moved."),
        _ => (Icon::Insufficient, "No verdict yet", "The first reading is on its way."),
    };
    let why = release.ended_by.as_ref().map(|by| format!(" Ended by {by}")).unwrap_or_default();
    StateView { tone: Tone::Plain, icon, title: title.to_owned(), text: format!("{text}{why}"), acts: vec![] }
}

fn notices(facts: &Facts) -> Vec<NoticeView> {
    let mut notices: Vec<NoticeView> =
        [aftermath::times(facts), aftermath::part(facts), aftermath::notice(facts), freezes::notice(facts)]
            .into_iter()
            .flatten()
            .collect();
    if let Some(traffic) = facts.traffic.as_ref().filter(|traffic| traffic.alarm(facts.now)) {
        let since = traffic.disagree_since.unwrap_or(facts.now);
        let observed = traffic.observed.map_or_else(|| "nothing".to_owned(), |w| percent(w.percent()));
        let why = traffic.failure.clone().map(|failure| format!(" {failure}.")).unwrap_or_default();
        notices.push(NoticeView {
            tone: Tone::Stop,
            icon: Icon::ProviderDown,
            title: "Traffic is not what was asked".to_owned(),
            text: format!(
                "Asked **{}**, the proxy last reported **{observed}**, for {}.{why} Sternway keeps asking.",
                percent(traffic.asked.percent()),
                facts.now.since(since).clock(),
            ),
            acts: vec![],
        });
    }
    if let State::Holding { cause, .. } = &facts.release.state {
        let held = facts.release.held_since.map_or(Span::ZERO, |since| facts.now.since(since));
        notices.push(NoticeView {
            tone: Tone::Hold,
            icon: Icon::Hold,
            title: format!("Holding for {}", held.clock()),
            text: format!("{}. Traffic stays where it is.", capital(&hold_cause(cause))),
            acts: vec![],
        });
    }
    notices
}

fn advice(facts: &Facts, verdict: &Verdict) -> Option<AdviceView> {
    let release = &facts.release;
    let by_itself = release.plan.mode == Mode::Automatic && facts.hold.is_none();
    let baked = release.bake_left(facts.now) == Some(Span::ZERO);
    let frozen = freezes::of(&facts.freezes, release, facts.now);
    match (verdict.kind, frozen) {
        (VerdictKind::Pass, Some(frozen)) if baked => Some(AdviceView {
            icon: Icon::Freeze,
            tone: Tone::Hold,
            title: "Recommended: wait for the end of the change freeze.".to_owned(),
            text: format!("Every guard passes; frozen {}.", frozen.ends(facts.now)),
        }),
        (VerdictKind::Fail | VerdictKind::Suspect, _) => Some(AdviceView {
            icon: Icon::Rollback,
            tone: Tone::Stop,
            title: format!("Recommended: roll back to {}.", release.baseline.version),
            text: room(facts),
        }),
        (VerdictKind::Pass, _) if baked && !by_itself => Some(AdviceView {
            icon: Icon::Promote,
            tone: Tone::Go,
            title: "Recommended: promote.".to_owned(),
            text: "Every guard passes and the bake time is over.".to_owned(),
        }),
        (VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError, _) => Some(AdviceView {
            icon: Icon::Hold,
            tone: Tone::Hold,
            title: "Recommended: wait, and look at the source.".to_owned(),
            text: "Without readings Sternway neither promotes nor rolls back. Traffic stays.".to_owned(),
        }),
        _ => None,
    }
}

/// Whether the baseline can take all traffic, as far as is known.
fn room(facts: &Facts) -> String {
    let ready = facts.traffic.as_ref().and_then(|traffic| traffic.baseline_ready);
    match ready {
        Some(0) => "**Careful: the proxy reports no ready instance of the baseline.**".to_owned(),
        Some(n) => format!("{n}{NBSP}instances of {} are ready to take all traffic.", facts.release.baseline.version),
        None => "The proxy does not tell how many instances of the baseline are ready.".to_owned(),
    }
}

impl Plane {
    pub(super) fn may(&self, caller: &Caller, action: Action) -> bool {
        access::authorise(&caller.actor, action).is_ok()
    }
}
