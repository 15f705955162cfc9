//! What is happening, how sure that is, and what to do about it.

use super::chart::{Size, chart};
use super::icon::toned;
use super::marked::marked;
use super::text::{large_pill, percent, time_and_age};
use crate::view::Tone;
use crate::view::release::{AdviceView, MeterView, VerdictView};
use leptos::prelude::*;

pub fn verdict(view: &VerdictView) -> AnyView {
    let class = format!("verdict verdict-{}", view.pill.tone.name());
    let since = view.since.as_ref().map(|since| view! { <span class="quiet">"since "{time_and_age(since)}</span> });
    let next = (!view.next.is_empty()).then(|| view! { <p>{marked(&view.next)}</p> });
    let picture =
        view.chart.as_ref().map(|deciding| view! { <div class="verdict-chart">{chart(deciding, Size::Wide)}</div> });
    let estimate = (!view.estimate.is_empty()).then(|| view! { <p class="quiet">{marked(&view.estimate)}</p> });
    view! {
        <section class=class aria-labelledby="verdict-h">
            <div class="verdict-text">
                <div class="verdict-line">
                    <h2 id="verdict-h"><span class="sr">"Verdict: "</span>{large_pill(&view.pill)}</h2>
                    {since}
                </div>
                <p class="verdict-big">{marked(&view.sentence)}</p>
                {estimate}
                {next}
                {meters(&view.meters)}
                {view.advice.as_ref().map(advice)}
            </div>
            {picture}
        </section>
    }
    .into_any()
}

pub fn meters(meters: &[MeterView]) -> AnyView {
    if meters.is_empty() {
        return ().into_any();
    }
    view! { <div class="evidence">{meters.iter().map(meter).collect_view()}</div> }.into_any()
}

fn meter(meter: &MeterView) -> AnyView {
    let filled = meter.filled.clamp(0.0, 1.0);
    let class = match meter.tone {
        Tone::Caution => "meter-fill meter-fill-caution",
        Tone::Stop => "meter-fill meter-fill-stop",
        Tone::Go => "meter-fill meter-fill-go",
        Tone::Plain | Tone::Hold | Tone::Accent | Tone::Back => "meter-fill",
    };
    let fill =
        (filled > 0.0).then(|| view! { <rect class=class width=percent(filled * 100.0) height="8" rx="2"></rect> });
    let inner = meter.scale.iter().filter(|(at, _)| (0.01..0.99).contains(at)).map(|(at, _)| {
        let x = percent(at * 100.0);
        view! { <line class="meter-tick" x1=x.clone() x2=x y1="0" y2="8"></line> }
    });
    let labels = meter.scale.iter().map(|(at, label)| {
        let anchor = if *at < 0.01 {
            "start"
        } else if *at > 0.6 {
            "end"
        } else {
            "middle"
        };
        view! { <text x=percent(at * 100.0) y="24" text-anchor=anchor>{label.clone()}</text> }
    });
    let said = format!("{}, {}", meter.value, meter.needed);
    view! {
        <div>
            <p class="meter-head">
                <span>{meter.label.clone()}</span>
                <span class="quiet"><b class=meter.tone.is()>{meter.value.clone()}</b>{format!(", {}", meter.needed)}</span>
            </p>
            <svg class="meter" role="meter" aria-label=meter.label.clone() aria-valuemin="0" aria-valuemax="100" aria-valuenow=format!("{:.0}", filled * 100.0) aria-valuetext=said>
                <rect class="meter-room" width="100%" height="8" rx="2"></rect>
                {fill}
                {inner.collect_view()}
                {labels.collect_view()}
            </svg>
        </div>
    }
    .into_any()
}

fn advice(advice: &AdviceView) -> AnyView {
    view! {
        <div class="advice">
            {toned(advice.icon, advice.tone)}
            <div><p><b>{advice.title.clone()}</b></p><p>{marked(&advice.text)}</p></div>
        </div>
    }
    .into_any()
}
