//! The grid of panels, with room for what stands around their data.

use super::frame::{Frame, Inner, Margins};
use super::range::Ranges;
use super::style::{HEADING_SIZE, PAD};
use super::text;
use crate::figure::{Figure, data};

/// Height of the strip above a panel for its letter and title, and for the names of its spans.
const HEADING_STRIP: f64 = 24.0;
pub(super) const HEADING_LINE: f64 = 16.0;
const SPAN_STRIP: f64 = 17.0;
pub(super) const GAP: f64 = 14.0;
/// No square panel is wider, lest it fill a screen.
const WIDEST_SQUARE: f64 = 420.0;

/// The grid of panels: how many, how large, with which margins.
pub(super) struct Grid {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) width: f64,
    /// Of each column; top and bottom are per row.
    pub(super) margins: Vec<Margins>,
    bottoms: Vec<f64>,
    pub(super) strips: Vec<f64>,
    pub(super) data_width: f64,
    data_height: f64,
}

impl Grid {
    pub(super) fn of(figure: &Figure, ranges: &[Ranges]) -> Self {
        let count = figure.panels.len().max(1);
        let columns = figure.columns.unwrap_or(3).min(count);
        let rows = count.div_ceil(columns);
        let square = figure.panels.iter().any(|panel| panel.equal_aspect);

        // Margins depend on the ticks, which depend on the room: one guess of the room is enough.
        let guess = (figure.width - 2.0 * PAD) / columns as f64 - 70.0;
        let height_for = |width: f64| {
            figure.panel_height.unwrap_or(match (square, columns) {
                (true, _) => width,
                (false, 1) => (0.5 * width).clamp(140.0, 320.0),
                (false, 2) => (0.72 * width).clamp(130.0, 300.0),
                (false, _) => (0.85 * width).clamp(120.0, 260.0),
            })
        };
        let guess_height = height_for(guess);
        let mut margins = vec![Margins::default(); columns];
        let mut bottoms = vec![0.0f64; rows];
        for (index, panel) in figure.panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let needed = Frame::margins(
                panel,
                &ranges[index],
                Inner::of(figure, columns, index),
                (guess, guess_height),
            );
            margins[column].left = margins[column].left.max(needed.left);
            margins[column].right = margins[column].right.max(needed.right);
            bottoms[row] = bottoms[row].max(needed.bottom);
        }
        let taken: f64 = margins.iter().map(|m| m.left + m.right).sum::<f64>() + GAP * (columns as f64 - 1.0);
        let room = (figure.width - 2.0 * PAD - taken) / columns as f64;
        let data_width = if square { room.min(WIDEST_SQUARE) } else { room }.max(40.0);
        let data_height =
            if square && figure.panel_height.is_none() { data_width } else { height_for(data_width) };
        let mut strips = vec![0.0f64; rows];
        for (index, panel) in figure.panels.iter().enumerate() {
            let lines = heading_lines(figure, index, data_width).len() as f64;
            let titles = if lines > 0.0 { HEADING_STRIP + HEADING_LINE * (lines - 1.0) } else { 6.0 };
            let spans = panel.spans.iter().any(|span| !span.label.is_empty());
            let strip = &mut strips[index / columns];
            *strip = strip.max(titles + if spans { SPAN_STRIP } else { 0.0 });
        }
        // A narrow figure still has room for its title and legend.
        let width = (2.0 * PAD + taken + columns as f64 * data_width).max(figure.width.min(480.0));
        Self { rows, columns, width, margins, bottoms, strips, data_width, data_height }
    }

    pub(super) fn left_of(&self, column: usize) -> f64 {
        let before: f64 =
            self.margins[..column].iter().map(|m| m.left + m.right + self.data_width + GAP).sum();
        PAD + before
    }

    pub(super) fn frame(&self, figure: &Figure, ranges: &[Ranges], index: usize) -> Frame {
        let (row, column) = (index / self.columns, index % self.columns);
        let margins = Margins { top: self.strips[row], bottom: self.bottoms[row], ..self.margins[column] };
        let inner = Inner::of(figure, self.columns, index);
        Frame::new(&figure.panels[index], &ranges[index], inner, (self.data_width, self.data_height), margins)
    }
}

/// The lines of a panel's title; one, perhaps empty, when the panel has a letter only, none without either.
pub(super) fn heading_lines(figure: &Figure, index: usize, data_width: f64) -> Vec<String> {
    let title = &figure.panels[index].title;
    let several = figure.panels.len() > 1;
    let indent = if several { letter_room(index) } else { 0.0 };
    let lines = text::wrap(title, data_width - indent, f64::from(HEADING_SIZE));
    if lines.is_empty() && several { vec![String::new()] } else { lines }
}

pub(super) fn letter_room(index: usize) -> f64 {
    text::width(&data::letter(index), f64::from(HEADING_SIZE)) + 8.0
}
