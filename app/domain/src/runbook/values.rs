//! Placeholders: `{{service}}` in a runbook becomes the release's own service.
//!
//! Values are put in as they are. Whoever renders Markdown fills the parsed text, not its source, so that no value can
//! become markup.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

/// What a runbook can leave open until it is read beside a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placeholder {
    /// The service that is released.
    Service,
    /// The version that ran before.
    Baseline,
    /// Its digest.
    BaselineDigest,
    /// The version that is being released.
    Candidate,
    /// Its digest.
    CandidateDigest,
    /// What the release is called: `checkout 1.41.3 → 1.42.0`.
    Release,
    /// The plan it follows.
    Plan,
    /// Who answers for the service.
    Owner,
    /// Who started the release.
    StartedBy,
}

impl Placeholder {
    pub const ALL: [Placeholder; 9] = [
        Placeholder::Service,
        Placeholder::Baseline,
        Placeholder::BaselineDigest,
        Placeholder::Candidate,
        Placeholder::CandidateDigest,
        Placeholder::Release,
        Placeholder::Plan,
        Placeholder::Owner,
        Placeholder::StartedBy,
    ];

    /// As it is written between the braces.
    pub fn as_str(self) -> &'static str {
        match self {
            Placeholder::Service => "service",
            Placeholder::Baseline => "baseline",
            Placeholder::BaselineDigest => "baseline_digest",
            Placeholder::Candidate => "candidate",
            Placeholder::CandidateDigest => "candidate_digest",
            Placeholder::Release => "release",
            Placeholder::Plan => "plan",
            Placeholder::Owner => "owner",
            Placeholder::StartedBy => "started_by",
        }
    }

    /// What is shown where no value is known: `‹the service›`.
    fn unknown(self) -> &'static str {
        match self {
            Placeholder::Service => "‹the service›",
            Placeholder::Baseline => "‹the version before›",
            Placeholder::BaselineDigest => "‹its digest›",
            Placeholder::Candidate => "‹the new version›",
            Placeholder::CandidateDigest => "‹its digest›",
            Placeholder::Release => "‹the release›",
            Placeholder::Plan => "‹the plan›",
            Placeholder::Owner => "‹the owner›",
            Placeholder::StartedBy => "‹who started it›",
        }
    }
}

impl FromStr for Placeholder {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Placeholder::ALL.into_iter().find(|known| known.as_str() == text).ok_or(())
    }
}

/// What a release knows of itself.
pub type Values = BTreeMap<Placeholder, String>;

/// The text with every placeholder replaced; one whose value is not known becomes `‹the service›`.
pub fn fill<'a>(text: &'a str, values: &Values) -> Cow<'a, str> {
    let mut out = String::new();
    let mut from = 0;
    for hole in holes(text) {
        let Ok(placeholder) = hole.name.parse::<Placeholder>() else { continue };
        out.push_str(&text[from..hole.start]);
        out.push_str(values.get(&placeholder).map_or(placeholder.unknown(), String::as_str));
        from = hole.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// One `{{name}}`, by byte offsets.
pub(super) struct Hole<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) name: &'a str,
}

/// Everything written like a placeholder: a lower-case word, also with `_`, between double braces. Other templates
/// (`{{ .Values.image }}`) are left alone.
pub(super) fn holes(text: &str) -> impl Iterator<Item = Hole<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find("{{")?;
            let inside = start + 2;
            let length = text[inside..].find("}}")?;
            let name = text[inside..inside + length].trim();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                from = inside + length + 2;
                return Some(Hole { start, end: from, name });
            }
            from = inside;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        [(Placeholder::Service, "checkout".to_owned()), (Placeholder::Owner, "{{baseline}}".to_owned())].into()
    }

    #[test]
    fn placeholders_take_the_values_of_the_release() {
        assert_eq!(fill("{{service}} and {{ service }}.", &values()), "checkout and checkout.");
        assert_eq!(fill("to {{baseline}}", &values()), "to ‹the version before›");
        assert!(matches!(fill("no holes", &values()), Cow::Borrowed(_)));
    }

    #[test]
    fn a_value_is_never_read_as_a_placeholder() {
        assert_eq!(fill("ask {{owner}}", &values()), "ask {{baseline}}");
    }

    #[test]
    fn other_templates_are_left_alone() {
        for text in ["{{ .Values.image }}", "{{", "}} {{", "{{}}", "{{{{", "{{Service}}"] {
            assert_eq!(fill(text, &values()), text);
        }
        assert_eq!(fill("{{ {{service}}", &values()), "{{ checkout");
    }

    #[test]
    fn every_placeholder_is_found_by_its_name() {
        for placeholder in Placeholder::ALL {
            assert_eq!(placeholder.as_str().parse(), Ok(placeholder));
            let json = serde_json::to_value(placeholder).expect("is a word");
            assert_eq!(json, placeholder.as_str());
        }
    }
}
