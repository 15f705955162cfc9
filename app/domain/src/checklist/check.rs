//! What makes a checklist unusable. Each problem names its field, so that an editor can point at it.

use super::{Checklist, MOST_CHARS};

/// One thing wrong with a checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecklistProblem {
    /// Path of the field, `items[2].title`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the checklist; empty when it can be used.
pub fn problems(checklist: &Checklist) -> Vec<ChecklistProblem> {
    let mut found = Vec::new();
    let mut add = |field: String, text: String| found.push(ChecklistProblem { field, text });
    let mut length = |field: String, text: &str, least: usize, most: usize| {
        if !(least..=most).contains(&text.trim().chars().count()) {
            add(field, format!("use {least} to {most} characters"));
        }
    };
    length("title".to_owned(), &checklist.title, 1, 120);
    length("description".to_owned(), &checklist.description, 0, MOST_CHARS);
    for (i, item) in checklist.items.iter().enumerate() {
        length(format!("items[{i}].title"), &item.title, 1, 120);
        length(format!("items[{i}].detail"), &item.detail, 0, MOST_CHARS);
        length(format!("items[{i}].evidence"), &item.evidence, 1, 200);
        length(format!("items[{i}].owner"), &item.owner, 1, 60);
    }
    if !(1..=50).contains(&checklist.items.len()) {
        add("items".to_owned(), "a checklist has 1 to 50 items".to_owned());
    }
    for (i, item) in checklist.items.iter().enumerate() {
        if checklist.items[..i].iter().any(|other| other.id == item.id) {
            add(format!("items[{i}].id"), format!("`{}` is used twice; every item has its own id", item.id));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::Item;
    use crate::id::{ChecklistName, ItemId};

    fn item(id: &str, title: &str) -> Item {
        Item {
            id: ItemId::new(id).expect("the id of the test is well-formed"),
            title: title.to_owned(),
            detail: String::new(),
            evidence: "a link".to_owned(),
            owner: "release manager".to_owned(),
            may_not_apply: false,
        }
    }

    #[test]
    fn each_problem_names_its_field() {
        let mut checklist = Checklist {
            name: ChecklistName::new("before").expect("the name of the test is well-formed"),
            title: "Before".to_owned(),
            description: String::new(),
            items: vec![item("a", "First"), item("a", " ")],
        };
        let fields = |checklist: &Checklist| problems(checklist).into_iter().map(|p| p.field).collect::<Vec<_>>();
        assert_eq!(fields(&checklist), ["items[1].title", "items[1].id"]);
        checklist.items = vec![item("a", "First")];
        assert_eq!(fields(&checklist), [""; 0]);
        checklist.items.clear();
        checklist.title.clear();
        assert_eq!(fields(&checklist), ["title", "items"]);
    }
}
