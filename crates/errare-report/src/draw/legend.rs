//! The legend: rows of entries above the panels, where no data can be covered, and the names of spans.

use kuva::render::render::{Primitive, Scene, TextAnchor};

use super::frame::Frame;
use super::grid::Grid;
use super::marks::{BAND_OPACITY, LINE_WIDTH, POINT_RADIUS, dashes, point, rect, reference_dash};
use super::range::Ranges;
use super::style::{Colours, PAD, TICK_SIZE, label, paint};
use super::text;
use crate::colour::{MUTED, Rgb, SHADE, hue};
use crate::figure::{Dash, Figure, Kind, Marker, Panel, Series};

const SIZE: f64 = 12.0;
const ROW: f64 = 19.0;
const SPACE: f64 = 6.0;
const BETWEEN: f64 = 22.0;

/// A sign of the legend.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    Stroke { rgb: Rgb, dash: Option<String>, width: f64 },
    Band(Rgb),
    Point { rgb: Rgb, marker: Marker },
    Patch { rgb: Rgb, opacity: f64 },
    Dots(Rgb),
    Hues,
}

struct Entry {
    label: String,
    keys: Vec<Key>,
}

/// Draws the legend at `top`; returns where the panels may begin.
pub(crate) fn draw(
    figure: &Figure,
    colours: &Colours,
    ranges: &[Ranges],
    grid: &Grid,
    scene: &mut Scene,
    top: f64,
) -> f64 {
    let entries = entries(figure, colours, ranges, grid);
    if entries.is_empty() {
        return top + 2.0;
    }
    let left = PAD + 2.0;
    let (mut x, mut y) = (left, top + 4.0);
    for entry in entries {
        let key = entry.keys.iter().map(Key::width).fold(0.0, f64::max);
        let lines = text::wrap(&entry.label, grid.width - PAD - left - key - SPACE, SIZE);
        let widest = lines.iter().map(|line| text::width(line, SIZE)).fold(0.0, f64::max);
        let wide = key + SPACE + widest;
        if x > left && x + wide > grid.width - PAD {
            (x, y) = (left, y + ROW);
        }
        let middle = y + 0.5 * ROW;
        for sign in &entry.keys {
            sign.draw(x, key, middle, scene);
        }
        let baseline = middle + 0.36 * SIZE;
        for (row, line) in lines.iter().enumerate() {
            let baseline = baseline + row as f64 * ROW;
            scene.add(label(x + key + SPACE, baseline, line, TICK_SIZE, TextAnchor::Start, false));
        }
        x += wide + BETWEEN;
        // Beside the widest line the next entry has room, if at all, at the height of the last.
        y += lines.len().saturating_sub(1) as f64 * ROW;
    }
    y + ROW + 4.0
}

fn entries(figure: &Figure, colours: &Colours, ranges: &[Ranges], grid: &Grid) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |label: &str, keys: Vec<Key>| {
        if label.is_empty() {
            return;
        }
        match entries.iter_mut().find(|entry| entry.label == label) {
            Some(entry) => {
                for key in keys {
                    if !entry.keys.contains(&key) {
                        entry.keys.push(key);
                    }
                }
            }
            None => entries.push(Entry { label: label.to_owned(), keys }),
        }
    };
    for series in figure.panels.iter().flat_map(|panel| &panel.series) {
        let coloured = series.data.iter().any(|d| d.hue.is_some());
        let label = match &series.label {
            label if coloured && !label.is_empty() => format!("{label} (hue: −π to π)"),
            label => label.clone(),
        };
        add(&label, keys(series, colours.get(series)));
    }
    let dashed = figure.panels.iter().flat_map(|panel| &panel.series).any(|series| {
        matches!(series.mark.kind, Kind::Line | Kind::Steps { .. }) && series.data.iter().any(|d| !d.has_data)
    });
    if dashed {
        add(&figure.dashed_means, vec![stroke(MUTED, dashes(Dash::Solid, false), LINE_WIDTH)]);
    }
    for (index, panel) in figure.panels.iter().enumerate() {
        for (line, reference) in panel.lines.iter().enumerate() {
            add(&reference.label, vec![stroke(MUTED, Some(reference_dash(line).to_owned()), 1.5)]);
        }
        let frame = grid.frame(figure, ranges, index);
        let named = placed_names(panel, &frame);
        for (number, span) in panel.spans.iter().enumerate() {
            if named[number].is_none() {
                let opacity = if number % 2 == 0 { 0.32 } else { 0.14 };
                add(&span.label, vec![Key::Patch { rgb: SHADE, opacity }]);
            }
        }
    }
    entries
}

fn stroke(rgb: Rgb, dash: Option<String>, width: f64) -> Key {
    Key::Stroke { rgb, dash, width }
}

fn keys(series: &Series, rgb: Rgb) -> Vec<Key> {
    let mark = &series.mark;
    let intervals = series.data.iter().any(|d| d.interval.is_some());
    let line = stroke(rgb, dashes(mark.dash, true), LINE_WIDTH);
    let marker = Key::Point { rgb, marker: mark.marker.unwrap_or(Marker::Circle) };
    match mark.kind {
        Kind::Line if mark.joined && mark.marker.is_some() => vec![line, marker],
        Kind::Line if intervals => vec![Key::Band(rgb), line],
        Kind::Line | Kind::Steps { filled: false } => vec![line],
        Kind::Steps { filled: true } => vec![Key::Band(rgb), line],
        Kind::Points if mark.joined => vec![line, marker],
        Kind::Points => vec![marker],
        Kind::Cloud if series.data.iter().any(|d| d.hue.is_some()) => vec![Key::Hues],
        Kind::Cloud => vec![Key::Dots(rgb)],
        Kind::Bars | Kind::Spans => vec![Key::Patch { rgb, opacity: 0.85 }],
    }
}

impl Key {
    fn width(&self) -> f64 {
        match self {
            Self::Stroke { .. } | Self::Band(_) | Self::Hues => 24.0,
            Self::Dots(_) => 18.0,
            Self::Patch { .. } => 14.0,
            Self::Point { .. } => 10.0,
        }
    }

    /// Draws the sign in the middle of `room` pixels from `x` on.
    fn draw(&self, x: f64, room: f64, y: f64, scene: &mut Scene) {
        let width = self.width();
        let x = x + 0.5 * (room - width);
        match self {
            Self::Stroke { rgb, dash, width: stroke_width } => scene.add(Primitive::Line {
                x1: x,
                y1: y,
                x2: x + width,
                y2: y,
                stroke: paint(*rgb),
                stroke_width: *stroke_width,
                stroke_dasharray: dash.clone(),
            }),
            Self::Band(rgb) => scene.add(rect(x, y - 5.0, width, 10.0, *rgb, BAND_OPACITY)),
            Self::Point { rgb, marker } => {
                scene.add(point(*marker, x + 0.5 * width, y, POINT_RADIUS + 0.4, *rgb, true));
            }
            Self::Patch { rgb, opacity } => scene.add(rect(x, y - 5.5, width, 11.0, *rgb, *opacity)),
            Self::Dots(rgb) => {
                for (dx, dy) in [(2.0, 1.5), (7.0, -2.5), (11.0, 2.5), (16.0, -1.0)] {
                    scene.add(dot(x + dx, y + dy, *rgb));
                }
            }
            Self::Hues => {
                let count = 12;
                let step = width / f64::from(count);
                for place in 0..count {
                    let angle = std::f64::consts::TAU * ((f64::from(place) + 0.5) / f64::from(count) - 0.5);
                    scene.add(rect(x + f64::from(place) * step, y - 5.0, step, 10.0, hue(angle), 1.0));
                }
            }
        }
    }
}

fn dot(cx: f64, cy: f64, rgb: Rgb) -> Primitive {
    Primitive::Circle {
        cx,
        cy,
        r: 2.0,
        fill: paint(rgb),
        fill_opacity: Some(0.7),
        stroke: None,
        stroke_width: None,
    }
}

/// Writes the names of the spans that have room above the data, `baseline` pixels from the panel's top.
pub(crate) fn name_spans(panel: &Panel, frame: &Frame, baseline: f64, scene: &mut Scene) {
    for (span, place) in panel.spans.iter().zip(placed_names(panel, frame)) {
        if let Some(x) = place {
            scene.add(label(x, baseline, &span.label, TICK_SIZE, TextAnchor::Middle, false));
        }
    }
}

/// Where the name of each span is centred; `None` where it would touch the one before or leave the panel,
/// and has to go to the legend.
fn placed_names(panel: &Panel, frame: &Frame) -> Vec<Option<f64>> {
    let (left, _, width, _) = frame.area();
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let place = |span: &crate::figure::Span| {
        if span.label.is_empty() {
            return None;
        }
        let (from, to) = (frame.x(span.from)?, frame.x(span.to)?);
        let (from, to) = (from.min(to).max(left), from.max(to).min(left + width));
        if to <= from {
            return None;
        }
        let half = 0.5 * text::width(&span.label, SIZE);
        let middle = 0.5 * (from + to);
        let (start, end) = (middle - half, middle + half);
        let free = taken.iter().all(|&(s, e)| end + 6.0 < s || start > e + 6.0);
        if !free || start < 0.0 || end > frame.width() {
            return None;
        }
        taken.push((start, end));
        Some(middle)
    };
    panel.spans.iter().map(place).collect()
}
