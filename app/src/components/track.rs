//! The stage track, its small form, and traffic asked and observed.

use super::icon::{icon, toned};
use super::marked::marked;
use super::text::{percent, tenth, time, time_and_age};
use crate::view::Icon;
use crate::view::board::MiniStage;
use crate::view::release::{FlowView, StageState, StageView, TrackView};
use leptos::prelude::*;

pub fn track(view: &TrackView, flow: &FlowView) -> AnyView {
    view! {
        <section class="track-wrap" aria-label="Stages">
            <ol class="track">{view.stages.iter().map(stage).collect_view()}</ol>
            {traffic(flow)}
        </section>
    }
    .into_any()
}

fn stage(stage: &StageView) -> AnyView {
    let state = match stage.state {
        StageState::Done => "done",
        StageState::Now | StageState::Held => "now",
        StageState::Next => "next",
    };
    let here = matches!(stage.state, StageState::Now | StageState::Held);
    let mark = match stage.state {
        StageState::Done => Some(Icon::StepDone),
        StageState::Now => Some(Icon::StepNow),
        StageState::Held => Some(Icon::Hold),
        StageState::Next => None,
    };
    let more = (!stage.note_more.is_empty())
        .then(|| view! { <span class="track-more"><br/>{marked(&stage.note_more)}</span> });
    view! {
        <li class="track-stage" data-state=state data-held=(stage.state == StageState::Held).then_some("") aria-current=here.then_some("step")>
            {drawn(stage)}
            <div>
                <p class="track-share">{mark.map(icon)}{format!("{}\u{a0}%", stage.asked)}</p>
                <p class="track-note">{marked(&stage.note)}{more}</p>
            </div>
        </li>
    }
    .into_any()
}

/// As tall as the share: dashed where it was asked, filled as high as the proxy reports and as far as it has baked.
fn drawn(stage: &StageView) -> AnyView {
    let asked = f64::from(stage.asked);
    let here = matches!(stage.state, StageState::Now | StageState::Held);
    let seen = match stage.state {
        StageState::Done => asked,
        StageState::Now | StageState::Held => f64::from(stage.observed.unwrap_or(0)).min(100.0),
        StageState::Next => 0.0,
    };
    let width = percent(if stage.state == StageState::Done { 100.0 } else { stage.baked.clamp(0.0, 1.0) * 100.0 });
    let (room_y, seen_y) = (percent(100.0 - asked), percent(100.0 - seen));
    let fill = (seen > 0.0).then(|| {
        view! {
            <rect class="step-seen" y=seen_y.clone() width=width.clone() height=percent(seen)></rect>
            <line class="step-edge" x2=width.clone() y1=seen_y.clone() y2=seen_y.clone()></line>
        }
    });
    let dashed = (stage.state != StageState::Done)
        .then(|| view! { <line class="step-asked" x2="100%" y1=room_y.clone() y2=room_y.clone()></line> });
    let head = here.then(|| {
        view! {
            <line class="step-head" x1=width.clone() x2=width.clone() y1=seen_y.clone() y2="100%"></line>
            <circle class="step-tip" cx=width.clone() cy=seen_y.clone() r="4"></circle>
        }
    });
    view! {
        <svg class="step" aria-hidden="true">
            <rect class="step-room" y=room_y.clone() width="100%" height=percent(asked)></rect>
            {fill}
            {dashed}
            <line class="step-floor" x2="100%" y1="100%" y2="100%"></line>
            {head}
        </svg>
    }
    .into_any()
}

fn traffic(flow: &FlowView) -> AnyView {
    let off = (flow.asked != flow.observed).then_some("is-off");
    let note = (!flow.note.is_empty())
        .then(|| view! { <p class="flow-note">{toned(flow.icon, flow.tone)}" "{marked(&flow.note)}</p> });
    view! {
        <div class="flow">
            <dl class="flow-pair">
                <dt>"Asked"</dt>
                <dd>{flow.asked.clone()}</dd>
                <dd class="flow-age">{flow.asked_at.as_ref().map(time)}</dd>
                <dt>{flow.observer.clone()}</dt>
                <dd class=off>{flow.observed.clone()}</dd>
                <dd class="flow-age">{flow.observed_at.as_ref().map(time_and_age)}</dd>
            </dl>
            {note}
        </div>
    }
    .into_any()
}

/// At the size of a word: 56 × 20, a step per stage.
pub fn mini(stages: &[MiniStage]) -> AnyView {
    let count = stages.len().max(1) as f64;
    let width = (56.0 - 2.0 * (count - 1.0)) / count;
    let bars = stages
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            let x = index as f64 * (width + 2.0);
            let height = (f64::from(stage.percent) / 5.0).max(2.0).round();
            let bar = |class: Option<&'static str>, width: f64| {
                view! { <rect class=class x=tenth(x) y=tenth(20.0 - height) width=tenth(width) height=tenth(height)></rect> }
            };
            let room = bar((stage.done || stage.now.is_some()).then_some("done"), width);
            let now = stage.now.map(|now| bar(Some("now"), width * now.clamp(0.08, 1.0)));
            view! { {room}{now} }
        })
        .collect_view();
    view! { <svg class="track-mini" viewBox="0 0 56 20" aria-hidden="true">{bars}</svg> }.into_any()
}
