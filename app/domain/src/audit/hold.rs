//! Legal holds: what must be kept although somebody, or a rule, would take it out.

use crate::id::{HoldId, ReleaseId, ServiceName};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Which entries a hold covers: those that fit everything it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// Inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Exclusive; also of what is written later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// What the entries that place and release a hold call it.
pub fn named(id: HoldId) -> String {
    format!("legal hold {id}")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("say what is held: a release, a service, or from when to when")]
    Nothing,
    #[error("a hold that ends before it begins covers nothing: `to` must be later than `from`")]
    Backwards,
}

impl Scope {
    pub fn check(&self) -> Result<(), ScopeError> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => Err(ScopeError::Backwards),
            (None, None) if self.release.is_none() && self.service.is_none() => Err(ScopeError::Nothing),
            _ => Ok(()),
        }
    }

    /// Whether it covers an entry about this release and this service, written down at this moment.
    pub fn covers(&self, release: Option<ReleaseId>, service: Option<&ServiceName>, at: Timestamp) -> bool {
        self.release.is_none_or(|held| release == Some(held))
            && self.service.as_ref().is_none_or(|held| service == Some(held))
            && self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
    }

    /// For people: `service checkout, from 2026-11-01, until 2026-12-01`.
    pub fn words(&self) -> String {
        let parts = [
            self.release.map(|id| format!("release {id}")),
            self.service.as_ref().map(|name| format!("service {name}")),
            self.from.map(|from| format!("from {from}")),
            self.to.map(|to| format!("until {to}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The effect of the entry that places the hold.
    pub fn placed(&self) -> String {
        format!("placed on {}", self.words())
    }

    /// The effect of the entry that releases it.
    pub fn released(&self) -> String {
        format!("released: {}", self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn given_a_scope_then_it_covers_what_fits_all_it_names() {
        let (one, other) = (ReleaseId(Uuid::from_u128(1)), ReleaseId(Uuid::from_u128(2)));
        let checkout = ServiceName::new("checkout").expect("a name");
        let at = Timestamp::from_secs;
        let scope = Scope { service: Some(checkout.clone()), from: Some(at(10)), to: Some(at(20)), ..Scope::default() };
        for (release, service, moment, covered) in [
            (Some(one), Some(&checkout), 10, true),
            (None, Some(&checkout), 19, true),
            (Some(one), Some(&checkout), 20, false),
            (Some(one), Some(&checkout), 9, false),
            (Some(one), None, 15, false),
        ] {
            assert_eq!(scope.covers(release, service, at(moment)), covered, "{moment}");
        }
        let release = Scope { release: Some(one), ..Scope::default() };
        assert!(release.covers(Some(one), None, at(0)) && !release.covers(Some(other), None, at(0)));
        assert!(!release.covers(None, None, at(0)));
    }

    #[test]
    fn a_scope_names_something_and_does_not_end_before_it_begins() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        assert_eq!(Scope::default().check(), Err(ScopeError::Nothing));
        assert_eq!(Scope { from: at(2), to: at(2), ..Scope::default() }.check(), Err(ScopeError::Backwards));
        assert_eq!(Scope { from: at(0), ..Scope::default() }.check(), Ok(()));
    }
}
