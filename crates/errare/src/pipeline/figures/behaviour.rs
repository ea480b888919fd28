//! What people did, and what the behaviour models make of it.

use std::f64::consts::{PI, TAU};

use errare_behaviour::{Display, ErrorReference, Fit, TrialTable, error_density};
use errare_report::{Axis, Datum, Figure, Panel, Role, Series, Unit};

use super::density_axes;
use crate::pipeline::Result;

/// Bins of the histograms of people's errors.
const BINS: usize = 45;
/// Half width of a 95 % interval in standard errors.
const BAND: f64 = 1.96;

/// Errors of all participants about the cued item, a panel a set size, with each fit's density.
///
/// # Errors
/// When a fit cannot be turned into a model.
pub fn errors_by_set_size(table: &TrialTable, fits: &[Fit]) -> Result<Figure> {
    let mut figure = Figure::new("errors-by-set-size", "Errors about the cued item, by set size")
        .caption("Grey: people, all participants together. Line: three-component mixture fitted to each set size.")
        .how_computed(format!(
            "Histograms have {BINS} bins. The model's density is averaged over the displays that people saw, so that \
             swaps show as the rise of its tails."
        ))
        .columns(4)
        .panel_height(150.0);
    let edges: Vec<f64> = (0..=BINS).map(|i| -PI + TAU * i as f64 / BINS as f64).collect();
    let grid: Vec<f64> = (0..=180).map(|i| -PI + TAU * f64::from(i) / 180.0).collect();
    for fit in fits {
        let Some(set_size) = fit.set_size else { continue };
        let trials: Vec<_> =
            table.trials().iter().filter(|trial| trial.display.set_size() == set_size).collect();
        let width = TAU / BINS as f64;
        let mut heights = vec![0.0; BINS];
        for trial in &trials {
            let bin = (((trial.error() + PI) / width) as usize).min(BINS - 1);
            heights[bin] += 1.0 / (trials.len() as f64 * width);
        }
        let displays: Vec<Display> = trials.iter().map(|trial| trial.display.clone()).collect();
        let (x, y) = density_axes("response error");
        let mut panel = Panel::new(x, y)
            .title(if set_size == 1 { "1 item".into() } else { format!("{set_size} items") })
            .series(Series::histogram("people", &edges, &heights)?.role(Role::Human));
        if let Some(density) = error_density(&fit.model()?, &displays, ErrorReference::Target, &grid) {
            let line = grid.iter().copied().zip(density);
            panel = panel.series(Series::line("three-component model", line).role(Role::Model));
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// Mixture weights and concentration by set size, with 95 % intervals.
#[must_use]
pub fn weights_by_set_size(fits: &[Fit]) -> Figure {
    let items = || Axis::new("set size", Unit::Count("items".into())).whole_ticks();
    let data = |value: fn(&Fit) -> Option<f64>, error: fn(&Fit) -> Option<f64>, most: f64| {
        fits.iter()
            .filter_map(|fit| {
                let datum = Datum::new(fit.set_size? as f64, value(fit)?);
                let interval =
                    |half: f64| datum.interval((datum.y - half).max(0.0), (datum.y + half).min(most));
                Some(error(fit).map_or(datum, |error| interval(BAND * error)))
            })
            .collect::<Vec<_>>()
    };
    let weights = Panel::new(items(), Axis::new("weight", Unit::Probability).range(0.0, 1.0))
        .title("sources of responses")
        .series(
            Series::points(
                "cued item",
                data(|f| Some(f.weights.target), |f| Some(f.standard_errors?.target), 1.0),
            )
            .role(Role::Target)
            .joined(),
        )
        .series(
            Series::points(
                "uncued items",
                data(|f| f.weights.nontarget, |f| f.standard_errors?.nontarget, 1.0),
            )
            .role(Role::Swap)
            .joined(),
        )
        .series(
            Series::points(
                "guess",
                data(|f| Some(f.weights.uniform), |f| Some(f.standard_errors?.uniform), 1.0),
            )
            .role(Role::Guess)
            .joined(),
        );
    let kappa = Panel::new(items(), Axis::new("concentration κ", Unit::Other("rad⁻²".into())).including(0.0))
        .title("precision")
        .series(
            Series::points(
                "κ of the emission",
                data(|f| f.emission.kappa(), |f| Some(f.standard_errors?.kappa), f64::INFINITY),
            )
            .role(Role::Model)
            .joined(),
        );
    Figure::new("weights", "What responses come from, and how precise they are")
        .caption("Three-component mixture fitted to each set size. Bars: 95\u{202f}% intervals.")
        .how_computed("Expectation maximisation; intervals are ±1.96 standard errors from the observed information, and missing where a weight lies on the edge of its range.")
        .share(errare_report::Share::Nothing)
        .columns(2)
        .panel(weights)
        .panel(kappa)
}

/// BNS swap functions of several set sizes with their credible bands.
#[must_use]
pub fn swap_curves(fits: &[Fit]) -> Figure {
    let mut figure = Figure::new("swap-function", "Swaps against the distance in the probe feature")
        .caption("Probability that one given uncued item is reported rather than the cued one, as BNS infers it from people. Bands: 95\u{202f}% credible.")
        .dashed_means("prior only: no such distance in the data")
        .how_computed("Bayesian non-parametric swap model (Radmard, Bays & Lengyel, arXiv 2505.01178), swap function over probe distance, inferred by natural-gradient variational inference; guesses are left out of the comparison.")
        .columns(3)
        .panel_height(150.0);
    let shown = fits.iter().filter(|fit| fit.bns.as_ref().is_some_and(|bns| !bns.swap_curve.is_empty()));
    for fit in shown {
        let Some(bns) = &fit.bns else { continue };
        let curve = bns.swap_curve.iter().map(|point| {
            let datum = Datum::new(point.distance, point.mean).interval(point.lo, point.hi);
            if point.has_data { datum } else { datum.without_data() }
        });
        let title = fit.set_size.map_or_else(|| "all set sizes".into(), |n| format!("{n} items"));
        figure = figure.panel(
            Panel::new(
                Axis::new("probe distance", Unit::Radians).range(0.0, PI).pi_ticks(),
                Axis::new("swap probability", Unit::Probability).including(0.0),
            )
            .title(title)
            .series(Series::line("BNS", curve).role(Role::Model)),
        );
    }
    figure
}

#[cfg(test)]
mod tests {
    use errare_behaviour::{EmissionParameters, MixtureWeights, ModelName, StandardErrors};

    use super::*;

    fn fitted(set_size: usize, standard_errors: Option<StandardErrors>) -> Fit {
        Fit {
            model: "three-component".parse::<ModelName>().unwrap(),
            participant: None,
            condition: None,
            set_size: Some(set_size),
            trials: 100,
            log_likelihood: 0.0,
            parameters: vec![],
            emission: EmissionParameters::VonMises { kappa: 10.0 },
            weights: MixtureWeights { target: 0.95, nontarget: Some(0.03), uniform: 0.02 },
            standard_errors,
            bns: None,
        }
    }

    #[test]
    fn only_what_has_a_standard_error_has_a_bar() {
        let errors = StandardErrors { kappa: 1.0, target: 0.05, nontarget: None, uniform: 0.05 };
        let csv = weights_by_set_size(&[fitted(2, Some(errors)), fitted(4, None)]).csv();
        let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let interval = |series: &str, set_size: &str| {
            let row = rows.iter().find(|row| row[1] == series && row[2] == set_size).unwrap();
            (row[4].to_owned(), row[5].to_owned())
        };
        let none = (String::new(), String::new());
        // Bars end where probabilities do.
        assert_eq!(interval("cued item", "2").1, "1");
        assert_eq!(interval("guess", "2").0, "0");
        assert_eq!(interval("uncued items", "2"), none);
        for series in ["cued item", "uncued items", "guess", "κ of the emission"] {
            assert_eq!(interval(series, "4"), none, "{series}");
        }
    }
}
