//! What the made-up control plane knows: the release of the prototype.

use super::made_up::{cells, chart, stages};
use sternway_app::view::act::*;
use sternway_app::view::board::*;
use sternway_app::view::chart::*;
use sternway_app::view::data::*;
use sternway_app::view::release::*;
use sternway_app::view::*;

pub(crate) fn when(shown: &str, ago: &str) -> When {
    When { iso: format!("2026-11-19T{shown}Z"), shown: shown.into(), ago: ago.into() }
}

pub(crate) fn chrome() -> ChromeView {
    let fault = |value: &str, label: &str| ChoiceView { value: value.into(), label: label.into(), chosen: false };
    ChromeView {
        person: Some(PersonView {
            name: "Maya Ortiz".into(),
            role: "release manager".into(),
            since: "signed in 08:12".into(),
        }),
        theme: Theme::Auto,
        now: when("14:03:03", ""),
        demo: Some(DemoBarView {
            services: vec![
                DemoServiceView { name: "checkout".into(), active: vec!["20\u{a0}% errors".into()] },
                DemoServiceView { name: "search".into(), active: vec![] },
            ],
            faults: vec![
                fault("errors", "20\u{a0}% errors"),
                fault("latency", "+300\u{a0}ms latency"),
                fault("leak", "Saturation leak"),
                fault("silence", "Metrics outage"),
            ],
            startable: vec!["catalog".into()],
        }),
        position: 4_112,
        build: "Sternway 0.1.0".into(),
    }
}

pub(crate) fn changes() -> Vec<ChangeView> {
    let entry = |at: &str, tone, icon, text: &str, quote: &str, who: &str, leaf: &str| ChangeView {
        at: when(at, ""),
        tone,
        icon,
        text: text.into(),
        quote: quote.into(),
        who: who.into(),
        leaf: (!leaf.is_empty()).then(|| LinkView::new("/decisions/1", leaf)),
    };
    vec![
        entry(
            "14:02:10",
            Tone::Caution,
            Icon::Suspect,
            "Suspect: errors 2.4x baseline. Further promotion stopped.",
            "",
            "Judge, guard errors",
            "48\u{a0}214",
        ),
        entry(
            "13:58:51",
            Tone::Go,
            Icon::Pass,
            "Proxy reports 25\u{a0}%, 6\u{a0}s after it was asked.",
            "",
            "Observed at haproxy-eu-1",
            "",
        ),
        entry(
            "13:58:45",
            Tone::Accent,
            Icon::Promote,
            "Promoted 5 → 25\u{a0}%: all 5 guards pass, 18\u{a0}300 requests.",
            "",
            "Automation, rule promote-on-pass",
            "48\u{a0}209",
        ),
        entry(
            "13:40:02",
            Tone::Plain,
            Icon::Person,
            "Started.",
            "Pricing by currency, ticket SHOP-1182.",
            "Maya Ortiz, release manager",
            "48\u{a0}203",
        ),
    ]
}

fn row(service: &str, edge: Edge, pill: PillView, says: &str, why: &str, act: RowAct, silent: bool) -> BoardRow {
    BoardRow {
        id: format!("0192d3a0-0000-7000-8000-0000000000{:02}", service.len()),
        service: service.into(),
        from: "1.41.3".into(),
        to: "1.42.0".into(),
        edge,
        pill,
        says: says.into(),
        why: why.into(),
        stages: stages(1, 0.42),
        share: "25\u{a0}%".into(),
        clock: "4:12 of 10:00".into(),
        signals: cells(edge == Edge::Caution, silent),
        act,
        can_promote: true,
        can_roll_back: true,
    }
}

fn act(style: ActStyle, icon: Option<Icon>, label: &str, verb: Option<&str>) -> RowAct {
    RowAct { style, icon, label: label.into(), href: "/releases/x/act/rollback".into(), verb: verb.map(str::to_owned) }
}

pub(crate) fn board() -> BoardView {
    let count = |count, label: &str, wide: &str, icon, tone| CountView {
        count,
        label: label.into(),
        wide: wide.into(),
        icon,
        tone,
        href: format!("/?state={label}"),
        current: false,
    };
    let pass = || PillView::new(Tone::Go, Icon::Pass, "Pass");
    BoardView {
        at: when("14:03:03", ""),
        counts: vec![
            count(1, "needs you", "", Icon::Person, Tone::Accent),
            count(1, "suspect", "", Icon::Suspect, Tone::Caution),
            count(1, "holding", "", Icon::Hold, Tone::Hold),
            count(2, "progressing", "", Icon::Promote, Tone::Plain),
            count(12, "finished", " today", Icon::Pass, Tone::Plain),
        ],
        total: 19,
        groups: vec![
            BoardGroup {
                title: "Needs a person".into(),
                rows: vec![
                    row(
                        "identity",
                        Edge::Need,
                        pass(),
                        "waits for you 6:12",
                        "All guards pass, mode `assisted`: promote 50 → 100\u{a0}%",
                        act(ActStyle::Main, None, "Review", None),
                        false,
                    ),
                    row(
                        "checkout",
                        Edge::Caution,
                        PillView::new(Tone::Caution, Icon::Suspect, "Suspect"),
                        "rolls back in about 40\u{a0}s",
                        "Errors 3.1x baseline, tolerated 1.5x",
                        act(ActStyle::Stop, Some(Icon::Rollback), "Roll back", Some("rollback")),
                        false,
                    ),
                    row(
                        "payments-api",
                        Edge::Hold,
                        PillView::new(Tone::Hold, Icon::ProviderDown, "Provider down"),
                        "held",
                        "No data from Prometheus for 1:20, traffic stays",
                        act(ActStyle::Plain, None, "Open", None),
                        true,
                    ),
                ],
            },
            BoardGroup {
                title: "Progressing".into(),
                rows: vec![
                    row(
                        "search",
                        Edge::Go,
                        pass(),
                        "100\u{a0}% in 3:05",
                        "All 5 guards pass",
                        act(ActStyle::Plain, None, "Promote now", Some("promote")),
                        false,
                    ),
                    row(
                        "catalog",
                        Edge::Go,
                        PillView::new(Tone::Plain, Icon::Insufficient, "Insufficient"),
                        "enough in about 6\u{a0}min",
                        "310 of 500 requests seen",
                        act(ActStyle::Plain, None, "Open", None),
                        false,
                    ),
                ],
            },
        ],
        finished: Some(FinishedGroup {
            title: "Finished today".into(),
            count: 12,
            note: "9 promoted, 2 rolled back, 1 cancelled".into(),
            rows: vec![
                FinishedRow {
                    id: "a".into(),
                    service: "orders".into(),
                    from: "4.7.0".into(),
                    to: "4.8.0".into(),
                    pill: PillView::new(Tone::Go, Icon::Pass, "Promoted"),
                    what: "In 52 min by automation, rule promote-on-pass".into(),
                    at: when("13:12", ""),
                },
                FinishedRow {
                    id: "b".into(),
                    service: "inventory".into(),
                    from: "2.31.0".into(),
                    to: "2.32.0".into(),
                    pill: PillView::new(Tone::Back, Icon::Rollback, "Rolled back"),
                    what: "By automation: p99 1.6x baseline for 10:00, limit 1.4x".into(),
                    at: when("11:32", ""),
                },
            ],
            more: Some(LinkView::new("/?state=finished", "10 more finished today")),
        }),
        can_create: true,
        foot: "Times in UTC. Log at entry 48\u{a0}217.".into(),
        ..BoardView::default()
    }
}

pub(crate) fn check(tone: Tone, icon: Icon, text: &str, note: &str, meta: &str) -> CheckView {
    CheckView { tone, icon, text: text.into(), note: note.into(), meta: meta.into() }
}

pub(crate) fn step(state: StepState, name: &str, note: &str, meta: &str) -> StepView {
    StepView { state, name: name.into(), note: note.into(), meta: meta.into() }
}

pub(crate) fn errors() -> ChartView {
    let mut chart = chart(
        ["errors", "Errors, share of requests, last 20 min", "decided", "0.31\u{a0}%", "against 0.10\u{a0}%"],
        87.0,
        30.0,
        80.0,
    );
    let cell = |text: &str| CellView { text: text.into(), tone: Tone::Plain };
    chart.ends[0].label = "canary 0.31\u{a0}%".into();
    chart.ends[1].label = "baseline 0.10\u{a0}%".into();
    chart.grid = vec![
        GridLine { y: 0.0, label: "0.75\u{a0}%".into() },
        GridLine { y: 33.3, label: "0.50\u{a0}%".into() },
        GridLine { y: 66.7, label: "0.25\u{a0}%".into() },
        GridLine { y: 100.0, label: "0".into() },
    ];
    chart.table = TableView {
        caption: "Errors by minute".into(),
        head: ["Minute ending", "Canary errors", "of requests", "Baseline errors", "of requests"]
            .map(str::to_owned)
            .into(),
        rows: vec![RowView {
            name: String::new(),
            at: Some(when("14:03:00", "")),
            cells: ["19", "6\u{a0}181", "18", "18\u{a0}534"].map(cell).into(),
        }],
    };
    chart
}

/// The evidence is drawn; placebos were not played.
pub(crate) fn explained() -> ExplainedView {
    let texts = ["evidence", "For each guard, last 20 min", "96\u{a0}% of it from errors", "", ""];
    ExplainedView {
        note: "as of 14:03:01".into(),
        sources: TableView::default(),
        evidence: Or::Shown(chart(texts, 60.0, 30.0, 40.0)),
        placebo: Or::Instead(StateView {
            icon: Icon::Info,
            title: "No comparison".into(),
            text: "It takes two instances of the baseline.".into(),
            ..StateView::default()
        }),
        table: table(),
        remarks: vec![check(Tone::Plain, Icon::Info, "Failed requests come in clusters of about 1.4.", "", "")],
    }
}

pub(crate) fn release(id: &str) -> ReleaseView {
    let button = |verb: &str, label: &str, long: &str, icon, style, why: Option<&str>| ActButton {
        verb: verb.into(),
        label: label.into(),
        long_label: long.into(),
        icon: Some(icon),
        style,
        allowed: why.is_none(),
        why_not: why.map(str::to_owned),
    };
    let stage = |state, asked, observed, baked, note: &str, more: &str| StageView {
        state,
        asked,
        observed,
        baked,
        note: note.into(),
        note_more: more.into(),
    };
    let item = |key: &str, title: &str, state, can_change| ChecklistItemView {
        key: key.into(),
        title: title.into(),
        owner: "release manager".into(),
        state,
        evidence: if state == ChecklistState::Done { "https://ci.example/1".into() } else { String::new() },
        by: if state == ChecklistState::Done { "Maya Ortiz, 13:37:40".into() } else { String::new() },
        can_change,
        idempotency_key: "k".into(),
    };
    ReleaseView {
        id: id.into(),
        version: 17,
        at: when("14:03:03", ""),
        service: "checkout".into(),
        from: "1.41.3".into(),
        to: "1.42.0".into(),
        summary: "Running, stage 2 of 4. Started by Maya Ortiz at 13:40:02.".into(),
        state: PillView::new(Tone::Accent, Icon::Promote, "Running, stage 2 of 4"),
        plan: LinkView::new("/services/checkout", "canary-standard"),
        toast: Some(ToastView {
            text: "Asked 14:03:15: hold checkout.".into(),
            link: Some(LinkView::new("/decisions/1", "48\u{a0}219")),
        }),
        notices: vec![NoticeView {
            tone: Tone::Hold,
            icon: Icon::ProviderDown,
            title: "Holding: no data from Prometheus for 1:20".into(),
            text: "Neither promoted nor rolled back on silence.".into(),
            acts: vec![],
        }],
        acts: ActsView {
            first: vec![
                button("hold", "Hold", "", Icon::Hold, ActStyle::Plain, None),
                button("promote", "Promote", "", Icon::Promote, ActStyle::Plain, Some("Not while suspect.")),
                button("rollback", "Roll back", "Roll back to 1.41.3", Icon::Rollback, ActStyle::Stop, None),
            ],
            more: vec![
                button("rollforward", "Roll forward", "", Icon::Rollforward, ActStyle::Plain, None),
                button(
                    "freeze",
                    "Freeze",
                    "",
                    Icon::Freeze,
                    ActStyle::Plain,
                    Some("Only when going back would lose data."),
                ),
            ],
            reach: "Suspect: errors 3.1x, tolerated 1.5x".into(),
            reach_next: "rolls back in about 40\u{a0}s".into(),
        },
        marks: vec![
            ProgressMark { state: StepState::Done, label: "Asked".into(), at: Some(when("13:58:45", "")) },
            ProgressMark {
                state: StepState::Done,
                label: "Confirmed by the proxy".into(),
                at: Some(when("13:58:51", "")),
            },
        ],
        track: TrackView {
            stages: vec![
                stage(StageState::Done, 5, Some(5), 1.0, "passed 13:58:45", "15:00 baked"),
                stage(StageState::Now, 25, Some(25), 0.42, "**4:12** of 10:00", "5:48 left"),
                stage(StageState::Next, 50, None, 0.0, "from 14:08:51", "not while suspect"),
                stage(StageState::Next, 100, None, 0.0, "last, for 30:00", "then promoted"),
            ],
        },
        flow: FlowView {
            asked: "25\u{a0}%".into(),
            asked_at: Some(when("13:58:45", "")),
            observer: "Proxy reports".into(),
            observed: "25\u{a0}%".into(),
            observed_at: Some(when("14:03:01", "2\u{a0}s ago")),
            tone: Tone::Go,
            icon: Icon::Pass,
            note: "Traffic to 1.42.0 is what was asked.".into(),
        },
        verdict: Or::Shown(VerdictView {
            pill: PillView::new(Tone::Caution, Icon::Suspect, "Suspect"),
            since: Some(when("14:02:10", "0:53 ago")),
            sentence: "Errors **0.31\u{a0}%** against **0.10\u{a0}%**: **3.1x**. Tolerated 1.5x.".into(),
            estimate: "Since this stage began: surely between **1.4x** and **6.8x**.".into(),
            next: "If it stays like this, Sternway rolls back in about 40\u{a0}s.".into(),
            meters: vec![MeterView {
                label: "Hard limit errors above 0.25\u{a0}%".into(),
                value: "0:53".into(),
                needed: "rolls back after 2:00".into(),
                tone: Tone::Caution,
                filled: 0.44,
                scale: vec![(0.0, "0:00".into()), (1.0, "2:00 rolls back".into())],
            }],
            advice: Some(AdviceView {
                icon: Icon::Rollback,
                tone: Tone::Stop,
                title: "Recommended: roll back to 1.41.3.".into(),
                text: "Nothing stands in the way: both images are present.".into(),
            }),
            chart: Some(errors()),
        }),
        explained: Some(explained()),
        signals: SignalsView {
            note: "Canary beside baseline, last 20 min, every 10\u{a0}s".into(),
            newest: Some(when("14:03:01", "2\u{a0}s ago")),
            stale: None,
            charts: vec![
                chart(["p99", "p99 latency", "1.02x", "212\u{a0}ms", "against 208\u{a0}ms"], 42.0, 1.0, 19.2),
                chart(["p50", "p50 latency", "1.03x", "39\u{a0}ms", "against 38\u{a0}ms"], 36.0, 1.0, 20.0),
                chart(["traffic", "Traffic", "25.0\u{a0}%", "103/s", "of 412/s"], 60.0, 20.0, 0.0),
                chart(["saturation", "Saturation", "1.05x", "61\u{a0}%", "against 58\u{a0}%"], 45.0, 4.0, 15.0),
                chart(["conversions", "Conversions", "0.97x", "3.02\u{a0}%", "against 3.11\u{a0}%"], 31.0, 0.0, 20.0),
            ],
            empty: None,
        },
        timeline: changes(),
        timeline_more: Some(LinkView::new("/decisions?release=checkout", "All decisions of this release")),
        runbook: Or::Shown(RunbookPanel {
            link: LinkView::new("/runbooks/rollback", "Rollback"),
            age: "pinned sha256:9f2c…a41b".into(),
            steps: vec![
                step(StepState::Todo, "Freeze promotions", "", "auto"),
                step(StepState::Todo, "Kill switch `new-pricing` off", "", "auto"),
                step(StepState::Todo, "Verify recovery", "signals, 3 integrity queries", "recovery lead"),
            ],
        }),
        way_back: Or::Shown(ChecksPanel {
            link: LinkView::new("/releases/checkout/rehearsal", "What could happen"),
            age: "proven 13:38:20".into(),
            checks: vec![check(
                Tone::Go,
                Icon::Pass,
                "checkout 1.41.3 takes 75\u{a0}% of the traffic now",
                "`sha256:9f2c…a41b`",
                "",
            )],
        }),
        checklist: Or::Shown(ChecklistPanel {
            name: "standard".into(),
            count: "2 of 3".into(),
            complete: false,
            age: String::new(),
            items: vec![
                item("flag", "Behind a flag with a kill switch", ChecklistState::Done, true),
                item("schema", "Schema works with both versions", ChecklistState::Done, false),
                item("way-back", "Way back proven", ChecklistState::Open, true),
            ],
            why_not: None,
            version: 17,
            fault: None,
        }),
        saga: Some(SagaPanel {
            version: 9,
            count: "11 of 14 steps".into(),
            sentence: "1 of 2 back. `storage` failed: the volume is read-only.".into(),
            needs: vec![NeedView {
                step: "8".into(),
                undo: false,
                title: "Deploy `storage` 1.41.3".into(),
                why: "The volume is read-only".into(),
                choices: vec![("retry".into(), "Try again".into())],
                note: "Called: recovery lead.".into(),
                idempotency_key: "saga-8".into(),
            }],
            steps: vec![step(StepState::Failed, "Deploy `storage` 1.41.3", "the volume is read-only", "0:31")],
            ..SagaPanel::default()
        }),
        data: vec![DataPanel::drawn(DataParts {
            release: "0198".into(),
            name: "orders-currency".into(),
            safety: "`orders-currency` is at `dual write`: reads and writes go back first.".into(),
            phases: vec![step(StepState::NoReturn, "point of no return", "", "")],
            acts: vec![("back".into(), "Back".into())],
            ..DataParts::default()
        })],
    }
}

pub(crate) fn table() -> TableView {
    let cell = |text: &str, tone| CellView { text: text.into(), tone };
    let row = |name: &str, cells: [&str; 4], tone: Tone| RowView {
        name: name.into(),
        at: None,
        cells: cells
            .into_iter()
            .enumerate()
            .map(|(at, text)| cell(text, if at % 2 == 0 { tone } else { Tone::Plain }))
            .collect(),
    };
    TableView {
        caption: "Signals now".into(),
        head: ["Signal", "1.42.0", "1.41.3", "Ratio", "Tolerated"].map(str::to_owned).into(),
        rows: vec![
            row("Errors", ["0.32\u{a0}%", "0.10\u{a0}%", "3.2x", "1.5x"], Tone::Caution),
            row("p99 latency", ["212\u{a0}ms", "208\u{a0}ms", "1.02x", "1.4x"], Tone::Plain),
            row("Conversions", ["3.02\u{a0}%", "3.11\u{a0}%", "0.97x", "0.95x"], Tone::Plain),
        ],
    }
}

pub(crate) fn act_view(id: &str, verb: Verb) -> ActView {
    let refused = verb == Verb::Promote;
    ActView {
        release: id.into(),
        verb,
        title: format!("{} checkout to 1.41.3", verb.label()),
        crumb: "checkout 1.41.3 → 1.42.0".into(),
        at: when("14:03:09", "1\u{a0}s ago"),
        version: 17,
        idempotency_key: "0192d3a0".into(),
        evidence: "sha256:5be2".into(),
        shift: vec![
            ShiftView { version: "1.42.0".into(), canary: true, now: 25, after: 0 },
            ShiftView { version: "1.41.3".into(), canary: false, now: 75, after: 100 },
        ],
        steps: vec![
            step(StepState::Todo, "Promotions frozen, kill switch `new-pricing` off", "", "about 1\u{a0}s"),
            step(StepState::Todo, "checkout `1.42.0 → 1.41.3`", "", "about 20\u{a0}s"),
            step(StepState::Todo, "Recovery verified: 4 signals, 3 integrity queries", "", "about 1:30"),
        ],
        told: "Told: #checkout-releases, Jonas Weber (on call). Last took 2:24.".into(),
        known_pill: Some(PillView::new(Tone::Caution, Icon::Suspect, "Suspect")),
        known: "since 14:02:10. Rolls back by itself in about 40\u{a0}s.".into(),
        known_table: table(),
        risks: vec![
            check(
                Tone::Go,
                Icon::Pass,
                "**Data.** No migration step is crossed. `orders.currency` is in dual write.",
                "",
                "",
            ),
            check(Tone::Go, Icon::Pass, "**Dependents.** cart 5.2.0 accepts what 1.41.3 answers.", "", ""),
            check(
                Tone::Accent,
                Icon::Info,
                "**Capacity.** Saturation of 1.41.3: 58 → about 73\u{a0}%, limit 85\u{a0}%.",
                "",
                "",
            ),
        ],
        reasons: ["Errors 3.2x baseline", "Customers report it", "As a precaution"]
            .map(|label| ChoiceView { value: label.into(), label: label.into(), chosen: false })
            .into(),
        needs_override: (verb == Verb::Rollforward)
            .then(|| "Go on although the verdict is **suspect**. Kept in the decision.".into()),
        asks_hotfix: verb == Verb::Rollforward,
        confirm: format!("{} checkout to 1.41.3", verb.label()),
        confirm_style: if verb == Verb::Rollback { ActStyle::Stop } else { ActStyle::Main },
        cancel: "Keep watching".into(),
        allowed: !refused,
        why_not: refused.then(|| "Promoting checkout needs the role `release manager`; you are `viewer`.".into()),
        instead: vec![],
        changes: vec![],
        typed: ActForm::default(),
        fault: None,
    }
}
