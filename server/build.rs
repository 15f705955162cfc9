//! The browser's files are embedded from `dist`. Without them the server still compiles, and says so when it starts.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    if !dist.exists() {
        // An empty folder is enough for the compiler.
        std::fs::create_dir_all(&dist).expect("the workspace can be written while it is built");
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=../migrations");
}
