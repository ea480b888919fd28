//! Marks: what each kind of series looks like, bands and error bars included.

use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};

use super::frame::Frame;
use super::range::bar_spacing;
use super::style::{Colours, LABEL_SIZE, paint};
use super::text::px;
use crate::colour::{MUTED, PAPER, Rgb, SHADE, hue};
use crate::figure::{Dash, Datum, Kind, Marker, Panel, Series};

pub(crate) const LINE_WIDTH: f64 = 2.0;
pub(crate) const POINT_RADIUS: f64 = 3.6;
const CLOUD_RADIUS: f64 = 1.7;
pub(crate) const BAND_OPACITY: f64 = 0.2;
const CAP: f64 = 2.5;
/// Share of the distance between neighbouring bars that they fill.
const BAR_FILL: f64 = 0.8;

/// Draws the spans, axes, reference lines and series of a panel. `id` is unique in the page.
pub(crate) fn draw(panel: &Panel, frame: &Frame, colours: &Colours, id: &str, scene: &mut Scene) {
    let (left, top, width, height) = frame.area();
    for (index, span) in panel.spans.iter().enumerate() {
        let (Some(from), Some(to)) = (frame.x(span.from), frame.x(span.to)) else { continue };
        let (from, to) = (from.min(to).max(left), from.max(to).min(left + width));
        if to > from {
            // Neighbours differ in depth, so that their border shows.
            let opacity = if index % 2 == 0 { 0.16 } else { 0.07 };
            scene.add(rect(from, top, to - from, height, SHADE, opacity));
        }
    }
    frame.draw(scene);
    let shown = |datum: &Datum| frame.x(datum.x).is_some() && frame.y(datum.y).is_some();
    if !panel.series.iter().flat_map(|series| &series.data).any(shown)
        && panel.lines.is_empty()
        && panel.spans.is_empty()
    {
        scene.add(Primitive::Text {
            x: left + 0.5 * width,
            y: top + 0.5 * height + 4.0,
            content: "no data".into(),
            size: LABEL_SIZE,
            anchor: TextAnchor::Middle,
            rotate: None,
            bold: false,
            color: Some(paint(MUTED)),
        });
    }

    // Marks may overlap the axes by their size, no further.
    const SLACK: f64 = 5.0;
    scene.defs.push(format!(
        r#"<clipPath id="{id}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>"#,
        px(left - SLACK),
        px(top - SLACK),
        px(width + 2.0 * SLACK),
        px(height + 2.0 * SLACK)
    ));
    scene.add(Primitive::GroupStart {
        transform: None,
        title: None,
        extra_attrs: Some(format!(r#"clip-path="url(#{id})" stroke-linejoin="round" stroke-linecap="butt""#)),
    });
    for (index, line) in panel.lines.iter().enumerate() {
        let place = if line.horizontal { frame.y(line.at) } else { frame.x(line.at) };
        let Some(place) = place else { continue };
        let (x1, y1, x2, y2) = if line.horizontal {
            (left, place, left + width, place)
        } else {
            (place, top, place, top + height)
        };
        scene.add(Primitive::Line {
            x1,
            y1,
            x2,
            y2,
            stroke: paint(MUTED),
            stroke_width: 1.5,
            stroke_dasharray: Some(reference_dash(index).to_owned()),
        });
    }
    let bars: Vec<&Series> = panel.series.iter().filter(|series| series.mark.kind == Kind::Bars).collect();
    if !bars.is_empty() && frame.ground() < top + height - 1.0 {
        let y = frame.ground();
        let (x1, x2) = (left, left + width);
        let stroke = paint(MUTED);
        scene.add(Primitive::Line {
            x1,
            y1: y,
            x2,
            y2: y,
            stroke,
            stroke_width: 1.0,
            stroke_dasharray: None,
        });
    }
    for series in &panel.series {
        let rgb = colours.get(series);
        match series.mark.kind {
            Kind::Line => line(series, frame, rgb, scene),
            Kind::Steps { filled } => steps(series, frame, rgb, filled, scene),
            Kind::Points => points(series, frame, rgb, scene),
            Kind::Cloud => cloud(series, frame, rgb, scene),
            Kind::Spans => spans(series, frame, rgb, scene),
            Kind::Bars => {
                let width = BAR_FILL * bar_spacing(panel) / bars.len() as f64;
                let place = bars.iter().position(|other| std::ptr::eq(*other, series)).unwrap_or(0);
                let shift = width * (place as f64 - 0.5 * (bars.len() as f64 - 1.0));
                bar(series, frame, rgb, shift, width, scene);
            }
        }
    }
    scene.add(Primitive::GroupEnd);
}

/// The pattern of the n-th reference line of a panel.
pub(crate) fn reference_dash(index: usize) -> &'static str {
    ["2 3", "9 4", "9 3 2 3"][index % 3]
}

/// The pattern of a line; one that no data support differs from the rest of its own line.
pub(crate) fn dashes(dash: Dash, has_data: bool) -> Option<String> {
    let pattern = match (dash, has_data) {
        (Dash::Solid, true) => return None,
        (Dash::Dashed, true) => "9 4",
        (Dash::Dotted, true) => "2 3",
        (Dash::Solid, false) => "4 4",
        (_, false) => "1.5 5",
    };
    Some(pattern.to_owned())
}

pub(crate) fn rect(x: f64, y: f64, width: f64, height: f64, fill: Rgb, opacity: f64) -> Primitive {
    Primitive::Rect {
        x,
        y,
        width,
        height,
        fill: paint(fill),
        stroke: None,
        stroke_width: None,
        opacity: Some(opacity),
    }
}

fn polygon(points: impl IntoIterator<Item = (f64, f64)>, fill: Rgb, opacity: f64) -> Primitive {
    let mut path = String::new();
    for (x, y) in points {
        path.push_str(if path.is_empty() { "M" } else { "L" });
        path.push_str(&format!("{} {}", px(x), px(y)));
    }
    path.push('Z');
    Primitive::Path(Box::new(PathData {
        d: path,
        fill: Some(paint(fill)),
        stroke: Color::None,
        stroke_width: 0.0,
        opacity: Some(opacity),
        stroke_dasharray: None,
    }))
}

fn polyline(points: Vec<(f64, f64)>, rgb: Rgb, width: f64, dash: Option<String>) -> Primitive {
    Primitive::PolyLine { points, stroke: paint(rgb), stroke_width: width, stroke_dasharray: dash }
}

/// Cuts places into runs of neighbours that can be joined, each supported by data throughout or not at all.
/// A `None` ends a run; a run that changes support starts at the last place of the one before.
fn runs<P: Copy>(places: impl IntoIterator<Item = Option<(P, bool)>>) -> Vec<(Vec<P>, bool)> {
    let mut runs: Vec<(Vec<P>, bool)> = Vec::new();
    let mut last: Option<(P, bool)> = None;
    for place in places {
        if let Some((point, has_data)) = place {
            match (last, runs.last_mut()) {
                (Some((before, had_data)), Some((run, supported))) => {
                    let support = had_data && has_data;
                    if run.len() == 1 {
                        *supported = support;
                    }
                    if *supported == support {
                        run.push(point);
                    } else {
                        runs.push((vec![before, point], support));
                    }
                }
                _ => runs.push((vec![point], has_data)),
            }
        }
        last = place;
    }
    runs
}

fn line(series: &Series, frame: &Frame, rgb: Rgb, scene: &mut Scene) {
    let band = series.data.iter().map(|d| {
        let (lo, hi) = d.interval?;
        Some(((frame.x(d.x)?, frame.y_of_lower(lo)?, frame.y(hi)?), d.has_data))
    });
    for (run, has_data) in runs(band) {
        let upper = run.iter().map(|&(x, _, hi)| (x, hi));
        let lower = run.iter().rev().map(|&(x, lo, _)| (x, lo));
        scene.add(polygon(upper.chain(lower), rgb, if has_data { BAND_OPACITY } else { 0.5 * BAND_OPACITY }));
    }
    let places = series.data.iter().map(|d| Some(((frame.x(d.x)?, frame.y(d.y)?), d.has_data)));
    for (run, has_data) in runs(places) {
        match run[..] {
            [(cx, cy)] => scene.add(circle(cx, cy, LINE_WIDTH, rgb)),
            _ => scene.add(polyline(run, rgb, LINE_WIDTH, dashes(series.mark.dash, has_data))),
        }
    }
    if let Some(marker) = series.mark.marker.filter(|_| series.mark.joined) {
        for d in &series.data {
            if let (Some(x), Some(y)) = (frame.x(d.x), frame.y(d.y)) {
                scene.add(point(marker, x, y, POINT_RADIUS, rgb, d.has_data));
            }
        }
    }
}

fn steps(series: &Series, frame: &Frame, rgb: Rgb, filled: bool, scene: &mut Scene) {
    let ground = frame.ground();
    let treads = series.data.windows(2).map(|pair| {
        let y = frame.y(pair[0].y)?;
        Some(((frame.x(pair[0].x)?, frame.x(pair[1].x)?, y), pair[0].has_data))
    });
    // Treads do not share ends as the points of a line do, so support is a matter of each alone.
    let mut stairs: Vec<(Vec<(f64, f64)>, bool)> = Vec::new();
    let mut joined = false;
    for tread in treads {
        let Some(((from, to, y), has_data)) = tread else {
            joined = false;
            continue;
        };
        match stairs.last_mut() {
            Some((points, supported)) if joined && *supported == has_data => {
                points.extend([(from, y), (to, y)]);
            }
            _ => stairs.push((vec![(from, y), (to, y)], has_data)),
        }
        joined = true;
    }
    for (points, has_data) in stairs {
        if filled && let (Some(&(first, _)), Some(&(last, _))) = (points.first(), points.last()) {
            let ends = [(last, ground), (first, ground)];
            scene.add(polygon(points.iter().copied().chain(ends), rgb, BAND_OPACITY));
        }
        scene.add(polyline(points, rgb, 0.85 * LINE_WIDTH, dashes(series.mark.dash, has_data)));
    }
}

fn points(series: &Series, frame: &Frame, rgb: Rgb, scene: &mut Scene) {
    if series.mark.joined {
        let places = series.data.iter().map(|d| Some(((frame.x(d.x)?, frame.y(d.y)?), d.has_data)));
        for (run, has_data) in runs(places) {
            scene.add(polyline(run, rgb, 0.7 * LINE_WIDTH, dashes(series.mark.dash, has_data)));
        }
    }
    let marker = series.mark.marker.unwrap_or(Marker::Circle);
    for d in &series.data {
        let Some(x) = frame.x(d.x) else { continue };
        error_bar(d, x, frame, rgb, scene);
        if let Some(y) = frame.y(d.y) {
            scene.add(point(marker, x, y, POINT_RADIUS, d.hue.map_or(rgb, hue), d.has_data));
        }
    }
}

fn error_bar(d: &Datum, x: f64, frame: &Frame, rgb: Rgb, scene: &mut Scene) {
    let Some((lo, hi)) = d.interval else { return };
    let (Some(lo), Some(hi)) = (frame.y_of_lower(lo), frame.y(hi)) else { return };
    for (x1, y1, x2, y2) in [(x, lo, x, hi), (x - CAP, lo, x + CAP, lo), (x - CAP, hi, x + CAP, hi)] {
        scene.add(Primitive::Line {
            x1,
            y1,
            x2,
            y2,
            stroke: paint(rgb),
            stroke_width: 1.3,
            stroke_dasharray: None,
        });
    }
}

fn cloud(series: &Series, frame: &Frame, rgb: Rgb, scene: &mut Scene) {
    for d in &series.data {
        if let (Some(cx), Some(cy)) = (frame.x(d.x), frame.y(d.y)) {
            scene.add(Primitive::Circle {
                cx,
                cy,
                r: CLOUD_RADIUS,
                fill: paint(d.hue.map_or(rgb, hue)),
                fill_opacity: Some(0.5),
                stroke: None,
                stroke_width: None,
            });
        }
    }
}

fn bar(series: &Series, frame: &Frame, rgb: Rgb, shift: f64, width: f64, scene: &mut Scene) {
    let ground = frame.ground();
    for d in &series.data {
        let middle = d.x + shift;
        let sides =
            (frame.x(middle - 0.5 * width), frame.x(middle + 0.5 * width), frame.x(middle), frame.y(d.y));
        let (Some(left), Some(right), Some(x), Some(y)) = sides else { continue };
        let opacity = if d.has_data { 0.85 } else { 0.35 };
        scene.add(rect(
            left + 0.5,
            y.min(ground),
            (right - left - 1.0).max(0.5),
            (y - ground).abs(),
            rgb,
            opacity,
        ));
        error_bar(d, x, frame, crate::colour::INK, scene);
    }
}

fn spans(series: &Series, frame: &Frame, rgb: Rgb, scene: &mut Scene) {
    for d in &series.data {
        let Some((from, to)) = d.interval else { continue };
        // Names stand one apart; the bar fills 70 % of that.
        let (Some(from), Some(to)) = (frame.x(from), frame.x(to)) else { continue };
        let (Some(a), Some(b)) = (frame.y(d.y - 0.35), frame.y(d.y + 0.35)) else { continue };
        scene.add(rect(from.min(to), a.min(b), (to - from).abs().max(1.0), (a - b).abs(), rgb, 0.85));
    }
}

fn circle(cx: f64, cy: f64, r: f64, rgb: Rgb) -> Primitive {
    Primitive::Circle { cx, cy, r, fill: paint(rgb), fill_opacity: None, stroke: None, stroke_width: None }
}

/// A marker with a rim that keeps it apart from its neighbours; hollow where no data support it.
pub(crate) fn point(marker: Marker, x: f64, y: f64, radius: f64, rgb: Rgb, has_data: bool) -> Primitive {
    let (fill, stroke, width) = if has_data { (rgb, PAPER, 0.6) } else { (PAPER, rgb, 1.4) };
    // Shapes of about equal area.
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle => {
            return Primitive::Circle {
                cx: x,
                cy: y,
                r: radius,
                fill: paint(fill),
                fill_opacity: None,
                stroke: Some(paint(stroke)),
                stroke_width: Some(width),
            };
        }
        Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Marker::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        Marker::Triangle => &[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
    };
    let corners = corners.iter().map(|(dx, dy)| (x + radius * dx, y + radius * dy));
    match polygon(corners, fill, 1.0) {
        Primitive::Path(mut path) => {
            path.stroke = paint(stroke);
            path.stroke_width = width;
            Primitive::Path(path)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_break_at_gaps_and_at_changes_of_support() {
        let places =
            [Some((0, true)), Some((1, true)), Some((2, false)), Some((3, false)), None, Some((5, true))];
        assert_eq!(runs(places), [(vec![0, 1], true), (vec![1, 2, 3], false), (vec![5], true)]);
        assert_eq!(
            runs([Some((0, false)), Some((1, true)), Some((2, true))]),
            [(vec![0, 1], false), (vec![1, 2], true)]
        );
        assert!(runs::<i32>([None, None]).is_empty());
    }
}
