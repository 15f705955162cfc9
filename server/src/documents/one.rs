//! One YAML document of a shape of its own, with the place of every field for whoever checks it further.

use super::node::{self, At};
use super::{DocumentProblem, place, typed};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Where the fields of a document stand.
#[derive(Debug)]
pub struct Places {
    file: String,
    at: BTreeMap<String, At>,
}

impl Places {
    pub fn problem(&self, field: &str, text: impl Into<String>) -> DocumentProblem {
        DocumentProblem::new(&self.file, place(&self.at, field), field, text)
    }
}

/// Reads a file that holds exactly one document.
pub fn read_one<T: DeserializeOwned>(file: &str, text: &str) -> Result<(T, Places), Vec<DocumentProblem>> {
    let nodes = node::read(file, text).map_err(|problem| vec![problem])?;
    let [node] = nodes.as_slice() else {
        return Err(vec![DocumentProblem::new(file, At::START, "", "write exactly one document into this file")]);
    };
    let read = typed::read(node).map_err(|misfits| {
        misfits.into_iter().map(|misfit| super::yaml::misfit(file, node, misfit)).collect::<Vec<_>>()
    })?;
    Ok((read, Places { file: file.to_owned(), at: node.places() }))
}
