//! The parametric models against simulated truth, against each other, and at the edges of what can be fitted.

use approx::assert_abs_diff_eq;

use super::objective::Objective;
use super::*;
use crate::likelihood::testing::{observations, simulated};
use crate::mixture::MixtureWeights;
use crate::{
    Display, DisplayGenerator, Error, Estimate, Fit, FitOptions, FittedModel, ModelName, ResponseModel,
    SwapFunction, fit, predictive_log_likelihood,
};

/// A true model: set sizes that share the trials equally, and each parameter with its true value and how far (absolutely)
/// the estimate from 10,000 trials may be off. Set before the first fit.
type Truth = (ClassicalModel, &'static [usize], &'static [(&'static str, f64, f64)]);

const TRIALS: u64 = 10_000;
const TRUTHS: [Truth; 11] = [
    (ClassicalModel::Slots, &[1, 2, 4, 6], &[("capacity", 2.5, 0.1), ("kappa", 10.0, 0.6)]),
    (ClassicalModel::SlotsAveraging, &[1, 2, 4, 6], &[("capacity", 3.4, 0.15), ("kappa", 8.0, 0.6)]),
    (
        ClassicalModel::VariablePrecision,
        &[1, 2, 4, 6],
        &[
            ("mean_precision", 40.0, 5.0),
            ("precision_scale", 20.0, 4.0),
            ("precision_exponent", 1.0, 0.1),
            ("uniform", 0.05, 0.03),
        ],
    ),
    (
        ClassicalModel::VariablePrecisionSwap,
        &[4],
        &[
            ("mean_precision", 15.0, 2.0),
            ("precision_scale", 10.0, 4.0),
            ("nontarget", 0.15, 0.03),
            ("uniform", 0.1, 0.05),
        ],
    ),
    (ClassicalModel::ImmAbc, &[4], &[("kappa", 12.0, 0.8), ("c", 12.0, 2.5), ("a", 0.4, 0.15)]),
    (ClassicalModel::ImmBsc, &[4], &[("kappa", 12.0, 0.8), ("c", 12.0, 2.5), ("s", 1.5, 0.2)]),
    (
        ClassicalModel::ImmFull,
        &[4],
        &[("kappa", 12.0, 0.8), ("c", 12.0, 3.0), ("a", 0.2, 0.15), ("s", 2.0, 0.6)],
    ),
    (ClassicalModel::Sdm, &[4], &[("strength", 3.0, 0.3), ("kappa", 8.0, 1.0)]),
    (ClassicalModel::SdmSwap, &[4], &[("strength", 3.0, 0.4), ("kappa", 8.0, 1.2), ("nontarget", 0.2, 0.03)]),
    (ClassicalModel::Tcc, &[4], &[("d_prime", 3.0, 0.2), ("similarity_length", 0.4, 0.06)]),
    (
        ClassicalModel::TccSwap,
        &[4],
        &[("d_prime", 3.0, 0.25), ("similarity_length", 0.4, 0.08), ("nontarget", 0.2, 0.03)],
    ),
];

fn common(set_sizes: &[usize]) -> Option<usize> {
    (set_sizes.len() == 1).then(|| set_sizes[0])
}

fn true_model((model, set_sizes, parameters): &Truth) -> FittedModel {
    let values: Vec<(&str, f64)> = parameters.iter().map(|(name, value, _)| (*name, *value)).collect();
    model_at(*model, set_sizes, &values)
}

fn model_at(model: ClassicalModel, set_sizes: &[usize], parameters: &[(&str, f64)]) -> FittedModel {
    let values: Vec<f64> = parameters.iter().map(|(_, value)| *value).collect();
    let built = model.build(common(set_sizes), 8);
    Fit {
        model: ModelName::Classical(model),
        participant: None,
        condition: None,
        set_size: common(set_sizes),
        trials: 0,
        log_likelihood: 0.0,
        parameters: parameters.iter().map(|(name, value)| Estimate::new(name, *value, None)).collect(),
        emission: built.emission(&values),
        weights: MixtureWeights { target: 1.0, nontarget: None, uniform: 0.0 },
        standard_errors: None,
        bns: None,
    }
    .model()
    .unwrap()
}

fn trials_of(model: &dyn ResponseModel, set_sizes: &[usize], trials: u64, seed: u64) -> Vec<(Display, f64)> {
    let draw = |(index, &set_size): (usize, &usize)| {
        let generator = DisplayGenerator::standard(set_size).unwrap();
        simulated(model, &generator, trials / set_sizes.len() as u64, seed + 1000 * index as u64)
    };
    set_sizes.iter().enumerate().flat_map(draw).collect()
}

fn fitted(trials: &[(Display, f64)], model: ModelName) -> crate::Result<Fit> {
    fit(&observations(trials), model, &FitOptions::default())
}

#[test]
fn every_model_has_a_truth() {
    let named: Vec<_> = TRUTHS.iter().map(|truth| truth.0).collect();
    assert_eq!(named, ClassicalModel::ALL);
}

#[test]
fn gradients_match_finite_differences() {
    for (index, truth) in TRUTHS.iter().enumerate() {
        let trials = trials_of(&true_model(truth), &[1, 2, 5], 90, index as u64);
        let (mixed, several) = (observations(&trials), observations(&trials[60..]));
        for observations in [&mixed, &several] {
            let model = truth.0.build(observations.common_set_size(), 5);
            let objective = Objective::new(observations, model.as_ref());
            let starts = objective.parameters.iter().map(|parameter| 1.3 * parameter.starts[0]);
            let x = transform::free(&objective.parameters, &starts.collect::<Vec<_>>());
            let gradient = objective.evaluate(&x, true).unwrap().gradient;
            for axis in 0..x.len() {
                let value = |by: f64| {
                    let mut x = x.clone();
                    x[axis] += by;
                    objective.evaluate(&x, false).unwrap().log_likelihood
                };
                let h = 1e-4;
                let numeric = (value(h) - value(-h)) / (2.0 * h);
                assert_abs_diff_eq!(gradient[axis], numeric, epsilon = 1e-5 * numeric.abs().max(1.0));
            }
        }
    }
}

/// A true model with trials of it, and its fit to them.
type OwnFit = (&'static Truth, Vec<(Display, f64)>, Fit);

/// Fits of every true model to its own trials, for the tests that need them.
fn own_fits() -> Vec<OwnFit> {
    let own = |(index, truth): (usize, &'static Truth)| {
        let trials = trials_of(&true_model(truth), truth.1, TRIALS, 10 + index as u64);
        let fit = fitted(&trials, ModelName::Classical(truth.0)).unwrap();
        (truth, trials, fit)
    };
    TRUTHS.iter().enumerate().map(own).collect()
}

#[test]
fn every_model_recovers_its_parameters() {
    for (truth, trials, fit) in own_fits() {
        let mut surprise = 0.0f64;
        for ((name, value, tolerance), estimate) in truth.2.iter().zip(&fit.parameters) {
            let error = estimate.standard_error.unwrap_or_else(|| panic!("{}: {name}", fit.model));
            assert_eq!(*name, estimate.name);
            surprise = surprise.max((estimate.value - value).abs() / error);
            assert!(
                (estimate.value - value).abs() < *tolerance,
                "{}: {name} is {} ± {error}, not {value} ± {tolerance}",
                fit.model,
                estimate.value
            );
        }
        assert!(surprise < 4.0, "{}: off by {surprise} standard errors", fit.model);
        // The likelihood by way of the fit as others use it.
        let model = fit.model().unwrap();
        let pairs = trials.iter().map(|(display, response)| (display, *response));
        let again = predictive_log_likelihood(&model, pairs.clone()).unwrap();
        assert_abs_diff_eq!(again, fit.log_likelihood, epsilon = 1e-3);
        let at_truth = predictive_log_likelihood(&true_model(truth), pairs).unwrap();
        assert!(fit.log_likelihood > at_truth, "{}: the maximum lies below the truth", fit.model);
        let mean =
            trials.iter().map(|(display, _)| model.weights(display)[0]).sum::<f64>() / trials.len() as f64;
        assert_abs_diff_eq!(mean, fit.weights.uniform, epsilon = 1e-9);
    }
}

/// A generator, and another model that is the same where all trials have one set size.
const TIE: (ModelName, ModelName) = (ModelName::Classical(ClassicalModel::ImmAbc), ModelName::ThreeComponent);

/// A two- or three-component mixture as the true model, with trials of it and its fit.
fn own_mixture(model: ModelName, nontarget: f64, seed: u64) -> (Vec<(Display, f64)>, Fit) {
    let kappa = 10.0;
    let weights = MixtureWeights {
        target: 0.9 - nontarget,
        nontarget: (nontarget > 0.0).then_some(nontarget),
        uniform: 0.1,
    };
    let truth = Fit {
        model,
        participant: None,
        condition: None,
        set_size: None,
        trials: 0,
        log_likelihood: 0.0,
        parameters: vec![],
        emission: crate::EmissionParameters::VonMises { kappa },
        weights,
        standard_errors: None,
        bns: None,
    };
    let trials = trials_of(&truth.model().unwrap(), &[2, 4, 6], TRIALS, seed);
    let fit = fitted(&trials, model).unwrap();
    (trials, fit)
}

/// BIC differences (nats, BIC/2) of all models on the data of each, beyond the generator's own. Interference abc
/// and three-component are the same model where all trials have one set size, and tie at 0.
///
/// `cargo test --release -p errare-behaviour model_recovery -- --nocapture` prints the matrix.
#[test]
#[expect(clippy::print_stdout, reason = "the matrix is the result")]
fn model_recovery() {
    let penalised =
        |fit: &Fit| fit.log_likelihood - 0.5 * fit.parameters.len() as f64 * (fit.trials as f64).ln();
    let mut models = ModelName::all();
    models.retain(|model| !matches!(model, ModelName::Bns(_)));
    let names: Vec<String> = models.iter().map(ToString::to_string).collect();
    println!("data of \\ fitted: {}", names.join(" "));
    let classical = own_fits().into_iter().map(|(truth, trials, own)| (truth.1, trials, own));
    let mixtures = [(ModelName::TwoComponent, 0.0, 31), (ModelName::ThreeComponent, 0.2, 32)];
    let mixtures = mixtures.map(|(model, nontarget, seed)| {
        let (trials, own) = own_mixture(model, nontarget, seed);
        (&[2, 4, 6][..], trials, own)
    });
    for (set_sizes, trials, own) in mixtures.into_iter().chain(classical) {
        let ahead: Vec<f64> = models
            .iter()
            .map(|&model| penalised(&own) - penalised(&fitted(&trials, model).unwrap()))
            .collect();
        let cells: Vec<String> = ahead.iter().map(|nats| format!("{nats:.1}")).collect();
        println!("{} (set sizes {set_sizes:?}): {}", own.model, cells.join(" "));
        for (model, nats) in models.iter().zip(&ahead) {
            let same = *model == own.model || (own.model, *model) == TIE;
            assert!(
                if same { nats.abs() < 0.1 } else { *nats >= 3.0 },
                "{model} on data of {}: {nats}",
                own.model
            );
        }
    }
}

#[test]
fn models_that_are_the_same_have_the_same_likelihood() {
    let truth =
        (ClassicalModel::ImmAbc, &[4][..], &[("kappa", 9.0, 0.0), ("c", 8.0, 0.0), ("a", 0.5, 0.0)][..]);
    let trials = trials_of(&true_model(&truth), &[4], 600, 3);
    let of = |name: &str| fitted(&trials, name.parse().unwrap()).unwrap();
    for (one, other) in
        [("slots", "two-component"), ("slots-averaging", "slots"), ("imm:abc", "three-component")]
    {
        let (one, other) = (of(one), of(other));
        assert_abs_diff_eq!(one.log_likelihood, other.log_likelihood, epsilon = 1e-3);
        assert_abs_diff_eq!(one.weights.target, other.weights.target, epsilon = 2e-3);
    }
    // Precise responses with few guesses: the search must not overstep the capacity at which guesses end.
    let precise = trials_of(&true_model(&TRUTHS[9]), &[4], 2000, 4);
    let of_precise = |name: &str| fitted(&precise, name.parse().unwrap()).unwrap().log_likelihood;
    assert_abs_diff_eq!(of_precise("slots-averaging"), of_precise("slots"), epsilon = 1e-3);
    // Models that hold another one as a limit fit at least as well.
    for (wide, narrow) in [
        ("variable-precision", "two-component"),
        ("variable-precision-swap", "three-component"),
        ("imm:full", "imm:abc"),
        ("imm:full", "imm:bsc"),
        ("sdm-swap", "sdm"),
        ("tcc-swap", "tcc"),
    ] {
        let (wide, narrow) = (of(wide), of(narrow));
        assert!(wide.log_likelihood > narrow.log_likelihood - 0.02, "{} {}", wide.model, narrow.model);
    }
}

#[test]
fn poor_data_are_fitted_or_refused() {
    let guesses = SwapFunction::Flat { swap_probability: 0.3 };
    let few = trials_of(&guesses, &[3], 20, 1);
    let single = trials_of(&guesses, &[1], 60, 2);
    let perfect = trials_of(&SwapFunction::None, &[3], 60, 3);
    let mixed = trials_of(&guesses, &[1, 2, 6], 60, 4);
    let one = trials_of(&guesses, &[2], 1, 4);
    for model in ClassicalModel::ALL {
        for (what, trials) in
            [("few", &few), ("single", &single), ("perfect", &perfect), ("mixed", &mixed), ("one", &one)]
        {
            let fit = fitted(trials, ModelName::Classical(model)).unwrap();
            assert!(fit.log_likelihood.is_finite(), "{model:?} {what}");
            assert!(fit.parameters.iter().all(|estimate| estimate.value.is_finite()), "{model:?} {what}");
            let weights = fit.weights;
            let total = weights.target + weights.nontarget.unwrap_or(0.0) + weights.uniform;
            assert_abs_diff_eq!(total, 1.0, epsilon = 1e-9);
            assert_eq!(weights.nontarget.is_none(), what == "single");
            let model = fit.model().unwrap();
            assert!(trials.iter().all(|(display, y)| model.density(display, *y).unwrap() > 0.0));
        }
        let mut blind = few.clone();
        blind.iter_mut().for_each(|(display, _)| display.probe.clear());
        let outcome = fitted(&blind, ModelName::Classical(model));
        assert_eq!(matches!(outcome, Err(Error::MissingProbe)), model.needs_probe(), "{model:?}");
    }
}

#[test]
fn a_fit_is_read_back_as_the_same_model() {
    let guesses = SwapFunction::Flat { swap_probability: 0.3 };
    for trials in [trials_of(&guesses, &[3], 80, 1), trials_of(&guesses, &[1, 4], 80, 2)] {
        for model in ClassicalModel::ALL {
            let fit = fitted(&trials, ModelName::Classical(model)).unwrap();
            let text = serde_json::to_string(&fit).unwrap();
            let read: Fit = serde_json::from_str(&text).unwrap();
            assert_eq!(read, fit);
            let (a, b) = (read.model().unwrap(), fit.model().unwrap());
            assert_eq!(a, b);
            let display = &trials[trials.len() - 1].0;
            assert_eq!(a.density(display, 0.3), b.density(display, 0.3));
            let mut broken = fit.clone();
            broken.parameters.pop();
            assert!(broken.model().unwrap_err().to_string().contains("parameters"));
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let trials = trials_of(&SwapFunction::Flat { swap_probability: 0.3 }, &[2, 4], 400, 1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(&trials, ModelName::Classical(ClassicalModel::ImmFull)).unwrap())
    };
    assert_eq!(with(1), with(3));
}

/// As many slots as a display has items is where guesses at that set size end: the likelihood has no curvature there.
#[test]
fn a_capacity_at_a_kink_has_no_standard_error() {
    let (mut at_kink, mut beside) = (0, 0);
    for seed in 0..60 {
        let truth =
            true_model(&(ClassicalModel::Slots, &[3, 6], &[("capacity", 3.0, 0.0), ("kappa", 10.0, 0.0)]));
        let trials: Vec<_> = [3, 6]
            .into_iter()
            .flat_map(|size| simulated(&truth, &DisplayGenerator::standard(size).unwrap(), 100, seed))
            .collect();
        let name = ModelName::Classical(ClassicalModel::Slots);
        let fitted = fit(&observations(&trials), name, &FitOptions::default()).unwrap();
        let [capacity, kappa] = &fitted.parameters[..] else { panic!("two parameters") };
        assert!(kappa.standard_error.is_some());
        match capacity.standard_error {
            None => {
                assert!((capacity.value - 3.0).abs() < 0.01, "{}", capacity.value);
                at_kink += 1;
            }
            Some(error) => {
                assert!((capacity.value - 3.0).abs() > 0.001, "{} ± {error}", capacity.value);
                beside += 1;
            }
        }
    }
    assert!(at_kink > 9 && beside > 9, "{at_kink} and {beside}");
}

/// Fitted to one set size, slots are the two-component model with c = N P(remembered), also where few are forgotten.
#[test]
fn slots_of_one_set_size_are_the_two_component_model() {
    for seed in 0..90 {
        let set_size = 2 + seed as usize % 3;
        let remembered = set_size as f64 * (0.9 + 0.09 * (seed as f64 * 0.618).fract());
        let truth = model_at(ClassicalModel::Slots, &[set_size], &[("capacity", remembered), ("kappa", 8.0)]);
        let trials = simulated(&truth, &DisplayGenerator::standard(set_size).unwrap(), 90, seed);
        let observations = observations(&trials);
        let log_likelihood = |name: &str| {
            fit(&observations, name.parse().unwrap(), &FitOptions::default()).unwrap().log_likelihood
        };
        let mixture = log_likelihood("two-component");
        for name in ["slots", "slots-averaging"] {
            let slots = log_likelihood(name);
            assert!(
                slots > mixture - 1e-3,
                "seed {seed}, {set_size} items: {name} {slots}, two-component {mixture}"
            );
        }
    }
}
