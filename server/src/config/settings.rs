//! The table of settings.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// In the file, with its table: `log.filter`.
    pub key: &'static str,
    /// The first that is set counts.
    pub env: &'static [&'static str],
    pub flag: &'static str,
    /// As text, as it would be written in a variable.
    pub default: &'static str,
    pub help: &'static str,
    /// What may be shown of a value.
    pub show: fn(&str) -> String,
}

macro_rules! setting {
    ($key:literal, [$($env:literal),+], $flag:literal, $default:expr, $help:literal) => {
        setting!($key, [$($env),+], $flag, $default, $help, str::to_owned)
    };
    ($key:literal, [$($env:literal),+], $flag:literal, $default:expr, $help:literal, $show:expr) => {
        Setting { key: $key, env: &[$($env),+], flag: $flag, default: $default, help: $help, show: $show }
    };
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    setting!("listen", ["STERNWAY_LISTEN"], "listen", "127.0.0.1:3000", "Address and port to listen on"),
    setting!(
        "database",
        ["DATABASE_URL", "STERNWAY_DATABASE"],
        "database",
        "sqlite:sternway.db",
        "`sqlite:PATH` or `postgres://USER@HOST/NAME`",
        without_password
    ),
    setting!(
        "state",
        ["STERNWAY_STATE"],
        "state",
        "",
        "File in which it is known outside the database how far that has come. Empty: beside the SQLite file, else `sternway.state`"
    ),
    setting!(
        "public_url",
        ["STERNWAY_PUBLIC_URL"],
        "public-url",
        "",
        "How people reach this Sternway, if not at the address it listens on"
    ),
    setting!(
        "trusted_proxies",
        ["STERNWAY_TRUSTED_PROXIES"],
        "trusted-proxies",
        "",
        "Networks of proxies in front, whose X-Forwarded-For is believed; several with commas between them"
    ),
    setting!(
        "outbound.allow",
        ["STERNWAY_OUTBOUND_ALLOW"],
        "outbound-allow",
        "",
        "Private networks that sources, drivers and webhooks may reach; several with commas between them"
    ),
    setting!(
        "log.filter",
        ["STERNWAY_LOG_FILTER"],
        "log-filter",
        "info",
        "Like `info` or `info,sternway_server=debug`"
    ),
    setting!("log.format", ["STERNWAY_LOG_FORMAT"], "log-format", "auto", "`json`, `pretty`, or `auto`: by terminal"),
    setting!(
        "log.key",
        ["STERNWAY_LOG_KEY"],
        "log-key",
        "",
        "What signs the decision log: a file, made at the first start, or the key itself. Empty: beside the SQLite file, else `sternway.key`. Several: one a line in the file, between spaces here",
        without_key
    ),
    setting!(
        "log.origin",
        ["STERNWAY_LOG_ORIGIN"],
        "log-origin",
        "",
        "What the decision log is called, for good. Empty: by the address people use at the first start"
    ),
    setting!(
        "log.public",
        ["STERNWAY_LOG_PUBLIC"],
        "log-public",
        "false",
        "Whether the files of the decision log (no names, no free text) are read without signing in"
    ),
    setting!(
        "log.witness_every",
        ["STERNWAY_LOG_WITNESS_EVERY"],
        "log-witness-every",
        "60s",
        "How often at most each of `[[log.witnesses]]` is asked to confirm the decision log"
    ),
    setting!(
        "log.witnesses_wanted",
        ["STERNWAY_LOG_WITNESSES_WANTED"],
        "log-witnesses-wanted",
        "",
        "How many of them should have confirmed it lately. Empty: all"
    ),
    setting!(
        "log.retention.addresses",
        ["STERNWAY_LOG_RETENTION_ADDRESSES"],
        "log-retention-addresses",
        "",
        "How long the log keeps network addresses and browsers' names, like `90d`. Empty: for ever"
    ),
    setting!(
        "log.retention.names",
        ["STERNWAY_LOG_RETENTION_NAMES"],
        "log-retention-names",
        "",
        "How long the log keeps people's names, like `730d`. Empty: for ever"
    ),
    setting!(
        "log.retention.texts",
        ["STERNWAY_LOG_RETENTION_TEXTS"],
        "log-retention-texts",
        "",
        "How long the log keeps reasons and what else was written, like `730d`. Empty: for ever"
    ),
    setting!(
        "metrics.open",
        ["STERNWAY_METRICS_OPEN"],
        "metrics-open",
        "true",
        "Whether /metrics answers without a token"
    ),
    setting!(
        "sign_in.failures",
        ["STERNWAY_SIGN_IN_FAILURES"],
        "sign-in-failures",
        "5",
        "Failed attempts a minute for one name at one address, after which more are refused"
    ),
    setting!(
        "sign_in.failures_per_address",
        ["STERNWAY_SIGN_IN_FAILURES_PER_ADDRESS"],
        "sign-in-failures-per-address",
        "50",
        "Failed attempts a minute at one address, after which more are refused"
    ),
    setting!(
        "environment",
        ["STERNWAY_ENVIRONMENT"],
        "environment",
        "production",
        "Where the services of this Sternway run; its flags are switched and evaluated there"
    ),
    setting!(
        "flags.origins",
        ["STERNWAY_FLAGS_ORIGINS"],
        "flags-origins",
        "",
        "Origins of web pages that may evaluate flags, like `https://shop.example.org`; several with commas between them"
    ),
    setting!(
        "flags.limit",
        ["STERNWAY_FLAGS_LIMIT"],
        "flags-limit",
        "2000",
        "Evaluations a second that one token may ask for, twice as many at once; 0 is no limit"
    ),
    setting!(
        "replica",
        ["STERNWAY_REPLICA"],
        "replica",
        "",
        "Names this process in leases; unique. Empty: made up at each start"
    ),
    setting!(
        "engine.lease",
        ["STERNWAY_ENGINE_LEASE"],
        "engine-lease",
        "8s",
        "A lease not renewed for so long is over, 1 s to 300 s"
    ),
    setting!(
        "engine.poll",
        ["STERNWAY_ENGINE_POLL"],
        "engine-poll",
        "1s",
        "How often the engine looks by itself, at most 60 s"
    ),
    setting!(
        "alarms",
        ["STERNWAY_ALARMS"],
        "alarms",
        "",
        "Channels that are told of everything that needs a person, by their names in `[channels.NAME]`; several with commas between them"
    ),
    setting!(
        "deploy.commands",
        ["STERNWAY_DEPLOY_COMMANDS"],
        "deploy-commands",
        "",
        "Programs that services may be deployed with, by absolute path; none unless listed"
    ),
    setting!(
        "emergency.keys",
        ["STERNWAY_EMERGENCY_KEYS"],
        "emergency-keys",
        "",
        "Who may go back without the server, as `sternway emergency key` prints it"
    ),
    setting!(
        "emergency.spool",
        ["STERNWAY_EMERGENCY_SPOOL"],
        "emergency-spool",
        "emergency",
        "Folder in which emergencies are written down until the server takes them in"
    ),
    setting!(
        "emergency.services",
        ["STERNWAY_EMERGENCY_SERVICES"],
        "emergency-services",
        "emergency.json",
        "Where the server keeps a copy of how each service's traffic is moved"
    ),
    setting!("shutdown", ["STERNWAY_SHUTDOWN"], "shutdown", "10s", "How long a shutdown may take"),
];

/// A path may be shown, a key may not.
fn without_key(text: &str) -> String {
    if text.starts_with("PRIVATE+KEY+") { "hidden".to_owned() } else { text.to_owned() }
}

/// A database address with its password hidden, wherever it stands.
fn without_password(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.query_pairs().any(|(name, _)| name == "password") => "hidden".to_owned(),
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("hidden")) {
            Ok(()) => url.to_string(),
            Err(()) => "hidden".to_owned(),
        },
        Ok(_) => text.to_owned(),
        Err(_) if text.contains('@') => "hidden".to_owned(),
        Err(_) => text.to_owned(),
    }
}
