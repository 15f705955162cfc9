//! `sternway`: the one binary.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything speaks TLS. It fails only if somebody was quicker, and nobody is.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let cli = sternway_server::cli::Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            eprintln!("sternway: the runtime cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
