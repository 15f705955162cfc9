//! Pages being laid out: text that breaks into lines, lines that break into pages. Nothing here knows of PDF.

use super::face::{Face, Weight};

/// A4, in points.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 50.0;
pub(super) const RIGHT: f32 = WIDTH - 50.0;
pub(super) const ACROSS: f32 = RIGHT - LEFT;
const TOP: f32 = 52.0;
const BOTTOM: f32 = HEIGHT - 62.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const INK: Colour = Colour(22, 28, 36);
pub(super) const INK_2: Colour = Colour(71, 81, 96);
pub(super) const INK_3: Colour = Colour(98, 108, 122);
pub(super) const RULE: Colour = Colour(223, 228, 234);
pub(super) const SUNKEN: Colour = Colour(245, 247, 249);
pub(super) const ACCENT: Colour = Colour(20, 87, 200);
pub(super) const GO: Colour = Colour(26, 107, 60);
pub(super) const CAUTION: Colour = Colour(135, 84, 12);
pub(super) const STOP: Colour = Colour(179, 38, 30);

#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: Colour,
}

impl Style {
    pub(super) const fn new(size: f32, colour: Colour) -> Self {
        Self { size, weight: Weight::Regular, colour }
    }

    pub(super) const fn strong(size: f32, colour: Colour) -> Self {
        Self { size, weight: Weight::Strong, colour }
    }

    /// From one line to the next.
    pub(super) fn leading(&self) -> f32 {
        self.size * 1.42
    }
}

#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// `y` is the base line.
    Text {
        x: f32,
        y: f32,
        style: Style,
        text: String,
    },
    Line {
        points: Vec<(f32, f32)>,
        colour: Colour,
        width: f32,
        dashed: bool,
    },
    Area {
        points: Vec<(f32, f32)>,
        colour: Colour,
    },
}

pub(super) struct Sheet {
    pub(super) pages: Vec<Vec<Mark>>,
    pub(super) regular: Face,
    pub(super) strong: Face,
    /// Where the next thing goes, from the top of the page.
    pub(super) y: f32,
}

impl Sheet {
    pub(super) fn new() -> Result<Self, String> {
        let (regular, strong) = (Face::new(Weight::Regular)?, Face::new(Weight::Strong)?);
        Ok(Self { pages: vec![Vec::new()], regular, strong, y: TOP })
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Strong => &self.strong,
        }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    pub(super) fn page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// Goes to the next page if there is not so much room. Says whether it did.
    pub(super) fn room(&mut self, height: f32) -> bool {
        let full = self.y + height > BOTTOM && self.y > TOP;
        if full {
            self.page();
        }
        full
    }

    pub(super) fn skip(&mut self, height: f32) {
        self.y += height;
    }

    pub(super) fn width(&self, text: &str, style: Style) -> f32 {
        self.face(style.weight).width(text, style.size)
    }

    /// One line at the base line `y`, wherever the next thing goes.
    pub(super) fn at(&mut self, x: f32, y: f32, style: Style, text: &str) {
        let text = clean(text);
        if !text.trim().is_empty() {
            self.mark(Mark::Text { x, y, style, text });
        }
    }

    /// The same, ending at `x`.
    pub(super) fn ending(&mut self, x: f32, y: f32, style: Style, text: &str) {
        let text = clean(text);
        self.at(x - self.width(&text, style), y, style, &text);
    }

    /// As many lines as it takes, over as many pages.
    pub(super) fn paragraph(&mut self, x: f32, width: f32, style: Style, text: &str) {
        for line in self.lines(text, style, width) {
            self.room(style.leading());
            self.y += style.leading();
            self.at(x, self.y - style.size * 0.3, style, &line);
        }
    }

    /// A line across the page.
    pub(super) fn rule(&mut self) {
        let y = self.y;
        self.mark(Mark::Line { points: vec![(LEFT, y), (RIGHT, y)], colour: RULE, width: 0.7, dashed: false });
    }

    /// Breaks at spaces, and within what is longer than a line.
    pub(super) fn lines(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let face = self.face(style.weight);
        let text = clean(text);
        let mut lines = Vec::new();
        let (mut line, mut used) = (String::new(), 0.0);
        let space = face.width(" ", style.size);
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let mut word = word;
            let mut wide = face.width(word, style.size);
            if !line.is_empty() && used + space + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            while wide > width {
                let mut taken = 0.0;
                let fits = |(at, c): (usize, char)| {
                    taken += face.glyph(c).1 * style.size;
                    (taken > width && at > 0).then_some(at)
                };
                let Some(cut) = word.char_indices().find_map(fits) else { break };
                lines.push(word[..cut].to_owned());
                word = &word[cut..];
                wide = face.width(word, style.size);
            }
            if !line.is_empty() {
                line.push(' ');
                used += space;
            }
            line.push_str(word);
            used += wide;
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// As much of a text as fits one line.
    pub(super) fn short(&self, text: &str, style: Style, width: f32) -> String {
        let text = clean(text);
        if self.width(&text, style) <= width {
            return text;
        }
        let mut short = text;
        while !short.is_empty() && self.width(&short, style) + self.width("…", style) > width {
            short.pop();
        }
        short.trim_end().to_owned() + "…"
    }

    /// The same line at the foot of every page, with its number.
    pub(super) fn feet(&mut self, text: &str) {
        let all = self.pages.len();
        let style = Style::new(7.5, INK_3);
        let y = HEIGHT - 34.0;
        for number in 0..all {
            let count = format!("{} of {all}", number + 1);
            let left = self.short(text, style, ACROSS - 80.0);
            let x = RIGHT - self.width(&count, style);
            let page = &mut self.pages[number];
            page.push(Mark::Line {
                points: vec![(LEFT, y - 14.0), (RIGHT, y - 14.0)],
                colour: RULE,
                width: 0.5,
                dashed: false,
            });
            page.push(Mark::Text { x: LEFT, y, style, text: left });
            page.push(Mark::Text { x, y, style, text: count });
        }
    }
}

/// Text from outside: on one line, and without what is not seen.
fn clean(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).filter(|c| !unseen(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_text_when_broken_then_no_line_is_too_long_and_nothing_is_lost() {
        let sheet = Sheet::new().expect("the fonts are in the tree");
        let style = Style::new(10.0, INK);
        let long = format!("errors at 3\u{a0}% {} end\nof it \u{202e}here", "x".repeat(400));
        let lines = sheet.lines(&long, style, 120.0);
        assert!(lines.len() > 3, "{lines:?}");
        for line in &lines {
            assert!(sheet.width(line, style) <= 120.0, "{line}");
        }
        let all: String = lines.concat().split_whitespace().collect();
        let given: String = long.chars().filter(|c| !c.is_whitespace() && *c != '\u{202e}').collect();
        assert_eq!(all, given);
        assert!(sheet.lines("", style, 120.0).is_empty());
        assert!(sheet.width(&sheet.short(&long, style, 80.0), style) <= 80.0);
    }

    #[test]
    fn given_figures_then_all_have_one_width() {
        let sheet = Sheet::new().expect("the fonts are in the tree");
        let style = Style::new(10.0, INK);
        let widths: Vec<u32> = ('0'..='9').map(|c| (sheet.width(&c.to_string(), style) * 100.0) as u32).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
}
