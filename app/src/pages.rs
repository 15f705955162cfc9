//! One page per route. A page names its resource and hands what it holds to components.

pub mod act;
pub mod board;
pub mod drawn;
pub mod flags;
pub mod new_release;
pub mod not_found;
pub mod release;
pub mod setup;
pub mod sign_in;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

/// A part of the path; empty when it is not there.
fn param(name: &'static str) -> Signal<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(name).unwrap_or_default())).into()
}

/// A field of the query; empty when it is not there.
fn query(name: &'static str) -> Signal<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get(name).unwrap_or_default())).into()
}

/// `checkout 1.41.3 → 1.42.0 - Sternway`.
fn title(text: impl Into<String>) -> AnyView {
    let text = format!("{} - Sternway", text.into());
    view! { <leptos_meta::Title text=text/> }.into_any()
}
