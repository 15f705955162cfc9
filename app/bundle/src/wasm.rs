//! From the compiler's module to the pair a browser loads.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use crate::Care;
use crate::failure::Failure;
use crate::house::{self, House};
use crate::run;

/// What becomes a module of its own.
pub(crate) struct Part {
    pub(crate) package: &'static str,
    pub(crate) features: &'static [&'static str],
    /// Of the published files, and of what is kept between runs.
    pub(crate) name: &'static str,
    /// Stands in the script for the module until that has its published name.
    pub(crate) module: &'static str,
}

/// The pages.
pub(crate) const FACE: Part = Part {
    package: "sternway-app",
    features: &["--features", "hydrate"],
    name: "sternway",
    module: "sternway_bg.wasm",
};

/// What checks the log in the browser: loaded only by a page with something to check.
pub(crate) const CHECKER: Part =
    Part { package: "sternway-verify", features: &[], name: "proof", module: "proof_bg.wasm" };

/// Stands in the face's script for the checker's.
pub(crate) const CHECKER_JS: &str = "sternway_proof.js";

/// What the checker's bindings are wrapped in.
const CHECKER_SCRIPT: &str = "app/verify/proof.js";

/// A part, ready but for names.
pub(crate) struct Made {
    /// The module script. Loads the `.wasm` named [`Part::module`] beside it.
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
pub(crate) fn finish(house: &House, part: &Part, raw: &[u8], care: Care) -> Result<Made, Failure> {
    let kept = house.work()?.join(part.name);
    std::fs::create_dir_all(&kept).map_err(Failure::file("create", &kept))?;
    let mark = kept.join("made-from");
    let made_from = house::digest(format!("{care:?} {} {}", house::digest(raw), entry_version()).as_bytes());
    let (script, module) = (kept.join("bindings.js"), kept.join("module.wasm"));
    let last = std::fs::read_to_string(&mark).is_ok_and(|last| last == made_from);
    let (bindings, wasm) = match (std::fs::read_to_string(&script), std::fs::read(&module)) {
        (Ok(bindings), Ok(wasm)) if last => (bindings, wasm),
        _ => {
            let (bindings, mut wasm) = bind(part, raw, care)?;
            if care == Care::Ship {
                wasm = optimise(house, &kept, &wasm)?;
            }
            house::write(&script, bindings.as_bytes())?;
            house::write(&module, &wasm)?;
            house::write(&mark, made_from.as_bytes())?;
            (bindings, wasm)
        }
    };
    let js = if part.name == FACE.name {
        with_start(&bindings)
    } else {
        let script = house::read(&house.root.join(CHECKER_SCRIPT))?;
        format!("{bindings}\n{}", String::from_utf8_lossy(&script))
    };
    Ok(Made { js, wasm })
}

fn bind(part: &Part, raw: &[u8], care: Care) -> Result<(String, Vec<u8>), Failure> {
    let fail = |error| Failure::Bindgen(format!("{error:#}"));
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(part.name, raw.to_vec()).typescript(false).remove_producers_section(true);
    bindgen.remove_name_section(care == Care::Ship).debug(care == Care::Quick);
    let mut output = bindgen.web(true).map_err(fail)?.generate_output().map_err(fail)?;
    let inline = output.snippets().values().any(|scripts| !scripts.is_empty());
    if inline || !output.local_modules().is_empty() || !output.npm_dependencies().is_empty() {
        let what = "a crate brings scripts of its own (`inline_js` or `module =`), which the bundler does not publish; \
                    use `web-sys` for the same, or teach `app/bundle/src/publish.rs` about them";
        return Err(Failure::Unexpected(what.to_owned()));
    }
    let js = output.js().to_owned();
    Ok((js, output.wasm_mut().emit_wasm()))
}

/// The script loads its module and starts the app by itself, so that a page needs no inline script. A page with a
/// `<log-proof>` has the checker loaded, however it came to be on the page.
fn with_start(js: &str) -> String {
    let load = format!("__wbg_init({{ module_or_path: new URL(\"{}\", import.meta.url) }})", FACE.module);
    let start = if js.contains("export function hydrate(") { ".then(hydrate)" } else { "" };
    let checker = format!(
        "customElements.define(\"log-proof\", class extends HTMLElement {{\n  connectedCallback() {{\n    \
         import(new URL(\"{CHECKER_JS}\", import.meta.url)).then((proof) => proof.show(this), () => {{\n      \
         this.querySelector(\"[data-said]\").textContent = \"Not checked: what checks could not be loaded\";\n    \
         }});\n  }}\n}});"
    );
    format!("{js}\n{checker}\n{load}{start};\n")
}

/// Changes when [`FEATURES`] or [`PASSES`] do, so that nothing made by an older way is kept.
fn entry_version() -> &'static str {
    concat!("3 ", env!("CARGO_PKG_VERSION"))
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
        assert!(js.contains("new URL(\"sternway_proof.js\", import.meta.url)"), "{js}");
    }

    #[test]
    fn given_an_app_that_starts_itself_then_the_script_only_loads_it() {
        assert!(with_start("export { __wbg_init as default };").ends_with("import.meta.url) });\n"));
    }
}
