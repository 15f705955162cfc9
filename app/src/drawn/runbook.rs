//! One runbook: its text, its steps, who does them.

use super::Drawn;
use crate::components::icon::icon;
use crate::components::marked::marked;
use crate::components::steps::{facts, steps};
use crate::path;
use crate::view::Icon;
use crate::view::runbook::RunbookView;
use leptos::prelude::*;

pub fn page(view: &RunbookView) -> Drawn {
    let crumb = match &view.release {
        Some(release) => view! { <a href=release.href.clone()>{release.text.clone()}</a> }.into_any(),
        None => view! { <a href=path::RUNBOOKS>"Runbooks"</a> }.into_any(),
    };
    let filled = view.release.is_some().then(|| {
        view! { <div class="notice notice-accent">{icon(Icon::Info)}<div class="notice-text"><b>"Filled in for this release"</b><p>"Names and versions below are those of the release it was opened from."</p></div></div> }
    });
    let listed = (!view.steps.is_empty()).then(|| {
        view! {
            <section class="panel" aria-labelledby="steps-h">
                <div class="panel-head"><h2 id="steps-h">"Steps"</h2><span>{view.steps.len()}</span></div>
                {steps(&view.steps)}
            </section>
        }
    });
    Drawn::new(
        view.title.clone(),
        view! {
            <div class="head">
                <div>
                    <p class="crumb">{crumb}</p>
                    <h1 class="title">{view.title.clone()}</h1>
                    <p class="quiet">{marked(&view.summary)}</p>
                </div>
                <div class="head-acts"><button class="btn scripted" type="button" data-print="">"Print"</button></div>
            </div>
            {filled}
            <div class="split">
                <div class="split-main"><article class="prose" inner_html=view.html.clone()></article></div>
                <div class="split-side">
                    {listed}
                    <section class="panel" aria-labelledby="about-h">
                        <div class="panel-head"><h2 id="about-h">"About"</h2><span class="panel-age"><code>{view.digest.clone()}</code></span></div>
                        {facts(&view.facts, "facts")}
                    </section>
                </div>
            </div>
        },
    )
}
