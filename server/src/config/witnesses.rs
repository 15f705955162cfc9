//! The tables `[[log.witnesses]]`: who is asked to confirm heads of the log.

use super::file::Reader;
use super::{ConfigError, Source};
use crate::notary::witness::Witness;
use sternway_domain::audit::note::{KeyKind, VerifierKey};
use toml::de::{DeTable, DeValue};
use url::Url;

/// Where they stand in the file.
pub(super) const KEY: &str = "log.witnesses";

/// All of them, each with where it stands.
pub(super) fn read(reader: &Reader<'_>, log: &DeTable<'_>) -> Result<Vec<(Witness, Source)>, ConfigError> {
    let Some((name, value)) = log.iter().find(|(name, _)| name.get_ref().as_ref() == "witnesses") else {
        return Ok(Vec::new());
    };
    let at = reader.at(name.span().start);
    let wrong = |at: &Source, key: &str, text: String| ConfigError::Named { at: at.clone(), key: key.to_owned(), text };
    let DeValue::Array(items) = value.get_ref() else {
        return Err(wrong(&at, KEY, "write a table `[[log.witnesses]]` for each".to_owned()));
    };
    let mut all: Vec<(Witness, Source)> = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let (key, at) = (format!("{KEY}[{n}]"), reader.at(item.span().start));
        let DeValue::Table(fields) = item.get_ref() else {
            return Err(wrong(&at, &key, "write a table with `url` and `key`".to_owned()));
        };
        let mut found = (None, None);
        for (name, value) in fields.iter() {
            let (at, field) = (reader.at(name.span().start), format!("{key}.{}", name.get_ref()));
            let place = match name.get_ref().as_ref() {
                "url" => &mut found.0,
                "key" => &mut found.1,
                _ => return Err(ConfigError::Unknown { at, key: field }),
            };
            let DeValue::String(text) = value.get_ref() else {
                return Err(wrong(&at, &field, "write a text".to_owned()));
            };
            *place = Some((text.to_string(), at, field));
        }
        let (Some((url, at_url, of_url)), Some((text, at_key, of_key))) = found else {
            return Err(wrong(&at, &key, "give it `url` and `key`".to_owned()));
        };
        let url = match Url::parse(&url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => url,
            _ => {
                return Err(wrong(
                    &at_url,
                    &of_url,
                    "write its address, like `https://witness.example.org`".to_owned(),
                ));
            }
        };
        let verifier: VerifierKey = text.trim().parse().map_err(|error| wrong(&at_key, &of_key, format!("{error}")))?;
        if verifier.kind() != KeyKind::Witness {
            let text = format!("`{}` is the key of a log, not of a witness", verifier.name());
            return Err(wrong(&at_key, &of_key, text));
        }
        if all.iter().any(|(other, _)| other.key.name() == verifier.name()) {
            return Err(wrong(&at_key, &of_key, format!("there are two witnesses `{}`", verifier.name())));
        }
        all.push((Witness { url, key: verifier }, at));
    }
    Ok(all)
}
