//! Charts: labels stand at percentages, so text keeps its size; the lines lie in an inner SVG that stretches.

use super::icon::{small, toned};
use super::table::table;
use super::text::percent;
use crate::view::Icon;
use crate::view::chart::{Arm, ChartView, EndView, LevelView, MarkKind, MarkView, PointView, SparkView, ValueView};
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Small,
    /// Small, outside the grid of charts.
    Bare,
    /// The deciding one, with its table; the value stands in the sentence beside it.
    Wide,
    /// As wide, not as high: two abreast.
    Half,
}

pub fn chart(view: &ChartView, size: Size) -> AnyView {
    let wide = matches!(size, Size::Wide | Size::Half);
    let id = format!("c-{}", view.key);
    let flag = view.flag.as_ref().map(|flag| {
        let class = format!("chart-flag {}", if wide { flag.tone.is() } else { "" });
        view! { <span class=class>{toned(flag.icon, flag.tone)}" "{flag.text.clone()}</span> }
    });
    let now = (!wide)
        .then(|| view! { <p class="chart-now"><b>{view.now.clone()}</b><span>{view.against.clone()}</span></p> });
    let rows = wide.then(|| as_table(view));
    view! {
        <figure class=if size == Size::Small { "chart" } else { "chart chart-bare" } aria-labelledby=id>
            <figcaption class="chart-head">
                <h3 class="chart-name" id=id.clone()>{view.name.clone()}</h3>
                {flag}
                {now}
            </figcaption>
            <Plot view=view.clone() size/>
            {rows}
        </figure>
    }
    .into_any()
}

fn as_table(view: &ChartView) -> AnyView {
    if view.table.head.is_empty() {
        return ().into_any();
    }
    view! {
        <details class="chart-table">
            <summary>{small(Icon::Right)}"Same data as a table"</summary>
            {table(&view.table)}
        </details>
    }
    .into_any()
}

/// The picture. Pointer or arrow keys read both arms at a time.
#[component]
fn Plot(view: ChartView, size: Size) -> impl IntoView {
    let reading = RwSignal::new(None::<usize>);
    let points = StoredValue::new(view.points.clone());
    let lines = StoredValue::new(view.lines.clone());
    let count = view.points.len();
    let near = move |x: f64| {
        points.with_value(|points| {
            let distance = |point: &PointView| ((point.x - x).abs() * 100.0) as i64;
            points.iter().enumerate().min_by_key(|(_, point)| distance(point)).map(|(index, _)| index)
        })
    };
    let on_pointer = move |event: leptos::ev::PointerEvent| reading.set(near(pointer_share(&event)));
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let last = count.saturating_sub(1);
        let next = match (event.key().as_str(), reading.get_untracked()) {
            _ if count == 0 => return,
            ("ArrowLeft", Some(at)) => Some(at.saturating_sub(1)),
            ("ArrowRight", Some(at)) => Some((at + 1).min(last)),
            ("ArrowLeft" | "ArrowRight" | "End", _) => Some(last),
            ("Home", _) => Some(0),
            ("Escape", Some(_)) => None,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        reading.set(next);
    };
    let point = move || reading.get().and_then(|at| points.with_value(|points| points.get(at).cloned()));
    let read = move || point().map(|point| lines.with_value(|lines| cursor(&point, lines)));
    let said = move || point().map(|point| lines.with_value(|lines| spoken(&point, lines))).unwrap_or_default();
    let ends = move || reading.get().is_none().then(|| points_shown(&view.ends));
    let grid = view.grid.iter().map(|line| {
        let y = percent(line.y);
        view! { <line class="grid" x2="100%" y1=y.clone() y2=y></line> }
    });
    let grid_labels = view.grid.iter().filter(|line| !line.label.is_empty()).map(|line| {
        view! { <text class="halo" y=percent(line.y) dy="-4">{line.label.clone()}</text> }
    });
    let gaps = view
        .gaps
        .iter()
        .map(|gap| view! { <rect class="gap" x=percent(gap.x) width=percent(gap.width) height="100%"></rect> });
    let ticks = view.ticks.iter().map(|tick| {
        let anchor = if tick.x >= 99.0 { "end" } else if tick.x <= 1.0 { "start" } else { "middle" };
        view! { <text class=tick.fine.then_some("fine") x=percent(tick.x) y="100%" dy="16" text-anchor=anchor>{tick.label.clone()}</text> }
    });
    view! {
        <svg
            class=match size {
                Size::Small | Size::Bare => "plot",
                Size::Wide => "plot plot-wide",
                Size::Half => "plot plot-wide plot-half",
            }
            role="img"
            aria-label=view.sentence.clone()
            tabindex=(count != 0).then_some("0")
            on:pointermove=on_pointer
            on:pointerleave=move |_| reading.set(None)
            on:blur=move |_| reading.set(None)
            on:keydown=on_key
        >
            <rect class="plot-room" width="100%" height="100%" fill="none" pointer-events="all"></rect>
            <line class="floor" x2="100%" y1="100%" y2="100%"></line>
            {grid.collect_view()}
            {gaps.collect_view()}
            {view.marks.iter().map(mark_line).collect_view()}
            <svg viewBox="0 0 1000 100" preserveAspectRatio="none" width="100%" height="100%" overflow="visible" inner_html=view.inner_svg.clone()></svg>
            {grid_labels.collect_view()}
            {view.levels.iter().map(|at| level(at, size)).collect_view()}
            {view.marks.iter().enumerate().map(|(index, mark)| mark_label(index, mark)).collect_view()}
            {ends}
            {ticks.collect_view()}
            {read}
        </svg>
        <p class="sr" aria-live="polite">{said}</p>
    }
}

fn mark_line(mark: &MarkView) -> AnyView {
    let class = if mark.kind == MarkKind::Stage { "stage-mark" } else { "act-mark" };
    view! { <line class=class x1=percent(mark.x) x2=percent(mark.x) y1="0" y2="100%"></line> }.into_any()
}

fn mark_label(index: usize, mark: &MarkView) -> AnyView {
    if mark.label.is_empty() {
        return ().into_any();
    }
    let class = if mark.kind == MarkKind::Stage { "t-mark halo" } else { "t-act halo" };
    let (dx, anchor) = if mark.x < 30.0 { ("6", "start") } else { ("-6", "end") };
    let dy = if index.is_multiple_of(2) { "8" } else { "24" };
    view! { <text class=class x=percent(mark.x) y="0" dx=dx dy=dy text-anchor=anchor>{mark.label.clone()}</text> }
        .into_any()
}

fn level(level: &LevelView, size: Size) -> AnyView {
    let dy = if level.below { "14" } else { "-4" };
    let x = if size == Size::Wide { "10%" } else { "0%" };
    view! { <text class="t-tolerance halo" x=x y=percent(level.y) dy=dy text-anchor="start">{level.label.clone()}</text> }
        .into_any()
}

fn points_shown(ends: &[EndView]) -> AnyView {
    let dots = ends
        .iter()
        .rev()
        .filter_map(|end| {
            let class = match end.arm {
                Arm::Canary => "dot-canary",
                Arm::Baseline => "dot-baseline",
                Arm::Band => return None,
            };
            Some(view! { <circle class=class cx=percent(end.x) cy=percent(end.y) r="4"></circle> })
        })
        .collect_view();
    let labels = ends
        .iter()
        .map(|end| {
            let class = match end.arm {
                Arm::Canary => "t-canary",
                Arm::Baseline => "t-baseline",
                Arm::Band => "t-band",
            };
            view! { <text class=class x="100%" y=percent(end.label_y) dx="10" dy="4">{end.label.clone()}</text> }
        })
        .collect_view();
    view! { {dots}{labels} }.into_any()
}

/// A line through the point with what is read there, from the floor up so that it stays within the plot.
fn cursor(point: &PointView, lines: &[(Arm, String)]) -> AnyView {
    let x = percent(point.x);
    let (dx, anchor) = if point.x < 50.0 { ("8", "start") } else { ("-8", "end") };
    let dots = lines.iter().zip(&point.values).rev().filter_map(|((arm, _), value)| {
        let class = if *arm == Arm::Canary { "dot-canary" } else { "dot-baseline" };
        Some(view! { <circle class=class cx=x.clone() cy=percent(value.as_ref()?.y) r="4"></circle> })
    });
    let texts = std::iter::once(point.at.clone()).chain(read(point, lines)).rev().enumerate().map(|(up, text)| {
        let dy = format!("-{}", 4 + 15 * up);
        view! { <text class="t-cursor halo" x=x.clone() y="100%" dx=dx dy=dy text-anchor=anchor>{text}</text> }
    });
    let (dots, texts) = (dots.collect_view(), texts.collect_view());
    view! {
        <line class="cursor" x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
        {dots}
        {texts}
    }
    .into_any()
}

/// `canary 216 ms`, `baseline –`.
fn read(point: &PointView, lines: &[(Arm, String)]) -> Vec<String> {
    let line = |((_, name), value): (&(Arm, String), &Option<ValueView>)| {
        format!("{name} {}", value.as_ref().map_or("–", |value| value.text.as_str()))
    };
    lines.iter().zip(&point.values).map(line).collect()
}

fn spoken(point: &PointView, lines: &[(Arm, String)]) -> String {
    format!("{}: {}", point.at, read(point, lines).join(", ").replace('–', "no data"))
}

/// Where the pointer is, in percent of the plot's width.
#[cfg(feature = "hydrate")]
fn pointer_share(event: &leptos::ev::PointerEvent) -> f64 {
    use wasm_bindgen::JsCast;
    let Some(plot) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return 100.0;
    };
    let room = plot.get_bounding_client_rect();
    (f64::from(event.client_x()) - room.left()) / room.width().max(1.0) * 100.0
}

#[cfg(not(feature = "hydrate"))]
fn pointer_share(_event: &leptos::ev::PointerEvent) -> f64 {
    100.0
}

/// A line of numbers at the size of a word; height is nearness to the limit.
pub fn spark(spark: &SparkView) -> AnyView {
    let path =
        |class: &'static str, d: &str| (!d.is_empty()).then(|| view! { <path class=class d=d.to_owned()></path> });
    view! {
        <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
            {path("beyond", &spark.beyond)}
            {path("tolerance", &spark.limit)}
            {path("baseline", &spark.baseline)}
            {path("canary", &spark.canary)}
        </svg>
    }
    .into_any()
}
