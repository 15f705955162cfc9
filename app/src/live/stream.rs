//! The stream in the browser: listening, counting, noticing silence.

use super::{Live, SILENCE, State};
use crate::path;
use gloo_timers::callback::Interval;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{EventSource, MessageEvent};

/// A burst of events is read once.
const BURST: u32 = 300;
/// Between two attempts after the browser has given up, milliseconds.
const RETRY: f64 = 3_000.0;

fn clock() -> f64 {
    js_sys::Date::now()
}

/// `14:03:10`, UTC, as everywhere on the page.
fn time_of_day() -> String {
    let iso = String::from(js_sys::Date::new_0().to_iso_string());
    iso.get(11..19).unwrap_or_default().to_owned()
}

/// `{"topic": "…", "version": 1}` without more than is needed.
fn told(data: &str) -> Option<(String, f64)> {
    let value = js_sys::JSON::parse(data).ok()?;
    let field = |name: &str| js_sys::Reflect::get(&value, &JsValue::from_str(name)).ok();
    Some((field("topic")?.as_string()?, field("version")?.as_f64().unwrap_or_default()))
}

/// What is called as long as the tab lives.
struct Handlers {
    message: Closure<dyn Fn(MessageEvent)>,
    open: Closure<dyn Fn()>,
    error: Closure<dyn Fn()>,
}

impl Handlers {
    fn connect(&self) -> Option<EventSource> {
        let source = EventSource::new(path::EVENTS).ok()?;
        source.set_onmessage(Some(self.message.as_ref().unchecked_ref()));
        source.set_onopen(Some(self.open.as_ref().unchecked_ref()));
        source.set_onerror(Some(self.error.as_ref().unchecked_ref()));
        Some(source)
    }
}

impl Live {
    /// Opens the stream for the life of the tab. Called once. `position`: of the log of events when the page was made;
    /// what happened between that and the stream's beginning is read again.
    pub fn listen(self, position: u64) {
        self.heard.set(clock());
        let pending = StoredValue::new(Vec::<String>::new());
        let first = StoredValue::new(true);
        let message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some((topic, version)) = event.data().as_string().as_deref().and_then(told) {
                self.hear();
                // The first message says where the log is.
                if first.try_update_value(|first| std::mem::replace(first, false)) == Some(true)
                    && version > position as f64
                {
                    pending.update_value(|pending| pending.push("resync".to_owned()));
                }
                if topic != "beat" {
                    pending.update_value(|pending| pending.push(topic));
                }
            }
        });
        let open = Closure::<dyn Fn()>::new(move || {
            if self.state.get_untracked() == State::Lost {
                pending.update_value(|pending| pending.push("resync".to_owned()));
            }
            self.hear();
        });
        let error = Closure::<dyn Fn()>::new(move || self.lose());
        let handlers = Handlers { message, open, error };
        // Held by the last interval, which lives as long as the tab: dropped, it would be closed.
        let mut source = handlers.connect();
        let mut tried = clock();
        Interval::new(BURST, move || {
            if self.state.get_untracked() == State::Live && pending.with_value(|pending| !pending.is_empty()) {
                let topics = pending.try_update_value(std::mem::take).unwrap_or_default();
                self.seen.update(|seen| {
                    for topic in topics {
                        *seen.entry(topic).or_default() += 1;
                    }
                });
            }
        })
        .forget();
        Interval::new(1000, move || {
            self.now.set(clock());
            if clock() - self.heard.get_untracked() > SILENCE {
                self.lose();
            }
            // A browser comes back by itself after a broken connection, but never after an answer that is no stream,
            // as a proxy gives while the server behind it starts again.
            let given_up = source.as_ref().is_none_or(|source| source.ready_state() == EventSource::CLOSED);
            if given_up && clock() - tried > RETRY {
                tried = clock();
                // The page itself is asked too: it says so when the answer is that the session is over.
                self.seen.update(|seen| *seen.entry("resync".to_owned()).or_default() += 1);
                source = handlers.connect();
            }
        })
        .forget();
    }

    fn hear(self) {
        self.heard.set(clock());
        self.now.set(clock());
        if self.state.get_untracked() != State::Paused {
            self.change(State::Live);
        }
    }

    fn lose(self) {
        if matches!(self.state.get_untracked(), State::Made | State::Live) {
            self.since.set(time_of_day());
            self.change(State::Lost);
        }
    }

    fn change(self, state: State) {
        if self.state.get_untracked() != state {
            self.state.set(state);
        }
    }

    /// Pauses, or goes on with everything that came meanwhile.
    pub fn toggle(self) {
        if self.state.get_untracked() == State::Paused {
            self.state.set(State::Live);
        } else {
            self.since.set(time_of_day());
            self.state.set(State::Paused);
        }
    }
}
