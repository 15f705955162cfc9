//! What could happen if a release went back now.

use super::Drawn;
use crate::components::form::Field;
use crate::components::marked::marked;
use crate::components::notice::form_fault;
use crate::components::steps::{checks, facts};
use crate::components::text::{link, pill};
use crate::view::rehearsal::{EndView, RehearsalView};
use leptos::prelude::*;

pub fn page(view: &RehearsalView) -> Drawn {
    let lead = (!view.lead.is_empty()).then(|| view! { <p class="lead">{marked(&view.lead)}</p> });
    let ended = (!view.count.is_empty()).then(|| how_it_ends(view));
    let about = (!view.facts.is_empty()).then(|| {
        view! {
            <section class="panel" aria-labelledby="about-h">
                <div class="panel-head"><h2 id="about-h">"Across all runs"</h2></div>
                {facts(&view.facts, "facts")}
            </section>
        }
    });
    Drawn::new(
        format!("Rehearsal, {}", view.release.text),
        view! {
            <div class="head">
                <div>
                    <p class="crumb">{link(&view.release)}</p>
                    <h1 class="title">"What could happen if it went back now"</h1>
                    <p class="quiet">"Its own steps by the real rules, in virtual time, against made-up replicas, drivers and people. Your services hear nothing of it."</p>
                </div>
            </div>
            {view.fault.as_ref().map(|fault| form_fault(fault, "Nothing was rehearsed."))}
            <div class="split">
                <div class="split-main">{lead}{ended}</div>
                <div class="split-side">{form(view)}{about}</div>
            </div>
        },
    )
}

fn how_it_ends(view: &RehearsalView) -> AnyView {
    let kept = view.promise.as_ref().map(|promise| checks(std::slice::from_ref(promise)));
    let more = (!view.more.is_empty()).then(|| view! { <p class="small quiet">{view.more.clone()}</p> });
    view! {
        <section class="panel" aria-labelledby="ends-h">
            <div class="panel-head"><h2 id="ends-h">"How it ends"</h2><span>{view.count.clone()}</span></div>
            {kept}
            <table class="table list" aria-labelledby="ends-h">
                <thead>
                    <tr>
                        <th scope="col">"End"</th>
                        <th scope="col" class="num">"Runs"</th>
                        <th scope="col" class="num">"Share"</th>
                        <th scope="col">"In words"</th>
                        <th scope="col" class="num">"Seed"</th>
                    </tr>
                </thead>
                <tbody>{view.ends.iter().map(end).collect_view()}</tbody>
            </table>
            {more}
        </section>
    }
    .into_any()
}

fn form(view: &RehearsalView) -> AnyView {
    let fault = |name: &str| view.fault.as_ref().and_then(|fault| fault.problem(name)).map(str::to_owned);
    let field = |name, label, value: &str, hint| {
        Field { name, label, value: value.to_owned(), hint, fault: fault(name), ..Field::default() }.input()
    };
    view! {
        <section class="panel" aria-labelledby="again-h">
            <div class="panel-head"><h2 id="again-h">"What goes wrong"</h2></div>
            <form class="stack" method="get">
                {field("faults", "Faults", &view.typed.faults, "none, storm, or chances from 0 to 1: crash=0.05, lost=0.1, last=10m")}
                {field("runs", "Runs", &view.typed.runs, "Each with the next seed.")}
                {field("seed", "First seed", &view.typed.seed, "The same seed is the same run.")}
                <div class="row"><button class="btn btn-primary">"Rehearse"</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn end(end: &EndView) -> AnyView {
    view! {
        <tr>
            <th scope="row">{pill(&end.pill)}</th>
            <td data-name="Runs" class="num">{end.runs.clone()}</td>
            <td data-name="Share" class="num">{end.share.clone()}</td>
            <td data-name="In words">{marked(&end.summary)}</td>
            <td data-name="Seed" class="num">{link(&end.example)}</td>
        </tr>
    }
    .into_any()
}
