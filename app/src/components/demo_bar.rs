//! The bar of the demo: what a visitor may break, to see what Sternway does. Plain forms; marked as what it is.

use super::form::hidden;
use super::icon::{icon, small};
use crate::path;
use crate::view::{DemoBarView, DemoServiceView, Icon};
use leptos::prelude::*;

/// `here` is the path to come back to.
pub fn demo_bar(view: &DemoBarView, here: Signal<String>) -> AnyView {
    let services = view.services.iter().map(|service| controls(view, service, here)).collect_view();
    let start = view.startable.iter().map(|service| {
        view! {
            <form method="post" action=path::DEMO_RELEASE>
                {hidden("service", service)}
                <input type="hidden" name="next" value=here/>
                <button class="btn">{icon(Icon::Plus)}{format!("New {service} release")}</button>
            </form>
        }
    });
    let active: Vec<String> = view
        .services
        .iter()
        .filter(|service| !service.active.is_empty())
        .map(|service| format!("{}: {}", service.name, service.active.join(", ")))
        .collect();
    let said = if active.is_empty() { "Nothing is broken.".to_owned() } else { active.join(". ") + "." };
    view! {
        <aside class="demo" aria-label="Demo controls">
            <details class="demo-in">
                <summary>{small(Icon::Right)}<b>"Demo"</b><span>"Real services, real traffic, on this machine. Break something and watch."</span><span class="demo-said">{said}</span></summary>
                <div class="demo-body">{services}<div class="row demo-start">{start.collect_view()}</div></div>
            </details>
        </aside>
    }
    .into_any()
}

fn controls(view: &DemoBarView, service: &DemoServiceView, here: Signal<String>) -> AnyView {
    let faults = view.faults.iter().map(|fault| {
        let on = service.active.contains(&fault.label);
        view! {
            <button class="btn" name="fault" value=fault.value.clone() aria-pressed=if on { "true" } else { "false" }>
                {fault.label.clone()}<span class="sr">{format!(" in {}", service.name)}</span>
            </button>
        }
    });
    let name = service.name.clone();
    view! {
        <form class="demo-service" method="post" action=path::DEMO_INJECT>
            <b>{service.name.clone()}</b>
            {hidden("service", &service.name)}
            <input type="hidden" name="next" value=here/>
            <div class="row">
                {faults.collect_view()}
                <button class="btn btn-quiet" name="fault" value="clear">"Clear"<span class="sr">{format!(" {name}")}</span></button>
            </div>
        </form>
    }
    .into_any()
}
