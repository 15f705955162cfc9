//! Reads `sternway.toml`: keys with the lines they stand on.

use super::named::{Named, TABLES};
use super::settings::SETTINGS;
use super::witnesses;
use super::{ConfigError, Found, Source};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Values = Vec<(&'static str, Found)>;

pub(super) fn read(path: &Path) -> Result<(Values, Named), ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line(&text, error.span().map_or(0, |span| span.start)),
        text: error.message().to_owned(),
    })?;
    let (mut values, mut named) = (Vec::new(), Named::default());
    let reader = Reader { path, text: &text };
    collect(&reader, table.get_ref(), "", &mut values)?;
    for (name, value) in table.get_ref().iter() {
        if let Some(kind) = TABLES.into_iter().find(|kind| name.get_ref() == kind) {
            named.read(&reader, kind, value.get_ref(), reader.at(name.span().start))?;
        }
    }
    if let Some((_, DeValue::Table(log))) =
        table.get_ref().iter().map(|(name, value)| (name.get_ref(), value.get_ref())).find(|(name, _)| *name == "log")
    {
        named.witnesses = witnesses::read(&reader, log)?;
    }
    Ok((values, named))
}

pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    pub(super) fn at(&self, offset: usize) -> Source {
        Source::File { path: self.path.to_owned(), line: line(self.text, offset) }
    }
}

fn collect(reader: &Reader<'_>, table: &DeTable<'_>, above: &str, values: &mut Values) -> Result<(), ConfigError> {
    for (name, value) in table.iter() {
        if above.is_empty() && TABLES.iter().any(|kind| name.get_ref() == kind) {
            continue;
        }
        let key = if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        if key == witnesses::KEY {
            continue;
        }
        let at = reader.at(name.span().start);
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        match (setting, value.get_ref()) {
            (Some(setting), value) => {
                let text = plain(value).ok_or_else(|| ConfigError::Value {
                    at: at.clone(),
                    key: setting.key,
                    shown: value.type_str().to_owned(),
                    text: "write a text, a number, `true`, `false` or a list of texts".to_owned(),
                })?;
                values.push((setting.key, Found { text, from: at }));
            }
            (None, DeValue::Table(inner)) if SETTINGS.iter().any(|s| s.key.starts_with(&format!("{key}."))) => {
                collect(reader, inner, &key, values)?;
            }
            (None, _) => return Err(ConfigError::Unknown { at, key }),
        }
    }
    Ok(())
}

/// As it would be written in a variable.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| plain(Spanned::get_ref(item))).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
