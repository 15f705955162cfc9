//! One decision: who, why, what was seen, what came of it, where it stands in the log.

use super::Drawn;
use super::proof::{panel, removed, written, written_marked};
use crate::components::chart::{Size, chart};
use crate::components::explained::explained;
use crate::components::icon::{icon, toned};
use crate::components::marked::marked;
use crate::components::notice::or;
use crate::components::steps::{checks, facts, outcome};
use crate::components::text::{link, pill, time};
use crate::components::verdict::meters;
use crate::path;
use crate::view::decision::{DecisionView, EffectView, NearView, SawView, SettingView, WhoView};
use crate::view::{Icon, LinkView, Tone};
use leptos::prelude::*;

pub fn page(view: &DecisionView) -> Drawn {
    let pack = |pack: &LinkView| {
        view! { <a class="btn" href=pack.href.clone() rel="external" download="">{icon(Icon::External)}{pack.text.clone()}</a> }
    };
    let title = format!("{} {}, decision {}", view.title, view.title_version, view.leaf);
    Drawn::new(
        title,
        view! {
            <div class="head">
                <div>
                    <p class="crumb"><a href=path::DECISIONS>"Decisions"</a>{format!(" / {}", view.leaf)}</p>
                    <h1 class="title">{view.title.clone()}" "<span class="ver">{view.title_version.clone()}</span></h1>
                    <p class="quiet">{view.day.clone()}", "{time(&view.at)}" UTC, by "{who(&view.who)}</p>
                </div>
                <div class="head-acts"><button class="btn scripted" type="button" data-print="">"Print"</button>{view.packs.iter().map(pack).collect_view()}</div>
            </div>
            <div class="split">
                <div class="split-main">
                    {said(view)}
                    {or(&view.saw, saw)}
                    {settings(&view.settings)}
                    {effects(&view.effects)}
                    {told(view)}
                </div>
                <div class="split-side">
                    {panel(view)}
                    {near("linked-h", "Belongs together", &view.linked)}
                    {near("near-h", "Before and after", &view.near)}
                </div>
            </div>
        },
    )
}

fn who(who: &WhoView) -> AnyView {
    let text = |field: &str, text: &str| if who.written { written(field, text) } else { text.to_owned().into_any() };
    let name = text("actor.name", &who.name);
    let owner = (!who.owner.is_empty()).then(|| view! { " for "{text("actor.owner_name", &who.owner)} });
    let note = (!who.note.is_empty()).then(|| format!(", {}", who.note));
    view! { {name}{owner}{note} }.into_any()
}

fn said(view: &DecisionView) -> AnyView {
    let quote = (!view.quote.is_empty())
        .then(|| view! { <blockquote class="said">"“"{written("reason", &view.quote)}"”"</blockquote> });
    let class = if view.quote.is_empty() { "said" } else { "lead said-more" };
    let rule = (!view.rule.is_empty()).then(|| view! { <p class="said">{written_marked("reason", &view.rule)}</p> });
    let why = (!view.why.is_empty()).then(|| view! { <p class=class>{written_marked("outcome.why", &view.why)}</p> });
    let refused = view.refused.then(|| {
        view! {
            <div class="notice">
                {icon(Icon::Lock)}
                <div class="notice-text"><b>"Refused"</b><p>"Nothing was changed; the attempt itself is what is recorded."</p></div>
            </div>
        }
    });
    let rule_overridden = |(field, text): &(String, String)| view! { <p>{written(field.clone(), text)}</p> };
    let overridden = (!view.overridden.is_empty()).then(|| {
        view! {
            <div class="notice notice-caution">
                {icon(Icon::Suspect)}
                <div class="notice-text">
                    <b>"Override: done on a person's word, with the reason given here"</b>
                    {view.overridden.iter().map(rule_overridden).collect_view()}
                </div>
            </div>
        }
    });
    let marks = (!view.marks.is_empty()).then(|| outcome(&view.marks));
    view! {
        <section class="panel said-panel" aria-labelledby="d-h">
            <h2 class="sr" id="d-h">"Decision"</h2>
            {refused}
            {overridden}
            {removed(&view.removed)}
            {quote}
            {rule}
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

fn settings(settings: &[SettingView]) -> AnyView {
    if settings.is_empty() {
        return ().into_any();
    }
    let rows = settings
        .iter()
        .map(|setting| {
            let value = match setting.value.as_str() {
                "" => view! { <span class="quiet">"not set"</span> }.into_any(),
                value => value.to_owned().into_any(),
            };
            view! {
                <tr>
                    <th scope="row">
                        <code>{setting.key.clone()}</code>
                        {setting.changed.then(|| view! { " "<small class="is-caution">"changed"</small> })}
                    </th>
                    <td class="wraps">{value}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="set-h">
            <div class="panel-head"><h2 id="set-h">"Settings"</h2><span>"what changed stands first"</span></div>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Settings as a table">
                <table class="table table-s">
                    <thead>
                        <tr><th scope="col">"Setting"</th><th scope="col">"Value"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
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

fn near(id: &'static str, title: &'static str, near: &[NearView]) -> AnyView {
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
        <section class="panel" aria-labelledby=id>
            <div class="panel-head"><h2 id=id>{title}</h2></div>
            <ul class="near">{rows}</ul>
        </section>
    }
    .into_any()
}
