//! One service: where its signals come from, who moves its traffic, what was released.

use super::Drawn;
use crate::components::icon::{icon, small};
use crate::components::steps::{checks, facts};
use crate::components::text::{link, pill, time, versions};
use crate::path;
use crate::view::service::{ServiceRelease, ServiceView};
use crate::view::{Icon, LinkView};
use leptos::prelude::*;

pub fn page(view: &ServiceView) -> Drawn {
    let create = view.can_create.then(|| {
        view! { <a class="btn" href=path::new_release_of(&view.name)>{icon(Icon::Plus)}"New release"</a> }
    });
    let releases = if view.releases.is_empty() {
        view! { <p class="quiet">"No release yet."</p> }.into_any()
    } else {
        view! { <ul class="near releases">{view.releases.iter().map(release).collect_view()}</ul> }.into_any()
    };
    Drawn::new(
        view.name.clone(),
        view! {
            <div class="head">
                <div>
                    <p class="crumb"><a href=path::SERVICES>"Services"</a></p>
                    <h1 class="title">{view.name.clone()}" "<span class="ver">{view.version.clone()}</span></h1>
                    <p class="quiet">{view.description.clone()}</p>
                </div>
                <div class="head-acts">{create}</div>
            </div>
            <div class="split">
                <div class="split-main">
                    <section class="panel" aria-labelledby="rel-h">
                        <div class="panel-head">
                            <h2 id="rel-h">"Releases"</h2>
                            <a class="panel-age" href=path::decisions_of(&view.name)>"All decisions"</a>
                        </div>
                        {releases}
                    </section>
                    <section class="panel" aria-labelledby="doc-h">
                        <div class="panel-head"><h2 id="doc-h">"Document"</h2><span>"as applied"</span></div>
                        <details class="more"><summary>{small(Icon::Right)}"YAML"</summary><pre class="cmd" tabindex="0"><code>{view.document.clone()}</code></pre></details>
                    </section>
                </div>
                <div class="split-side">
                    <section class="panel" aria-labelledby="health-h"><div class="panel-head"><h2 id="health-h">"Source and driver"</h2></div>{checks(&view.health)}</section>
                    <section class="panel" aria-labelledby="facts-h"><div class="panel-head"><h2 id="facts-h">"About"</h2></div>{facts(&view.facts, "facts")}</section>
                    <section class="panel" aria-labelledby="dep-h">
                        <div class="panel-head"><h2 id="dep-h">"Dependencies"</h2></div>
                        <dl class="facts facts-start"><dt>"Depends on"</dt><dd>{links(&view.depends_on)}</dd><dt>"Needed by"</dt><dd>{links(&view.depended_on_by)}</dd></dl>
                    </section>
                </div>
            </div>
        },
    )
}

fn links(links: &[LinkView]) -> AnyView {
    if links.is_empty() {
        return "nothing".into_any();
    }
    links
        .iter()
        .enumerate()
        .map(|(index, to)| view! { {(index > 0).then_some(", ")}{link(to)} })
        .collect_view()
        .into_any()
}

fn release(release: &ServiceRelease) -> AnyView {
    view! {
        <li>
            <span><a href=path::release(&release.id)><code>{versions(&release.from, &release.to)}</code></a>" "{pill(&release.pill)}<br/><small class="quiet">{release.what.clone()}</small></span>
            <span class="step-meta">{time(&release.at)}</span>
        </li>
    }
    .into_any()
}
