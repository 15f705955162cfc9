//! Takes texts out of stored JSON: out of what people wrote and out of names, and out of nothing else. Keys, tags and
//! names of things stay as they are, whatever somebody wrote as a reason; so do the bytes of everything that is left.

/// Fields with words of people, sentences made of them, or names of people.
const WORDS: [&str; 30] = [
    "by",
    "by_hand",
    "created_by",
    "detail",
    "effects",
    "ended_by",
    "error",
    "glass",
    "glass_broken",
    "message",
    "no_room",
    "note",
    "notice",
    "ordered_by",
    "output",
    "overridden",
    "person",
    "reason",
    "said",
    "second",
    "sentence",
    "signed_by",
    "started_by",
    "summary",
    "switched_by",
    "text",
    "title",
    "told",
    "warnings",
    "why",
];

/// A shorter text stands in others by chance: it goes only where it is all there is.
const WITHIN: usize = 4;

/// The same JSON without the texts; `None` if none of them is in it, or if it is no JSON.
pub(super) fn without(json: &str, texts: &[&str], instead: &str) -> Option<String> {
    rewritten(json, |text| replaced(text, texts, instead))
}

/// The same JSON where nothing goes but what is one of these texts from end to end.
pub(super) fn without_whole(json: &str, texts: &[String], instead: &str) -> Option<String> {
    rewritten(json, |text| texts.iter().any(|gone| gone == text).then(|| instead.to_owned()))
}

fn rewritten(json: &str, new: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut out, mut rest, mut changed) = (String::with_capacity(json.len()), json, false);
    // Of each object and list around: the key that its values stand under.
    let mut around: Vec<Around> = Vec::new();
    while let Some(at) = rest.find(['"', '{', '[', '}', ']', ',', ':']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let key = around.last().and_then(|around| around.key.clone());
        match rest.as_bytes()[0] {
            b'"' => {
                let literal = &rest[..end_of(rest)?];
                let text: String = serde_json::from_str(literal).ok()?;
                rest = &rest[literal.len()..];
                let is_key = around.last().is_some_and(|around| around.awaits_key);
                let words = !is_key && key.as_deref().is_some_and(|key| WORDS.contains(&key));
                match words.then(|| new(&text)).flatten() {
                    Some(text) => {
                        changed = true;
                        out.push_str(&serde_json::to_string(&text).expect("text is JSON"));
                    }
                    None => out.push_str(literal),
                }
                if is_key && let Some(around) = around.last_mut() {
                    around.key = Some(text);
                }
                continue;
            }
            b'{' => around.push(Around { object: true, awaits_key: true, key: None }),
            // The values of a list are of the field the list is.
            b'[' => around.push(Around { object: false, awaits_key: false, key }),
            b'}' | b']' => drop(around.pop()),
            b':' => around.last_mut()?.awaits_key = false,
            _ => {
                let around = around.last_mut()?;
                around.awaits_key = around.object;
            }
        }
        out.push_str(&rest[..1]);
        rest = &rest[1..];
    }
    out.push_str(rest);
    changed.then_some(out)
}

struct Around {
    object: bool,
    awaits_key: bool,
    key: Option<String>,
}

/// Length of the string that begins here, with both quotation marks.
pub(super) fn end_of(literal: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in literal.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn replaced(text: &str, texts: &[&str], instead: &str) -> Option<String> {
    let mut now = text.to_owned();
    for gone in texts {
        if now == *gone {
            instead.clone_into(&mut now);
        } else if gone.chars().count() >= WITHIN {
            now = within(&now, gone, instead);
        }
    }
    (now != text).then_some(now)
}

/// Only whole words: `Ann` does not stand in `Annex`.
fn within(text: &str, gone: &str, instead: &str) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    while let Some(at) = text[from..].find(gone).map(|at| at + from) {
        let end = at + gone.len();
        let joins = |one: Option<char>, other: Option<char>| {
            one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
        };
        let whole = !joins(text[..at].chars().next_back(), gone.chars().next())
            && !joins(gone.chars().next_back(), text[end..].chars().next());
        out.push_str(&text[from..at]);
        out.push_str(if whole { instead } else { gone });
        from = end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_reason_that_is_also_a_tag_or_a_name_then_only_the_reason_goes() {
        let json = r#"{"event":"rollback","purpose":"rollback","rollback":1.50,"reason":"rollback","of":["rollback"]}"#;
        let expected = r#"{"event":"rollback","purpose":"rollback","rollback":1.50,"reason":"gone","of":["rollback"]}"#;
        assert_eq!(without(json, &["rollback"], "gone").as_deref(), Some(expected));
        assert_eq!(without(r#"{"event":"rollback"}"#, &["rollback"], "gone"), None);
    }

    #[test]
    fn given_a_name_in_a_sentence_then_it_goes_from_there_and_not_from_longer_words() {
        let json = r#"{"ended_by":"Maya: bad \"prices\"","why":["by Maya.","Mayana"],"by":{"text":"Maya"}}"#;
        let expected = r#"{"ended_by":"gone: bad \"prices\"","why":["by gone.","Mayana"],"by":{"text":"gone"}}"#;
        assert_eq!(without(json, &["Maya"], "gone").as_deref(), Some(expected));
        let quoted = r#"{"ended_by":"Maya: bad \"prices\""}"#;
        assert_eq!(without(quoted, &["bad \"prices\""], "gone").as_deref(), Some(r#"{"ended_by":"Maya: gone"}"#));
    }

    #[test]
    fn given_short_texts_then_they_go_only_where_they_are_all_there_is() {
        let json = r#"{"a":{"reason":"no"},"note":"no way","said":"no"}"#;
        assert_eq!(without(json, &["no"], "x").as_deref(), Some(r#"{"a":{"reason":"x"},"note":"no way","said":"x"}"#));
    }

    #[test]
    fn given_what_is_no_json_then_it_is_left() {
        for json in ["", "}", "\"a", "{\"reason\":\"a", "[\"a\\\"]", ":", ","] {
            assert_eq!(without(json, &["a"], "x"), None, "{json}");
        }
    }
}
