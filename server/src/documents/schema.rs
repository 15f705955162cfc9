//! JSON Schema 2020-12 of each kind of document, derived from the types that read it, so that editors and CI complain
//! about the same things as `apply`.
//!
//! A schema sees one field at a time. What concerns several (weights that grow, names used twice, a step's role) is
//! found by [`super::parse`] only.

use super::Kind;
use serde_json::{Map, Value, json};
use sternway_domain::change_freeze::ChangeFreeze;
use sternway_domain::checklist::Checklist;
use sternway_domain::flag::FlagPlan;
use sternway_domain::migration::MigrationPlan;
use sternway_domain::plan::Plan;
use sternway_domain::runbook::Header;
use sternway_domain::service::Service;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// The schema of a document; of a runbook, that of its header.
pub fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Service => of::<Service>(kind),
        Kind::Plan => of::<Plan>(kind),
        Kind::Checklist => of::<Checklist>(kind),
        Kind::Runbook => of::<Header>(kind),
        Kind::Flag => of::<FlagPlan>(kind),
        Kind::Migration => of::<MigrationPlan>(kind),
        Kind::ChangeFreeze => of::<ChangeFreeze>(kind),
    }
}

fn of<T: ToSchema>(kind: Kind) -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    let definitions: Map<String, Value> = parts.into_iter().map(|(name, part)| (name, plain(&part))).collect();
    let mut root = plain(&T::schema());
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!(format!("Sternway {}", kind.label()));
    root["properties"]["kind"] = json!({ "const": kind.as_str(), "description": "What the document is." });
    if let Some(required) = root["required"].as_array_mut() {
        required.insert(0, json!("kind"));
    }
    root["$defs"] = Value::Object(definitions);
    root
}

fn plain(part: &RefOr<Schema>) -> Value {
    let mut value = serde_json::to_value(part).expect("a schema has text keys and finite numbers");
    relink(&mut value);
    value
}

/// OpenAPI keeps its parts under `#/components/schemas`, JSON Schema under `#/$defs`.
fn relink(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(link)) = map.get_mut("$ref")
                && let Some(name) = link.strip_prefix("#/components/schemas/")
            {
                *link = format!("#/$defs/{name}");
            }
            map.values_mut().for_each(relink);
        }
        Value::Array(items) => items.iter_mut().for_each(relink),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
