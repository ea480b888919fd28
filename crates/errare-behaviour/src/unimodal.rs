//! The best single-mode response model: what a network could be that knows means but not modes.
//!
//! One von Mises about the mean direction of the given model's responses to each display, and uniform guesses.
//! The mean direction slides from the cued item towards the others as swaps become likelier, as the responses
//! of a network do that is trained on squared error.

use std::f64::consts::TAU;

use errare_core::angle::{difference, wrap};
use errare_core::random::Stream;
use errare_core::von_mises::VonMises;
use rand::RngExt;

use crate::mixture::fit_mixture;
use crate::surrogate::surrogate;
use crate::{Display, Emission, Observations, Response, ResponseModel, Result, Source};

/// A single von Mises about the mean direction of another model's responses, with uniform guesses.
#[derive(Debug)]
pub struct Unimodal<'a> {
    model: &'a dyn ResponseModel,
    uniform: f64,
    emission: VonMises,
}

/// The unimodal model nearest to a given one, fitted by maximum likelihood to its responses to `displays`.
///
/// # Errors
/// [`Error::NoTrials`](crate::Error::NoTrials) without displays.
pub fn nearest_unimodal<'a>(
    model: &'a dyn ResponseModel,
    displays: &[Display],
    seed: u64,
) -> Result<Unimodal<'a>> {
    let responses = surrogate(model, displays, seed);
    // Displays of one item each, at the mean direction, make this a two-component fit.
    let centres: Vec<Display> = displays
        .iter()
        .map(|display| Display { probe: vec![], report: vec![mean_direction(model, display)], cued_slot: 0 })
        .collect();
    let trials = centres.iter().zip(responses.iter().map(|response| response.angle));
    let estimate = fit_mixture(&Observations::new(trials)?, false)?;
    Ok(Unimodal { model, uniform: estimate.weights.uniform, emission: VonMises::new(estimate.kappa)? })
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

impl ResponseModel for Unimodal<'_> {
    /// The mode counts as the cued item.
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = vec![0.0; display.set_size() + 1];
        (weights[0], weights[1]) = (self.uniform, 1.0 - self.uniform);
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }

    fn density(&self, display: &Display, response: f64) -> Option<f64> {
        let deviation = difference(response, mean_direction(self.model, display));
        Some(self.uniform / TAU + (1.0 - self.uniform) * self.emission.log_density(deviation).exp())
    }

    fn sample(&self, display: &Display, stream: &mut Stream) -> Response {
        if stream.random::<f64>() < self.uniform {
            return Response { angle: wrap(TAU * stream.random::<f64>()), source: Source::Uniform };
        }
        let deviation = self.emission.sample(stream);
        Response { angle: wrap(mean_direction(self.model, display) + deviation), source: Source::Item(0) }
    }
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};

    use super::*;
    use crate::{DisplayGenerator, SwapFunction};

    #[test]
    fn the_mode_lies_between_the_items_and_covers_both() {
        let truth = SwapFunction::Flat { swap_probability: 0.3 };
        let generator = DisplayGenerator::standard(2).unwrap();
        let displays: Vec<_> =
            (0..4000).map(|i| generator.draw(&mut stream(1, Purpose::Displays, &[i]))).collect();
        let unimodal = nearest_unimodal(&truth, &displays, 2).unwrap();
        let display = Display { probe: vec![0.0, 2.0], report: vec![0.0, 1.0], cued_slot: 0 };
        let expected = (0.3 * 1f64.sin()).atan2(0.7 + 0.3 * 1f64.cos());
        let peak = (0..6283)
            .map(|i| f64::from(i) / 1000.0)
            .max_by(|a, b| {
                unimodal.density(&display, *a).unwrap().total_cmp(&unimodal.density(&display, *b).unwrap())
            })
            .unwrap();
        assert!((peak - expected).abs() < 2e-3, "{peak} {expected}");
        let total: f64 =
            (0..1024).map(|i| unimodal.density(&display, TAU * f64::from(i) / 1024.0).unwrap()).sum();
        assert!((total * TAU / 1024.0 - 1.0).abs() < 1e-9);
        let mean = (0..20_000)
            .map(|i| {
                difference(
                    unimodal.sample(&display, &mut stream(3, Purpose::Surrogate, &[i])).angle,
                    expected,
                )
            })
            .sum::<f64>()
            / 20_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
    }
}
