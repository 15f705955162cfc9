//! `sternway apply`: sends documents, all or none of which are taken.

use super::exit;
use super::remote::{Key, Remote, Result, Trouble, wrong};
use super::terminal::{clean, say, table, text, toned};
use crate::documents::{self, Body};
use crate::ports::Clock;
use crate::system::SystemClock;
use clap::Args;
use comfy_table::Cell;
use serde_json::{Value, json};
use std::io::Read;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sternway_domain::change_freeze;
use sternway_domain::flag::lint_plan;
use sternway_domain::migration;

#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    remote: Remote,
    /// A file, or a folder with everything below it: `.yaml`, `.yml`, `.json`, `.md` (but not `README.md`); may be repeated (`-`: standard input, YAML)
    #[arg(long, short, value_name = "PATH", required_unless_present = "examples")]
    file: Vec<PathBuf>,
    /// Apply the templates and worked examples that come with Sternway
    #[arg(long, conflicts_with = "file")]
    examples: bool,
    /// Only read them here, as the server would; nothing is sent
    #[arg(long)]
    check: bool,
    /// Why, in 3 to 2000 characters; left out: the number of files is written down
    #[arg(long, short, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    key: Key,
}

impl Apply {
    pub(super) async fn run(self) -> ExitCode {
        let json = self.remote.json;
        exit::code(self.apply().await, json)
    }

    async fn apply(self) -> Result<u8> {
        let files = if self.examples { documents::examples() } else { collect(&self.file)? };
        if self.check {
            return check(&files, self.remote.json);
        }
        let client = self.remote.client()?;
        let sent: Vec<Value> = files.iter().map(|(path, text)| json!({"path": path, "text": text})).collect();
        let mut body = json!({"files": sent});
        if let Some(reason) = self.reason {
            body["reason"] = reason.into();
        }
        let answer = client.post(&["apply"], &body, &self.key.get()).await?;
        if self.remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        say(&told(&answer));
        Ok(exit::DONE)
    }
}

/// A line per document, and how many of each there were.
fn told(answer: &Value) -> String {
    let mut table = table(&["kind", "name", "outcome"]);
    let mut counts: Vec<(String, usize)> = Vec::new();
    for item in answer["documents"].as_array().into_iter().flatten() {
        let word = |name: &str| clean(item[name].as_str().unwrap_or_default());
        let outcome = super::terminal::words(&word("outcome"));
        match counts.iter_mut().find(|(name, _)| *name == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome.clone(), 1)),
        }
        table.add_row([Cell::new(word("kind")), Cell::new(word("name")), toned(&outcome)]);
    }
    let placebo: Vec<String> = answer["documents"].as_array().into_iter().flatten().flat_map(placebo).collect();
    let placebo = if placebo.is_empty() { String::new() } else { format!("\n{}", placebo.join("\n")) };
    let findings =
        answer["documents"].as_array().into_iter().flatten().flat_map(|item| {
            item["findings"].as_array().into_iter().flatten().filter_map(|text| text.as_str().map(clean))
        });
    let findings: String = findings.map(|text| format!("\nNote: {text}.")).collect();
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!("{}\nApplied: {}.{placebo}{findings}", text(&mut table), counts.join(", "))
}

/// What a saved plan would have done of late: `canary-standard on checkout: would have fired 0 of 4 times: …`
fn placebo(item: &Value) -> Vec<String> {
    let word = |value: &Value| clean(value.as_str().unwrap_or_default());
    let line = |played: &Value| {
        format!("{} on {}. {}", word(&item["name"]), word(&played["service"]), word(&played["sentence"]))
    };
    item["placebo"].as_array().into_iter().flatten().map(line).collect()
}

fn check(files: &[(String, String)], json: bool) -> Result<u8> {
    let found = documents::parse(files)
        .map_err(|problems| Trouble::Documents(problems.iter().map(ToString::to_string).collect()))?;
    if json {
        let items: Vec<Value> = found
            .iter()
            .map(|document| json!({"file": document.file, "kind": document.kind().as_str(), "name": document.name()}))
            .collect();
        say(&json!({"items": items}).to_string());
    } else {
        let findings = found.iter().flat_map(|document| match &document.body {
            Body::Flag(flag) => lint_plan(flag, SystemClock.now()).into_iter().map(|finding| finding.text).collect(),
            Body::Migration(plan) => migration::lint(plan)
                .into_iter()
                .map(|found| format!("`{}`: {}", found.field, found.text))
                .collect::<Vec<_>>(),
            Body::ChangeFreeze(freeze) => change_freeze::lint(freeze, SystemClock.now()),
            _ => vec![],
        });
        let findings: String = findings.map(|finding: String| format!("Note: {finding}.\n")).collect();
        let number =
            if found.len() == 1 { "1 document is".to_owned() } else { format!("{} documents are", found.len()) };
        say(&format!(
            "{findings}{number} well-formed; nothing was sent. Names of other documents are checked when they are applied."
        ));
    }
    Ok(exit::DONE)
}

/// Every file that is named or lies below a named folder, in the order of their paths.
pub(super) fn collect(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let named: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(wrong(format!("there is no document (`.yaml`, `.yml`, `.json`, `.md`) in {}", named.join(", "))));
    }
    if found.len() > documents::MOST_FILES {
        return Err(wrong(format!(
            "{} files are too many at once; apply at most {}",
            found.len(),
            documents::MOST_FILES
        )));
    }
    found.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<(String, String)> {
    let failed = |source| Trouble::File { path: path.to_owned(), source };
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
        return checked("stdin.yaml".to_owned(), bytes);
    }
    let name = path.to_string_lossy().replace('\\', "/");
    let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
    checked(name, std::fs::read(path).map_err(failed)?)
}

fn checked(name: String, bytes: Vec<u8>) -> Result<(String, String)> {
    let text = documents::text_of(&name, bytes).map_err(|problem| Trouble::Documents(vec![problem.to_string()]))?;
    Ok((name, text))
}

/// Hidden files and folders, links to folders and `README.md` are left alone.
fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |source| Trouble::File { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.eq_ignore_ascii_case("readme.md") {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            below(&entry.path(), found)?;
            continue;
        }
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        if matches!(ending.as_str(), "yaml" | "yml" | "json" | "md" | "markdown") {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_folder_when_collected_then_documents_are_found_in_order_and_the_rest_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("b/plan.yml", "b"),
            ("a.yaml", "a"),
            ("c.MD", "c"),
            ("README.md", "no"),
            (".git/x.yaml", "no"),
            ("notes.txt", "no"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            std::fs::write(path, text).expect("written");
        }
        let found = collect(&[folder.path().to_owned(), folder.path().join("a.yaml")]).expect("readable");
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c"]);
        assert!(found[0].0.ends_with("/a.yaml"), "{:?}", found[0].0);
    }

    #[test]
    fn given_an_empty_folder_when_collected_then_it_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(collect(&[folder.path().to_owned()]), Err(Trouble::Input(_))));
    }
}
