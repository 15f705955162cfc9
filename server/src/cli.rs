//! The command line: one arm per subcommand, one file per arm.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod config;
mod demo;
mod serve;

/// A release control plane: watch canaries, promote them, take them back.
#[derive(Debug, Parser)]
#[command(name = "sternway", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows Sternway with real traffic: services, a router, load, and three releases under way.
    Demo(demo::Demo),
    /// Runs the server.
    Serve(serve::Serve),
    /// Looks at the configuration.
    Config(config::ConfigCommand),
}

impl Cli {
    pub async fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Demo(demo) => demo.run().await.map_err(boxed),
            Command::Serve(serve) => serve.run().await.map_err(boxed),
            Command::Config(config) => config.run().map_err(boxed),
        };
        match done {
            Ok(code) => code,
            Err(error) => {
                eprintln!("sternway: {}", with_causes(error.as_ref()));
                ExitCode::FAILURE
            }
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn boxed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Failure {
    Box::new(error)
}

/// The error and what caused it, each once, on one line.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
