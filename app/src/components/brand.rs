//! The mark and the word: a hull inside the wave it pushes while going astern.

use leptos::prelude::*;

pub fn brand() -> AnyView {
    view! {
        <svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M21.5 3.6C15.8 4 10.6 4.9 7.2 6.4 4.2 7.7 2.5 9.6 2.5 12s1.7 4.3 4.7 5.6c3.4 1.5 8.6 2.4 14.3 2.8" fill="none" stroke="currentColor" stroke-width="2.1" stroke-linecap="round"></path>
            <path class="hull" d="M8.5 8.5h5.2c2.9 0 5.3 1.3 6.9 3.5-1.6 2.2-4 3.5-6.9 3.5H8.5c-.45 0-.75-.3-.75-.75v-5.5c0-.45.3-.75.75-.75z"></path>
        </svg>
        <svg class="brand-word" viewBox="0 3 83.95 20" fill="none" stroke="currentColor" stroke-width="1.9" stroke-linejoin="round" aria-hidden="true">
            <path d="M8.6 7.9C8.1 6.1 6.7 5.1 4.8 5.1C2.7 5.1 1.2 6.3 1.2 8.2C1.2 12.6 8.8 10.2 8.8 14.5C8.8 16.6 7.1 17.9 4.8 17.9C2.6 17.9 1.1 16.8 0.6 14.8M13.45 5V14.9C13.45 17 14.35 17.9 16.05 17.9H17.15M10.85 8.1H17.15M19.4 12.9H27.4C27.4 9.9 25.8 8.1 23.4 8.1C20.9 8.1 19.2 10.1 19.2 13C19.2 15.9 20.9 17.9 23.5 17.9C25.3 17.9 26.6 17 27.2 15.5M30.65 18V8M30.65 12.6C30.65 9.8 32.15 8.1 34.45 8.1H35.65M38 18V8M38 12.4C38 9.8 39.5 8.1 41.8 8.1C44.1 8.1 45.5 9.6 45.5 12.1V18M48.75 8L51.95 17.4L55.05 8.4L58.15 17.4L61.35 8M71.6 8V18M71.6 13C71.6 15.9 69.9 17.9 67.5 17.9C65.1 17.9 63.4 15.9 63.4 13C63.4 10.1 65.1 8.1 67.5 8.1C69.9 8.1 71.6 10.1 71.6 13M74.55 8L78.75 17.7M82.95 8L78.35 19.2C77.65 21 76.85 21.7 75.35 21.7H74.65"></path>
        </svg>
    }
    .into_any()
}

/// The wake at the door.
pub fn sea() -> AnyView {
    const LINES: [(&str, &str); 15] = [
        ("0.84", "M1824 -30Q-1444 450 1824 930"),
        ("0.78", "M1418 -30Q-1046 450 1418 930"),
        ("0.72", "M1166 -30Q-811 450 1166 930"),
        ("0.66", "M992 -30Q-659 450 992 930"),
        ("0.6", "M861 -30Q-557 450 861 930"),
        ("0.54", "M755 -30Q-487 450 755 930"),
        ("0.48", "M666 -30Q-439 450 666 930"),
        ("0.42", "M587 -30Q-408 450 587 930"),
        ("0.36", "M515 -30Q-390 450 515 930"),
        ("0.3", "M447 -30Q-383 450 447 930"),
        ("0.24", "M382 -30Q-385 450 382 930"),
        ("0.18", "M318 -30Q-395 450 318 930"),
        ("0.12", "M254 -30Q-411 450 254 930"),
        ("0.08", "M190 -30Q-433 450 190 930"),
        ("0.08", "M126 -30Q-462 450 126 930"),
    ];
    let lines = LINES.map(|(opacity, d)| view! { <path class="wake-line" opacity=opacity d=d></path> });
    view! {
        <div class="door-sea" aria-hidden="true">
            <svg viewBox="0 0 720 900" preserveAspectRatio="xMidYMid slice">
                {lines.collect_view()}
                <path class="wake-hull" d="M224 426h70c34 0 60 10 78 24-18 14-44 24-78 24h-70c-5 0-9-4-9-9v-30c0-5 4-9 9-9z"></path>
            </svg>
        </div>
    }
    .into_any()
}
