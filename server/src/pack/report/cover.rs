//! The first page: what was asked, what is proven, how to check it; then the timeline.

use super::sheet::*;
use super::{Report, words};
use sternway_domain::audit::Outcome;
use sternway_domain::audit::pack::Asked;

const LABEL: Style = Style::new(8.0, INK_3);
const VALUE: Style = Style::new(9.5, INK);

pub(super) fn draw(sheet: &mut Sheet, report: &Report) {
    title(sheet, report);
    facts(sheet, report);
    check(sheet, report);
    timeline(sheet, report);
}

fn title(sheet: &mut Sheet, report: &Report) {
    let about = &report.about;
    sheet.skip(10.0);
    let y = sheet.y;
    sheet.at(LEFT, y, Style::strong(9.5, ACCENT), "Sternway evidence pack");
    let made = about.made_at.parse().map_or_else(|_| about.made_at.clone(), words::moment);
    sheet.ending(RIGHT, y, LABEL, &format!("Made {made} UTC"));
    sheet.skip(18.0);
    let title = match (&about.asked, &report.counts.service) {
        (Asked::Release { .. }, Some(service)) => format!("Release of {service}"),
        (Asked::Release { .. }, None) => "Release".to_owned(),
        (Asked::Decision { .. }, _) => match report.details.first() {
            Some(only) => {
                let entry = &only.decision.entry;
                format!("{}, {}", words::act(&entry.action), words::target(&entry.target))
            }
            None => "Decision".to_owned(),
        },
        (Asked::Period { service: Some(service), .. }, _) => format!("Decisions about {service}"),
        (Asked::Period { .. }, _) => "Decisions of a period".to_owned(),
    };
    let title: String = title.chars().take(160).collect();
    sheet.paragraph(LEFT, ACROSS, Style::strong(21.0, INK), &title);
    sheet.skip(2.0);
    let asked = match &about.asked {
        Asked::Release { id } => format!("Everything decided about release {id}"),
        Asked::Decision { id } => format!("Decision {id}"),
        Asked::Period { from, to, service } => {
            let (from, to) = (words::moment(*from), words::moment(*to));
            let of = service.as_ref().map(|name| format!(", service {name} only")).unwrap_or_default();
            format!("Everything written down from {from} to before {to} UTC{of}")
        }
    };
    sheet.paragraph(LEFT, ACROSS, Style::new(11.0, INK_2), &asked);
    sheet.skip(12.0);
    sheet.rule();
    sheet.skip(10.0);
}

fn facts(sheet: &mut Sheet, report: &Report) {
    let (about, counts) = (&report.about, &report.counts);
    let part = |number: u64, word: &str| (number > 0).then(|| format!("{} {word}", words::many(number)));
    let parts = [
        part(counts.refused, "refused"),
        part(counts.automatic, "by automation"),
        part(counts.redacted, "redacted in part"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let few = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let last = about.stretch.to.saturating_sub(1);
    let (from, size) = (words::many(about.stretch.from), words::many(about.log.size));
    let entries = match about.stretch.to - about.stretch.from {
        0 => "none".to_owned(),
        1 => format!("{from} of {size}"),
        _ => format!("{from} to {} of {size}, without a gap", words::many(last)),
    };
    let span = counts.span.map_or_else(
        || "–".to_owned(),
        |(first, last)| {
            if first == last {
                words::moment(first)
            } else {
                format!("{} to {}", words::moment(first), words::moment(last))
            }
        },
    );
    let mut rows = vec![
        ("Decisions", format!("{}{few}", words::many(counts.all))),
        ("Written down (UTC)", span),
        ("Log", about.log.origin.clone()),
        ("Entries", entries),
        ("Root of the checkpoint", about.log.root.to_string()),
        ("Asked for by", format!("whoever decision {} names", about.export)),
    ];
    if about.unsigned > 0 {
        rows.push(("Not here", format!("{} newer, which no checkpoint reached yet", words::many(about.unsigned))));
    }
    for (label, value) in rows {
        let lines = sheet.lines(&value, VALUE, ACROSS - 130.0);
        sheet.room(VALUE.leading() * lines.len() as f32);
        let y = sheet.y + VALUE.leading() - VALUE.size * 0.3;
        sheet.at(LEFT, y, LABEL, label);
        sheet.paragraph(LEFT + 130.0, ACROSS - 130.0, VALUE, &value);
        sheet.skip(2.5);
    }
    sheet.skip(12.0);
}

fn check(sheet: &mut Sheet, report: &Report) {
    let shows = match report.about.asked {
        Asked::Decision { .. } => "its entry was signed as it is, and its texts are those that were written down.",
        Asked::Release { .. } => {
            "every entry was signed as it is, none about the release is missing between the first and the last one, and all \
             texts are those that were written down."
        }
        Asked::Period { .. } => {
            "every entry was signed as it is, none of the period is missing, and all texts are those that were written down."
        }
    };
    let lines = [
        ("1", "Take the log's key from somebody other than who gave you this file.".to_owned()),
        ("2", "Run, without network: sternway audit verify PACK.zip --key KEY".to_owned()),
        ("3", format!("“Good” means: {shows}")),
        ("4", "It also makes this report anew from the sealed entries and compares it: what you read here is what is there.".to_owned()),
    ];
    let style = Style::new(9.0, INK);
    let inner = ACROSS - 46.0;
    let height: f32 =
        lines.iter().map(|(_, text)| sheet.lines(text, style, inner).len() as f32 * style.leading() + 2.0).sum();
    let whole = height + 38.0;
    sheet.room(whole);
    let (top, bottom) = (sheet.y, sheet.y + whole);
    let corners = vec![(LEFT, top), (RIGHT, top), (RIGHT, bottom), (LEFT, bottom)];
    sheet.mark(Mark::Area { points: corners, colour: SUNKEN });
    sheet.skip(20.0);
    let y = sheet.y;
    sheet.at(LEFT + 14.0, y, Style::strong(10.0, INK), "How to check this");
    sheet.skip(4.0);
    for (number, text) in lines {
        let y = sheet.y + style.leading() - style.size * 0.3;
        sheet.at(LEFT + 14.0, y, Style::strong(9.0, ACCENT), number);
        sheet.paragraph(LEFT + 30.0, inner, style, &text);
        sheet.skip(2.0);
    }
    sheet.y = bottom + 22.0;
}

/// Where the columns of the timeline begin, and their names.
const COLUMNS: [(f32, &str); 5] =
    [(0.0, "Entry"), (48.0, "Time (UTC)"), (150.0, "Act"), (300.0, "Who"), (438.0, "Outcome")];

fn timeline(sheet: &mut Sheet, report: &Report) {
    sheet.room(90.0);
    sheet.paragraph(LEFT, ACROSS, Style::strong(13.0, INK), "Timeline");
    let shown = report.details.len() as u64;
    if shown < report.counts.all {
        let text = format!(
            "The first {} of {} decisions. All of them are in decisions.csv and decisions.jsonl.",
            words::many(shown),
            words::many(report.counts.all)
        );
        sheet.paragraph(LEFT, ACROSS, Style::new(9.0, CAUTION), &text);
    }
    if report.details.is_empty() {
        sheet.paragraph(LEFT, ACROSS, VALUE, "No decision was asked for and is here.");
        return;
    }
    header(sheet);
    let style = Style::new(8.5, INK);
    for detail in &report.details {
        let (decision, entry) = (&detail.decision, &detail.decision.entry);
        let width = |column: usize| COLUMNS.get(column + 1).map_or(ACROSS, |(x, _)| *x) - COLUMNS[column].0 - 8.0;
        let act = format!("{}, {}", words::act(&entry.action), words::target(&entry.target));
        let act: Vec<String> = sheet.lines(&act, style, width(2)).into_iter().take(3).collect();
        let (who, role) = words::who(&entry.actor);
        let mut people: Vec<String> = sheet.lines(&who, style, width(3)).into_iter().take(2).collect();
        let strangers = people.len();
        people.extend(sheet.lines(&role, style, width(3)).into_iter().take(1));
        let height = act.len().max(people.len()).max(1) as f32 * 12.0 + 7.0;
        if sheet.room(height) {
            header(sheet);
        }
        let y = sheet.y + 12.0;
        sheet.ending(LEFT + 36.0, y, Style::new(8.5, INK_2), &words::many(decision.index));
        sheet.at(LEFT + COLUMNS[1].0, y, style, &words::moment(entry.at));
        for (line, text) in act.iter().enumerate() {
            sheet.at(LEFT + COLUMNS[2].0, y + line as f32 * 12.0, style, text);
        }
        for (line, text) in people.iter().enumerate() {
            let colour = if line < strangers { INK } else { INK_3 };
            sheet.at(LEFT + COLUMNS[3].0, y + line as f32 * 12.0, Style::new(8.5, colour), text);
        }
        let refused = matches!(entry.outcome, Outcome::Refused { .. });
        let outcome = Style::strong(8.5, if refused { STOP } else { GO });
        sheet.at(LEFT + COLUMNS[4].0, y, outcome, words::outcome(&entry.outcome));
        sheet.y += height;
        sheet.rule();
    }
    sheet.skip(20.0);
}

fn header(sheet: &mut Sheet) {
    sheet.skip(14.0);
    let y = sheet.y;
    for (at, (x, name)) in COLUMNS.into_iter().enumerate() {
        if at == 0 {
            sheet.ending(LEFT + 36.0, y, LABEL, name);
        } else {
            sheet.at(LEFT + x, y, LABEL, name);
        }
    }
    sheet.skip(5.0);
    sheet.rule();
}
