//! One decision: who, why, what was seen, what came of it, where it stands in the log.

use super::{param, title};
use crate::api::Ask;
use crate::components::chart::{Size, chart};
use crate::components::explained::explained;
use crate::components::icon::{icon, small, toned};
use crate::components::loaded::loaded;
use crate::components::marked::marked;
use crate::components::notice::or;
use crate::components::steps::{checks, facts, outcome};
use crate::components::text::{link, pill, time};
use crate::components::verdict::meters;
use crate::path;
use crate::view::decision::{DecisionView, EffectView, NearView, SawView};
use crate::view::{Icon, Tone};
use leptos::prelude::*;

#[component]
pub fn Decision() -> impl IntoView {
    let id = param("id");
    // Effects are confirmed after the page was made; the record itself does not change.
    loaded(move || Ask::Decision { id: id.get() }, || vec!["decisions".to_owned()], page)
}

fn page(view: &DecisionView) -> AnyView {
    let export = view.export.as_ref().map(|export| {
        view! { <a class="btn" href=export.href.clone() rel="external" download="">{icon(Icon::External)}{export.text.clone()}</a> }
    });
    view! {
        {title(format!("{} {}, decision {}", view.title, view.title_version, view.leaf))}
        <main class="page" id="main" tabindex="-1">
            <div class="head">
                <div>
                    <p class="crumb"><a href=path::DECISIONS>"Decisions"</a>{format!(" / {}", view.leaf)}</p>
                    <h1 class="title">{view.title.clone()}" "<span class="ver">{view.title_version.clone()}</span></h1>
                    <p class="quiet">{view.day.clone()}", "{time(&view.at)}{format!(" UTC, by {}", view.who)}</p>
                </div>
                <div class="head-acts"><button class="btn scripted" type="button" data-print="">"Print"</button>{export}</div>
            </div>
            <div class="split">
                <div class="split-main">
                    {said(view)}
                    {or(&view.saw, saw)}
                    {effects(&view.effects)}
                    {told(view)}
                </div>
                <div class="split-side">{in_the_log(view)}{near(&view.near)}</div>
            </div>
        </main>
    }
    .into_any()
}

fn said(view: &DecisionView) -> AnyView {
    let quote =
        (!view.quote.is_empty()).then(|| view! { <blockquote class="said">{format!("“{}”", view.quote)}</blockquote> });
    let why = (!view.why.is_empty()).then(|| {
        let class = if view.quote.is_empty() { "said" } else { "lead said-more" };
        view! { <p class=class>{marked(&view.why)}</p> }
    });
    let notice = |tone: &'static str, mark: Icon, title: String, text: &'static str| {
        view! { <div class=tone>{icon(mark)}<div class="notice-text"><b>{title}</b><p>{text}</p></div></div> }
    };
    let refused = view.refused.then(|| {
        notice(
            "notice",
            Icon::Lock,
            "Refused".to_owned(),
            "Nothing was changed; the attempt itself is what is recorded.",
        )
    });
    let overridden = view.overridden.clone().map(|words| {
        notice("notice notice-caution", Icon::Suspect, words, "Done on a person's word, with the reason given here.")
    });
    let marks = (!view.marks.is_empty()).then(|| outcome(&view.marks));
    view! {
        <section class="panel" aria-labelledby="d-h">
            <h2 class="sr" id="d-h">"Decision"</h2>
            {refused}
            {overridden}
            {quote}
            {why}
            {marks}
            {facts(&view.facts, "facts facts-start facts-wide")}
        </section>
    }
    .into_any()
}

fn saw(view: &SawView) -> AnyView {
    let since = (!view.since.is_empty()).then(|| format!(" {}", view.since));
    let shown = view.pill.as_ref().map(|shown| view! { <p>{pill(shown)}{since}</p> });
    let estimate = (!view.estimate.is_empty()).then(|| view! { <p class="quiet">{marked(&view.estimate)}</p> });
    let deciding = view.charts.first().map(|view| chart(view, Size::Wide));
    let others = view.charts.iter().skip(1).map(|view| chart(view, Size::Small)).collect_view();
    let others = (view.charts.len() > 1).then(|| view! { <div class="charts">{others}</div> });
    view! {
        <section class="panel" aria-labelledby="saw-h">
            <div class="panel-head">
                <h2 id="saw-h">{view.title.clone()}</h2>
                <span>{view.note.clone()}</span>
                <span class="panel-age"><code>{view.digest.clone()}</code></span>
            </div>
            <div class="saw">
                <div class="stack">
                    {shown}
                    <p class="lead">{marked(&view.sentence)}</p>
                    {estimate}
                    {meters(&view.meters)}
                    <p class="small quiet">{view.foot.clone()}</p>
                </div>
                <div class="stack">{deciding}</div>
            </div>
            {others}
        </section>
        {view.explained.as_ref().map(explained)}
    }
    .into_any()
}

fn effects(effects: &[EffectView]) -> AnyView {
    if effects.is_empty() {
        return ().into_any();
    }
    let rows = effects
        .iter()
        .map(|effect| {
            let class = format!("quiet {}", effect.tone.is());
            let confirmed = match &effect.confirmed {
                Some(at) => time(at),
                None => view! { <span class=effect.tone.is()>"not yet"</span> }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row">{marked(&effect.name)}</th>
                    <td>{effect.asked.as_ref().map(time)}</td>
                    <td>{confirmed}</td>
                    <td class="num">{effect.took.clone()}</td>
                    <td class=class>{marked(&effect.by)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="eff-h">
            <div class="panel-head"><h2 id="eff-h">"Effects"</h2><span>"in the order they were carried out"</span></div>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Effects as a table">
                <table class="table table-s">
                    <thead>
                        <tr>
                            <th scope="col">"Effect"</th>
                            <th scope="col">"Asked"</th>
                            <th scope="col">"Confirmed"</th>
                            <th scope="col" class="num">"Took"</th>
                            <th scope="col">"By what it was confirmed"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn told(view: &DecisionView) -> AnyView {
    if view.told.is_empty() {
        return ().into_any();
    }
    view! {
        <section class="panel" aria-labelledby="told-h">
            <div class="panel-head"><h2 id="told-h">"Who was told"</h2></div>
            {checks(&view.told)}
        </section>
    }
    .into_any()
}

fn in_the_log(view: &DecisionView) -> AnyView {
    let log = &view.log;
    let evidence = (!log.evidence.is_empty()).then(|| {
        view! { <div><p class="small quiet">"Digest of the evidence"</p><span class="hash">{log.evidence.clone()}</span></div> }
    });
    view! {
        <section class="panel" aria-labelledby="log-h">
            <div class="panel-head"><h2 id="log-h">"In the log"</h2><span class="panel-age">{format!("entry {}", log.index)}</span></div>
            <div class="proof">
                <p class="proof-said">{icon(Icon::Proof)}{format!("Entry {}", log.index)}</p>
                <div><p class="small quiet">"This record hashes to the leaf"</p><span class="hash">{log.leaf_hash.clone()}</span></div>
                {evidence}
                {facts(&log.facts, "facts")}
                <details class="more">
                    <summary>{small(Icon::Right)}"The record as it was hashed"</summary>
                    <pre class="cmd" tabindex="0"><code>{view.canonical.clone()}</code></pre>
                </details>
            </div>
        </section>
    }
    .into_any()
}

fn near(near: &[NearView]) -> AnyView {
    if near.is_empty() {
        return ().into_any();
    }
    let rows = near
        .iter()
        .map(|entry| {
            let tone = if entry.tone == Tone::Back { Tone::Plain } else { entry.tone };
            view! {
                <li>{toned(entry.icon, tone)}<span>{link(&entry.link)}" "{entry.text.clone()}</span><span class="step-meta">{entry.meta.clone()}</span></li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="near-h">
            <div class="panel-head"><h2 id="near-h">"Before and after"</h2></div>
            <ul class="near">{rows}</ul>
        </section>
    }
    .into_any()
}
