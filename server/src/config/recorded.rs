//! What the log keeps of the settings.

use super::Effective;
use sternway_domain::audit::settings::Settings;

/// What each replica has of its own: two of them would take turns in the log at every start.
const OWN: [&str; 5] = ["listen", "replica", "state", "emergency.spool", "emergency.services"];

impl Effective {
    /// Every setting with its value, secrets hidden as `sternway config check` hides them, and the program's version. Left
    /// out is where a value comes from, and what each replica has of its own: the address it listens on, its name, and the
    /// files that it keeps beside the database.
    pub fn recorded(&self) -> Settings {
        let settings = self.shown().map(|(setting, value, _)| (setting.key.to_owned(), value));
        let named = self.named().map(|(key, value, _)| (key, value));
        Settings {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.chain(named).filter(|(key, _)| !OWN.contains(&key.as_str())).collect(),
        }
    }
}
