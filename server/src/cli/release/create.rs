//! `sternway release create`: from flags or from a file, started and followed in one go if wanted.

use super::act::{post, told};
use super::watch::{Follow, Patience};
use crate::cli::exit;
use crate::cli::remote::{Key, Remote, Result, read_file, wrong};
use crate::service::{NewArtifact, NewRelease};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// A build on the command line: `1.42.0@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Build(NewArtifact);

impl Build {
    /// Version and digest.
    pub(super) fn parts(&self) -> (&str, &str) {
        (&self.0.version, &self.0.digest)
    }
}

/// Reads `VERSION@DIGEST`; whether both are well-formed is the server's to say.
pub(super) fn build(text: &str) -> std::result::Result<Build, String> {
    let (version, digest) = text
        .split_once('@')
        .filter(|(version, digest)| !version.is_empty() && !digest.is_empty())
        .ok_or("write it as `1.42.0@sha256:…`: the version, `@`, the digest")?;
    Ok(Build(NewArtifact { version: version.to_owned(), digest: digest.to_owned() }))
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// YAML with service, candidate, baseline, plan, components, migrations, checklist, override_known_bad and reason; flags beside it count more (`-`: standard input)
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The service that is released
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    service: Option<String>,
    /// What should run: `1.42.0@sha256:…`
    #[arg(long, value_name = "VERSION@DIGEST", value_parser = build, required_unless_present = "file")]
    candidate: Option<Build>,
    /// What runs now; left out: the outcome of the service's last release
    #[arg(long, value_name = "VERSION@DIGEST", value_parser = build)]
    baseline: Option<Build>,
    /// The plan, by its name
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    plan: Option<String>,
    /// The checklist to be completed before the start, by its name
    #[arg(long, value_name = "NAME")]
    checklist: Option<String>,
    /// A data migration that happens with it, by its name; may be given again
    #[arg(long = "migration", value_name = "NAME")]
    migrations: Vec<String>,
    /// What the release is for, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT", required_unless_present = "file")]
    reason: Option<String>,
    /// Although the candidate is known bad: it was taken back before; the decision shows it
    #[arg(long)]
    override_known_bad: bool,
    /// Start it right away
    #[arg(long)]
    start: bool,
    /// With --start: although the checklist is not complete; the decision shows it
    #[arg(long = "override", requires = "start")]
    overriding: bool,
    /// Follow it until it ends; the exit code says how it ended
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    key: Key,
}

impl Create {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let new = self.wanted()?;
        let client = remote.client()?;
        let key = self.key.get();
        let made = client.post(&["releases"], &json!(new), &key).await?;
        let mut release = told(&client, remote, &made, "create")?;
        if self.start {
            let body = json!({"reason": new.reason, "expected_version": release.version, "override": self.overriding});
            // Derived, so that the same key again starts the same release and not a second time.
            release = post(&client, remote, &release.id, "start", &body, &format!("{key}-start")).await?;
        }
        if !self.watch {
            return Ok(exit::DONE);
        }
        Follow::new(&client, remote, release.id, self.patience).end().await
    }

    /// The file, with the flags over it.
    fn wanted(&self) -> Result<NewRelease> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let artifact = |build: &Option<Build>| build.as_ref().map(|Build(artifact)| artifact.clone());
        let Some(path) = &self.file else {
            let empty = NewArtifact { version: String::new(), digest: String::new() };
            return Ok(NewRelease {
                components: vec![],
                migrations: self.migrations.clone(),
                service: text(&self.service),
                candidate: artifact(&self.candidate).unwrap_or(empty),
                baseline: artifact(&self.baseline),
                plan: text(&self.plan),
                checklist: self.checklist.clone(),
                override_known_bad: self.override_known_bad,
                reason: text(&self.reason),
            });
        };
        let read: serde_json::Value = serde_saphyr::from_str(&read_file(path)?)
            .map_err(|error| wrong(format!("`{}` is not YAML: {error}", path.display())))?;
        let mut read = match read {
            serde_json::Value::Object(read) => read,
            _ => {
                return Err(wrong(format!(
                    "`{}` holds no release: write `service:`, `candidate:`, `plan:` and so on",
                    path.display()
                )));
            }
        };
        let flags = [
            ("service", json!(self.service)),
            ("candidate", json!(self.candidate)),
            ("baseline", json!(self.baseline)),
            ("plan", json!(self.plan)),
            ("checklist", json!(self.checklist)),
            ("migrations", if self.migrations.is_empty() { json!(null) } else { json!(self.migrations) }),
            ("override_known_bad", if self.override_known_bad { json!(true) } else { json!(null) }),
            ("reason", json!(self.reason)),
        ];
        read.extend(
            flags.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)),
        );
        serde_json::from_value(read.into())
            .map_err(|error| wrong(format!("`{}` with the flags beside it is no release: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_version_and_digest() {
        let Build(artifact) = build("1.42.0@sha256:ab").expect("both are there");
        assert_eq!((artifact.version.as_str(), artifact.digest.as_str()), ("1.42.0", "sha256:ab"));
        for wrong in ["1.42.0", "@sha256:ab", "1.42.0@"] {
            assert!(build(wrong).is_err(), "{wrong}");
        }
    }
}
