//! What can be made to go wrong, and how much of it is in force at a moment. Pure.

use serde::{Deserialize, Serialize};
use sternway_domain::id::ServiceName;
use sternway_domain::signal::Arm;
use sternway_domain::time::{Span, Timestamp};

/// The share of requests that fail once [`Behaviour::FailsAfter`] has set in, ratio 0-1.
pub const FAILING_RATIO: f64 = 0.2;
/// [`Behaviour::CreepsSlowly`]: own work takes this much longer per second, as a share of what it should take.
pub const CREEP_PER_SECOND: f64 = 0.01;
/// [`Behaviour::CreepsSlowly`]: own work never takes more than this many times what it should.
pub const CREEP_LIMIT: f64 = 5.0;
/// [`Behaviour::CreepsSlowly`]: share of slots lost per second.
pub const CREEP_LEAK: f64 = 0.001;

/// What is wrong with a build. It shows wherever that build runs, from its first request on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// Nothing.
    #[default]
    Healthy,
    /// Fails one request in five once it has served for this long.
    FailsAfter { after: Span },
    /// Gets slower and loses slots, a little more each second.
    CreepsSlowly,
}

/// What a visitor does to one arm of one service. One of each kind at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// This share of requests fails, ratio 0-1.
    Errors { ratio: f64 },
    /// Requests take longer by a log-normal time with this median in milliseconds, 0 to 3000.
    Latency { added_ms: f64 },
    /// This share of the slots is lost each second, ratio 0-0.2. Clearing it gives the slots back.
    SaturationLeak { per_second: f64 },
    /// `/metrics` answers 503.
    MetricsOutage,
}

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveFault {
    pub service: ServiceName,
    pub arm: Arm,
    pub fault: Fault,
    pub since: Timestamp,
}

impl Fault {
    /// What is wrong with the numbers, for people.
    pub(super) fn check(self) -> Result<(), String> {
        let (value, most, what) = match self {
            Fault::Errors { ratio } => (ratio, 1.0, "a share of requests from 0 to 1"),
            Fault::Latency { added_ms } => (added_ms, 3_000.0, "milliseconds from 0 to 3000"),
            Fault::SaturationLeak { per_second } => (per_second, 0.2, "a share of slots per second from 0 to 0.2"),
            Fault::MetricsOutage => return Ok(()),
        };
        if (0.0..=most).contains(&value) { Ok(()) } else { Err(format!("`{value}` is out of range: give {what}")) }
    }

    pub(super) fn same_kind(self, other: Fault) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// All that weighs on an instance at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Strain {
    /// Ratio 0-1.
    pub errors: f64,
    /// Times the normal work.
    pub slowdown: f64,
    /// Median of the added log-normal time.
    pub added_ms: f64,
    /// Share of slots.
    pub leak_per_second: f64,
    pub metrics_down: bool,
}

/// Adds up what the build does (`served`: seconds since its first request, `None` before it) and what visitors did.
pub(super) fn strain(behaviour: Behaviour, served: Option<f64>, faults: impl IntoIterator<Item = Fault>) -> Strain {
    let mut sum = Strain { errors: 0.0, slowdown: 1.0, added_ms: 0.0, leak_per_second: 0.0, metrics_down: false };
    match (behaviour, served) {
        (Behaviour::FailsAfter { after }, Some(served)) if served >= after.secs_f64() => sum.errors = FAILING_RATIO,
        (Behaviour::CreepsSlowly, Some(served)) => {
            sum.slowdown = (1.0 + served * CREEP_PER_SECOND).min(CREEP_LIMIT);
            sum.leak_per_second = CREEP_LEAK;
        }
        _ => {}
    }
    for fault in faults {
        match fault {
            Fault::Errors { ratio } => sum.errors = 1.0 - (1.0 - sum.errors) * (1.0 - ratio),
            Fault::Latency { added_ms } => sum.added_ms += added_ms,
            Fault::SaturationLeak { per_second } => sum.leak_per_second += per_second,
            Fault::MetricsOutage => sum.metrics_down = true,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_fails_later_is_healthy_until_then() {
        let behaviour = Behaviour::FailsAfter { after: Span::from_secs(30) };
        assert_eq!(strain(behaviour, None, []).errors, 0.0);
        assert_eq!(strain(behaviour, Some(29.9), []).errors, 0.0);
        assert_eq!(strain(behaviour, Some(30.0), []).errors, FAILING_RATIO);
    }

    #[test]
    fn a_creeping_build_gets_slower_each_second_up_to_its_limit() {
        assert_eq!(strain(Behaviour::CreepsSlowly, Some(0.0), []).slowdown, 1.0);
        assert_eq!(strain(Behaviour::CreepsSlowly, Some(50.0), []).slowdown, 1.5);
        assert_eq!(strain(Behaviour::CreepsSlowly, Some(1e6), []).slowdown, CREEP_LIMIT);
    }

    #[test]
    fn faults_come_on_top_of_what_the_build_does() {
        let behaviour = Behaviour::FailsAfter { after: Span::ZERO };
        let both = strain(behaviour, Some(1.0), [Fault::Errors { ratio: 0.5 }, Fault::MetricsOutage]);
        assert!((both.errors - 0.6).abs() < 1e-9);
        assert!(both.metrics_down);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for wrong in [
            Fault::Errors { ratio: 1.1 },
            Fault::Errors { ratio: f64::NAN },
            Fault::Latency { added_ms: -1.0 },
            Fault::SaturationLeak { per_second: f64::INFINITY },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?} was taken");
        }
        assert_eq!(Fault::Errors { ratio: 0.2 }.check(), Ok(()));
    }
}
