//! Where a decision stands in the log, and how that is checked: by the browser itself, or by hand.
//!
//! `<log-proof>` is filled by `app/verify/proof.js`. It compares what stands on the page in `data-field` with what was
//! written down, so such an element holds one text of the record and nothing else.

use crate::components::icon::{icon, small};
use crate::components::marked::marked;
use crate::components::steps::facts;
use crate::view::Icon;
use crate::view::decision::{DecisionView, LogFactsView, RemovedView};
use leptos::prelude::*;

/// A text as it was written, an empty one too: drawn as text it would be a space. Marked texts keep their marks as elements,
/// which the check reads back.
pub(super) fn written(field: impl Into<String>, text: &str) -> AnyView {
    let text = (!text.is_empty()).then(|| text.to_owned());
    view! { <span data-field=field.into()>{text}</span> }.into_any()
}

pub(super) fn written_marked(field: impl Into<String>, text: &str) -> AnyView {
    view! { <span data-field=field.into()>{marked(text)}</span> }.into_any()
}

/// Who took which texts out, and why. Said where the texts stood.
pub(super) fn removed(all: &[RemovedView]) -> AnyView {
    let line = |one: &RemovedView| {
        let because = (!one.because.is_empty()).then(|| format!(", because “{}”", one.because));
        view! {
            <p data-removed=one.field.clone()>
                {format!("{} was removed by {} on {}{}. ", one.what, one.by, one.on, because.unwrap_or_default())}
                <a href=one.link.href.clone()>{format!("Entry {}", one.link.text)}</a>
            </p>
        }
    };
    (!all.is_empty())
        .then(|| {
            view! {
                <div class="notice">
                    {icon(Icon::Lock)}
                    <div class="notice-text"><b>"Not all of it is kept"</b>{all.iter().map(line).collect_view()}</div>
                </div>
            }
        })
        .into_any()
}

/// The panel at the side.
pub(super) fn panel(view: &DecisionView) -> AnyView {
    let log = &view.log;
    let about = format!("/api/v1/decisions/{}", view.id);
    let evidence = (!log.evidence.is_empty()).then(|| log.evidence.clone());
    let files = [
        (format!("{about}/entry"), "The record"),
        (format!("{about}/proof"), "Its proof"),
        ("/log/checkpoint".to_owned(), "The newest signed head"),
        ("/log/key".to_owned(), "The key"),
    ];
    let file = |(href, text): (String, &'static str)| {
        view! { <li><a href=href rel="external">{text}</a></li> }
    };
    view! {
        <section class="panel" id="proof" aria-labelledby="proof-h">
            <div class="panel-head"><h2 id="proof-h">"Proof"</h2><span class="panel-age">{format!("entry {}", log.index)}</span></div>
            <log-proof
                class="proof"
                data-decision=view.id.clone()
                data-index=log.number.to_string()
                data-evidence=evidence
                data-shown=log.shown.clone()
                data-instead=log.instead.clone()
            >
                <p class="proof-said" role="status" data-said="" data-state="waiting">{icon(Icon::Clock)}"Not checked here yet"</p>
                <div class="proof-body" data-body="">
                    <p class="small quiet">"The browser checks it by itself when scripts run. By hand it goes as below."</p>
                </div>
            </log-proof>
            <details class="more">
                <summary>{small(Icon::Right)}"Without this page"</summary>
                <div class="proof-hand">
                    <p class="small quiet">"All of the log, and that it has only grown since the last time:"</p>
                    <pre class="cmd" tabindex="0"><code>"sternway audit pin checkpoint.txt\nsternway audit verify --pin checkpoint.txt"</code></pre>
                    <p class="small quiet">"This entry alone, with anything that reads C2SP tlog-proof:"</p>
                    <ul class="small proof-files">{files.map(file).collect_view()}</ul>
                </div>
            </details>
            {record(log)}
            {facts(&log.facts, "facts proof-facts")}
        </section>
    }
    .into_any()
}

fn record(log: &LogFactsView) -> AnyView {
    let texts = log.texts.iter().map(|(field, text)| {
        let empty = text.is_empty().then(|| view! { <span class="quiet">"empty"</span> });
        view! { <dt><code>{field.clone()}</code></dt><dd>{written(field.clone(), text)}{empty}</dd> }
    });
    let beside = (!log.texts.is_empty()).then(|| {
        view! {
            <p class="small quiet">"The texts of which it holds commitments:"</p>
            <dl class="proof-texts">{texts.collect_view()}</dl>
        }
    });
    view! {
        <details class="more">
            <summary>{small(Icon::Right)}"The record as it was hashed"</summary>
            <pre class="cmd" tabindex="0"><code>{log.canonical.clone()}</code></pre>
            {beside}
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser reads of an element: its texts, without tags and comments.
    fn read(html: &str) -> String {
        html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
    }

    #[test]
    fn given_a_text_then_what_is_drawn_reads_as_it_was_written_an_empty_one_too() {
        for text in ["", " ", "errors rise", "two\nlines, 3 %"] {
            assert_eq!(read(&written("reason", text).to_html()), text, "{text:?}");
        }
    }
}
