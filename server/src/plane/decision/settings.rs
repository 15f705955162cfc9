//! What a server was started with, as its entry keeps it.

use crate::plane::Plane;
use crate::service::Result;
use crate::store::rows;
use sternway_app::view::decision::SettingView;
use sternway_domain::access::Action;
use sternway_domain::audit::settings::Settings;
use sternway_domain::audit::{Entry, Target};

impl Plane {
    /// All settings of a start, those that changed first. Empty for other acts, and when they are no longer kept.
    pub(super) async fn settings(&self, row: &rows::DecisionRow, entry: &Entry) -> Result<Vec<SettingView>> {
        let Some(digest) = row.evidence.as_ref().filter(|_| row.action == Action::Configure.as_str()) else {
            return Ok(Vec::new());
        };
        let body = self.service.store.evidence(digest).await?;
        let Some(Settings { version, settings }) = body.and_then(|body| Settings::read(&body)) else {
            return Ok(Vec::new());
        };
        let changed = |key: &str| match &entry.target {
            // Too many for the entry: one text, with a line for each.
            Target::Configuration { names } => names.iter().flat_map(|name| name.lines()).any(|name| name == key),
            _ => false,
        };
        let all = std::iter::once(("version".to_owned(), version)).chain(settings);
        let mut shown: Vec<SettingView> =
            all.map(|(key, value)| SettingView { changed: changed(&key), key, value }).collect();
        shown.sort_by_key(|setting| !setting.changed);
        Ok(shown)
    }
}
