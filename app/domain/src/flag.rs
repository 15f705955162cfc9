//! Flags: kill switches with an owner and an end, served to OpenFeature clients.
//!
//! A flag is an event stream of its own. Switched off in an environment it gives its `off` variant to everybody; switched
//! on it gives `on`, or splits people between variants by a stable hash of their targeting key ([`bucket`]). Evaluation and
//! OFREP's shapes are in [`evaluate`](Flag::evaluate) and [`ofrep`].
//!
//! Deliberately absent: targeting by attribute. A kill switch that depends on who asks is not one.

use crate::id::{EnvironmentName, FlagKey};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

mod check;
mod decide;
mod evaluate;
pub mod ofrep;
#[cfg(test)]
mod tests;

pub use check::{Finding, FlagProblem, Severity, lint, lint_plan, problems};
pub use decide::{Command, Event, Refusal};
pub use evaluate::{Context, ErrorCode, EvaluationError, Reason, Resolved, bucket};

/// The flag as a person writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Flag))]
#[serde(deny_unknown_fields)]
pub struct FlagPlan {
    pub key: FlagKey,
    /// What it switches, in plain words.
    pub purpose: String,
    /// The team or person who answers for it and takes it out in the end.
    pub owner: String,
    /// When it should be gone, written `2026-12-31` or `2026-12-31T18:00:00Z`. A flag for good says `permanent` instead.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "written")]
    #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$"))]
    pub expires: Option<Timestamp>,
    #[serde(default)]
    pub permanent: bool,
    /// What the flag may give, by name; all of one type. `on`: true and `off`: false unless written otherwise.
    #[serde(default = "FlagPlan::default_variants")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub variants: BTreeMap<String, Value>,
    /// What everybody gets when it is switched off.
    #[serde(default = "FlagPlan::default_off")]
    pub off: String,
    /// What is given in an environment that is not named below.
    #[serde(default)]
    pub default: Setting,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, Setting>))]
    pub environments: BTreeMap<EnvironmentName, Setting>,
}

impl FlagPlan {
    fn default_variants() -> BTreeMap<String, Value> {
        [("off".to_owned(), Value::Bool(false)), ("on".to_owned(), Value::Bool(true))].into()
    }

    fn default_off() -> String {
        "off".to_owned()
    }
}

/// How a flag stands in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Setting {
    pub enabled: bool,
    /// What everybody gets when it is switched on, apart from the split.
    #[serde(default = "Setting::default_serve")]
    pub serve: String,
    /// Shares of people who get other variants, in this order. Whoever is left gets `serve`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
}

impl Setting {
    fn default_serve() -> String {
        "on".to_owned()
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self { enabled: false, serve: Self::default_serve(), split: vec![] }
    }
}

/// A share of people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub variant: String,
    /// 0 to 100, at most two digits after the point count.
    pub percent: f64,
}

/// The fold of a flag's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    pub plan: FlagPlan,
    /// Number of events so far. An act names the version it saw.
    pub version: i64,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// The last flip in each environment: by whom and why. Writing the flag anew never undoes one.
    #[serde(default)]
    pub flips: BTreeMap<EnvironmentName, Flip>,
    /// The last split that was ordered in each environment. Writing the flag anew never undoes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<EnvironmentName, Vec<Share>>,
    /// Nothing asks for it any more; whoever still does gets its own default, as if there were no such flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

/// The end of a flag: by whom and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// One flip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flip {
    pub environment: EnvironmentName,
    pub enabled: bool,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

impl Flag {
    /// How it stands in an environment.
    pub fn setting(&self, environment: &EnvironmentName) -> &Setting {
        self.plan.environments.get(environment).unwrap_or(&self.plan.default)
    }

    /// The last flip in any environment.
    pub fn last_flip(&self) -> Option<&Flip> {
        self.flips.values().max_by_key(|flip| flip.at)
    }

    /// Whether it should be gone by now.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.plan.expires.is_some_and(|end| end <= now)
    }
}

/// A moment as people write it: RFC 3339.
mod written {
    use crate::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let wrong = |_| de::Error::custom(format!("`{text}` is not a moment; write it like `2026-12-31`"));
        text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).map(Some).map_err(wrong)
    }
}
