//! Finds the steps in the text of a runbook.

use super::values::{Placeholder, holes};
use super::{Header, Place, Runbook, RunbookProblem, Step, StepMode};

const MOST_STEPS: usize = 50;

pub(super) fn read(header: Header, text: &str) -> Result<Runbook, Vec<RunbookProblem>> {
    let mut problems = header_problems(&header);
    let parts = split(text);
    let mut steps: Vec<Step> = Vec::new();
    for raw in &parts.steps {
        steps.push(step(raw, steps.len() + 1, &header, &mut problems));
    }
    if steps.is_empty() {
        problems.push(at(1, "a runbook needs at least one step: begin each with a heading such as `## 1. Freeze`"));
    }
    if steps.len() > MOST_STEPS {
        problems.push(at(parts.steps[MOST_STEPS].line, format!("at most {MOST_STEPS} steps")));
    }
    unknown_placeholders(text, &mut problems);
    if problems.is_empty() {
        Ok(Runbook { header, intro: joined(&parts.intro), steps, closing: joined(&parts.closing) })
    } else {
        Err(problems)
    }
}

fn at(line: usize, text: impl Into<String>) -> RunbookProblem {
    RunbookProblem { place: Place::Line(line), text: text.into() }
}

fn header_problems(header: &Header) -> Vec<RunbookProblem> {
    let mut found = Vec::new();
    let mut add = |field: String, text: String| found.push(RunbookProblem { place: Place::Header(field), text });
    let mut length = |field: String, text: &str, least: usize, most: usize| {
        if !(least..=most).contains(&text.trim().chars().count()) {
            add(field, format!("use {least} to {most} characters"));
        }
    };
    length("title".to_owned(), &header.title, 1, 120);
    length("summary".to_owned(), &header.summary, 0, 500);
    length("escalation".to_owned(), &header.escalation, 0, 500);
    for (i, part) in header.roles.iter().enumerate() {
        length(format!("roles[{i}].role"), &part.role, 1, 60);
        length(format!("roles[{i}].duty"), &part.duty, 1, 200);
    }
    for (i, part) in header.roles.iter().enumerate() {
        if part.role.contains(',') {
            add(format!("roles[{i}].role"), "a role has no comma in its name".to_owned());
        }
        if header.roles[..i].iter().any(|other| other.role.eq_ignore_ascii_case(&part.role)) {
            add(format!("roles[{i}].role"), format!("`{}` is listed twice", part.role));
        }
    }
    if !(1..=20).contains(&header.roles.len()) {
        add("roles".to_owned(), "a runbook has 1 to 20 roles".to_owned());
    }
    found
}

/// A step as it stands in the text. Lines are counted from 1.
struct Raw<'a> {
    line: usize,
    number: &'a str,
    title: &'a str,
    body: Vec<(usize, &'a str)>,
}

#[derive(Default)]
struct Parts<'a> {
    intro: Vec<&'a str>,
    steps: Vec<Raw<'a>>,
    closing: Vec<&'a str>,
}

fn split(text: &str) -> Parts<'_> {
    let lines: Vec<(&str, bool)> = mark_code(text);
    let headings = lines.iter().any(|(line, code)| !code && heading(line).is_some());
    let mut parts = Parts::default();
    let mut closing = false;
    for (i, (line, code)) in lines.into_iter().enumerate() {
        let start = if code {
            None
        } else if headings {
            heading(line)
        } else {
            numbered(line)
        };
        if let Some((number, title)) = start {
            closing = false;
            parts.steps.push(Raw { line: i + 1, number, title, body: Vec::new() });
            continue;
        }
        closing |= !code && !parts.steps.is_empty() && ends_step(line, headings);
        match parts.steps.last_mut() {
            None => parts.intro.push(line),
            Some(_) if closing => parts.closing.push(line),
            Some(step) if headings => step.body.push((i + 1, line)),
            Some(step) => step.body.push((i + 1, unindented(line))),
        }
    }
    parts
}

/// Each line, and whether it stands in a fenced block of code (the fences included).
fn mark_code(text: &str) -> Vec<(&str, bool)> {
    let mut fence: Option<(char, usize)> = None;
    text.lines()
        .map(|line| {
            let bare = line.trim_start();
            let mark = bare.chars().next().filter(|c| matches!(c, '`' | '~'));
            let width = mark.map_or(0, |mark| bare.chars().take_while(|c| *c == mark).count());
            match (fence, mark) {
                (None, Some(mark)) if width >= 3 => {
                    fence = Some((mark, width));
                    (line, true)
                }
                (None, _) => (line, false),
                (Some((open, least)), Some(mark))
                    if mark == open && width >= least && bare[width..].trim().is_empty() =>
                {
                    fence = None;
                    (line, true)
                }
                (Some(_), _) => (line, true),
            }
        })
        .collect()
}

/// `## 2. Kill switches off` is step `2`, `Kill switches off`.
fn heading(line: &str) -> Option<(&str, &str)> {
    numbered(line.strip_prefix("## ")?.trim_start())
}

/// `2. Kill switches off`, not indented.
fn numbered(line: &str) -> Option<(&str, &str)> {
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let title = line[digits..].strip_prefix(['.', ')'])?;
    (digits > 0 && title.starts_with(' ')).then(|| (&line[..digits], title.trim().trim_end_matches('#').trim_end()))
}

fn ends_step(line: &str, headings: bool) -> bool {
    if headings {
        line.starts_with("# ") || line.starts_with("## ")
    } else {
        !line.is_empty() && !line.starts_with([' ', '\t'])
    }
}

/// Without the indentation that makes it part of a list item.
fn unindented(line: &str) -> &str {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    line.strip_prefix('\t').unwrap_or(&line[spaces.min(3)..])
}

fn step(raw: &Raw<'_>, expected: usize, header: &Header, problems: &mut Vec<RunbookProblem>) -> Step {
    let number = raw.number.parse::<u16>().unwrap_or(u16::MAX);
    if usize::from(number) != expected {
        problems.push(at(raw.line, format!("step `{}` should be number `{expected}`", raw.number)));
    }
    if !(1..=120).contains(&raw.title.chars().count()) {
        problems.push(at(raw.line, "a step has a title of 1 to 120 characters"));
    }
    let first = raw.body.iter().position(|(_, line)| !line.trim().is_empty());
    let who = first.and_then(|i| who(raw.body[i].1).map(|who| (i, who)));
    let body = |from: usize| joined(&raw.body[from..].iter().map(|(_, line)| *line).collect::<Vec<_>>());
    let Some((i, (role, mode))) = who else {
        problems.push(at(
            raw.line,
            format!("step {expected} names no role: write `Role: {}` on the line below it", example(header)),
        ));
        return Step {
            number,
            title: raw.title.to_owned(),
            role: String::new(),
            mode: StepMode::Manual,
            body: body(0),
        };
    };
    let known = header.roles.iter().find(|part| part.role.eq_ignore_ascii_case(role));
    if known.is_none() {
        let all: Vec<_> = header.roles.iter().map(|part| format!("`{}`", part.role)).collect();
        problems
            .push(at(raw.body[i].0, format!("`{role}` is not among the `roles` of the header: {}", all.join(", "))));
    }
    let role = known.map_or(role, |part| part.role.as_str()).to_owned();
    Step { number, title: raw.title.to_owned(), role, mode, body: body(i + 1) }
}

/// `Role: recovery lead, automatic`.
fn who(line: &str) -> Option<(&str, StepMode)> {
    let line = line.trim();
    let rest = line.strip_prefix("Role:").or_else(|| line.strip_prefix("role:"))?.trim().trim_end_matches('.');
    match rest.rsplit_once(',') {
        Some((role, mode)) if mode.trim().eq_ignore_ascii_case("automatic") => Some((role.trim(), StepMode::Auto)),
        Some((role, mode)) if mode.trim().eq_ignore_ascii_case("manual") => Some((role.trim(), StepMode::Manual)),
        _ => Some((rest, StepMode::Manual)),
    }
}

fn example(header: &Header) -> &str {
    header.roles.first().map_or("recovery lead", |part| part.role.as_str())
}

fn joined(lines: &[&str]) -> String {
    lines.join("\n").trim_matches('\n').trim_end().to_owned()
}

fn unknown_placeholders(text: &str, problems: &mut Vec<RunbookProblem>) {
    for (i, line) in text.lines().enumerate() {
        for hole in holes(line).filter(|hole| hole.name.parse::<Placeholder>().is_err()) {
            let known: Vec<_> = Placeholder::ALL.into_iter().map(|known| format!("`{}`", known.as_str())).collect();
            problems.push(at(
                i + 1,
                format!("`{{{{{}}}}}` is not a value a release has; use one of {}", hole.name, known.join(", ")),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        serde_json::from_value(serde_json::json!({
            "name": "rollback", "title": "Rollback", "purpose": "rollback",
            "roles": [{"role": "recovery lead", "duty": "drives"}, {"role": "scribe", "duty": "writes"}],
        }))
        .expect("the header of the test is well-formed")
    }

    fn lines(text: &str) -> Vec<(usize, String)> {
        let problems = read(header(), text).expect_err("is wrong");
        problems
            .into_iter()
            .map(|p| match p.place {
                Place::Line(line) => (line, p.text),
                Place::Header(field) => (0, field),
            })
            .collect()
    }

    #[test]
    fn numbered_headings_are_steps() {
        let text = "\nBefore you begin.\n\n## 1. Freeze {{service}}\n\nRole: recovery lead, automatic\n\nStop.\n\n```\n## 9. no step\n```\n\n## 2) Tell\nRole: Scribe\n- a\n- b\n\n## Afterwards\n\nRest.\n";
        let runbook = read(header(), text).expect("is well-formed");
        assert_eq!(runbook.intro, "Before you begin.");
        assert_eq!(runbook.closing, "## Afterwards\n\nRest.");
        assert_eq!(
            runbook.steps,
            [
                Step {
                    number: 1,
                    title: "Freeze {{service}}".to_owned(),
                    role: "recovery lead".to_owned(),
                    mode: StepMode::Auto,
                    body: "Stop.\n\n```\n## 9. no step\n```".to_owned(),
                },
                Step {
                    number: 2,
                    title: "Tell".to_owned(),
                    role: "scribe".to_owned(),
                    mode: StepMode::Manual,
                    body: "- a\n- b".to_owned(),
                },
            ]
        );
    }

    #[test]
    fn without_such_headings_a_numbered_list_gives_the_steps() {
        let text = "Intro\n\n1. Freeze\n   Role: recovery lead\n\n   Stop it.\n   - really\n2. Tell\n   Role: scribe\n\nThe end.\n";
        let runbook = read(header(), text).expect("is well-formed");
        let steps: Vec<_> = runbook.steps.iter().map(|s| (s.title.as_str(), s.body.as_str())).collect();
        assert_eq!(steps, [("Freeze", "Stop it.\n- really"), ("Tell", "")]);
        assert_eq!(runbook.closing, "The end.");
    }

    #[test]
    fn problems_name_their_line() {
        let found = lines("## 1. A\nRole: captain\n\n## 3. B\n\nNo role, {{nonsense}}.\n");
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 4, 6]);
        assert!(found[0].1.contains("`captain` is not among"), "{found:?}");
        assert!(found[1].1.contains("should be number `2`"), "{found:?}");
        assert!(found[3].1.contains("`{{nonsense}}`"), "{found:?}");
    }

    #[test]
    fn a_runbook_without_steps_or_roles_is_refused() {
        assert_eq!(lines("Just text.\n")[0].0, 1);
        let empty = Header { roles: vec![], ..header() };
        let problems = read(empty, "## 1. A\nRole: x\n").expect_err("has no roles");
        assert_eq!(problems[0].place, Place::Header("roles".to_owned()));
    }

    #[test]
    fn text_of_any_shape_is_read_without_a_panic() {
        for text in
            ["", "## ", "## 1.", "1.", "1. ", "##1. x", "```", "~~~\n## 1. x", "ä\n## 1. ä", "\t\n1. a\n\tb\n ä"]
        {
            let _ = read(header(), text);
        }
    }
}
