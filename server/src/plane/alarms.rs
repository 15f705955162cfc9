//! Who was told, and who could not be.

use super::words::{NBSP, when};
use crate::service::{Result, Service};
use crate::store::rows::AlarmMessageRow;
use std::collections::BTreeMap;
use sternway_app::view::{Icon, NoticeView, Tone};
use sternway_domain::id::ReleaseId;
use sternway_domain::time::{Span, Timestamp};

/// For so long it is said that somebody was never told.
const GIVEN_UP: Span = Span::from_secs(86_400);
/// Of a release, so many of the newest.
const NEWEST: u32 = 50;

/// One notice for each channel that does not take what people should be told.
pub(super) async fn untold(service: &Service, now: Timestamp) -> Result<Vec<NoticeView>> {
    let mut channels: BTreeMap<String, Vec<AlarmMessageRow>> = BTreeMap::new();
    for message in service.store.untold(now - GIVEN_UP).await? {
        channels.entry(message.channel.clone()).or_default().push(message);
    }
    Ok(channels.into_iter().filter_map(|(channel, messages)| notice(&channel, &messages, now)).collect())
}

fn notice(channel: &str, messages: &[AlarmMessageRow], now: Timestamp) -> Option<NoticeView> {
    let last = messages.iter().max_by_key(|message| message.attempts)?;
    let what = match messages.len() {
        1 => format!("1{NBSP}alarm"),
        count => format!("{count}{NBSP}alarms"),
    };
    let next = messages.iter().filter(|message| message.state == "pending").map(|message| message.next_at).min();
    let next = match next {
        Some(next) => format!("next {} UTC", when(next, now).shown),
        None => "no longer tried".to_owned(),
    };
    let error = last.last_error.as_deref().unwrap_or("no answer").trim_end_matches('.');
    let tries = if last.attempts == 1 { "once".to_owned() } else { format!("{}{NBSP}times", last.attempts) };
    Some(NoticeView {
        tone: Tone::Stop,
        icon: Icon::ProviderDown,
        title: format!("{what} could not be delivered to `{channel}`"),
        text: format!("{error}; tried {tries}, {next}. Call by hand whoever should know."),
        acts: vec![],
    })
}

/// Who was told of what needs a person here; nothing while nothing does.
pub(super) async fn told(service: &Service, release: ReleaseId, now: Timestamp) -> Result<Option<NoticeView>> {
    let mut lines: BTreeMap<String, (Option<Timestamp>, Option<String>)> = BTreeMap::new();
    let alarms = service.store.alarms(Some(release), NEWEST).await?;
    for (_, messages) in alarms.into_iter().filter(|(alarm, _)| alarm.ended_at.is_none()) {
        for message in messages.into_iter().filter(|message| message.about == "raised") {
            let line = lines.entry(message.channel).or_default();
            match message.state.as_str() {
                "done" => line.0 = line.0.max(message.ended_at),
                _ => line.1 = message.last_error.or(line.1.take()),
            }
        }
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (channel, (at, error)) in lines {
        done.extend(at.map(|at| format!("`{channel}` {}", when(at, now).shown)));
        failed.extend(error.map(|error| format!("`{channel}` not yet: {}", error.trim_end_matches('.'))));
    }
    if done.is_empty() && failed.is_empty() {
        return Ok(None);
    }
    let reached = failed.is_empty();
    Ok(Some(NoticeView {
        tone: if reached { Tone::Plain } else { Tone::Stop },
        icon: if reached { Icon::Person } else { Icon::ProviderDown },
        title: if done.is_empty() {
            "Nobody could be told yet".to_owned()
        } else {
            format!("Told: {}", done.join(", "))
        },
        text: failed.join("; "),
        acts: vec![],
    }))
}
