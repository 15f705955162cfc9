//! A refusal as it comes (RFC 9457), told to a person.

use crate::cli::terminal::{clean, moment};
use crate::cli::words;
use crate::documents::DocumentProblem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use sternway_domain::release::Event;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::cli) struct Problem {
    pub(super) status: u16,
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    /// Of documents that cannot be applied: where in which file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    documents: Vec<DocumentProblem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Of a stale act: what happened meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    since: Vec<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    pub(super) fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        if !self.documents.is_empty() {
            let lines: Vec<String> = self.documents.iter().map(|problem| clean(&problem.to_string())).collect();
            let detail = clean(&self.detail);
            return format!(
                "{} ({}). {detail}\n{}{}",
                clean(&self.title),
                self.status,
                lines.join("\n"),
                self.request()
            );
        }
        let mut text = format!("{} ({})\n  {}", clean(&self.title), self.status, clean(&self.detail));
        for error in &self.errors {
            let line = field(error);
            // Often the detail is the only error over again.
            let again = self.errors.len() == 1 && self.says(error);
            if !line.is_empty() && !again {
                text.push_str(&format!("\n  {line}"));
            }
        }
        if !self.since.is_empty() {
            text.push_str("\n  Since then:");
            for event in &self.since {
                text.push_str(&format!("\n    {}", since(event)));
            }
            text.push_str("\n  Look again with `sternway release show`, then decide.");
        }
        if self.status == 401 {
            text.push_str("\n  Put the token into `STERNWAY_TOKEN`, or into a file named by `--token-file`.");
        }
        text.push_str(&self.request());
        text
    }

    fn says(&self, error: &Value) -> bool {
        let part = |name| error.get(name).and_then(Value::as_str).unwrap_or_default();
        self.detail.contains(part("detail")) && self.detail.contains(part("pointer"))
    }

    fn request(&self) -> String {
        let id = self.request_id.as_deref().unwrap_or_default();
        if id.is_empty() {
            String::new()
        } else {
            format!("\n  Request {}; the server's log knows it by that.", clean(id))
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", clean(&self.title), clean(&self.detail))
    }
}

/// `/candidate/digest: what is wrong`.
fn field(error: &Value) -> String {
    let part = |name| clean(error.get(name).and_then(Value::as_str).unwrap_or_default());
    let (pointer, detail) = (part("pointer"), part("detail"));
    if pointer.is_empty() { detail } else { format!("{pointer}: {detail}") }
}

fn since(event: &Value) -> String {
    match Event::deserialize(event) {
        Ok(event) => format!("{} UTC  {}", moment(event.at()), words::event(&event, &[])),
        Err(_) => clean(event.get("event").and_then(Value::as_str).unwrap_or("something new")).replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(problem: Value) -> String {
        serde_json::from_value::<Problem>(problem).expect("a problem").text()
    }

    #[test]
    fn given_a_stale_act_when_told_then_it_says_what_happened_since() {
        let told = text(json!({
            "type": "urn:sternway:problem:stale", "title": "The release has changed", "status": 409,
            "detail": "The release has changed: it is at version 4, you saw 3.", "request_id": "ab12",
            "expected_version": 3, "actual_version": 4,
            "since": [{"event": "held", "cause": {"cause": "person"}, "by": "Maya Ortiz", "reason": "looks odd", "at": 1_700_000_000_000_000i64}],
        }));
        assert_eq!(
            told,
            "The release has changed (409)\n  The release has changed: it is at version 4, you saw 3.\n  Since then:\n    \
             2023-11-14 22:13:20 UTC  Held: a person said so. “looks odd” (Maya Ortiz)\n  \
             Look again with `sternway release show`, then decide.\n  Request ab12; the server's log knows it by that."
        );
    }

    #[test]
    fn given_problems_in_files_when_told_then_each_is_a_line_that_editors_understand() {
        let told = text(
            json!({"title": "The documents cannot be applied", "status": 422, "detail": "Nothing was applied.", "documents": [
                {"file": "plans/a.yaml", "line": 12, "column": 5, "field": "stages[1].weight", "text": "must grow"},
                {"file": "b.md", "line": 1, "column": 1, "field": "", "text": "has no header"},
            ]}),
        );
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "The documents cannot be applied (422). Nothing was applied.");
        assert_eq!(lines[1..], ["plans/a.yaml:12:5: stages[1].weight: must grow", "b.md:1:1: has no header"]);
    }

    #[test]
    fn given_a_hostile_server_when_told_then_the_terminal_stays_as_it_is() {
        let told = text(json!({"title": "\u{1b}[31mred", "status": 400, "detail": "a\u{7}b"}));
        assert!(!told.contains('\u{1b}') && !told.contains('\u{7}'), "{told:?}");
    }
}
