//! Sends one message to one channel of the server's configuration: a signed webhook (Standard Webhooks 1.0), a Slack
//! incoming webhook, or PagerDuty (Events API v2).

use super::settings::{Channel, StepSettings};
use super::wire::{Post, Sent, Wire, said};
use crate::outbound::{Answer, parse_url};
use crate::ports::{About, Message, Untold};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::alarm::Severity;
use sternway_domain::service::{Headers, Secret};

/// Longest wait for one channel.
const WITHIN: Duration = Duration::from_secs(15);
/// The longest a receiver may ask to be left alone.
const LONGEST_REST: Duration = Duration::from_secs(3_600);
/// Characters of a text in Slack, and of a summary in PagerDuty.
const SLACK_CHARS: usize = 3_000;
const PAGERDUTY_CHARS: usize = 1_024;

pub(super) async fn send(
    wire: &Wire,
    settings: &StepSettings,
    name: &str,
    message: &Message<'_>,
) -> Result<(), Untold> {
    let Some(channel) = settings.channels.get(name) else {
        return Err(wrong("there is no such channel; add `[channels.NAME]` with `webhook` to `sternway.toml`"));
    };
    let secret = async |secret: &Secret| wire.outbound.secret(secret).await.map_err(|error| wrong(error.to_string()));
    let (url, field, body, secrets) = match channel {
        Channel::Webhook { url, secret: signs } => {
            (secret(url).await?, "webhook", webhook(name, message), signs.iter().collect())
        }
        Channel::Slack { url } => (secret(url).await?, "webhook", slack(message), vec![]),
        Channel::PagerDuty { routing_key, url } => {
            let url = match message.about {
                About::Notice => url.replace("/v2/enqueue", "/v2/change/enqueue"),
                About::Raised | About::Resolved => url.clone(),
            };
            (url, "url", pagerduty(&secret(routing_key).await?, message), vec![])
        }
    };
    let url = parse_url(&url).map_err(|_| wrong(format!("its `{field}` is not a URL")))?;
    let secrets: Vec<&Secret> = secrets;
    let headers = &Headers::new();
    let post = Post { url: &url, key: message.id, body: &body, secrets: &secrets, headers, timeout: WITHIN };
    understood(channel, wire.post(&post).await)
}

fn wrong(error: impl Into<String>) -> Untold {
    Untold { error: error.into(), maybe: false, again: false, hopeless: false, rest: None }
}

/// What the channel's answer means.
fn understood(channel: &Channel, sent: Sent) -> Result<(), Untold> {
    let rest = match &sent {
        Sent::Answered(answer) => retry_after(answer),
        Sent::Stayed { .. } | Sent::Lost(_) => None,
    };
    let hopeless = matches!(channel, Channel::PagerDuty { .. })
        && matches!(&sent, Sent::Answered(answer) if answer.status == StatusCode::BAD_REQUEST);
    let answer = match sent.accepted() {
        Ok(answer) => answer,
        Err(answer) => {
            use sternway_domain::saga::Answer::{Failed, Unknown};
            return Err(match answer {
                Failed { error, again } => Untold { error, maybe: false, again, hopeless, rest },
                Unknown { detail } => Untold { error: detail, maybe: true, again: true, hopeless, rest },
                _ => Untold { error: "no answer".to_owned(), maybe: true, again: true, hopeless, rest },
            });
        }
    };
    // Slack says `ok`; a proxy's page with 200 is no sign that anybody was told.
    let fits = match channel {
        Channel::Slack { .. } => answer.body.trim_ascii() == b"ok",
        Channel::Webhook { .. } | Channel::PagerDuty { .. } => true,
    };
    if fits {
        return Ok(());
    }
    let error = format!("it answers {} instead of `ok`", said(&answer));
    Err(Untold { error, maybe: true, again: true, hopeless: false, rest })
}

/// In seconds; dates are not used by these receivers.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let secs: u64 = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(secs).min(LONGEST_REST))
}

fn webhook(name: &str, message: &Message<'_>) -> Value {
    let mut data = message.data.clone();
    (data["text"], data["channel"]) = (json!(message.text), json!(name));
    let mut body = json!({
        "type": message.kind, "timestamp": message.at.to_rfc3339(), "text": message.text, "data": data,
    });
    if let Some(link) = message.link {
        body["link"] = json!(link);
    }
    if let Some(checkpoint) = message.checkpoint {
        body["log_checkpoint"] = json!(checkpoint);
    }
    body
}

fn slack(message: &Message<'_>) -> Value {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let begin = match (message.about, message.severity) {
        (About::Resolved, _) => ":white_check_mark: ",
        (About::Raised, Severity::Page) => ":rotating_light: ",
        (About::Raised, Severity::Notice) | (About::Notice, _) => "",
    };
    // Only whole links and whole checkpoints are worth anything, so the text is what is cut.
    let link = message.link.map_or_else(String::new, |link| format!("\n<{}|Open in Sternway>", escaped(link)));
    let log = |note: &str| format!("\n```{}```", escaped(note.trim_end()));
    let log = message.checkpoint.map(log).filter(|log| log.chars().count() < SLACK_CHARS / 2).unwrap_or_default();
    let most = SLACK_CHARS.saturating_sub([begin, &link, &log].map(|part| part.chars().count()).iter().sum());
    let text = cut(&escaped(message.text), most);
    json!({"text": format!("{begin}{text}{link}{log}")})
}

fn pagerduty(routing_key: &str, message: &Message<'_>) -> Value {
    let mut details = message.data.clone();
    if let Some(checkpoint) = message.checkpoint {
        details["log_checkpoint"] = json!(checkpoint);
    }
    let mut payload = json!({
        "summary": cut(message.text, PAGERDUTY_CHARS), "source": message.service.unwrap_or("sternway"),
        "timestamp": message.at.to_rfc3339(), "custom_details": details,
    });
    let mut body = json!({"routing_key": routing_key});
    match message.about {
        About::Notice => {}
        About::Raised | About::Resolved => {
            payload["severity"] = json!(match message.severity {
                Severity::Page => "critical",
                Severity::Notice => "warning",
            });
            let action = if message.about == About::Raised { "trigger" } else { "resolve" };
            body["event_action"] = json!(action);
            body["dedup_key"] = json!(message.key);
            body["client"] = json!("Sternway");
            if let Some(link) = message.link {
                body["client_url"] = json!(link);
            }
        }
    }
    body["payload"] = payload;
    if let Some(link) = message.link {
        body["links"] = json!([{"href": link, "text": "Open in Sternway"}]);
    }
    body
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sternway_domain::time::Timestamp;

    fn message<'a>(text: &'a str, about: About, severity: Severity) -> Message<'a> {
        Message {
            id: "alm-1",
            kind: "alarm.raised",
            about,
            severity,
            key: "release:7:held",
            text,
            at: Timestamp::from_secs(1_790_000_000),
            service: Some("checkout"),
            link: Some("https://sternway.example.org/releases/7?a=1&b=2"),
            checkpoint: Some("log\n7\nAAAA\n\n— log AAAA\n"),
            data: json!({"kind": "deadline"}),
        }
    }

    #[test]
    fn given_slack_then_text_is_escaped_and_of_a_long_one_link_and_checkpoint_stay_whole() {
        let short = slack(&message("`a` < 5 & done", About::Raised, Severity::Page));
        let expected = ":rotating_light: `a` &lt; 5 &amp; done\n<https://sternway.example.org/releases/7?a=1&amp;b=2|Open \
                        in Sternway>\n```log\n7\nAAAA\n\n— log AAAA```";
        assert_eq!(short, json!({"text": expected}));
        let long = "x".repeat(5_000);
        let body = slack(&message(&long, About::Resolved, Severity::Page));
        let text = body["text"].as_str().expect("a text");
        assert_eq!(text.chars().count(), SLACK_CHARS);
        assert!(
            text.starts_with(":white_check_mark: xxx") && text.contains("x…\n<https://") && text.ends_with("AAAA```")
        );
    }

    #[test]
    fn given_pagerduty_then_the_same_key_triggers_and_resolves_and_a_notice_is_a_change() {
        let page = pagerduty("R0UT1NG", &message(&"y".repeat(2_000), About::Raised, Severity::Page));
        assert_eq!((&page["event_action"], &page["dedup_key"]), (&json!("trigger"), &json!("release:7:held")));
        let payload = &page["payload"];
        assert_eq!((&payload["severity"], &payload["source"]), (&json!("critical"), &json!("checkout")));
        assert_eq!(payload["summary"].as_str().expect("a text").chars().count(), PAGERDUTY_CHARS);
        assert_eq!(payload["custom_details"]["kind"], "deadline");
        let over = pagerduty("R0UT1NG", &message("over", About::Resolved, Severity::Notice));
        assert_eq!((&over["event_action"], &over["dedup_key"]), (&json!("resolve"), &json!("release:7:held")));
        assert_eq!(over["payload"]["severity"], "warning");
        let change = pagerduty("R0UT1NG", &message("Rollback begins", About::Notice, Severity::Notice));
        assert_eq!((&change["event_action"], &change["dedup_key"]), (&Value::Null, &Value::Null));
        assert_eq!(change["payload"]["summary"], "Rollback begins");
    }
}
