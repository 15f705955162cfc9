//! What a verdict rests on: two pictures and a table.

use super::chart::{Size, chart};
use super::notice::or;
use super::steps::checks;
use super::table::table;
use crate::view::release::ExplainedView;
use leptos::prelude::*;

pub fn explained(view: &ExplainedView) -> AnyView {
    let remarks = (!view.remarks.is_empty()).then(|| checks(&view.remarks));
    let sources =
        (!view.sources.head.is_empty()).then(|| view! { <div class="explained-table">{table(&view.sources)}</div> });
    let half = |chart_or| or(chart_or, |view| chart(view, Size::Half));
    view! {
        <section class="panel-signals" aria-labelledby="evidence-h">
            <div class="panel-head"><h2 id="evidence-h">"Evidence"</h2><span>{view.note.clone()}</span></div>
            {sources}
            <div class="explained">
                <div>{half(&view.evidence)}</div>
                <div>{half(&view.placebo)}</div>
            </div>
            <div class="explained-table">{table(&view.table)}{remarks}</div>
        </section>
    }
    .into_any()
}
