//! The face of Sternway: pages, rendered on the server and hydrated in the browser.
//!
//! Deliberately absent: SQL, HTTP clients, and every rule; a page shows what it is given, see [`view`].

pub mod api;
pub mod app;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod error;
pub mod keys;
pub mod live;
pub mod packed;
pub mod pages;
pub mod path;
pub mod shell;
pub mod view;

pub use app::App;

/// Called by the browser once the module is loaded.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn hydrate() {
    leptos::mount::hydrate_body(App);
}
