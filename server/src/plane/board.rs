//! The board: every release in a row, sorted by who needs a person.

use super::row::{Entry, Need};
use super::words::{NBSP, lasting, state_pill, when};
use super::{Plane, alarms, freezes, told};
use crate::service::{Caller, Live, Result, Service, decode};
use crate::store::rows::{DecisionFilter, ReleaseFilter};
use std::collections::HashMap;
use sternway_app::path;
use sternway_app::view::board::*;
use sternway_app::view::{Icon, StateView, Tone};
use sternway_domain::access::{self, Action};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::plan::grouped;
use sternway_domain::recovery::Aftermath;
use sternway_domain::release::{Release, State};
use sternway_domain::time::{Span, Timestamp};

const FINISHED_ROWS: usize = 12;

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
            notices: alarms::untold(&self.service, now).await?,
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
    let held = |aftermath: &Aftermath| -> Vec<_> {
        releases.iter().map(|release| (aftermath.hold_on(release), aftermath.keeps_off(release))).collect()
    };
    let held = service.with_aftermath(held).await?;
    let frozen = service.change_freezes().await?;
    let entries = releases.into_iter().zip(held).map(|(release, (hold, keeps_off))| Entry {
        live: live.remove(&release.id),
        traffic: if release.state.active() { traffic.remove(&release.service) } else { None },
        hold,
        keeps_off,
        frozen: freezes::of(&frozen, &release, now),
        release,
    });
    Ok(entries.collect())
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
    let mut ended: Vec<&Entry> = shown.iter().filter(|entry| entry.release.state.ended()).copied().collect();
    if ended.is_empty() {
        return None;
    }
    ended.sort_by_key(|entry| std::cmp::Reverse(entry.release.ended_at));
    let of = |state: &State| ended.iter().filter(|entry| entry.release.state == *state).count();
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
        rows: ended.iter().take(FINISHED_ROWS).map(|entry| finished_row(entry, now)).collect(),
        more: (more > 0)
            .then(|| sternway_app::view::LinkView::new("/decisions", format!("{more} more in the decision log"))),
    })
}

fn finished_row(entry: &Entry, now: Timestamp) -> FinishedRow {
    let release = &entry.release;
    let took = release.started_at.zip(release.ended_at).map(|(from, to)| to.since(from));
    let by = release.ended_by.clone().unwrap_or_default();
    FinishedRow {
        id: release.id.to_string(),
        service: release.service.to_string(),
        from: release.baseline.version.to_string(),
        to: release.candidate.version.to_string(),
        pill: state_pill(&release.state),
        what: sentences(took.map_or(by.clone(), |took| format!("In {} by {by}", lasting(took))), entry.keeps_off),
        at: when(release.ended_at.unwrap_or(release.created_at), now),
    }
}

/// With a full stop only where something follows.
fn sentences(what: String, keeps_off: bool) -> String {
    if keeps_off { format!("{}. Automation waits for a person.", what.trim_end_matches('.')) } else { what }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_ends_with_a_full_stop_gets_no_second_one() {
        for by in ["by automation: that is 66 ms.", "by automation: that is 66 ms"] {
            assert_eq!(sentences(by.into(), true), "by automation: that is 66 ms. Automation waits for a person.");
            assert_eq!(sentences(by.into(), false), by);
        }
    }
}
