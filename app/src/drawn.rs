//! Pages that need nothing of the browser's program but their links and forms: the server draws them whole, and the browser
//! shows what it is handed. They cost no WebAssembly.

use crate::view::Drawn;
use leptos::prelude::*;

pub mod data;
pub mod decision;
pub mod decisions;
mod proof;
pub mod redact;
pub mod rehearsal;
pub mod runbook;
pub mod runbooks;
pub mod service;
pub mod services;

impl Drawn {
    fn new(title: impl Into<String>, main: impl IntoView) -> Self {
        Self { title: title.into(), html: main.into_view().to_html() }
    }
}
