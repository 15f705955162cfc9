//! Flags that make a difference in the demo's world: the candidates' new code sits behind them.

use super::{Stage, StageError};
use sternway_domain::flag::Context;
use sternway_domain::id::{FlagKey, ServiceName};
use sternway_domain::time::{Span, Timestamp};

/// Which flag guards what is new in a service's candidate.
const SWITCHES: [(&str, &str); 2] = [("checkout.currency-pricing", "checkout"), ("payments.new-provider", "payments")];

/// The demo's flags: one of them should have been gone for weeks.
pub(super) fn yaml(now: Timestamp) -> String {
    const DAY: i64 = 86_400;
    let (later, before) = (now + Span::from_secs(60 * DAY), now - Span::from_secs(20 * DAY));
    include_str!("../documents/flags.yaml").replace("LATER", &later.date()).replace("BEFORE", &before.date())
}

impl Stage {
    /// The services ask for their flags, as services do, and leave out the new code where one is off.
    pub(super) async fn heed_flags(&self) -> Result<(), StageError> {
        let flags = self.service.flags.current(self.service.store.as_ref()).await?;
        for (key, service) in SWITCHES {
            let Ok((key, service)) = named(key, service) else { continue };
            let Some(flag) = flags.flags.get(&key) else { continue };
            let given = flag.evaluate(&self.service.environment, &Context::default());
            let on = given.is_ok_and(|given| given.value.as_bool() == Some(true));
            self.world.new_code(&service, on)?;
        }
        Ok(())
    }
}

fn named(key: &str, service: &str) -> Result<(FlagKey, ServiceName), Box<dyn std::error::Error + Send + Sync>> {
    Ok((key.parse()?, service.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{self, Body};

    #[test]
    fn given_any_day_then_the_flags_can_be_used_and_one_is_past_its_end() {
        let now = Timestamp::from_secs(1_795_096_800);
        let parsed = documents::parse(&[("demo/flags.yaml".to_owned(), yaml(now))]).expect("well-formed");
        let expired = parsed.iter().filter_map(|document| match &document.body {
            Body::Flag(flag) => Some((flag.key.to_string(), flag.expires.is_some_and(|end| end <= now))),
            _ => None,
        });
        let expired: Vec<(String, bool)> = expired.collect();
        assert_eq!(expired.iter().filter(|(_, expired)| *expired).count(), 1);
        for (key, service) in SWITCHES {
            assert!(named(key, service).is_ok() && expired.iter().any(|(known, _)| known == key), "{key}");
        }
    }
}
