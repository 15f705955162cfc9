//! Housekeeping: what holds for the whole tree and no compiler checks. Run by the same command as every other test.

#[path = "tidy/crates.rs"]
mod crates;
#[path = "tidy/licence.rs"]
mod licence;
#[path = "tidy/sources.rs"]
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the server lies in the workspace").to_owned()
}

/// What a program writes to standard output. It must end well.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().expect("the program is installed");
    assert!(output.status.success(), "`{program} {arguments:?}`: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo and git write UTF-8")
}

fn cargo(arguments: &[&str]) -> String {
    output(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}
