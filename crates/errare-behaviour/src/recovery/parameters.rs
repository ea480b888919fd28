//! Parameter recovery: bias, error and coverage of what a model estimates on data of its own.

use errare_core::special::NORMAL_975;
use rayon::prelude::*;

use super::truth::{DataSet, Truth, swap_probability};
use super::{Done, RecoveryDesign};
use crate::{Fit, FitOptions, ModelName, Result, SwapCurvePoint, SwapDependence, fit};

/// How well one model recovers one truth.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ParameterRecovery {
    /// The truth.
    pub truth: String,
    /// The model fitted: the truth's own.
    pub model: ModelName,
    /// Items of the displays.
    pub set_size: usize,
    /// Trials of a data set.
    pub trials: u64,
    /// Data sets.
    pub sets: u64,
    /// The parameters whose truth is known, then the weights of the sources that are none.
    pub parameters: Vec<ParameterSummary>,
    /// The swap function over probe distance, where the model has one.
    pub swap_curve: Option<CurveRecovery>,
}

/// Estimates of one parameter over the data sets.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ParameterSummary {
    /// Its name.
    pub name: String,
    /// Its true value, averaged over data sets.
    pub truth: f64,
    /// Mean of estimate − truth.
    pub bias: f64,
    /// Standard error of the bias.
    pub bias_error: f64,
    /// Root mean square of estimate − truth.
    pub rmse: f64,
    /// Share of the 95 % intervals that hold the truth; `None` where the model gives no intervals.
    pub coverage: Option<f64>,
    /// Number of intervals behind it.
    pub intervals: usize,
    /// The estimate of every data set.
    pub estimates: Vec<f64>,
}

/// The swap function over probe distance, where the data have such distances.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CurveRecovery {
    /// RMSE over distances, averaged over data sets.
    pub rmse: f64,
    /// Share of points whose 95 % band holds the truth.
    pub coverage: f64,
    /// Point by point.
    pub points: Vec<CurveRecoveryPoint>,
}

/// The swap function at one distance.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct CurveRecoveryPoint {
    /// Probe distance (radians).
    pub distance: f64,
    /// True probability of a swap, averaged over data sets.
    pub truth: f64,
    /// Mean of the fitted one over data sets.
    pub mean: f64,
    /// Smallest fitted one.
    pub lowest: f64,
    /// Largest fitted one.
    pub highest: f64,
}

/// One quantity in one data set.
struct Comparison {
    name: String,
    truth: f64,
    estimate: f64,
    standard_error: Option<f64>,
}

struct Recovered {
    quantities: Vec<Comparison>,
    /// True and fitted swap probability at the distances of the data.
    curve: Vec<(f64, SwapCurvePoint)>,
}

/// Simulates each truth `design.sets` times and fits it with its own model.
///
/// # Errors
/// Those of [`fit`].
pub fn recover_parameters(
    truths: &[Truth],
    design: RecoveryDesign,
    done: Done<'_>,
) -> Result<Vec<ParameterRecovery>> {
    let recover = |index: usize, set: u64| -> Result<Recovered> {
        let truth = &truths[index];
        let data = truth.simulate(index, set, design.trials, design.seed)?;
        let fitted =
            fit(&data.observations, truth.model(), &FitOptions { seed: design.seed, ..Default::default() })?;
        done();
        Ok(compare(truth, &data, &fitted))
    };
    let jobs: Vec<(usize, u64)> =
        (0..truths.len()).flat_map(|index| (0..design.sets).map(move |set| (index, set))).collect();
    let recovered: Vec<Recovered> =
        jobs.par_iter().map(|&(index, set)| recover(index, set)).collect::<Result<_>>()?;
    Ok(truths
        .iter()
        .zip(recovered.chunks(design.sets.max(1) as usize))
        .map(|(truth, sets)| ParameterRecovery {
            truth: truth.label().to_owned(),
            model: truth.model(),
            set_size: truth.set_size(),
            trials: design.trials,
            sets: design.sets,
            parameters: (0..sets.first().map_or(0, |set| set.quantities.len()))
                .map(|at| summarise(sets, at))
                .collect(),
            swap_curve: curve(sets),
        })
        .collect())
}

fn compare(truth: &Truth, data: &DataSet, fitted: &Fit) -> Recovered {
    let true_parameters = truth.parameters();
    let mut quantities: Vec<Comparison> = fitted
        .parameters
        .iter()
        .filter_map(|estimate| {
            let (_, truth) = true_parameters.iter().find(|(name, _)| *name == estimate.name)?;
            Some(Comparison {
                name: estimate.name.clone(),
                truth: *truth,
                estimate: estimate.value,
                standard_error: estimate.standard_error,
            })
        })
        .collect();
    let weights = [
        ("target", Some(fitted.weights.target)),
        ("nontarget", fitted.weights.nontarget),
        ("uniform", Some(fitted.weights.uniform)),
    ];
    for ((name, estimate), truth) in weights.into_iter().zip(data.weights) {
        if let (Some(estimate), false) = (estimate, quantities.iter().any(|known| known.name == name)) {
            quantities.push(Comparison { name: name.to_owned(), truth, estimate, standard_error: None });
        }
    }
    let by_probe = fitted.model == ModelName::Bns(SwapDependence::Probe);
    let curve = fitted.bns.iter().filter(|_| by_probe).flat_map(|bns| &bns.swap_curve);
    let curve = curve
        .filter(|point| point.has_data)
        .map(|point| (swap_probability(data.model.as_ref(), point.distance), *point))
        .collect();
    Recovered { quantities, curve }
}

fn summarise(sets: &[Recovered], at: usize) -> ParameterSummary {
    let all: Vec<&Comparison> = sets.iter().filter_map(|set| set.quantities.get(at)).collect();
    let n = all.len() as f64;
    let mean = |value: &dyn Fn(&Comparison) -> f64| all.iter().map(|one| value(one)).sum::<f64>() / n;
    let bias = mean(&|one| one.estimate - one.truth);
    let variance = mean(&|one| (one.estimate - one.truth - bias).powi(2)) * n / (n - 1.0).max(1.0);
    let covered: Vec<bool> = all
        .iter()
        .filter_map(|one| Some((one.estimate - one.truth).abs() <= NORMAL_975 * one.standard_error?))
        .collect();
    let hits = covered.iter().filter(|&&covered| covered).count();
    ParameterSummary {
        name: all[0].name.clone(),
        truth: mean(&|one| one.truth),
        bias,
        bias_error: (variance / n).sqrt(),
        rmse: mean(&|one| (one.estimate - one.truth).powi(2)).sqrt(),
        coverage: (!covered.is_empty()).then(|| hits as f64 / covered.len() as f64),
        intervals: covered.len(),
        estimates: all.iter().map(|one| one.estimate).collect(),
    }
}

/// Only distances that every data set has: each then has the same number of points.
fn curve(sets: &[Recovered]) -> Option<CurveRecovery> {
    let distances: Vec<f64> = sets.first()?.curve.iter().map(|(_, point)| point.distance).collect();
    let shared: Vec<f64> = distances
        .into_iter()
        .filter(|distance| {
            sets.iter().all(|set| set.curve.iter().any(|(_, point)| point.distance == *distance))
        })
        .collect();
    if shared.is_empty() {
        return None;
    }
    let at = |set: &Recovered, distance: f64| {
        *set.curve.iter().find(|(_, point)| point.distance == distance).expect("a shared distance")
    };
    let n = sets.len() as f64;
    let (mut rmse, mut covered) = (0.0, 0usize);
    for set in sets {
        let mut squares = 0.0;
        for &distance in &shared {
            let (truth, point) = at(set, distance);
            squares += (point.mean - truth).powi(2);
            covered += usize::from((point.lo..=point.hi).contains(&truth));
        }
        rmse += (squares / shared.len() as f64).sqrt() / n;
    }
    let points = shared
        .iter()
        .map(|&distance| {
            let all: Vec<(f64, SwapCurvePoint)> = sets.iter().map(|set| at(set, distance)).collect();
            let means = || all.iter().map(|(_, point)| point.mean);
            CurveRecoveryPoint {
                distance,
                truth: all.iter().map(|(truth, _)| truth).sum::<f64>() / n,
                mean: means().sum::<f64>() / n,
                lowest: means().fold(f64::INFINITY, f64::min),
                highest: means().fold(f64::NEG_INFINITY, f64::max),
            }
        })
        .collect();
    Some(CurveRecovery { rmse, coverage: covered as f64 / (sets.len() * shared.len()) as f64, points })
}
