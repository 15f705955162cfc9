//! One stream of events per tab. An event names what changed; pages read it again.
//!
//! The server says `{"topic": "release:…", "version": 18}`; `resync` means everything, `beat` only that it lives.

use leptos::prelude::*;
use std::collections::BTreeMap;

#[cfg(feature = "hydrate")]
mod stream;

/// Nothing for this long, and the stream counts as lost. The server beats every 5 s.
#[cfg(feature = "hydrate")]
const SILENCE: f64 = 15_000.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only the browser leaves the first state"))]
enum State {
    /// Before the first event; for good without scripts.
    Made,
    Live,
    Paused,
    Lost,
}

/// Copied into every page by context; owned by the app, which outlives them.
#[derive(Clone, Copy)]
pub struct Live {
    state: RwSignal<State>,
    /// Changes counted per topic; never goes back.
    seen: RwSignal<BTreeMap<String, u64>>,
    /// Of the last sign of life, milliseconds since 1970.
    heard: RwSignal<f64>,
    /// Now, once a second, milliseconds since 1970.
    now: RwSignal<f64>,
    /// `14:03:10`, when it was paused or lost.
    since: RwSignal<String>,
}

impl Live {
    pub fn new() -> Self {
        Self {
            state: RwSignal::new(State::Made),
            seen: RwSignal::new(BTreeMap::new()),
            heard: RwSignal::new(0.0),
            now: RwSignal::new(0.0),
            since: RwSignal::new(String::new()),
        }
    }

    /// How often this topic has changed in this tab; everything counts `resync` too.
    pub fn seen(self, topic: &str) -> u64 {
        self.seen.with(|seen| seen.get(topic).copied().unwrap_or(0) + seen.get("resync").copied().unwrap_or(0))
    }

    pub fn lost(self) -> bool {
        self.state.get() == State::Lost
    }

    pub fn paused(self) -> bool {
        self.state.get() == State::Paused
    }

    /// For `data-state`.
    pub fn name(self) -> &'static str {
        match self.state.get() {
            State::Made => "made",
            State::Live => "live",
            State::Paused => "paused",
            State::Lost => "lost",
        }
    }

    /// The strong word and the rest. `made` is when the page was made.
    pub fn words(self, made: &str) -> (String, String) {
        match self.state.get() {
            State::Made => ("As of".to_owned(), format!(" {made}")),
            State::Live => ("Live".to_owned(), format!(", {} ago", span(self.age()))),
            State::Paused => ("Paused".to_owned(), format!(" at {}", self.since.get())),
            State::Lost => (format!("Not live since {}", self.since.get()), " - retrying".to_owned()),
        }
    }

    /// Whole seconds since the last sign of life.
    fn age(self) -> u64 {
        ((self.now.get() - self.heard.get()).max(0.0) / 1000.0) as u64
    }

    /// How old what is on show is, once the stream is lost: `1:20`.
    pub fn lost_for(self) -> String {
        span(self.age())
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(not(feature = "hydrate"))]
impl Live {
    pub fn toggle(self) {}
}

/// `8 s`, `1:20`, `1:02:10`.
fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}\u{a0}s"),
        (0, minutes) => format!("{minutes}:{rest:02}"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        assert_eq!(span(8), "8\u{a0}s");
        assert_eq!(span(80), "1:20");
        assert_eq!(span(3730), "1:02:10");
    }
}
