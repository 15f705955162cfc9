//! The page on which texts of a decision are taken out.

use super::Plane;
use super::decision::what;
use super::words::leaf_link;
use crate::service::record::Act;
use crate::service::{AlsoIn, Caller, RedactRequest, Result, ServiceError};
use crate::store::rows::DecisionRow;
use sternway_app::path;
use sternway_app::view::redact::{RedactForm, RedactText, RedactView};
use sternway_app::view::{FactView, LinkView};
use sternway_domain::access::{Action, may};
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::{REDACTED, Target};
use sternway_domain::id::DecisionId;

fn also_in(found: &AlsoIn) -> String {
    let entries: Vec<String> = found.entries.iter().map(ToString::to_string).collect();
    let more = if found.more { " and more" } else { "" };
    match &entries[..] {
        _ if found.unknown => {
            "Other entries with the same text were not looked for: the database did not answer in time."
        }
        [] => "",
        some => {
            let some = some.join(", ");
            return format!("The same text in other entries, each to be taken out for itself: {some}{more}.");
        }
    }
    .to_owned()
}

/// The way to that page, for whoever may go it.
pub(super) fn link(caller: &Caller, row: &DecisionRow) -> Option<FactView> {
    let may = caller.actor.role().is_some_and(|role| may(role, Action::Redact));
    let href = Some(path::redact(&row.id.to_string()));
    may.then(|| FactView { name: "Texts".to_owned(), value: "Take texts out".to_owned(), href })
}

impl Plane {
    pub(super) async fn redact_view(&self, caller: &Caller, id: DecisionId) -> Result<RedactView> {
        let found = self.service.redactable(caller, id).await?;
        let LinkView { href, text, .. } = leaf_link(&id.to_string(), found.row.leaf_index);
        let texts = found.texts.into_iter().map(|(field, text)| RedactText {
            field: field.to_string(),
            label: what(field),
            text,
        });
        Ok(RedactView {
            decision: LinkView::new(href, format!("Decision {text}")),
            texts: texts.collect(),
            why_not: found.why_not.map(|why| super::told(&why)),
            also_in: also_in(&found.also_in),
            typed: RedactForm { idempotency_key: self.service.new_id().to_string(), ..RedactForm::default() },
            fault: None,
        })
    }

    pub(super) async fn redacted(&self, caller: &Caller, decision: DecisionId, form: RedactForm) -> Result<()> {
        let fields = match form.fields().map(str::parse).collect::<std::result::Result<Vec<Field>, _>>() {
            Ok(fields) if !fields.is_empty() => fields,
            // Nothing chosen must not mean everything.
            Ok(_) => return Err(self.refused(caller, decision, &form, "choose at least one text".to_owned()).await),
            Err(error) => return Err(self.refused(caller, decision, &form, error.to_string()).await),
        };
        let request = RedactRequest { decision, fields, reason: form.reason };
        self.service.redact(caller, &request, &form.idempotency_key).await.map(|_| ())
    }

    /// Written down like every refusal; first of all somebody must be allowed to ask.
    async fn refused(&self, caller: &Caller, decision: DecisionId, form: &RedactForm, text: String) -> ServiceError {
        let wrong = ServiceError::Invalid { field: "fields".to_owned(), text };
        let why = self.service.authorise(caller, Action::Redact).err().unwrap_or(wrong);
        let target = Target::Configuration { names: vec![format!("decision {decision}")] };
        let request = RedactRequest { decision, fields: Vec::new(), reason: form.reason.clone() };
        let reason = match self.service.repeated_by(&request).await {
            Ok(None) => &form.reason,
            Ok(Some(_)) => REDACTED,
            Err(error) => return error,
        };
        self.service.refuse(caller, &Act::on(Action::Redact, target, reason), why).await
    }
}
