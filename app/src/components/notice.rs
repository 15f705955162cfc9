//! Notices, designed states of a panel, and what is shown when something could not be given.

use super::icon::{icon, toned};
use super::marked::marked;
use super::text::link;
use crate::error::AppError;
use crate::path;
use crate::view::release::ToastView;
use crate::view::{ChangeView, Icon, LinkView, NoticeView, Or, StateView, Tone};
use leptos::prelude::*;

pub fn notice(notice: &NoticeView) -> AnyView {
    let class =
        if notice.tone == Tone::Plain { "notice".to_owned() } else { format!("notice notice-{}", notice.tone.name()) };
    let text = (!notice.text.is_empty()).then(|| view! { <p>{marked(&notice.text)}</p> });
    view! {
        <div class=class>
            {icon(notice.icon)}
            <div class="notice-text"><b>{marked(&notice.title)}</b>{text}</div>
            {notice.acts.iter().map(button).collect_view()}
        </div>
    }
    .into_any()
}

fn button(act: &LinkView) -> AnyView {
    view! { <a class="btn" href=act.href.clone()>{act.text.clone()}</a> }.into_any()
}

/// What happened while somebody was looking at something older.
pub fn changed(changes: &[ChangeView], what: &'static str) -> AnyView {
    let lines = changes
        .iter()
        .map(|change| {
            let quote = (!change.quote.is_empty()).then(|| format!(" “{}”", change.quote));
            view! { <li>{super::text::time(&change.at)}" "{marked(&change.text)}{quote}" "<span class="quiet">{change.who.clone()}</span></li> }
        })
        .collect_view();
    view! {
        <div class="notice notice-accent" role="alert">
            {icon(Icon::Info)}
            <div class="notice-text">
                <b>{format!("The {what} changed while this was open")}</b>
                <ul class="changes">{lines}</ul>
                <p>"Nothing was done. What stands below is as of now: read it again, then confirm."</p>
            </div>
        </div>
    }
    .into_any()
}

pub fn toast(toast: &ToastView) -> AnyView {
    view! {
        <p class="toast" role="status">{icon(Icon::Pass)}<span>{toast.text.clone()}</span>{toast.link.as_ref().map(link)}</p>
    }
    .into_any()
}

/// Instead of a panel's content.
pub fn state(state: &StateView) -> AnyView {
    let class = match state.tone {
        Tone::Stop => "state state-stop",
        Tone::Caution => "state state-caution",
        Tone::Hold => "state state-hold",
        Tone::Plain | Tone::Go | Tone::Accent | Tone::Back => "state",
    };
    let acts = (!state.acts.is_empty())
        .then(|| view! { <div class="state-act">{state.acts.iter().map(button).collect_view()}</div> });
    view! {
        <div class=class>
            {icon(state.icon)}
            <div><b>{state.title.clone()}</b><p>{marked(&state.text)}</p></div>
            {acts}
        </div>
    }
    .into_any()
}

/// The content, or what stands there instead.
pub fn or<T>(either: &Or<T>, show: impl FnOnce(&T) -> AnyView) -> AnyView {
    match either {
        Or::Shown(content) => show(content),
        Or::Instead(instead) => state(instead),
    }
}

/// A page that could not be given, in words, with the next step.
pub fn fault(error: &AppError) -> AnyView {
    let (icon, tone, title, text, act) = match error {
        AppError::NotSignedIn => (
            Icon::Lock,
            Tone::Plain,
            "You are not signed in",
            "Your session is over or was ended elsewhere. Releases go on.".to_owned(),
            LinkView::new(path::SIGN_IN, "Sign in"),
        ),
        AppError::Forbidden { why } => (
            Icon::Lock,
            Tone::Plain,
            "You may not see or do this",
            format!("{why} The attempt is written in the decision log."),
            LinkView::new(path::BOARD, "Back to the releases"),
        ),
        AppError::NotFound { what } => (
            Icon::NoData,
            Tone::Hold,
            "Nothing here",
            format!("There is no {what}. It may have another name, or the address is not complete."),
            LinkView::new(path::BOARD, "Back to the releases"),
        ),
        AppError::Unavailable { what, request_id } => (
            Icon::Fail,
            Tone::Stop,
            "This could not be read",
            format!("{what} Request `{request_id}`."),
            LinkView::new("", "Try again"),
        ),
        AppError::Conflict { .. } | AppError::Refused { .. } | AppError::Invalid { .. } => (
            Icon::Fail,
            Tone::Stop,
            "This was not done",
            error.to_string(),
            LinkView::new(path::BOARD, "Back to the releases"),
        ),
    };
    state(&StateView { tone, icon, title: title.to_owned(), text, acts: vec![act] })
}

/// A whole page in place of one that could not be given.
pub fn fault_page(error: &AppError) -> AnyView {
    view! {
        <main class="page page-fault" id="main" tabindex="-1">
            <h1 class="sr">{error.to_string()}</h1>
            {fault(error)}
        </main>
    }
    .into_any()
}

/// Faults of a form, above it.
pub fn form_fault(error: &AppError, nothing: &'static str) -> AnyView {
    let title = match error {
        AppError::Invalid { problems } if problems.len() > 1 => format!("{} things need another value", problems.len()),
        AppError::Invalid { .. } => "One thing needs another value".to_owned(),
        AppError::Conflict { .. } => "The release changed".to_owned(),
        AppError::Forbidden { .. } => "You may not do this".to_owned(),
        _ => "This was not done".to_owned(),
    };
    let text = match error {
        AppError::Invalid { problems } => problems.iter().map(|p| p.text.clone()).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    view! {
        <div class="notice notice-stop" role="alert">
            {toned(Icon::Fail, Tone::Plain)}
            <div class="notice-text"><b>{title}</b><p>{marked(&text)}" "{nothing}</p></div>
        </div>
    }
    .into_any()
}

/// The size of what will come.
pub fn bones() -> AnyView {
    view! {
        <main class="page" id="main" tabindex="-1">
            <div class="bones bones-page" role="status">
                <span class="sr">"Loading"</span>
                <span class="bone bone-m"></span>
                <span class="bone bone-l"></span>
                <span class="bone bone-l"></span>
                <span class="bone bone-plot"></span>
                <span class="bone bone-l"></span>
            </div>
        </main>
    }
    .into_any()
}
