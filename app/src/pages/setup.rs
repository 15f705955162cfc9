//! Behind the one-time link of the first start: the first administrator.

use super::{param, title};
use crate::api::Ask;
use crate::components::brand::{brand, sea};
use crate::components::form::Field;
use crate::components::loaded::loaded;
use crate::components::notice::{form_fault, state};
use crate::path;
use crate::view::door::SetupView;
use crate::view::{Icon, LinkView, StateView, Tone};
use leptos::prelude::*;

#[component]
pub fn Setup() -> impl IntoView {
    let token = param("token");
    loaded(move || Ask::Setup { token: token.get() }, Vec::new, page)
}

fn page(view: &SetupView) -> AnyView {
    let content = if view.valid {
        form(view)
    } else {
        state(&StateView {
            tone: Tone::Hold,
            icon: Icon::Lock,
            title: "This link is used or over".to_owned(),
            text: "It works once, and for one hour. Start the server again to have another printed, or sign in."
                .to_owned(),
            acts: vec![LinkView::new(path::SIGN_IN, "Sign in")],
        })
    };
    view! {
        {title("First administrator")}
        <main class="door" id="main" tabindex="-1">
            <div class="door-in">
                <div class="door-form">
                    <div class="door-brand">{brand()}</div>
                    <h1>"First administrator"</h1>
                    {content}
                </div>
            </div>
            {sea()}
        </main>
    }
    .into_any()
}

fn form(view: &SetupView) -> AnyView {
    let problem = |field: &str| view.fault.as_ref().and_then(|fault| fault.problem(field)).map(str::to_owned);
    let name = Field {
        name: "name",
        label: "Name",
        value: view.name.clone(),
        autocomplete: "name",
        required: true,
        hint: "As it will stand in the decision log.",
        fault: problem("name"),
        ..Field::default()
    };
    let email = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        value: view.email.clone(),
        autocomplete: "username",
        required: true,
        fault: problem("email"),
        ..Field::default()
    };
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "new-password",
        required: true,
        hint: "At least 12 characters. A sentence is easier to keep than signs.",
        fault: problem("password"),
        ..Field::default()
    };
    view! {
        <form class="stack" method="post" action=path::setup(&view.token)>
            {view.fault.as_ref().map(|fault| form_fault(fault, "Nothing was made."))}
            {name.input()}
            {email.input()}
            {password.input()}
            <button class="btn btn-main btn-large btn-wide">"Make the account and sign in"</button>
        </form>
    }
    .into_any()
}
