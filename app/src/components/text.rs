//! Times, pills, links, and numbers in attributes.

use super::icon::icon;
use crate::view::{LinkView, PillView, When};
use leptos::prelude::*;

/// The moment alone.
pub fn time(when: &When) -> AnyView {
    view! { <time datetime=when.iso.clone()>{when.shown.clone()}</time> }.into_any()
}

/// `14:03:01, 2 s ago`.
pub fn time_and_age(when: &When) -> AnyView {
    let ago = (!when.ago.is_empty()).then(|| format!(", {}", when.ago));
    view! { <time datetime=when.iso.clone()>{when.shown.clone()}</time>{ago} }.into_any()
}

pub fn pill(pill: &PillView) -> AnyView {
    view! { <span class=format!("pill pill-{}", pill.tone.name())>{icon(pill.icon)}{pill.label.clone()}</span> }
        .into_any()
}

pub fn large_pill(pill: &PillView) -> AnyView {
    view! { <span class=format!("pill pill-l pill-{}", pill.tone.name())>{icon(pill.icon)}{pill.label.clone()}</span> }
        .into_any()
}

pub fn link(link: &LinkView) -> AnyView {
    view! { <a href=link.href.clone()>{link.text.clone()}</a> }.into_any()
}

/// `1.41.3 → 1.42.0`, read as "to".
pub fn versions(from: &str, to: &str) -> AnyView {
    view! { {from.to_owned()}" "<span aria-hidden="true">"→"</span><span class="sr">"to"</span>" "{to.to_owned()} }
        .into_any()
}

/// A share of a width or height, one decimal at most: `57.3%`.
pub fn percent(value: f64) -> String {
    format!("{}%", tenth(value))
}

/// One decimal at most: `57.3`, `4`. Without the standard library's way of writing floats, which is not small.
pub fn tenth(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    match (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (whole, rest) => format!("{sign}{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_carry_no_needless_digits() {
        assert_eq!(percent(57.333_3), "57.3%");
        assert_eq!(percent(100.0), "100%");
        assert_eq!(percent(-0.01), "0%");
    }
}
