//! Services, plans, checklists, flags, migrations and change freezes: one or more documents in a file, parted by `---`.

use super::node::{self, Node, Value};
use super::typed::{self, Misfit};
use super::{Body, Document, DocumentProblem, Kind, own_problems, place};

pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Document>, Vec<DocumentProblem>> {
    let nodes = node::read(file, text).map_err(|problem| vec![problem])?;
    if nodes.is_empty() {
        let text = "holds no document; begin one with `kind: Plan`";
        return Err(vec![DocumentProblem::new(file, node::At::START, "", text)]);
    }
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for node in nodes {
        let source = source_of(text, node.at.line);
        match document(file, node, source) {
            Ok(document) => documents.push(document),
            Err(mut found) => problems.append(&mut found),
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

fn document(file: &str, mut node: Node, source: String) -> Result<Document, Vec<DocumentProblem>> {
    let places = node.places();
    let problem = |field: &str, text: String| DocumentProblem::new(file, place(&places, field), field, text);
    let kind = kind(&mut node).map_err(|text| vec![problem("kind", text)])?;
    let body = match kind {
        Kind::Service => typed::read(&node).map(|service| Body::Service(Box::new(service))),
        Kind::Plan => typed::read(&node).map(Body::Plan),
        Kind::Checklist => typed::read(&node).map(Body::Checklist),
        Kind::Flag => typed::read(&node).map(|flag| Body::Flag(Box::new(flag))),
        Kind::Migration => typed::read(&node).map(|plan| Body::Migration(Box::new(plan))),
        Kind::ChangeFreeze => typed::read(&node).map(Body::ChangeFreeze),
        Kind::Runbook => {
            let text = "a runbook is a Markdown file (`.md`) with this as its header".to_owned();
            return Err(vec![problem("kind", text)]);
        }
    };
    let body = body.map_err(|misfits| misfits.into_iter().map(|m| misfit(file, &node, m)).collect::<Vec<_>>())?;
    let wrong: Vec<_> = own_problems(&body).into_iter().map(|(field, text)| problem(&field, text)).collect();
    if wrong.is_empty() { Ok(Document { file: file.to_owned(), body, source, places }) } else { Err(wrong) }
}

/// Takes `kind` out of a document and reads it.
pub(super) fn kind(node: &mut Node) -> Result<Kind, String> {
    if !matches!(node.value, Value::Map(_)) {
        return Err(format!("a document has fields; begin it with `kind: Service`; there are {}", kinds()));
    }
    match node.take("kind").map(|kind| kind.value) {
        None => Err(format!("`kind` is missing: use one of {}", kinds())),
        Some(Value::Text(text)) => Kind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let text: String = text.chars().take(60).collect();
            format!("`{text}` is not a kind of document: use one of {}", kinds())
        }),
        Some(_) => Err(format!("the kind is a word, one of {}", kinds())),
    }
}

/// Those that are written in YAML.
fn kinds() -> String {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Runbook);
    kinds.map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn misfit(file: &str, node: &Node, misfit: Misfit) -> DocumentProblem {
    DocumentProblem::new(file, misfit.at.unwrap_or(node.at), &misfit.field, misfit.text)
}

/// The lines of the document that this line is in: from behind the `---` or `...` before it (a `---` with more on its line
/// belongs to the document) to the next one. No line inside a document begins so.
fn source_of(text: &str, line: usize) -> String {
    let begins = |line: &str| line == "---" || line.starts_with("--- ") || line.starts_with("---\t");
    let parts = |line: &str| begins(line) || line.trim_end() == "...";
    let lines: Vec<&str> = text.lines().collect();
    let at = line.saturating_sub(1).min(lines.len());
    let own = usize::from(lines.get(at).is_some_and(|line| begins(line)));
    let before = lines[..at].iter().rposition(|line| parts(line)).map_or(0, |i| i + 1);
    let from = if own == 1 { at } else { before };
    let to = lines[at + own..].iter().position(|line| parts(line)).map_or(lines.len(), |i| at + own + i);
    let mut source = lines[from..to].join("\n");
    // Spaces at the end of a text in a block belong to it.
    source.truncate(source.trim_end_matches('\n').len());
    source.push('\n');
    source
}
