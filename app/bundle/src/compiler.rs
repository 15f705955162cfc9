//! Which compiler builds for the browser, and building with it.
//!
//! The toolchain's own `wasm32-unknown-unknown` where rustup has it or can add it. Where it cannot, Debian's compiler
//! (`rustc-web`, with the standard library built from source) does.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Care;
use crate::failure::Failure;
use crate::house::{self, House};
use crate::run;
use crate::wasm::{self, Part};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

enum Compiler {
    Rustup,
    Debian { linker: PathBuf, target_dir: PathBuf },
}

/// Compiles one part and gives the raw module, before `wasm-bindgen`.
pub(crate) fn compile(house: &House, part: &Part, care: Care) -> Result<Vec<u8>, Failure> {
    let (profile, folder) = match care {
        Care::Ship => ("wasm-release", "wasm-release"),
        Care::Quick => ("dev", "debug"),
    };
    let compiler = find(house)?;
    let mut cargo = compiler.cargo(house, "build");
    run::show(cargo.args(["-p", part.package, "--lib", "--profile", profile]).args(part.features))?;
    let module = format!("{}.wasm", part.package.replace('-', "_"));
    house::read(&compiler.target_dir(house).join(TARGET).join(folder).join(module))
}

/// Lints what runs in the browser, warnings as errors, and proves that the rules need nothing but the language.
pub(crate) fn check(house: &House) -> Result<(), Failure> {
    let compiler = find(house)?;
    run::show(compiler.cargo(house, "check").args(["-p", "sternway-domain"]))?;
    for part in [&wasm::FACE, &wasm::CHECKER] {
        // Debian's compiler comes without clippy.
        let lints = matches!(compiler, Compiler::Rustup);
        let mut cargo = compiler.cargo(house, if lints { "clippy" } else { "check" });
        cargo.args(["-p", part.package, "--lib"]).args(part.features);
        run::show(if lints { cargo.args(["--", "-D", "warnings"]) } else { &mut cargo })?;
    }
    Ok(())
}

impl Compiler {
    fn cargo(&self, house: &House, act: &str) -> Command {
        match self {
            Self::Rustup => {
                let mut cargo = Command::new("cargo");
                cargo.current_dir(&house.root).args([act, "--locked", "--target", TARGET]);
                cargo
            }
            Self::Debian { linker, target_dir } => {
                let path = std::env::var("PATH").unwrap_or_default();
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .current_dir(&house.root)
                    .args([act, "--locked", "-Zbuild-std=std,panic_abort", "--target", TARGET])
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("PATH", format!("/usr/bin:{path}"))
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .env("CARGO_TARGET_DIR", target_dir);
                // Set by rustup for its own toolchain when this program is started through `cargo run`.
                cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTDOC");
                cargo
            }
        }
    }

    fn target_dir(&self, house: &House) -> PathBuf {
        match self {
            Self::Rustup => house.target(),
            Self::Debian { target_dir, .. } => target_dir.clone(),
        }
    }
}

fn find(house: &House) -> Result<Compiler, Failure> {
    let sysroot = PathBuf::from(run::read_line("rustc", &["--print", "sysroot"])?);
    if has_target(&sysroot) {
        return Ok(Compiler::Rustup);
    }
    println!("      Adding the target `{TARGET}` with rustup");
    let mut rustup = Command::new("rustup");
    if run::show(rustup.args(["target", "add", TARGET])).is_ok() && has_target(&sysroot) {
        return Ok(Compiler::Rustup);
    }
    println!("      rustup cannot add it; trying Debian's compiler");
    install_debian()?;
    let version = run::read_line("rustc", &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("x86_64-unknown-linux-gnu");
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    if !linker.is_file() {
        return Err(Failure::NoTarget(format!("The linker `{}` is not there.", linker.display())));
    }
    Ok(Compiler::Debian { linker, target_dir: house.target().join("debian-web") })
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

fn install_debian() -> Result<(), Failure> {
    if run::succeeds("dpkg", &[&["-s"], &DEBIAN[..]].concat()) {
        return Ok(());
    }
    let say = format!("Run `rustup target add {TARGET}` or, on Debian, `apt-get install {}`.", DEBIAN.join(" "));
    let root = run::read_line("id", &["-u"]).is_ok_and(|id| id == "0");
    if !root || !run::succeeds("apt-get", &["--version"]) {
        return Err(Failure::NoTarget(say));
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "-q", "--no-install-recommends"]).args(DEBIAN);
    let installed = run::show(Command::new("apt-get").args(["update", "-q"])).and_then(|()| run::show(&mut apt));
    installed.map_err(|failure| Failure::NoTarget(format!("{failure}. {say}")))
}
