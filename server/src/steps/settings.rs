//! What the server's own configuration allows documents to name: programs, connections, channels.

use std::collections::BTreeMap;
use std::fmt;
use sternway_domain::deploy::{self, Deploy};
use sternway_domain::id::ConnectionName;
use sternway_domain::probe::Ask;
use sternway_domain::saga::Cache;
use sternway_domain::service::{Secret, Service, ServiceProblem};

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct StepSettings {
    /// Programs that documents may have run, by absolute path.
    pub commands: Vec<String>,
    pub connections: BTreeMap<ConnectionName, Connection>,
    pub channels: BTreeMap<String, Channel>,
}

impl StepSettings {
    /// What this server would refuse of a service's document: said when it is applied, so that nobody learns it at night.
    pub fn refused(&self, service: &Service) -> Vec<ServiceProblem> {
        let mut found = service.deploy.as_ref().map_or_else(Vec::new, |deploy| self.refused_deploy(deploy));
        for (i, channel) in service.alarms.iter().enumerate() {
            let text = self.no_channel(channel);
            found.extend(text.map(|text| ServiceProblem { field: format!("alarms[{i}]"), text }));
        }
        let Some(back) = &service.rollback else { return found };
        let mut add = |field: String, text: Option<String>| {
            found.extend(text.map(|text| ServiceProblem { field, text }));
        };
        for (i, probe) in back.probes.iter().enumerate() {
            if let Ask::Sql { connection, .. } = &probe.ask {
                add(format!("rollback.probes[{i}].ask.sql.connection"), self.no_connection(connection));
            }
        }
        for (i, question) in back.integrity.iter().enumerate() {
            add(format!("rollback.integrity[{i}].connection"), self.no_connection(&question.connection));
        }
        for (i, cache) in back.caches.iter().enumerate() {
            if let Cache::Redis { connection, .. } = cache {
                add(format!("rollback.caches[{i}].redis.connection"), self.no_connection(connection));
            }
        }
        for (i, channel) in back.tell.iter().enumerate() {
            add(format!("rollback.tell[{i}]"), self.no_channel(channel));
        }
        found
    }

    /// The same of how it is deployed.
    pub fn refused_deploy(&self, deploy: &Deploy) -> Vec<ServiceProblem> {
        let mut found = deploy::problems(deploy, "deploy");
        let Deploy::Command(command) = deploy else { return found };
        for (name, words) in [("run", Some(&command.run)), ("ask", command.ask.as_ref())] {
            if let Some(program) = words.and_then(|words| words.first())
                && !self.commands.contains(program)
            {
                let text = format!(
                    "this server may not run `{program}`; add it to `deploy.commands` in `sternway.toml` and start again"
                );
                found.push(ServiceProblem { field: format!("deploy.command.{name}[0]"), text });
            }
        }
        found
    }

    /// Why people cannot be told there; `None` where they can.
    pub(crate) fn no_channel(&self, name: &str) -> Option<String> {
        let text = "is not set up on this server; add `[channels.NAME]` with `webhook_file` to `sternway.toml`";
        (!self.channels.contains_key(name)).then(|| format!("the channel `{name}` {text}"))
    }

    /// Why queries cannot be asked there; `None` where they can.
    pub(crate) fn no_connection(&self, name: &ConnectionName) -> Option<String> {
        let text = "is not set up on this server; add `[connections.NAME]` with `url_file` to `sternway.toml`";
        (!self.connections.contains_key(name)).then(|| format!("the connection `{name}` {text}"))
    }
}

/// A database or a cache of the user's. Its address may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub url: Secret,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("url", &shown(&self.url)).finish()
    }
}

/// Where people are told. Chat systems put their secret into the address, so it is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub enum Channel {
    /// Receives POSTs, signed with the secret.
    Webhook { url: Secret, secret: Option<Secret> },
    /// A Slack incoming webhook.
    Slack { url: Secret },
    /// PagerDuty's Events API v2.
    PagerDuty { routing_key: Secret, url: String },
}

impl Channel {
    /// Where PagerDuty takes events, unless another address is set.
    pub const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

    /// What may be shown of it.
    pub fn shown(&self) -> String {
        match self {
            Channel::Webhook { url, .. } => shown(url),
            Channel::Slack { url } => format!("Slack, {}", shown(url)),
            Channel::PagerDuty { routing_key, .. } => format!("PagerDuty, {}", shown(routing_key)),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.shown())
    }
}

/// Where a secret is, never the secret.
pub fn shown(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("${name}"),
        Secret::File(path) => format!("in {path}"),
        Secret::Value(_) => "hidden".to_owned(),
    }
}
