//! `sternway`: the one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything speaks TLS. It fails only if somebody was quicker, and nobody is.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let cli = match sternway_server::cli::Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            eprintln!("sternway: the runtime cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
