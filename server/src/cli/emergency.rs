//! `sternway emergency`: going back while the server or its database is down.

use super::apply::collect;
use super::config::Where;
use super::exit;
use super::remote::{Result, Trouble, wrong};
use super::terminal::{clean, complain, moment, percent, say, table, text};
use crate::config::Config;
use crate::documents::{self, Body};
use crate::emergency::{self, Asked, Copied, Loss, NoReturn, Outcome, SecretKey, Spool, Together};
use crate::outbound::{Call, Outbound};
use crate::ports::{Clock, Rng};
use crate::system::{SystemClock, SystemRng};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::release::REASON_CHARS;
use sternway_domain::time::Span;
use uuid::Uuid;

/// Of `rollback`: not every proxy reports that the canary gets nothing.
const NOT_ALL: u8 = 1;

pub(super) const HELP: &str = "\
Exit codes:
  0   done; of `rollback`: every proxy reports that the canary gets nothing
  1   of `rollback`: at least one does not; the table says which
  3   refused: the server is healthy, data would be lost, the key is not registered, or a value is not usable
  64  the command line itself is wrong";

#[derive(Debug, Args)]
pub(super) struct EmergencyCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key, and print the line that registers it on the server
    Key(NewKey),
    /// Give the baseline all traffic, look until the proxy says so, and write it down for the server
    Rollback(Box<Rollback>),
}

#[derive(Debug, Args)]
struct NewKey {
    /// Your sign-in name: the log will name its owner
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// Where the secret half goes; nothing there is ever replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Rollback {
    /// The service; may be repeated, and then they go in this order
    #[arg(long, value_name = "NAME", required = true)]
    service: Vec<String>,
    /// Why, in 3 to 2000 characters
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    /// Your key, made by `sternway emergency key`
    #[arg(long, env = "STERNWAY_EMERGENCY_KEY", value_name = "FILE")]
    key: PathBuf,
    /// Documents of the services, instead of the copy that the server keeps; may be repeated
    #[arg(long, value_name = "PATH")]
    services: Vec<PathBuf>,
    /// Where the server is asked whether it is healthy; left out: where it would listen by this configuration
    #[arg(long = "server", env = "STERNWAY_URL", value_name = "URL")]
    url: Option<String>,
    /// Write the spool here instead of where the configuration says
    #[arg(long, value_name = "FOLDER")]
    spool: Option<PathBuf>,
    /// How long each proxy is asked and looked at
    #[arg(long, value_name = "TIME", default_value = "10s")]
    within: Span,
    /// Even though the server is healthy
    #[arg(long)]
    force: bool,
    /// Even though data is lost, as far as is known; the log says so
    #[arg(long)]
    force_data_loss: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

impl EmergencyCommand {
    pub(super) async fn run(self) -> ExitCode {
        match self.what {
            What::Key(new) => exit::code(new.make(), false),
            What::Rollback(rollback) => {
                let json = rollback.json;
                exit::code(rollback.roll_back().await, json)
            }
        }
    }
}

/// With its causes, as text for people.
fn unusable(error: &(dyn std::error::Error + 'static)) -> Trouble {
    wrong(super::with_causes(error))
}

impl NewKey {
    fn make(self) -> Result<u8> {
        let mut seed = [0; 32];
        SystemRng.fill(&mut seed);
        let key = SecretKey::new(self.owner.trim(), seed);
        let public = key.public().to_string();
        // Read back as the server will read it.
        public.parse::<emergency::Registered>().map_err(wrong)?;
        key.write(&self.out).map_err(|error| unusable(&error))?;
        say(&format!(
            "Wrote the secret half to `{}`. Register the other half in the server's `sternway.toml`:\n\n[emergency]\nkeys = [\"{public}\"]",
            self.out.display()
        ));
        Ok(exit::DONE)
    }
}

impl Rollback {
    async fn roll_back(self) -> Result<u8> {
        let reason = self.reason.trim();
        if !REASON_CHARS.contains(&reason.chars().count()) {
            return Err(wrong(format!(
                "the reason has {} characters; write {} to {}",
                reason.chars().count(),
                REASON_CHARS.start(),
                REASON_CHARS.end()
            )));
        }
        let names = self.service.iter().map(|name| name.parse().map_err(|error| wrong(format!("{error}"))));
        let names: Vec<ServiceName> = names.collect::<Result<_>>()?;
        let config = self.place.effective().and_then(|all| all.config()).map_err(|error| unusable(&error))?;
        let key = SecretKey::read(&self.key).map_err(|error| unusable(&error))?;
        if !config.emergency_keys.contains(&key.public()) {
            let text =
                "is not registered under `emergency.keys`, so the server would not believe what it signs; register";
            return Err(wrong(format!("the key of `{}` {text} `{}`", clean(&key.owner), key.public())));
        }
        let (healthy, server) = self.health(&config).await?;
        if healthy && !self.force {
            return Err(wrong(format!(
                "the server is healthy ({server}): use `sternway release rollback`, or add `--force` if it cannot act"
            )));
        }
        let copied = self.copied(&config)?;
        if let Some(unknown) = names.iter().find(|name| copied.document(name).is_none()) {
            let known: Vec<String> = copied.services.iter().map(|service| format!("`{}`", service.name)).collect();
            let known =
                if known.is_empty() { "none is known".to_owned() } else { format!("known are {}", known.join(", ")) };
            return Err(wrong(format!("there is no service `{unknown}`; {known}; name others with `--services`")));
        }
        let services = self.weighed(names, &copied)?;
        let (clock, mut bytes) = (Arc::new(SystemClock), [0; 16]);
        SystemRng.fill(&mut bytes);
        let run = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let folder = self.spool.as_deref().unwrap_or(&config.emergency_spool);
        let mut spool = Spool::create(folder, run, clock.now()).map_err(|error| unusable(&error))?;
        let outbound = Outbound::new(config.outbound_allow.clone()).map_err(|error| unusable(&error))?;
        let within = Duration::from_micros(self.within.micros().max(0).unsigned_abs());
        let asked = Asked { services: &services, reason, server: &server, forced: healthy, run, within };
        let done = emergency::roll_back(&asked, &copied, &outbound, clock, &SystemRng, &key, &mut spool).await;
        let outcomes = done.map_err(|error| unusable(&error))?;
        self.tell(&outcomes, &services, &spool, run);
        Ok(if outcomes.iter().all(|outcome| outcome.done) { exit::DONE } else { NOT_ALL })
    }

    /// Each with what is known of data that would be lost; refused where it would be. What is not known, and what moves
    /// together, is said.
    fn weighed(&self, names: Vec<ServiceName>, copied: &Copied) -> Result<Vec<(ServiceName, Option<Loss>)>> {
        let mut weighed = Vec::new();
        for name in names {
            let loss = match &copied.no_return {
                None => {
                    complain(&format!(
                        "`{name}`: whether going back loses data is not known here; no copy of the server's says so"
                    ));
                    Some(Loss::Unknown)
                }
                Some(all) => match all.iter().find(|known| known.service == name) {
                    Some(known) if !self.force_data_loss => return Err(wrong(lost(known, copied))),
                    Some(known) => Some(Loss::Accepted { why: known.why.clone() }),
                    None => None,
                },
            };
            if let Some(found) = copied.together.iter().find(|together| together.services.contains(&name)) {
                complain(&moves_with(&name, found, copied));
            }
            weighed.push((name, loss));
        }
        Ok(weighed)
    }

    /// Whether it is, and what was heard of it.
    async fn health(&self, config: &Config) -> Result<(bool, String)> {
        let base = match (&self.url, &config.public_url) {
            (Some(url), _) => url.clone(),
            (None, Some(url)) => url.to_string(),
            (None, None) => {
                let mut listens = config.listen;
                if listens.ip().is_unspecified() {
                    listens.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                format!("http://{listens}")
            }
        };
        let base = base.trim_end_matches('/');
        let url = format!("{base}/readyz").parse().map_err(|_| wrong(format!("`{}` is not a URL", clean(base))))?;
        let anywhere = ["0.0.0.0/0", "::/0"].map(|net| net.parse().expect("a network is written well"));
        let outbound = Outbound::new(anywhere.to_vec()).map_err(|error| unusable(&error))?;
        Ok(match outbound.send(Call::get(url, Duration::from_secs(3), 4_096)).await {
            Ok(answer) if answer.status.is_success() => (true, format!("{base}/readyz answers {}", answer.status)),
            Ok(answer) => (false, format!("{base}/readyz answers {}: {}", answer.status, answer.gist())),
            Err(error) => (false, error.to_string()),
        })
    }

    /// With documents in place of the copy's, what else that says still counts, if it is there.
    fn copied(&self, config: &Config) -> Result<Copied> {
        let known = emergency::read_copy(&config.emergency_services);
        if self.services.is_empty() {
            return known.map_err(|error| unusable(&error));
        }
        let files = collect(&self.services)?;
        let documents = documents::parse(&files)
            .map_err(|problems| Trouble::Documents(problems.iter().map(ToString::to_string).collect()))?;
        let services = documents.into_iter().filter_map(|document| match document.body {
            Body::Service(service) => Some(emergency::CopiedService { name: service.name, traffic: service.traffic }),
            _ => None,
        });
        let services = services.collect();
        Ok(match known {
            Ok(known) => Copied { services, ..known },
            Err(_) => Copied { written: SystemClock.now(), services, together: vec![], no_return: None },
        })
    }

    fn tell(&self, outcomes: &[Outcome], services: &[(ServiceName, Option<Loss>)], spool: &Spool, run: Uuid) {
        if self.json {
            let rows: Vec<Value> = outcomes
                .iter()
                .zip(services)
                .map(|(o, (_, loss))| json!({"service": o.service, "before": o.before, "after": o.after, "from": o.from, "done": o.done, "detail": o.detail, "loss": loss}))
                .collect();
            say(&json!({"run": run, "spool": spool.path, "services": rows}).to_string());
            return;
        }
        let share = |share: Option<u8>| share.map_or_else(|| "unknown".to_owned(), percent);
        let mut rows = table(&["service", "canary before", "canary now", "what the proxy says"]);
        for outcome in outcomes {
            let says = if outcome.done {
                format!("back, at {}", outcome.from)
            } else {
                format!("NOT BACK: {}", outcome.detail)
            };
            rows.add_row([clean(outcome.service.as_str()), share(outcome.before), share(outcome.after), clean(&says)]);
        }
        let path = spool.path.display();
        say(&format!("{}\nWritten down in `{path}`; the server takes it in when it works again.", text(&mut rows)));
    }
}

/// What becomes of the others.
fn moves_with(name: &ServiceName, found: &Together, copied: &Copied) -> String {
    let others: Vec<String> =
        found.services.iter().filter(|other| *other != name).map(|other| format!("`{other}`")).collect();
    let known = copied.no_return.iter().flatten().find(|known| known.release == found.release);
    let then = match known {
        Some(known) => {
            format!("`{}` cannot go back without losing data, so a person decides about the rest", known.service)
        }
        None => "the server takes the whole release back when it takes this in".to_owned(),
    };
    format!("`{name}` moves together with {}: only its own traffic is moved here; {then}", others.join(", "))
}

/// Why it is refused, and what can be done instead.
fn lost(known: &NoReturn, copied: &Copied) -> String {
    let instead: Vec<&str> = known.instead.iter().map(|way| way.words()).collect();
    format!(
        "`{}` cannot go back. {} So it was known at {}. These ways remain: {}. Or wait for the server, where two people may \
         break the glass. `--force-data-loss` moves its traffic all the same, and the log will say so",
        known.service,
        clean(&known.why),
        moment(copied.written),
        instead.join("; ")
    )
}
