//! Recovery of what is known, and the tests behind the verdicts.

use approx::assert_abs_diff_eq;
use errare_core::random::{Purpose, stream};
use rand::RngExt;

use super::*;
use crate::likelihood::testing::{observations, simulated};
use crate::{DisplayGenerator, FitOptions, ModelName, SwapDependence, SwapFunction, fit};

fn design(trials: u64, sets: u64) -> RecoveryDesign {
    RecoveryDesign { trials, sets, seed: 3 }
}

fn given(model: &str, swap: SwapFunction) -> Truth {
    let truth = GivenTruth::new(swap, 0.1, 12.0).unwrap();
    Truth::given(model, model.parse().unwrap(), truth, 3, None).unwrap()
}

const GRADED: SwapFunction = SwapFunction::Distance { width: 0.8, offset: 0.0 };
const FLAT: SwapFunction = SwapFunction::Flat { swap_probability: 0.25 };

#[test]
fn p_values_are_those_of_tables() {
    // 95 % points of χ² with 2 and 10 degrees of freedom: 5.991 and 18.307.
    let at = |chi_square: f64, bins: usize| {
        // Two bins of one off by ±d around 100 give χ² = 2 d²/100.
        let mut counts = vec![100_000; bins];
        let d = (chi_square * 100_000.0 / 2.0).sqrt().round() as usize;
        counts[0] += d;
        counts[1] -= d;
        chi_square_uniform(&counts)
    };
    assert_abs_diff_eq!(at(5.991, 3), 0.05, epsilon = 1e-3);
    assert_abs_diff_eq!(at(18.307, 11), 0.05, epsilon = 1e-3);
    assert_eq!(chi_square_uniform(&[5, 5, 5]), 1.0);
    // D = 0.05 of 1000 values: scaled distance 1.587, p = 0.0130.
    let shifted: Vec<f64> = (0..1000).map(|i| (0.05 + f64::from(i) / 1000.0).min(1.0)).collect();
    assert_abs_diff_eq!(kolmogorov_smirnov_uniform(&shifted), 0.0130, epsilon = 2e-3);
    let mut stream = stream(1, Purpose::Null, &[]);
    let uniform: Vec<f64> = (0..1000).map(|_| stream.random()).collect();
    assert!(kolmogorov_smirnov_uniform(&uniform) > 0.01);
}

#[test]
fn a_mixture_recovers_its_parameters_and_passes_its_gates() {
    let truths = [given("three-component", FLAT), given("two-component", SwapFunction::None)];
    let (gates, design) = (Gates::default(), design(500, 40));
    let mut stated = gates.state(design, &[], false, false);
    assert!(stated.iter().all(|gate| gate.met.is_none() && gate.value.is_none()));
    let recovered = recover_parameters(&truths, design, &|| {}).unwrap();
    let names: Vec<&str> = recovered[0].parameters.iter().map(|summary| summary.name.as_str()).collect();
    assert_eq!(names, ["kappa", "nontarget", "uniform", "target"]);
    let nontarget = &recovered[0].parameters[1];
    assert_abs_diff_eq!(nontarget.truth, 0.225, epsilon = 1e-12);
    assert!(nontarget.rmse < 0.05 && nontarget.coverage.unwrap() > 0.85 && nontarget.intervals > 35);
    assert!(recovered[0].swap_curve.is_none());
    gates.judge(&mut stated, &recovered, None, None, &[]);
    assert!(stated.iter().all(|gate| gate.met != Some(false)), "{stated:?}");
    // A gate that cannot be met is not.
    let impossible = Gates { bias_errors: 0.0, bias_share: 1e-9, ..gates };
    impossible.judge(&mut stated, &recovered, None, None, &[]);
    assert_eq!(stated[0].met, Some(false));
}

#[test]
fn bns_recovers_the_swap_function_of_a_fit() {
    let trials = simulated(&GRADED, &DisplayGenerator::standard(3).unwrap(), 600, 1);
    let fitted = fit(&observations(&trials), "bns:probe".parse().unwrap(), &FitOptions::default()).unwrap();
    let truth = Truth::from_fit(&fitted, "fit", None).unwrap();
    let recovered = recover_parameters(&[truth], design(600, 6), &|| {}).unwrap();
    let curve = recovered[0].swap_curve.as_ref().unwrap();
    assert!(curve.rmse < 1.5 / 600f64.sqrt() && curve.coverage > 0.8, "{} {}", curve.rmse, curve.coverage);
    assert!(recovered[0].parameters.iter().any(|summary| summary.name == "kappa"));
    assert!(!recovered[0].parameters.iter().any(|summary| summary.name == "tau_probe"));
}

/// Draws were keyed by the number of the data set alone: two truths had the same deviates, and erred alike.
#[test]
fn truths_draw_from_their_posteriors_independently() {
    let trials = simulated(&GRADED, &DisplayGenerator::standard(3).unwrap(), 100, 1);
    let fitted = fit(&observations(&trials), "bns:probe".parse().unwrap(), &FitOptions::default()).unwrap();
    let truth = Truth::from_fit(&fitted, "fit", None).unwrap();
    let swaps =
        |index, set| truth::swap_probability(truth.simulate(index, set, 1, 3).unwrap().model.as_ref(), 1.5);
    assert_eq!(swaps(0, 0), swaps(0, 0));
    assert!(swaps(0, 0) != swaps(0, 1) && swaps(0, 0) != swaps(1, 0));
}

#[test]
fn the_model_that_made_the_data_wins() {
    let truths = [given("bns:probe", GRADED), given("bns:none", FLAT)];
    let models: Vec<ModelName> =
        ["bns:probe", "bns:none", "two-component"].map(|name| name.parse().unwrap()).into();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| recover_models(&truths, &models, design(700, 3), &|| {}).unwrap())
    };
    let matrix = with(1);
    assert_eq!(matrix, with(3), "threads change nothing");
    assert_eq!(matrix.rows[0].won[0], 3, "{matrix:?}");
    assert_eq!(matrix.rows[1].won[0] + matrix.rows[1].first[2], 0, "{matrix:?}");
    assert_eq!(matrix.rows[1].won.iter().sum::<usize>() + matrix.rows[1].undecided, 3);
    assert!(matrix.rows[0].margin > 3.0);
    let gates = Gates::default();
    let mut stated = gates.state(design(700, 3), &models, false, false);
    gates.judge(&mut stated, &[], Some(&matrix), None, &[]);
    let wrong = stated.iter().find(|gate| gate.name == "wrong wins").unwrap();
    assert_eq!((wrong.value, wrong.met), (Some(0.0), Some(true)));
}

#[test]
fn truths_are_ranked_uniformly() {
    let design = CalibrationDesign {
        dependence: SwapDependence::Probe,
        displays: DisplayGenerator::standard(2).unwrap(),
        trials: 200,
        sets: 110,
        kappa: 12.0,
        seed: 1,
    };
    let calibration = calibrate(&design, &|| {}).unwrap();
    assert!(calibration.adjusted_p() > 0.01, "{calibration:?}");
    assert_eq!(calibration.quantities[0].counts.iter().sum::<usize>(), 110);
}

#[test]
fn impossible_truths_are_refused() {
    assert!(GivenTruth::new(FLAT, 1.5, 8.0).unwrap_err().to_string().contains("uniform is 1.5"));
    assert!(GivenTruth::new(FLAT, 0.1, -1.0).is_err());
    let swap = SwapFunction::Distance { width: -1.0, offset: 0.0 };
    assert!(GivenTruth::new(swap, 0.1, 8.0).unwrap_err().to_string().contains("width"));
}
