//! What can go wrong, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot {act} `{}`: {source}", path.display())]
    File { act: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot start `{program}`: {source}. {hint}")]
    Start { program: String, source: io::Error, hint: &'static str },
    #[error("`{program}` failed ({status}); what it said is above")]
    Ended { program: String, status: std::process::ExitStatus },
    #[error("wasm-bindgen: {0}")]
    Bindgen(String),
    #[error("the WebAssembly target is missing and could not be added. {0}")]
    NoTarget(String),
    #[error("`{}` is not imported by `style/main.css`; import it there or remove it", .0.display())]
    Unstyled(PathBuf),
    #[error("{0}")]
    Unexpected(String),
    #[error("too large for a visit: {0}")]
    OverBudget(String),
}

impl Failure {
    /// For `map_err` on a file operation: `Failure::file("read", &path)`.
    pub(crate) fn file(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { act, path, source }
    }
}
