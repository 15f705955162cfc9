//! `sternway config check`: every setting, its value and where it comes from.

use crate::config::{ConfigError, Effective, SettingFlags};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    command: ConfigAction,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Prints every setting with its value and where it comes from; passwords are hidden. Fails if one is wrong.
    Check(Where),
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The configuration file; `sternway.toml` is read if it is there.
    #[arg(long, env = "STERNWAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Where {
    pub(super) fn effective(&self) -> Result<Effective, ConfigError> {
        Effective::collect(self.config.as_deref(), |name| std::env::var(name).ok(), &self.flags)
    }
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<ExitCode, ConfigError> {
        let ConfigAction::Check(place) = self.command;
        let effective = place.effective()?;
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["setting", "value", "from", "for"]);
        for (setting, value, from) in effective.shown() {
            table.add_row([setting.key, &value, &from.to_string(), setting.help]);
        }
        for (key, value, from) in effective.named() {
            let what = if key.starts_with("channels.") { "People are told here" } else { "Probes and caches reach it" };
            table.add_row([&key, &value, &from.to_string(), what]);
        }
        println!("{table}");
        for doubt in effective.config()?.doubts() {
            eprintln!("sternway: {doubt}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
