//! The components of a release: what moves together, who needs whom, and in which versions they fit.
//!
//! [`Components::new`] refuses what has no order (a cycle, a need that nobody fills) and names the culprits. After that
//! [`Components::start_levels`] and [`Components::rollback_levels`] cannot fail. Whether only a part may go back is
//! [`Components::check_partial`]. Deliberately absent: how a component is deployed.

use crate::artifact::{Artifact, Version};
use crate::id::{CellName, FlagKey, ServiceName};
use serde::{Deserialize, Serialize};

mod accepts;
mod order;
mod partial;
#[cfg(test)]
mod tests;

pub use accepts::{Accepts, AcceptsError};
pub use partial::named;
pub use partial::{Fit, Pair, PartialCheck, Scope, ScopeError};

/// The most components one release may have.
pub const MOST_COMPONENTS: usize = 100;

/// What a component is, for people and for sorting them on a page. It implies no order: needs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Api,
    Auth,
    Messaging,
    Storage,
    Cache,
    /// A service like any other.
    #[default]
    Service,
}

/// One service of a release, from its baseline to its candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub name: ServiceName,
    #[serde(default)]
    pub layer: Layer,
    pub baseline: Artifact,
    pub candidate: Artifact,
    /// What must work for this one to work. Deployed before it, taken back after it.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Where it runs, if it can be moved cell by cell.
    #[serde(default)]
    pub cells: Vec<CellName>,
    /// Flags that the change lies behind.
    #[serde(default)]
    pub features: Vec<FlagKey>,
}

/// One dependency, and the versions it was declared to work with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    pub on: ServiceName,
    /// Versions of `on` that this component's candidate works with; not declared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<Accepts>,
    /// Versions of `on` that this component's baseline works with; not declared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_accepts: Option<Accepts>,
}

/// A service beside the release: it stays as it is, and is in the way when what it needs goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub name: ServiceName,
    /// What runs, if it is known.
    #[serde(default)]
    pub version: Option<Version>,
    /// `accepts` counts; a neighbour has no baseline.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// Why components have no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    #[error("a release has at least one component")]
    None,
    #[error("a release has at most {MOST_COMPONENTS} components, not {0}")]
    TooMany(usize),
    #[error("`{0}` is listed twice")]
    Twice(ServiceName),
    #[error("`{0}` cannot need itself; take it out of its `needs`")]
    Itself(ServiceName),
    #[error("`{user}` names `{on}` twice in its `needs`; keep one")]
    NeedTwice { user: ServiceName, on: ServiceName },
    #[error(
        "`{user}` needs `{on}`, which is neither part of the release nor a known service; add it or correct the name"
    )]
    Missing { user: ServiceName, on: ServiceName },
    #[error("{} need each other in a circle, so there is no order to deploy them in; break it at one place", circle(.0))]
    Circle(Vec<ServiceName>),
}

/// `` `a` → `b` → `a` ``.
fn circle(names: &[ServiceName]) -> String {
    let around: Vec<String> = names.iter().chain(names.first()).map(|name| format!("`{name}`")).collect();
    around.join(" → ")
}

/// The components of one release, checked: every need is filled, and there is an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    list: Vec<Component>,
    neighbours: Vec<Neighbour>,
    levels: Vec<Vec<ServiceName>>,
}

impl Components {
    /// All problems are reported together; a circle only when there is no other.
    pub fn new(list: Vec<Component>, neighbours: Vec<Neighbour>) -> Result<Self, Vec<ComponentError>> {
        let found = order::problems(&list, &neighbours);
        if !found.is_empty() {
            return Err(found);
        }
        let levels = order::levels(&list).map_err(|names| vec![ComponentError::Circle(names)])?;
        Ok(Self { list, neighbours, levels })
    }

    /// In the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Never: a release has at least one.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn get(&self, name: &ServiceName) -> Option<&Component> {
        self.list.iter().find(|component| component.name == *name)
    }

    pub fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    /// Deployment: what is in one level needs nothing of its own or a later level, and may go side by side. Names are
    /// sorted within a level.
    pub fn start_levels(&self) -> &[Vec<ServiceName>] {
        &self.levels
    }

    /// Going back: the exact reverse, so that nothing loses what it needs before it has gone back itself.
    pub fn rollback_levels(&self) -> Vec<Vec<ServiceName>> {
        self.levels.iter().rev().cloned().collect()
    }

    /// The components that need this one directly, sorted.
    pub fn dependents(&self, name: &ServiceName) -> Vec<&ServiceName> {
        let mut found: Vec<&ServiceName> =
            self.list.iter().filter(|c| c.needs.iter().any(|need| need.on == *name)).map(|c| &c.name).collect();
        found.sort();
        found
    }
}
