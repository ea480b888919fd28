//! Scores and observed information of a fitted mixture, from which every standard error of it follows.
//!
//! Standard errors are those of the sandwich estimator, clustered by display, with the observed information of
//! Louis (1982): that of the sources, were they known, less what is not known of them.

use errare_core::special::{MAX_KAPPA, bessel_ratio, bessel_ratio_derivative};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::likelihood::{Free, Mixture};

/// Expected swaps or guesses below which there is no information to speak of (their rate is 0).
const FEWEST: f64 = 1e-3;
/// Least curvature along a direction, relative to that along single parameters, of which a step makes use.
const FLATTEST: f64 = 1e-8;

/// Scores by display and their information, in the log odds of the bins, the log odds of a guess and κ.
#[derive(Debug)]
pub(crate) struct Information {
    /// One row a display.
    scores: Vec<Vec<f64>>,
    /// Parameters × parameters.
    observed: DMatrix<f64>,
    /// Parameters that are free and of which some response is expected to tell.
    told: Vec<usize>,
    /// Those of them that have information.
    informed: Vec<usize>,
}

impl Information {
    /// Of a mixture with `bins` bins of probe distance; guesses and κ are the parameters `bins` and `bins + 1`.
    pub(crate) fn of(mixture: &Mixture, bins: usize) -> Self {
        let displays: Vec<Vec<usize>> = mixture
            .bins
            .iter()
            .map(|item_bins| item_bins.iter().copied().chain([bins, bins + 1]).collect())
            .collect();
        let per_display: Vec<(Vec<f64>, DMatrix<f64>)> =
            (0..displays.len()).into_par_iter().map(|display| of_display(mixture, display)).collect();
        let mut observed = DMatrix::zeros(bins + 2, bins + 2);
        let mut scores = vec![vec![0.0; bins + 2]; displays.len()];
        let mut expected = vec![0.0; bins + 2];
        for (display, (score, information)) in per_display.iter().enumerate() {
            let parameters = &displays[display];
            for (j, &of_j) in parameters.iter().enumerate() {
                scores[display][of_j] += score[j];
                for (k, &of_k) in parameters.iter().enumerate() {
                    observed[(of_j, of_k)] += information[(j, k)];
                }
            }
            let masses = &mixture.masses[display];
            let items = masses[2..].iter().copied().chain([masses[0], masses[1..].iter().sum()]);
            parameters.iter().zip(items).for_each(|(&parameter, mass)| expected[parameter] += mass);
        }
        let parameters = if mixture.free == Free::All { bins + 2 } else { bins };
        let told: Vec<usize> = (0..parameters).filter(|&p| expected[p] > FEWEST).collect();
        let informed = told.iter().copied().filter(|&p| observed[(p, p)] > 0.0).collect();
        Self { scores, observed, told, informed }
    }

    /// Whether the responses tell of a parameter.
    pub(crate) fn informs(&self, parameter: usize) -> bool {
        self.informed.contains(&parameter)
    }

    /// Newton's step towards more likely parameters, in (log odds of the bins, log odds of a guess, ln κ), and the gain in
    /// log-likelihood (nats) that it promises. Where the likelihood bends upwards the step goes uphill all the same: the
    /// information, scaled to a unit diagonal, is taken with the absolute values of its eigenvalues.
    pub(crate) fn newton_step(&self, kappa: f64) -> (Vec<f64>, f64) {
        let last = self.observed.nrows() - 1;
        let mut step = vec![0.0; last + 1];
        let free: Vec<usize> = self
            .told
            .iter()
            .copied()
            .filter(|&parameter| parameter < last || (kappa > 0.0 && kappa < MAX_KAPPA))
            .collect();
        if free.is_empty() {
            return (step, 0.0);
        }
        // From κ to ln κ.
        let unit = |parameter: usize| if parameter == last { kappa } else { 1.0 };
        let score = DVector::from_iterator(
            free.len(),
            free.iter().map(|&p| unit(p) * self.scores.iter().map(|score| score[p]).sum::<f64>()),
        );
        let mut information = DMatrix::from_fn(free.len(), free.len(), |j, k| {
            unit(free[j]) * unit(free[k]) * self.observed[(free[j], free[k])]
        });
        if let Some(at) = free.iter().position(|&parameter| parameter == last) {
            information[(at, at)] -= score[at];
        }
        let scale = information.diagonal().map(|value| value.abs().max(f64::MIN_POSITIVE).sqrt().recip());
        let scaled =
            DMatrix::from_fn(free.len(), free.len(), |j, k| information[(j, k)] * scale[j] * scale[k]);
        let eigen = scaled.symmetric_eigen();
        let mut along = eigen.eigenvectors.tr_mul(&score.component_mul(&scale));
        for (component, value) in along.iter_mut().zip(&eigen.eigenvalues) {
            *component /= value.abs().max(FLATTEST);
        }
        let towards = (eigen.eigenvectors * along).component_mul(&scale);
        free.iter().zip(&towards).for_each(|(&parameter, &by)| step[parameter] = by);
        (step, 0.5 * towards.dot(&score))
    }

    /// What each display adds to functions of the parameters whose derivatives are the rows of `slopes`:
    /// display-major.
    pub(crate) fn influence(&self, slopes: &DMatrix<f64>) -> Vec<f64> {
        let informed = &self.informed;
        let reduced = self.observed.select_rows(informed).select_columns(informed);
        let inverse = reduced.clone().cholesky().map_or_else(
            || DMatrix::from_diagonal(&reduced.diagonal().map(f64::recip)),
            |cholesky| cholesky.inverse(),
        );
        let gain = slopes.select_columns(informed) * inverse;
        let of = |score: &Vec<f64>| {
            &gain * DVector::from_iterator(informed.len(), informed.iter().map(|&parameter| score[parameter]))
        };
        self.scores.iter().flat_map(|score| of(score).iter().copied().collect::<Vec<_>>()).collect()
    }
}

/// Score and information of one display in (log odds of every uncued item, log odds of a guess, κ).
///
/// With w the choice weights of the items, u that of a guess and A = A(κ), the score of a response from item j is
/// (eⱼ − w, −u, cos(error) − A), with no eⱼ for the cued item, and that of a guess (0, 1 − u, 0).
fn of_display(mixture: &Mixture, display: usize) -> (Vec<f64>, DMatrix<f64>) {
    let weights = &mixture.weights[display];
    let (u, others) = (weights[0], weights.len() - 2);
    let w = DVector::from_iterator(others, weights[2..].iter().map(|weight| weight / (1.0 - u)));
    let kappa = mixture.kappa[display];
    let (a, slope) = (bessel_ratio(kappa), bessel_ratio_derivative(kappa));
    let size = others + 2;
    // Of a response that is known to come from an item, and of any response.
    let mut chosen = DMatrix::zeros(size, size);
    chosen.view_mut((0, 0), (others, others)).copy_from(&(DMatrix::from_diagonal(&w) - &w * w.transpose()));
    chosen[(others + 1, others + 1)] = slope;
    let mut from_items = 0.0;
    let mut total = DVector::zeros(size);
    let mut information = DMatrix::zeros(size, size);
    let (mut score, mut mean) = (DVector::zeros(size), DVector::zeros(size));
    mixture.responsibilities(display, |sample, shares| {
        from_items += 1.0 - shares[0];
        mean.fill(0.0);
        for (source, &share) in shares.iter().enumerate() {
            score.fill(0.0);
            score[others] = f64::from(source == 0) - u;
            if source > 0 {
                score.rows_mut(0, others).axpy(-1.0, &w, 0.0);
                score[others + 1] = mixture.cosine_of(display, sample, source - 1) - a;
            }
            if source > 1 {
                score[source - 2] += 1.0;
            }
            mean.axpy(share, &score, 1.0);
            information.ger(-share, &score, &score, 1.0);
        }
        information.ger(1.0, &mean, &mean, 1.0);
        total += &mean;
    });
    information += chosen * from_items;
    information[(others, others)] += u * (1.0 - u) * mixture.samples() as f64;
    (total.iter().copied().collect(), information)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::f64::consts::PI;

    use errare_core::random::{Purpose, stream};
    use errare_core::special::NORMAL_975;
    use errare_core::von_mises::VonMises;
    use errare_network::Responses;
    use rand::RngExt;

    use super::*;
    use crate::interval::standard_error_of_sum;
    use crate::mixture::{DistanceBins, MixtureTarget};
    use crate::testing::ring_responses;

    const KAPPA: f64 = 6.0;
    const GUESSES: f64 = 0.2;

    /// Sources that overlap: much of what could be known of them is not.
    fn drawn(displays: usize, samples: usize, seed: u64) -> Responses {
        let noise = RefCell::new(stream(seed, Purpose::Surrogate, &[]));
        let emission = VonMises::new(KAPPA).unwrap();
        ring_responses(displays, 3, samples, |display, _| {
            let mut noise = noise.borrow_mut();
            let source: f64 = noise.random();
            if source < GUESSES {
                return noise.random_range(-PI..PI);
            }
            display.report[usize::from(source > 0.8) + usize::from(source > 0.9)]
                + emission.sample(&mut noise)
        })
    }

    fn fitted(responses: &Responses) -> Mixture {
        let target = MixtureTarget::new(10.0, 0.1).unwrap();
        Mixture::fit(responses, &target, &DistanceBins::single(), Free::All).unwrap()
    }

    /// The log-likelihood of responses at (log odds of an uncued item, log odds of a guess, κ).
    fn log_likelihood(responses: &Responses, [odds, guess, kappa]: [f64; 3]) -> f64 {
        let (odds, guess) = (odds.exp(), 1.0 / (1.0 + (-guess).exp()));
        let emission = VonMises::new(kappa).unwrap();
        let density = |display: &errare_behaviour::Display, response: f64| {
            let items = display.report.iter().enumerate().map(|(item, report)| {
                let weight = if item == 0 { 1.0 } else { odds };
                weight * emission.log_density(response - report).exp()
            });
            guess / (2.0 * PI) + (1.0 - guess) * items.sum::<f64>() / (1.0 + 2.0 * odds)
        };
        responses.polar().map(|(display, response, _)| density(display, response).ln()).sum()
    }

    #[test]
    fn scores_and_information_are_the_derivatives_of_the_likelihood() {
        let responses = drawn(40, 12, 1);
        let mixture = fitted(&responses);
        let weights = &mixture.weights[0];
        let logit = (weights[0] / (1.0 - weights[0])).ln();
        let at = [(weights[2] / weights[1]).ln(), logit, mixture.kappa[0]];
        let moved = |j: usize, by: f64| std::array::from_fn(|i| at[i] + if i == j { by } else { 0.0 });
        let information = Information::of(&mixture, 1);
        let step = 1e-3;
        for j in 0..3 {
            let score: f64 = information.scores.iter().map(|score| score[j]).sum();
            assert!(score.abs() < 2e-3, "the score of a fitted parameter is {score}");
            for k in 0..3 {
                let both = |a: f64, b: f64| {
                    let mut place: [f64; 3] = moved(j, a);
                    place[k] += b;
                    log_likelihood(&responses, place)
                };
                let curvature = (both(step, step) - both(step, -step) - both(-step, step)
                    + both(-step, -step))
                    / (4.0 * step * step);
                let found = information.observed[(j, k)];
                assert!(
                    (found + curvature).abs() < 2e-3 * (1.0 + found.abs()),
                    "{j} {k}: {found} {curvature}"
                );
            }
        }
    }

    #[test]
    fn intervals_of_precision_and_guesses_cover() {
        const RUNS: u64 = 80;
        let mut covered = [0u32; 2];
        // Mean squares of the standard errors, and of the errors.
        let mut squares = [[0.0; 2]; 2];
        for seed in 0..RUNS {
            let responses = drawn(60, 20, 100 + seed);
            let mixture = fitted(&responses);
            let guess = mixture.weights[0][0];
            let mut slopes = DMatrix::zeros(2, 3);
            slopes[(0, 2)] = 1.0;
            slopes[(1, 1)] = guess * (1.0 - guess);
            let influence = Information::of(&mixture, 1).influence(&slopes);
            for (row, error) in [mixture.kappa[0] - KAPPA, guess - GUESSES].into_iter().enumerate() {
                let sd = standard_error_of_sum(influence.iter().skip(row).step_by(2).copied());
                covered[row] += u32::from(error.abs() < NORMAL_975 * sd);
                squares[row][0] += sd * sd / RUNS as f64;
                squares[row][1] += error * error / RUNS as f64;
            }
        }
        for covered in covered {
            let coverage = f64::from(covered) / RUNS as f64;
            assert!((0.88..=1.0).contains(&coverage), "95 % intervals cover {coverage}");
        }
        for [claimed, found] in squares {
            let ratio = (claimed / found).sqrt();
            assert!((0.8..1.25).contains(&ratio), "standard errors are {ratio} times the errors");
        }
    }
}
