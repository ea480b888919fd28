//! The frame of a panel: its axes, ticks and labels, and the map from data to pixels.

use std::f64::consts::PI;
use std::sync::Arc;

use kuva::render::axis::{add_axes_and_grid, add_labels_and_title};
use kuva::render::layout::{ComputedLayout, Layout, TickFormat};
use kuva::render::render::Scene;
use kuva::render::render_utils::{compute_tick_step, generate_ticks_log, generate_ticks_with_step};
use kuva::render::theme::Theme;

use super::range::{Ranges, SMALLEST_LOG, same, shows};
use super::style::{LABEL_SIZE, TICK_SIZE};
use super::text;
use crate::colour::{GRID, INK, MUTED, PAPER};
use crate::figure::{Axis, Figure, Panel, Share, Ticks};
use crate::number;

/// Which axes another panel labels already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) x: bool,
    pub(crate) y: bool,
}

impl Inner {
    pub(crate) fn of(figure: &Figure, columns: usize, index: usize) -> Self {
        let panel = &figure.panels[index];
        let below = figure.panels.get(index + columns);
        let left = (!index.is_multiple_of(columns)).then(|| &figure.panels[index - 1]);
        Self {
            x: matches!(figure.share, Share::X | Share::Both) && below.is_some_and(|p| same(&p.x, &panel.x)),
            y: matches!(figure.share, Share::Y | Share::Both) && left.is_some_and(|p| same(&p.y, &panel.y)),
        }
    }
}

/// Room around the data of a panel, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A panel's axes, laid out.
pub(crate) struct Frame {
    layout: Layout,
    computed: ComputedLayout,
    /// Vertical names read from the top: y becomes `flip − y`.
    flip: Option<f64>,
    /// Axes (x, y) that were asked to be logarithmic, and leave out what such axes cannot show, however they are drawn.
    log: (bool, bool),
}

impl Frame {
    /// The margins that labels and ticks need around data of about `room` (width, height) pixels.
    pub(crate) fn margins(panel: &Panel, ranges: &Ranges, inner: Inner, room: (f64, f64)) -> Margins {
        let computed = ComputedLayout::from_layout(&layout(panel, ranges, inner, room));
        // kuva keeps more room below the ticks than a label takes.
        let spare = match (computed.x_tick_rotate, panel.x.quantity.is_empty()) {
            (Some(_), _) => 0.0,
            (None, true) => 8.0 + f64::from(LABEL_SIZE),
            (None, false) => 8.0,
        };
        Margins {
            left: if inner.y { 6.0 } else { computed.margin_left },
            right: computed.margin_right,
            top: 0.0,
            bottom: if inner.x { 10.0 } else { computed.margin_bottom - spare },
        }
    }

    /// A frame whose data area is `size` (width, height) pixels.
    pub(crate) fn new(
        panel: &Panel,
        ranges: &Ranges,
        inner: Inner,
        size: (f64, f64),
        margins: Margins,
    ) -> Self {
        let mut layout = layout(panel, ranges, inner, size);
        layout.width = Some(margins.left + size.0 + margins.right);
        layout.height = Some(margins.top + size.1 + margins.bottom);
        let layout = layout
            .with_force_margins(margins.left, margins.right)
            .with_force_margins_y(margins.top, margins.bottom);
        let computed = ComputedLayout::from_layout(&layout);
        let flip = match &panel.y.ticks {
            Ticks::Names(names) => Some(names.len() as f64 + 1.0),
            _ => None,
        };
        Self { layout, computed, flip, log: (panel.x.log, panel.y.log) }
    }

    /// Grid, axes and labels.
    pub(crate) fn draw(&self, scene: &mut Scene) {
        add_axes_and_grid(scene, &self.computed, &self.layout);
        add_labels_and_title(scene, &self.computed, &self.layout);
    }

    /// Pixels from the left; `None` for what the axis cannot show.
    pub(crate) fn x(&self, value: f64) -> Option<f64> {
        shows(value, self.log.0).then(|| self.computed.map_x(value))
    }

    /// Pixels from the top; `None` for what the axis cannot show.
    pub(crate) fn y(&self, value: f64) -> Option<f64> {
        let value = self.flip.map_or(value, |flip| flip - value);
        shows(value, self.log.1).then(|| self.computed.map_y(value))
    }

    /// As [`Frame::y`], of the lower end of an interval: one that a logarithmic axis cannot show is below its range.
    pub(crate) fn y_of_lower(&self, value: f64) -> Option<f64> {
        let below = self.log.1 && value.is_finite() && value < SMALLEST_LOG;
        self.y(if below { SMALLEST_LOG } else { value })
    }

    /// Pixels of the level from which bars and areas rise: 0, or the edge of a range without it.
    pub(crate) fn ground(&self) -> f64 {
        let (lo, hi) = self.computed.y_range;
        let level = if self.computed.log_y { lo } else { 0.0f64.clamp(lo, hi) };
        self.computed.map_y(level)
    }

    /// The data area: left, top, width, height.
    pub(crate) fn area(&self) -> (f64, f64, f64, f64) {
        let c = &self.computed;
        (c.margin_left, c.margin_top, c.plot_width(), c.plot_height())
    }

    pub(crate) fn width(&self) -> f64 {
        self.computed.width
    }

    pub(crate) fn height(&self) -> f64 {
        self.computed.height
    }
}

fn tick_count(pixels: f64, each: f64) -> usize {
    ((pixels / each).round() as usize).clamp(2, 9)
}

/// kuva's layout of a panel whose data area has about `room` pixels.
fn layout(panel: &Panel, ranges: &Ranges, inner: Inner, room: (f64, f64)) -> Layout {
    let mut layout = Layout::new(ranges.x, ranges.y)
        .with_theme(theme())
        .with_font_family(text::FONTS)
        .with_label_size(LABEL_SIZE)
        .with_tick_size(TICK_SIZE)
        .with_tick_length(4.0)
        .with_ticks(tick_count(room.1, 56.0));
    layout.show_legend = false;
    layout.equal_aspect = panel.equal_aspect && !panel.x.log && !panel.y.log;
    layout.log_x = is_log(&panel.x, ranges.x);
    layout.log_y = is_log(&panel.y, ranges.y);
    // The ranges are final: kuva is not to round them outwards.
    (layout.x_axis_min, layout.x_axis_max) = (Some(ranges.x.0), Some(ranges.x.1));
    (layout.y_axis_min, layout.y_axis_max) = (Some(ranges.y.0), Some(ranges.y.1));
    layout.suppress_x_ticks = inner.x;
    layout.suppress_y_ticks = inner.y;

    let (x_each, y_each) = if panel.equal_aspect { (62.0, 62.0) } else { (85.0, 56.0) };
    match &panel.x.ticks {
        Ticks::Names(names) => {
            let widest = names.iter().map(|name| text::width(name, f64::from(TICK_SIZE))).fold(0.0, f64::max);
            layout.x_categories = Some(names.iter().map(|n| text::literal(n)).collect());
            layout.x_tick_rotate = (widest + 8.0 > room.0 / names.len() as f64).then_some(-40.0);
        }
        _ => (layout.x_tick_format, layout.x_tick_step) = ticks(&panel.x, ranges.x, room.0, x_each),
    }
    match &panel.y.ticks {
        Ticks::Names(names) => {
            layout.y_categories = Some(names.iter().rev().map(|n| text::literal(n)).collect());
        }
        _ => (layout.y_tick_format, layout.y_tick_step) = ticks(&panel.y, ranges.y, room.1, y_each),
    }
    let characters = |pixels: f64| ((pixels / (0.56 * f64::from(LABEL_SIZE))) as usize).max(8);
    if !inner.x && !panel.x.quantity.is_empty() {
        layout.x_label = Some(text::literal(&panel.x.text()));
        layout.x_label_wrap = Some(characters(room.0 + 60.0));
    }
    if !inner.y && !panel.y.quantity.is_empty() {
        layout.y_label = Some(text::literal(&panel.y.text()));
        layout.y_label_wrap = Some(characters(room.1 + 20.0));
    }
    layout
}

fn theme() -> Theme {
    Theme {
        background: PAPER.hex(),
        axis_color: MUTED.hex(),
        grid_color: GRID.hex(),
        tick_color: MUTED.hex(),
        text_color: INK.hex(),
        ..Theme::light()
    }
}

/// Whether an axis is drawn as a logarithmic one: within a factor of a few, where two of 1, 2, 5, 10, … do not
/// fit, a linear one is as good and has better ticks.
fn is_log(axis: &Axis, (lo, hi): (f64, f64)) -> bool {
    axis.log && generate_ticks_log(lo, hi).len() > 1
}

/// Format and step of the ticks of an axis, about `each` pixels apart; kuva chooses those of a logarithmic one.
fn ticks(axis: &Axis, (lo, hi): (f64, f64), pixels: f64, each: f64) -> (TickFormat, Option<f64>) {
    let apart = |step: f64| step / (hi - lo) * pixels;
    match axis.ticks {
        _ if is_log(axis, (lo, hi)) => {
            let room = pixels / (hi / lo).log10();
            let labelled = move |value: f64| has_room(value, room, 0.4 * each);
            // Two labels make a scale, even where they are close.
            let few = generate_ticks_log(lo, hi).into_iter().filter(|&tick| labelled(tick)).count() < 2;
            let format = move |value| if few || labelled(value) { log_tick(value) } else { String::new() };
            (custom(format), None)
        }
        Ticks::Pi => {
            let parts = [0.125, 0.25, 0.5, 1.0, 2.0].map(|part| part * PI);
            let few = |step: f64| (hi - lo) / step < 6.0;
            let step = parts.into_iter().find(|&step| apart(step) >= 0.7 * each && few(step));
            (custom(pi_tick), Some(step.unwrap_or_else(|| 2.0 * PI * ((hi - lo) / (8.0 * PI)).ceil())))
        }
        Ticks::Whole => {
            let decades = (0..15).map(|power| 10f64.powi(power));
            let step = decades
                .flat_map(|d| [d, 2.0 * d, 5.0 * d])
                .find(|&step| apart(step) >= 0.45 * each)
                .unwrap_or(1e15);
            (custom(|value| number::fixed(value, 0)), Some(step))
        }
        Ticks::Decimal | Ticks::Names(_) => {
            let mut step = compute_tick_step(lo, hi, tick_count(pixels, each));
            // Steps are rounded, up to half as large again: of two ticks one may be left, which gives no scale, of
            // three at least two.
            if generate_ticks_with_step(lo, hi, step).len() < 2 {
                step = compute_tick_step(lo, hi, 3);
            }
            let largest = lo.abs().max(hi.abs());
            // The step is set, not left to kuva, since the decimals follow from it.
            (custom(move |value| decimal_tick(value, step, largest)), Some(step))
        }
    }
}

fn custom(format: impl Fn(f64) -> String + Send + Sync + 'static) -> TickFormat {
    TickFormat::Custom(Arc::new(format))
}

/// A number with the decimals of its axis' step; very large and small ones share the power of ten of the largest.
fn decimal_tick(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 && !(1e-4..1e6).contains(&largest) {
        return "0".to_owned();
    }
    let exponent = if (1e-4..1e6).contains(&largest) { 0 } else { largest.log10().floor() as i32 };
    let (value, step) = (value / 10f64.powi(exponent), step / 10f64.powi(exponent));
    let decimals = (0..9).find(|&d| {
        let scaled = step * 10f64.powi(d);
        scaled.round() >= 1.0 && (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let text = number::fixed(value, decimals.unwrap_or(9) as usize);
    if exponent == 0 { text } else { format!("{text} × 10{}", number::superscript(exponent)) }
}

/// Whether the label of a tick fits on a logarithmic axis of `room` pixels a decade, when labels take `each`. Of 1, 2,
/// 5, 10, … all fit, or the powers of ten do, or every second, third, … of those.
fn has_room(value: f64, room: f64, each: f64) -> bool {
    // The closest are 1 and 2, and 5 and 10.
    if 2f64.log10() * room >= each {
        return true;
    }
    let (exponent, every) = (value.log10(), (each / room).ceil() as i64);
    (exponent - exponent.round()).abs() < 1e-6 && exponent.round() as i64 % every == 0
}

fn log_tick(value: f64) -> String {
    let exponent = value.log10().floor() as i32;
    // log10 of 10ⁿ may fall short of n.
    let exponent = if value >= 0.999_999 * 10f64.powi(exponent + 1) { exponent + 1 } else { exponent };
    let mantissa = (value / 10f64.powi(exponent)).round();
    if (-3..4).contains(&exponent) {
        number::fixed(value, usize::try_from(-exponent).unwrap_or(0))
    } else if mantissa == 1.0 {
        format!("10{}", number::superscript(exponent))
    } else {
        format!("{mantissa}×10{}", number::superscript(exponent))
    }
}

/// An angle as a multiple of π in eighths: "−3π/4".
fn pi_tick(value: f64) -> String {
    let eighths = (value / PI * 8.0).round() as i64;
    let sign = if eighths < 0 { "−" } else { "" };
    let (mut numerator, mut denominator) = (eighths.abs(), 8);
    while numerator % 2 == 0 && denominator > 1 {
        (numerator, denominator) = (numerator / 2, denominator / 2);
    }
    match (numerator, denominator) {
        (0, _) => "0".to_owned(),
        (1, 1) => format!("{sign}π"),
        (_, 1) => format!("{sign}{numerator}π"),
        (1, _) => format!("{sign}π/{denominator}"),
        _ => format!("{sign}{numerator}π/{denominator}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    #[test]
    fn neighbouring_ticks_have_labels_of_their_own() {
        for (lo, step) in [(1.0, 1e-7), (0.3, 5e-8), (0.0, 2e-9), (0.1, 0.05), (2e4, 5e3)] {
            assert_ne!(
                decimal_tick(lo, step, lo + 4.0 * step),
                decimal_tick(lo + step, step, lo + 4.0 * step)
            );
        }
    }

    #[test]
    fn labels_of_a_logarithmic_axis_have_room() {
        let labelled = |pixels: f64, lo: i32, hi: i32| -> Vec<f64> {
            let room = pixels / f64::from(hi - lo);
            let ticks = (lo..=hi).flat_map(|power| [1.0, 2.0, 5.0].map(|part| part * 10f64.powi(power)));
            ticks.filter(|&tick| has_room(tick, room, 22.0)).collect()
        };
        assert_eq!(labelled(300.0, 0, 1).len(), 6);
        assert_eq!(labelled(150.0, 0, 3), [1.0, 10.0, 100.0, 1000.0]);
        let powers: Vec<f64> = labelled(170.0, 0, 24).iter().map(|tick| tick.log10().round()).collect();
        assert_eq!(powers, [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0]);
    }

    #[test]
    fn an_axis_has_at_least_two_ticks() {
        for k in 0..1000 {
            let (lo, span) = (f64::from(k % 37) * 0.113, 0.4 + f64::from(k) * 0.037);
            let (_, step) = ticks(&Axis::new("x", Unit::Dimensionless), (lo, lo + span), 110.0, 62.0);
            let ticks = generate_ticks_with_step(lo, lo + span, step.unwrap());
            assert!((2..6).contains(&ticks.len()), "{lo} to {}: {ticks:?}", lo + span);
        }
    }

    #[test]
    fn tick_texts() {
        assert_eq!(
            [-PI, -0.75 * PI, 0.0, 0.5 * PI, 0.125 * PI, 3.0 * PI].map(pi_tick),
            ["−π", "−3π/4", "0", "π/2", "π/8", "3π"]
        );
        assert_eq!(
            [1e-7, 1e-3, 0.2, 1.0, 50.0, 1e4, 2e5].map(log_tick),
            ["10⁻⁷", "0.001", "0.2", "1", "50", "10⁴", "2×10⁵"]
        );
        assert_eq!(decimal_tick(-0.25, 0.25, 1.0), "−0.25");
        assert_eq!(decimal_tick(20_000.0, 5000.0, 30_000.0), "20\u{202f}000");
        assert_eq!(decimal_tick(0.5, 0.1, 1.0), "0.5");
        assert_eq!(decimal_tick(2e-6, 1e-6, 4e-6), "2 × 10⁻⁶");
    }
}
