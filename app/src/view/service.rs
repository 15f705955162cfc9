//! Services, and one service.

use super::{CheckView, FactView, LinkView, PillView, StateView, Tone, When};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServicesView {
    pub rows: Vec<ServiceRow>,
    pub empty: Option<StateView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceRow {
    pub name: String,
    pub description: String,
    /// What runs now: `1.41.3`; `–` when not known.
    pub version: String,
    pub owner: String,
    /// `prometheus`, `scrape`, `memory`: where signals come from.
    pub source: String,
    /// `haproxy`, `webhook`, `memory`: who moves traffic.
    pub driver: String,
    pub depends_on: Vec<String>,
    /// The release in progress, if any.
    pub release: Option<LinkView>,
    pub pill: Option<PillView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceView {
    pub name: String,
    pub description: String,
    pub version: String,
    pub facts: Vec<FactView>,
    /// Source and driver: reachable, since when, what they say.
    pub health: Vec<CheckView>,
    pub depends_on: Vec<LinkView>,
    pub depended_on_by: Vec<LinkView>,
    pub releases: Vec<ServiceRelease>,
    /// The document as applied, as YAML.
    pub document: String,
    pub can_create: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceRelease {
    pub id: String,
    pub from: String,
    pub to: String,
    pub pill: PillView,
    pub what: String,
    pub at: When,
    pub tone: Tone,
}
