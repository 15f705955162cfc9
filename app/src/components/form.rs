//! Fields: a label above, a hint below, the fault below that, in words that say what to do.

use super::icon::icon;
use super::marked::marked;
use crate::view::{ChoiceView, Icon};
use leptos::prelude::*;

/// A field cannot be made without its label.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    /// `(required)`; empty where nothing need be said.
    pub need: &'static str,
    pub value: String,
    pub hint: &'static str,
    pub fault: Option<String>,
    /// `email`, `password`; empty is `text`.
    pub kind: &'static str,
    pub autocomplete: &'static str,
    pub placeholder: &'static str,
    pub required: bool,
    /// Before the name in ids, where a page holds two forms.
    pub prefix: &'static str,
    pub rows: u8,
    pub mono: bool,
}

impl Field {
    fn id(&self) -> String {
        format!("{}{}", self.prefix, self.name)
    }

    /// What describes it: its hint and its fault.
    fn described_by(&self) -> Option<String> {
        let mut ids = Vec::new();
        if self.fault.is_some() {
            ids.push(format!("{}-fault", self.id()));
        }
        if !self.hint.is_empty() {
            ids.push(format!("{}-hint", self.id()));
        }
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn class(&self) -> &'static str {
        if self.mono { "input mono" } else { "input" }
    }

    fn around(&self, control: AnyView) -> AnyView {
        let need = (!self.need.is_empty()).then(|| view! { " "<span class="field-need">{self.need}</span> });
        let hint = (!self.hint.is_empty())
            .then(|| view! { <p class="field-hint" id=format!("{}-hint", self.id())>{self.hint}</p> });
        view! {
            <div class="field">
                <label class="field-label" for=self.id()>{self.label}{need}</label>
                {control}
                {self.fault.clone().map(|fault| field_fault(format!("{}-fault", self.id()), fault))}
                {hint}
            </div>
        }
        .into_any()
    }

    pub fn input(self) -> AnyView {
        let control = view! {
            <input
                class=self.class()
                id=self.id()
                name=self.name
                type=if self.kind.is_empty() { "text" } else { self.kind }
                value=self.value.clone()
                autocomplete=(!self.autocomplete.is_empty()).then_some(self.autocomplete)
                placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                required=self.required
                aria-invalid=self.fault.is_some().then_some("true")
                aria-describedby=self.described_by()
            />
        };
        self.around(control.into_any())
    }

    pub fn textarea(self) -> AnyView {
        let control = view! {
            <textarea
                class=self.class()
                id=self.id()
                name=self.name
                rows=self.rows.max(2).to_string()
                required=self.required
                spellcheck=if self.mono { "false" } else { "true" }
                aria-invalid=self.fault.is_some().then_some("true")
                aria-describedby=self.described_by()
            >{inside_textarea(&self.value)}</textarea>
        };
        self.around(control.into_any())
    }

    pub fn select(self, choices: &[ChoiceView]) -> AnyView {
        let options = choices
            .iter()
            .map(|choice| {
                view! { <option value=choice.value.clone() selected=choice.chosen>{choice.label.clone()}</option> }
            })
            .collect_view();
        let control = view! {
            <span class="select">
                <select
                    class=self.class()
                    id=self.id()
                    name=self.name
                    required=self.required
                    aria-invalid=self.fault.is_some().then_some("true")
                    aria-describedby=self.described_by()
                >{options}</select>
                {icon(Icon::Down)}
            </span>
        };
        self.around(control.into_any())
    }
}

/// Leptos writes what stands inside `<textarea>` without escaping it. In the browser it is a text node and needs none.
pub(crate) fn inside_textarea(text: &str) -> String {
    if cfg!(feature = "ssr") { text.replace('&', "&amp;").replace('<', "&lt;") } else { text.to_owned() }
}

pub fn field_fault(id: String, fault: String) -> AnyView {
    view! { <p class="field-fault" id=id>{icon(Icon::Fail)}<span>{marked(&fault)}</span></p> }.into_any()
}

pub fn hidden(name: &'static str, value: impl ToString) -> AnyView {
    view! { <input type="hidden" name=name value=value.to_string()/> }.into_any()
}
