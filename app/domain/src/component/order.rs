//! Which components go first. Levels by Kahn's algorithm; a circle is found by walking needs that are left over.

use super::{Component, ComponentError, MOST_COMPONENTS, Neighbour};
use crate::id::ServiceName;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn problems(list: &[Component], neighbours: &[Neighbour]) -> Vec<ComponentError> {
    let mut found = Vec::new();
    if list.is_empty() {
        found.push(ComponentError::None);
    }
    if list.len() > MOST_COMPONENTS {
        found.push(ComponentError::TooMany(list.len()));
    }
    let mut inside = BTreeSet::new();
    for component in list {
        if !inside.insert(&component.name) {
            found.push(ComponentError::Twice(component.name.clone()));
        }
    }
    let beside: BTreeSet<_> = neighbours.iter().map(|neighbour| &neighbour.name).collect();
    for component in list {
        let mut seen = BTreeSet::new();
        for need in &component.needs {
            let (user, on) = (component.name.clone(), need.on.clone());
            if on == user {
                found.push(ComponentError::Itself(user));
            } else if !seen.insert(&need.on) {
                found.push(ComponentError::NeedTwice { user, on });
            } else if !inside.contains(&on) && !beside.contains(&on) {
                found.push(ComponentError::Missing { user, on });
            }
        }
    }
    found
}

/// Levels from what needs nothing to what nothing needs, or the names of a circle in order of need.
pub(super) fn levels(list: &[Component]) -> Result<Vec<Vec<ServiceName>>, Vec<ServiceName>> {
    let inside: BTreeSet<&ServiceName> = list.iter().map(|component| &component.name).collect();
    let mut open: BTreeMap<&ServiceName, BTreeSet<&ServiceName>> = list
        .iter()
        .map(|c| (&c.name, c.needs.iter().map(|need| &need.on).filter(|on| inside.contains(on)).collect()))
        .collect();
    let mut levels = Vec::new();
    while !open.is_empty() {
        let free: Vec<&ServiceName> =
            open.iter().filter(|(_, needs)| needs.is_empty()).map(|(name, _)| *name).collect();
        if free.is_empty() {
            return Err(find_circle(&open));
        }
        for name in &free {
            open.remove(name);
        }
        for needs in open.values_mut() {
            needs.retain(|on| !free.contains(on));
        }
        levels.push(free.into_iter().cloned().collect());
    }
    Ok(levels)
}

/// Everything left over needs something left over, so walking needs must come back to where it has been.
fn find_circle(open: &BTreeMap<&ServiceName, BTreeSet<&ServiceName>>) -> Vec<ServiceName> {
    let mut path: Vec<&ServiceName> = Vec::new();
    let mut here = open.keys().next().copied();
    while let Some(name) = here {
        if let Some(start) = path.iter().position(|seen| *seen == name) {
            return path[start..].iter().map(|name| (*name).clone()).collect();
        }
        path.push(name);
        here = open.get(name).and_then(|needs| needs.first().copied());
    }
    path.into_iter().cloned().collect()
}
