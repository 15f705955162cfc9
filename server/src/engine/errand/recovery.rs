//! Proves that what went back is well: traffic, probes, signals and data, for the stated time without a break.

use super::Errand;
use crate::ports::SignalSource;
use crate::service::{CHART_SPAN, ServiceError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::probe::Probe;
use sternway_domain::recovery::{Check, CheckKind, Proof, RecoveryPolicy, Seen, Tolerated, WayBack, tolerated, usual};
use sternway_domain::release::Event;
use sternway_domain::saga::Answer;
use sternway_domain::service::Service as Document;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::signal::{Arm, Source, Tick, stats};
use sternway_domain::time::{Span, Timestamp};

/// Between two looks at everything.
const EVERY: Duration = Duration::from_secs(1);

/// What is looked at for one component.
struct Patient {
    document: Document,
    /// The first one: a second that is away must not keep a rollback from being proven.
    source: Result<Arc<dyn SignalSource>, String>,
    window: SignalWindow,
    /// Of the last while: single seconds of a quiet service say little.
    ticks: VecDeque<Tick>,
    tolerated: Vec<Tolerated>,
}

impl Errand {
    /// Ends when it is proven, or at the deadline with what is not yet well.
    pub(super) async fn prove(&self, components: &[ServiceName], policy: RecoveryPolicy) -> Answer {
        let mut patients = Vec::new();
        for name in components {
            match self.document(name).await {
                Ok(document) => {
                    let tolerated = match self.tolerated(name).await {
                        Ok(tolerated) => tolerated,
                        Err(error) => return super::again(error.to_string()),
                    };
                    let source = self.engine.adapters.source(&document, Source::First);
                    patients.push(Patient {
                        document,
                        source,
                        window: SignalWindow::default(),
                        ticks: VecDeque::new(),
                        tolerated,
                    });
                }
                Err(answer) => return answer,
            }
        }
        let clock = self.engine.service.clock.clone();
        let max_age = policy.max_age;
        let mut proof = Proof::begin(policy, patients.iter().flat_map(Patient::checks), clock.now());
        loop {
            for patient in &mut patients {
                proof = self.look(proof, patient, max_age).await;
            }
            let now = clock.now();
            let assessment = proof.assess(now);
            if assessment.proven {
                return Answer::Done { output: assessment.sentence };
            }
            self.engine.service.say(&self.release, (self.saga, self.step), &assessment.sentence, &self.fence).await;
            if assessment.next_share.is_some() {
                proof = proof.returned(now);
            }
            if now >= self.deadline {
                return Answer::Failed { error: assessment.sentence, again: true };
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// What a component's signals are held to. The plan speaks of the service that was judged.
    async fn tolerated(&self, name: &ServiceName) -> Result<Vec<Tolerated>, ServiceError> {
        if *name != self.release.service {
            return Ok(tolerated(None, &BTreeMap::new()));
        }
        let service = &self.engine.service;
        let events: Vec<Event> = service.events_of(self.release.id).await?;
        let back = WayBack::of(&events, None, None);
        let until = back.and_then(|back| back.times.detected).unwrap_or(service.clock.now());
        let ticks = service.tick_bodies(self.release.id, until - CHART_SPAN).await?;
        let before = ticks.iter().filter(|body| body.point.at < until).map(|body| &body.point.baseline);
        Ok(tolerated(Some(&self.release.plan), &usual(before)))
    }

    async fn look(&self, mut proof: Proof, patient: &mut Patient, max_age: Span) -> Proof {
        let now = self.engine.service.clock.now();
        let name = patient.document.name.clone();
        proof = proof.see(&check(CheckKind::Traffic, &name, ""), self.traffic(&name).await);
        for (check, probe) in patient.questions() {
            let seen = match self.engine.hands.probe(&probe, &patient.document.signals, now).await {
                Answer::Done { output } => Seen { good: Some(true), detail: output, at: now },
                Answer::Failed { error, .. } => Seen { good: Some(false), detail: error, at: now },
                other => Seen { good: None, detail: format!("{other:?}"), at: now },
            };
            proof = proof.see(&check, seen);
        }
        for (check, seen) in patient.signals(now, max_age).await {
            proof = proof.see(&check, seen);
        }
        proof
    }

    async fn traffic(&self, name: &ServiceName) -> Seen {
        let now = self.engine.service.clock.now();
        let silent = |detail| Seen { good: None, detail, at: now };
        let Ok(driver) = self.driver(name).await else { return silent("its driver cannot be built".to_owned()) };
        match driver.observe(now).await {
            Ok(seen) => {
                let detail = format!("`{}` reports {} %", seen.from, seen.canary.percent());
                Seen { good: Some(seen.canary == Weight::ZERO), detail, at: seen.at }
            }
            Err(failure) => silent(failure.to_string()),
        }
    }
}

impl Patient {
    /// Probes, then questions to the data.
    fn questions(&self) -> Vec<(Check, Probe)> {
        let (name, Some(back)) = (&self.document.name, &self.document.rollback) else { return vec![] };
        let probes = back.probes.iter().map(|probe| (check(CheckKind::Probe, name, &probe.name), probe.clone()));
        let data = back.integrity.iter().map(|one| (check(CheckKind::Integrity, name, &one.name), one.probe()));
        probes.chain(data).collect()
    }

    fn checks(&self) -> Vec<Check> {
        let name = &self.document.name;
        let signals = self.tolerated.iter().map(|one| check(CheckKind::Signal, name, &one.metric.label()));
        let asked = self.questions().into_iter().map(|(check, _)| check);
        [check(CheckKind::Traffic, name, "")].into_iter().chain(signals).chain(asked).collect()
    }

    /// The baseline's signals over the last while, each beside what is tolerated.
    async fn signals(&mut self, now: Timestamp, max_age: Span) -> Vec<(Check, Seen)> {
        let read = self.read(now, max_age).await;
        let seen = |one: &Tolerated| match &read {
            Ok(()) => {
                let value = stats::value(&one.metric, &self.ticks, Arm::Baseline).known();
                Seen::signal(&one.metric, value, one.bound, now)
            }
            Err(detail) => Seen { good: None, detail: detail.clone(), at: now },
        };
        let name = &self.document.name;
        let of = |one: &Tolerated| (check(CheckKind::Signal, name, &one.metric.label()), seen(one));
        self.tolerated.iter().map(of).collect()
    }

    async fn read(&mut self, now: Timestamp, max_age: Span) -> Result<(), String> {
        let source = self.source.as_ref().map_err(Clone::clone)?;
        let tick: Tick = self.window.push(source.read(now).await, now, max_age);
        if let Some(failure) = &tick.failure {
            return Err(failure.to_string());
        }
        self.ticks.push_back(tick);
        while self.ticks.front().is_some_and(|oldest| now.since(oldest.at) > max_age) {
            self.ticks.pop_front();
        }
        Ok(())
    }
}

fn check(kind: CheckKind, service: &ServiceName, name: &str) -> Check {
    Check { kind, service: service.clone(), name: name.to_owned() }
}
