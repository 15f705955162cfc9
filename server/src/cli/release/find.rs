//! Which release is meant: by its id, by the beginning of its id, or by its service.

use crate::cli::remote::{Client, Result, wrong};
use crate::cli::terminal::{clean, words};
use crate::service::ReleaseSummary;
use serde::Deserialize;
use serde_json::Value;
use sternway_domain::id::{ReleaseId, ServiceName};

/// Fewer digits than this name a service or nothing.
const SHORTEST: usize = 4;
/// How many releases are looked through for the beginning of an id.
const MOST: usize = 5_000;

/// A release as the server shows it.
pub(in crate::cli) struct Seen {
    pub(in crate::cli) release: ReleaseSummary,
    /// Acts that are possible now.
    pub(in crate::cli) acts: Vec<String>,
    /// Everything the server said.
    pub(in crate::cli) json: Value,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(flatten)]
    release: ReleaseSummary,
    #[serde(default)]
    acts: Vec<String>,
}

/// The release with this id.
pub(in crate::cli) async fn by_id(client: &Client, id: &str) -> Result<Seen> {
    let json = client.get(&["releases", id], &[]).await?;
    let Shape { release, acts } = client.shape(&json)?;
    Ok(Seen { release, acts, json })
}

/// The release that `text` names. `states` are those that fit what is to be done when only a service is named and it
/// has no active release.
pub(in crate::cli) async fn release(client: &Client, text: &str, states: &[&str]) -> Result<Seen> {
    let id = id_of(client, text, states).await?;
    by_id(client, &id).await
}

async fn id_of(client: &Client, text: &str, states: &[&str]) -> Result<String> {
    let text = text.trim();
    if text.parse::<ReleaseId>().is_ok() {
        return Ok(text.to_owned());
    }
    let beginning = text.to_ascii_lowercase();
    let digits = beginning.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if digits && beginning.len() >= SHORTEST {
        let mut found = beginning_with(client, &beginning).await?;
        match found.len() {
            0 => {}
            1 => return Ok(found.remove(0).id),
            _ => return Err(several(&format!("ids that begin with `{beginning}`"), &found)),
        }
    }
    match ServiceName::new(text.to_owned()) {
        Ok(service) => of_service(client, &service, states).await,
        Err(_) => Err(nothing(text)),
    }
}

async fn beginning_with(client: &Client, beginning: &str) -> Result<Vec<ReleaseSummary>> {
    let rows = client.list(&["releases"], &[], MOST).await?;
    let rows = rows
        .into_iter()
        .filter(|row| row.get("id").and_then(Value::as_str).is_some_and(|id| id.starts_with(beginning)));
    rows.map(|row| client.shape(&row)).collect()
}

async fn of_service(client: &Client, service: &ServiceName, states: &[&str]) -> Result<String> {
    let query = |extra: (&'static str, String)| vec![("service", service.to_string()), extra];
    let active = client.list(&["releases"], &query(("active", "true".to_owned())), 2).await?;
    let mut active = active.iter().map(|row| client.shape(row)).collect::<Result<Vec<ReleaseSummary>>>()?;
    match active.len() {
        0 => {}
        1 => return Ok(active.remove(0).id),
        _ => return Err(several(&format!("active releases of `{service}`"), &active)),
    }
    let mut waiting: Vec<ReleaseSummary> = Vec::new();
    for state in states {
        let rows = client.list(&["releases"], &query(("state", (*state).to_owned())), 2).await?;
        // Of what has ended, only the last counts.
        let most = if matches!(*state, "draft" | "ready") { 2 } else { 1 };
        for row in rows.iter().take(most) {
            waiting.push(client.shape(row)?);
        }
    }
    match waiting.len() {
        0 => Err(nothing(service.as_str())),
        1 => Ok(waiting.remove(0).id),
        _ => Err(several(&format!("releases of `{service}` that fit"), &waiting)),
    }
}

fn nothing(text: &str) -> crate::cli::remote::Trouble {
    wrong(format!(
        "there is no release `{}`; name one by its id, by the beginning of its id, or by a service with an active release \
         (`sternway release list` shows them)",
        clean(text)
    ))
}

fn several(what: &str, found: &[ReleaseSummary]) -> crate::cli::remote::Trouble {
    let mut text = format!("there are several {what}; name one by its id:");
    for release in found.iter().take(10) {
        let name = crate::cli::words::name(release);
        text.push_str(&format!("\n  {}  {name}, {}", clean(&release.id), words(&release.state)));
    }
    wrong(text)
}

/// How much of each id tells it from the others; ids sort by time, so that new ones begin alike.
pub(in crate::cli) fn short<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> usize {
    const USUAL: usize = 13;
    let count = ids.clone().collect::<std::collections::BTreeSet<_>>().len();
    (USUAL..36)
        .find(|length| {
            ids.clone().map(|id| id.get(..*length).unwrap_or(id)).collect::<std::collections::BTreeSet<_>>().len()
                == count
        })
        .unwrap_or(36)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_ids_of_the_same_moment_when_shortened_then_they_still_differ() {
        let far = ["019a8f2e-1111-7000-8000-000000000000", "019a8f2f-2222-7000-8000-000000000000"];
        assert_eq!(short(far.into_iter()), 13);
        let near = ["019a8f2e-1111-7000-8000-000000000000", "019a8f2e-1111-7100-8000-000000000000"];
        assert_eq!(short(near.into_iter()), 16);
        assert_eq!(short(["same", "same"].into_iter()), 13);
    }
}
