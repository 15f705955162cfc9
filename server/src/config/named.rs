//! The tables of `sternway.toml` whose names people choose: `[connections.NAME]` and `[channels.NAME]`.
//!
//! A secret is written as it is, or better as `KEY_file` with a path or `KEY_env` with a variable that begins with
//! `STERNWAY_SECRET_`. It is never shown.

use super::file::Reader;
use super::{ConfigError, Source};
use crate::notary::witness::Witness;
use crate::steps::settings::{Channel, Connection, shown};
use std::collections::BTreeMap;
use sternway_domain::id::ConnectionName;
use sternway_domain::service::Secret;
use toml::de::{DeTable, DeValue};

/// The tables that hold them.
pub(super) const TABLES: [&str; 2] = ["connections", "channels"];

/// All of them, with where each stands.
#[derive(Debug, Clone, Default)]
pub struct Named {
    pub connections: BTreeMap<ConnectionName, Connection>,
    pub channels: BTreeMap<String, Channel>,
    pub witnesses: Vec<(Witness, Source)>,
    at: BTreeMap<String, Source>,
}

impl Named {
    /// Key, what may be shown of the value, and where it comes from.
    pub fn shown(&self) -> impl Iterator<Item = (String, String, &Source)> {
        let connections = self.connections.iter().map(|(name, c)| (format!("connections.{name}"), shown(&c.url)));
        let channel = |(name, c): (&String, &Channel)| (format!("channels.{name}"), c.shown());
        let all = connections.chain(self.channels.iter().map(channel));
        let witnesses =
            self.witnesses.iter().enumerate().map(|(n, (witness, at))| {
                (format!("log.witnesses[{n}]"), format!("{} {}", witness.key, witness.url), at)
            });
        all.filter_map(|(key, value)| self.at.get(&key).map(|at| (key.clone(), value, at))).chain(witnesses)
    }

    /// Reads one of [`TABLES`].
    pub(super) fn read(
        &mut self,
        reader: &Reader<'_>,
        kind: &str,
        value: &DeValue<'_>,
        at: Source,
    ) -> Result<(), ConfigError> {
        let wrong =
            |at: &Source, key: String, text: &str| ConfigError::Named { at: at.clone(), key, text: text.to_owned() };
        let DeValue::Table(table) = value else {
            return Err(wrong(&at, kind.to_owned(), "write a table for each, such as `[connections.orders]`"));
        };
        for (name, value) in table.iter() {
            let (key, at) = (format!("{kind}.{}", name.get_ref()), reader.at(name.span().start));
            let DeValue::Table(fields) = value.get_ref() else {
                return Err(wrong(&at, key, "write a table, such as `[connections.orders]`"));
            };
            let name: ConnectionName = match name.get_ref().parse() {
                Ok(name) => name,
                Err(error) => return Err(wrong(&at, key, &format!("{error}"))),
            };
            let mut entry = Entry { reader, key: &key, at: &at, fields, known: Vec::new() };
            if kind == "connections" {
                let url = entry.secret("url")?.ok_or_else(|| wrong(&at, key.clone(), "give it `url_file` or `url`"))?;
                entry.nothing_else()?;
                self.connections.insert(name, Connection { url });
            } else {
                let channel = entry.channel()?;
                entry.nothing_else()?;
                self.channels.insert(name.to_string(), channel);
            }
            self.at.insert(key, at);
        }
        Ok(())
    }
}

/// One table that is being read.
struct Entry<'a> {
    reader: &'a Reader<'a>,
    key: &'a str,
    at: &'a Source,
    fields: &'a DeTable<'a>,
    known: Vec<String>,
}

impl Entry<'_> {
    fn wrong(&self, at: Source, key: String, text: &str) -> ConfigError {
        ConfigError::Named { at, key, text: text.to_owned() }
    }

    /// `name`, `name_file` or `name_env`; at most one of them.
    fn secret(&mut self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let mut found = None;
        for (ending, make) in
            [("", Secret::Value as fn(String) -> Secret), ("_file", Secret::File), ("_env", Secret::Env)]
        {
            let field = format!("{name}{ending}");
            self.known.push(field.clone());
            let Some((at, value)) = self.fields.iter().find(|(key, _)| key.get_ref().as_ref() == field) else {
                continue;
            };
            let at = self.reader.at(at.span().start);
            let key = format!("{}.{field}", self.key);
            let DeValue::String(text) = value.get_ref() else { return Err(self.wrong(at, key, "write a text")) };
            let secret = make(text.to_string());
            match &secret {
                Secret::File(path) if !path.starts_with('/') => {
                    return Err(self.wrong(at, key, "write an absolute path"));
                }
                Secret::Env(name) if !name.starts_with("STERNWAY_SECRET_") => {
                    return Err(self.wrong(at, key, "the variable's name must begin with `STERNWAY_SECRET_`"));
                }
                _ if found.is_some() => {
                    let text = format!("give it only one of `{name}`, `{name}_file` and `{name}_env`");
                    return Err(self.wrong(at, key, &text));
                }
                _ => found = Some(secret),
            }
        }
        Ok(found)
    }

    fn channel(&mut self) -> Result<Channel, ConfigError> {
        let missing = |this: &Self, text: &str| this.wrong(this.at.clone(), this.key.to_owned(), text);
        let kind = self.text("kind")?;
        let kind = kind.as_ref().map_or("webhook", |(text, _)| text.as_str());
        if kind == "pagerduty" {
            let routing_key = self.secret("routing_key")?;
            let routing_key =
                routing_key.ok_or_else(|| missing(self, "give it `routing_key_file` or `routing_key_env`"))?;
            let url = self.text("url")?.map_or_else(|| Channel::PAGERDUTY.to_owned(), |(text, _)| text);
            return Ok(Channel::PagerDuty { routing_key, url });
        }
        let url = self.secret("webhook")?.ok_or_else(|| missing(self, "give it `webhook` or `webhook_file`"))?;
        match kind {
            "webhook" => Ok(Channel::Webhook { url, secret: self.secret("secret")? }),
            "slack" => Ok(Channel::Slack { url }),
            _ => {
                let at = self.text("kind")?.map_or_else(|| self.at.clone(), |(_, at)| at);
                Err(self.wrong(at, format!("{}.kind", self.key), "write `webhook`, `slack` or `pagerduty`"))
            }
        }
    }

    /// A plain text, with where it stands.
    fn text(&mut self, name: &str) -> Result<Option<(String, Source)>, ConfigError> {
        self.known.push(name.to_owned());
        let Some((at, value)) = self.fields.iter().find(|(key, _)| key.get_ref().as_ref() == name) else {
            return Ok(None);
        };
        let at = self.reader.at(at.span().start);
        match value.get_ref() {
            DeValue::String(text) => Ok(Some((text.to_string(), at))),
            _ => Err(self.wrong(at, format!("{}.{name}", self.key), "write a text")),
        }
    }

    fn nothing_else(&self) -> Result<(), ConfigError> {
        let stranger =
            self.fields.iter().find(|(key, _)| !self.known.iter().any(|known| known == key.get_ref().as_ref()));
        match stranger {
            Some((key, _)) => {
                let name = format!("{}.{}", self.key, key.get_ref());
                Err(ConfigError::Unknown { at: self.reader.at(key.span().start), key: name })
            }
            None if self.fields.is_empty() => Err(self.wrong(self.at.clone(), self.key.to_owned(), "it is empty")),
            None => Ok(()),
        }
    }
}
