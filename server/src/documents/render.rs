//! Runbook Markdown as HTML that may be set into a page as it is.
//!
//! The values of a release are put into the parsed text, after every decision about structure has been made, so no value
//! can become markup. Raw HTML is shown as text. What comrak writes is cleaned once more by an allow-list of tags and
//! attributes: no scripts, styles, images, forms, classes or ids, and links only to `http`, `https` and `mailto`.

use ammonia::{Builder, UrlRelative};
use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use sternway_domain::runbook::{Values, fill};

/// Blocks nested deeper than this on one line are cut before parsing: nobody reads them, and nesting costs stack.
const MOST_MARKERS: usize = 30;

/// The Markdown as HTML. Headings of the first level become second-level ones, since a page has its own.
pub fn html(markdown: &str, values: &Values) -> String {
    let arena = Arena::new();
    let shallow = shallow(markdown);
    let options = options();
    let root = parse_document(&arena, &shallow, &options);
    for node in root.descendants() {
        let value = &mut node.data_mut().value;
        match value {
            NodeValue::Text(text) => *text = Cow::Owned(fill(text, values).into_owned()),
            NodeValue::Code(code) => code.literal = fill(&code.literal, values).into_owned(),
            NodeValue::CodeBlock(code) => code.literal = fill(&code.literal, values).into_owned(),
            NodeValue::Heading(heading) => heading.level = heading.level.clamp(2, 6),
            NodeValue::Link(link) => {
                link.url = filled_url(&link.url, values);
                link.title.clear();
            }
            NodeValue::Image(image) => {
                let mut link = image.clone();
                link.url = filled_url(&link.url, values);
                link.title.clear();
                *value = NodeValue::Link(link);
            }
            _ => {}
        }
    }
    let mut out = String::new();
    if format_html(root, &options, &mut out).is_err() {
        // Writing to a string cannot fail; were it to, no text is safer than half of one.
        return String::new();
    }
    // Raw HTML is escaped, so these are comrak's own. A box nobody can tick is a sign, not a control.
    let out = out
        .replace(r#"<input type="checkbox" checked="" disabled="" />"#, "☑")
        .replace(r#"<input type="checkbox" disabled="" />"#, "☐");
    CLEANER.clean(&out).to_string()
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.render.escape = true;
    options
}

/// A value inside an address keeps to its place: everything but letters, digits and `-._` is percent-encoded.
fn filled_url(url: &str, values: &Values) -> String {
    // comrak has encoded nothing yet, but a pasted address may have.
    let url = url.replace("%7B%7B", "{{").replace("%7D%7D", "}}");
    let encoded: Values = values.iter().map(|(key, value)| (*key, encoded(value))).collect();
    fill(&url, &encoded).into_owned()
}

fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The same lines, without the blocks that only an attack nests so deep.
fn shallow(markdown: &str) -> Cow<'_, str> {
    if markdown.lines().all(|line| markers(line).0 <= MOST_MARKERS) {
        return Cow::Borrowed(markdown);
    }
    let kept: Vec<&str> = markdown
        .lines()
        .map(|line| match markers(line) {
            (depth, text) if depth > MOST_MARKERS => text,
            _ => line,
        })
        .collect();
    Cow::Owned(kept.join("\n"))
}

/// How many quotes and list items a line opens, and what stands behind their markers.
fn markers(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut rest = line.trim_start();
    loop {
        let behind = match rest.strip_prefix('>') {
            Some(behind) => behind,
            None => match rest.strip_prefix(['-', '+', '*']) {
                Some(behind) if behind.is_empty() || behind.starts_with([' ', '\t']) => behind,
                _ => return (depth, rest),
            },
        };
        depth += 1;
        rest = behind.trim_start();
    }
}

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags: HashSet<&str> = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
    .into();
    let attributes: HashMap<&str, HashSet<&str>> =
        [("a", ["href"].into()), ("ol", ["start"].into()), ("td", ["align"].into()), ("th", ["align"].into())].into();
    let mut cleaner = Builder::empty();
    cleaner
        .tags(tags)
        .tag_attributes(attributes)
        .clean_content_tags(["script", "style"].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        // Keyboards can only scroll what can be focused.
        .set_tag_attribute_value("pre", "tabindex", "0");
    cleaner
});

#[cfg(test)]
mod tests;
