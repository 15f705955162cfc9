//! Small tables of values.

use super::text::time;
use crate::view::Tone;
use crate::view::chart::{CellView, TableView};
use leptos::prelude::*;

/// Nothing at all when the table has no head.
pub fn table(table: &TableView) -> AnyView {
    if table.head.is_empty() {
        return ().into_any();
    }
    let head = table
        .head
        .iter()
        .enumerate()
        .map(|(column, name)| view! { <th scope="col" class=(column > 0).then_some("num")>{name.clone()}</th> })
        .collect_view();
    let rows = table
        .rows
        .iter()
        .map(|row| {
            let name = row.at.as_ref().map(time).unwrap_or_else(|| row.name.clone().into_any());
            view! { <tr><th scope="row">{name}</th>{row.cells.iter().map(cell).collect_view()}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=table.caption.clone()>
            <table class="table table-s">
                <thead><tr>{head}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn cell(cell: &CellView) -> AnyView {
    let class = match cell.tone {
        Tone::Plain | Tone::Back => "num".to_owned(),
        tone => format!("num strong {}", tone.is()),
    };
    view! { <td class=class>{cell.text.clone()}</td> }.into_any()
}
