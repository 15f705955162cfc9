//! Which build of each service most clients get, as far as releases that ended tell.

use super::{Release, State};
use crate::artifact::Artifact;
use crate::id::{ReleaseId, ServiceName};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Kept up by [`Running::note`]; says nothing about releases it never saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Running(BTreeMap<ServiceName, BTreeMap<ReleaseId, (Timestamp, Artifact)>>);

impl Running {
    /// Takes in where a release stands now, for everything that moves in it.
    pub fn note(&mut self, release: &Release) {
        for (name, baseline, candidate) in sides(release) {
            let of = self.0.entry(name.clone()).or_default();
            match (release.ended_at, left(release, name)) {
                (Some(at), Some(Left::Candidate)) => of.insert(release.id, (at, candidate.clone())),
                (Some(at), Some(Left::Baseline)) => of.insert(release.id, (at, baseline.clone())),
                _ => of.remove(&release.id),
            };
        }
        for part in &release.parts {
            for component in &part.components {
                let of = self.0.entry(component.name.clone()).or_default();
                of.insert(release.id, (part.at, component.baseline.clone()));
            }
        }
    }

    /// What the newest release of a service that ended left behind, whether it moved alone or with others.
    pub fn of(&self, service: &ServiceName) -> Option<&Artifact> {
        let ended = self.0.get(service)?.values();
        ended.max_by_key(|(at, _)| *at).map(|(_, artifact)| artifact)
    }
}

enum Left {
    Baseline,
    Candidate,
}

/// `None` while it is under way, and for one that never began.
fn left(release: &Release, name: &ServiceName) -> Option<Left> {
    let stayed = release.back.as_ref().and_then(|back| back.only.as_ref()).is_some_and(|only| !only.contains(name));
    match release.state {
        State::Promoted => Some(Left::Candidate),
        State::RolledBack | State::PartiallyRolledBack if stayed => Some(Left::Candidate),
        State::RolledBack | State::PartiallyRolledBack => Some(Left::Baseline),
        _ => None,
    }
}

fn sides(release: &Release) -> Vec<(&ServiceName, &Artifact, &Artifact)> {
    if release.components.is_empty() {
        return vec![(&release.service, &release.baseline, &release.candidate)];
    }
    release.components.iter().map(|part| (&part.name, &part.baseline, &part.candidate)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Weight;
    use crate::release::{Event, tests};

    #[test]
    fn given_a_service_that_only_moved_with_another_then_what_it_was_left_with_is_what_runs() {
        let (shop, auth) = (tests::name("checkout"), tests::name("auth"));
        let mut release = tests::together(&[&shop, &auth]);
        let mut running = Running::default();
        running.note(&release);
        assert_eq!(running.of(&auth), None, "nothing has ended");
        release = release.evolve(&Event::Completed { at: tests::at(10) });
        running.note(&release);
        let version = |running: &Running, name| running.of(name).map(|artifact| artifact.version.to_string());
        assert_eq!(version(&running, &auth).as_deref(), Some("1.42.0"));
        let (key, by, reason) = ("k".to_owned(), "Maya".to_owned(), "errors".to_owned());
        let back =
            Event::RollbackOrdered { key, saga: None, only: Some(vec![auth.clone()]), by, reason, at: tests::at(11) };
        release = release.evolve(&back);
        running.note(&release);
        assert_eq!(version(&running, &auth), None, "on its way back");
        let seen = Event::TrafficConfirmed {
            weight: Weight::ZERO,
            after: Default::default(),
            from: "proxy".into(),
            at: tests::at(12),
        };
        release = release.evolve(&seen).evolve(&Event::RolledBack { at: tests::at(12) });
        running.note(&release);
        assert_eq!(version(&running, &auth).as_deref(), Some("1.41.3"));
        assert_eq!(version(&running, &shop).as_deref(), Some("1.42.0"), "only a part went back");
    }
}
