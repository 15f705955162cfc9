//! The stream in the browser: listening, counting, noticing silence.

use super::{Live, SILENCE, State};
use crate::path;
use gloo_timers::callback::Interval;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{EventSource, MessageEvent};

/// A burst of events is read once.
const BURST: u32 = 300;

fn clock() -> f64 {
    js_sys::Date::now()
}

/// `14:03:10`, UTC, as everywhere on the page.
fn time_of_day() -> String {
    let iso = String::from(js_sys::Date::new_0().to_iso_string());
    iso.get(11..19).unwrap_or_default().to_owned()
}

/// `{"topic": "…", "version": 1}` without more than is needed.
fn topic_of(data: &str) -> Option<String> {
    let value = js_sys::JSON::parse(data).ok()?;
    js_sys::Reflect::get(&value, &JsValue::from_str("topic")).ok()?.as_string()
}

impl Live {
    /// Opens the stream for the life of the tab. Called once.
    pub fn listen(self) {
        let Ok(source) = EventSource::new(path::EVENTS) else { return };
        self.heard.set(clock());
        let pending = StoredValue::new(Vec::<String>::new());
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(topic) = event.data().as_string().as_deref().and_then(topic_of) {
                self.hear();
                if topic != "beat" {
                    pending.update_value(|pending| pending.push(topic));
                }
            }
        });
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let on_open = Closure::<dyn Fn()>::new(move || {
            if self.state.get_untracked() == State::Lost {
                pending.update_value(|pending| pending.push("resync".to_owned()));
            }
            self.hear();
        });
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        let on_error = Closure::<dyn Fn()>::new(move || self.lose());
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        // They live as long as the tab.
        on_message.forget();
        on_open.forget();
        on_error.forget();
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
        })
        .forget();
        // The source itself must not be dropped: that would close it.
        std::mem::forget(source);
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
