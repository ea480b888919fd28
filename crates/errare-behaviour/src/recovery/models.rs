//! Model recovery: which model wins on data that which model made.

use rayon::prelude::*;

use super::truth::Truth;
use super::{Done, RecoveryDesign};
use crate::{Fit, FitOptions, ModelName, Result, fit};

/// Differences below this (nats) claim nothing.
pub(super) const DECISIVE: f64 = 3.0;

/// The model-recovery matrix.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelRecovery {
    /// The models that were fitted to every data set.
    pub models: Vec<ModelName>,
    /// One row a truth.
    pub rows: Vec<ModelRow>,
    /// Every data set.
    pub outcomes: Vec<Outcome>,
}

/// The data sets of one truth.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelRow {
    /// The truth.
    pub truth: String,
    /// The model that ought to win.
    pub model: ModelName,
    /// For each model, how often it scored highest, by however little.
    pub first: Vec<usize>,
    /// For each model, how often it won by at least 3 nats.
    pub won: Vec<usize>,
    /// How often nobody did.
    pub undecided: usize,
    /// Score of the model that ought to win minus that of the best other, averaged over data sets (nats).
    pub margin: f64,
}

/// One data set.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Outcome {
    /// The truth.
    pub truth: String,
    /// Number of the data set.
    pub set: u64,
    /// Score of each model (nats).
    pub scores: Vec<f64>,
    /// The model that scored highest.
    pub first: ModelName,
    /// Its lead over the second (nats).
    pub lead: f64,
}

/// What models compete by (nats): the log evidence of BNS, or what the Schwarz criterion makes of a maximum
/// likelihood. Parameters estimated by maximum likelihood, such as κ of BNS, count ½ ln(trials) each in both.
fn score(fit: &Fit) -> f64 {
    let hyperparameters = fit.bns.as_ref().map_or(0, |bns| bns.hyperparameters.len());
    let value = fit.bns.as_ref().map_or(fit.log_likelihood, |bns| bns.log_evidence);
    let counted = fit.parameters.len().saturating_sub(hyperparameters) as f64;
    value - 0.5 * counted * (fit.trials as f64).ln()
}

/// Simulates each truth `design.sets` times and fits every model to every data set. The data sets are those of
/// [`recover_parameters`](super::recover_parameters).
///
/// # Errors
/// Those of [`fit`].
pub fn recover_models(
    truths: &[Truth],
    models: &[ModelName],
    design: RecoveryDesign,
    done: Done<'_>,
) -> Result<ModelRecovery> {
    let jobs: Vec<(usize, u64)> =
        (0..truths.len()).flat_map(|index| (0..design.sets).map(move |set| (index, set))).collect();
    let outcome = |&(index, set): &(usize, u64)| -> Result<Outcome> {
        let data = truths[index].simulate(index, set, design.trials, design.seed)?;
        let options = FitOptions { seed: design.seed, ..Default::default() };
        let scores: Vec<f64> = models
            .iter()
            .map(|&model| Ok(score(&fit(&data.observations, model, &options)?)))
            .collect::<Result<_>>()?;
        let best = (0..models.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
        let second = best_other(&scores, best);
        done();
        let truth = truths[index].label().to_owned();
        Ok(Outcome { truth, set, first: models[best], lead: scores[best] - second, scores })
    };
    let outcomes: Vec<Outcome> = jobs.par_iter().map(outcome).collect::<Result<_>>()?;
    let rows = truths
        .iter()
        .zip(outcomes.chunks(design.sets.max(1) as usize))
        .map(|(truth, outcomes)| row(truth, models, outcomes))
        .collect();
    Ok(ModelRecovery { models: models.to_vec(), rows, outcomes })
}

/// The highest score of the models but one.
fn best_other(scores: &[f64], but: usize) -> f64 {
    let others = scores.iter().enumerate().filter(|(index, _)| *index != but);
    others.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max)
}

fn row(truth: &Truth, models: &[ModelName], outcomes: &[Outcome]) -> ModelRow {
    let count = |decided: bool| -> Vec<usize> {
        let counts = |model: &ModelName| {
            let won = |outcome: &&Outcome| outcome.first == *model && (!decided || outcome.lead >= DECISIVE);
            outcomes.iter().filter(won).count()
        };
        models.iter().map(counts).collect()
    };
    let own = models.iter().position(|model| *model == truth.model());
    let margin = own.map_or(f64::NAN, |own| {
        let margins = outcomes.iter().map(|outcome| outcome.scores[own] - best_other(&outcome.scores, own));
        margins.sum::<f64>() / outcomes.len() as f64
    });
    let won = count(true);
    ModelRow {
        truth: truth.label().to_owned(),
        model: truth.model(),
        first: count(false),
        undecided: outcomes.len() - won.iter().sum::<usize>(),
        won,
        margin,
    }
}
