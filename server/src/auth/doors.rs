//! How often somebody may fail to sign in: per login name and address, and per address.

use super::{AuthError, Result};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that are allowed at once; after that one each `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorsConfig {
    pub per_login: NonZeroU32,
    pub per_address: NonZeroU32,
    /// The time in which all of them are given back.
    pub within: Duration,
}

impl Default for DoorsConfig {
    fn default() -> Self {
        let count = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self { per_login: count(5), per_address: count(50), within: Duration::from_secs(60) }
    }
}

/// Counts failures only: whoever knows the password is never kept out by it. Cheap to clone.
#[derive(Clone)]
pub struct Doors(Arc<Inner>);

struct Inner {
    logins: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    shut: Mutex<HashMap<String, Instant>>,
}

/// Keys kept before those that are over are thrown out.
const MOST_KEYS: usize = 10_000;

impl Doors {
    pub fn new(config: DoorsConfig) -> Self {
        let quota = |burst: NonZeroU32| {
            let each = (config.within / burst.get()).max(Duration::from_millis(1));
            Quota::with_period(each).expect("a millisecond is not zero").allow_burst(burst)
        };
        Self(Arc::new(Inner {
            logins: RateLimiter::keyed(quota(config.per_login)),
            addresses: RateLimiter::keyed(quota(config.per_address)),
            clock: DefaultClock::default(),
            shut: Mutex::default(),
        }))
    }

    /// Refuses while the door is shut for this name at this address, or for the address.
    pub(super) fn check(&self, login: &str, address: &str) -> Result<()> {
        let mut shut = self.0.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let keys = [login_key(login, address), address.to_owned()];
        let until = keys.iter().filter_map(|key| shut.get(key).copied()).max();
        let Some(left) = until.and_then(|until| until.checked_duration_since(now)) else {
            if shut.len() > MOST_KEYS {
                shut.retain(|_, until| *until > now);
            }
            return Ok(());
        };
        Err(AuthError::TooMany { retry_after: left.as_secs() + 1 })
    }

    /// Counts a failure, and shuts the door when there were too many.
    pub(super) fn failed(&self, login: &str, address: &str) {
        let both = login_key(login, address);
        let tries = [(&self.0.logins, &both), (&self.0.addresses, &address.to_owned())];
        for (limiter, key) in tries {
            if let Err(early) = limiter.check_key(key) {
                let until = Instant::now() + early.wait_time_from(self.0.clock.now());
                self.0.shut.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), until);
            }
            if limiter.len() > MOST_KEYS {
                limiter.retain_recent();
            }
        }
    }
}

fn login_key(login: &str, address: &str) -> String {
    format!("{address} {login}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_too_many_failures_when_trying_again_then_that_name_is_kept_out_and_no_other() {
        let doors = Doors::new(DoorsConfig::default());
        for _ in 0..6 {
            doors.check("maya", "10.0.0.1").expect("still open");
            doors.failed("maya", "10.0.0.1");
        }
        let refused = doors.check("maya", "10.0.0.1").expect_err("shut");
        assert!(matches!(refused, AuthError::TooMany { retry_after: 1..=13 }), "{refused:?}");
        doors.check("sam", "10.0.0.1").expect("another name");
        doors.check("maya", "10.0.0.2").expect("another address");
    }
}
