//! HAProxy through its runtime socket.
//!
//! Weights are absolute and are read back after each write. HAProxy has no compare-and-set, so this driver is unfenced: a
//! stale write is seen by the next look and corrected. Relative weights (`50%`) are deliberately absent: they follow the
//! configured weight, and a server configured with 0 would stay at 0.

use crate::outbound::Outbound;
use crate::ports::{DriverFailure, Intent, Observation, TrafficDriver};
use async_trait::async_trait;
use socket::Socket;
use state::Server;
use std::path::Path;
use std::time::Duration;
use sternway_domain::plan::Weight;
use sternway_domain::service::Haproxy;
use sternway_domain::time::Timestamp;
use weights::Load;

mod socket;
mod state;
mod weights;

/// One backend of one HAProxy.
pub struct HaproxyDriver {
    config: Haproxy,
    socket: Socket,
    /// One change at a time, or two would interleave their writes.
    busy: tokio::sync::Mutex<()>,
}

/// One weight to set.
#[derive(Debug, PartialEq, Eq)]
struct Write {
    server: String,
    weight: u16,
    /// Whether it lowers the canary's share.
    lowers: bool,
    /// Whether it gives the server more than it has.
    grows: bool,
}

impl HaproxyDriver {
    /// The names in `config` have been checked by `domain::service::problems`.
    pub fn new(config: Haproxy, outbound: Outbound) -> Self {
        let address = config.address.to_string();
        let place = address.trim_start_matches("unix:").trim_start_matches("tcp:");
        let name = format!("haproxy {place}, backend {}", config.backend);
        let timeout = Duration::from_micros(config.timeout.micros().unsigned_abs());
        let socket = Socket { address: config.address.clone(), outbound, timeout, name };
        Self { config, socket, busy: tokio::sync::Mutex::new(()) }
    }

    async fn servers(&self) -> Result<Vec<Server>, DriverFailure> {
        let backend = &self.config.backend;
        let state = self.socket.ask(&format!("show servers state {backend}")).await?;
        let stat = self.socket.ask(&format!("show stat {backend} 4 -1")).await?;
        let servers = state::servers(&state, &stat).map_err(|said| self.socket.refused(said))?;
        for name in self.config.baseline.iter().chain(&self.config.canary) {
            if !servers.iter().any(|server| server.name == *name) {
                return Err(self.socket.refused(format!("it has no server `{name}`")));
            }
        }
        Ok(servers)
    }

    /// The writes that bring about this share. Those that lower the canary's share come first, so that on the way it
    /// never gets more than the larger of old and new; then those that give, so that there is never no server at all.
    fn writes(&self, canary: Weight, servers: &[Server]) -> Result<Vec<Write>, DriverFailure> {
        let arm = |names: &[String]| -> Vec<&Server> {
            servers.iter().filter(|server| names.contains(&server.name)).collect()
        };
        let (old, new) = (arm(&self.config.baseline), arm(&self.config.canary));
        let ready = |arm: &[&Server]| arm.iter().filter(|server| server.ready).count();
        for (name, arm, share) in [("baseline", &old, 100 - canary.percent()), ("canary", &new, canary.percent())] {
            if share > 0 && ready(arm) == 0 {
                let detail = format!("no server of the {name} is up to take {share}\u{a0}%; start one, then ask again");
                return Err(self.socket.refused(detail));
            }
        }
        if let Some(stranger) = servers.iter().find(|server| {
            let listed = self.config.baseline.contains(&server.name) || self.config.canary.contains(&server.name);
            !listed && server.ready && !server.backup && server.weight > 0
        }) {
            let detail =
                format!("its server `{}` takes traffic but belongs to neither arm; list it under one", stranger.name);
            return Err(self.socket.refused(detail));
        }
        let split = weights::split(canary, ready(&old), ready(&new));
        let mut writes = targets(&old, split.baseline, |weight, now| weight > now);
        writes.extend(targets(&new, split.canary, |weight, now| weight < now));
        writes.sort_by_key(|write| (!write.lowers, !write.grows));
        Ok(writes)
    }

    async fn set(&self, write: &Write) -> Result<(), DriverFailure> {
        let server = format!("{}/{}", self.config.backend, write.server);
        let said = self.socket.ask(&format!("set server {server} weight {}", write.weight)).await?;
        if !said.trim().is_empty() {
            return Err(self.socket.refused(format!(
                "weight {} of `{server}`: {}",
                write.weight,
                state::sentence(&said)
            )));
        }
        let reads = self.socket.ask(&format!("get weight {server}")).await?;
        if reads.split_whitespace().next() == Some(&write.weight.to_string()) {
            Ok(())
        } else {
            let read = state::sentence(&reads);
            Err(self.socket.refused(format!("`{server}` was set to weight {} and reads {read}", write.weight)))
        }
    }

    /// Keeps the states of all backends where HAProxy finds them after a reload.
    async fn keep_state(&self, path: &Path) -> Result<(), DriverFailure> {
        let dump = self.socket.ask("show servers state").await?;
        if !dump.starts_with("1\n# be_id ") {
            return Err(self.socket.refused(format!("server states: {}", state::sentence(&dump))));
        }
        let kept = replace(path.to_owned(), dump.trim_end().to_owned() + "\n").await;
        kept.map_err(|e| {
            let path = path.display();
            self.socket.refused(format!("the weights are set, but a reload would lose them: `{path}`: {e}"))
        })
    }
}

/// What is to change in one arm. Servers that are not ready get the weight of the others, so that one that comes back
/// takes its part; the next look corrects the share.
fn targets(arm: &[&Server], load: Load, lowers: impl Fn(u16, u16) -> bool) -> Vec<Write> {
    let mut left = load.loaded;
    let all = arm.iter().filter(|server| server.ready).count() == load.loaded;
    let mut writes = Vec::new();
    for server in arm {
        let loaded = all || (server.ready && left > 0);
        if server.ready {
            left = left.saturating_sub(1);
        }
        let weight = if loaded { load.weight } else { 0 };
        if weight != server.weight {
            let (lowers, grows) = (lowers(weight, server.weight), weight > server.weight);
            writes.push(Write { server: server.name.clone(), weight, lowers, grows });
        }
    }
    writes
}

/// Replaces a file in one step: whoever reads it sees the old or the new, never a half.
async fn replace(path: std::path::PathBuf, text: String) -> std::io::Result<()> {
    let write = move || {
        use std::io::Write as _;
        let beside = path.with_extension("state.new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)
    };
    tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)?
}

#[async_trait]
impl TrafficDriver for HaproxyDriver {
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure> {
        let _one_at_a_time = self.busy.lock().await;
        let writes = self.writes(intent.canary, &self.servers().await?)?;
        for write in &writes {
            self.set(write).await?;
        }
        match self.config.state_file.as_deref().map(Path::new) {
            Some(path) if !writes.is_empty() || !path.exists() => self.keep_state(path).await,
            _ => Ok(()),
        }
    }

    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure> {
        let servers = self.servers().await?;
        let ready = |names: &[String]| {
            let count = servers.iter().filter(|server| server.ready && names.contains(&server.name)).count();
            u32::try_from(count).ok()
        };
        let active = servers.iter().filter(|server| server.ready && !server.backup);
        let (mut canary, mut all) = (0, 0);
        for server in active {
            all += server.effective;
            if self.config.canary.contains(&server.name) {
                canary += server.effective;
            }
        }
        Ok(Observation {
            canary: weights::percent(canary, all),
            at: now,
            baseline_ready: ready(&self.config.baseline),
            canary_ready: ready(&self.config.canary),
            baseline_total: u32::try_from(self.config.baseline.len()).ok(),
            canary_total: u32::try_from(self.config.canary.len()).ok(),
            canary_in_flight: state::in_flight(&servers, &self.config.canary),
            from: self.socket.name.clone(),
        })
    }

    fn fenced(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static OUTBOUND: LazyLock<Outbound> = LazyLock::new(|| Outbound::new(vec![]).expect("a client"));

    fn any_weight() -> impl Strategy<Value = u16> {
        prop_oneof![Just(0), 0u16..=256]
    }

    fn driver(old: usize, new: usize) -> HaproxyDriver {
        let names = |arm: &str, n: usize| (1..=n).map(|i| format!("{arm}{i}")).collect::<Vec<_>>();
        let config = serde_json::json!({
            "address": "unix:/run/none.sock", "backend": "b", "baseline": names("o", old), "canary": names("n", new),
        });
        let config = serde_json::from_value(config).expect("well-formed");
        HaproxyDriver::new(config, OUTBOUND.clone())
    }

    /// The canary's part of the whole.
    fn share(servers: &[Server]) -> (u32, u32) {
        let sum =
            |arm: &str| servers.iter().filter(|s| s.name.starts_with(arm)).map(|s| u32::from(s.weight)).sum::<u32>();
        (sum("n"), sum("n") + sum("o"))
    }

    proptest! {
        #[test]
        fn on_the_way_the_canary_never_gets_more_than_before_or_after_and_somebody_always_serves(
            old in prop::collection::vec(any_weight(), 1..5),
            new in prop::collection::vec(any_weight(), 1..5),
            percent in prop_oneof![Just(0u8), Just(100), 1u8..100],
        ) {
            let driver = driver(old.len(), new.len());
            let arm = |arm: &str, weights: &[u16]| -> Vec<Server> {
                let server = |(i, &weight): (usize, &u16)| Server {
                    name: format!("{arm}{}", i + 1), ready: true, weight, effective: weight.into(), backup: false, in_flight: None,
                };
                weights.iter().enumerate().map(server).collect()
            };
            let mut servers = [arm("o", &old), arm("n", &new)].concat();
            prop_assume!(share(&servers).1 > 0);
            let before = share(&servers);
            let asked = Weight::try_from(percent).expect("a percentage");
            let writes = driver.writes(asked, &servers).expect("every server is up");
            let ratio = |(part, whole): (u32, u32)| f64::from(part) / f64::from(whole);
            let mut after = servers.clone();
            for write in &writes {
                after.iter_mut().filter(|s| s.name == write.server).for_each(|s| s.weight = write.weight);
            }
            let most = ratio(before).max(ratio(share(&after)));
            for write in &writes {
                servers.iter_mut().filter(|s| s.name == write.server).for_each(|s| s.weight = write.weight);
                let now = share(&servers);
                prop_assert!(now.1 > 0, "no server at all after {:?} of {:?}", write, writes);
                prop_assert!(ratio(now) <= most + 1e-12, "{} > {} after {:?} of {:?}", ratio(now), most, write, writes);
            }
            prop_assert_eq!(driver.writes(asked, &servers).expect("every server is up"), vec![]);
        }
    }
}
