//! Runbooks: Markdown below a YAML header between two lines of `---`.

use super::node::{self, At};
use super::{Body, Document, DocumentProblem, Kind, place, typed, yaml};
use sternway_domain::runbook::{Header, Place, Runbook};

pub(super) fn parse(file: &str, text: &str) -> Result<Document, Vec<DocumentProblem>> {
    let one = |at: At, field: &str, text: &str| vec![DocumentProblem::new(file, at, field, text)];
    let Some((header, body, body_line)) = split(text) else {
        let text = "a runbook begins with a header: `---`, `kind: Runbook`, `name: …`, then `---` again";
        return Err(one(At::START, "", text));
    };
    // The header begins on the second line of the file.
    let mut nodes = node::read(file, header).map_err(|p| vec![DocumentProblem { line: p.line + 1, ..p }])?;
    if nodes.len() != 1 {
        return Err(one(At::START, "", "the header is one set of fields, beginning with `kind: Runbook`"));
    }
    let mut node = nodes.remove(0);
    let places: std::collections::BTreeMap<_, _> =
        node.places().into_iter().map(|(field, at)| (field, at.down(1))).collect();
    match yaml::kind(&mut node) {
        Ok(Kind::Runbook) => {}
        Ok(_) | Err(_) => {
            let text = "a Markdown file is a runbook: write `kind: Runbook` in its header";
            return Err(one(place(&places, "kind"), "kind", text));
        }
    }
    let header: Header = typed::read(&node).map_err(|misfits| {
        let down = |p: DocumentProblem| DocumentProblem { line: p.line + 1, ..p };
        misfits.into_iter().map(|m| down(yaml::misfit(file, &node, m))).collect::<Vec<_>>()
    })?;
    let runbook = Runbook::read(header, body).map_err(|problems| {
        let located = problems.into_iter().map(|problem| match problem.place {
            Place::Header(field) => DocumentProblem::new(file, place(&places, &field), &field, problem.text),
            Place::Line(line) => DocumentProblem::new(file, At::START.down(body_line + line - 1), "", problem.text),
        });
        located.collect::<Vec<_>>()
    })?;
    let (file, source) = (file.to_owned(), text.to_owned());
    Ok(Document { file, body: Body::Runbook(runbook), source, places })
}

/// The header, the text below it, and how many lines stand above that text.
fn split(text: &str) -> Option<(&str, &str, usize)> {
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut offset = 0;
    for (i, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            return Some((&rest[..offset], &rest[offset + line.len()..], i + 2));
        }
        offset += line.len();
    }
    None
}
