//! The shape in which a flag leaves through the API and the command line.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sternway_domain::flag::{Flag, Flip, Setting, lint};
use sternway_domain::id::EnvironmentName;
use sternway_domain::time::Timestamp;
use utoipa::ToSchema;

/// One flag, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlagSummary {
    pub key: String,
    /// Number of events; name it as `expected_version` when switching.
    pub version: i64,
    pub purpose: String,
    pub owner: String,
    /// The environment that `enabled` is of.
    pub environment: String,
    pub enabled: bool,
    /// `true` for a flag that is meant to stay; it has no `expires`.
    pub permanent: bool,
    #[schema(format = "date-time")]
    pub expires: Option<String>,
    /// Whether it should be gone by now. It goes on working.
    pub expired: bool,
    /// What it may give, by name.
    #[schema(value_type = Object)]
    pub variants: BTreeMap<String, serde_json::Value>,
    /// The variant given when it is switched off.
    pub off: String,
    /// In environments that are not named.
    pub default: Setting,
    #[schema(value_type = std::collections::HashMap<String, Setting>)]
    pub environments: BTreeMap<EnvironmentName, Setting>,
    pub last_flip: Option<FlipSummary>,
    /// Since when nothing asks for it any more: clients get their own defaults, and it cannot be switched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<RetiredSummary>,
    /// What the linter says of it.
    pub findings: Vec<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub changed_at: String,
}

/// The last time it was switched, in any environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlipSummary {
    pub environment: String,
    pub enabled: bool,
    pub by: String,
    pub reason: String,
    #[schema(format = "date-time")]
    pub at: String,
}

/// When, by whom and why it was retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetiredSummary {
    pub by: String,
    pub reason: String,
    #[schema(format = "date-time")]
    pub at: String,
}

impl FlagSummary {
    pub(crate) fn of(flag: &Flag, environment: &EnvironmentName, now: Timestamp) -> Self {
        let plan = flag.plan.clone();
        Self {
            key: plan.key.to_string(),
            version: flag.version,
            environment: environment.to_string(),
            enabled: flag.setting(environment).enabled,
            permanent: plan.permanent,
            expires: plan.expires.map(Timestamp::to_rfc3339),
            expired: flag.expired(now),
            purpose: plan.purpose,
            owner: plan.owner,
            variants: plan.variants,
            off: plan.off,
            default: plan.default,
            environments: plan.environments,
            last_flip: flag.last_flip().map(FlipSummary::from),
            retired: flag.retired.as_ref().map(|retired| RetiredSummary {
                by: retired.by.clone(),
                reason: retired.reason.clone(),
                at: retired.at.to_rfc3339(),
            }),
            findings: lint([flag], now).into_iter().map(|finding| finding.text).collect(),
            created_at: flag.created_at.to_rfc3339(),
            changed_at: flag.changed_at.to_rfc3339(),
        }
    }
}

impl From<&Flip> for FlipSummary {
    fn from(flip: &Flip) -> Self {
        Self {
            environment: flip.environment.to_string(),
            enabled: flip.enabled,
            by: flip.by.clone(),
            reason: flip.reason.clone(),
            at: flip.at.to_rfc3339(),
        }
    }
}
