//! The settings that a server runs with, as the log keeps them: the evidence of the entry that its start leaves when they
//! are other ones than before.

use super::canonical_json;
use crate::id::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Changes that a sentence names; of more it says how many.
const MOST_NAMED: usize = 10;
/// Characters of a value that a sentence shows.
const MOST_SHOWN: usize = 60;
/// How the program's version is called beside the settings.
const VERSION: &str = "version";

/// The program's version and the value of every setting by its key. What is secret was hidden before it got here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub version: String,
    pub settings: BTreeMap<String, String>,
}

/// What was known of the settings before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// This log never had any.
    Never,
    /// There were some, and they are no longer kept.
    Gone,
    Known(Settings),
}

/// One setting that is another one. Empty: nothing, or not there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change<'a> {
    name: &'a str,
    from: &'a str,
    to: &'a str,
}

impl Settings {
    /// In one spelling: equal settings are equal bytes.
    pub fn text(&self) -> String {
        canonical_json(&json!({"version": self.version, "settings": self.settings}))
    }

    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }

    /// What [`Settings::text`] wrote; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What the entry is about: the settings that changed, by their keys, `version` for the program's.
    pub fn names(&self, before: &Before) -> Vec<String> {
        match before {
            Before::Never | Before::Gone => vec!["all settings".to_owned()],
            Before::Known(before) => self.changes(before).map(|change| change.name.to_owned()).collect(),
        }
    }

    /// One sentence for people: what changed, from what to what.
    pub fn sentence(&self, before: &Before) -> String {
        let program = format!("Sternway {}", self.version);
        let before = match before {
            Before::Never => return format!("{program} started with this configuration for the first time"),
            Before::Gone => {
                return format!("{program} started with other settings; what they were before is no longer kept");
            }
            Before::Known(before) => before,
        };
        let others: Vec<Change<'_>> = self.changes(before).filter(|change| change.name != VERSION).collect();
        let earlier =
            if self.version == before.version { String::new() } else { format!(", {} before,", before.version) };
        if others.is_empty() {
            return format!("{program}{earlier} started with the same settings");
        }
        let mut told: Vec<String> = others.iter().take(MOST_NAMED).map(Change::words).collect();
        if others.len() > MOST_NAMED {
            told.push(format!("and {} more", others.len() - MOST_NAMED));
        }
        format!("{program}{earlier} started with other settings: {}", told.join("; "))
    }

    fn changes<'a>(&'a self, before: &'a Settings) -> impl Iterator<Item = Change<'a>> {
        let keys: BTreeSet<&String> = self.settings.keys().chain(before.settings.keys()).collect();
        let value = |of: &'a Settings, key: &str| of.settings.get(key).map_or("", String::as_str);
        let settings =
            keys.into_iter().map(move |key| Change { name: key, from: value(before, key), to: value(self, key) });
        let version = Change { name: VERSION, from: &before.version, to: &self.version };
        std::iter::once(version).chain(settings).filter(|change| change.from != change.to)
    }
}

impl Change<'_> {
    /// `` `log.retention.texts` from 365d to 730d ``; of a list what came and what went.
    fn words(&self) -> String {
        let Self { name, from, to } = self;
        let parts = |text: &'static str, of: &str, but: &str| {
            let other: BTreeSet<&str> = list(but).collect();
            let only: Vec<&str> = list(of).filter(|part| !other.contains(part)).collect();
            (!only.is_empty()).then(|| format!("{} {text}", cut(&only.join(", "))))
        };
        let is_list = !from.is_empty() && !to.is_empty() && (from.contains(',') || to.contains(','));
        let told: Vec<String> = if is_list {
            parts("added", to, from).into_iter().chain(parts("removed", from, to)).collect()
        } else {
            Vec::new()
        };
        match told.is_empty() {
            true => format!("`{name}` from {} to {}", cut(from), cut(to)),
            false => format!("`{name}` {}", told.join(" and ")),
        }
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn cut(text: &str) -> String {
    match text.chars().count() {
        0 => "nothing".to_owned(),
        1..=MOST_SHOWN => text.to_owned(),
        _ => text.chars().take(MOST_SHOWN - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(version: &str, of: &[(&str, &str)]) -> Settings {
        let settings = of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings { version: version.to_owned(), settings }
    }

    #[test]
    fn given_settings_when_written_then_they_are_read_again_and_order_makes_no_difference() {
        let one = settings("0.1.0", &[("b", "2"), ("a", "1 \"quoted\"")]);
        let other = settings("0.1.0", &[("a", "1 \"quoted\""), ("b", "2")]);
        assert_eq!(one.text(), r#"{"settings":{"a":"1 \"quoted\"","b":"2"},"version":"0.1.0"}"#);
        assert_eq!((one.digest(), Settings::read(&one.text())), (other.digest(), Some(one)));
        assert_eq!(Settings::read(r#"{"settings":{},"version":"0.1.0","at":1}"#), None, "something else");
    }

    #[test]
    fn given_what_was_there_before_when_told_then_a_sentence_says_what_changed() {
        let before =
            settings("0.1.0", &[("days", "365d"), ("nets", "10.0.0.0/8, fd00::/8"), ("old", "hidden"), ("same", "x")]);
        let after = settings(
            "0.2.0",
            &[("days", "730d"), ("nets", "fd00::/8,192.168.0.0/16"), ("new", "in /x"), ("same", "x")],
        );
        let known = Before::Known(before.clone());
        assert_eq!(after.names(&known), ["version", "days", "nets", "new", "old"]);
        assert_eq!(
            after.sentence(&known),
            "Sternway 0.2.0, 0.1.0 before, started with other settings: `days` from 365d to 730d; `nets` 192.168.0.0/16 \
             added and 10.0.0.0/8 removed; `new` from nothing to in /x; `old` from hidden to nothing"
        );
        let newer = Settings { version: "0.2.0".to_owned(), ..before.clone() };
        assert_eq!(newer.sentence(&known), "Sternway 0.2.0, 0.1.0 before, started with the same settings");
        assert_eq!(before.names(&known), Vec::<String>::new());
        assert_eq!(
            before.sentence(&Before::Never),
            "Sternway 0.1.0 started with this configuration for the first time"
        );
        assert_eq!(
            (before.names(&Before::Gone), before.names(&Before::Never)),
            (vec!["all settings".to_owned()], vec!["all settings".to_owned()])
        );
        assert!(before.sentence(&Before::Gone).ends_with("no longer kept"));
    }

    #[test]
    fn given_much_that_changed_when_told_then_the_sentence_fits_a_reason() {
        let many = |value: &str| {
            let all = (0..40).map(|n| (format!("connections.number-{n:02}"), value.repeat(500))).collect();
            Settings { version: "0.1.0".to_owned(), settings: all }
        };
        let told = many("é").sentence(&Before::Known(many("ü")));
        assert!(told.chars().count() < 2_000 && told.ends_with("; and 30 more") && told.contains("éé…"), "{told}");
        let order = settings("1", &[("nets", "a, b")]).sentence(&Before::Known(settings("1", &[("nets", "b, a")])));
        assert!(order.ends_with("`nets` from b, a to a, b"), "{order}");
    }
}
