//! Proves that what went back is well: traffic, probes and signals, for the stated time without a break.

use super::Errand;
use crate::ports::SignalSource;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::{Metric, Weight};
use sternway_domain::probe::Probe;
use sternway_domain::recovery::{Check, CheckKind, Proof, RecoveryPolicy, Seen};
use sternway_domain::saga::Answer;
use sternway_domain::service::Service as Document;
use sternway_domain::signal::window::SignalWindow;
use sternway_domain::signal::{Arm, Tick, stats};
use sternway_domain::time::{Span, Timestamp};

/// Between two looks at everything.
const EVERY: Duration = Duration::from_secs(1);

/// The share of requests that may fail, 0-1, when the release knows no better.
const TOLERATED_ERRORS: f64 = 0.01;

/// What is looked at for one component.
struct Patient {
    document: Document,
    source: Result<Arc<dyn SignalSource>, String>,
    window: SignalWindow,
    /// Of the last while: single seconds of a quiet service say little.
    ticks: VecDeque<Tick>,
}

impl Errand {
    /// Ends when it is proven, or at the deadline with what is not yet well.
    pub(super) async fn prove(&self, components: &[ServiceName], policy: RecoveryPolicy) -> Answer {
        let mut patients = Vec::new();
        for name in components {
            match self.document(name).await {
                Ok(document) => {
                    let source = self.engine.adapters.source(&document);
                    patients.push(Patient {
                        document,
                        source,
                        window: SignalWindow::default(),
                        ticks: VecDeque::new(),
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
            self.engine.service.say(self.saga, self.step, &assessment.sentence, &self.fence).await;
            if assessment.next_share.is_some() {
                proof = proof.returned(now);
            }
            if now >= self.deadline {
                return Answer::Failed { error: assessment.sentence, again: true };
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn look(&self, mut proof: Proof, patient: &mut Patient, max_age: Span) -> Proof {
        let now = self.engine.service.clock.now();
        let name = patient.document.name.clone();
        proof = proof.see(&check(CheckKind::Traffic, &name, ""), self.traffic(&name).await);
        for probe in patient.probes().to_vec() {
            let seen = match self.engine.hands.probe(&probe, &patient.document.signals, now).await {
                Answer::Done { output } => Seen { good: Some(true), detail: output, at: now },
                Answer::Failed { error, .. } => Seen { good: Some(false), detail: error, at: now },
                other => Seen { good: None, detail: format!("{other:?}"), at: now },
            };
            proof = proof.see(&check(CheckKind::Probe, &name, &probe.name), seen);
        }
        let seen = patient.errors(now, max_age).await;
        proof.see(&check(CheckKind::Signal, &name, &Metric::Errors.label()), seen)
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
    fn probes(&self) -> &[Probe] {
        self.document.rollback.as_ref().map_or(&[], |back| back.probes.as_slice())
    }

    fn checks(&self) -> Vec<Check> {
        let name = &self.document.name;
        let probes = self.probes().iter().map(|probe| check(CheckKind::Probe, name, &probe.name));
        let fixed = [check(CheckKind::Traffic, name, ""), check(CheckKind::Signal, name, &Metric::Errors.label())];
        fixed.into_iter().chain(probes).collect()
    }

    /// The baseline's error ratio over the last while.
    async fn errors(&mut self, now: Timestamp, max_age: Span) -> Seen {
        let silent = |detail: String| Seen { good: None, detail, at: now };
        let source = match &self.source {
            Ok(source) => source,
            Err(detail) => return silent(detail.clone()),
        };
        let tick: Tick = self.window.push(source.read(now).await, now, max_age);
        if let Some(failure) = &tick.failure {
            return silent(failure.to_string());
        }
        self.ticks.push_back(tick);
        while self.ticks.front().is_some_and(|oldest| now.since(oldest.at) > max_age) {
            self.ticks.pop_front();
        }
        let value = stats::value(&Metric::Errors, &self.ticks, Arm::Baseline).known();
        Seen::signal(&Metric::Errors, value, TOLERATED_ERRORS, now)
    }
}

fn check(kind: CheckKind, service: &ServiceName, name: &str) -> Check {
    Check { kind, service: service.clone(), name: name.to_owned() }
}
