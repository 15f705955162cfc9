//! Other programs.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::house::{self, House};

/// Runs to the end with its output shown.
pub(crate) fn show(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().map_err(|source| start(&program, source))?;
    if status.success() { Ok(()) } else { Err(Failure::Ended { program, status }) }
}

/// Runs to the end and gives what it wrote to standard output.
pub(crate) fn read(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|source| start(&program, source))?;
    if output.status.success() { Ok(output.stdout) } else { Err(Failure::Ended { program, status: output.status }) }
}

/// Runs to the end and gives what it wrote, without the line's end.
pub(crate) fn read_line(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let bytes = read(Command::new(program).args(arguments))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Whether a program is there and ends well. Says nothing.
pub(crate) fn succeeds(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Installs the tools of `package-lock.json`, unless exactly these are installed already.
pub(crate) fn npm_ci(house: &House) -> Result<(), Failure> {
    let tools = house.tools();
    let lock = house::digest(&house::read(&tools.join("package-lock.json"))?);
    let mark = tools.join("node_modules/.installed");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    show(npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&tools))?;
    house::write(&mark, lock.as_bytes())
}

/// A node program of the installed tools.
pub(crate) fn node(script: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg(script);
    command
}

fn start(program: &str, source: std::io::Error) -> Failure {
    let hint = match program {
        "node" | "npm" => "Install Node.js 20 or newer, which brings both `node` and `npm`.",
        "rustc" | "cargo" => "Install Rust 1.95 or newer with rustup.",
        _ => "Is it installed and on the PATH?",
    };
    Failure::Start { program: program.to_owned(), source, hint }
}
