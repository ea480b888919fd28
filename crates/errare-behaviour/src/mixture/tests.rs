//! The mixture models against published data and simulated truth.

use approx::assert_abs_diff_eq;
use errare_core::special::MAX_KAPPA;
use errare_core::von_mises::VonMises;

use super::expectation::{Parameters, expectations};
use super::*;
use crate::likelihood::testing::{human, human_cells, observations, simulated};
use crate::{Display, DisplayGenerator, Emission, ResponseModel};

/// A three-component mixture set by hand.
#[derive(Debug)]
struct Truth {
    target: f64,
    nontarget: f64,
    emission: VonMises,
}

impl ResponseModel for Truth {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let others = display.set_size() - 1;
        let mut weights = vec![1.0 - self.target - self.nontarget, self.target];
        weights.extend((0..others).map(|_| self.nontarget / others as f64));
        weights
    }
    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

/// Bays, Catalao & Husain (2009), pooled over participants and exposures.
#[test]
fn reference_values_of_human_data() {
    for (set_size, log_likelihood, kappa, weights) in [
        (1, -120.40, 17.99, (0.986, None, 0.014)),
        (2, -983.66, 11.00, (0.916, Some(0.027), 0.056)),
        (4, -2033.11, 7.69, (0.719, Some(0.099), 0.183)),
        (6, -2487.94, 7.31, (0.546, Some(0.274), 0.180)),
    ] {
        let Some(trials) = human("bays2009", set_size) else { return };
        let estimate = fit_mixture(&observations(&trials), true).unwrap();
        assert_abs_diff_eq!(estimate.log_likelihood, log_likelihood, epsilon = 0.05);
        assert_abs_diff_eq!(estimate.kappa, kappa, epsilon = 0.03);
        assert_abs_diff_eq!(estimate.weights.target, weights.0, epsilon = 0.003);
        assert_eq!(estimate.weights.nontarget.is_some(), set_size > 1);
        if let (Some(fitted), Some(expected)) = (estimate.weights.nontarget, weights.1) {
            assert_abs_diff_eq!(fitted, expected, epsilon = 0.003);
        }
        assert_abs_diff_eq!(estimate.weights.uniform, weights.2, epsilon = 0.003);
    }
}

#[test]
fn parameters_are_recovered_with_honest_standard_errors() {
    let truth = Truth { target: 0.7, nontarget: 0.2, emission: VonMises::new(12.0).unwrap() };
    let generator = DisplayGenerator::standard(4).unwrap();
    let sets = 40;
    let (mut inside, mut mean) = (0, [0.0; 3]);
    for seed in 0..sets {
        let trials = simulated(&truth, &generator, 600, seed);
        let estimate = fit_mixture(&observations(&trials), true).unwrap();
        let errors = estimate.standard_errors.unwrap();
        let nontarget = estimate.weights.nontarget.unwrap();
        mean[0] += estimate.weights.target / sets as f64;
        mean[1] += nontarget / sets as f64;
        mean[2] += estimate.kappa / sets as f64;
        inside += usize::from((estimate.weights.target - 0.7).abs() < 1.96 * errors.target);
        inside += usize::from((nontarget - 0.2).abs() < 1.96 * errors.nontarget.unwrap());
        inside += usize::from((estimate.weights.uniform - 0.1).abs() < 1.96 * errors.uniform);
        inside += usize::from((estimate.kappa - 12.0).abs() < 1.96 * errors.kappa);
    }
    // Means to four standard errors of their own; 160 dependent intervals of 95 %.
    assert_abs_diff_eq!(mean[0], 0.7, epsilon = 0.014);
    assert_abs_diff_eq!(mean[1], 0.2, epsilon = 0.014);
    assert_abs_diff_eq!(mean[2], 12.0, epsilon = 0.6);
    assert!((143..=158).contains(&inside), "{inside} of 160 intervals hold the truth");
}

#[test]
fn mixed_set_sizes_share_their_parameters() {
    let truth = Truth { target: 0.72, nontarget: 0.1, emission: VonMises::new(10.0).unwrap() };
    let single = Truth { target: 0.8, nontarget: 0.0, emission: truth.emission };
    let mut trials = simulated(&truth, &DisplayGenerator::standard(4).unwrap(), 4000, 1);
    trials.extend(simulated(&truth, &DisplayGenerator::standard(2).unwrap(), 4000, 2));
    trials.extend(simulated(&single, &DisplayGenerator::standard(1).unwrap(), 4000, 3));
    let estimate = fit_mixture(&observations(&trials), true).unwrap();
    assert_abs_diff_eq!(estimate.weights.target, 0.72, epsilon = 0.025);
    assert_abs_diff_eq!(estimate.weights.nontarget.unwrap(), 0.1, epsilon = 0.02);
    assert_abs_diff_eq!(estimate.kappa, 10.0, epsilon = 0.5);
}

/// What plain steps alone reach from the 27 starts that the toolbox of Bays et al. (2009) takes (9 without swaps).
fn by_plain_steps(observations: &crate::Observations, with_swaps: bool) -> f64 {
    let weights = [0.01, 0.1, 0.4];
    let swaps = if with_swaps { &weights[..] } else { &[0.0] };
    let mut best = f64::NEG_INFINITY;
    for kappa in [1.0, 10.0, 100.0] {
        for &swap in swaps {
            for uniform in weights {
                let start = Parameters { swap, guess: uniform / (1.0 - swap), kappa };
                best = best.max(em::advance(observations, start, 10_000, 1e-9).unwrap().1);
            }
        }
    }
    best
}

#[test]
fn screening_and_extrapolation_lose_no_maximum() {
    for seed in 0..120 {
        let set_size = 2 + seed as usize % 5;
        let truth = Truth {
            target: [0.9, 0.6, 0.4][seed as usize % 3],
            nontarget: [0.02, 0.1, 0.3][(seed as usize / 3) % 3],
            emission: VonMises::new([2.0, 8.0, 40.0][(seed as usize / 9) % 3]).unwrap(),
        };
        let mut trials =
            simulated(&truth, &DisplayGenerator::standard(set_size).unwrap(), 40 + 2 * seed, seed);
        if seed % 2 == 1 {
            let single = Truth { target: 0.9, nontarget: 0.0, ..truth };
            trials.extend(simulated(&single, &DisplayGenerator::standard(1).unwrap(), 40, 100 + seed));
        }
        let observations = observations(&trials);
        let fast = fit_mixture(&observations, true).unwrap().log_likelihood;
        let slow = by_plain_steps(&observations, true);
        assert!(fast > slow - 1e-3, "set {seed}: {fast} {slow}");
    }
}

/// Bays, Catalao & Husain (2009): every participant and set size, one core.
#[test]
#[ignore = "timing: cargo test --release -p errare-behaviour cells_of_bays -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the time is the result")]
fn cells_of_bays_2009_are_fitted_in_milliseconds() {
    let Some(cells) = human_cells("bays2009") else { return };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let started = std::time::Instant::now();
        let fits: Vec<_> = cells.iter().map(|cell| fit_mixture(cell, true).unwrap()).collect();
        let elapsed = started.elapsed();
        let mut worst = f64::NEG_INFINITY;
        for (cell, fit) in cells.iter().zip(&fits) {
            worst = worst.max(by_plain_steps(cell, cell.max_set_size() > 1) - fit.log_likelihood);
        }
        println!("{} cells in {elapsed:?}; at most {worst:.1e} nats below plain EM", cells.len());
        assert!(worst < 1e-3);
    });
}

#[test]
fn perfect_responses_end_at_the_limit() {
    let generator = DisplayGenerator::standard(3).unwrap();
    let trials: Vec<_> = simulated(&crate::SwapFunction::None, &generator, 200, 1);
    let estimate = fit_mixture(&observations(&trials), true).unwrap();
    assert_eq!(estimate.kappa, MAX_KAPPA);
    assert!(estimate.weights.target > 0.999 && estimate.standard_errors.is_none());
}

#[test]
fn the_gradient_behind_the_standard_errors_is_that_of_the_likelihood() {
    let truth = Truth { target: 0.6, nontarget: 0.25, emission: VonMises::new(8.0).unwrap() };
    let trials = simulated(&truth, &DisplayGenerator::standard(3).unwrap(), 300, 5);
    let observations = observations(&trials);
    let at = Parameters { swap: 0.3, guess: 0.2, kappa: 5.0 };
    let gradient = information::gradient(&observations, at).unwrap();
    for (axis, analytic) in gradient.into_iter().enumerate() {
        let h = 1e-5;
        let value =
            |by| expectations(&observations, information::moved(at, axis, by)).unwrap().log_likelihood;
        assert_abs_diff_eq!(analytic, (value(h) - value(-h)) / (2.0 * h), epsilon = 1e-4);
    }
}
