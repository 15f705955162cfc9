//! Boundaries: what goes back and what stays, and whether the two still fit together.
//!
//! While both versions of everything run, every pair has been seen. Once only a part goes back, pairs arise that may
//! never have run together: a component that stays with one that goes back. Each such pair is looked up in what was
//! declared. Not declared is not fit: it needs a person who says so.

use super::{Component, Components, Need};
use crate::artifact::Version;
use crate::id::{CellName, FlagKey, ServiceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is inside a rollback. Everything, unless something is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Components that go back; all of them when absent, none when empty (flags only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<BTreeSet<ServiceName>>,
    /// Cells in which they go back; all cells when empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cells: BTreeSet<CellName>,
    /// Flags that are switched off; those of the components that go back when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<BTreeSet<FlagKey>>,
}

/// Why a boundary cannot be drawn there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("the release has no component `{name}`; it has {known}")]
    NoComponent { name: ServiceName, known: String },
    #[error("no component in scope runs in cell `{cell}`; known are {known}")]
    NoCell { cell: CellName, known: String },
    #[error("`{name}` does not run in cells, so it cannot go back in {cells} alone; name no cells, or leave it out")]
    NotCelled { name: ServiceName, cells: String },
    #[error("no component of the release lies behind the flag `{flag}`; known are {known}")]
    NoFeature { flag: FlagKey, known: String },
    #[error("nothing is in scope; name a component or a flag")]
    Nothing,
}

/// How two versions get along, as far as was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    Fits,
    /// Nobody declared it.
    Undeclared,
    /// Declared not to work.
    Breaks,
}

/// A user and what it needs, of which one goes back and the other stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub user: ServiceName,
    /// The user's version after the rollback; `None` when it is not known (a neighbour).
    pub user_version: Option<Version>,
    pub on: ServiceName,
    /// The needed version after the rollback.
    pub on_version: Version,
    /// Whether it is the needed one that goes back.
    pub on_goes_back: bool,
    /// The rule that decided, as it was written.
    pub rule: Option<String>,
    pub fit: Fit,
    /// Whether the user is part of the release, so that the boundary could take it in.
    pub user_inside: bool,
}

/// What a partial rollback would leave side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialCheck {
    pub going_back: Vec<ServiceName>,
    pub staying: Vec<ServiceName>,
    /// Cells it is limited to; empty for all.
    pub cells: Vec<CellName>,
    pub features: Vec<FlagKey>,
    pub pairs: Vec<Pair>,
    /// What else would have to go back for nothing to break; empty when nothing does, or when widening does not help.
    pub also: Vec<ServiceName>,
}

impl PartialCheck {
    /// The worst pair; `Fits` when there is none.
    pub fn fit(&self) -> Fit {
        self.pairs.iter().map(|pair| pair.fit).max().unwrap_or(Fit::Fits)
    }

    /// What a person reads before it runs: what goes back, what stays, and each pair that is not known to fit.
    pub fn explain(&self) -> String {
        let mut out = match (self.going_back.as_slice(), self.staying.as_slice()) {
            ([], _) => "No component goes back.".to_owned(),
            (back, []) => format!("{} go{} back; nothing stays.", named(back), if back.len() == 1 { "es" } else { "" }),
            (back, stay) => format!(
                "{} go{} back; {} stay{} on the candidate.",
                named(back),
                if back.len() == 1 { "es" } else { "" },
                named(stay),
                if stay.len() == 1 { "s" } else { "" }
            ),
        };
        if !self.cells.is_empty() {
            out.push_str(&format!(" Only in {}; other cells stay on the candidate.", named(&self.cells)));
        }
        if !self.features.is_empty() {
            out.push_str(&format!(" Switched off: {}.", named(&self.features)));
        }
        for pair in self.pairs.iter().filter(|pair| pair.fit != Fit::Fits) {
            out.push(' ');
            out.push_str(&pair.explain());
        }
        if !self.also.is_empty() {
            out.push_str(&format!(" Roll back {} too, and everything fits.", named(&self.also)));
        }
        out
    }
}

impl Pair {
    fn explain(&self) -> String {
        let user = match &self.user_version {
            Some(version) => format!("`{}` {version}", self.user),
            None => format!("`{}` (version not known)", self.user),
        };
        match (&self.fit, &self.rule) {
            (Fit::Fits, _) => format!("{user} works with `{}` {}.", self.on, self.on_version),
            (Fit::Breaks, Some(rule)) => {
                format!("{user} would break: it works with `{}` {rule}, and would get {}.", self.on, self.on_version)
            }
            _ => format!(
                "Nobody declared whether {user} works with `{}` {}; declare it, or go on with a reason.",
                self.on, self.on_version
            ),
        }
    }
}

impl Components {
    /// The components and flags inside a boundary, both sorted. Refused when it names what does not exist.
    pub fn in_scope(&self, scope: &Scope) -> Result<(Vec<ServiceName>, Vec<FlagKey>), ScopeError> {
        let all: BTreeSet<&ServiceName> = self.iter().map(|c| &c.name).collect();
        let back: Vec<ServiceName> = match &scope.components {
            None => all.iter().map(|name| (*name).clone()).collect(),
            Some(names) => names.iter().cloned().collect(),
        };
        if let Some(name) = back.iter().find(|name| !all.contains(name)) {
            let known = named(&all.into_iter().collect::<Vec<_>>());
            return Err(ScopeError::NoComponent { name: name.clone(), known });
        }
        self.check_cells(&back, &scope.cells)?;
        let known: BTreeSet<&FlagKey> = self.iter().flat_map(|c| &c.features).collect();
        let flags: Vec<FlagKey> = match &scope.features {
            Some(flags) => flags.iter().cloned().collect(),
            None => {
                let of: BTreeSet<&FlagKey> =
                    self.iter().filter(|c| back.contains(&c.name)).flat_map(|c| &c.features).collect();
                of.into_iter().cloned().collect()
            }
        };
        if let Some(flag) = flags.iter().find(|flag| !known.contains(flag)) {
            let known = named(&known.into_iter().collect::<Vec<_>>());
            return Err(ScopeError::NoFeature { flag: flag.clone(), known });
        }
        if back.is_empty() && flags.is_empty() { Err(ScopeError::Nothing) } else { Ok((back, flags)) }
    }

    fn check_cells(&self, back: &[ServiceName], cells: &BTreeSet<CellName>) -> Result<(), ScopeError> {
        if cells.is_empty() {
            return Ok(());
        }
        let inside: Vec<&Component> = back.iter().filter_map(|name| self.get(name)).collect();
        if let Some(component) = inside.iter().find(|component| component.cells.is_empty()) {
            let cells = named(&cells.iter().collect::<Vec<_>>());
            return Err(ScopeError::NotCelled { name: component.name.clone(), cells });
        }
        let known: BTreeSet<&CellName> = inside.iter().flat_map(|component| &component.cells).collect();
        match cells.iter().find(|cell| !known.contains(cell)) {
            Some(cell) => {
                let known = named(&known.into_iter().collect::<Vec<_>>());
                Err(ScopeError::NoCell { cell: cell.clone(), known })
            }
            None => Ok(()),
        }
    }

    /// What would stand side by side if only this went back. Refused when the boundary names what does not exist.
    pub fn check_partial(&self, scope: &Scope) -> Result<PartialCheck, ScopeError> {
        let (going_back, features) = self.in_scope(scope)?;
        let back: BTreeSet<ServiceName> = going_back.iter().cloned().collect();
        let staying = self.iter().map(|c| &c.name).filter(|name| !back.contains(name)).cloned().collect();
        let pairs = self.pairs(&back);
        let also = self.widen(&back, &pairs);
        Ok(PartialCheck { going_back, staying, cells: scope.cells.iter().cloned().collect(), features, pairs, also })
    }

    fn pairs(&self, back: &BTreeSet<ServiceName>) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for user in self.iter() {
            for need in &user.needs {
                let Some(on) = self.get(&need.on) else { continue };
                let (user_back, on_back) = (back.contains(&user.name), back.contains(&on.name));
                if user_back != on_back {
                    let version = after(user, user_back);
                    pairs.push(pair(&user.name, Some(version), need, user_back, on, on_back, true));
                }
            }
        }
        for neighbour in self.neighbours() {
            for need in &neighbour.needs {
                if let Some(on) = self.get(&need.on).filter(|on| back.contains(&on.name)) {
                    pairs.push(pair(&neighbour.name, neighbour.version.clone(), need, false, on, true, false));
                }
            }
        }
        pairs
    }

    /// Takes in the staying side of each broken pair until nothing breaks.
    fn widen(&self, back: &BTreeSet<ServiceName>, pairs: &[Pair]) -> Vec<ServiceName> {
        let mut wider = back.clone();
        let mut pairs = pairs.to_vec();
        loop {
            let broken: Vec<&Pair> = pairs.iter().filter(|pair| pair.fit != Fit::Fits).collect();
            if broken.iter().any(|pair| !pair.user_inside && pair.on_goes_back) {
                return Vec::new();
            }
            if broken.is_empty() {
                return wider.difference(back).cloned().collect();
            }
            let more: Vec<ServiceName> =
                broken.iter().map(|pair| if pair.on_goes_back { pair.user.clone() } else { pair.on.clone() }).collect();
            wider.extend(more);
            pairs = self.pairs(&wider);
        }
    }
}

fn after(component: &Component, goes_back: bool) -> Version {
    if goes_back { component.baseline.version.clone() } else { component.candidate.version.clone() }
}

fn pair(
    user: &ServiceName,
    user_version: Option<Version>,
    need: &Need,
    user_back: bool,
    on: &Component,
    on_back: bool,
    user_inside: bool,
) -> Pair {
    let on_version = after(on, on_back);
    let rule = if user_back { &need.baseline_accepts } else { &need.accepts };
    let fit = match rule.as_ref().and_then(|rule| rule.takes(&on_version)) {
        Some(true) => Fit::Fits,
        Some(false) => Fit::Breaks,
        None => Fit::Undeclared,
    };
    Pair {
        user: user.clone(),
        user_version,
        on: on.name.clone(),
        on_version,
        on_goes_back: on_back,
        rule: rule.as_ref().map(ToString::to_string),
        fit,
        user_inside,
    }
}

/// `` `a`, `b` and `c` ``.
pub fn named<T: std::fmt::Display>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
