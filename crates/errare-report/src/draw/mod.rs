//! From a figure to SVG: ranges, the grid of panels, legend, marks, document.
//!
//! Axes, ticks, font metrics and the writing of SVG are kuva's; what a datum looks like and where panels and
//! legend go is decided here, so that nothing covers data and the panels of a grid line up.

mod document;
mod frame;
mod grid;
mod legend;
mod marks;
mod range;
mod style;
mod text;

use kuva::render::render::{Primitive, Scene, TextAnchor};

use crate::figure::{Figure, data};
use grid::{GAP, Grid, HEADING_LINE, heading_lines, letter_room};
pub(crate) use style::Setting;
use style::{Colours, HEADING_SIZE, PAD, TITLE_SIZE, label};

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
