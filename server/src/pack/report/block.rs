//! One decision: who, what, why, what was seen, what came of it, and where it stands in the log.

use super::sheet::*;
use super::{Detail, Saw, chart, words};
use sternway_domain::audit::Outcome;
use sternway_domain::audit::commitment::Field;

const TEXT: Style = Style::new(9.5, INK);
const SMALL: Style = Style::new(8.0, INK_3);
const INDENT: f32 = 14.0;

pub(super) fn draw(sheet: &mut Sheet, detail: &Detail) {
    let Detail { decision, saw } = detail;
    let entry = &decision.entry;
    let refused = matches!(entry.outcome, Outcome::Refused { .. });
    let tone = if refused { STOP } else { GO };
    // A heading does not stand alone at the foot of a page.
    sheet.room(110.0);
    let top = sheet.y;
    sheet.skip(14.0);
    let y = sheet.y;
    let outcome = words::outcome(&entry.outcome);
    sheet.ending(RIGHT, y, Style::strong(9.5, tone), outcome);
    let title = format!("{}, {}", words::act(&entry.action), words::target(&entry.target));
    let strong = Style::strong(11.5, INK);
    let title = sheet.short(&title, strong, ACROSS - 90.0);
    sheet.at(LEFT + INDENT, y, strong, &title);
    sheet.mark(Mark::Line {
        points: vec![(LEFT + 1.5, top + 4.0), (LEFT + 1.5, y + 17.0)],
        colour: tone,
        width: 3.0,
        dashed: false,
    });
    let (who, role) = words::who(&entry.actor);
    let role = if role.is_empty() { String::new() } else { format!(" ({role})") };
    let by = format!("{} UTC, by {who}{role}, through {}", words::moment(entry.at), entry.origin.transport);
    sheet.skip(3.0);
    let (x, across) = (LEFT + INDENT, ACROSS - INDENT);
    sheet.paragraph(x, across, Style::new(9.0, INK_2), &by);
    if let Some(at) = entry.occurred {
        sheet.paragraph(
            x,
            across,
            Style::new(9.0, INK_2),
            &format!("Happened {} UTC, written down later", words::moment(at)),
        );
    }
    sheet.skip(4.0);
    if !entry.reason.trim().is_empty() && !decision.redacted.contains(&Field::Reason) {
        sheet.paragraph(x, across, TEXT, &format!("“{}”", entry.reason.trim()));
    }
    if let Outcome::Refused { why } = &entry.outcome {
        sheet.paragraph(x, across, Style::new(9.5, STOP), &format!("Refused: {why}"));
    }
    if !entry.overridden.is_empty() {
        let text = format!("Override: {}", entry.overridden.join(", "));
        sheet.paragraph(x, across, Style::new(9.5, CAUTION), &text);
    }
    for effect in &entry.effects {
        sheet.paragraph(x, across, TEXT, &format!("→ {effect}"));
    }
    for back in &decision.points_back {
        let fields: Vec<String> = back.fields.iter().map(ToString::to_string).collect();
        let of = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
        let text = format!("{} entry {}{of}", words::relation(back.relation), words::many(back.index));
        sheet.paragraph(x, across, TEXT, &text);
    }
    if !decision.redacted.is_empty() {
        let fields: Vec<String> = decision.redacted.iter().map(ToString::to_string).collect();
        sheet.paragraph(x, across, Style::new(9.0, CAUTION), &format!("Taken out later: {}", fields.join(", ")));
    }
    if let Some(saw) = saw {
        seen(sheet, saw);
    }
    sheet.skip(4.0);
    let mut place = format!("Entry {} · decision {}", words::many(decision.index), entry.id);
    if let Some(version) = entry.expected_version {
        place += &format!(" · version seen {version}");
    }
    sheet.paragraph(x, across, SMALL, &place);
    let digests = [("evidence", &entry.evidence), ("plan", &entry.plan)];
    let digests: Vec<String> =
        digests.iter().filter_map(|(what, digest)| Some(format!("{what} {}", digest.as_ref()?))).collect();
    for digest in digests {
        sheet.paragraph(x, across, SMALL, &digest);
    }
    sheet.skip(16.0);
}

fn seen(sheet: &mut Sheet, saw: &Saw) {
    let (x, across) = (LEFT + INDENT, ACROSS - INDENT);
    sheet.skip(6.0);
    match &saw.verdict {
        Some((kind, sentence)) => {
            let strong = Style::strong(9.5, INK);
            sheet.room(strong.leading() * 2.0);
            let label = format!("What was seen: {}. ", kind.to_lowercase());
            sheet.paragraph(x, across, strong, label.trim_end());
            sheet.paragraph(x, across, TEXT, sentence);
        }
        None => sheet.paragraph(x, across, TEXT, "Nothing had been judged yet."),
    }
    if saw.pictures.is_empty() {
        return;
    }
    sheet.skip(6.0);
    let gap = 18.0;
    let width = (across - gap) / 2.0;
    for pair in saw.pictures.chunks(2) {
        sheet.room(chart::HEIGHT);
        let top = sheet.y;
        for (at, picture) in pair.iter().enumerate() {
            chart::draw(sheet, picture, x + at as f32 * (width + gap), top, width);
        }
        sheet.y = top + chart::HEIGHT + 8.0;
    }
    let note = format!("Drawn from the evidence stored at {} UTC, as it was seen then.", words::moment(saw.at));
    sheet.paragraph(x, across, SMALL, &note);
}
