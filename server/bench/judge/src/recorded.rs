//! Recorded arms: pairs `NAME-baseline.csv` and `NAME-canary.csv` in a folder, judged as `sternway judge run` does.

use std::fmt::Write as _;
use std::path::Path;
use sternway_domain::judge::arms::{Recorded, run};
use sternway_domain::plan::Plan;

/// Errors at most 1.5x, everything else as a plan has it that says nothing.
const PLAN: &str = r#"{"name": "recorded", "stages": [{"weight": 100, "bake": "10m"}],
    "guards": [{"metric": "errors", "tolerance": {"ratio": 1.5}}]}"#;

/// A line for each pair: what ours makes of it, and when.
pub(crate) fn text(folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let plan: Plan = serde_json::from_str(PLAN)?;
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix("-baseline.csv").map(str::to_owned));
    }
    names.sort();
    let mut out = String::from(
        "\n## Recorded arms\n\nTolerated: errors 1.5x.\n\n| arms | verdict | after | ticks | |\n|---|---|---|---|---|\n",
    );
    for name in &names {
        let read = |arm: &str| {
            let file = format!("{name}-{arm}.csv");
            let text = std::fs::read_to_string(folder.join(&file)).map_err(|error| format!("`{file}`: {error}"))?;
            Recorded::parse(&file, &text).map_err(|error| error.to_string())
        };
        let judged = read("baseline").and_then(|baseline| {
            let canary = read("canary")?;
            run(&baseline, &canary, &plan).map_err(|error| error.to_string())
        });
        let _ = match judged {
            Ok(Some(outcome)) => {
                let after = outcome.decided_at.map_or("–".to_owned(), |secs| format!("{:.1} min", secs / 60.0));
                let verdict = &outcome.verdict;
                writeln!(
                    out,
                    "| {name} | {} | {after} | {} | {} |",
                    verdict.kind.label(),
                    outcome.ticks,
                    verdict.sentence
                )
            }
            Ok(None) => writeln!(out, "| {name} | – | – | 0 | no tick |"),
            Err(error) => writeln!(out, "| {name} | unusable | – | – | {error} |"),
        };
    }
    if names.is_empty() {
        return Err(format!("{} holds no `NAME-baseline.csv`", folder.display()).into());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_plan_for_those_who_have_none_is_a_plan() {
        let plan: sternway_domain::plan::Plan = serde_json::from_str(super::PLAN).expect("a plan");
        assert_eq!(plan.guards.len(), 1);
    }
}
