//! The maximum-likelihood fitter of every parametric model: many starts, BFGS, standard errors.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::objective::{Evaluation, Objective};
use super::transform::{free, jacobian, natural, on_edge};
use super::{ClassicalModel, Parameter, ParametricModel, Range};
use crate::bfgs::{Stop, maximise};
use crate::mixture::MixtureWeights;
use crate::{EmissionParameters, Error, Estimate, Observations, Result};

/// The best of the starts …
const STARTS: usize = 6;
/// … run until a step gains little, and the best of these …
const SCREENING: Stop = Stop { gain: 1e-2, steps: 30 };
const FINALISTS: usize = 2;
/// … to the end.
const FINAL: Stop = Stop { gain: 1e-6, steps: 120 };
/// Rounds of starts in the stretches between kinks, until none leads higher.
const CROSSINGS: usize = 4;
/// Step of the central differences of the gradient behind the standard errors.
const STEP: f64 = 1e-3;
/// Curvature over a quarter of that step, relative to the curvature over all of it, that tells a kink: 4 for one within
/// the quarter, next to nothing for one beyond it.
const KINK: f64 = 1.5;

/// A fitted parametric model.
#[derive(Debug, Clone)]
pub(crate) struct ParametricEstimate {
    pub(crate) parameters: Vec<Estimate>,
    pub(crate) log_likelihood: f64,
    pub(crate) emission: EmissionParameters,
    /// Averaged over the trials.
    pub(crate) weights: MixtureWeights,
}

/// Fits a model by maximum likelihood; deterministic, and the same for any number of threads.
///
/// # Errors
/// [`Error::MissingProbe`] when the model needs probe features that displays of several items lack.
pub(crate) fn fit_parametric(
    observations: &Observations,
    name: ClassicalModel,
) -> Result<ParametricEstimate> {
    let (common, largest) = (observations.common_set_size(), observations.max_set_size());
    if name.needs_probe() && largest > 1 && observations.probe_offsets().is_none() {
        return Err(Error::MissingProbe);
    }
    let model = name.build(common, largest);
    let objective = Objective::new(observations, model.as_ref());
    let parameters = &objective.parameters;
    let mut screened: Vec<Reached> =
        starts(parameters).into_par_iter().map(|x| reached(&objective, x)).collect::<Result<_>>()?;
    for (count, stop) in [(STARTS, SCREENING), (FINALISTS, FINAL)] {
        screened.sort_by(|a, b| b.1.total_cmp(&a.1));
        screened.truncate(count);
        screened =
            screened.into_par_iter().map(|(x, _)| climb(&objective, x, stop)).collect::<Result<_>>()?;
    }
    let mut best = highest(screened).expect("a model has starts");
    for _ in 0..CROSSINGS {
        match beyond_kinks(&objective, model.as_ref(), &best.0)? {
            Some(higher) if higher.1 > best.1 + FINAL.gain => best = higher,
            _ => break,
        }
    }
    // What lies beyond a limit is at it.
    let x = free(parameters, &natural(parameters, &best.0));
    let values = natural(parameters, &x);
    let evaluation = objective.evaluate(&x, false)?;
    let errors = standard_errors(&objective, &x, &values)?;
    let estimates = parameters.iter().zip(&values).zip(errors);
    Ok(ParametricEstimate {
        parameters: estimates
            .map(|((parameter, value), error)| Estimate::new(parameter.name, *value, error))
            .collect(),
        log_likelihood: evaluation.log_likelihood,
        emission: model.emission(&values),
        weights: objective.mean_weights(&evaluation),
    })
}

/// Coordinates and the log-likelihood there.
type Reached = (Vec<f64>, f64);

fn reached(objective: &Objective<'_>, x: Vec<f64>) -> Result<Reached> {
    objective.evaluate(&x, false).map(|evaluation| (x, evaluation.log_likelihood))
}

fn highest(all: Vec<Reached>) -> Option<Reached> {
    all.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The highest end of climbs from the best start in each stretch between kinks, if there are any.
fn beyond_kinks(
    objective: &Objective<'_>,
    model: &dyn ParametricModel,
    from: &[f64],
) -> Result<Option<Reached>> {
    let parameters = &objective.parameters;
    let best_of = |stretch: Vec<Vec<f64>>| -> Result<Option<Reached>> {
        let starts = stretch.iter().map(|values| reached(objective, free(parameters, values)));
        Ok(highest(starts.collect::<Result<_>>()?))
    };
    let starts: Vec<Option<Reached>> =
        model.stretches(&natural(parameters, from)).into_par_iter().map(best_of).collect::<Result<_>>()?;
    let mut starts: Vec<Reached> = starts.into_iter().flatten().collect();
    starts.sort_by(|a, b| b.1.total_cmp(&a.1));
    starts.truncate(STARTS);
    let ends: Vec<Reached> =
        starts.into_par_iter().map(|(x, _)| climb(objective, x, FINAL)).collect::<Result<_>>()?;
    Ok(highest(ends))
}

/// Every combination of the parameters' starting values, on the whole line.
fn starts(parameters: &[Parameter]) -> Vec<Vec<f64>> {
    let mut all = vec![vec![]];
    for parameter in parameters {
        let inside = |value: &f64| match parameter.range {
            Range::Positive(low, high) => value.clamp(1.1 * low, 0.9 * high),
            Range::Real(..) | Range::Share => *value,
        };
        all = all
            .into_iter()
            .flat_map(|start: Vec<f64>| {
                parameter.starts.iter().map(move |value| [&start[..], &[inside(value)]].concat())
            })
            .collect();
    }
    all.iter().map(|values| free(parameters, values)).collect()
}

fn climb(objective: &Objective<'_>, start: Vec<f64>, stop: Stop) -> Result<Reached> {
    // About the standard error of a coordinate that one parameter of a distribution has.
    let spread = vec![(1.0 / objective.trials() as f64).sqrt(); start.len()];
    let (x, evaluation) = maximise(start, &spread, stop, |x, _: Option<&Evaluation>| {
        let evaluation = objective.evaluate(x, true)?;
        Ok::<_, Error>((evaluation.log_likelihood, evaluation.gradient.clone(), evaluation))
    })?;
    Ok((x, evaluation.log_likelihood))
}

/// Asymptotic standard errors from the observed information of the parameters that lie inside their ranges and at no kink
/// of the likelihood, such as a capacity of just the items of a display; `None` for the others, and for all where the
/// information is not positive definite.
fn standard_errors(objective: &Objective<'_>, x: &[f64], values: &[f64]) -> Result<Vec<Option<f64>>> {
    let parameters = &objective.parameters;
    // Minus the change of the gradient along one parameter.
    let curvatures = |index: usize, step: f64| -> Result<Vec<f64>> {
        let moved = |by: f64| {
            let mut x = x.to_vec();
            x[index] += by;
            objective.evaluate(&x, true).map(|evaluation| evaluation.gradient)
        };
        let (above, below) = (moved(step)?, moved(-step)?);
        Ok(above.iter().zip(below).map(|(above, below)| (below - above) / (2.0 * step)).collect())
    };
    let (mut inside, mut columns) = (vec![], vec![]);
    for index in (0..x.len()).filter(|&index| !on_edge(&parameters[index], values[index])) {
        let column = curvatures(index, STEP)?;
        let ratio = curvatures(index, 0.25 * STEP)?[index] / column[index];
        // What bends upwards is no maximum, and the others have no errors either.
        if column[index] <= 0.0 || (1.0 / KINK..KINK).contains(&ratio) {
            inside.push(index);
            columns.push(column);
        }
    }
    let information =
        DMatrix::from_fn(inside.len(), inside.len(), |row, column| columns[column][inside[row]]);
    let mut errors = vec![None; x.len()];
    let symmetric = 0.5 * (&information + information.transpose());
    let Some(cholesky) = symmetric.cholesky() else { return Ok(errors) };
    let slopes = jacobian(parameters, x).select_columns(&inside).select_rows(&inside);
    let covariance = &slopes * cholesky.inverse() * slopes.transpose();
    for (row, &index) in inside.iter().enumerate() {
        errors[index] = Some(covariance[(row, row)].sqrt()).filter(|error| error.is_finite());
    }
    Ok(errors)
}
