//! What a model predicts for given displays: the density of errors, and the likelihood of unseen responses.

use std::f64::consts::TAU;

use errare_core::angle::difference;
use rayon::prelude::*;

use crate::{Display, ResponseModel};

/// The items about which errors are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorReference {
    /// The cued item.
    Target,
    /// Every other item, averaged.
    Nontargets,
}

impl ErrorReference {
    /// The items of a display that it means.
    #[must_use]
    pub fn items(self, display: &Display) -> std::ops::Range<usize> {
        match self {
            Self::Target => 0..1,
            Self::Nontargets => 1..display.set_size(),
        }
    }
}

/// Density (per radian) of response − reference at each of `errors` (radians), averaged over displays and
/// reference items; `None` when the model has no density, or no display has such an item.
#[must_use]
pub fn error_density(
    model: &dyn ResponseModel,
    displays: &[Display],
    reference: ErrorReference,
    errors: &[f64],
) -> Option<Vec<f64>> {
    // Displays are summed in order, whatever the number of threads.
    let parts: Option<Vec<(Vec<f64>, usize)>> = displays
        .par_chunks(64)
        .map(|chunk| {
            let (mut sum, mut count) = (vec![0.0; errors.len()], 0);
            for display in chunk {
                let emission = model.emission(display)?;
                let weights = model.weights(display);
                for item in reference.items(display) {
                    count += 1;
                    for (sum, error) in sum.iter_mut().zip(errors) {
                        *sum += weights[0] / TAU;
                        for (report, weight) in display.report.iter().zip(&weights[1..]) {
                            let deviation = difference(error + display.report[item], *report);
                            *sum += weight * emission.log_density(deviation).exp();
                        }
                    }
                }
            }
            Some((sum, count))
        })
        .collect();
    let parts = parts?;
    let count: usize = parts.iter().map(|(_, count)| count).sum();
    let mut density = vec![0.0; errors.len()];
    for (part, _) in &parts {
        density.iter_mut().zip(part).for_each(|(sum, value)| *sum += value / count as f64);
    }
    (count > 0).then_some(density)
}

/// Log likelihood (nats) of responses under a model that did not see them; `None` when it has no density.
pub fn predictive_log_likelihood<'a>(
    model: &dyn ResponseModel,
    trials: impl IntoIterator<Item = (&'a Display, f64)>,
) -> Option<f64> {
    trials.into_iter().map(|(display, response)| model.log_density(display, response)).sum()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::angle::wrap;
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;

    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, FitOptions, SwapFunction, fit};

    #[test]
    fn densities_integrate_to_one_and_peak_at_the_items() {
        let swap = SwapFunction::Flat { swap_probability: 0.4 };
        let emission = VonMises::new(30.0).unwrap();
        let mut trials = simulated(&swap, &DisplayGenerator::standard(3).unwrap(), 200, 1);
        for (index, (_, response)) in trials.iter_mut().enumerate() {
            *response = wrap(*response + emission.sample(&mut stream(1, Purpose::Targets, &[index as u64])));
        }
        let displays: Vec<Display> = trials.iter().map(|(display, _)| display.clone()).collect();
        for name in ["three-component", "bns"] {
            let fitted = fit(&observations(&trials), name.parse().unwrap(), &FitOptions::default()).unwrap();
            let model = fitted.model().unwrap();
            let n = 400;
            let errors: Vec<f64> = (0..n).map(|i| TAU * f64::from(i) / f64::from(n) - TAU / 2.0).collect();
            for reference in [ErrorReference::Target, ErrorReference::Nontargets] {
                let density = error_density(&model, &displays, reference, &errors).unwrap();
                let sum: f64 = density.iter().sum();
                assert_abs_diff_eq!(sum * TAU / f64::from(n), 1.0, epsilon = 1e-9);
                assert!(density[n as usize / 2] > 0.3);
            }
            let log_likelihood = predictive_log_likelihood(&model, trials.iter().map(|(d, y)| (d, *y)));
            assert_abs_diff_eq!(log_likelihood.unwrap(), fitted.log_likelihood, epsilon = 1e-6 * 200.0);
        }
        assert!(error_density(&swap, &displays, ErrorReference::Target, &[0.0]).is_none());
    }
}
