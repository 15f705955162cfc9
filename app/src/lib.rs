//! The face of Sternway: pages, rendered on the server and hydrated in the browser.
//!
//! Deliberately absent: SQL, HTTP clients, and every rule; a page shows what it is given, see [`view`].

pub mod api;
pub mod app;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
#[cfg(feature = "ssr")]
pub mod drawn;
pub mod error;
pub mod keys;
pub mod live;
pub mod packed;
pub mod pages;
pub mod path;
pub mod shell;
pub mod view;

pub use app::App;

/// Called once by the module script when it has loaded. Not `wasm_bindgen(start)`, which would be a second call: two of
/// everything would listen.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(App);
}
