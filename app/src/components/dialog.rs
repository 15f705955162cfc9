//! The dialog before an act: the page of the act, in place. Opened by any link that carries `data-act`; without
//! scripts the link leads to the page.

use super::act_form::{act_form, facts_line};
use super::icon::icon;
use super::notice::fault;
use crate::api::{self, Ask};
use crate::error::AppError;
use crate::live::Live;
use crate::view::Icon;
use crate::view::act::{ActView, Verb};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// What is asked, and what is known about it so far.
#[derive(Clone, Copy)]
pub struct Dialogs {
    asked: RwSignal<Option<(String, Verb)>>,
    facts: RwSignal<Option<Result<ActView, AppError>>>,
}

impl Dialogs {
    pub fn new() -> Self {
        Self { asked: RwSignal::new(None), facts: RwSignal::new(None) }
    }

    pub fn open(self, release: String, verb: Verb) {
        self.facts.set(None);
        self.asked.set(Some((release.clone(), verb)));
        self.read(release, verb, None);
    }

    pub fn close(self) {
        self.asked.set(None);
        self.facts.set(None);
    }

    /// The facts as of now. Kept only if they are still asked for; the same version leaves the form untouched.
    fn read(self, release: String, verb: Verb, seen: Option<u64>) {
        spawn_local(async move {
            let ask = Ask::Act { id: release.clone(), verb: verb.as_str().to_owned(), seen };
            let facts: Result<ActView, AppError> = api::read(&api::page(ask).await);
            let asked = self.asked.try_get_untracked().flatten();
            let moved_on = facts.as_ref().map_or(seen.is_none(), |view| seen != Some(view.version));
            if asked == Some((release, verb)) && moved_on {
                self.facts.set(Some(facts));
            }
        });
    }

    /// The release moved: read again, and say what changed.
    fn read_again(self) {
        let seen = self.facts.with_untracked(|facts| match facts {
            Some(Ok(view)) => Some(view.version),
            _ => None,
        });
        if let (Some((release, verb)), Some(seen)) = (self.asked.get_untracked(), seen) {
            self.read(release, verb, Some(seen));
        }
    }
}

impl Default for Dialogs {
    fn default() -> Self {
        Self::new()
    }
}

#[component]
pub fn ActDialog() -> impl IntoView {
    let dialogs = expect_context::<Dialogs>();
    let live = expect_context::<Live>();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let open = dialogs.asked.with(Option::is_some);
        if let Some(dialog) = node.get() {
            show(&dialog, open);
        }
    });
    let topic = Memo::new(move |_| {
        dialogs.asked.with(|asked| {
            asked.as_ref().map(|(of, verb)| match verb.of_flag() {
                true => live.seen("flags"),
                false => live.seen(&format!("release:{of}")),
            })
        })
    });
    Effect::new(move |before: Option<Option<u64>>| {
        let now = topic.get();
        if before.flatten().is_some_and(|before| now.is_some_and(|now| now > before)) {
            dialogs.read_again();
        }
        now
    });
    let title = move || {
        dialogs.facts.with(|facts| match facts {
            Some(Ok(view)) => view.title.clone(),
            Some(Err(_)) => "Not possible now".to_owned(),
            None => {
                dialogs.asked.with(|asked| asked.as_ref().map_or(String::new(), |(_, verb)| verb.label().to_owned()))
            }
        })
    };
    let facts = move || {
        dialogs.facts.with(|facts| match facts {
            Some(Ok(view)) => facts_line(view),
            Some(Err(_)) => ().into_any(),
            None => "Reading the facts".into_any(),
        })
    };
    let body = move || {
        dialogs.facts.with(|facts| match facts {
            Some(Ok(view)) => act_form(view, true),
            Some(Err(error)) => view! { <div class="act-body">{fault(error)}</div> }.into_any(),
            None => view! {
                <div class="act-body"><div class="bones" role="status"><span class="bone bone-m"></span><span class="bone bone-l"></span><span class="bone bone-l"></span><span class="bone bone-plot"></span></div></div>
            }
            .into_any(),
        })
    };
    view! {
        <dialog class="dialog" id="act" aria-labelledby="act-h" node_ref=node on:close=move |_| dialogs.close()>
            <div class="dialog-head">
                <div>
                    <h2 class="dialog-title" id="act-h" tabindex="-1" autofocus>{title}</h2>
                    <p class="small quiet">{facts}</p>
                </div>
                <form method="dialog"><button class="btn btn-quiet btn-icon" aria-label="Close, change nothing">{icon(Icon::Close)}</button></form>
            </div>
            {body}
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
fn show(dialog: &web_sys::HtmlDialogElement, open: bool) {
    if open && !dialog.open() {
        // Refused only when it is already open.
        let _shown = dialog.show_modal();
    } else if !open && dialog.open() {
        dialog.close();
    }
}

#[cfg(not(feature = "hydrate"))]
fn show<T>(_dialog: &T, _open: bool) {}
