//! BNS against finite differences, other algorithms, and simulated truth.

use std::f64::consts::PI;

use approx::assert_abs_diff_eq;
use errare_core::random::{Purpose, stream};
use errare_core::von_mises::VonMises;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::estimate::Search;
use super::expectation::Design;
use super::inference::{Gaussian, Prior, evaluate, log_scale_slopes, optimise};
use super::*;
use crate::likelihood::LogEmissions;
use crate::likelihood::testing::{human, observations, simulated};
use crate::{
    Display, DisplayGenerator, Emission, EmissionParameters, Observations, ResponseModel, SwapFunction,
    fit_mixture,
};

/// A swap function with a von Mises emission and guesses.
#[derive(Debug)]
struct Truth {
    swap: SwapFunction,
    guess: f64,
    emission: VonMises,
}

impl ResponseModel for Truth {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = self.swap.weights(display);
        weights.iter_mut().for_each(|weight| *weight *= 1.0 - self.guess);
        weights[0] += self.guess;
        weights
    }
    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

const GRADED: SwapFunction = SwapFunction::Distance { width: 1.5, offset: -0.5 };

fn data(swap: SwapFunction, guess: f64, set_size: usize, trials: u64, seed: u64) -> Observations {
    let truth = Truth { swap, guess, emission: VonMises::new(12.0).unwrap() };
    observations(&simulated(&truth, &DisplayGenerator::standard(set_size).unwrap(), trials, seed))
}

/// Trials, basis and prior at given hyperparameters.
fn problem<'a>(
    observations: &'a Observations,
    basis: &'a dyn super::basis::SwapBasis,
    x: &[f64],
) -> (Search<'a>, Prior) {
    problem_of(observations, basis, x, &BnsOptions::default())
}

fn problem_of<'a>(
    observations: &'a Observations,
    basis: &'a dyn super::basis::SwapBasis,
    x: &[f64],
    options: &BnsOptions,
) -> (Search<'a>, Prior) {
    let search = Search::new(
        observations,
        basis,
        SwapDependence::Probe,
        options,
        &super::estimate::whole(observations),
    )
    .unwrap();
    let prior = search.prior(x);
    (search, prior)
}

fn fitted(observations: &Observations, dependence: SwapDependence) -> BnsEstimate {
    fit_bns(observations, dependence, &BnsOptions::default()).unwrap()
}

fn kappa(fit: &BnsEstimate) -> f64 {
    fit.emission.kappa().unwrap()
}

/// Expectations over all trials.
fn expectation(
    design: &Design<'_>,
    emissions: &LogEmissions,
    mean: &DVector<f64>,
    covariance: &DMatrix<f64>,
) -> super::expectation::Expectation {
    design.expectation(0..design.observations.len(), emissions, mean, covariance, f64::INFINITY)
}

/// A Gaussian that is neither the prior nor an optimum.
fn arbitrary(size: usize, spread: f64) -> (DVector<f64>, DMatrix<f64>) {
    let mut stream = stream(1, Purpose::Starts, &[size as u64]);
    let mut normal = || stream.sample::<f64, _>(StandardNormal);
    let mean = DVector::from_fn(size, |index, _| if index < 2 { -1.0 } else { 0.3 * normal() });
    let factor = DMatrix::from_fn(size, size, |_, _| spread * normal() / (size as f64).sqrt());
    (mean, &factor * factor.transpose() + 0.01 * DMatrix::identity(size, size))
}

#[test]
fn the_spectrum_is_that_of_the_kernel() {
    for tau in [3.0, 4.5, 6.0, 12.0, 20.0] {
        let spectrum = wendland_spectrum(tau, 64);
        assert_abs_diff_eq!(spectrum[0].0, 2.0 / (tau + 2.0), epsilon = 1e-12);
        assert!(spectrum.iter().all(|&(value, _)| value > -1e-12), "tau {tau}");
        let total: f64 = spectrum.iter().map(|&(value, _)| value).sum();
        assert!((0.99..1.0 + 1e-12).contains(&total), "tau {tau}: {total}");
        let h = 1e-4;
        let (above, below) = (wendland_spectrum(tau + h, 64), wendland_spectrum(tau - h, 64));
        for k in 0..=64 {
            let numeric = (above[k].0 - below[k].0) / (2.0 * h);
            assert_abs_diff_eq!(spectrum[k].1, numeric, epsilon = 1e-8);
        }
    }
    // Left out after the first twelve, sixteen or twenty-four coefficients, in per cent.
    for (tau, modes, expected) in [(6.0, 8, 0.66), (6.0, 12, 0.19), (12.0, 12, 1.4), (20.0, 24, 0.8)] {
        let kept: f64 = wendland_spectrum(tau, modes - 1).iter().map(|&(value, _)| value).sum();
        assert_abs_diff_eq!(100.0 * (1.0 - kept), expected, epsilon = 0.05);
    }
    // Below its range the kernel is not positive.
    assert!(wendland_spectrum(1.0, 16).iter().any(|&(value, _)| value < -0.05));
}

/// The prior covariance of f is twice the even part of the stationary kernel, its constant part counted once.
#[test]
fn the_features_reproduce_the_kernel() {
    let (tau, modes) = (6.0f64, 64);
    let basis = SwapDependence::Probe.basis_of(modes);
    let scales = basis.scales(&[0.0, (tau - 3.0).ln()]).values;
    let kernel = |theta: f64| {
        let x = errare_core::angle::wrap(theta).abs() / PI;
        (1.0 + tau * x) * (1.0 - x).powf(tau)
    };
    let mut stream = stream(3, Purpose::Starts, &[]);
    for _ in 0..50 {
        let (a, b) = (stream.random_range(-PI..PI), stream.random_range(-PI..PI));
        let (mut left, mut right) = (vec![0.0; modes + 1], vec![0.0; modes + 1]);
        basis.fill(a, f64::NAN, &mut left);
        basis.fill(b, f64::NAN, &mut right);
        let covariance: f64 =
            left.iter().zip(&right).zip(&scales).map(|((l, r), scale)| l * r * scale * scale).sum();
        let expected = kernel(a - b) + kernel(a + b) - 2.0 / (tau + 2.0);
        assert_abs_diff_eq!(covariance, expected, epsilon = 4e-5);
    }
}

/// Expectation of the gradient and of the Hessian against differences of E log likelihood by the mean.
#[test]
fn expected_derivatives_match_finite_differences() {
    for (set_size, dependence, modes, uniform) in [
        (1, SwapDependence::Probe, 4, true),
        (2, SwapDependence::Probe, 4, true),
        (4, SwapDependence::Report, 4, false),
        (4, SwapDependence::Both, 3, true),
        (3, SwapDependence::Both, 2, false),
        (3, SwapDependence::Additive, 3, true),
    ] {
        let observations = data(GRADED, 0.1, set_size, 60, 2);
        let basis = dependence.basis_of(modes);
        let design = Design::new(&observations, basis.as_ref(), dependence, uniform).unwrap();
        let emissions = LogEmissions::von_mises(&observations, &VonMises::new(9.0).unwrap());
        let (mean, covariance) = arbitrary(design.coefficients(), 0.2);
        let at = |mean: &DVector<f64>| expectation(&design, &emissions, mean, &covariance);
        let here = at(&mean);
        let h = 1e-4;
        for index in 0..mean.len() {
            let shift = |by: f64| {
                let mut moved = mean.clone();
                moved[index] += by;
                at(&moved)
            };
            let (above, below) = (shift(h), shift(-h));
            let slope = (above.log_likelihood - below.log_likelihood) / (2.0 * h);
            assert_abs_diff_eq!(here.gradient[index], slope, epsilon = 1e-6);
            let column = (&above.gradient - &below.gradient) / (2.0 * h);
            assert_abs_diff_eq!(here.curvature.column(index).into_owned(), -column, epsilon = 1e-5);
        }
    }
}

/// Slopes of the prior scales by the hyperparameters, of every dependence.
#[test]
fn scales_move_with_the_hyperparameters_as_they_say() {
    for dependence in SwapDependence::ALL {
        let basis = dependence.basis();
        let x: Vec<f64> = (0..basis.hyperpriors().len()).map(|index| 0.2 + 0.3 * index as f64).collect();
        let scales = basis.scales(&x);
        assert_eq!(scales.values.len(), basis.features());
        let h = 1e-5;
        for (axis, slopes) in scales.log_slopes.iter().enumerate() {
            let value = |by: f64| {
                let mut moved = x.clone();
                moved[axis] += by;
                basis.scales(&moved).values
            };
            let (above, below) = (value(h), value(-h));
            for (index, slope) in slopes.iter().enumerate().filter(|(index, _)| scales.values[*index] > 1e-5)
            {
                let numeric = (above[index] / below[index]).ln() / (2.0 * h);
                assert_abs_diff_eq!(*slope, numeric, epsilon = 1e-6 * numeric.abs().max(1.0));
            }
        }
    }
}

/// A finer basis has the features of the coarser one at the places it tells.
#[test]
fn refined_bases_hold_the_coarser_ones() {
    for dependence in SwapDependence::ALL {
        let basis = dependence.basis();
        // Short lengths need many modes.
        let x = vec![3.0; basis.hyperpriors().len()];
        let Some((finer, places)) = basis.refined(&x) else {
            assert_eq!(dependence, SwapDependence::None);
            continue;
        };
        let fill = |basis: &dyn super::basis::SwapBasis| {
            let mut features = vec![0.0; basis.features()];
            basis.fill(0.7, -1.9, &mut features);
            features
        };
        let (coarse, fine) = (fill(basis.as_ref()), fill(finer.as_ref()));
        for (feature, place) in coarse.iter().zip(places) {
            assert_abs_diff_eq!(*feature, fine[place], epsilon = 1e-13);
        }
        assert!(finer.features() > basis.features());
    }
}

/// The fixed nodes against plain Monte Carlo over the coefficients.
#[test]
fn expectations_match_draws_of_the_coefficients() {
    for set_size in [1, 2, 3, 6, 8] {
        let observations = data(GRADED, 0.15, set_size, 30, 4);
        let basis = SwapDependence::Probe.basis_of(6);
        let design = Design::new(&observations, basis.as_ref(), SwapDependence::Probe, true).unwrap();
        let emissions = LogEmissions::von_mises(&observations, &VonMises::new(10.0).unwrap());
        let (mean, covariance) = arbitrary(design.coefficients(), 0.4);
        let expectation = expectation(&design, &emissions, &mean, &covariance);
        let factor = covariance.cholesky().unwrap().unpack();
        let (draws, mut sum, mut square) = (20_000u32, 0.0, 0.0);
        let mut stream = stream(5, Purpose::Posterior, &[]);
        for _ in 0..draws / 1000 {
            let normals = DMatrix::from_fn(mean.len(), 1000, |_, _| stream.sample::<f64, _>(StandardNormal));
            let mut coefficients = &factor * normals;
            coefficients.column_iter_mut().for_each(|mut column| column += &mean);
            for value in design.log_likelihoods(&emissions, &coefficients) {
                sum += value;
                square += value * value;
            }
        }
        let average = sum / f64::from(draws);
        let error = ((square / f64::from(draws) - average * average) / f64::from(draws)).sqrt();
        let difference = (expectation.log_likelihood - average).abs();
        assert!(difference < 4.0 * error + 2e-3, "{set_size}: {difference} of {average}, error {error}");
    }
}

#[test]
fn slopes_by_the_hyperparameters_match_finite_differences() {
    let observations = data(GRADED, 0.1, 2, 400, 6);
    let basis = SwapDependence::Probe.basis();
    let x = [-0.3, 0.8];
    let (search, prior) = problem(&observations, basis.as_ref(), &x);
    // At fixed q and κ, away from any optimum.
    let (mean, covariance) = arbitrary(search.problem.design.coefficients(), 0.3);
    let q = Gaussian { covariance, ..Gaussian::unit(mean) };
    let point = evaluate(&search.problem, &prior, q.clone(), vec![vec![8f64.ln()]]);
    let slopes = log_scale_slopes(&point, &prior, 2);
    let log_slopes = basis.scales(&x).log_slopes;
    let h = 1e-4;
    for axis in 0..2 {
        let value = |by: f64| {
            let mut moved = x;
            moved[axis] += by;
            evaluate(&search.problem, &search.prior(&moved), q.clone(), vec![vec![8f64.ln()]]).elbo
        };
        let numeric = (value(h) - value(-h)) / (2.0 * h);
        let analytic: f64 = slopes.iter().zip(&log_slopes[axis]).map(|(slope, log)| slope * log).sum();
        assert_abs_diff_eq!(analytic, numeric, epsilon = 1e-3 * numeric.abs().max(1.0));
    }
    // And in total, with q and κ at their optimum for every value of the hyperparameters.
    let start = || Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
    let optimum = |x: &[f64]| search.objective(x, start(), vec![vec![10f64.ln()]]);
    let (_, gradient, end) = optimum(&x);
    let h = 0.02;
    for axis in 0..2 {
        let value = |by: f64| {
            let mut moved = x;
            moved[axis] += by;
            optimum(&moved).0
        };
        let numeric = (value(h) - value(-h)) / (2.0 * h);
        assert_abs_diff_eq!(gradient[axis], numeric, epsilon = 0.01 * numeric.abs().max(0.5));
    }
    // At an optimum the slopes take the simpler form μ² + C − 1.
    for (index, slope) in log_scale_slopes(&end.point, &prior, 2).iter().enumerate() {
        let (mean, variance) = (end.point.q.mean[index + 2], end.point.q.covariance[(index + 2, index + 2)]);
        assert_abs_diff_eq!(*slope, mean * mean + variance - 1.0, epsilon = 5e-3);
    }
}

#[test]
fn the_line_search_converges_from_any_start() {
    let basis = SwapDependence::Probe.basis();
    let mut longest = 0;
    for seed in 0..10 {
        let observations = data(GRADED, 0.1, 2, 2000, 20 + seed);
        let (search, prior) = problem(&observations, basis.as_ref(), &[0.0, 2f64.ln()]);
        let ends: Vec<_> = [2.0, 10.0]
            .into_iter()
            .map(|kappa| {
                let q = Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
                optimise(&search.problem, &prior, q, vec![vec![f64::ln(kappa)]])
            })
            .collect();
        assert_abs_diff_eq!(ends[0].point.elbo, ends[1].point.elbo, epsilon = 0.01);
        let [a, b] = [0, 1].map(|end: usize| ends[end].point.coordinates[0][0]);
        assert_abs_diff_eq!(a, b, epsilon = 0.002);
        longest = ends.iter().map(|end| end.iterations).fold(longest, usize::max);
    }
    assert!(longest <= 15, "{longest} iterations");
}

/// With a constant swap function and many trials BNS is the three-component mixture.
#[test]
fn a_constant_swap_function_is_the_three_component_mixture() {
    let observations = data(SwapFunction::Flat { swap_probability: 0.25 }, 0.1, 4, 4000, 8);
    let bns = fitted(&observations, SwapDependence::None);
    let mixture = fit_mixture(&observations, true).unwrap();
    assert_abs_diff_eq!(bns.log_likelihood, mixture.log_likelihood, epsilon = 0.02);
    assert_abs_diff_eq!(kappa(&bns), mixture.kappa, epsilon = 0.1);
    assert_abs_diff_eq!(bns.weights.target, mixture.weights.target, epsilon = 0.004);
    assert_abs_diff_eq!(bns.weights.uniform, mixture.weights.uniform, epsilon = 0.004);
    // The Gaussian evidence of three parameters: the best fit less the volume that the data leave.
    assert!(bns.elbo <= bns.log_evidence + 0.02 && bns.log_evidence < mixture.log_likelihood);
}

#[test]
fn the_evidence_is_bounded_and_its_draws_are_effective() {
    let mut gains = Vec::new();
    for (seed, swap) in [(1, GRADED), (2, SwapFunction::Flat { swap_probability: 0.2 })] {
        let observations = data(swap, 0.1, 4, 1000, 30 + seed);
        let both = [SwapDependence::Probe, SwapDependence::None].map(|dependence| {
            let fit = fitted(&observations, dependence);
            let share = fit.ess / fit.evidence_draws as f64;
            assert!(share > 0.3, "{dependence:?}: {share}");
            let error = ((1.0 - share) / fit.ess).sqrt();
            assert!(fit.elbo <= fit.log_evidence + 4.0 * error, "{} above {}", fit.elbo, fit.log_evidence);
            assert!(fit.log_evidence - fit.elbo < 0.5);
            fit.log_evidence
        });
        gains.push(both[0] - both[1]);
    }
    assert!(gains[0] > 3.0, "graded swaps must favour the swap function of distance: {gains:?}");
    assert!(gains[1] < 1.0, "flat swaps must not: {gains:?}");
}

/// The Gaussian posterior against the exact one, by importance weights.
#[test]
fn the_posterior_has_the_moments_of_the_exact_one() {
    let observations = data(GRADED, 0.1, 3, 500, 12);
    let basis = SwapDependence::Probe.basis();
    let (search, prior) = problem(&observations, basis.as_ref(), &[-0.2, 1.0]);
    let start = Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
    let point = optimise(&search.problem, &prior, start, vec![vec![10f64.ln()]]).point;
    let emissions = search.problem.log_emissions(&point.coordinates);
    let factor = point.q.covariance.clone().cholesky().unwrap().unpack();
    let size = point.q.mean.len();
    let mut stream = stream(6, Purpose::Posterior, &[]);
    let draws: Vec<(f64, DVector<f64>)> = (0..20)
        .flat_map(|_| {
            let normals = DMatrix::from_fn(size, 1000, |_, _| stream.sample::<f64, _>(StandardNormal));
            let mut whitened = &factor * &normals;
            whitened.column_iter_mut().for_each(|mut column| column += &point.q.mean);
            let mut coefficients = whitened.clone();
            coefficients
                .column_iter_mut()
                .for_each(|mut column| column.copy_from(&(&prior.mean + prior.sd.component_mul(&column))));
            let values = search.problem.design.log_likelihoods(&emissions, &coefficients);
            (0..1000)
                .map(|draw| {
                    let own = whitened.column(draw).into_owned();
                    let log_ratio = 0.5 * (normals.column(draw).norm_squared() - own.norm_squared());
                    (values[draw] + log_ratio, own)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let top = draws.iter().map(|(log_weight, _)| *log_weight).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = draws.iter().map(|(log_weight, _)| (log_weight - top).exp()).sum();
    let weighted = |value: &dyn Fn(&DVector<f64>) -> f64| -> f64 {
        draws.iter().map(|(log_weight, w)| (log_weight - top).exp() / total * value(w)).sum()
    };
    for index in 0..size {
        let mean = weighted(&|w| w[index]);
        let sd = weighted(&|w| (w[index] - mean).powi(2)).sqrt();
        assert!((point.q.mean[index] - mean).abs() < 0.15 * sd, "mean of {index}");
        let ratio = point.q.covariance[(index, index)].sqrt() / sd;
        assert!((ratio - 1.0).abs() < 0.12, "sd of {index}: {ratio} times");
    }
}

/// One and a half times the errors that a prototype reached; set size 2, κ = 30, separation π/4, means of two.
#[test]
fn swap_functions_are_recovered() {
    let generator = DisplayGenerator::new(2, PI / 4.0, PI / 4.0).unwrap();
    let flat = |swap_probability| SwapFunction::Flat { swap_probability };
    for (swap, limits) in [
        (SwapFunction::Distance { width: 1.5, offset: 0.0 }, [0.046, 0.028]),
        (flat(0.3), [0.039, 0.021]),
        (flat(0.05), [0.0165, 0.0075]),
        (SwapFunction::None, [0.003, 0.0012]),
    ] {
        for (trials, limit) in [1024, 4096].into_iter().zip(limits) {
            let mut mean = 0.0;
            for seed in 0..2 {
                let truth = Truth { swap, guess: 0.0, emission: VonMises::new(30.0).unwrap() };
                let fit = fitted(
                    &observations(&simulated(&truth, &generator, trials, seed)),
                    SwapDependence::Probe,
                );
                let mut squares = 0.0;
                for index in 0..50 {
                    let distance = PI / 4.0 + 0.75 * PI * f64::from(index) / 49.0;
                    let display =
                        Display { probe: vec![0.0, distance], report: vec![0.0, 1.0], cued_slot: 0 };
                    let fitted = fit.posterior.swap_probability(distance, None).unwrap().mean;
                    squares += (fitted - swap.weights(&display)[2]).powi(2);
                }
                mean += 0.5 * (squares / 50.0).sqrt();
                assert_abs_diff_eq!(kappa(&fit), 30.0, epsilon = 2.5);
            }
            assert!(mean < limit, "{swap:?}, {trials} trials: {mean}");
        }
    }
}

#[test]
fn credible_bands_cover_the_truth() {
    let swap = GRADED;
    let (mut covered, mut all) = (0, 0);
    for seed in 0..12 {
        let fit = fitted(&data(swap, 0.1, 2, 600, 60 + seed), SwapDependence::Probe);
        for point in fit.swap_curve.iter().filter(|point| point.has_data) {
            let display = Display { probe: vec![0.0, point.distance], report: vec![0.0, 1.0], cued_slot: 0 };
            let truth = swap.weights(&display)[2];
            covered += usize::from((point.lo..=point.hi).contains(&truth));
            all += 1;
        }
    }
    let share = covered as f64 / all as f64;
    assert!((0.85..=0.995).contains(&share), "{share}");
}

#[test]
fn the_curve_knows_where_there_are_data() {
    let observations = data(GRADED, 0.05, 2, 300, 9);
    let fit = fitted(&observations, SwapDependence::Probe);
    let (low, high) = observations.probe_range().unwrap();
    assert_eq!(fit.swap_curve.len(), 101);
    for point in &fit.swap_curve {
        assert_eq!(point.has_data, (low - 1e-3..=high + 1e-3).contains(&point.distance));
        assert!(point.lo <= point.mean && point.mean <= point.hi);
    }
    assert!(!fit.swap_curve[0].has_data);
    // The posterior is wider where it is the prior's.
    let width = |index: usize| fit.swap_curve[index].hi - fit.swap_curve[index].lo;
    assert!(width(0) > width(50));
}

#[test]
fn one_item_leaves_guesses_and_correct_reports() {
    let observations = data(SwapFunction::None, 0.2, 1, 800, 10);
    let fit = fitted(&observations, SwapDependence::Probe);
    assert_eq!(fit.weights.nontarget, None);
    assert!(fit.swap_curve.is_empty() && fit.hyperparameters.is_empty() && !fit.posterior.has_swaps());
    assert_abs_diff_eq!(fit.weights.uniform, 0.2, epsilon = 0.06);
}

#[test]
fn mixed_set_sizes_share_one_swap_function() {
    let truth = Truth { swap: GRADED, guess: 0.0, emission: VonMises::new(20.0).unwrap() };
    let mut trials = Vec::new();
    for set_size in [1, 2, 3] {
        let generator = DisplayGenerator::new(set_size, 0.5, 0.5).unwrap();
        trials.extend(simulated(&truth, &generator, 800, set_size as u64));
    }
    let fit = fitted(&observations(&trials), SwapDependence::Probe);
    let display = Display { probe: vec![0.0, 1.0], report: vec![0.0, 1.0], cued_slot: 0 };
    let expected = GRADED.weights(&display)[2];
    assert_abs_diff_eq!(fit.posterior.swap_probability(1.0, None).unwrap().mean, expected, epsilon = 0.05);
}

#[test]
fn degenerate_trials_are_fitted() {
    let perfect = simulated(&SwapFunction::None, &DisplayGenerator::standard(2).unwrap(), 60, 1);
    let fit = fitted(&observations(&perfect), SwapDependence::Probe);
    assert!(fit.log_likelihood.is_finite() && fit.log_evidence.is_finite());
    assert!(fit.weights.target > 0.9);
    let one = fitted(&observations(&perfect[..1]), SwapDependence::Probe);
    assert!(one.log_evidence.is_finite());
    let guesses = data(SwapFunction::None, 1.0, 4, 300, 3);
    let fit = fitted(&guesses, SwapDependence::Probe);
    assert!(fit.log_evidence.is_finite() && kappa(&fit).is_finite());
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let observations = data(GRADED, 0.1, 3, 700, 11);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(&observations, SwapDependence::Probe))
    };
    assert_eq!(with(1), with(3));
}

/// Bays, Catalao & Husain (2009): location cues change swaps a little at set size 6 and not at 4.
#[test]
fn human_swaps_by_location() {
    for (set_size, low, high) in [(4, -1.0, 0.8), (6, 2.5, 4.5)] {
        let Some(trials) = human("bays2009", set_size) else { return };
        let observations = observations(&trials);
        let evidence = |dependence| fitted(&observations, dependence).log_evidence;
        let gain = evidence(SwapDependence::Probe) - evidence(SwapDependence::None);
        assert!((low..high).contains(&gain), "set size {set_size}: {gain}");
    }
}

/// Swaps at intermediate report distance and near probe distance; each dependence finds what it can see.
#[derive(Debug)]
struct Joint {
    by_probe: f64,
    by_report: f64,
    emission: VonMises,
}

impl ResponseModel for Joint {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = vec![0.1, 1.0];
        weights.extend((1..display.set_size()).map(|item| {
            let (probe, report) = (display.probe_offset(item).unwrap(), display.report_offset(item));
            (-1.8 + self.by_probe * probe.cos() - self.by_report * (2.0 * report).cos()).exp()
        }));
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }
    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

fn joint(by_probe: f64, by_report: f64, trials: u64, seed: u64) -> Vec<(Display, f64)> {
    let truth = Joint { by_probe, by_report, emission: VonMises::new(12.0).unwrap() };
    simulated(&truth, &DisplayGenerator::new(4, 0.6, 0.6).unwrap(), trials, seed)
}

#[test]
fn each_dependence_recovers_its_swap_function() {
    let observations = observations(&joint(1.5, 1.0, 1500, 5));
    for (dependence, limit) in [(SwapDependence::Both, 0.75), (SwapDependence::Additive, 0.5)] {
        let fit = fitted(&observations, dependence);
        let seen: Vec<f64> = fit
            .swap_surface
            .iter()
            .filter(|point| point.has_data)
            .map(|point| {
                let truth = -1.8 + 1.5 * point.probe.cos() - (2.0 * point.report).cos();
                point.odds.ln() - truth
            })
            .collect();
        let rms = (seen.iter().map(|error| error * error).sum::<f64>() / seen.len() as f64).sqrt();
        assert!(seen.len() > 200 && rms < limit, "{dependence:?}: {rms} logits over {}", seen.len());
        assert!(fit.swap_mass.unwrap() <= fit.weights.nontarget.unwrap());
    }
    let fit = fitted(&observations, SwapDependence::Report);
    let at = |distance: f64| fit.posterior.swap_probability(distance, None).unwrap().mean;
    assert!(
        at(PI / 2.0) > 1.8 * at(PI) && at(PI / 2.0) > 1.8 * at(0.7),
        "{} {} {}",
        at(0.7),
        at(PI / 2.0),
        at(PI)
    );
    assert!(
        !fit.swap_curve[5].has_data && fit.swap_curve[50].has_data,
        "near items pass for correct reports"
    );
}

/// Each emission on its own data: parameters recovered, and more likely than von Mises where the tails are heavy.
#[test]
fn emissions_are_recovered() {
    #[derive(Debug)]
    struct Heavy(std::sync::Arc<dyn Emission>);
    impl ResponseModel for Heavy {
        fn weights(&self, display: &Display) -> Vec<f64> {
            GRADED.weights(display)
        }
        fn emission(&self, _: &Display) -> Option<&dyn Emission> {
            Some(self.0.as_ref())
        }
    }
    let truths = [
        EmissionParameters::VonMisesMixture { lambda: 0.6, kappa_1: 40.0, kappa_2: 3.0 },
        EmissionParameters::WrappedStable { alpha: 1.4, gamma: 0.15 },
    ];
    for (family, truth) in EmissionFamily::ALL[1..].iter().zip(truths) {
        let generator = DisplayGenerator::new(2, 0.7, 0.7).unwrap();
        let observations = observations(&simulated(&Heavy(truth.emission(2).unwrap()), &generator, 3000, 4));
        let with = |emission| {
            let options = BnsOptions { emission, ..BnsOptions::default() };
            fit_bns(&observations, SwapDependence::Probe, &options).unwrap()
        };
        let fit = with(*family);
        for ((name, value), (_, expected)) in fit.emission.named().into_iter().zip(truth.named()) {
            assert!((value / expected - 1.0).abs() < 0.2, "{name}: {value} for {expected}");
        }
        assert_eq!(fit.uniform, *family == EmissionFamily::VonMisesMixture);
        assert!(fit.converged && fit.ess > 0.3 * fit.evidence_draws as f64);
        assert!(fit.log_evidence > with(EmissionFamily::VonMises).log_evidence + 3.0);
        let display = Display { probe: vec![0.0, 1.0], report: vec![0.0, 1.0], cued_slot: 0 };
        let swap = fit.posterior.swap_probability(1.0, None).unwrap().mean;
        assert_abs_diff_eq!(swap, GRADED.weights(&display)[2], epsilon = 0.06);
    }
}

#[test]
fn without_guesses_nothing_is_left_to_them() {
    for set_size in [1, 3] {
        let observations = data(GRADED, 0.0, set_size, 400, 7);
        let options = BnsOptions { uniform: Some(false), ..BnsOptions::default() };
        let fit = fit_bns(&observations, SwapDependence::Probe, &options).unwrap();
        assert_eq!(fit.weights.uniform, 0.0);
        assert_abs_diff_eq!(fit.weights.target + fit.weights.nontarget.unwrap_or(0.0), 1.0, epsilon = 1e-12);
        let display = DisplayGenerator::standard(5).unwrap().draw(&mut stream(1, Purpose::Displays, &[]));
        let weights = fit.posterior.mean_weights(&display);
        assert!(weights[0] == 0.0 && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(fit.posterior.weights_at(&fit.posterior.draw(2), &display)[0], 0.0);
        assert!(fit.log_evidence.is_finite() && fit.elbo <= fit.log_evidence + 0.1);
    }
}
