//! A page's one resource, its one `Suspense`, and how it stays live.

use super::icon::icon;
use super::notice::{bones, fault_page};
use crate::api::{self, Ask, Lost};
use crate::error::AppError;
use crate::live::Live;
use crate::view::Icon;
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use std::sync::Arc;

type Show = Arc<dyn Fn(&Result<String, Lost>) -> Result<AnyView, AppError> + Send + Sync>;

/// Shows what was asked for and reads it again whenever one of `topics` changes. A page that was once read stays on
/// show when reading it again fails.
pub fn loaded<T: DeserializeOwned>(
    ask: impl Fn() -> Ask + Send + Sync + 'static,
    topics: impl Fn() -> Vec<String> + Send + Sync + 'static,
    show: impl Fn(&T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    content(Box::new(ask), Box::new(topics), Arc::new(move |answer| api::read::<T>(answer).map(|view| show(&view))))
}

/// The same for every page, so that it is there once.
fn content(
    ask: Box<dyn Fn() -> Ask + Send + Sync>,
    topics: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    show: Show,
) -> AnyView {
    let live = expect_context::<Live>();
    let resource = Resource::new(ask, api::page);
    let changed = Memo::new(move |_| topics().iter().map(|topic| live.seen(topic)).sum::<u64>());
    Effect::new(move |before: Option<u64>| {
        let now = changed.get();
        if before.is_some_and(|before| before != now) {
            resource.refetch();
        }
        now
    });
    let last = StoredValue::new(None::<Result<String, Lost>>);
    let content = move || {
        let show = Arc::clone(&show);
        Suspend::new(async move {
            let answer = resource.await;
            match show(&answer) {
                Ok(page) => {
                    last.try_set_value(Some(answer));
                    shown(None, page)
                }
                Err(error @ AppError::Unavailable { .. }) => {
                    match last.try_get_value().flatten().and_then(|last| show(&last).ok()) {
                        Some(page) => shown(Some(&error), page),
                        None => fault_page(&error),
                    }
                }
                Err(error) => fault_page(&error),
            }
        })
    };
    view! { <Transition fallback=bones>{content}</Transition> }.into_any()
}

fn shown(error: Option<&AppError>, page: AnyView) -> AnyView {
    let notice = error.map(|error| {
        view! {
            <div class="notice notice-caution notice-page" role="status">
                {icon(Icon::Suspect)}
                <div class="notice-text"><b>"Not as of now"</b><p>{error.to_string()}" What stands below is what was read before."</p></div>
            </div>
        }
    });
    view! { {notice}{page} }.into_any()
}
