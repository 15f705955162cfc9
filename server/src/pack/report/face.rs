//! The two faces: Inter, cut down to Latin, Greek, Cyrillic, punctuation and arrows, with figures of one width
//! (`report/fonts`, from Debian's `fonts-inter`, licence beside it).

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use std::collections::HashMap;

static REGULAR: &[u8] = include_bytes!("fonts/inter-regular.otf");
static STRONG: &[u8] = include_bytes!("fonts/inter-semibold.otf");

/// What stands for a character that the font has not.
const MISSING: char = '\u{25a1}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Strong,
}

/// A font with the widths of its characters.
pub(super) struct Face {
    pub(super) data: &'static [u8],
    /// Glyph and width, in parts of the size.
    glyphs: HashMap<char, (u32, f32)>,
}

impl Face {
    pub(super) fn new(weight: Weight) -> Result<Self, String> {
        let data = match weight {
            Weight::Regular => REGULAR,
            Weight::Strong => STRONG,
        };
        let font = FontRef::new(data).map_err(|error| error.to_string())?;
        let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        let glyph = |(code, glyph): (u32, skrifa::GlyphId)| {
            Some((char::from_u32(code)?, (glyph.to_u32(), metrics.advance_width(glyph)?)))
        };
        Ok(Self { data, glyphs: font.charmap().mappings().filter_map(glyph).collect() })
    }

    /// The glyph and its width, in parts of the size.
    pub(super) fn glyph(&self, c: char) -> (u32, f32) {
        // Neither space may be broken or stretched here: they look the same.
        let c = if c == '\u{a0}' || c == '\u{202f}' { ' ' } else { c };
        self.glyphs.get(&c).or_else(|| self.glyphs.get(&MISSING)).copied().unwrap_or((0, 0.6))
    }

    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.glyph(c).1).sum::<f32>() * size
    }
}
