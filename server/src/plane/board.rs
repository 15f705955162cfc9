//! The board: every release in a row, sorted by who needs a person.

use super::words::{NBSP, hold_cause, lasting, lower_first, percent, state_pill, verdict_pill, when};
use super::{Plane, told};
use crate::charts;
use crate::service::{Caller, Live, Result, Service, TrafficStatus, decode};
use crate::store::rows::{DecisionFilter, ReleaseFilter};
use std::collections::HashMap;
use sternway_app::path;
use sternway_app::view::act::Verb;
use sternway_app::view::board::*;
use sternway_app::view::{Icon, StateView, Tone};
use sternway_domain::access::{self, Action};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::{Metric, Mode, grouped};
use sternway_domain::release::{Release, ReleaseAct, State, table};
use sternway_domain::time::{Span, Timestamp};

const FINISHED_ROWS: usize = 12;

/// The four signals of every row.
const SIGNALS: [(&str, Metric); 4] = [
    ("Errors", Metric::Errors),
    ("p99", Metric::Latency(99)),
    ("Traffic", Metric::Traffic),
    ("Saturation", Metric::Saturation),
];

/// One release with everything a row says.
struct Entry {
    release: Release,
    live: Option<Live>,
    traffic: Option<TrafficStatus>,
}

/// In the order of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Person,
    Progressing,
    Waiting,
    Finished,
}

impl Plane {
    pub(super) async fn board_view(&self, caller: &Caller, filter: BoardFilter) -> Result<BoardView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let entries = read(&self.service, now).await?;
        let total = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let counts = counts(&entries, &filter, now);
        let shown: Vec<&Entry> = entries.iter().filter(|entry| entry.matches(&filter, now)).collect();
        let can = |act| caller.actor.role().is_some_and(|role| access::may(role, act));
        let mut groups = Vec::new();
        for (need, title) in
            [(Need::Person, "Needs a person"), (Need::Progressing, "Progressing"), (Need::Waiting, "Not started")]
        {
            let mut rows: Vec<&Entry> = shown.iter().filter(|entry| entry.need(now) == need).copied().collect();
            rows.sort_by_key(|entry| (entry.rank(), entry.release.created_at));
            if !rows.is_empty() {
                let rows = rows.into_iter().map(|entry| entry.row(now)).collect();
                groups.push(BoardGroup { title: title.to_owned(), rows });
            }
        }
        let finished = finished(&shown, now);
        let empty = (groups.is_empty() && finished.is_none()).then(|| nothing(total, can(Action::Create)));
        let newest = DecisionFilter { limit: 1, ..DecisionFilter::default() };
        let foot = match self.service.store.decisions(&newest).await?.first() {
            Some(decision) => format!("Times in UTC. Log at entry {}.", grouped(decision.leaf_index)),
            None => "Times in UTC. The log is empty.".to_owned(),
        };
        let why_not = access::authorise(&caller.actor, Action::Create).err().map(|denied| told(&denied.to_string()));
        Ok(BoardView {
            at: when(now, now),
            filter,
            counts,
            total,
            groups,
            finished,
            empty,
            can_create: why_not.is_none(),
            why_not_create: why_not,
            foot,
        })
    }
}

/// Active and waiting releases, and what ended within a day.
async fn read(service: &Service, now: Timestamp) -> Result<Vec<Entry>> {
    const DAY: Span = Span::from_secs(86_400);
    let ended =
        ReleaseFilter { active: Some(false), updated_since: Some(now - DAY), limit: 1_000, ..ReleaseFilter::default() };
    let active = ReleaseFilter { active: Some(true), limit: 1_000, ..ReleaseFilter::default() };
    let mut rows = service.store.releases(&active).await?;
    rows.extend(service.store.releases(&ended).await?);
    let releases = rows.iter().map(|row| decode("release", &row.body)).collect::<Result<Vec<Release>>>()?;
    let ids: Vec<ReleaseId> = releases.iter().filter(|r| r.state.active()).map(|r| r.id).collect();
    let mut live: HashMap<ReleaseId, Live> = HashMap::new();
    for (id, body) in service.store.live(&ids).await? {
        live.insert(id, decode("live summary", &body)?);
    }
    // At most one release of a service is active, so each status is taken once.
    let names: Vec<ServiceName> = releases.iter().filter(|r| r.state.active()).map(|r| r.service.clone()).collect();
    let mut traffic = service.traffic_statuses(&names).await?;
    let entries = releases.into_iter().map(|release| Entry {
        live: live.remove(&release.id),
        traffic: if release.state.active() { traffic.remove(&release.service) } else { None },
        release,
    });
    Ok(entries.collect())
}

impl Entry {
    fn verdict(&self) -> Option<VerdictKind> {
        let current = self.release.state.stage().is_some();
        self.live.as_ref().filter(|_| current).map(|live| live.verdict.kind)
    }

    fn alarm(&self, now: Timestamp) -> bool {
        self.traffic.as_ref().is_some_and(|traffic| traffic.alarm(now))
    }

    fn need(&self, now: Timestamp) -> Need {
        let release = &self.release;
        if release.state.ended() {
            return Need::Finished;
        }
        let automatic = release.plan.mode == Mode::Automatic;
        let baked = release.bake_left(now) == Some(Span::ZERO);
        match (&release.state, self.verdict()) {
            _ if self.alarm(now) => Need::Person,
            (State::Draft | State::Ready, _) => Need::Waiting,
            (State::Holding { .. } | State::Frozen { .. } | State::PartiallyRolledBack, _) => Need::Person,
            (State::Running { .. }, Some(VerdictKind::Suspect | VerdictKind::Fail)) => Need::Person,
            (State::Running { .. }, Some(VerdictKind::Pass)) if !automatic && baked => Need::Person,
            _ => Need::Progressing,
        }
    }

    /// Within a group: what is worse comes first.
    fn rank(&self) -> u8 {
        match (&self.release.state, self.verdict()) {
            (_, Some(VerdictKind::Fail)) => 0,
            (_, Some(VerdictKind::Suspect)) => 1,
            (State::RollingBack, _) => 2,
            (State::Holding { .. }, _) => 3,
            (State::Frozen { .. }, _) => 4,
            _ => 5,
        }
    }

    fn matches(&self, filter: &BoardFilter, now: Timestamp) -> bool {
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

    fn row(&self, now: Timestamp) -> BoardRow {
        let release = &self.release;
        let verdict = self.verdict();
        let (pill, says, why) = self.says(now);
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
            can_promote: table::allowed(&release.state, ReleaseAct::Promote),
            can_roll_back: table::allowed(&release.state, ReleaseAct::Rollback),
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

    /// What happens by itself, and when.
    fn outlook(&self, verdict: VerdictKind, now: Timestamp) -> String {
        let release = &self.release;
        let left = release.bake_left(now).unwrap_or_default();
        let next = release.state.stage().and_then(|stage| release.plan.stage(stage + 1));
        let next = next.map_or_else(|| "done".to_owned(), |stage| percent(stage.weight.percent()));
        let automatic = release.plan.mode == Mode::Automatic;
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
            (State::Running { .. }, Some(VerdictKind::Pass)) if baked && release.plan.mode != Mode::Automatic => {
                to(ActStyle::Main, None, "Promote", Verb::Promote)
            }
            (State::Running { .. }, Some(VerdictKind::Pass)) => to(ActStyle::Plain, None, "Promote now", Verb::Promote),
            (State::Ready, _) => to(ActStyle::Plain, None, "Start", Verb::Start),
            _ => open(),
        }
    }
}

/// A row has room for one thought: `If it stays like this, fails in about 20 s.` → `fails in about 20 s`.
fn outlook_of(next: &str) -> String {
    let first = next.split(':').next().unwrap_or_default().trim_end_matches('.');
    lower_first(first.strip_prefix("If it stays like this, ").unwrap_or(first))
}

/// `Errors 0.31 % against 0.10 %: 3.1x.`
fn first_sentence(text: &str) -> String {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.').to_owned()
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

fn counts(entries: &[Entry], filter: &BoardFilter, now: Timestamp) -> Vec<CountView> {
    let count = |keep: &dyn Fn(&Entry) -> bool| entries.iter().filter(|entry| keep(entry)).count();
    let view = |number: usize, label: &str, wide: &str, icon, tone, query: &str, current| CountView {
        count: u32::try_from(number).unwrap_or(u32::MAX),
        label: label.to_owned(),
        wide: wide.to_owned(),
        icon,
        tone,
        href: if current { path::BOARD.to_owned() } else { format!("/?{query}") },
        current,
    };
    let state = |name: &str| BoardFilter { state: name.to_owned(), ..BoardFilter::default() };
    let of = |name: &str| count(&|entry: &Entry| entry.matches(&state(name), now));
    vec![
        view(
            count(&|entry: &Entry| entry.need(now) == Need::Person),
            "needs you",
            "",
            Icon::Person,
            Tone::Accent,
            "need=you",
            filter.need == "you",
        ),
        view(of("suspect"), "suspect", "", Icon::Suspect, Tone::Caution, "state=suspect", filter.state == "suspect"),
        view(of("holding"), "holding", "", Icon::Hold, Tone::Hold, "state=holding", filter.state == "holding"),
        view(
            of("progressing"),
            "progressing",
            "",
            Icon::Promote,
            Tone::Plain,
            "state=progressing",
            filter.state == "progressing",
        ),
        view(
            of("finished"),
            "finished",
            " today",
            Icon::Pass,
            Tone::Plain,
            "state=finished",
            filter.state == "finished",
        ),
    ]
}

fn finished(shown: &[&Entry], now: Timestamp) -> Option<FinishedGroup> {
    let mut ended: Vec<&Release> = shown.iter().map(|e| &e.release).filter(|release| release.state.ended()).collect();
    if ended.is_empty() {
        return None;
    }
    ended.sort_by_key(|release| std::cmp::Reverse(release.ended_at));
    let of = |state: &State| ended.iter().filter(|release| release.state == *state).count();
    let parts = [
        (of(&State::Promoted), "promoted"),
        (of(&State::RolledBack), "rolled back"),
        (of(&State::Cancelled), "cancelled"),
    ];
    let note: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n}{NBSP}{what}")).collect();
    let more = ended.len().saturating_sub(FINISHED_ROWS);
    Some(FinishedGroup {
        title: "Finished today".to_owned(),
        count: u32::try_from(ended.len()).unwrap_or(u32::MAX),
        note: note.join(", "),
        rows: ended.iter().take(FINISHED_ROWS).map(|release| finished_row(release, now)).collect(),
        more: (more > 0)
            .then(|| sternway_app::view::LinkView::new("/decisions", format!("{more} more in the decision log"))),
    })
}

fn finished_row(release: &Release, now: Timestamp) -> FinishedRow {
    let took = release.started_at.zip(release.ended_at).map(|(from, to)| to.since(from));
    let by = release.ended_by.clone().unwrap_or_default();
    FinishedRow {
        id: release.id.to_string(),
        service: release.service.to_string(),
        from: release.baseline.version.to_string(),
        to: release.candidate.version.to_string(),
        pill: state_pill(&release.state),
        what: took.map_or(by.clone(), |took| format!("In {} by {by}", lasting(took))),
        at: when(release.ended_at.unwrap_or(release.created_at), now),
    }
}

fn nothing(total: u32, can_create: bool) -> StateView {
    if total > 0 {
        return StateView {
            icon: Icon::Search,
            title: "No release matches this filter".to_owned(),
            text: format!("{total} releases are not shown."),
            acts: vec![sternway_app::view::LinkView::new(path::BOARD, "Show all")],
            ..StateView::default()
        };
    }
    let acts =
        if can_create { vec![sternway_app::view::LinkView::new(path::NEW_RELEASE, "New release")] } else { vec![] };
    StateView {
        icon: Icon::Promote,
        title: "No release yet".to_owned(),
        text: "Apply a service and a plan, then create the first release here or with `sternway release create`."
            .to_owned(),
        acts,
        ..StateView::default()
    }
}
