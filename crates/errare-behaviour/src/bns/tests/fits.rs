//! Swap functions recovered from simulated truth, at every set size, and from people.

use super::*;

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

/// The optimum of a part of many trials is only where the search begins.
#[test]
fn a_start_from_a_part_of_the_trials_changes_nothing() {
    use crate::bns::estimate::{finish, first_start, search, whole};
    let observations = data(GRADED, 0.1, 2, 51_000, 3);
    let options = BnsOptions::default();
    let quick = fit_bns(&observations, SwapDependence::Probe, &options).unwrap();
    let start = first_start(&observations, SwapDependence::Probe);
    let all = whole(&observations);
    let slow = search(&observations, &all, SwapDependence::Probe, &options, start, |end, _| {
        Ok(finish(end, &options))
    })
    .unwrap();
    assert_eq!(quick.posterior.modes, slow.posterior.modes);
    // Either search of the hyperparameters ends within a tenth of a nat of the top, where it is flat.
    assert_abs_diff_eq!(quick.elbo, slow.elbo, epsilon = 0.1);
    assert_abs_diff_eq!(kappa(&quick), kappa(&slow), epsilon = 1e-3 * kappa(&slow));
    for (a, b) in quick.swap_curve.iter().zip(&slow.swap_curve) {
        let width = (a.hi - a.lo).max(1e-4);
        assert!((a.mean - b.mean).abs() < 0.1 * width, "{a:?} {b:?}");
    }
}

/// A radius that is not a number left a swap mass of 0.
#[test]
fn a_report_radius_is_a_distance() {
    let data = data(GRADED, 0.1, 2, 40, 1);
    for radius in [f64::NAN, -0.1, 3.2, f64::INFINITY] {
        let options = BnsOptions { exclude_report_radius: Some(radius), ..BnsOptions::default() };
        let message = fit_bns(&data, SwapDependence::None, &options).unwrap_err().to_string();
        assert!(message.contains("report radius is") && message.contains("from 0 to pi"), "{message}");
        assert!(fit_participants(&[&data], SwapDependence::None, &options, Sharing::Emissions).is_err());
    }
}
