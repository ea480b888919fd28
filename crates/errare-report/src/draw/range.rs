//! The ranges of all axes: from the data, as told, or shared.

use std::f64::consts::PI;

use crate::Unit;
use crate::figure::{Axis, Bounds, Datum, Figure, Kind, Panel, Share, Ticks};

/// Logarithmic axes end here.
pub(crate) const SMALLEST_LOG: f64 = 1e-10;
/// Larger numbers, such as the loss of a training that diverged, are left out like those that are not finite:
/// their differences overflow.
const LARGEST: f64 = 1e100;
/// kuva takes narrower ranges for empty ones.
const NARROWEST: f64 = 1e-14;

/// Whether an axis can show a value.
pub(crate) fn shows(value: f64, log: bool) -> bool {
    value.abs() <= LARGEST && (!log || value >= SMALLEST_LOG)
}

/// The ranges of one panel, each finite and increasing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranges {
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    /// Whether there is anything to draw.
    pub(crate) empty: bool,
}

/// Ranges of all panels.
pub(crate) fn resolve(figure: &Figure) -> Vec<Ranges> {
    let own: Vec<Ranges> = figure.panels.iter().map(of_panel).collect();
    let shared = |index: usize, axis: fn(&Panel) -> &Axis, range: fn(&Ranges) -> (f64, f64)| {
        let mine = axis(&figure.panels[index]);
        let like = figure.panels.iter().zip(&own).filter(|(panel, r)| !r.empty && same(axis(panel), mine));
        like.map(|(_, r)| range(r)).reduce(union).unwrap_or(range(&own[index]))
    };
    let mut ranges = own.clone();
    for (index, ranges) in ranges.iter_mut().enumerate() {
        if matches!(figure.share, Share::X | Share::Both) {
            ranges.x = shared(index, |panel| &panel.x, |r| r.x);
        }
        if matches!(figure.share, Share::Y | Share::Both) {
            ranges.y = shared(index, |panel| &panel.y, |r| r.y);
        }
    }
    ranges
}

/// Whether two axes show the same quantity, so that sharing a range makes sense.
pub(crate) fn same(a: &Axis, b: &Axis) -> bool {
    a.quantity == b.quantity && a.unit == b.unit && a.ticks == b.ticks && a.log == b.log
}

fn union(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

fn of_panel(panel: &Panel) -> Ranges {
    let (mut xs, mut ys) = (Extent::default(), Extent::default());
    let half_bar = 0.5 * bar_spacing(panel);
    let mut marks_stand_out = false;
    let mut empty = true;
    for series in &panel.series {
        for &Datum { x, y, interval, .. } in &series.data {
            let kind = series.mark.kind;
            if kind == Kind::Spans {
                let (from, to) = interval.unwrap_or((x, x));
                xs.add(from, panel.x.log);
                xs.add(to, panel.x.log);
            } else {
                xs.add(x, panel.x.log);
                let (lo, hi) = interval.unwrap_or((y, y));
                [y, lo, hi].into_iter().for_each(|value| ys.add(value, panel.y.log));
            }
            match kind {
                Kind::Bars => {
                    xs.add(x - half_bar, panel.x.log);
                    xs.add(x + half_bar, panel.x.log);
                    ys.add(0.0, panel.y.log);
                }
                Kind::Steps { filled: true } => ys.add(0.0, panel.y.log),
                Kind::Points | Kind::Cloud => marks_stand_out = true,
                _ => {}
            }
            empty &= !(shows(x, panel.x.log) && shows(y, panel.y.log));
        }
    }
    for span in &panel.spans {
        xs.add(span.from, panel.x.log);
        xs.add(span.to, panel.x.log);
    }
    for line in &panel.lines {
        if line.horizontal { ys.add(line.at, panel.y.log) } else { xs.add(line.at, panel.x.log) }
    }
    Ranges {
        x: xs.range(&panel.x, if marks_stand_out { 0.04 } else { 0.0 }, false),
        y: ys.range(&panel.y, 0.06, true),
        empty,
    }
}

/// The distance between neighbouring bars of a panel; 1 when there are fewer than two places.
pub(crate) fn bar_spacing(panel: &Panel) -> f64 {
    let mut places: Vec<f64> = panel
        .series
        .iter()
        .filter(|series| series.mark.kind == Kind::Bars)
        .flat_map(|series| series.data.iter().map(|datum| datum.x))
        .filter(|x| x.is_finite())
        .collect();
    places.sort_by(f64::total_cmp);
    let spacing = places
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|&gap| gap > 0.0)
        .fold(f64::INFINITY, f64::min);
    if spacing.is_finite() { spacing } else { 1.0 }
}

/// The smallest and largest value seen.
#[derive(Default)]
struct Extent(Option<(f64, f64)>);

impl Extent {
    fn add(&mut self, value: f64, log: bool) {
        if shows(value, log) {
            self.0 = Some(self.0.map_or((value, value), |(lo, hi)| (lo.min(value), hi.max(value))));
        }
    }

    /// `from_zero`: amounts are shown from zero when that costs little room; places are not.
    fn range(mut self, axis: &Axis, pad: f64, from_zero: bool) -> (f64, f64) {
        if let Bounds::Fixed(lo, hi) = axis.bounds {
            let lo = if axis.log { lo.max(SMALLEST_LOG) } else { lo };
            return if lo < hi { (lo, hi) } else { (SMALLEST_LOG, 1.0) };
        }
        for &value in &axis.including {
            self.add(value, axis.log);
        }
        let Some((lo, hi)) = self.0 else {
            return if axis.log { (0.1, 1.0) } else { (0.0, 1.0) };
        };
        if axis.log {
            let margin = if lo < hi { (hi / lo).powf(pad) } else { 2.0 };
            return ((lo / margin).max(SMALLEST_LOG), (hi * margin).max(2.0 * SMALLEST_LOG));
        }
        if axis.ticks == Ticks::Pi && lo >= -PI - 1e-6 && hi <= PI + 1e-6 {
            return if lo < 0.0 { (-PI, PI) } else { (0.0, PI) };
        }
        padded(axis, lo, hi, pad, from_zero)
    }
}

/// Room around data on a linear axis; quantities near zero start at zero, probabilities stay in [0, 1].
fn padded(axis: &Axis, lo: f64, hi: f64, pad: f64, from_zero: bool) -> (f64, f64) {
    let width = hi - lo;
    if width <= NARROWEST.max(1e-10 * lo.abs().max(hi.abs())) {
        let half = if lo == 0.0 { 0.5 } else { (0.25 * lo.abs()).max(NARROWEST) };
        return within_unit(axis, (lo, hi), (lo - half, hi + half));
    }
    let (mut from, mut to) = (lo - pad * width, hi + pad * width);
    if from_zero && lo >= 0.0 && lo < 0.4 * hi {
        from = 0.0;
    }
    if from_zero && hi <= 0.0 && hi > 0.4 * lo {
        to = 0.0;
    }
    within_unit(axis, (lo, hi), (from, to))
}

/// A range about the data from `lo` to `hi` that leaves [0, 1] for probabilities only where these do.
fn within_unit(axis: &Axis, (lo, hi): (f64, f64), (from, to): (f64, f64)) -> (f64, f64) {
    let probability = axis.unit == Unit::Probability;
    (
        if probability && lo >= 0.0 { from.max(0.0) } else { from },
        if probability && hi <= 1.0 { to.min(1.0) } else { to },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Series;

    fn panel(points: &[(f64, f64)]) -> Panel {
        Panel::new(Axis::new("x", Unit::Dimensionless), Axis::new("y", Unit::Dimensionless))
            .series(Series::line("a", points.iter().copied()))
    }

    #[test]
    fn ranges_cover_the_data_and_skip_the_missing() {
        let ranges = of_panel(&panel(&[(0.0, 5.0), (1.0, f64::NAN), (2.0, 7.0)]));
        assert_eq!(ranges.x, (0.0, 2.0));
        assert!(ranges.y.0 < 5.0 && ranges.y.1 > 7.0 && ranges.y.0 > 4.0);
        assert!(of_panel(&panel(&[])).empty);
        assert!(of_panel(&panel(&[(f64::NAN, 1.0)])).empty);
    }

    #[test]
    fn shared_ranges_are_unions_of_like_axes_only() {
        let other = Panel::new(Axis::new("x", Unit::Dimensionless), Axis::new("z", Unit::Dimensionless))
            .series(Series::line("b", [(0.0, 100.0), (9.0, 200.0)]));
        let empty = panel(&[]);
        let figure = Figure::new("f", "t").panel(panel(&[(0.0, 5.0), (2.0, 7.0)])).panel(other).panel(empty);
        let ranges = resolve(&figure);
        assert!(ranges.iter().all(|r| r.x == (0.0, 9.0)), "{ranges:?}");
        assert!(ranges[0].y.1 < 10.0 && ranges[1].y.1 >= 200.0);
        assert_eq!(ranges[2].y, ranges[0].y);
    }

    #[test]
    fn constant_probabilities_stay_between_0_and_1() {
        for constant in [0.0, 0.3, 1.0] {
            let y = Axis::new("rate", Unit::Probability);
            let panel = Panel::new(Axis::new("x", Unit::Dimensionless), y)
                .series(Series::line("a", [(0.0, constant), (1.0, constant)]));
            let (lo, hi) = of_panel(&panel).y;
            assert!(0.0 <= lo && lo <= constant && constant <= hi && hi <= 1.0 && lo < hi, "{lo} to {hi}");
        }
    }

    #[test]
    fn what_a_logarithmic_axis_leaves_out_is_no_data() {
        let y = Axis::new("loss", Unit::Dimensionless).log();
        let panel =
            Panel::new(Axis::new("x", Unit::Dimensionless), y).series(Series::line("a", [(0.0, 0.0)]));
        assert!(of_panel(&panel).empty);
    }

    #[test]
    fn a_single_value_has_a_range() {
        let ranges = of_panel(&panel(&[(3.0, 3.0)]));
        assert!(ranges.x.0 < 3.0 && ranges.x.1 > 3.0 && ranges.y.0 < 3.0 && ranges.y.1 > 3.0);
    }
}
