//! People beside surrogates of a fit: the pictures of posterior predictive checks.

use std::f64::consts::PI;

use errare_behaviour::{Check, CurveStatistic, SummaryStatistic};
use errare_report::{Axis, Datum, Figure, Panel, Role, Series, Share, Unit};

/// A p-value as it stands in a title: `p = 0.03`.
pub(in crate::pipeline) fn p_text(p: Option<f64>) -> String {
    p.map_or_else(
        || "p n/a".into(),
        |p| format!("p = {}", errare_report::number::fixed(p, if p < 0.01 { 3 } else { 2 })),
    )
}

/// One curve of the checks of several set sizes, a panel each; `name` is that of the figure's files. `None` when no
/// check has the curve.
#[must_use]
pub fn checked_curves(name: &str, statistic: CurveStatistic, checks: &[&Check]) -> Option<Figure> {
    let (title, x, y, caption) = match statistic {
        CurveStatistic::ErrorDensity => (
            "Errors about the cued item",
            Axis::new("response error", Unit::Radians).range(-PI, PI).pi_ticks(),
            Axis::new("probability density", Unit::PerRadian),
            "Density of the error about the cued item.",
        ),
        CurveStatistic::NontargetDensity => (
            "Deviations from uncued items",
            Axis::new("response − uncued item", Unit::Radians).range(-PI, PI).pi_ticks(),
            Axis::new("probability density", Unit::PerRadian),
            "Density of the deviation of responses from every uncued item: swaps are the rise at 0; a hollow around \
             it comes from a minimum separation of the items.",
        ),
        CurveStatistic::DistanceByProbe => (
            "Distance from uncued items by probe distance",
            Axis::new("probe distance of the item", Unit::Radians).range(0.0, PI).pi_ticks(),
            Axis::new("mean |response − item|", Unit::Radians),
            "Mean distance of responses from an uncued item, by how far that item's probe feature is from the cue: it falls \
             where such items are reported.",
        ),
    };
    let mut figure = Figure::new(name, title)
        .caption(format!("{caption} Line and band: surrogates, median and 95\u{202f}%. Large points: people; small ones: each participant."))
        .how_computed(
            "Surrogates answer the displays that people saw. p-value: share of surrogates whose curve lies as far from the \
             others, by the sum over bins of squared deviations in units of the variance.",
        )
        .columns(3)
        .panel_height(150.0);
    let mut any = false;
    for check in checks {
        let Some(curve) = check.curves.iter().find(|curve| curve.statistic == statistic) else { continue };
        any = true;
        let model =
            curve.points.iter().map(|point| Datum::new(point.x, point.expected).interval(point.lo, point.hi));
        let people = curve.points.iter().map(|point| (point.x, point.observed));
        let single =
            curve.points.iter().flat_map(|point| point.participants.iter().map(|&value| (point.x, value)));
        let y =
            if statistic == CurveStatistic::DistanceByProbe { y.clone() } else { y.clone().including(0.0) };
        let mut panel = Panel::new(x.clone(), y)
            .title(format!("{} ({})", items(check.set_size), p_text(Some(curve.p))))
            .series(Series::line("surrogates", model).role(Role::Model));
        if curve.points.first().is_some_and(|point| point.participants.len() > 1) {
            panel = panel.series(Series::cloud("participants", single).role(Role::Null));
        }
        figure = figure.panel(panel.series(Series::points("people", people).role(Role::Human)));
    }
    any.then_some(figure)
}

/// The summaries of errors over set sizes.
#[must_use]
pub fn checked_summaries(name: &str, checks: &[&Check]) -> Figure {
    let mut figure = Figure::new(name, "Summaries of errors")
        .caption("Of errors about the cued item. Bars: surrogates, median and 95\u{202f}%; beside them people, and each participant (small).")
        .how_computed("Fisher (1993), Statistical Analysis of Circular Data, ch. 2. People: all participants together.")
        .share(Share::X)
        .columns(2)
        .panel_height(150.0);
    for (which, statistic) in SummaryStatistic::ALL.into_iter().enumerate() {
        let (title, axis) = match statistic {
            SummaryStatistic::CircularSd => {
                ("spread", Axis::new("circular SD", Unit::Radians).including(0.0))
            }
            SummaryStatistic::Bias => ("bias", Axis::new("mean error", Unit::Radians).including(0.0)),
            SummaryStatistic::Kurtosis => ("peakedness", Axis::new("circular kurtosis", Unit::Dimensionless)),
            SummaryStatistic::Resultant => {
                ("resultant", Axis::new("mean resultant length R", Unit::Dimensionless).range(0.0, 1.0))
            }
        };
        // Points side by side, so that none hides another.
        let at = |check: &Check, shift: f64| check.set_size as f64 + shift;
        let one = |check: &&&Check| check.summaries[which].clone();
        let model = checks.iter().map(|check| {
            let summary = one(&check);
            Datum::new(at(check, -0.12), summary.expected).interval(summary.lo, summary.hi)
        });
        let people = checks.iter().map(|check| (at(check, 0.12), one(&check).observed));
        let single = checks
            .iter()
            .flat_map(|check| one(&check).participants.into_iter().map(|value| (at(check, 0.3), value)));
        // With room on both sides a single set size keeps its points together.
        let ends = checks.iter().map(|check| check.set_size as f64).flat_map(|size| [size - 1.0, size + 1.0]);
        let set_size = Axis::new("set size", Unit::Count("items".into())).whole_ticks();
        let mut panel = Panel::new(ends.fold(set_size, Axis::including), axis)
            .title(title)
            .series(Series::points("surrogates", model).role(Role::Model));
        if checks.iter().any(|check| check.summaries[which].participants.len() > 1) {
            panel = panel.series(Series::cloud("participants", single).role(Role::Null));
        }
        figure = figure.panel(panel.series(Series::points("people", people).role(Role::Human)));
    }
    figure
}

fn items(set_size: usize) -> String {
    if set_size == 1 { "1 item".into() } else { format!("{set_size} items") }
}
