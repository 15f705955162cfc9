//! How this Sternway runs: `sternway.toml`, then the environment, then flags; the later one counts.
//!
//! Every setting stands once in [`settings::SETTINGS`]: its key in the file, its variable, its flag, what it is for.

use crate::auth::DoorsConfig;
use crate::emergency::Registered;
use crate::notary::KeyPlace;
use crate::notary::witness::Witnesses;
use crate::steps::settings::StepSettings;
use crate::store::unproven;
use crate::telemetry::LogFormat;
use ipnet::IpNet;
use named::Named;
use settings::{SETTINGS, Setting};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::audit::retention::Retention;
use sternway_domain::id::EnvironmentName;
use sternway_domain::time::Span;
use url::Url;

mod file;
mod flags;
pub mod named;
mod recorded;
pub mod settings;
mod witnesses;

pub use flags::SettingFlags;

/// The file that is read when none is named and it is there.
pub const USUAL_FILE: &str = "sternway.toml";

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://…`. May hold a password.
    pub database: String,
    /// What is known of the database outside of it.
    pub state: PathBuf,
    /// How people reach this Sternway; `None`: at the address it listens on.
    pub public_url: Option<Url>,
    /// Proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Private networks that sources, drivers and webhooks may reach.
    pub outbound_allow: Vec<IpNet>,
    pub log_filter: String,
    pub log_format: LogFormat,
    /// What signs the decision log.
    pub log_key: KeyPlace,
    /// What the decision log is called; empty: as its key is named, or by the address people use.
    pub log_origin: String,
    /// Whether the log's files answer who is not signed in.
    pub log_public: bool,
    /// Who confirms the log's heads.
    pub log_witnesses: Witnesses,
    /// How long texts of the log are kept.
    pub log_retention: Retention,
    /// Whether `/metrics` answers who is not signed in.
    pub metrics_open: bool,
    pub sign_in: DoorsConfig,
    /// Where the services of this Sternway run; flags are switched and evaluated here.
    pub environment: EnvironmentName,
    /// Evaluations a second that one token may ask for, and twice as many at once; 0 is no limit.
    pub flag_limit: u32,
    /// Origins of web pages that may evaluate flags.
    pub flag_origins: Vec<String>,
    /// Names this replica in leases.
    pub replica: String,
    pub engine_lease: Span,
    pub engine_poll: Span,
    /// How long a shutdown may take.
    pub shutdown: Duration,
    /// Programs, connections and channels that documents may name.
    pub steps: StepSettings,
    /// Channels that are told of everything that needs a person.
    pub alarms: Vec<String>,
    /// Who may go back without the server.
    pub emergency_keys: Vec<Registered>,
    pub emergency_spool: PathBuf,
    pub emergency_services: PathBuf,
}

impl Config {
    /// What works and is not safe, for people: what and why, and what to write instead.
    pub fn doubts(&self) -> Vec<String> {
        let database = unproven(&self.database).map(|host| {
            format!(
                "`database`: whoever answers as `{host}` is taken for the database, whatever certificate it shows, and can read \
                 and change everything. Write `?sslmode=verify-full` behind the address, and `&sslrootcert=FILE` if its \
                 certificate comes from an authority of your own"
            )
        });
        let alarms = self.alarms.is_empty().then(|| {
            "`alarms`: nobody is told when a release needs a person; it stands on the pages alone. Set up `[channels.NAME]` and \
             write `alarms = [\"NAME\"]`; `sternway alarms test` tries it"
                .to_owned()
        });
        database.into_iter().chain(alarms).collect()
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Env(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line } => write!(f, "{}:{line}", path.display()),
            Source::Env(name) => write!(f, "${name}"),
            Source::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// Why Sternway does not know how to run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration `{}` cannot be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{}:{line}: {text}", .path.display())]
    Syntax { path: PathBuf, line: usize, text: String },
    #[error("{source}: there is no setting `{key}`; `sternway config check` lists all", source = .at)]
    Unknown { at: Source, key: String },
    #[error("{source}: `{key}` is `{shown}`: {text}", source = .at)]
    Value { at: Source, key: &'static str, shown: String, text: String },
    /// Without the value, which may be secret.
    #[error("{source}: `{key}`: {text}", source = .at)]
    Named { at: Source, key: String, text: String },
}

/// One value, as text, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub text: String,
    pub from: Source,
}

/// All values before they are checked: what `sternway config check` prints.
#[derive(Debug, Clone, Default)]
pub struct Effective(BTreeMap<&'static str, Found>, Named);

impl Effective {
    /// Collects every setting. `file`: the one named, which must then exist; otherwise [`USUAL_FILE`], if it is there.
    pub fn collect(
        file: Option<&Path>,
        env: impl Fn(&str) -> Option<String>,
        flags: &SettingFlags,
    ) -> Result<Self, ConfigError> {
        let (mut all, mut named) = (BTreeMap::new(), Named::default());
        for setting in SETTINGS {
            all.insert(setting.key, Found { text: setting.default.to_owned(), from: Source::Default });
        }
        let path = file.map(Path::to_owned).or_else(|| {
            let usual = PathBuf::from(USUAL_FILE);
            usual.exists().then_some(usual)
        });
        if let Some(path) = path {
            let (values, tables) = file::read(&path)?;
            all.extend(values);
            named = tables;
        }
        for setting in SETTINGS {
            // An empty variable is an unset one.
            let set =
                setting.env.iter().find_map(|name| env(name).filter(|text| !text.is_empty()).map(|text| (*name, text)));
            if let Some((name, text)) = set {
                all.insert(setting.key, Found { text, from: Source::Env(name) });
            }
            if let Some(text) = flags.get(setting.flag) {
                all.insert(setting.key, Found { text: text.to_owned(), from: Source::Flag(setting.flag) });
            }
        }
        Ok(Self(all, named))
    }

    /// Settings in the order of the table, with what may be shown of their values.
    pub fn shown(&self) -> impl Iterator<Item = (&'static Setting, String, &Source)> {
        SETTINGS.iter().filter_map(|setting| {
            let found = self.0.get(setting.key)?;
            Some((setting, (setting.show)(&found.text), &found.from))
        })
    }

    /// Connections and channels: key, what may be shown, where from.
    pub fn named(&self) -> impl Iterator<Item = (String, String, &Source)> {
        self.1.shown()
    }

    /// Reads every value.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Ok(Config {
            listen: self.read("listen", "write an address and a port, like `127.0.0.1:3000`")?,
            database: self.with("database", |text| {
                let fits = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
                let wrong = "write `sqlite:PATH` or `postgres://USER@HOST/NAME`";
                if fits { Ok(text.to_owned()) } else { Err(wrong.to_owned()) }
            })?,
            state: self
                .with("state", |text| Ok(if text.is_empty() { self.beside_database("state") } else { text.into() }))?,
            public_url: self.with("public_url", |text| match text {
                "" => Ok(None),
                text => match Url::parse(text) {
                    Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(url)),
                    _ => Err("write the address people use, like `https://sternway.example.org`".to_owned()),
                },
            })?,
            trusted_proxies: self.list("trusted_proxies")?,
            outbound_allow: self.list("outbound.allow")?,
            log_filter: self.with("log.filter", |text| Ok(text.to_owned()))?,
            log_format: self.with("log.format", LogFormat::from_str)?,
            log_key: self.with("log.key", |text| {
                Ok(match text.trim() {
                    "" => KeyPlace::File(self.beside_database("key")),
                    text if text.starts_with("PRIVATE+KEY+") => KeyPlace::Given(text.to_owned()),
                    text => KeyPlace::File(text.into()),
                })
            })?,
            log_origin: self.with("log.origin", |text| {
                let fits = !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
                if fits { Ok(text.to_owned()) } else { Err("write a name without spaces and `+`".to_owned()) }
            })?,
            log_public: self.read("log.public", "write `true` or `false`")?,
            log_witnesses: self.witnesses()?,
            log_retention: Retention {
                addresses: self.kept("log.retention.addresses")?,
                names: self.kept("log.retention.names")?,
                texts: self.kept("log.retention.texts")?,
            },
            metrics_open: self.read("metrics.open", "write `true` or `false`")?,
            sign_in: DoorsConfig {
                per_login: self.read::<NonZeroU32>("sign_in.failures", "write a number of at least 1")?,
                per_address: self.read::<NonZeroU32>("sign_in.failures_per_address", "write a number of at least 1")?,
                within: Duration::from_secs(60),
            },
            environment: self
                .with("environment", |text| EnvironmentName::new(text).map_err(|error| error.to_string()))?,
            flag_origins: self.with("flags.origins", origins)?,
            flag_limit: self.read("flags.limit", "write a whole number; 0 is no limit")?,
            replica: self.with("replica", |text| Ok(text.to_owned()))?,
            engine_lease: self.span("engine.lease", 1, 300)?,
            engine_poll: self.span("engine.poll", 0, 60)?,
            shutdown: Duration::from_secs(self.span("shutdown", 1, 60)?.secs().unsigned_abs()),
            steps: StepSettings {
                commands: self.with("deploy.commands", programs)?,
                connections: self.1.connections.clone(),
                channels: self.1.channels.clone(),
            },
            alarms: self.with("alarms", |text| {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                names.map(|name| self.known_channel(name)).collect()
            })?,
            emergency_keys: self.with("emergency.keys", |text| {
                text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
            })?,
            emergency_spool: self.with("emergency.spool", path)?,
            emergency_services: self.with("emergency.services", path)?,
        })
    }

    fn witnesses(&self) -> Result<Witnesses, ConfigError> {
        let list: Vec<_> = self.1.witnesses.iter().map(|(witness, _)| witness.clone()).collect();
        let all = list.len();
        let wanted = self.with("log.witnesses_wanted", |text| match text {
            "" => Ok(all),
            text => match text.parse() {
                Ok(wanted) if wanted <= all => Ok(wanted),
                _ => Err(format!("write a number of at most {all}, as many as there are `[[log.witnesses]]`")),
            },
        })?;
        let every = self.span("log.witness_every", 1, 86_400)?;
        Ok(Witnesses {
            list,
            wanted,
            every: Duration::from_secs(every.secs().unsigned_abs()),
            within: Witnesses::WITHIN,
        })
    }

    fn known_channel(&self, name: &str) -> Result<String, String> {
        match self.1.channels.contains_key(name) {
            true => Ok(name.to_owned()),
            false => Err(format!("there is no channel `{name}`; set it up as `[channels.{name}]` with `webhook_file`")),
        }
    }

    /// Not in a folder for temporary files, and not where a restore of the database would restore it too.
    fn beside_database(&self, what: &str) -> PathBuf {
        let database = self.0.get("database").map_or("", |found| found.text.as_str());
        match database.strip_prefix("sqlite:") {
            Some(path) => PathBuf::from(format!("{}.{what}", path.strip_prefix("//").unwrap_or(path))),
            None => PathBuf::from(format!("sternway.{what}")),
        }
    }

    fn with<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        let found = self.0.get(key).expect("every key of the table was given its default");
        read(&found.text).map_err(|text| {
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            let shown = setting.map_or_else(String::new, |setting| (setting.show)(&found.text));
            ConfigError::Value { at: found.from.clone(), key, shown, text }
        })
    }

    fn read<T: FromStr>(&self, key: &'static str, wrong: &str) -> Result<T, ConfigError> {
        self.with(key, |text| text.trim().parse().map_err(|_| wrong.to_owned()))
    }

    fn list(&self, key: &'static str) -> Result<Vec<IpNet>, ConfigError> {
        self.with(key, |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let net = |part: &str| {
                let single = part.parse::<std::net::IpAddr>().map(IpNet::from);
                part.parse().or(single).map_err(|_| format!("`{part}` is not a network; write it like `10.0.0.0/8`"))
            };
            parts.map(net).collect()
        })
    }

    /// For ever when nothing is written; never less than a day, in which a mistake can still be noticed.
    fn kept(&self, key: &'static str) -> Result<Option<Span>, ConfigError> {
        self.with(key, |text| match text {
            "" => Ok(None),
            text => match text.parse::<Span>() {
                Ok(span) if span.secs() >= 86_400 => Ok(Some(span)),
                Ok(_) => Err("write at least `1d`, or nothing to keep them for ever".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        })
    }

    /// Within these many seconds.
    fn span(&self, key: &'static str, least: i64, most: i64) -> Result<Span, ConfigError> {
        self.with(key, |text| {
            let span: Span = text.parse().map_err(|error: sternway_domain::time::SpanError| error.to_string())?;
            let fits = (least..=most).contains(&span.secs()) && span > Span::ZERO;
            if fits {
                Ok(span)
            } else {
                Err(match least {
                    1.. => format!("write a time of {least} s to {most} s"),
                    _ => format!("write a time of more than 0 s and at most {most} s, like `500ms`"),
                })
            }
        })
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("write a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Absolute paths, separated by commas.
fn programs(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let program = |part: &str| {
        let fits = part.starts_with('/') && !part.split('/').any(|step| step == "..");
        if fits { Ok(part.to_owned()) } else { Err(format!("`{part}` is not an absolute path without `..`")) }
    };
    parts.map(program).collect()
}

/// Exactly as browsers send them: scheme, host and port, nothing behind. No wildcards.
fn origins(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let origin = |part: &str| match Url::parse(part) {
        Ok(url) if url.origin().is_tuple() && url.origin().ascii_serialization() == part => Ok(part.to_owned()),
        _ => Err(format!("`{part}` is not an origin; write it like `https://shop.example.org`")),
    };
    parts.map(origin).collect()
}

#[cfg(test)]
mod tests;
