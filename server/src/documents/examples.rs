//! The templates and worked examples that come with Sternway: to be loaded, copied and changed.

macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("examples/", $path)))),+]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "checklists/pre-release.yaml",
    "plans/blue-green.yaml",
    "plans/canary-careful.yaml",
    "plans/canary-standard.yaml",
    "plans/latency-guarded.yaml",
    "plans/manual-only.yaml",
    "runbooks/back-out-plan.md",
    "runbooks/rollback.md",
    "runbooks/rollforward.md",
    "worked/column-rename.md",
    "worked/column-rename.yaml",
    "worked/enum-rename.md",
    "worked/enum-rename.yaml",
    "worked/game-day.md",
    "worked/game-day.yaml",
    "worked/latency-regression.md",
    "worked/optional-response-field.md",
    "worked/optional-response-field.yaml",
    "worked/required-request-field.md",
    "worked/required-request-field.yaml",
];

/// Every shipped file, `(path, text)`, as [`super::parse`] takes them.
pub fn examples() -> Vec<(String, String)> {
    SHIPPED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Body, Document, Kind, parse, unknown_references};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use sternway_domain::plan::Bound;
    use sternway_domain::time::Span;

    fn all() -> Vec<Document> {
        parse(&examples()).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
    }

    #[test]
    fn all_that_is_shipped_can_be_applied() {
        let documents = all();
        assert_eq!(unknown_references(&documents, &BTreeSet::new()), vec![]);
        let count = |kind| documents.iter().filter(|document| document.kind() == kind).count();
        assert_eq!((count(Kind::Plan), count(Kind::Checklist), count(Kind::Runbook)), (7, 4, 9));
    }

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/documents/examples");
        let mut found = Vec::new();
        for folder in fs::read_dir(&root).expect("the folder is there") {
            let folder = folder.expect("is readable").path();
            for file in fs::read_dir(&folder).expect("holds folders only") {
                let path = file.expect("is readable").path();
                found.push(path.strip_prefix(&root).expect("lies below").to_string_lossy().replace('\\', "/"));
            }
        }
        found.sort();
        assert_eq!(found, SHIPPED.iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn the_latency_rule_is_the_one_that_is_told() {
        let documents = all();
        let plan = documents.iter().find_map(|document| match &document.body {
            Body::Plan(plan) if plan.name.as_str() == "latency-guarded" => Some(plan),
            _ => None,
        });
        let limit = &plan.expect("is shipped").hard_limits[0];
        assert_eq!((limit.bound, limit.lasting), (Bound::AboveBaseline(1.4), Span::from_secs(600)));
    }

    #[test]
    fn the_checklist_before_a_release_has_eight_items() {
        let items = all().into_iter().find_map(|document| match document.body {
            Body::Checklist(checklist) if checklist.name.as_str() == "pre-release" => Some(checklist.items.len()),
            _ => None,
        });
        assert_eq!(items, Some(8));
    }
}
