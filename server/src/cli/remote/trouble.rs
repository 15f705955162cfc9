//! Why a command could not do what it was asked.

use super::problem::Problem;
use crate::cli::terminal::clean;
use crate::cli::with_causes;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Trouble {
    /// Something that was given cannot be used.
    #[error("{0}")]
    Input(String),
    #[error("`{}` cannot be read", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Documents with problems, a line each: `file:line:column: field: text`.
    #[error("{}", .0.join("\n"))]
    Documents(Vec<String>),
    #[error("Sternway at `{server}` cannot be reached")]
    Unreachable {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "Sternway at `{server}` did not answer in time; whether it was done is not known: look with `sternway release show` before you try again"
    )]
    Silent { server: String },
    #[error("the stream of events from `{server}` broke off")]
    Broken { server: String },
    #[error("`{server}` does not answer as Sternway does: {what}")]
    Strange { server: String, what: String },
    #[error("`{server}` has nothing at this place; is `--server` or `STERNWAY_URL` right?")]
    Missing { server: String },
    /// The server said no, and why.
    #[error("{0}")]
    Refused(Box<Problem>),
}

pub(in crate::cli) type Result<T> = std::result::Result<T, Trouble>;

/// Something that was given cannot be used.
pub(in crate::cli) fn wrong(text: impl Into<String>) -> Trouble {
    Trouble::Input(text.into())
}

/// A text file; `-` is standard input.
pub(in crate::cli) fn read_file(path: &Path) -> Result<String> {
    let read =
        if path == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    read.map_err(|source| Trouble::File { path: path.to_owned(), source })
}

impl Trouble {
    /// For people: what went wrong, where, and what to do.
    pub(in crate::cli) fn text(&self) -> String {
        match self {
            Trouble::Refused(problem) => format!("sternway: {}", problem.text()),
            Trouble::Documents(lines) => lines.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n"),
            Trouble::Input(text) => format!("sternway: {}", text.lines().map(clean).collect::<Vec<_>>().join("\n")),
            other @ Trouble::Unreachable { .. } => {
                format!("sternway: {}\n  Is `--server` or `STERNWAY_URL` right?", clean(&with_causes(other)))
            }
            other => format!("sternway: {}", clean(&with_causes(other))),
        }
    }

    /// For programs: the server's own problem, or one like it.
    pub(in crate::cli) fn json(&self) -> Value {
        match self {
            Trouble::Refused(problem) => problem.json(),
            other => {
                let kind = match other {
                    Trouble::Input(_) | Trouble::File { .. } | Trouble::Documents(_) => "input",
                    _ => "unreachable",
                };
                json!({"type": format!("urn:sternway:cli:{kind}"), "title": "Not done", "detail": with_causes(other)})
            }
        }
    }

    /// Whether the server answered that there is no such thing.
    pub(in crate::cli) fn is_missing(&self) -> bool {
        match self {
            Trouble::Missing { .. } => true,
            Trouble::Refused(problem) => problem.status == StatusCode::NOT_FOUND.as_u16(),
            _ => false,
        }
    }

    /// Whether the same question may be answered a little later.
    pub(in crate::cli) fn passing(&self) -> bool {
        match self {
            Trouble::Input(_) | Trouble::File { .. } | Trouble::Documents(_) | Trouble::Missing { .. } => false,
            Trouble::Unreachable { .. } | Trouble::Silent { .. } | Trouble::Broken { .. } | Trouble::Strange { .. } => {
                true
            }
            Trouble::Refused(problem) => {
                problem.status >= 500 || problem.status == StatusCode::TOO_MANY_REQUESTS.as_u16()
            }
        }
    }
}
