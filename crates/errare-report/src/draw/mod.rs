//! From a figure to SVG: ranges, the grid of panels, legend, marks, document.
//!
//! Axes, ticks, font metrics and the writing of SVG are kuva's; what a datum looks like and where panels and
//! legend go is decided here, so that nothing covers data and the panels of a grid line up.

mod document;
mod frame;
mod legend;
mod marks;
mod range;
mod text;

use kuva::render::color::Color;
use kuva::render::render::{Primitive, Scene, TextAnchor};

use crate::colour::{Colour, Rgb};
use crate::figure::{Figure, data};
use frame::{Frame, Inner, Margins};

/// Where the drawing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A file of its own: with title and white ground.
    Standalone,
    /// Inside a page, which shows the title and sets the colours of ink and ground.
    Inline,
}

const PAD: f64 = 10.0;
const TITLE_SIZE: u32 = 16;
pub(crate) const HEADING_SIZE: u32 = 13;
pub(crate) const LABEL_SIZE: u32 = 13;
pub(crate) const TICK_SIZE: u32 = 12;
/// Height of the strip above a panel for its letter and title, and for the names of its spans.
const HEADING_STRIP: f64 = 24.0;
const HEADING_LINE: f64 = 16.0;
const SPAN_STRIP: f64 = 17.0;
const GAP: f64 = 14.0;
/// No square panel is wider, lest it fill a screen.
const WIDEST_SQUARE: f64 = 420.0;

/// Draws a figure whose name has been checked.
pub(crate) fn svg(figure: &Figure, setting: Setting) -> String {
    let colours = Colours::of(figure);
    let ranges = range::resolve(figure);
    let grid = Grid::of(figure, &ranges);

    let mut scene = Scene::new(grid.width, 0.0).with_background(None);
    let mut top = PAD;
    if setting == Setting::Standalone {
        let size = f64::from(TITLE_SIZE);
        for line in text::wrap(&figure.title, grid.width - 2.0 * PAD, size) {
            top += 1.3 * size;
            scene.add(label(PAD, top - 0.35 * size, &line, TITLE_SIZE, TextAnchor::Start, true));
        }
    }
    top = legend::draw(figure, &colours, &ranges, &grid, &mut scene, top);

    for row in 0..grid.rows {
        let strip = grid.strips[row];
        let mut lowest: f64 = 0.0;
        for column in 0..grid.columns {
            let index = row * grid.columns + column;
            let Some(panel) = figure.panels.get(index) else { break };
            let frame = grid.frame(figure, &ranges, index);
            scene.add(Primitive::GroupStart {
                transform: Some(format!("translate({},{})", text::px(grid.left_of(column)), text::px(top))),
                title: None,
                extra_attrs: None,
            });
            heading(&mut scene, figure, index, grid.margins[column].left, grid.data_width);
            marks::draw(panel, &frame, &colours, &format!("drawing-{}-{index}", figure.name), &mut scene);
            legend::name_spans(panel, &frame, strip - 5.0, &mut scene);
            scene.add(Primitive::GroupEnd);
            lowest = lowest.max(frame.height());
        }
        top += lowest + if row + 1 < grid.rows { GAP } else { 0.0 };
    }
    scene.height = top + PAD;
    document::finish(figure, setting, &colours, &scene)
}

/// The lines of a panel's title; one, perhaps empty, when the panel has a letter only, none without either.
fn heading_lines(figure: &Figure, index: usize, data_width: f64) -> Vec<String> {
    let title = &figure.panels[index].title;
    let several = figure.panels.len() > 1;
    let indent = if several { letter_room(index) } else { 0.0 };
    let lines = text::wrap(title, data_width - indent, f64::from(HEADING_SIZE));
    if lines.is_empty() && several { vec![String::new()] } else { lines }
}

fn letter_room(index: usize) -> f64 {
    text::width(&data::letter(index), f64::from(HEADING_SIZE)) + 8.0
}

/// Letter and title of a panel, above its data.
fn heading(scene: &mut Scene, figure: &Figure, index: usize, left: f64, data_width: f64) {
    let (mut x, mut baseline) = (left, f64::from(HEADING_SIZE) + 1.0);
    if figure.panels.len() > 1 {
        scene.add(label(x, baseline, &data::letter(index), HEADING_SIZE, TextAnchor::Start, true));
        x += letter_room(index);
    }
    for line in heading_lines(figure, index, data_width) {
        if !line.is_empty() {
            scene.add(label(x, baseline, &line, HEADING_SIZE, TextAnchor::Start, false));
        }
        baseline += HEADING_LINE;
    }
}

/// The grid of panels: how many, how large, with which margins.
struct Grid {
    rows: usize,
    columns: usize,
    width: f64,
    /// Of each column; top and bottom are per row.
    margins: Vec<Margins>,
    bottoms: Vec<f64>,
    strips: Vec<f64>,
    data_width: f64,
    data_height: f64,
}

impl Grid {
    fn of(figure: &Figure, ranges: &[range::Ranges]) -> Self {
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

    fn left_of(&self, column: usize) -> f64 {
        let before: f64 =
            self.margins[..column].iter().map(|m| m.left + m.right + self.data_width + GAP).sum();
        PAD + before
    }

    fn frame(&self, figure: &Figure, ranges: &[range::Ranges], index: usize) -> Frame {
        let (row, column) = (index / self.columns, index % self.columns);
        let margins = Margins { top: self.strips[row], bottom: self.bottoms[row], ..self.margins[column] };
        let inner = Inner::of(figure, self.columns, index);
        Frame::new(&figure.panels[index], &ranges[index], inner, (self.data_width, self.data_height), margins)
    }
}

/// The colour of every label of a figure: what the series say, or else the next of the palette.
pub(crate) struct Colours(Vec<(String, Rgb)>);

impl Colours {
    fn of(figure: &Figure) -> Self {
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
        Self(known)
    }

    /// Every colour once, in the order of the series.
    pub(crate) fn all(&self) -> Vec<Rgb> {
        let mut all: Vec<Rgb> = Vec::new();
        for &(_, rgb) in &self.0 {
            if !all.contains(&rgb) {
                all.push(rgb);
            }
        }
        all
    }

    pub(crate) fn get(&self, series: &crate::Series) -> Rgb {
        if let Some(colour) = series.mark.colour {
            return colour.rgb();
        }
        self.0
            .iter()
            .find(|(label, _)| *label == series.label)
            .map_or(Colour::Cycle(0).rgb(), |(_, rgb)| *rgb)
    }
}

pub(crate) fn paint(Rgb(r, g, b): Rgb) -> Color {
    Color::Rgb(r, g, b)
}

pub(crate) fn label(x: f64, y: f64, content: &str, size: u32, anchor: TextAnchor, bold: bool) -> Primitive {
    Primitive::Text { x, y, content: text::literal(content), size, anchor, rotate: None, bold, color: None }
}
