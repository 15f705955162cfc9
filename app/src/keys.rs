//! Single keys, and clicks that open dialogs. All of it only adds to what links and forms already do.

use leptos::prelude::*;

#[cfg(feature = "hydrate")]
mod listen;
#[cfg(feature = "hydrate")]
pub(crate) use listen::arrive;

#[cfg(not(feature = "hydrate"))]
pub(crate) fn arrive() {}

/// Whether single keys act; they can be switched off (WCAG 2.1.4).
#[derive(Clone, Copy)]
pub struct Keys(RwSignal<bool>);

impl Keys {
    pub fn new() -> Self {
        Self(RwSignal::new(true))
    }

    pub fn on(self) -> bool {
        self.0.get()
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(not(feature = "hydrate"))]
impl Keys {
    pub fn toggle(self) {}
}
