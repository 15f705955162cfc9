//! One release as a row of the board: what it needs, what it says, what to press.

use super::freezes;
use super::words::{first_sentence, hold_cause, lasting, outlook_of, percent, state_pill, verdict_pill};
use crate::charts;
use crate::service::{Live, TrafficStatus};
use sternway_app::path;
use sternway_app::view::Icon;
use sternway_app::view::act::Verb;
use sternway_app::view::board::*;
use sternway_domain::change_freeze::Frozen;
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::{Metric, Mode};
use sternway_domain::recovery::AutomationHold;
use sternway_domain::release::{Release, ReleaseAct, State};
use sternway_domain::time::{Span, Timestamp};

/// The four signals of every row.
const SIGNALS: [(&str, Metric); 4] = [
    ("Errors", Metric::Errors),
    ("p99", Metric::Latency(99)),
    ("Traffic", Metric::Traffic),
    ("Saturation", Metric::Saturation),
];

/// Said of what rules have to leave alone.
const AUTOMATION_OFF: &str = "Automation is off since a rollback";

/// One release with everything a row says.
pub(super) struct Entry {
    pub(super) release: Release,
    pub(super) live: Option<Live>,
    pub(super) traffic: Option<TrafficStatus>,
    /// Why rules keep their hands off it.
    pub(super) hold: Option<AutomationHold>,
    /// Whether they keep their hands off others because of it.
    pub(super) keeps_off: bool,
    /// What keeps it from going further.
    pub(super) frozen: Option<Frozen>,
}

/// In the order of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Person,
    Progressing,
    Waiting,
    Finished,
}

impl Entry {
    pub(super) fn verdict(&self) -> Option<VerdictKind> {
        let current = self.release.state.stage().is_some();
        self.live.as_ref().filter(|_| current).map(|live| live.verdict.kind)
    }

    pub(super) fn alarm(&self, now: Timestamp) -> bool {
        self.traffic.as_ref().is_some_and(|traffic| traffic.alarm(now))
    }

    /// Whether rules act on it.
    fn automatic(&self) -> bool {
        self.release.plan.mode == Mode::Automatic && self.hold.is_none()
    }

    pub(super) fn need(&self, now: Timestamp) -> Need {
        let release = &self.release;
        if release.state.ended() {
            return Need::Finished;
        }
        let automatic = self.automatic();
        let baked = release.bake_left(now) == Some(Span::ZERO);
        match (&release.state, self.verdict()) {
            _ if self.alarm(now) => Need::Person,
            (State::Draft | State::Ready, _) => Need::Waiting,
            (State::Holding { .. } | State::Frozen { .. } | State::PartiallyRolledBack, _) => Need::Person,
            (State::Running { .. }, Some(VerdictKind::Suspect | VerdictKind::Fail)) => Need::Person,
            (State::Running { .. }, Some(VerdictKind::Pass)) if !automatic && baked && self.frozen.is_none() => {
                Need::Person
            }
            _ => Need::Progressing,
        }
    }

    /// Within a group: what is worse comes first.
    pub(super) fn rank(&self) -> u8 {
        match (&self.release.state, self.verdict()) {
            (_, Some(VerdictKind::Fail)) => 0,
            (_, Some(VerdictKind::Suspect)) => 1,
            (State::RollingBack, _) => 2,
            (State::Holding { .. }, _) => 3,
            (State::Frozen { .. }, _) => 4,
            _ => 5,
        }
    }

    pub(super) fn matches(&self, filter: &BoardFilter, now: Timestamp) -> bool {
        let state = self.release.state.as_str();
        let by_state = match filter.state.as_str() {
            "" => true,
            "suspect" => matches!(self.verdict(), Some(VerdictKind::Suspect | VerdictKind::Fail)),
            "holding" => matches!(self.release.state, State::Holding { .. } | State::Frozen { .. }),
            "progressing" => self.need(now) == Need::Progressing,
            "finished" => self.need(now) == Need::Finished,
            other => other == state,
        };
        let by_need = filter.need != "you" || self.need(now) == Need::Person;
        let wanted = filter.q.trim().to_lowercase();
        let release = &self.release;
        let haystack = [
            release.service.as_str(),
            release.baseline.version.as_str(),
            release.candidate.version.as_str(),
            &release.created_by,
        ];
        by_state && by_need && (wanted.is_empty() || haystack.iter().any(|text| text.to_lowercase().contains(&wanted)))
    }

    pub(super) fn row(&self, now: Timestamp) -> BoardRow {
        let release = &self.release;
        let verdict = self.verdict();
        let (pill, mut says, mut why) = self.says(now);
        let failing = verdict == Some(VerdictKind::Fail);
        if let Some(frozen) = self.frozen.as_ref().filter(|_| !failing) {
            why = format!("{}. {why}", freezes::title(frozen, now));
            if verdict == Some(VerdictKind::Pass) || release.state == State::Ready {
                says = "waits for the freeze to end".to_owned();
            }
        }
        BoardRow {
            id: release.id.to_string(),
            service: release.service.to_string(),
            from: release.baseline.version.to_string(),
            to: release.candidate.version.to_string(),
            edge: match (&release.state, verdict) {
                (State::Holding { .. } | State::Frozen { .. }, _) => Edge::Hold,
                (_, Some(VerdictKind::Fail)) | (State::RollingBack | State::PartiallyRolledBack, _) => Edge::Stop,
                (_, Some(VerdictKind::Suspect)) => Edge::Caution,
                _ if self.need(now) == Need::Person => Edge::Need,
                _ => Edge::Go,
            },
            pill,
            says,
            why,
            stages: mini_track(release, now),
            share: release.asked.as_ref().map_or_else(|| "–".to_owned(), |asked| percent(asked.weight.percent())),
            clock: clock(release, now),
            signals: SIGNALS.iter().map(|(label, metric)| self.cell(label, metric)).collect(),
            act: self.act(now),
            can_promote: release.possible(ReleaseAct::Promote),
            can_roll_back: release.possible(ReleaseAct::Rollback),
        }
    }

    /// Pill, what happens next, and why.
    fn says(&self, now: Timestamp) -> (sternway_app::view::PillView, String, String) {
        let release = &self.release;
        let verdict = self.live.as_ref().filter(|_| release.state.stage().is_some()).map(|live| &live.verdict);
        let held = || release.held_since.map_or_else(String::new, |since| format!("held {}", now.since(since).clock()));
        if let Some(traffic) = self.traffic.as_ref().filter(|traffic| traffic.alarm(now)) {
            let asked = format!("asked {}, not confirmed", percent(traffic.asked.percent()));
            let why = traffic.failure.clone().unwrap_or_else(|| "The proxy reports something else.".to_owned());
            return (state_pill(&release.state), asked, why);
        }
        match (&release.state, verdict) {
            (State::Holding { cause, .. }, Some(verdict)) if verdict.kind != VerdictKind::Pass => {
                (verdict_pill(verdict.kind), held(), format!("Holding: {}", hold_cause(cause)))
            }
            (State::Holding { cause, .. }, _) => {
                (state_pill(&release.state), held(), format!("Holding: {}", hold_cause(cause)))
            }
            (State::Running { .. }, Some(verdict)) => {
                let why = first_sentence(&verdict.sentence);
                let why = if self.waits_for_resumption() { format!("{AUTOMATION_OFF}. {why}") } else { why };
                (verdict_pill(verdict.kind), self.outlook(verdict.kind, now), why)
            }
            (State::Running { .. }, None) => {
                (state_pill(&release.state), "waiting for the first reading".to_owned(), release.note.clone())
            }
            (State::Draft, _) => {
                let open = release.checklist.as_ref().map_or(0, |checklist| checklist.open());
                (state_pill(&release.state), format!("{open} checklist items open"), release.note.clone())
            }
            _ => (state_pill(&release.state), String::new(), release.ended_by.clone().unwrap_or(release.note.clone())),
        }
    }

    /// Whether its rules would act, were it not for an earlier rollback.
    fn waits_for_resumption(&self) -> bool {
        self.release.plan.mode == Mode::Automatic && self.hold.is_some()
    }

    /// What happens by itself, and when.
    fn outlook(&self, verdict: VerdictKind, now: Timestamp) -> String {
        let release = &self.release;
        let left = release.bake_left(now).unwrap_or_default();
        let next = release.state.stage().and_then(|stage| release.plan.stage(stage + 1));
        let next = next.map_or_else(|| "done".to_owned(), |stage| percent(stage.weight.percent()));
        let automatic = self.automatic();
        match verdict {
            VerdictKind::Pass if left > Span::ZERO && automatic => format!("{next} in {}", lasting(left)),
            VerdictKind::Pass if left > Span::ZERO => format!("bakes {} more", lasting(left)),
            VerdictKind::Pass if automatic => format!("{next} next"),
            VerdictKind::Pass => "waits for you".to_owned(),
            VerdictKind::Fail if automatic => "rolls back now".to_owned(),
            VerdictKind::Fail => "waits for you".to_owned(),
            _ => self.live.as_ref().map(|live| outlook_of(&live.verdict.next)).unwrap_or_default(),
        }
    }

    fn cell(&self, label: &str, metric: &Metric) -> SignalCell {
        let none = || SignalCell { label: label.to_owned(), now: "–".to_owned(), ..SignalCell::default() };
        let Some(live) = &self.live else { return none() };
        let finding = live.verdict.guards.iter().find(|finding| finding.metric == *metric);
        let guard = self.release.plan.guards.iter().find(|guard| guard.metric == *metric);
        let point = live.points.last();
        let canary = finding.and_then(|f| f.canary).or_else(|| point.and_then(|p| p.canary.get(metric).copied()));
        let baseline = finding.and_then(|f| f.baseline).or_else(|| point.and_then(|p| p.baseline.get(metric).copied()));
        let blind =
            matches!(live.verdict.kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError);
        let Some(canary) = canary.filter(|_| !blind) else {
            let was = live.points.iter().rev().find_map(|point| point.canary.get(metric));
            let base = was.map(|was| format!("was {}", metric.show(*was))).unwrap_or_default();
            return SignalCell { base, ..none() };
        };
        SignalCell {
            label: label.to_owned(),
            now: metric.show(canary),
            base: baseline.map(|value| metric.show(value)).unwrap_or_default(),
            off: finding.is_some_and(|f| matches!(f.kind, VerdictKind::Fail | VerdictKind::Suspect)),
            spark: charts::spark(&live.points, metric, guard),
        }
    }

    fn act(&self, now: Timestamp) -> RowAct {
        let release = &self.release;
        let id = release.id.to_string();
        let open = || RowAct { label: "Open".to_owned(), href: path::release(&id), ..RowAct::default() };
        let to = |style, icon, label: &str, verb: Verb| RowAct {
            style,
            icon,
            label: label.to_owned(),
            href: path::act(&id, verb),
            verb: Some(verb.as_str().to_owned()),
        };
        let baked = release.bake_left(now) == Some(Span::ZERO);
        match (&release.state, self.verdict()) {
            (State::Running { .. } | State::Holding { .. }, Some(VerdictKind::Fail | VerdictKind::Suspect)) => {
                to(ActStyle::Stop, Some(Icon::Rollback), "Roll back", Verb::Rollback)
            }
            (State::Running { .. } | State::Ready, Some(VerdictKind::Pass) | None) if self.frozen.is_some() => open(),
            (State::Running { .. }, Some(VerdictKind::Pass)) if baked && !self.automatic() => {
                to(ActStyle::Main, None, "Promote", Verb::Promote)
            }
            (State::Running { .. }, Some(VerdictKind::Pass)) => to(ActStyle::Plain, None, "Promote now", Verb::Promote),
            (State::Ready, _) => to(ActStyle::Plain, None, "Start", Verb::Start),
            _ => open(),
        }
    }
}

/// The small stage track.
pub(super) fn mini_track(release: &Release, now: Timestamp) -> Vec<MiniStage> {
    let at = release.state.stage();
    let done = matches!(release.state, State::Promoted);
    let stages = release.plan.stages.iter().enumerate().map(|(i, stage)| {
        let current = at.map(usize::from) == Some(i);
        let baked = release.baked(now).secs_f64() / stage.bake.secs_f64().max(1e-9);
        MiniStage {
            percent: stage.weight.percent(),
            done: done || at.is_some_and(|at| i < usize::from(at)),
            now: current.then_some(baked.clamp(0.05, 1.0)),
        }
    });
    stages.collect()
}

fn clock(release: &Release, now: Timestamp) -> String {
    let Some(stage) = release.state.stage().and_then(|stage| release.plan.stage(stage)) else {
        return release.state.label();
    };
    let baked = Span::from_secs(release.baked(now).secs());
    if release.held_since.is_some() {
        format!("held at {}", baked.clock())
    } else if baked >= stage.bake {
        format!("{} baked", stage.bake.clock())
    } else {
        format!("{} of {}", baked.clock(), stage.bake.clock())
    }
}
