//! Rolling forward: a hotfix in place of the candidate, and what that would do.

use super::act::{On, act};
use super::back::foreseen;
use super::create::{Build, build};
use crate::cli::exit;
use crate::cli::remote::{Remote, Result};
use crate::cli::terminal::say;
use clap::Args;
use serde_json::json;
use sternway_domain::preview::Preview;

#[derive(Debug, Args)]
pub(super) struct Rollforward {
    #[command(flatten)]
    on: On,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// The build that replaces the candidate: `1.42.1@sha256:…`
    #[arg(long, value_name = "VERSION@DIGEST", value_parser = build)]
    hotfix: Build,
    /// The component that the hotfix is for; left out: the service that is judged
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Although the hotfix is known bad; the decision shows it
    #[arg(long = "override")]
    overriding: bool,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Rollforward {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        if self.dry_run {
            return self.preview(remote).await;
        }
        let mut body = json!({"reason": self.reason, "hotfix": self.hotfix, "override": self.overriding});
        if let Some(component) = self.component {
            body["component"] = component.into();
        }
        act(remote, &self.on, "rollforward", body).await
    }

    async fn preview(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (id, _) = self.on.seen(&client, remote, "rollforward").await?;
        let (version, digest) = self.hotfix.parts();
        let mut query = vec![("version", version.to_owned()), ("digest", digest.to_owned())];
        query.extend(self.component.iter().map(|name| ("component", name.clone())));
        let answer = client.get(&["releases", &id, "preview", "rollforward"], &query).await?;
        if remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        match client.shape::<Option<Preview>>(&answer)? {
            Some(preview) => foreseen(&preview),
            None => say("Nothing is deployed by Sternway: put the hotfix in place by hand, then roll forward."),
        }
        Ok(exit::DONE)
    }
}
