//! Pages into PDF. Text stays text: it can be searched, selected and read aloud.

use super::face::{Face, Weight};
use super::sheet::{Colour, HEIGHT, Mark, Sheet, WIDTH};
use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};

pub(super) fn write(sheet: Sheet, title: &str) -> Result<Vec<u8>, String> {
    let mut document = Document::new();
    document
        .set_metadata(Metadata::new().title(title.to_owned()).language("en".to_owned()).creator("Sternway".to_owned()));
    let Sheet { pages, regular, strong, .. } = sheet;
    let font = |face: &Face| Font::new(face.data.to_vec().into(), 0).ok_or("the font cannot be read");
    let (plain, bold) = (font(&regular)?, font(&strong)?);
    let size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or("a page has no size")?;
    for marks in pages {
        let mut page = document.start_page_with(size.clone());
        let mut surface = page.surface();
        for mark in marks {
            match mark {
                Mark::Text { x, y, style, text } => {
                    let (face, font) = match style.weight {
                        Weight::Regular => (&regular, &plain),
                        Weight::Strong => (&strong, &bold),
                    };
                    surface.set_stroke(None);
                    surface.set_fill(Some(fill(style.colour)));
                    surface.draw_glyphs(
                        Point::from_xy(x, y),
                        &glyphs(face, &text),
                        font.clone(),
                        &text,
                        style.size,
                        false,
                    );
                }
                Mark::Line { points, colour, width, dashed } => line(&mut surface, &points, colour, width, dashed),
                Mark::Area { points, colour } => {
                    if let Some(path) = path(&points, true) {
                        surface.set_stroke(None);
                        surface.set_fill(Some(fill(colour)));
                        surface.draw_path(&path);
                    }
                }
            }
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| format!("{error:?}"))
}

fn fill(colour: Colour) -> Fill {
    let Colour(red, green, blue) = colour;
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

fn line(surface: &mut Surface<'_>, points: &[(f32, f32)], colour: Colour, width: f32, dashed: bool) {
    let Some(path) = path(points, false) else { return };
    let Colour(red, green, blue) = colour;
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke {
        paint: rgb::Color::new(red, green, blue).into(),
        width,
        dash: dashed.then(|| StrokeDash { array: vec![2.5, 2.0], offset: 0.0 }),
        ..Stroke::default()
    }));
    surface.draw_path(&path);
}

fn path(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let ((x, y), rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(*x, *y);
    rest.iter().for_each(|(x, y)| path.line_to(*x, *y));
    if closed {
        path.close();
    }
    path.finish()
}

fn glyphs(face: &Face, text: &str) -> Vec<KrillaGlyph> {
    let glyph = |(at, c): (usize, char)| {
        let (glyph, width) = face.glyph(c);
        KrillaGlyph::new(GlyphId::new(glyph), width, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
    };
    text.char_indices().map(glyph).collect()
}
