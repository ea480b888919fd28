//! The best single-mode response model: what a network could be that knows means but not modes.
//!
//! One von Mises about the mean direction of the given model's responses to each display, and uniform guesses.
//! The mean direction slides from the cued item towards the others as swaps become likelier, as the responses
//! of a network do that is trained on squared error. It stands in for the items: to every display belongs a *centred*
//! one, whose only item is there, and to those the model is an ordinary mixture.

use errare_core::angle::wrap;

use crate::surrogate::{surrogate, two_component};
use crate::{Display, FittedModel, ResponseModel, Result};

/// The unimodal model nearest to a given one, fitted by maximum likelihood to its responses to `displays`, and the centred
/// display of each: the model has to be given these in their place.
///
/// # Errors
/// [`Error::NoTrials`](crate::Error::NoTrials) without displays.
pub fn nearest_unimodal(
    model: &dyn ResponseModel,
    displays: &[Display],
    seed: u64,
) -> Result<(FittedModel, Vec<Display>)> {
    let responses = surrogate(model, displays, seed);
    let centred: Vec<Display> = displays
        .iter()
        .map(|display| Display { probe: vec![], report: vec![mean_direction(model, display)], cued_slot: 0 })
        .collect();
    let unimodal = two_component(&centred, &responses, seed)?;
    Ok((unimodal, centred))
}

/// Mean direction (radians) of a model's responses: every item's emission shrinks its direction alike.
fn mean_direction(model: &dyn ResponseModel, display: &Display) -> f64 {
    let weights = model.weights(display);
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (&report, weight) in display.report.iter().zip(&weights[1..]) {
        sine += weight * report.sin();
        cosine += weight * report.cos();
    }
    wrap(sine.atan2(cosine))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use errare_core::angle::difference;
    use errare_core::random::{Purpose, stream};

    use super::*;
    use crate::{DisplayGenerator, SwapFunction};

    #[test]
    fn the_mode_lies_between_the_items_and_covers_both() {
        let truth = SwapFunction::Flat { swap_probability: 0.3 };
        let generator = DisplayGenerator::standard(2).unwrap();
        let mut displays: Vec<_> =
            (0..4000).map(|i| generator.draw(&mut stream(1, Purpose::Displays, &[i]))).collect();
        displays[0] = Display { probe: vec![0.0, 2.0], report: vec![0.0, 1.0], cued_slot: 0 };
        let (unimodal, centred) = nearest_unimodal(&truth, &displays, 2).unwrap();
        let expected = (0.3 * 1f64.sin()).atan2(0.7 + 0.3 * 1f64.cos());
        assert!((centred[0].report[0] - expected).abs() < 1e-12, "{:?} {expected}", centred[0]);
        let density = |response: f64| unimodal.density(&centred[0], response).unwrap();
        let grid = |i: i32| TAU * f64::from(i) / 8192.0;
        let peak = (0..8192).map(grid).max_by(|a, b| density(*a).total_cmp(&density(*b))).unwrap();
        assert!((peak - expected).abs() < 2e-3, "{peak} {expected}");
        let total: f64 = (0..8192).map(|i| density(grid(i))).sum();
        assert!((total * TAU / 8192.0 - 1.0).abs() < 1e-9);
        let mean = (0..20_000)
            .map(|i| {
                let response = unimodal.sample(&centred[0], &mut stream(3, Purpose::Surrogate, &[i]));
                difference(response.angle, expected)
            })
            .sum::<f64>()
            / 20_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
    }
}
