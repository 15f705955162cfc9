//! YAML as a tree in which every value and every key knows where it stands.

use super::{DocumentProblem, MOST_BYTES};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Options, Spanned};
use std::collections::BTreeMap;
use std::fmt;

/// Line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl At {
    pub(super) const START: At = At { line: 1, column: 1 };

    pub(super) fn down(self, lines: usize) -> Self {
        Self { line: self.line + lines, ..self }
    }
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        Self { line: count(location.line()), column: count(location.column()) }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i64),
    /// A whole number beyond `i64`.
    Large(u64),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; keys are unique.
    Map(Vec<(String, At, Node)>),
}

impl Node {
    /// Takes a field out of a map.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let Value::Map(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|(name, _, _)| name == key)?;
        Some(entries.remove(index).2)
    }

    /// Where each field stands, by path: `stages[2].weight`.
    pub(super) fn places(&self) -> BTreeMap<String, At> {
        let mut places = BTreeMap::new();
        self.collect("", &mut places);
        places
    }

    fn collect(&self, path: &str, places: &mut BTreeMap<String, At>) {
        places.entry(path.to_owned()).or_insert(self.at);
        match &self.value {
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    item.collect(&format!("{path}[{i}]"), places);
                }
            }
            Value::Map(entries) => {
                for (key, at, node) in entries {
                    let path = join(path, key);
                    places.insert(path.clone(), *at);
                    node.collect(&path, places);
                }
            }
            _ => {}
        }
    }
}

/// `stages[2]` and `weight` is `stages[2].weight`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The documents of a YAML text. Sizes, nesting, aliases and merges are bounded, so that no text can cost more than a
/// few times its own length.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<Node>, DocumentProblem> {
    let budget = serde_saphyr::budget! {
        max_depth: 32,
        flow_nesting_limit: 32,
        max_nodes: 100_000,
        max_events: 300_000,
        max_documents: 500,
        max_aliases: 100,
        max_anchors: 100,
        max_recorded_anchor_events: 10_000,
        max_recorded_anchor_bytes: MOST_BYTES,
        max_total_scalar_bytes: 2 * MOST_BYTES,
    };
    let alias_limits = serde_saphyr::alias_limits! {
        max_total_replayed_events: 10_000,
        max_replay_stack_depth: 8,
        max_alias_expansions_per_anchor: 100,
    };
    let options: Options = serde_saphyr::options! {
        budget: budget,
        alias_limits: alias_limits,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| {
        let at = error.location().map_or(At::START, At::from);
        let text = error.without_snippet().to_string();
        DocumentProblem::new(file, at, "", text.lines().next().unwrap_or("is not YAML"))
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { at: spanned.referenced.into(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Large(value), Value::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry::<Spanned<String>, Node>()? {
            entries.push((key.value, key.referenced.into(), node));
        }
        Ok(Value::Map(entries))
    }
}
