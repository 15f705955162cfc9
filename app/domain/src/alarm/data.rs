//! What of a data migration needs a person: glass that is broken, or about to be.

use super::{Alarm, AlarmKind, Severity};
use crate::id::ServiceName;
use crate::migration::Migration;
use crate::time::Timestamp;

/// Everything that is open now. `service` is the one that its release is judged by.
pub fn of_data(migration: &Migration, service: &ServiceName, now: Timestamp) -> Vec<Alarm> {
    let name = &migration.plan.name;
    let alarm = |kind, severity, about: &str, summary| Alarm {
        kind,
        severity,
        key: format!("data:{}:{name}:{about}", migration.release),
        release: Some(migration.release),
        service: Some(service.clone()),
        summary,
    };
    let mut open = Vec::new();
    if migration.asked(now).is_some() {
        let summary = format!(
            "Somebody wants to take `{service}` back although data of `{name}` is lost. A second person has to confirm it \
             within an hour with `sternway release data break-glass`, on the release's page too."
        );
        open.push(alarm(AlarmKind::GlassAsked, Severity::Page, "glass-asked", summary));
    }
    if migration.broken.is_some() {
        let summary = format!(
            "The glass is broken for `{name}`: two people allow taking `{service}` back although data is lost. Who and why \
             stands on the release's page; review it."
        );
        open.push(alarm(AlarmKind::GlassBroken, Severity::Notice, "glass-broken", summary));
    }
    open
}
