//! What a service showed of late, before a release of it begins.

use super::{Result, Service, TickBody};
use crate::store::rows::ReleaseFilter;
use sternway_domain::id::ServiceName;
use sternway_domain::release::{Release, State};
use sternway_domain::signal::stats::{Sums, pooled};
use sternway_domain::signal::{Arm, ArmTick, Data, Tick};
use sternway_domain::time::Span;

/// What is older says little about what runs now.
const LATELY: Span = Span::from_secs(14 * 24 * 3_600);
/// At most so many readings, the newest.
const TICKS: usize = 360;
/// Releases that are looked through for readings.
const RELEASES: u32 = 3;

/// Readings of the version that runs now, oldest first, as the baseline's; and what all of them amount to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    pub ticks: Vec<Tick>,
    /// Of the running version, at the rate of the whole service.
    pub usual: Sums,
}

impl Service {
    /// What was seen in the newest release of a service that was watched; empty when none was. Of two sources, what the
    /// first one showed.
    pub async fn past(&self, service: &ServiceName) -> Result<Past> {
        self.past_seen(service, |body| Some(body.tick)).await
    }

    /// The same of the second source, as long as it was called so.
    pub async fn past_of_second(&self, service: &ServiceName, name: &str) -> Result<Past> {
        let of = |body: TickBody| {
            let same = body.verdict.pair.as_ref().is_some_and(|pair| pair.names.second == name);
            body.second.filter(|_| same).map(|beside| beside.tick)
        };
        self.past_seen(service, of).await
    }

    async fn past_seen(&self, service: &ServiceName, of: impl Fn(TickBody) -> Option<Tick>) -> Result<Past> {
        let filter = ReleaseFilter { service: Some(service.clone()), limit: RELEASES, ..ReleaseFilter::default() };
        for row in self.store.releases(&filter).await? {
            let release = self.load(row.id).await?;
            let since = self.clock.now() - LATELY;
            let bodies = self.tick_bodies(row.id, since).await?;
            let newest = bodies.into_iter().rev().take(TICKS).rev();
            let past = Past::of(newest.filter_map(&of).collect(), &release);
            if past.usual.requests > 0.0 {
                return Ok(past);
            }
        }
        Ok(Past::default())
    }
}

impl Past {
    fn of(mut ticks: Vec<Tick>, release: &Release) -> Past {
        let all: f64 = ticks.iter().flat_map(|tick| [&tick.baseline, &tick.canary]).map(requests).sum();
        if matches!(release.state, State::Promoted) {
            for tick in &mut ticks {
                tick.baseline =
                    std::mem::replace(&mut tick.canary, ArmTick { data: Data::Missing, instances: Vec::new() });
            }
        }
        let mut usual = pooled(&ticks, Arm::Baseline).unwrap_or_default();
        if usual.requests > 0.0 && all > usual.requests {
            // The same counts in less time: the rate of both versions together.
            usual.span = Span::from_micros((usual.span.micros() as f64 * usual.requests / all) as i64);
        }
        Past { ticks, usual }
    }
}

fn requests(arm: &ArmTick) -> f64 {
    if arm.data.usable() { arm.instances.iter().map(|instance| instance.requests).sum() } else { 0.0 }
}
