//! Marked text: `` `names` `` become `<code>`, `**weight**` becomes `<b>`. Everything else is text and stays text.

use leptos::prelude::*;

#[derive(Debug, PartialEq, Eq)]
enum Bit<'a> {
    Text(&'a str),
    Code(&'a str),
    Strong(&'a str),
}

/// Cuts the text at its marks. A mark without its end is text.
fn bits(mut text: &str) -> Vec<Bit<'_>> {
    let mut bits = Vec::new();
    while let Some((before, bit, after)) = next(text) {
        if !before.is_empty() {
            bits.push(Bit::Text(before));
        }
        bits.push(bit);
        text = after;
    }
    if !text.is_empty() {
        bits.push(Bit::Text(text));
    }
    bits
}

fn next(text: &str) -> Option<(&str, Bit<'_>, &str)> {
    let code = between(text, "`");
    let strong = between(text, "**");
    match (code, strong) {
        (Some(code), Some(strong)) if strong.0.len() < code.0.len() => {
            Some((strong.0, Bit::Strong(strong.1), strong.2))
        }
        (Some((before, inside, after)), _) => Some((before, Bit::Code(inside), after)),
        (None, Some((before, inside, after))) => Some((before, Bit::Strong(inside), after)),
        (None, None) => None,
    }
}

/// Before, inside and after the first pair of marks with something between them.
fn between<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, rest) = text.split_once(mark)?;
    let (inside, after) = rest.split_once(mark)?;
    (!inside.is_empty()).then_some((before, inside, after))
}

pub fn marked(text: &str) -> AnyView {
    bits(text)
        .into_iter()
        .map(|bit| match bit {
            Bit::Text(text) => text.to_owned().into_any(),
            Bit::Code(text) => view! { <code>{text.to_owned()}</code> }.into_any(),
            Bit::Strong(text) => view! { <b>{text.to_owned()}</b> }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// The same text without its marks, for attributes.
pub fn plain(text: &str) -> String {
    bits(text)
        .into_iter()
        .map(|bit| match bit {
            Bit::Text(text) | Bit::Code(text) | Bit::Strong(text) => text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_names_and_weight_when_cut_then_each_is_its_own_bit() {
        assert_eq!(
            bits("Kill switch `new-pricing` **off**."),
            [Bit::Text("Kill switch "), Bit::Code("new-pricing"), Bit::Text(" "), Bit::Strong("off"), Bit::Text(".")]
        );
    }

    #[test]
    fn given_a_mark_without_its_end_when_cut_then_nothing_is_lost() {
        for text in ["a ` b", "2 ** 3", "``", "****", "a `b", ""] {
            assert_eq!(plain(text), text, "{text:?}");
        }
    }

    #[test]
    fn given_tags_in_the_text_when_drawn_then_they_stay_text() {
        let html = marked("`<script>` & <b>").to_html().replace("<!>", "");
        assert!(html.contains("<code>&lt;script&gt;</code>"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }
}
