//! From the compiler's module to the pair a browser loads.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use crate::Care;
use crate::failure::Failure;
use crate::house::{self, House};
use crate::run;

/// Stands in the script for the module until that has its published name.
pub(crate) const WASM_NAME: &str = "sternway_bg.wasm";

/// The face, ready but for names.
pub(crate) struct Face {
    /// The module script. Loads the `.wasm` named [`WASM_NAME`] beside it and starts the app.
    pub(crate) js: String,
    pub(crate) wasm: Vec<u8>,
}

/// Features that rustc's WebAssembly uses and every browser of the last years has.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// What is done to whole functions: unused and equal ones go, unused parameters too. The passes of `-Oz` that work inside
/// functions take a sixth of the bytes and yet cost 7 % more over the wire, because brotli finds fewer repetitions.
const PASSES: [&str; 7] = [
    "--duplicate-function-elimination",
    "--remove-unused-module-elements",
    "--vacuum",
    "--dce",
    "--dae",
    "--duplicate-function-elimination",
    "--remove-unused-module-elements",
];

/// Makes the bindings, then optimises for size. The result of the last time is kept: a change of style costs nothing here.
pub(crate) fn finish(house: &House, raw: &[u8], care: Care) -> Result<Face, Failure> {
    let kept = house.work()?.join("face");
    std::fs::create_dir_all(&kept).map_err(Failure::file("create", &kept))?;
    let mark = kept.join("made-from");
    let made_from = house::digest(format!("{care:?} {} {}", house::digest(raw), entry_version()).as_bytes());
    if std::fs::read_to_string(&mark).is_ok_and(|last| last == made_from)
        && let (Ok(js), Ok(wasm)) =
            (std::fs::read_to_string(kept.join("face.js")), std::fs::read(kept.join("face.wasm")))
    {
        return Ok(Face { js, wasm });
    }
    let mut face = bind(raw, care)?;
    if care == Care::Ship {
        face.wasm = optimise(house, &kept, &face.wasm)?;
    }
    house::write(&kept.join("face.js"), face.js.as_bytes())?;
    house::write(&kept.join("face.wasm"), &face.wasm)?;
    house::write(&mark, made_from.as_bytes())?;
    Ok(face)
}

fn bind(raw: &[u8], care: Care) -> Result<Face, Failure> {
    let fail = |error| Failure::Bindgen(format!("{error:#}"));
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes("sternway", raw.to_vec()).typescript(false).remove_producers_section(true);
    bindgen.remove_name_section(care == Care::Ship).debug(care == Care::Quick);
    let mut output = bindgen.web(true).map_err(fail)?.generate_output().map_err(fail)?;
    let inline = output.snippets().values().any(|scripts| !scripts.is_empty());
    if inline || !output.local_modules().is_empty() || !output.npm_dependencies().is_empty() {
        let what = "a crate brings scripts of its own (`inline_js` or `module =`), which the bundler does not publish; \
                    use `web-sys` for the same, or teach `app/bundle/src/publish.rs` about them";
        return Err(Failure::Unexpected(what.to_owned()));
    }
    let js = with_start(output.js());
    Ok(Face { js, wasm: output.wasm_mut().emit_wasm() })
}

/// The script loads its module and starts the app by itself, so that a page needs no inline script.
fn with_start(js: &str) -> String {
    let load = format!("__wbg_init({{ module_or_path: new URL(\"{WASM_NAME}\", import.meta.url) }})");
    let start = if js.contains("export function hydrate(") { ".then(hydrate)" } else { "" };
    format!("{js}\n{load}{start};\n")
}

/// Changes when [`with_start`], [`FEATURES`] or [`PASSES`] do, so that nothing made by an older way is kept.
fn entry_version() -> &'static str {
    concat!("2 ", env!("CARGO_PKG_VERSION"))
}

fn optimise(house: &House, folder: &Path, wasm: &[u8]) -> Result<Vec<u8>, Failure> {
    let (before, after) = (folder.join("before.wasm"), folder.join("after.wasm"));
    house::write(&before, wasm)?;
    let mut wasm_opt = run::node(&house.tools().join("node_modules/binaryen/bin/wasm-opt"));
    wasm_opt.args(PASSES).args(FEATURES).arg(&before).arg("-o").arg(&after);
    run::show(&mut wasm_opt)?;
    house::read(&after)
}

#[cfg(test)]
mod tests {
    use super::with_start;

    #[test]
    fn given_an_app_with_hydrate_then_the_script_calls_it_after_loading() {
        let js = with_start("export function hydrate() {}\nexport { initSync, __wbg_init as default };");
        assert!(js.ends_with("import.meta.url) }).then(hydrate);\n"), "{js}");
    }

    #[test]
    fn given_an_app_that_starts_itself_then_the_script_only_loads_it() {
        assert!(with_start("export { __wbg_init as default };").ends_with("import.meta.url) });\n"));
    }
}
