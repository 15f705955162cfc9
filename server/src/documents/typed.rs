//! From a [`Node`] to a typed document, with the place of what does not fit.
//!
//! Fields that a document does not know are all reported; other misfits end the reading of their document.

use super::node::{At, Node, Value, join};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::cell::RefCell;
use std::fmt;

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    pub(super) at: Option<At>,
    pub(super) field: String,
    pub(super) text: String,
}

/// Reads the whole node as a `T`.
pub(super) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Misfit>> {
    let unknown = RefCell::new(Vec::new());
    let read = T::deserialize(Place { node, path: String::new(), unknown: &unknown });
    let mut misfits = unknown.into_inner();
    match read {
        Ok(document) if misfits.is_empty() => Ok(document),
        Ok(_) => Err(misfits),
        Err(misfit) => {
            misfits.push(misfit.placed(node.at, ""));
            Err(misfits)
        }
    }
}

#[derive(Clone)]
struct Place<'n> {
    node: &'n Node,
    path: String,
    unknown: &'n RefCell<Vec<Misfit>>,
}

impl Misfit {
    fn new(text: impl Into<String>) -> Self {
        Self { at: None, field: String::new(), text: text.into() }
    }

    /// The innermost place is told first and stays. A field that is missing is named below its place.
    fn placed(mut self, at: At, path: &str) -> Self {
        if self.at.is_none() {
            self.at = Some(at);
            self.field = match self.field.as_str() {
                "" => path.to_owned(),
                missing => join(path, missing),
            };
        }
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let quote = match (found, wanted(expected).as_str()) {
            (Unexpected::Bool(_) | Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_), "text") => {
                "; put it in quotes"
            }
            _ => "",
        };
        Self::new(format!("expected {}, found {}{quote}", wanted(expected), shown(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", wanted(expected), shown(found)))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("`{}` is not known here; use {}", cut(found), one_of(known)))
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(no_field(found, known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { at: None, field: field.to_owned(), text: format!("`{field}` is missing") }
    }
}

fn no_field(found: &str, known: &[&str]) -> String {
    format!("there is no field `{}`; known here: {}", cut(found), one_of(known))
}

fn one_of(known: &[&str]) -> String {
    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" | "string" | "str" => "text".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number of at least 0".to_owned(),
        "i64" | "i32" => "a whole number".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "`name: value` pairs".to_owned(),
        other if other.starts_with("struct ") => "fields, written `name: value`".to_owned(),
        other => other.trim_start_matches("enum ").to_owned(),
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(value) => format!("the text `{}`", cut(value)),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "fields".to_owned(),
        other => other.to_string(),
    }
}

impl<'n> Place<'n> {
    fn below(&self, node: &'n Node, path: String) -> Place<'n> {
        Place { node, path, unknown: self.unknown }
    }

    fn unexpected(&self) -> Unexpected<'n> {
        match &self.node.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Whole(value) => Unexpected::Signed(*value),
            Value::Large(value) => Unexpected::Unsigned(*value),
            Value::Number(value) => Unexpected::Float(*value),
            Value::Text(value) => Unexpected::Str(value),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        }
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V, known: Option<&[&str]>) -> Result<V::Value, Misfit> {
        let (at, path) = (self.node.at, self.path.clone());
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Whole(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Value::Large(value) => visitor.visit_u64(*value),
            Value::Number(value) => visitor.visit_f64(*value),
            Value::Text(value) => visitor.visit_str(value),
            Value::List(items) => visitor.visit_seq(List { place: self.clone(), items, next: 0 }),
            Value::Map(entries) => {
                let fits = |name: &str| known.is_none_or(|known| known.contains(&name));
                for (name, at, _) in entries.iter().filter(|(name, _, _)| !fits(name)) {
                    let (field, text) = (join(&path, &cut(name)), no_field(name, known.unwrap_or_default()));
                    self.unknown.borrow_mut().push(Misfit { at: Some(*at), field, text });
                }
                let fitting = entries.iter().filter(|(name, _, _)| fits(name)).collect();
                visitor.visit_map(Fields { place: self.clone(), entries: fitting, next: 0 })
            }
        };
        result.map_err(|misfit| misfit.placed(at, &path))
    }
}

impl<'de> Deserializer<'de> for Place<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.visit(visitor, None)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.node.value == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if matches!(self.node.value, Value::List(_)) {
            return Err(de::Error::invalid_type(Unexpected::Seq, &visitor));
        }
        self.visit(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let (at, path) = (self.node.at, self.path.clone());
        let result = match &self.node.value {
            Value::Text(name) => visitor.visit_enum(Choice { name, of: None }),
            Value::Map(entries) if entries.len() == 1 => {
                let (name, _, node) = &entries[0];
                let below = self.below(node, join(&path, name));
                visitor.visit_enum(Choice { name, of: Some(below) })
            }
            _ => Err(Misfit::new(format!("expected one of {}, found {}", one_of(variants), shown(self.unexpected())))),
        };
        result.map_err(|misfit| misfit.placed(at, &path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}

struct List<'n> {
    place: Place<'n>,
    items: &'n [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        let path = format!("{}[{}]", self.place.path, self.next);
        self.next += 1;
        seed.deserialize(self.place.below(node, path.clone())).map(Some).map_err(|m| m.placed(node.at, &path))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Fields<'n> {
    place: Place<'n>,
    entries: Vec<&'n (String, At, Node)>,
    next: usize,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((name, at, _)) = self.entries.get(self.next) else { return Ok(None) };
        let key: StrDeserializer<'_, Misfit> = name.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|m| m.placed(*at, &join(&self.place.path, name)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let (name, _, node) = self.entries[self.next];
        self.next += 1;
        let path = join(&self.place.path, name);
        seed.deserialize(self.place.below(node, path.clone())).map_err(|m| m.placed(node.at, &path))
    }
}

/// One variant of an enum: its name alone, or its name and what it holds.
struct Choice<'n> {
    name: &'n str,
    of: Option<Place<'n>>,
}

impl<'de, 'n> EnumAccess<'de> for Choice<'n> {
    type Error = Misfit;
    type Variant = Held<'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Misfit> {
        let name: StrDeserializer<'_, Misfit> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Held(self.of)))
    }
}

/// What a variant holds.
struct Held<'n>(Option<Place<'n>>);

impl<'de> VariantAccess<'de> for Held<'_> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.0 {
            None => Ok(()),
            Some(place) if place.node.value == Value::Null => Ok(()),
            Some(place) => Err(Misfit::new("takes no value").placed(place.node.at, &place.path)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        let Some(place) = self.0 else { return Err(Misfit::new("needs a value: write it as `name: value`")) };
        let (at, path) = (place.node.at, place.path.clone());
        seed.deserialize(place).map_err(|m| m.placed(at, &path))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Misfit> {
        let Some(place) = self.0 else { return Err(Misfit::new("needs a list of values")) };
        place.visit(visitor, None)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Misfit> {
        let Some(place) = self.0 else { return Err(Misfit::new("needs fields: write them as `name: value`")) };
        place.visit(visitor, Some(fields))
    }
}
