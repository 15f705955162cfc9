//! The flags, and the page before one is switched.

use super::Plane;
use super::release::unsigned;
use super::told;
use super::words::{day, when};
use crate::service::{Caller, FlipRequest, Result, decode};
use sternway_app::path;
use sternway_app::view::act::*;
use sternway_app::view::board::ActStyle;
use sternway_app::view::flag::{FlagRow, FlagsView};
use sternway_app::view::release::{ActButton, ToastView};
use sternway_app::view::{
    ChangeView, CheckView, ChoiceView, Icon, LinkView, PillView, StateView, StepState, StepView, Tone,
};
use sternway_domain::access::{self, Action};
use sternway_domain::audit::Target;
use sternway_domain::flag::{Event, Flag};
use sternway_domain::id::{DecisionId, FlagKey};
use sternway_domain::time::Timestamp;

impl Plane {
    pub(super) async fn flags_view(&self, caller: &Caller, done: Option<DecisionId>) -> Result<FlagsView> {
        let flags = self.service.flags(caller).await?;
        let now = self.service.clock.now();
        let rows: Vec<FlagRow> = flags.iter().map(|flag| self.flag_row(caller, flag, now)).collect();
        let empty = rows.is_empty().then(|| StateView {
            icon: Icon::Switch,
            title: "No flag yet".to_owned(),
            text: "Describe one in YAML (`kind: Flag`) and apply it: `sternway apply -f DIR`.".to_owned(),
            ..StateView::default()
        });
        let toast = match done {
            Some(done) => self.flag_toast(done).await?,
            None => None,
        };
        Ok(FlagsView { environment: self.service.environment.to_string(), rows, empty, toast })
    }

    fn flag_row(&self, caller: &Caller, flag: &Flag, now: Timestamp) -> FlagRow {
        let here = &self.service.environment;
        let enabled = flag.setting(here).enabled;
        let elsewhere = flag.plan.environments.iter().filter(|(name, set)| *name != here && set.enabled != enabled);
        let elsewhere: Vec<String> = elsewhere.map(|(name, set)| format!("{} in {name}", word(set.enabled))).collect();
        let verb = if enabled { Verb::Off } else { Verb::On };
        let why_not = retired(flag).or(may_not(caller));
        let flip = flag.last_flip();
        let last = match &flag.retired {
            Some(end) => Some((end.at, format!("retired by {}", end.by), end.reason.clone())),
            None => flip.map(|flip| {
                let place = if flip.environment == *here { String::new() } else { format!(" in {}", flip.environment) };
                (flip.at, format!("{}{place}, by {}", word(flip.enabled), flip.by), flip.reason.clone())
            }),
        };
        FlagRow {
            key: flag.plan.key.to_string(),
            purpose: flag.plan.purpose.clone(),
            pill: if flag.retired.is_some() {
                PillView::new(Tone::Plain, Icon::Close, "Retired")
            } else {
                pill_of(enabled)
            },
            elsewhere: elsewhere.join(", "),
            owner: flag.plan.owner.clone(),
            expiry: match flag.plan.expires {
                Some(end) if end <= now => format!("expired {}", day_and_year(end)),
                Some(end) => day_and_year(end),
                None => "permanent".to_owned(),
            },
            expiry_tone: if flag.expired(now) && flag.retired.is_none() { Tone::Caution } else { Tone::Plain },
            at: last.as_ref().map(|(at, ..)| when(*at, now)),
            flip: last.as_ref().map_or_else(|| "never".to_owned(), |(_, said, _)| said.clone()),
            quote: last.map(|(.., quote)| quote).unwrap_or_default(),
            act: ActButton {
                verb: verb.as_str().to_owned(),
                label: verb.label().to_owned(),
                long_label: String::new(),
                icon: Some(verb.icon()),
                style: ActStyle::Plain,
                allowed: why_not.is_none(),
                why_not,
            },
        }
    }

    /// What the person has just done, with the way to its decision.
    async fn flag_toast(&self, done: DecisionId) -> Result<Option<ToastView>> {
        let Some(row) = self.service.store.decision(done).await? else { return Ok(None) };
        let Ok(entry) = self.service.entry(&row).await else { return Ok(None) };
        let Target::Flag { key, .. } = &entry.target else { return Ok(None) };
        let effect = entry.effects.first().map(String::as_str).unwrap_or_default();
        let link = LinkView::new(path::decision(&done.to_string()), format!("Decision {}", row.leaf_index));
        Ok(Some(ToastView { text: format!("{}: {key} is {effect}.", entry.at.clock()), link: Some(link) }))
    }

    pub(super) async fn flag_act_view(
        &self,
        caller: &Caller,
        key: &FlagKey,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView> {
        let flag = self.service.flag(caller, key).await?;
        let (now, here) = (self.service.clock.now(), &self.service.environment);
        let seen = seen.and_then(|seen| i64::try_from(seen).ok()).filter(|seen| *seen < flag.version);
        let changes = match seen {
            Some(seen) => self.flag_changes(key, seen, now).await?,
            None => Vec::new(),
        };
        let (enabled, to) = (flag.setting(here).enabled, verb == Verb::On);
        let already = (enabled == to).then(|| format!("It is {} already.", word(to)));
        let why_not = retired(&flag).or(may_not(caller)).or(already);
        let title = format!("Switch {key} {}", word(to));
        let version = unsigned(flag.version);
        Ok(ActView {
            release: key.to_string(),
            verb,
            crumb: "Flags".to_owned(),
            at: when(now, now),
            version,
            idempotency_key: self.service.new_id().to_string(),
            evidence: String::new(),
            shift: vec![],
            steps: steps(&flag, to, here.as_str()),
            told: String::new(),
            known_pill: Some(pill_of(enabled)),
            known: known(&flag, now),
            known_table: Default::default(),
            risks: risks(&flag, now),
            reasons: reasons(to),
            needs_override: None,
            asks_hotfix: false,
            confirm: title.clone(),
            title,
            confirm_style: if to { ActStyle::Main } else { ActStyle::Stop },
            cancel: "Leave it".to_owned(),
            allowed: why_not.is_none(),
            why_not,
            instead: vec![],
            changes,
            typed: ActForm { expected_version: version, ..ActForm::default() },
            fault: None,
        })
    }

    pub(super) async fn flag_act_done(
        &self,
        caller: &Caller,
        flag: FlagKey,
        verb: Verb,
        form: ActForm,
    ) -> Result<ActDone> {
        let request = FlipRequest {
            flag,
            environment: self.service.environment.clone(),
            enabled: verb == Verb::On,
            reason: form.full_reason(),
            expected_version: i64::try_from(form.expected_version).unwrap_or(i64::MAX),
            idempotency_key: form.idempotency_key,
        };
        let flipped = self.service.flip(caller, request).await?;
        Ok(ActDone {
            release: flipped.flag.key,
            version: unsigned(flipped.flag.version),
            decision: flipped.decision.id.to_string(),
            leaf_index: unsigned(flipped.decision.leaf_index),
        })
    }

    async fn flag_changes(&self, key: &FlagKey, after: i64, now: Timestamp) -> Result<Vec<ChangeView>> {
        let rows = self.service.store.flag_events(key, after).await?;
        rows.iter().map(|row| Ok(change(&decode("event", &row.body)?, now))).collect()
    }
}

/// One event of a flag, for a notice.
pub(super) fn change(event: &Event, now: Timestamp) -> ChangeView {
    let (text, who, quote) = match event {
        Event::Flipped { flip } => {
            (format!("Switched {} in `{}`.", word(flip.enabled), flip.environment), &flip.by, &flip.reason)
        }
        Event::Defined { by, reason, .. } => ("Written anew.".to_owned(), by, reason),
        Event::Split { environment, by, reason, .. } => (format!("Split anew in `{environment}`."), by, reason),
        Event::Retired { retired } => ("Retired.".to_owned(), &retired.by, &retired.reason),
    };
    ChangeView {
        at: when(event.at(), now),
        tone: Tone::Accent,
        icon: Icon::Switch,
        text,
        quote: quote.clone(),
        who: who.clone(),
        leaf: None,
    }
}

fn may_not(caller: &Caller) -> Option<String> {
    access::authorise(&caller.actor, Action::Flip).err().map(|denied| told(&denied.to_string()))
}

/// Nothing is switched any more.
fn retired(flag: &Flag) -> Option<String> {
    let retired = flag.retired.as_ref()?;
    Some(format!("It was retired by {}; clients get their own defaults.", retired.by))
}

fn word(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

fn pill_of(enabled: bool) -> PillView {
    match enabled {
        true => PillView::new(Tone::Go, Icon::Pass, "On"),
        false => PillView::new(Tone::Hold, Icon::Hold, "Off"),
    }
}

fn day_and_year(at: Timestamp) -> String {
    format!("{} {}", day(at), &at.date()[..4])
}

fn steps(flag: &Flag, to: bool, here: &str) -> Vec<StepView> {
    let step =
        |name: String, meta: &str| StepView { state: StepState::Todo, name, note: String::new(), meta: meta.into() };
    let setting = flag.plan.environments.iter().find(|(name, _)| name.as_str() == here).map(|(_, set)| set);
    let setting = setting.unwrap_or(&flag.plan.default);
    let gives = match (to, setting.split.is_empty()) {
        (false, _) => format!("Everybody in `{here}` gets `{}`", flag.plan.off),
        (true, true) => format!("Everybody in `{here}` gets `{}`", setting.serve),
        (true, false) => format!("People in `{here}` get their share, all others `{}`", setting.serve),
    };
    vec![
        step("Write the decision into the log, with what is on this page".to_owned(), "at once"),
        step(gives, "at once"),
        step("Connected clients are told to evaluate again".to_owned(), "auto"),
    ]
}

fn known(flag: &Flag, now: Timestamp) -> String {
    let flip = match flag.last_flip() {
        Some(flip) => format!(
            "Last switched {} in `{}`, {}, by {}: “{}”",
            word(flip.enabled),
            flip.environment,
            when(flip.at, now).shown,
            flip.by,
            flip.reason
        ),
        None => "Never switched so far.".to_owned(),
    };
    format!("{} Owner: {}. {flip}", told(&flag.plan.purpose), flag.plan.owner)
}

fn risks(flag: &Flag, now: Timestamp) -> Vec<CheckView> {
    let check = |tone, icon, text: String| CheckView { tone, icon, text, ..CheckView::default() };
    let findings = sternway_domain::flag::lint([flag], now);
    let mut risks: Vec<CheckView> =
        findings.into_iter().map(|found| check(Tone::Caution, Icon::Suspect, format!("{}.", found.text))).collect();
    let text = "A client that is not connected keeps its value until it asks again; one without a value uses the default in its code.";
    risks.push(check(Tone::Plain, Icon::Info, text.to_owned()));
    risks
}

fn reasons(to: bool) -> Vec<ChoiceView> {
    let usual: &[&str] = match to {
        false => &["It causes errors", "Incident in a dependency", "Tried in a drill"],
        true => &["Cause is gone", "As planned", "Tried in a drill"],
    };
    let choice = |text: &&str| ChoiceView { value: (*text).to_owned(), label: (*text).to_owned(), chosen: false };
    usual.iter().map(choice).collect()
}
