//! An address that leads nowhere.

use super::title;
use crate::components::notice::fault_page;
use crate::error::AppError;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

#[component]
pub fn NotFound() -> impl IntoView {
    not_found_status();
    let pathname = use_location().pathname.get_untracked();
    let shown: String = pathname.chars().take(80).collect();
    view! { {title("Nothing here")}{fault_page(&AppError::NotFound { what: format!("page `{shown}`") })} }
}

#[cfg(feature = "ssr")]
fn not_found_status() {
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>() {
        options.set_status(axum::http::StatusCode::NOT_FOUND);
    }
}

#[cfg(not(feature = "ssr"))]
fn not_found_status() {}
