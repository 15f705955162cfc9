//! One release: how far it is, what its signals mean, what may be done.

use super::{param, query, title};
use crate::api::Ask;
use crate::components::acts::{acts, reach};
use crate::components::chart::{Size, chart};
use crate::components::checklist::checklist;
use crate::components::explained::explained;
use crate::components::loaded::loaded;
use crate::components::marked::marked;
use crate::components::notice::{notice, or, state, toast};
use crate::components::saga::saga;
use crate::components::steps::{checks, marks, steps};
use crate::components::text::{large_pill, link, time_and_age, versions};
use crate::components::timeline::timeline;
use crate::components::track::track;
use crate::components::verdict::verdict;
use crate::view::Or;
use crate::view::data::DataPanel;
use crate::view::release::{ChecklistPanel, ChecksPanel, ReleaseView, RunbookPanel, SignalsView};
use leptos::prelude::*;

#[component]
pub fn Release() -> impl IntoView {
    let (id, done) = (param("id"), query("done"));
    let ask = move || Ask::Release { id: id.get(), done: done.get() };
    loaded(ask, move || vec![format!("release:{}", id.get())], page)
}

fn page(view: &ReleaseView) -> AnyView {
    let marked_acts = (!view.marks.is_empty()).then(|| marks(&view.marks));
    let notices = (!view.notices.is_empty())
        .then(|| view! { <div class="stack notices">{view.notices.iter().map(notice).collect_view()}</div> });
    view! {
        {title(format!("{} {} → {}", view.service, view.from, view.to))}
        <main class="page" id="main" tabindex="-1" data-release=view.id.clone()>
            <div class="head">
                <div>
                    <h1 class="title">{view.service.clone()}" "<span class="ver">{versions(&view.from, &view.to)}</span></h1>
                    <p class="quiet">{marked(&view.summary)}" Plan "{link(&view.plan)}"."</p>
                </div>
                {acts(&view.id, &view.acts)}
            </div>
            {view.toast.as_ref().map(toast)}
            {notices}
            {marked_acts}
            {track(&view.track, &view.flow)}
            <div class="split">
                <div class="split-main">
                    {view.saga.as_ref().map(|panel| saga(&view.id, panel))}
                    {data(&view.data)}
                    {judged(view)}
                    {view.explained.as_ref().map(explained)}
                    {signals(&view.signals)}
                    {history(view)}
                </div>
                <div class="split-side">
                    {panel("runbook", "Runbook", &view.runbook, runbook)}
                    {panel("wayback", "Way back", &view.way_back, way_back)}
                    {panel("checklist", "Checklist", &view.checklist, |panel| items(&view.id, panel))}
                </div>
            </div>
            {reach(&view.id, &view.acts)}
        </main>
    }
    .into_any()
}

fn judged(view: &ReleaseView) -> AnyView {
    match &view.verdict {
        Or::Shown(shown) => verdict(shown),
        Or::Instead(instead) => view! {
            <section class="verdict verdict-none" aria-labelledby="verdict-h">
                <div class="verdict-text">
                    <div class="verdict-line"><h2 id="verdict-h"><span class="sr">"State: "</span>{large_pill(&view.state)}</h2></div>
                    {state(instead)}
                </div>
            </section>
        }
        .into_any(),
    }
}

fn signals(view: &SignalsView) -> AnyView {
    let newest = view.newest.as_ref().map(|newest| view! { "newest sample "{time_and_age(newest)} });
    let stale = view.stale.clone().map(|stale| {
        view! { <p class="stale-note">{crate::components::icon::icon(crate::view::Icon::Clock)}" "{stale}</p> }
    });
    let charts = view.charts.iter().map(|view| chart(view, Size::Small)).collect_view();
    let charts = (!view.charts.is_empty()).then(|| view! { <div class="charts">{charts}</div> });
    view! {
        <section class="panel-signals" class:is-stale=view.stale.is_some() aria-labelledby="signals-h">
            <div class="panel-head"><h2 id="signals-h">"Signals"</h2><span>{view.note.clone()}</span><span class="panel-age">{newest}</span></div>
            {stale}
            {charts}
            {view.empty.as_ref().map(state)}
        </section>
    }
    .into_any()
}

fn history(view: &ReleaseView) -> AnyView {
    let all = view
        .timeline_more
        .as_ref()
        .map(|more| view! { <a class="panel-age" href=more.href.clone()>{more.text.clone()}</a> });
    view! {
        <section class="panel" aria-labelledby="timeline-h">
            <div class="panel-head"><h2 id="timeline-h">"Timeline"</h2><span>"newest first"</span>{all}</div>
            {timeline(&view.timeline)}
        </section>
    }
    .into_any()
}

/// A panel of the side column: its head comes with its content.
fn panel<T>(
    key: &'static str,
    name: &'static str,
    content: &Or<T>,
    show: impl FnOnce(&T) -> (AnyView, AnyView),
) -> AnyView {
    let id = format!("{key}-h");
    let (head, body) = match content {
        Or::Shown(shown) => show(shown),
        instead @ Or::Instead(_) => (().into_any(), or(instead, |_| ().into_any())),
    };
    view! {
        <section class="panel" aria-labelledby=id>
            <div class="panel-head"><h2 id=id.clone()>{name}</h2>{head}</div>
            {body}
        </section>
    }
    .into_any()
}

fn age(text: &str) -> AnyView {
    if text.is_empty() {
        return ().into_any();
    }
    view! { <span class="panel-age">{text.to_owned()}</span> }.into_any()
}

fn runbook(panel: &RunbookPanel) -> (AnyView, AnyView) {
    (view! { {link(&panel.link)}{age(&panel.age)} }.into_any(), steps(&panel.steps))
}

fn way_back(panel: &ChecksPanel) -> (AnyView, AnyView) {
    (view! { {link(&panel.link)}{age(&panel.age)} }.into_any(), checks(&panel.checks))
}

fn items(release: &str, panel: &ChecklistPanel) -> (AnyView, AnyView) {
    (view! { <span>{panel.count.clone()}</span>{age(&panel.age)} }.into_any(), checklist(release, panel))
}

/// As the server drew it.
fn data(panels: &[DataPanel]) -> AnyView {
    if panels.is_empty() {
        return ().into_any();
    }
    let items = panels
        .iter()
        .map(|panel| view! { <div class="data-item"><div inner_html=panel.facts.clone()></div><div inner_html=panel.form.clone()></div></div> })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="data-h">
            <div class="panel-head"><h2 id="data-h">"Data"</h2></div>
            {items}
        </section>
    }
    .into_any()
}
