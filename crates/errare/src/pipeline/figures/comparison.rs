//! How far models lie apart, and what their swap functions look like.

use std::f64::consts::PI;

use errare_behaviour::{Comparison, Difference, ModelName, SwapCurvePoint, SwapDependence};
use errare_report::{Axis, Colour, Dash, Datum, Figure, Panel, Role, Series, Share, Unit};

/// How far every model lies behind the best one; `name` is that of the figure's files. `None` for a single model or a
/// single trial.
#[must_use]
pub fn differences(name: &str, comparison: &Comparison) -> Option<Figure> {
    let best = comparison.models.first()?;
    let rows: Vec<&Difference> = comparison.models[1..]
        .iter()
        .filter_map(|score| comparison.difference(score.model, best.model))
        .collect();
    let finite = |difference: &&Difference| {
        difference.heldout.filter(|heldout| heldout.lo.is_finite() && heldout.hi.is_finite())
    };
    if !rows.iter().any(|row| finite(row).is_some()) {
        return None;
    }
    let names = || Axis::names("", rows.iter().map(|row| row.model.to_string()));
    let heldout =
        rows.iter().enumerate().filter_map(|(row, difference)| Some((row + 1, finite(difference)?)));
    let spans: Vec<_> = heldout.clone().map(|(row, interval)| (row, interval.lo, interval.hi)).collect();
    let points: Vec<_> = heldout.map(|(row, interval)| (interval.value, row as f64)).collect();
    let evidence: Vec<_> = rows
        .iter()
        .enumerate()
        .filter_map(|(row, difference)| Some((difference.log_evidence?, (row + 1) as f64)))
        .collect();
    let axis = |quantity: &str| Axis::new(quantity, Unit::Nats).including(0.0);
    let mut figure = Figure::new(name, format!("Distance from {}", best.model))
        .caption(format!(
            "Points left of 0: {} does better. A difference is claimed when the interval of the held-out difference \
             excludes 0 and the difference in evidence (of held-out likelihoods, where a model has no evidence) is at \
             least {} nat.",
            best.model,
            errare_behaviour::CLAIM
        ))
        .how_computed(format!(
            "{} folds, stratified by participant, condition and set size; differences are paired trial by trial, and \
             their 95\u{202f}% intervals take trials of one participant together.",
            comparison.folds
        ))
        .share(Share::Y)
        .panel_height(24.0 * rows.len() as f64 + 24.0)
        .panel(
            Panel::new(axis("difference in held-out log likelihood"), names())
                .title("held-out responses")
                .moment(best.model.to_string(), 0.0)
                .series(Series::spans("95\u{202f}% interval", spans).role(Role::Null))
                .series(Series::points("difference", points).role(Role::Model)),
        );
    if !evidence.is_empty() {
        figure = figure.panel(
            Panel::new(axis("difference in log evidence"), names())
                .title("evidence")
                .moment(best.model.to_string(), 0.0)
                .series(Series::points("difference", evidence).role(Role::Model)),
        );
    }
    Some(figure)
}

/// The swap functions of the variants of BNS, overlaid: over probe distance, and over report distance where one depends on
/// nothing else; `None` without one.
#[must_use]
pub fn compared_swap_functions(name: &str, comparison: &Comparison) -> Option<Figure> {
    let variants: Vec<(SwapDependence, &[SwapCurvePoint])> = comparison
        .models
        .iter()
        .filter_map(|score| {
            let ModelName::Bns(dependence) = score.model else { return None };
            let curve = &score.fit.bns.as_ref()?.swap_curve;
            (!curve.is_empty()).then_some((dependence, curve.as_slice()))
        })
        .collect();
    let panel = |feature: &str, belongs: fn(SwapDependence) -> bool| {
        let mut panel = Panel::new(
            Axis::new(format!("{feature} distance"), Unit::Radians).range(0.0, PI).pi_ticks(),
            Axis::new("swap probability", Unit::Probability).including(0.0),
        )
        .title(format!("over {feature} distance"));
        for (dependence, curve) in variants.iter().filter(|(dependence, _)| belongs(*dependence)) {
            // A variant looks the same in every group, whatever its rank.
            let place = SwapDependence::ALL.iter().position(|one| one == dependence).unwrap_or(0);
            let dash = if place % 2 == 0 { Dash::Solid } else { Dash::Dotted };
            let data = curve.iter().map(|point| {
                let datum = Datum::new(point.distance, point.mean).interval(point.lo, point.hi);
                // A constant is known where any item is.
                let known = point.has_data || *dependence == SwapDependence::None;
                if known { datum } else { datum.without_data() }
            });
            let label = ModelName::Bns(*dependence).to_string();
            panel = panel.series(Series::line(label, data).colour(Colour::Cycle(place)).dash(dash));
        }
        panel
    };
    let any = |one: fn(SwapDependence) -> bool| variants.iter().any(|(dependence, _)| one(*dependence));
    let over_report = any(|dependence| dependence == SwapDependence::Report);
    let mut figure = Figure::new(name, "Swap functions")
        .caption("Probability that one given uncued item is reported rather than the cued one. Bands: 95\u{202f}% credible.")
        .dashed_means("prior only: no such distance in the data, or one too small to tell the items apart")
        .how_computed("Fits to all trials of the group; guesses are left out of the comparison of the two items. Variants that depend on both distances are shown over probe distance, averaged over report distance.")
        .columns(2);
    if any(|dependence| dependence != SwapDependence::Report) {
        figure = figure.panel(panel("probe", |dependence| dependence != SwapDependence::Report));
    }
    if over_report {
        figure = figure.panel(panel("report", |dependence| {
            matches!(dependence, SwapDependence::Report | SwapDependence::None)
        }));
    }
    (!variants.is_empty()).then(|| figure.width(if over_report { 760.0 } else { 620.0 }).share(Share::Y))
}
