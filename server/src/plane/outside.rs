//! Who outside has seen the log, in a sentence below the decisions: a log convinces nobody by itself.

use super::Plane;
use super::words::ago;
use crate::service::Result;
use sternway_domain::plan::grouped;
use sternway_domain::time::Timestamp;

impl Plane {
    /// `Last confirmed outside 4 min ago by witness …, up to entry 48 225.`
    pub(super) async fn outside_words(&self, now: Timestamp) -> Result<String> {
        let rows = self.service.store.outside().await?;
        let mut text = match rows.first() {
            Some(row) => {
                let (way, who, newest) = (&row.way, &row.who, grouped((row.size - 1).max(0)));
                format!("Last confirmed outside {} by {way} {who}, up to entry {newest}.", ago(now.since(row.at)))
            }
            None => "Not confirmed outside yet.".to_owned(),
        };
        for term in self.service.log_keys().await?.iter().flat_map(|list| list.breaks()) {
            let entry = grouped(term.from as i64 - 1);
            text.push_str(&format!(
                " Entry {entry}: the key that had signed the log was lost; another one signs since."
            ));
        }
        Ok(text)
    }
}
