//! The wardrobe: turns the face of Sternway into the files a browser loads.
//!
//! `cargo` for WebAssembly, `wasm-bindgen`, `wasm-opt`, one stylesheet, icons; each under a name that carries its hash,
//! with a `.br` and a `.gz` beside it, and `dist/manifest.json` that says which is which. The server embeds `dist/`.
//!
//! `sternway-bundle [--quick] [--force]` builds; `sternway-bundle check` runs the lints for the browser's side.
//! `--quick` leaves out the optimiser, the compression and the size limits.

mod budget;
mod compiler;
mod failure;
mod house;
mod inputs;
mod publish;
mod run;
mod style;
mod wasm;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::house::House;

/// How much care is taken: what ships, or what a person waits for after each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    Ship,
    Quick,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut care = Care::Ship;
    let mut force = false;
    let mut check = false;
    for word in &words {
        match word.as_str() {
            "--quick" => care = Care::Quick,
            "--force" => force = true,
            "check" => check = true,
            other => {
                eprintln!("error: `{other}` is not known: sternway-bundle [--quick] [--force] | check");
                return ExitCode::from(2);
            }
        }
    }
    let house = House::of_this_source();
    let done = if check { compiler::check(&house) } else { build(&house, care, force) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn build(house: &House, care: Care, force: bool) -> Result<(), Failure> {
    let stamp = inputs::stamp(house, care)?;
    if !force && inputs::unchanged(house, &stamp) {
        println!("Browser files are up to date in `dist`.");
        return Ok(());
    }
    println!("[1/5] Tools from npm");
    run::npm_ci(house)?;
    println!("[2/5] Rust to WebAssembly");
    let raw = compiler::compile(house, &wasm::CHECKER, care)?;
    let raw_face = compiler::compile(house, &wasm::FACE, care)?;
    println!("[3/5] Bindings and optimiser");
    let checker = wasm::finish(house, &wasm::CHECKER, &raw, care)?;
    let face = wasm::finish(house, &wasm::FACE, &raw_face, care)?;
    println!("[4/5] Styles");
    let css = style::join(house)?;
    println!("[5/5] Names, compression, manifest");
    let published = publish::publish(house, &face, &checker, &css, care)?;
    budget::report(&published, care)?;
    inputs::remember(house, &stamp)
}
