//! The door.

use super::{query, title};
use crate::api::Ask;
use crate::components::brand::{brand, sea};
use crate::components::form::{Field, hidden};
use crate::components::header::theme;
use crate::components::icon::icon;
use crate::components::loaded::loaded;
use crate::components::notice::form_fault;
use crate::path;
use crate::view::door::{DemoPersonView, SignInView};
use crate::view::{ChromeView, Icon};
use leptos::prelude::*;

#[component]
pub fn SignIn() -> impl IntoView {
    let next = query("next");
    let chosen = expect_context::<StoredValue<ChromeView>>().with_value(|chrome| chrome.theme);
    loaded(move || Ask::SignIn { next: next.get() }, Vec::new, move |view| page(view, chosen))
}

fn page(view: &SignInView, chosen: crate::view::Theme) -> AnyView {
    let note = (!view.note.is_empty()).then(|| view! { <p class="quiet">{view.note.clone()}</p> });
    let first = view.first_start.then(|| {
        view! {
            <div class="notice notice-accent">{icon(Icon::Info)}<div class="notice-text"><b>"Nobody has an account yet"</b><p>"The server has printed a link for the first administrator. It works once."</p></div></div>
        }
    });
    let people = (!view.people.is_empty()).then(|| people(view));
    view! {
        {title("Sign in")}
        <main class="door" id="main" tabindex="-1">
            <div class="door-in">
                <div class="door-form">
                    <div class="door-brand">{brand()}</div>
                    <h1>"Sign in"</h1>
                    {note}
                    {first}
                    {people}
                    {form(view)}
                    <div class="door-theme">{theme(chosen, "theme door-theme")}</div>
                </div>
            </div>
            {sea()}
        </main>
    }
    .into_any()
}

fn form(view: &SignInView) -> AnyView {
    let fault = view.fault.as_ref().map(|fault| form_fault(fault, "You are not signed in."));
    let email = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        value: view.email.clone(),
        autocomplete: "username",
        required: true,
        fault: view.fault.as_ref().and_then(|fault| fault.problem("email")).map(str::to_owned),
        ..Field::default()
    };
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "current-password",
        required: true,
        hint: "Pasting and password managers are welcome.",
        fault: view.fault.as_ref().and_then(|fault| fault.problem("password")).map(str::to_owned),
        ..Field::default()
    };
    view! {
        <form class="stack" method="post" action=path::SIGN_IN>
            {fault}
            {hidden("next", &view.next)}
            {email.input()}
            {password.input()}
            <button class="btn btn-large btn-wide btn-main">"Sign in"</button>
        </form>
    }
    .into_any()
}

fn people(view: &SignInView) -> AnyView {
    let buttons = view.people.iter().map(|person| one(person, &view.next)).collect_view();
    view! {
        <section class="stack-s" aria-labelledby="people-h">
            <h2 id="people-h">"Demo: come in as"</h2>
            <div class="people">{buttons}</div>
        </section>
        <p class="door-or">"or"</p>
    }
    .into_any()
}

fn one(person: &DemoPersonView, next: &str) -> AnyView {
    view! {
        <form method="post" action=path::SIGN_IN>
            {hidden("next", next)}
            {hidden("email", &person.email)}
            {hidden("password", &person.password)}
            <button class="person">
                {icon(Icon::Person)}
                <span><b>{person.name.clone()}</b><small>{person.role.clone()}{(!person.may.is_empty()).then(|| format!(": {}", person.may))}</small></span>
            </button>
        </form>
    }
    .into_any()
}
