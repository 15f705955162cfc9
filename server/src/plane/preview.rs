//! What a rollback would do, for the page before it: steps in order, time, people, and what could go wrong.

use sternway_app::view::{CheckView, Icon, StepState, StepView, Tone};
use sternway_domain::preview::{Preview, PreviewStep};
use sternway_domain::time::Span;

/// In order; what runs side by side says so.
pub(super) fn steps(preview: &Preview) -> Vec<StepView> {
    let together = |step: &PreviewStep| preview.steps.iter().filter(|other| other.level == step.level).count() > 1;
    let view = |step: &PreviewStep| StepView {
        state: StepState::Todo,
        name: step.title.clone(),
        note: if together(step) { "side by side with others".to_owned() } else { String::new() },
        meta: match step.expected {
            Some(expected) if expected < Span::from_secs(1) => "under 1\u{a0}s".to_owned(),
            Some(expected) => format!("about {}", expected.words()),
            None => format!("at most {}", step.timeout.words()),
        },
    };
    preview.steps.iter().map(view).collect()
}

/// How long it takes, and who hears of it.
pub(super) fn told(preview: &Preview) -> String {
    let mut text = match preview.expected {
        Some(expected) => format!("By past runs it takes {}", expected.words()),
        None => "How long it takes is known after the first run".to_owned(),
    };
    text.push_str(&format!("; its steps have {} together before one counts as late", preview.at_most.words()));
    if let Some(objective) = preview.objective {
        text.push_str(&format!(". The objective is {}", objective.words()));
    }
    let told = if preview.told.is_empty() { "nobody".to_owned() } else { preview.told.join(", ") };
    text.push_str(&format!(". Told: {told}."));
    text
}

/// What forbids it, what to mind, data and flags on the way.
pub(super) fn risks(preview: &Preview) -> Vec<CheckView> {
    let check = |tone, icon, text: String| CheckView { tone, icon, text, ..CheckView::default() };
    let blockers = preview.blockers.iter().map(|text| check(Tone::Stop, Icon::Fail, text.clone()));
    let warnings = preview.warnings.iter().map(|text| check(Tone::Caution, Icon::Suspect, text.clone()));
    let data = preview.migrations.iter().map(|change| {
        let text = format!("Reads and writes of `{}` go back with `{}`.", change.migration, change.service);
        check(Tone::Caution, Icon::Data, text)
    });
    let flags = preview.flags.iter().map(|change| {
        let to = if change.after { "on" } else { "off" };
        check(Tone::Plain, Icon::Switch, format!("`{}` is switched {to}.", change.flag))
    });
    let hands = preview.by_hand.iter().map(|role| {
        check(Tone::Plain, Icon::Person, format!("Needs somebody who is {role} to do or sign something by hand."))
    });
    blockers.chain(warnings).chain(data).chain(flags).chain(hands).collect()
}
