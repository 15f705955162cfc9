//! The board: one table; wide it is rows, narrow it is cards.

use super::chart::spark;
use super::icon::{icon, toned};
use super::marked::marked;
use super::text::{pill, time};
use super::track::mini;
use crate::path;
use crate::view::board::{BoardGroup, BoardRow, BoardView, CountView, FinishedGroup, FinishedRow, SignalCell};
use leptos::prelude::*;

pub fn counts(counts: &[CountView]) -> AnyView {
    let links = counts.iter().map(|count| {
        let wide = (!count.wide.is_empty()).then(|| view! { <span class="only-wide">{count.wide.clone()}</span> });
        view! {
            <a class="count" href=count.href.clone() aria-current=count.current.then_some("true")>
                {toned(count.icon, count.tone)}
                <b>{count.count}</b>" "{count.label.clone()}{wide}
            </a>
        }
    });
    view! { <nav class="counts" aria-label="Releases by need">{links.collect_view()}</nav> }.into_any()
}

pub fn board(view: &BoardView) -> AnyView {
    view! {
        <table class="board" aria-label="Releases, sorted by need. Canary above, baseline below.">
            <colgroup>
                <col class="col-service"/>
                <col/>
                <col class="col-stage"/>
                <col class="col-sig"/>
                <col class="col-sig"/>
                <col class="col-sig"/>
                <col class="col-sig"/>
                <col class="col-act"/>
            </colgroup>
            <thead>
                <tr>
                    <th scope="col">"Service"</th>
                    <th scope="col">"Verdict"</th>
                    <th scope="col">"Stage"</th>
                    <th scope="col" class="num">"Errors"</th>
                    <th scope="col" class="num">"p99 latency"</th>
                    <th scope="col" class="num">"Traffic"</th>
                    <th scope="col" class="num">"Saturation"</th>
                    <th scope="col" class="num"><span class="sr">"Recommended act"</span></th>
                </tr>
            </thead>
            {view.groups.iter().map(group).collect_view()}
            {view.finished.as_ref().map(finished)}
        </table>
    }
    .into_any()
}

fn group(group: &BoardGroup) -> AnyView {
    view! {
        <tbody>
            <tr class="board-group"><th scope="rowgroup" colspan="8"><b>{format!("{} {}", group.title, group.rows.len())}</b></th></tr>
            {group.rows.iter().map(row).collect_view()}
        </tbody>
    }
    .into_any()
}

fn row(row: &BoardRow) -> AnyView {
    let act = &row.act;
    let says = (!row.says.is_empty()).then(|| format!(" {}", row.says));
    view! {
        <tr class=row.edge.class() data-release=row.id.clone() data-promote=row.can_promote.then_some("") data-rollback=row.can_roll_back.then_some("")>
            <th scope="row">
                <a class="rel-name" href=path::release(&row.id)>{row.service.clone()}</a>
                <span class="rel-ver">{super::text::versions(&row.from, &row.to)}</span>
            </th>
            <td class="rel-verdict">
                <span class="rel-says">{pill(&row.pill)}{says}</span>
                <span class="rel-why">{marked(&row.why)}</span>
            </td>
            <td class="rel-at">
                <div class="rel-stage">{mini(&row.stages)}<span><b>{row.share.clone()}</b><small>{row.clock.clone()}</small></span></div>
            </td>
            {row.signals.iter().map(signal).collect_view()}
            <td class="rel-act">
                <a class=act.style.class() href=act.href.clone() data-act=act.verb.clone() data-of=row.id.clone() rel=act.verb.is_some().then_some("external")>
                    {act.icon.map(icon)}{act.label.clone()}<span class="sr">{format!(" {}", row.service)}</span>
                </a>
            </td>
        </tr>
    }
    .into_any()
}

fn signal(cell: &SignalCell) -> AnyView {
    let now = if cell.off { "sig-now sig-off" } else { "sig-now" };
    view! {
        <td>
            <div class="sig">
                {cell.spark.as_ref().map(spark)}
                <span class="sig-label">{cell.label.clone()}</span>
                <span class=now>{cell.now.clone()}</span>
                <span class="sig-base"><span class="sr">"baseline "</span>{cell.base.clone()}</span>
            </div>
        </td>
    }
    .into_any()
}

fn finished(group: &FinishedGroup) -> AnyView {
    view! {
        <tbody>
            <tr class="board-group">
                <th scope="rowgroup" colspan="8"><b>{format!("{} {}", group.title, group.count)}</b>{format!(" \u{a0}{}", group.note)}</th>
            </tr>
            {group.rows.iter().map(finished_row).collect_view()}
        </tbody>
    }
    .into_any()
}

fn finished_row(row: &FinishedRow) -> AnyView {
    view! {
        <tr class="rel rel-done" data-release=row.id.clone()>
            <th scope="row">
                <a class="rel-name" href=path::release(&row.id)>{row.service.clone()}</a>
                <span class="rel-ver">{super::text::versions(&row.from, &row.to)}</span>
            </th>
            <td class="rel-verdict"><span class="rel-says">{pill(&row.pill)}</span></td>
            <td class="rel-what" colspan="5">{marked(&row.what)}</td>
            <td class="rel-act num quiet">{time(&row.at)}</td>
        </tr>
    }
    .into_any()
}
