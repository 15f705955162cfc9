//! Documents, which are known by their digest: each is the one that was applied, and all that were applied are there.

use super::{PAGE, Wrong};
use crate::cli::audit::feed::{Unread, unread};
use crate::documents::{self, Body, Kind};
use crate::service::AppliedDocument;
use crate::store::Store;
use crate::store::rows::{DecisionFilter, DocumentRow};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use sternway_domain::access::Action;
use sternway_domain::audit::{Entry, REDACTED, Target};
use sternway_domain::id::Digest;
use sternway_domain::runbook::Runbook;

/// Kind and name.
type Named = (String, String);

/// Entries are read from the newest to the oldest, so that each tells of the newest version not told of yet. What came
/// since the log had `size` entries is left to the next look.
pub(super) async fn check(store: &dyn Store, size: u64) -> Result<Wrong, Unread> {
    let mut documents = match there(store).await? {
        Ok(documents) => documents,
        Err(problem) => return Ok(Some((None, problem))),
    };
    let (mut changed_since, mut untold, mut passed) = (BTreeSet::new(), 0usize, Passed::default());
    let mut gone = None;
    let mut filter = DecisionFilter {
        action: Some(Action::Apply.as_str().to_owned()),
        outcome: Some("accepted".to_owned()),
        limit: PAGE,
        ..DecisionFilter::default()
    };
    loop {
        let rows = store.decisions(&filter).await.map_err(unread)?;
        let Some(last) = rows.last() else { break };
        filter.before = Some(last.leaf_index);
        let places: Vec<i64> = rows.iter().map(|row| row.leaf_index).collect();
        for (index, entry) in store.entries(&places).await.map_err(unread)?.into_iter().rev() {
            let (index, told) = (index as u64, Told::of(entry));
            untold = untold.saturating_add(told.withheld);
            for (named, digest) in told.documents {
                if index >= size {
                    documents.remove(&named);
                    changed_since.insert(named);
                } else if !changed_since.contains(&named) {
                    match documents.get_mut(&named).and_then(|versions| versions.tell(&digest)) {
                        Some(versions) => passed.over(&named, versions),
                        None => gone = Some((index, named)),
                    }
                }
            }
        }
    }
    for (named, versions) in &documents {
        passed.over(named, 0..versions.untold);
    }
    if let Some((index, (kind, name))) = gone {
        let text = format!("entry {index} applied {kind} `{name}`, and that version is gone or not in its place");
        return Ok(Some((Some(index), text)));
    }
    Ok(passed.first.filter(|_| passed.many > untold).map(|((kind, name), version)| {
        (None, format!("version {version} of {kind} `{name}` is there, and no entry says that it was applied"))
    }))
}

/// What an entry says that it applied.
struct Told {
    documents: Vec<(Named, String)>,
    /// So many more whose text was taken out.
    withheld: usize,
}

impl Told {
    fn of(entry: Entry) -> Self {
        let Entry { target: Target::Configuration { names }, effects, .. } = entry else {
            return Self { documents: Vec::new(), withheld: 0 };
        };
        let lines = effects.iter().flat_map(|effects| effects.lines());
        let documents: Vec<_> = lines.filter_map(AppliedDocument::from_effect).collect();
        let many = match names.iter().any(|name| name == REDACTED) {
            true => usize::MAX,
            false => names.iter().flat_map(|names| names.lines()).count(),
        };
        let withheld =
            if effects.iter().any(|effect| effect == REDACTED) { many.saturating_sub(documents.len()) } else { 0 };
        Self { documents, withheld }
    }
}

/// Versions of a document, the first one first.
struct Versions {
    digests: Vec<Digest>,
    /// So many of them, from the first on, no entry was found of yet.
    untold: usize,
}

impl Versions {
    /// The versions passed over on the way down to this one; `None` if it is not there.
    fn tell(&mut self, digest: &str) -> Option<Range<usize>> {
        let is = |own: &Digest| own.as_str() == digest;
        // Two who applied the same at once both say so.
        if self.digests.get(self.untold).is_some_and(is) {
            return Some(0..0);
        }
        let at = self.digests[..self.untold].iter().rposition(is)?;
        let passed = at + 1..self.untold;
        self.untold = at;
        Some(passed)
    }
}

/// Versions that are there, and no entry says so.
#[derive(Default)]
struct Passed {
    many: usize,
    first: Option<(Named, usize)>,
}

impl Passed {
    fn over(&mut self, named: &Named, versions: Range<usize>) {
        self.many += versions.len();
        if !versions.is_empty() {
            self.first.get_or_insert_with(|| (named.clone(), versions.end));
        }
    }
}

/// All documents, or the first that is missing between others or is not itself.
async fn there(store: &dyn Store) -> Result<Result<BTreeMap<Named, Versions>, String>, Unread> {
    let mut there: BTreeMap<Named, Versions> = BTreeMap::new();
    let (mut kind, mut name, mut version) = (String::new(), String::new(), 0);
    loop {
        let rows = store.documents_after((&kind, &name, version), PAGE).await.map_err(unread)?;
        if rows.is_empty() {
            return Ok(Ok(there));
        }
        for row in rows {
            let before = if (&row.kind, &row.name) == (&kind, &name) { version } else { 0 };
            (kind, name, version) = (row.kind.clone(), row.name.clone(), row.version);
            if version != before + 1 {
                return Ok(Err(format!("version {} of {kind} `{name}` is missing", before + 1)));
            }
            if !is_whole(&row) {
                let text = format!("version {version} of {kind} `{name}` is not the one whose digest stands beside it");
                return Ok(Err(text));
            }
            let versions = there.entry((row.kind, row.name)).or_insert(Versions { digests: Vec::new(), untold: 0 });
            versions.digests.push(row.digest);
            versions.untold += 1;
        }
    }
}

/// A runbook is known by its Markdown, which its body is read from; everything else by its body.
fn is_whole(row: &DocumentRow) -> bool {
    if row.kind != Kind::Runbook.as_str() {
        return Digest::of(row.body.as_bytes()) == row.digest;
    }
    let read = documents::parse(&[(format!("{}.md", row.name), row.source.clone())]);
    // What an earlier program could read is taken at its word.
    let read = read.ok().and_then(|documents| documents.into_iter().next());
    let same = |document: documents::Document| match document.body {
        Body::Runbook(runbook) => serde_json::from_str::<Runbook>(&row.body).is_ok_and(|body| body == runbook),
        _ => false,
    };
    Digest::of(row.source.as_bytes()) == row.digest && read.is_none_or(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> String {
        Digest::of(&[n]).to_string()
    }

    fn versions(all: &[u8]) -> Versions {
        Versions { digests: all.iter().map(|n| Digest::of(&[*n])).collect(), untold: all.len() }
    }

    #[test]
    fn given_versions_when_told_of_from_the_newest_on_then_those_passed_over_are_known() {
        let mut some = versions(&[1, 2, 1, 3]);
        assert_eq!(some.tell(&digest(3)), Some(4..4));
        assert_eq!(some.tell(&digest(3)), Some(0..0), "applied twice at once");
        assert_eq!(some.tell(&digest(9)), None);
        assert_eq!(some.tell(&digest(2)), Some(2..3), "the third");
        assert_eq!(some.tell(&digest(3)), None, "not in its place");
        assert_eq!((some.tell(&digest(1)), some.untold), (Some(1..1), 0));
    }

    #[test]
    fn given_effects_then_each_line_of_them_tells_and_those_taken_out_are_counted() {
        let of = |names: &[&str], effects: &[String]| {
            let body = serde_json::json!({
                "v": 2, "id": "00000000-0000-0000-0000-000000000001", "at": 0, "actor": {"kind": "anonymous"},
                "action": "apply", "target": {"kind": "configuration", "names": names}, "reason": "", "effects": effects,
                "outcome": {"kind": "accepted"}, "origin": {"transport": "cli"},
            });
            let told = Told::of(serde_json::from_value(body).expect("an entry"));
            (told.documents.into_iter().map(|((_, name), _)| name).collect::<Vec<_>>(), told.withheld)
        };
        let [a, b] = ["a", "b"].map(|name| format!("created Plan/{name} {}", digest(1)));
        let names = ["Plan/a", "Plan/b"];
        assert_eq!(of(&names, &[a.clone(), b.clone()]), (vec!["a".into(), "b".into()], 0));
        assert_eq!(of(&[&names.join("\n")], &[format!("{a}\n{b}")]), (vec!["a".into(), "b".into()], 0), "folded");
        assert_eq!(of(&names, &[REDACTED.into(), b.clone()]), (vec!["b".into()], 1));
        assert_eq!(of(&[&names.join("\n")], &[REDACTED.into()]), (vec![], 2), "folded");
        assert_eq!(of(&[REDACTED, "Plan/b"], &[REDACTED.into(), b]), (vec!["b".into()], usize::MAX - 1));
    }
}
