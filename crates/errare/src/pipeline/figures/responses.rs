//! The network's responses beside those of the oracle and of people.

use std::f64::consts::PI;

use errare_analysis::densities::ErrorDensities;
use errare_analysis::mixture::SwapCurve;
use errare_behaviour::Display;
use errare_network::Responses;
use errare_report::{Axis, Datum, Figure, Panel, Role, Series, Unit};

use super::density_axes;

/// Responses drawn in each panel of [`clouds`].
const CLOUD: usize = 1500;

/// Error densities about the cued and the uncued item: network against oracle.
#[must_use]
pub fn error_densities(network: &ErrorDensities, oracle: &ErrorDensities) -> Figure {
    let line =
        |errors: &[f64], density: &[f64]| errors.iter().copied().zip(density.to_vec()).collect::<Vec<_>>();
    let (x, y) = density_axes("error about the cued item");
    let (grey, exchanges) = match network.distractor {
        Some(_) => (
            " Grey: expected about uncued items without swaps, 95\u{202f}% band.",
            " The expectation without swaps exchanges uncued items between displays.",
        ),
        None => ("", ""),
    };
    let mut figure = Figure::new("error-densities", "Errors of the network and of its target")
        .caption(format!(
            "The oracle samples the target by the exact reverse process: what a perfect network would do.{grey}"
        ))
        .how_computed(format!("72 bins of 5°.{exchanges}"))
        .columns(2)
        .panel(
            Panel::new(x, y)
                .title("about the cued item")
                .series(Series::line("oracle", line(&oracle.error, &oracle.target)).role(Role::Model))
                .series(Series::points("network", line(&network.error, &network.target)).role(Role::Network)),
        );
    if let (Some(of_network), Some(of_oracle)) = (&network.distractor, &oracle.distractor) {
        let (x, y) = density_axes("error about an uncued item");
        let null = (0..of_oracle.expected.len()).map(|i| {
            Datum::new(oracle.error[i], of_oracle.expected[i])
                .interval(of_oracle.expected_lo[i], of_oracle.expected_hi[i])
        });
        figure = figure.panel(
            Panel::new(x, y)
                .title("about uncued items")
                .series(Series::line("expected without swaps", null).role(Role::Null))
                .series(Series::line("oracle", line(&oracle.error, &of_oracle.density)).role(Role::Model))
                .series(
                    Series::points("network", line(&network.error, &of_network.density)).role(Role::Network),
                ),
        );
    }
    figure
}

/// Swap rate against probe distance: network against oracle.
#[must_use]
pub fn swap_rates(network: &SwapCurve, oracle: &SwapCurve) -> Figure {
    let points = |curve: &SwapCurve| {
        (0..curve.rate.len())
            .filter(|&i| curve.responses[i] > 0)
            .map(|i| Datum::new(curve.distance[i], curve.rate[i]).interval(curve.lo[i], curve.hi[i]))
            .collect::<Vec<_>>()
    };
    Figure::new("swap-rates", "Swap rate by probe distance")
        .caption("Rate at which an uncued item is reported, by its distance from the cued one in the probe feature. Bars: 95\u{202f}%.")
        .how_computed("Mixture responsibilities with the target's concentration and guesses held fixed, in bins of equal width.")
        .width(620.0)
        .panel(
            Panel::new(
                Axis::new("probe distance", Unit::Radians).range(0.0, PI).pi_ticks(),
                Axis::new("swap rate", Unit::Probability).including(0.0),
            )
            .series(Series::points("oracle", points(oracle)).role(Role::Model).joined())
            .series(Series::points("network", points(network)).role(Role::Network).joined()),
        )
}

/// Read-outs after the last step, turned so that the cued item is at 0; clean responses lie on a ring of this radius.
#[must_use]
pub fn clouds(radius: f64, panels: &[(&str, &Responses)]) -> Figure {
    let reach = 1.44 * radius;
    let axis = |name: &str| Axis::new(name, Unit::Dimensionless).range(-reach, reach);
    let most = panels.iter().map(|(_, responses)| responses.displays.len().min(CLOUD)).max().unwrap_or(0);
    let items = panels.iter().flat_map(|(_, responses)| &responses.displays).map(Display::set_size).max();
    let colour = match items {
        None | Some(0 | 1) => "",
        Some(2) => {
            "Colour: angle of the uncued item relative to the cued one; swaps lie where their own colour belongs."
        }
        Some(_) => {
            "Colour: angle of the first uncued item relative to the cued one; swaps to it lie where their own colour belongs."
        }
    };
    let mut figure = Figure::new("clouds", "Responses in the behavioural plane").columns(panels.len());
    let mut outside = 0;
    for (title, responses) in panels {
        let step = responses.samples.max(1);
        let data: Vec<Datum> = responses
            .polar()
            .step_by(step)
            .take(CLOUD)
            .map(|(display, angle, radius)| {
                let turned = angle - display.report[0];
                let [x, y] = [radius * turned.cos(), radius * turned.sin()];
                outside += usize::from(x.abs().max(y.abs()) > reach);
                let datum = Datum::new(x, y);
                if display.set_size() > 1 { datum.hue(display.report_offset(1)) } else { datum }
            })
            .collect();
        figure = figure.panel(
            Panel::new(axis("read-out x₁"), axis("read-out x₂"))
                .title(*title)
                .equal_aspect()
                .series(Series::cloud("trial", data)),
        );
    }
    let beyond = match outside {
        0 => String::new(),
        1 => " One dot lies outside.".into(),
        _ => format!(" {outside} dots lie outside."),
    };
    figure
        .caption(format!("Each dot is the read-out at the end of one trial, turned so that the cued item lies at the right.{beyond} {colour}"))
        .how_computed(format!("{most} trials a panel, one for each of the first displays."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use errare_analysis::mixture::{DistanceBins, MixtureTarget, swap_curve};

    #[test]
    fn a_bin_without_items_is_not_a_swap_rate_of_zero() {
        let display = |probe: f64| Display { probe: vec![0.0, probe], report: vec![0.0, 2.0], cued_slot: 0 };
        let displays = vec![display(1.0), display(3.0), display(3.0)];
        let points = displays.iter().flat_map(|_| [[1.0, 0.0], [-0.416, 0.909]]).collect();
        let responses = Responses { displays, samples: 2, points };
        let target = MixtureTarget::new(400.0, 0.0).unwrap();
        let curve = swap_curve(&responses, &target, &DistanceBins::uniform(0.8, 8).unwrap()).unwrap();
        let csv = swap_rates(&curve, &curve).csv();
        let network: Vec<&str> = csv.lines().filter(|line| line.contains("network")).collect();
        assert_eq!(network.len(), 2, "{csv}");
    }

    #[test]
    fn single_items_have_no_colour_to_tell() {
        let display =
            |reports: &[f64]| Display { probe: reports.to_vec(), report: reports.to_vec(), cued_slot: 0 };
        let drawn = |display: Display| {
            let responses = Responses { displays: vec![display; 2], samples: 1, points: vec![[1.0, 0.0]; 2] };
            let figure = clouds(1.0, &[("network", &responses)]);
            (figure.svg().unwrap().contains("Colour: angle"), figure.csv().contains("hue"))
        };
        assert_eq!(drawn(display(&[0.5])), (false, false));
        assert_eq!(drawn(display(&[0.5, 2.0])), (true, true));
    }

    #[test]
    fn dots_that_the_plane_does_not_show_are_counted() {
        let says = |point: [f32; 2]| {
            let displays = vec![Display { probe: vec![0.5], report: vec![0.5], cued_slot: 0 }];
            let responses = Responses { displays, samples: 1, points: vec![point] };
            clouds(1.0, &[("network", &responses)]).svg().unwrap().contains("outside")
        };
        assert!(!says([1.2, 0.0]) && says([9.0, 0.0]));
    }
}
