//! What is in the tree, and how it reads.

use crate::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The visible top level. Settings of tools live in dotfiles.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "app",
    "end2end",
    "migrations",
    "server",
    "style",
];

/// Made by building and running; ignored by git.
const MADE: &[&str] = &["data", "dist", "target"];

/// A file holds one idea.
const LONGEST: usize = 400;

/// Longer for now, and at most so long. A file that shrinks leaves the list; nothing is added without a reason.
const LONGER: &[(&str, usize)] = &[("app/tests/pages/fixture.rs", 560)];

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the tree") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "node_modules" && name != "target" {
            found.extend(files(&path, end));
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// Every Rust source with its path from the top and its text.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let all = ["app", "server"].map(|room| files(&root.join(room), ".rs")).concat();
    let name = |path: &Path| path.strip_prefix(&root).expect("found below the top").to_string_lossy().into_owned();
    let text = |path: &Path| fs::read_to_string(path).expect("sources are UTF-8");
    let sources: Vec<_> = all.iter().map(|path| (name(path), text(path))).collect();
    assert!(sources.len() > 100, "the sources are read: {}", sources.len());
    sources
}

#[test]
fn given_the_top_level_then_only_the_rooms_of_the_house_are_visible() {
    let entries = fs::read_dir(root()).expect("the top can be read");
    let names = entries.map(|entry| entry.expect("the top can be read").file_name().to_string_lossy().into_owned());
    let visible: BTreeSet<String> = names.filter(|name| !name.starts_with('.')).collect();
    let known: BTreeSet<String> = TOP.iter().chain(MADE).map(|name| (*name).to_owned()).collect();
    let strangers: Vec<_> = visible.difference(&known).collect();
    assert!(strangers.is_empty(), "{strangers:?} do not belong at the top; which room do they live in?");
}

#[test]
fn given_a_source_then_it_is_not_longer_than_one_idea() {
    let mut wrong = Vec::new();
    let sources = sources();
    for (name, text) in &sources {
        let lines = text.lines().count();
        let most = LONGER.iter().find(|(path, _)| path == name).map_or(LONGEST, |(_, most)| *most);
        if lines > most {
            wrong.push(format!("`{name}` has {lines} lines, allowed are {most}"));
        }
    }
    for (path, _) in LONGER {
        let lines = sources.iter().find(|(name, _)| name == path).map_or(0, |(_, text)| text.lines().count());
        if lines <= LONGEST {
            wrong.push(format!("`{path}` has {lines} lines now: take it from the list of longer files"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn given_a_source_then_no_lint_is_silenced_and_nothing_is_left_undone() {
    // Put together here, so that this file does not find itself.
    let forbidden = [
        ("[allow", "(", "use `#[expect(…, reason = \"…\")]`, which complains when it is no longer needed"),
        ("todo", "!(", "do it, or leave it out"),
        ("unimplemented", "!(", "do it, or leave it out"),
        ("dbg", "!(", "take it out"),
    ]
    .map(|(start, end, instead)| (format!("{start}{end}"), instead));
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code {
            for (word, instead) in forbidden.iter().filter(|(word, _)| line.contains(word.as_str())) {
                wrong.push(format!("{name}:{}: `{word}`: {instead}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn given_a_module_then_it_is_a_file_and_a_folder_of_the_same_name() {
    let old: Vec<_> = sources().into_iter().map(|(name, _)| name).filter(|name| name.ends_with("/mod.rs")).collect();
    assert!(old.is_empty(), "{old:?}: write `foo.rs` beside `foo/`");
}

#[test]
fn given_a_migration_then_both_databases_have_it_under_the_same_name() {
    let names = |database: &str| -> BTreeSet<String> {
        let found = files(&root().join("migrations").join(database), ".sql");
        found.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty(), "the migrations are read");
    assert_eq!(sqlite, names("postgres"));
}
