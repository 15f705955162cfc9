//! The log of decisions, and one decision.

use crate::fixture::{check, errors, explained, when};
use sternway_app::view::decision::*;
use sternway_app::view::release::ProgressMark;
use sternway_app::view::{ChoiceView, FactView, Icon, LinkView, Or, PillView, StepState, Tone};

fn refused(act: &str) -> bool {
    act.starts_with("Refused")
}

pub(crate) fn decisions() -> DecisionsView {
    let row = |at: &str,
               icon,
               tone,
               act: &str,
               detail: &str,
               quote: &str,
               why: &str,
               who: &str,
               note: &str,
               outcome: &str,
               leaf: &str| DecisionRow {
        id: leaf.replace('\u{a0}', ""),
        at: when(at, ""),
        icon,
        tone,
        act: act.into(),
        service: "checkout".into(),
        detail: detail.into(),
        quote: quote.into(),
        why: why.into(),
        who: who.into(),
        who_note: note.into(),
        outcome: outcome.into(),
        outcome_icon: Icon::Pass,
        outcome_tone: Tone::Go,
        evidence: "8 charts, 5 numbers".into(),
        leaf: leaf.into(),
        proof: if refused(act) { Proof::NotSigned } else { Proof::Signed },
    };
    let choice = |value: &str, label: &str| ChoiceView { value: value.into(), label: label.into(), chosen: false };
    DecisionsView {
        actors: vec![choice("", "Anyone"), choice("people", "People"), choice("automation", "Automation")],
        acts: vec![choice("", "Any act"), choice("rollback", "Roll back")],
        days: vec![DayView {
            title: "Thursday 19 November 2026".into(),
            rows: vec![
                row(
                    "14:03:15",
                    Icon::Rollback,
                    Tone::Stop,
                    "Rolled back",
                    "1.42.0 → 1.41.3",
                    "Errors 3.2x baseline. Support has two tickets of failed payments.",
                    "",
                    "Maya Ortiz",
                    "release manager",
                    "confirmed in 6\u{a0}s",
                    "48\u{a0}219",
                ),
                row(
                    "14:03:12",
                    Icon::Lock,
                    Tone::Plain,
                    "Refused: roll back",
                    "1.42.0",
                    "Errors are up.",
                    "Needs the role `on call`.",
                    "Tom Baker",
                    "viewer",
                    "nothing changed",
                    "48\u{a0}218",
                ),
                row(
                    "13:58:45",
                    Icon::Promote,
                    Tone::Accent,
                    "Promoted",
                    "5 → 25\u{a0}%",
                    "",
                    "All 5 guards pass, 18\u{a0}300 requests",
                    "Automation",
                    "rule promote-on-pass",
                    "confirmed in 6\u{a0}s",
                    "48\u{a0}209",
                ),
            ],
        }],
        outcomes: vec![choice("", "Any outcome"), choice("refused", "Refused")],
        export: Some(LinkView::new("/api/v1/evidence-pack?from=2026-11-19T00%3A00%3A00Z", "Evidence pack of these")),
        signed: true,
        older: Some("/decisions?cursor=abc".into()),
        foot: "Times in UTC. Log at entry 48\u{a0}226.".into(),
        ..DecisionsView::default()
    }
}

pub(crate) fn decision(id: &str) -> DecisionView {
    let fact = |name: &str, value: &str, href: Option<&str>| FactView {
        name: name.into(),
        value: value.into(),
        href: href.map(str::to_owned),
    };
    DecisionView {
        id: id.into(),
        leaf: "48\u{a0}219".into(),
        title: "Rolled back checkout to".into(),
        title_version: "1.41.3".into(),
        day: "Thursday 19 November 2026".into(),
        at: when("14:03:15", ""),
        who: WhoView { name: "Maya Ortiz".into(), owner: String::new(), note: "release manager".into(), written: true },
        quote: "Errors 3.2x baseline. <img src=x onerror=alert(1)> Not waiting for the gate.".into(),
        rule: String::new(),
        why: String::new(),
        refused: false,
        overridden: vec![("overridden.0".into(), "no verdict yet".into())],
        removed: vec![RemovedView {
            field: "origin.ip".into(),
            what: "The address it came from".into(),
            by: "Ada".into(),
            on: "20 Nov 2026, 09:12 UTC".into(),
            because: "Asked for by the person".into(),
            link: LinkView::new("/decisions/2", "48\u{a0}301"),
        }],
        marks: vec![
            ProgressMark { state: StepState::Done, label: "Asked".into(), at: Some(when("14:03:15", "")) },
            ProgressMark {
                state: StepState::Done,
                label: "Confirmed by the proxy".into(),
                at: Some(when("14:03:21", "6\u{a0}s after it was asked")),
            },
            ProgressMark { state: StepState::Now, label: "Recovering".into(), at: None },
        ],
        facts: vec![
            fact("Release", "checkout `1.41.3 → 1.42.0`", Some("/releases/x")),
            fact("State expected", "version 17, running, stage 25\u{a0}%. State found: the same", None),
        ],
        settings: vec![
            SettingView { key: "log.retention.texts".into(), value: "<b>730d</b>".into(), changed: true },
            SettingView { key: "public_url".into(), value: String::new(), changed: false },
        ],
        saw: Or::Shown(SawView {
            title: "What Maya Ortiz saw".into(),
            note: "drawn from evidence stored at 14:03:15, not from today's data".into(),
            digest: "sha256:5be2…90c7".into(),
            pill: Some(PillView::new(Tone::Caution, Icon::Suspect, "Suspect")),
            since: "for 1:05".into(),
            sentence: "Errors **0.32\u{a0}%** against **0.10\u{a0}%**: 3.2x. Tolerated 1.5x.".into(),
            estimate: "Since this stage began: surely between **1.5x** and **6.7x**.".into(),
            meters: vec![],
            explained: Some(explained()),
            foot: "Newest sample 14:03:13, 2\u{a0}s old.".into(),
            charts: vec![errors()],
        }),
        effects: vec![
            EffectView {
                name: "Traffic to 1.42.0: 25 → 0\u{a0}%".into(),
                asked: Some(when("14:03:15", "")),
                confirmed: Some(when("14:03:21", "")),
                took: "6\u{a0}s".into(),
                by: "haproxy-eu-1".into(),
                tone: Tone::Plain,
            },
            EffectView {
                name: "Told".into(),
                asked: Some(when("14:03:15", "")),
                confirmed: None,
                took: String::new(),
                by: "no answer yet".into(),
                tone: Tone::Caution,
            },
        ],
        told: vec![check(Tone::Go, Icon::Pass, "#checkout-releases, 41 people", "", "delivered 14:03:16")],
        log: LogFactsView {
            index: "48\u{a0}219".into(),
            number: 48_219,
            evidence: "sha256:5be2".into(),
            facts: vec![fact("Plan", "`sha256:5be2…90c7`", None)],
            canonical: "{\n  \"act\": \"rollback\"\n}".into(),
            texts: vec![("reason".into(), "Errors 3.2x baseline. <img src=x onerror=alert(1)> Not waiting.".into())],
            shown: r#"{"reason":"\u003cimg src=x onerror=alert(1)>"}"#.into(),
            instead: "redacted".into(),
        },
        linked: vec![NearView {
            icon: Icon::Person,
            tone: Tone::Plain,
            link: LinkView::new("/decisions/2", "48\u{a0}301"),
            text: "Texts removed".into(),
            meta: "removed texts of this".into(),
        }],
        near: vec![NearView {
            icon: Icon::Suspect,
            tone: Tone::Caution,
            link: LinkView::new("/decisions/1", "48\u{a0}214"),
            text: "Suspect: errors 2.4x".into(),
            meta: "1:05 before".into(),
        }],
        packs: vec![LinkView::new("/api/v1/evidence-pack?decision=1", "Evidence pack")],
    }
}
