//! The likelihood of a parametric model on given trials, and its gradient on the whole line.
//!
//! Emissions enter by their log density at the nodes of one grid, on which every response has been located once; the
//! derivatives of that table are central differences. The gradient of the logits is analytic: ∂L/∂logit = ρ − π.

use std::f64::consts::TAU;
use std::ops::Range as Indices;

use nalgebra::DVector;
use rayon::prelude::*;

use super::transform::{jacobian, natural};
use super::{Items, Logits, Parameter, ParametricModel};
use crate::emission::{Position, nodes};
use crate::likelihood::{EmissionRow, sum_over_chunks, trial_log_likelihood};
use crate::mixture::MixtureWeights;
use crate::{Observations, Result};

/// Step of the central differences of log densities, in coordinates on the whole line.
const STEP: f64 = 1e-4;

/// A model and the trials it is fitted to.
#[derive(Debug)]
pub(super) struct Objective<'a> {
    observations: &'a Observations,
    model: &'a dyn ParametricModel,
    pub(super) parameters: Vec<Parameter>,
    positions: Vec<Position>,
    /// The set sizes there are, and for each trial which it is.
    set_sizes: Vec<usize>,
    kinds: Vec<usize>,
}

/// What an evaluation gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Evaluation {
    pub(super) log_likelihood: f64,
    /// With respect to the coordinates; empty when not asked for.
    pub(super) gradient: Vec<f64>,
    /// Σ over trials of the weights of guesses, the cued item, and all others.
    pub(super) weights: [f64; 3],
}

/// Log densities at the nodes for one set size.
struct Table {
    log: Vec<f64>,
    /// Their derivatives with respect to the coordinates that shape the emission.
    slopes: Vec<(usize, Vec<f64>)>,
}

/// Sums over a chunk of trials.
struct Part {
    evaluation: Evaluation,
    /// With respect to the values, by way of the logits.
    logits: Vec<f64>,
}

/// Scratch of one chunk.
#[derive(Default)]
struct Scratch {
    logits: Logits,
    log: Vec<f64>,
    relative: Vec<f64>,
    weights: Vec<f64>,
    responsibilities: Vec<f64>,
}

impl<'a> Objective<'a> {
    pub(super) fn new(observations: &'a Observations, model: &'a dyn ParametricModel) -> Self {
        let sizes: Vec<usize> = (0..observations.len()).map(|trial| observations.set_size(trial)).collect();
        let mut set_sizes = sizes.clone();
        set_sizes.sort_unstable();
        set_sizes.dedup();
        let kinds = sizes.iter().map(|size| set_sizes.partition_point(|other| other < size)).collect();
        let positions = observations.errors().iter().map(|&error| Position::of(error)).collect();
        Self { observations, model, parameters: model.parameters(), positions, set_sizes, kinds }
    }

    /// Number of trials.
    pub(super) fn trials(&self) -> usize {
        self.observations.len()
    }

    /// The likelihood at coordinates `x`.
    ///
    /// # Errors
    /// Those of the emission, for parameters outside of its domain.
    pub(super) fn evaluate(&self, x: &[f64], with_gradient: bool) -> Result<Evaluation> {
        let values = natural(&self.parameters, x);
        let tables: Vec<Table> = self
            .set_sizes
            .par_iter()
            .map(|&set_size| self.table(x, set_size, with_gradient))
            .collect::<Result<_>>()?;
        let count = x.len();
        let chunk = |trials: Indices<usize>| {
            let mut part = Part { evaluation: Evaluation::default(), logits: vec![0.0; count] };
            part.evaluation.gradient = vec![0.0; count];
            let mut scratch = Scratch::default();
            for trial in trials {
                self.trial(trial, &values, &tables[self.kinds[trial]], &mut scratch, &mut part);
            }
            part
        };
        let add = |sum: &mut Part, part: Part| {
            sum.evaluation.log_likelihood += part.evaluation.log_likelihood;
            let pairs = [
                (&mut sum.evaluation.gradient[..], &part.evaluation.gradient[..]),
                (&mut sum.evaluation.weights[..], &part.evaluation.weights[..]),
                (&mut sum.logits[..], &part.logits[..]),
            ];
            for (into, from) in pairs {
                into.iter_mut().zip(from).for_each(|(into, from)| *into += from);
            }
        };
        let Some(Part { mut evaluation, logits }) = sum_over_chunks(self.observations.len(), chunk, add)
        else {
            return Ok(Evaluation::default());
        };
        if with_gradient {
            let by_logits = jacobian(&self.parameters, x).transpose() * DVector::from_vec(logits);
            evaluation.gradient.iter_mut().zip(by_logits.iter()).for_each(|(sum, slope)| *sum += slope);
        } else {
            evaluation.gradient.clear();
        }
        Ok(evaluation)
    }

    fn log_densities(&self, x: &[f64], set_size: usize) -> Result<Vec<f64>> {
        let emission = self.model.emission(&natural(&self.parameters, x)).emission(set_size)?;
        Ok(nodes().iter().map(|&node| emission.log_density(node)).collect())
    }

    fn table(&self, x: &[f64], set_size: usize, with_slopes: bool) -> Result<Table> {
        let mut slopes = Vec::new();
        for (index, _) in self.parameters.iter().enumerate().filter(|(_, p)| with_slopes && p.shapes_emission)
        {
            let moved = |by: f64| {
                let mut x = x.to_vec();
                x[index] += by;
                self.log_densities(&x, set_size)
            };
            let (mut above, below) = (moved(STEP)?, moved(-STEP)?);
            above.iter_mut().zip(below).for_each(|(above, below)| *above = (*above - below) / (2.0 * STEP));
            slopes.push((index, above));
        }
        Ok(Table { log: self.log_densities(x, set_size)?, slopes })
    }

    fn trial(&self, trial: usize, values: &[f64], table: &Table, scratch: &mut Scratch, part: &mut Part) {
        let items = self.observations.items(trial);
        let sources = items.len() + 1;
        let Scratch { logits, log, relative, weights, responsibilities } = scratch;
        let offsets = self.observations.probe_offsets().map(|offsets| &offsets[items.clone()]);
        logits.reset(values.len(), items.len());
        self.model.logits(values, Items { set_size: items.len(), probe_offsets: offsets }, logits);
        let positions = &self.positions[items];
        log.clear();
        log.push(-TAU.ln());
        log.extend(positions.iter().map(|position| position.interpolate(&table.log)));
        let peak = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        relative.clear();
        relative.extend(log.iter().map(|log| (log - peak).exp()));
        weights.resize(sources, 0.0);
        responsibilities.resize(sources, 0.0);
        let row = EmissionRow { log, relative, peak };
        let evaluation = &mut part.evaluation;
        evaluation.log_likelihood += trial_log_likelihood(&logits.values, row, weights, responsibilities);
        evaluation.weights[0] += weights[0];
        evaluation.weights[1] += weights[1];
        evaluation.weights[2] += weights[2..].iter().sum::<f64>();
        for (sum, slopes) in part.logits.iter_mut().zip(logits.slopes.chunks_exact(sources)) {
            for ((slope, rho), pi) in slopes.iter().zip(&*responsibilities).zip(&*weights) {
                *sum += slope * (rho - pi);
            }
        }
        for (index, slopes) in &table.slopes {
            for (position, rho) in positions.iter().zip(&responsibilities[1..]) {
                evaluation.gradient[*index] += rho * position.interpolate(slopes);
            }
        }
    }

    /// Mean weights of the sources over the trials.
    pub(super) fn mean_weights(&self, evaluation: &Evaluation) -> MixtureWeights {
        let [uniform, target, nontarget] = evaluation.weights.map(|sum| sum / self.observations.len() as f64);
        let nontarget = (self.observations.max_set_size() > 1).then_some(nontarget);
        MixtureWeights { target, nontarget, uniform }
    }
}
