//! The face of Sternway: pages, rendered on the server and hydrated in the browser.

#[cfg(feature = "ssr")]
pub mod backend;
pub mod error;
pub mod path;
pub mod shell;
pub mod view;
