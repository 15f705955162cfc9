//! One flag per setting, made from the table.

use super::settings::SETTINGS;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::collections::BTreeMap;

/// The settings given as flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingFlags(BTreeMap<&'static str, String>);

impl SettingFlags {
    pub(super) fn get(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }

    /// For callers that are not command lines: the demo, tests.
    pub fn set(mut self, flag: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(flag, value.into());
        self
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Ok(Some(value)) = matches.try_get_one::<String>(setting.flag) {
                self.0.insert(setting.flag, value.clone());
            }
        }
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            let help = format!("{} [env: {}] [default: {default}]", setting.help, setting.env.join(", "));
            let arg = Arg::new(setting.flag).long(setting.flag).value_name("VALUE").help(help);
            command.arg(arg.help_heading("Settings"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
