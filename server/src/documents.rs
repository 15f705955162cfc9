//! The documents people write: services, plans, checklists, flags, data migrations and change freezes as YAML, runbooks as Markdown with a header.
//!
//! [`parse`] takes a whole set and accepts all of it or nothing; every problem comes with its file, line, column and
//! field. Deliberately absent: reading directories, and storing.

use crate::store::rows::DocumentWrite;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use sternway_domain::audit::canonical_json;
use sternway_domain::change_freeze::{self, ChangeFreeze};
use sternway_domain::checklist::{self, Checklist};
use sternway_domain::flag::{self, FlagPlan};
use sternway_domain::id::Digest;
use sternway_domain::migration::{self, MigrationPlan};
use sternway_domain::plan::{self, Plan};
use sternway_domain::runbook::Runbook;
use sternway_domain::service::{self, Service};
use sternway_domain::time::Timestamp;

mod effective;
mod examples;
mod markdown;
mod node;
mod one;
mod problem;
pub mod render;
mod schema;
mod typed;
mod yaml;

pub use effective::effective_plan_text;
pub use examples::examples;
pub use one::{Places, read_one};
pub use problem::DocumentProblem;
pub use schema::schema;

use node::At;

/// Most bytes of one file.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Most files of one set.
pub const MOST_FILES: usize = 500;
/// Most bytes of one set.
pub const MOST_BYTES_TOGETHER: usize = 8 * 1024 * 1024;
/// Problems beyond this many are only counted.
const MOST_PROBLEMS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    Service,
    Plan,
    Checklist,
    Runbook,
    Flag,
    Migration,
    ChangeFreeze,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Kind::Service, Kind::Plan, Kind::Checklist, Kind::Runbook, Kind::Flag, Kind::Migration, Kind::ChangeFreeze];

    /// As it is written in `kind:` and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Service => "Service",
            Kind::Plan => "Plan",
            Kind::Checklist => "Checklist",
            Kind::Runbook => "Runbook",
            Kind::Flag => "Flag",
            Kind::Migration => "Migration",
            Kind::ChangeFreeze => "ChangeFreeze",
        }
    }

    /// For people: `service`.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Plan => "plan",
            Kind::Checklist => "checklist",
            Kind::Runbook => "runbook",
            Kind::Flag => "flag",
            Kind::Migration => "migration",
            Kind::ChangeFreeze => "change freeze",
        }
    }

    /// By its name in either case, as on the command line.
    pub fn named(text: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Service(Box<Service>),
    Plan(Plan),
    Checklist(Checklist),
    Runbook(Runbook),
    Flag(Box<FlagPlan>),
    Migration(Box<MigrationPlan>),
    ChangeFreeze(ChangeFreeze),
}

/// One document, read and found usable by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub file: String,
    pub body: Body,
    /// As it was written: the part of its file that is this document.
    pub source: String,
    /// Where its fields stand.
    places: BTreeMap<String, At>,
}

impl Document {
    pub fn kind(&self) -> Kind {
        match &self.body {
            Body::Service(_) => Kind::Service,
            Body::Plan(_) => Kind::Plan,
            Body::Checklist(_) => Kind::Checklist,
            Body::Runbook(_) => Kind::Runbook,
            Body::Flag(_) => Kind::Flag,
            Body::Migration(_) => Kind::Migration,
            Body::ChangeFreeze(_) => Kind::ChangeFreeze,
        }
    }

    pub fn name(&self) -> &str {
        match &self.body {
            Body::Service(service) => service.name.as_str(),
            Body::Plan(plan) => plan.name.as_str(),
            Body::Checklist(checklist) => checklist.name.as_str(),
            Body::Runbook(runbook) => runbook.header.name.as_str(),
            Body::Flag(flag) => flag.key.as_str(),
            Body::Migration(migration) => migration.name.as_str(),
            Body::ChangeFreeze(freeze) => freeze.name.as_str(),
        }
    }

    /// Canonical JSON of what the document says, with every default filled in.
    pub fn canonical(&self) -> String {
        let value = match &self.body {
            Body::Service(service) => serde_json::to_value(service),
            Body::Plan(plan) => serde_json::to_value(plan),
            Body::Checklist(checklist) => serde_json::to_value(checklist),
            Body::Runbook(runbook) => serde_json::to_value(runbook),
            Body::Flag(flag) => serde_json::to_value(flag),
            Body::Migration(migration) => serde_json::to_value(migration),
            Body::ChangeFreeze(freeze) => serde_json::to_value(freeze),
        };
        canonical_json(&value.expect("documents have text keys and were read without infinite numbers"))
    }

    /// Of the canonical JSON; of a runbook's Markdown, byte for byte, since its wording is what people follow.
    pub fn digest(&self) -> Digest {
        match &self.body {
            Body::Runbook(_) => Digest::of(self.source.as_bytes()),
            _ => Digest::of(self.canonical().as_bytes()),
        }
    }

    /// What the store is asked to keep.
    pub fn to_write(&self, at: Timestamp) -> DocumentWrite {
        DocumentWrite {
            kind: self.kind().as_str().to_owned(),
            name: self.name().to_owned(),
            digest: self.digest(),
            body: self.canonical(),
            source: self.source.clone(),
            at,
        }
    }

    /// What this document names, with the field that does.
    fn references(&self) -> Vec<(Kind, String, String)> {
        let service = match &self.body {
            Body::Service(service) => service,
            Body::Migration(plan) => return vec![(Kind::Service, plan.component.to_string(), "component".to_owned())],
            Body::ChangeFreeze(freeze) => {
                let services = freeze.services.iter().enumerate();
                return services.map(|(i, name)| (Kind::Service, name.to_string(), format!("services[{i}]"))).collect();
            }
            _ => return Vec::new(),
        };
        let others = service.depends_on.iter().enumerate();
        let others = others.map(|(i, name)| (Kind::Service, name.to_string(), format!("depends_on[{i}]")));
        let runbooks = service.runbooks.iter().enumerate();
        others.chain(runbooks.map(|(i, name)| (Kind::Runbook, name.to_string(), format!("runbooks[{i}]")))).collect()
    }

    /// Something wrong with one of its fields.
    pub(crate) fn problem(&self, field: &str, text: impl Into<String>) -> DocumentProblem {
        DocumentProblem::new(&self.file, place(&self.places, field), field, text)
    }
}

/// Reads a set of files, `(path, text)`. Either every document of every file is usable by itself, or every problem found
/// is returned and nothing else. Names of other documents are checked by [`unknown_references`].
pub fn parse(files: &[(String, String)]) -> Result<Vec<Document>, Vec<DocumentProblem>> {
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    if files.len() > MOST_FILES {
        let text = format!("{} files at once; apply at most {MOST_FILES}", files.len());
        return Err(vec![DocumentProblem::new(&files[MOST_FILES].0, At::START, "", text)]);
    }
    let together: usize = files.iter().map(|(_, text)| text.len()).sum();
    if together > MOST_BYTES_TOGETHER {
        let text = format!("the files together have {together} bytes; apply at most {MOST_BYTES_TOGETHER} at once");
        return Err(vec![DocumentProblem::new(&files[0].0, At::START, "", text)]);
    }
    for (file, text) in files {
        match parse_file(file, text) {
            Ok(mut found) => documents.append(&mut found),
            Err(mut found) => problems.append(&mut found),
        }
    }
    problems.extend(twins(&documents));
    if problems.is_empty() {
        return Ok(documents);
    }
    problems.sort();
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        let last = problems[MOST_PROBLEMS - 1].clone();
        problems.push(DocumentProblem { field: String::new(), text: format!("and {more} more problems"), ..last });
    }
    Err(problems)
}

/// The text of a file, or the problem that it is not text.
pub fn text_of(file: &str, bytes: Vec<u8>) -> Result<String, DocumentProblem> {
    if bytes.len() > MOST_BYTES {
        return Err(too_large(file, bytes.len()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        DocumentProblem::new(file, At { line, column: 1 }, "", "is not UTF-8 text")
    })
}

/// Names in the documents that are neither in the set nor among what is `known` already, as `(kind, name)`.
pub fn unknown_references(documents: &[Document], known: &BTreeSet<(Kind, String)>) -> Vec<DocumentProblem> {
    let own: BTreeSet<(Kind, &str)> = documents.iter().map(|document| (document.kind(), document.name())).collect();
    let mut problems = Vec::new();
    for document in documents {
        for (kind, name, field) in document.references() {
            if !own.contains(&(kind, name.as_str())) && !known.contains(&(kind, name.clone())) {
                let text = format!("there is no {} `{name}`; apply it too, or take the name away", kind.label());
                problems.push(document.problem(&field, text));
            }
        }
    }
    problems
}

fn parse_file(file: &str, text: &str) -> Result<Vec<Document>, Vec<DocumentProblem>> {
    if text.len() > MOST_BYTES {
        return Err(vec![too_large(file, text.len())]);
    }
    if let Some((at, found)) = unwanted(text) {
        let text = format!("holds the character U+{:04X}, which cannot be seen; take it away", u32::from(found));
        return Err(vec![DocumentProblem::new(file, at, "", text)]);
    }
    let ending = file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "yaml" | "yml" | "json" => yaml::parse(file, text),
        "md" | "markdown" => markdown::parse(file, text).map(|document| vec![document]),
        _ => {
            let text = "is neither YAML (`.yaml`, `.yml`, `.json`) nor a runbook (`.md`)";
            Err(vec![DocumentProblem::new(file, At::START, "", text)])
        }
    }
}

fn too_large(file: &str, bytes: usize) -> DocumentProblem {
    DocumentProblem::new(file, At::START, "", format!("has {bytes} bytes; a file may have at most {MOST_BYTES}"))
}

/// The first control or direction-changing character: it would make the text read other than it is.
fn unwanted(text: &str) -> Option<(At, char)> {
    let odd = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let (offset, found) = text.char_indices().find(|(_, c)| odd(*c))?;
    let before = &text[..offset];
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    Some((At { line, column }, found))
}

/// The same kind and name twice: which one is meant cannot be told.
fn twins(documents: &[Document]) -> Vec<DocumentProblem> {
    let mut first: BTreeMap<(Kind, &str), &Document> = BTreeMap::new();
    let mut problems = Vec::new();
    for document in documents {
        match first.get(&(document.kind(), document.name())) {
            Some(other) => {
                let field = if document.kind() == Kind::Flag { "key" } else { "name" };
                let line = place(&other.places, field).line;
                let (kind, name) = (document.kind().label(), document.name());
                let text = format!("the {kind} `{name}` is already in `{}`, line {line}; keep one", other.file);
                problems.push(document.problem(field, text));
            }
            None => {
                first.insert((document.kind(), document.name()), document);
            }
        }
    }
    problems
}

/// Where a field stands; where it is left out, what it belongs to.
fn place(places: &BTreeMap<String, At>, field: &str) -> At {
    let mut path = field;
    loop {
        if let Some(at) = places.get(path) {
            return *at;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = &path[..end],
            None => return places.get("").copied().unwrap_or(At::START),
        }
    }
}

/// What each kind finds wrong with itself, as `(field, text)`.
fn own_problems(body: &Body) -> Vec<(String, String)> {
    match body {
        Body::Service(service) => service::problems(service).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::Plan(plan) => plan::problems(plan).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::Checklist(checklist) => checklist::problems(checklist).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::Flag(flag) => flag::problems(flag).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::Migration(plan) => migration::problems(plan).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::ChangeFreeze(freeze) => change_freeze::problems(freeze).into_iter().map(|p| (p.field, p.text)).collect(),
        Body::Runbook(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
