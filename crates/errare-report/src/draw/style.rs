//! What all parts of a drawing share: sizes, colours, and how text is set.

use kuva::render::color::Color;
use kuva::render::render::{Primitive, TextAnchor};

use super::text;
use crate::colour::{Colour, Rgb};
use crate::figure::{Figure, Series};

/// Where the drawing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A file of its own: with title and white ground.
    Standalone,
    /// Inside a page, which shows the title and sets the colours of ink and ground.
    Inline,
}

pub(super) const PAD: f64 = 10.0;
pub(super) const TITLE_SIZE: u32 = 16;
pub(super) const HEADING_SIZE: u32 = 13;
pub(super) const LABEL_SIZE: u32 = 13;
pub(super) const TICK_SIZE: u32 = 12;

/// The colour of every label of a figure: what the series say, or else the next of the palette.
pub(super) struct Colours {
    known: Vec<(String, Rgb)>,
    /// Every colour once, in the order of the series.
    all: Vec<Rgb>,
}

impl Colours {
    pub(super) fn of(figure: &Figure) -> Self {
        let mut known: Vec<(String, Rgb)> = Vec::new();
        let mut next = 0;
        for series in figure.panels.iter().flat_map(|panel| &panel.series) {
            if known.iter().any(|(label, _)| *label == series.label) {
                continue;
            }
            let colour = series.mark.colour.unwrap_or_else(|| {
                next += 1;
                Colour::Cycle(next - 1)
            });
            known.push((series.label.clone(), colour.rgb()));
        }
        let mut colours = Self { known, all: Vec::new() };
        for series in figure.panels.iter().flat_map(|panel| &panel.series) {
            let rgb = colours.get(series);
            if !colours.all.contains(&rgb) {
                colours.all.push(rgb);
            }
        }
        colours
    }

    pub(super) fn all(&self) -> &[Rgb] {
        &self.all
    }

    pub(super) fn get(&self, series: &Series) -> Rgb {
        if let Some(colour) = series.mark.colour {
            return colour.rgb();
        }
        self.known
            .iter()
            .find(|(label, _)| *label == series.label)
            .map_or(Colour::Cycle(0).rgb(), |(_, rgb)| *rgb)
    }
}

pub(super) fn paint(Rgb(r, g, b): Rgb) -> Color {
    Color::Rgb(r, g, b)
}

pub(super) fn label(x: f64, y: f64, content: &str, size: u32, anchor: TextAnchor, bold: bool) -> Primitive {
    Primitive::Text { x, y, content: text::literal(content), size, anchor, rotate: None, bold, color: None }
}
