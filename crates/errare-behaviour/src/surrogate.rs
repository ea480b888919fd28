//! Surrogate trials: responses drawn from a model, with their true sources.

use errare_core::random::{Purpose, stream};
use rayon::prelude::*;

use crate::data::TrialTable;
use crate::fit::{FitOptions, FittedModel, ModelName, fit};
use crate::{Display, Observations, Response, ResponseModel, Result};

/// One response to each display. A display's response depends on the seed and its position only, so that the
/// bytes are the same for any number of threads.
#[must_use]
pub fn surrogate(model: &dyn ResponseModel, displays: &[Display], seed: u64) -> Vec<Response> {
    displays
        .par_iter()
        .enumerate()
        .map(|(trial, display)| surrogate_response(model, display, trial as u64, seed))
        .collect()
}

/// The response that [`surrogate`] gives to the display at position `trial`, for callers that hold only some of the
/// displays at a time.
#[must_use]
pub fn surrogate_response(model: &dyn ResponseModel, display: &Display, trial: u64, seed: u64) -> Response {
    model.sample(display, &mut stream(seed, Purpose::Surrogate, &[trial]))
}

/// The same trials with responses and sources drawn from a model.
///
/// # Errors
/// As [`TrialTable::new`].
pub fn surrogate_table(model: &dyn ResponseModel, table: &TrialTable, seed: u64) -> Result<TrialTable> {
    let displays: Vec<Display> = table.trials().iter().map(|trial| trial.display.clone()).collect();
    let responses = surrogate(model, &displays, seed);
    let mut trials = table.trials().to_vec();
    for (trial, response) in trials.iter_mut().zip(responses) {
        trial.response = response.angle;
        trial.source = Some(response.source);
    }
    TrialTable::new(format!("surrogate of {}", table.name()), trials)
}

/// The no-swap model nearest to a given one: a two-component mixture fitted to its responses to `displays`.
///
/// # Errors
/// [`Error::NoTrials`](crate::Error::NoTrials) without displays.
pub fn nearest_without_swaps(
    model: &dyn ResponseModel,
    displays: &[Display],
    seed: u64,
) -> Result<FittedModel> {
    two_component(displays, &surrogate(model, displays, seed), seed)
}

/// A two-component mixture fitted to responses to displays.
pub(crate) fn two_component(displays: &[Display], responses: &[Response], seed: u64) -> Result<FittedModel> {
    let trials = displays.iter().zip(responses.iter().map(|response| response.angle));
    fit(&Observations::new(trials)?, ModelName::TwoComponent, &FitOptions { seed, ..FitOptions::default() })?
        .model()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::angle::difference;
    use errare_core::special::bessel_ratio;

    use super::*;
    use crate::mixture::MixtureWeights;
    use crate::{DisplayGenerator, EmissionParameters, Fit, Source};

    fn truth() -> FittedModel {
        let fit = Fit {
            model: ModelName::ThreeComponent,
            participant: None,
            condition: None,
            set_size: Some(4),
            trials: 1,
            log_likelihood: 0.0,
            parameters: vec![],
            emission: EmissionParameters::VonMises { kappa: 8.0 },
            weights: MixtureWeights { target: 0.6, nontarget: Some(0.3), uniform: 0.1 },
            standard_errors: None,
            bns: None,
        };
        fit.model().unwrap()
    }

    fn displays(count: u64) -> Vec<Display> {
        let generator = DisplayGenerator::standard(4).unwrap();
        (0..count).map(|trial| generator.draw(&mut stream(2, Purpose::Displays, &[trial]))).collect()
    }

    #[test]
    fn sources_and_spread_are_those_of_the_model() {
        let displays = displays(40_000);
        let responses = surrogate(&truth(), &displays, 1);
        let n = responses.len() as f64;
        let share = |source| responses.iter().filter(|response| response.source == source).count() as f64 / n;
        // Four standard errors.
        for (source, expected) in
            [(Source::Uniform, 0.1), (Source::Item(0), 0.6), (Source::Item(1), 0.1), (Source::Item(3), 0.1)]
        {
            let error = 4.0 * (expected * (1.0 - expected) / n).sqrt();
            assert_abs_diff_eq!(share(source), expected, epsilon = error);
        }
        let (mut cosine, mut sine, mut count) = (0.0, 0.0, 0.0);
        for (display, response) in displays.iter().zip(&responses) {
            if let Source::Item(item) = response.source {
                let error = difference(response.angle, display.report[item]);
                cosine += error.cos();
                sine += error.sin();
                count += 1.0;
            }
        }
        assert_abs_diff_eq!(cosine / count, bessel_ratio(8.0), epsilon = 0.002);
        assert_abs_diff_eq!(sine / count, 0.0, epsilon = 0.008);
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        let displays = displays(500);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| surrogate(&truth(), &displays, 7))
        };
        assert_eq!(with(1), with(3));
        assert_ne!(with(1), surrogate(&truth(), &displays, 8));
    }

    #[test]
    fn a_table_keeps_its_trials() {
        let trials = displays(20).into_iter().map(|display| crate::Trial::new("p1", display, 0.0)).collect();
        let table = TrialTable::new("made", trials).unwrap();
        let drawn = surrogate_table(&truth(), &table, 3).unwrap();
        assert!(drawn.has_sources() && drawn.len() == 20);
        assert_eq!(drawn.trials()[4].display, table.trials()[4].display);
    }

    #[test]
    fn without_swaps_the_rest_becomes_guesses() {
        let displays = displays(4000);
        let model = nearest_without_swaps(&truth(), &displays, 1).unwrap();
        let weights = model.weights(&displays[0]);
        assert_eq!(weights[2..], [0.0; 3]);
        assert!(weights[0] > 0.25 && weights[1] > 0.5, "{weights:?}");
    }
}
