//! A page's one resource, its one `Suspense`, and how it stays live.

use super::icon::icon;
use super::notice::{bones, fault_page};
use crate::error::AppError;
use crate::live::Live;
use crate::view::Icon;
use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Shows what the resource holds and reads it again whenever one of `topics` changes. A page that was once read stays on
/// show when reading it again fails.
pub fn loaded<T>(
    resource: Resource<Result<T, AppError>>,
    topics: impl Fn() -> Vec<String> + Send + Sync + 'static,
    show: impl Fn(&T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    let live = expect_context::<Live>();
    let changed = Memo::new(move |_| topics().iter().map(|topic| live.seen(topic)).sum::<u64>());
    Effect::new(move |before: Option<u64>| {
        let now = changed.get();
        if before.is_some_and(|before| before != now) {
            resource.refetch();
        }
        now
    });
    let last = StoredValue::new(None::<T>);
    let content = move || {
        let show = show.clone();
        Suspend::new(async move {
            match resource.await {
                Ok(view) => {
                    let shown = shown(None, show(&view));
                    last.try_set_value(Some(view));
                    shown
                }
                Err(error @ AppError::Unavailable { .. }) => match last.try_get_value().flatten() {
                    Some(view) => shown(Some(&error), show(&view)),
                    None => fault_page(&error),
                },
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
