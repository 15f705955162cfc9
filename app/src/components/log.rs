//! The log of decisions: a table of record, newest first.

use super::icon::toned;
use super::marked::marked;
use super::text::time;
use crate::path;
use crate::view::decision::{DayView, DecisionRow, Proof};
use crate::view::{Icon, Tone};
use leptos::prelude::*;

pub fn log(days: &[DayView]) -> AnyView {
    view! {
        <table class="table log" aria-label="Decisions, newest first">
            <thead>
                <tr>
                    <th scope="col" class="log-w-time">"Time"</th>
                    <th scope="col" class="log-w-act">"Act"</th>
                    <th scope="col" class="log-w-rel">"Release"</th>
                    <th scope="col">"Reason"</th>
                    <th scope="col" class="log-w-who">"Actor"</th>
                    <th scope="col" class="log-w-out">"Outcome"</th>
                    <th scope="col" class="col-evidence log-w-ev">"Evidence"</th>
                    <th scope="col" class="num log-w-proof">"Entry, proof"</th>
                </tr>
            </thead>
            {days.iter().map(day).collect_view()}
        </table>
    }
    .into_any()
}

fn day(day: &DayView) -> AnyView {
    view! {
        <tbody>
            <tr class="log-day"><th scope="rowgroup" colspan="8">{day.title.clone()}</th></tr>
            {day.rows.iter().map(row).collect_view()}
        </tbody>
    }
    .into_any()
}

fn row(row: &DecisionRow) -> AnyView {
    let small = |text: &str| (!text.is_empty()).then(|| view! { " "<small>{text.to_owned()}</small> });
    let (proof, said) = match row.proof {
        Proof::Signed => (toned(Icon::Proof, Tone::Go), "in the signed log"),
        Proof::NotSigned => (toned(Icon::Clock, Tone::Plain), "not signed yet"),
        Proof::Unreadable => (toned(Icon::Fail, Tone::Stop), "cannot be read"),
    };
    let quote = (!row.quote.is_empty()).then(|| format!("“{}” ", row.quote));
    view! {
        <tr>
            <td class="log-when">{time(&row.at)}</td>
            <th scope="row" class="log-act">{toned(row.icon, row.tone)}{row.act.clone()}</th>
            <td class="log-rel">{parted(&row.service)}{small(&row.detail)}</td>
            <td class="log-why">{quote}{marked(&row.why)}</td>
            <td class="log-who">{row.who.clone()}{small(&row.who_note)}</td>
            <td class="log-out"><span class="log-said">{toned(row.outcome_icon, row.outcome_tone)}<span>{row.outcome.clone()}</span></span></td>
            <td class="col-evidence quiet">{row.evidence.clone()}</td>
            <td class="log-proof"><a class="log-leaf" href=path::decision(&row.id)>{row.leaf.clone()}<span class="sr">{format!(", {}, {said}", row.act)}</span></a>" "{proof}</td>
        </tr>
    }
    .into_any()
}

/// An address of a person breaks behind its `@`, if it must.
fn parted(name: &str) -> AnyView {
    name.split_inclusive('@').map(|part| view! { {part.to_owned()}<wbr/> }).collect_view().into_any()
}
