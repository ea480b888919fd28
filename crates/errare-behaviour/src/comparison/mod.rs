//! Several models on the same groups of trials: evidence, held-out likelihood and BIC, and what may be claimed.
//!
//! Each model is fitted to all trials of a group, and once more for each fold of a cross-validation (`folds`), with
//! everything refitted. Models are ranked by held-out log likelihood; differences are paired trial by trial and their
//! intervals know that trials of one participant belong together (`interval`). `verdict` says in a sentence what follows
//! and what does not, `confound` warns where report features of neighbours imitate heavy tails. Uses models by
//! [`ModelName`] and [`FittedModel`](crate::FittedModel) only.

mod confound;
mod folds;
mod interval;
mod verdict;

use std::cmp::Ordering;
use std::sync::atomic::{self, AtomicU64};

use errare_core::progress::Progress;
use rayon::prelude::*;

pub use interval::{Interval, one_decimal};
pub use verdict::{CLAIM, Difference, FEWEST_TRIALS, Verdict};

use crate::data::Group;
use crate::mixture::MixtureWeights;
use crate::{
    Error, Fit, FitOptions, GroupKey, ModelName, Observations, ResponseModel, Result, Trial, TrialTable, fit,
};

/// Two models whose log densities differ by no more than this (nats) in any trial make the same predictions.
const SAME: f64 = 1e-3;

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparisonOptions {
    /// How each model is fitted; its seed is that of the folds too.
    pub fit: FitOptions,
    /// Number of folds, at least 2; as many as there are trials where these are fewer.
    pub folds: usize,
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self { fit: FitOptions::default(), folds: 10 }
    }
}

/// Several models on one group of trials.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// The participant of all trials, where they were grouped by participant.
    pub participant: Option<String>,
    /// The condition of all trials, where they were grouped by condition.
    pub condition: Option<String>,
    /// The set size of all trials; `None` when they are mixed.
    pub set_size: Option<usize>,
    /// Number of trials.
    pub trials: usize,
    /// Number of participants.
    pub participants: usize,
    /// Number of folds; 0 for a single trial, of which none can be held out.
    pub folds: usize,
    /// The models, the one that predicts held-out responses best first (lowest BIC, where none were held out).
    pub models: Vec<ModelScore>,
    /// Every other model against the first, then the variants of BNS against `bns:none`.
    pub differences: Vec<Difference>,
    /// What can and what cannot be claimed.
    pub conclusions: Vec<String>,
    /// What should make one look twice.
    pub warnings: Vec<String>,
}

impl Comparison {
    /// The group of trials in words, such as `participant 3, set size 4`.
    #[must_use]
    pub fn label(&self) -> String {
        self.models.first().map_or_else(String::new, |score| score.fit.label())
    }

    /// The score of a model, if it was compared.
    #[must_use]
    pub fn score(&self, model: ModelName) -> Option<&ModelScore> {
        self.models.iter().find(|score| score.model == model)
    }

    /// The difference of one model from another, if it was taken.
    #[must_use]
    pub fn difference(&self, model: ModelName, reference: ModelName) -> Option<&Difference> {
        self.differences.iter().find(|one| (one.model, one.reference) == (model, reference))
    }
}

/// How well one model does on one group of trials.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelScore {
    /// The model.
    pub model: ModelName,
    /// Log evidence by importance sampling at the fitted κ and hyperparameters (nats); `None` for models fitted by maximum
    /// likelihood, which have no prior.
    pub log_evidence: Option<f64>,
    /// Effective sample size behind the evidence.
    pub ess: Option<f64>,
    /// Log predictive density of all trials, each under the model fitted to the other folds (nats).
    pub heldout_log_likelihood: Option<f64>,
    /// −2 ln L + k ln M.
    pub bic: f64,
    /// ln L of the fit to all trials (nats).
    pub log_likelihood: f64,
    /// k of the BIC: the free parameters; for BNS κ, the hyperparameters and the effective number of coefficients.
    pub free_parameters: f64,
    /// A model before it that makes the same predictions for every trial, as variants of swaps do for single items.
    pub same_as: Option<ModelName>,
    /// Weights of the sources, averaged over trials.
    pub weights: MixtureWeights,
    /// For BNS the weight of uncued items that can be told from the cued one in the report feature.
    pub swap_mass: Option<f64>,
    /// The fit to all trials.
    #[serde(skip)]
    pub fit: Fit,
    /// Held-out log density of each trial (nats).
    #[serde(skip)]
    pub heldout: Option<Vec<f64>>,
}

/// Compares models on each group of trials of `table`, split by `keys`, in the order of [`TrialTable::group_by`].
///
/// All (group, model, fold) are fitted in parallel; the results do not depend on the number of threads. The same folds
/// serve every model of a group.
///
/// # Errors
/// [`Error::OutOfRange`] for fewer than 2 folds, else those of [`fit`], of the first fit that has one.
pub fn compare(
    table: &TrialTable,
    keys: &[GroupKey],
    models: &[ModelName],
    options: &ComparisonOptions,
    progress: &Progress,
) -> Result<Vec<Comparison>> {
    if options.folds < 2 {
        let value = options.folds as f64;
        return Err(Error::OutOfRange { name: "number of folds", value, expected: "at least 2" });
    }
    let groups: Vec<Split> =
        table.group_by(keys).into_iter().map(|group| Split::new(group, options)).collect();
    let jobs: Vec<Job> = groups.iter().flat_map(|split| split.jobs(models)).collect();
    let bar = progress.bar("comparing", jobs.len() as u64);
    let done = AtomicU64::new(0);
    let outcomes: Vec<Result<Outcome>> = jobs
        .par_iter()
        .with_max_len(1)
        .map(|job| {
            let outcome = job.run(options);
            bar.set(done.fetch_add(1, atomic::Ordering::Relaxed) + 1, &job.model.to_string());
            outcome
        })
        .collect();
    let mut outcomes = outcomes.into_iter();
    groups
        .iter()
        .map(|split| {
            let scores = models
                .iter()
                .map(|_| {
                    // The fit to all trials, then one a fold, in the order of `jobs`.
                    let fitted = outcomes.next().expect("an outcome a job")?.fit;
                    let held: Vec<Outcome> = (0..split.folds)
                        .map(|_| outcomes.next().expect("an outcome a job"))
                        .collect::<Result<_>>()?;
                    split.score(fitted, &held)
                })
                .collect::<Result<Vec<_>>>()?;
            Ok(split.compare(scores))
        })
        .collect()
}

/// A group of trials, cut into folds.
struct Split {
    group: Group,
    fold_of: Vec<usize>,
    folds: usize,
}

/// One fit: to all trials, or to all but one fold.
struct Job<'a> {
    split: &'a Split,
    model: ModelName,
    fold: Option<usize>,
}

/// A fit, and the log densities of the trials that it did not see.
struct Outcome {
    fit: Fit,
    held: Vec<f64>,
}

impl Job<'_> {
    fn run(&self, options: &ComparisonOptions) -> Result<Outcome> {
        let trials = self.split.group.table.trials();
        let held = |index: usize| self.fold == Some(self.split.fold_of[index]);
        let of = |wanted: bool| {
            trials.iter().enumerate().filter(move |(index, _)| held(*index) == wanted).map(|(_, trial)| trial)
        };
        let seen = of(false).map(|trial| (&trial.display, trial.response));
        let fit = fit(&Observations::new(seen)?, self.model, &options.fit)?;
        let held = if self.fold.is_some() { densities(&fit.model()?, of(true)) } else { Vec::new() };
        Ok(Outcome { fit, held })
    }
}

/// Log density (nats) of every response; −∞ where a model has none.
fn densities<'a>(model: &dyn ResponseModel, trials: impl Iterator<Item = &'a Trial>) -> Vec<f64> {
    trials
        .map(|trial| model.log_density(&trial.display, trial.response).unwrap_or(f64::NEG_INFINITY))
        .collect()
}

impl Split {
    fn new(group: Group, options: &ComparisonOptions) -> Self {
        let trials = group.table.trials();
        let folds = if trials.len() < 2 { 0 } else { options.folds.min(trials.len()) };
        let fold_of = folds::assign(trials, folds.max(1), options.fit.seed);
        Self { group, fold_of, folds }
    }

    fn jobs(&self, models: &[ModelName]) -> Vec<Job<'_>> {
        let folds = || std::iter::once(None).chain((0..self.folds).map(Some));
        models.iter().flat_map(|&model| folds().map(move |fold| Job { split: self, model, fold })).collect()
    }

    fn score(&self, mut fit: Fit, held: &[Outcome]) -> Result<ModelScore> {
        fit.participant = self.group.participant.as_deref().map(str::to_owned);
        fit.condition = self.group.condition.as_deref().map(str::to_owned);
        let mut next: Vec<_> = held.iter().map(|outcome| outcome.held.iter()).collect();
        let heldout = (self.folds > 0).then(|| {
            self.fold_of
                .iter()
                .map(|&fold| *next[fold].next().expect("a density a trial"))
                .collect::<Vec<f64>>()
        });
        let free =
            fit.parameters.len() as f64 + fit.bns.as_ref().map_or(0.0, |bns| bns.effective_coefficients);
        Ok(ModelScore {
            model: fit.model,
            log_evidence: fit.bns.as_ref().map(|bns| bns.log_evidence),
            ess: fit.bns.as_ref().map(|bns| bns.ess),
            heldout_log_likelihood: heldout.as_ref().map(|held| held.iter().sum()),
            bic: free * (fit.trials as f64).ln() - 2.0 * fit.log_likelihood,
            log_likelihood: fit.log_likelihood,
            free_parameters: free,
            same_as: None,
            weights: fit.weights,
            swap_mass: fit.bns.as_ref().and_then(|bns| bns.swap_mass),
            heldout,
            fit,
        })
    }

    fn compare(&self, mut scores: Vec<ModelScore>) -> Comparison {
        for later in 1..scores.len() {
            let same =
                scores[..later].iter().find(|one| one.same_as.is_none() && one.predicts_as(&scores[later]));
            scores[later].same_as = same.map(|one| one.model);
        }
        rank(&mut scores);
        let table = &self.group.table;
        let participants: Vec<&str> = table.trials().iter().map(|trial| &*trial.participant).collect();
        let differences = verdict::differences(&scores, &participants);
        let mut warnings = confound::warnings(table, &scores);
        warnings.extend(verdict::warnings(&scores));
        Comparison {
            participant: self.group.participant.as_deref().map(str::to_owned),
            condition: self.group.condition.as_deref().map(str::to_owned),
            set_size: self.group.set_size.or_else(|| match table.set_sizes().as_slice() {
                [only] => Some(*only),
                _ => None,
            }),
            trials: table.len(),
            participants: table.participants().len(),
            folds: self.folds,
            conclusions: verdict::conclusions(&scores, &differences),
            models: scores,
            differences,
            warnings,
        }
    }
}

impl ModelScore {
    /// Whether another model says the same of every trial, up to the precision of the fits.
    fn predicts_as(&self, other: &Self) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= SAME;
        match (&self.heldout, &other.heldout) {
            (Some(a), Some(b)) => {
                (self.log_likelihood - other.log_likelihood).abs() <= SAME * self.fit.trials as f64
                    && a.iter().zip(b).all(|(&a, &b)| near(a, b))
            }
            _ => near(self.log_likelihood, other.log_likelihood),
        }
    }
}

/// Best first; models that make the same predictions stay together, in the order in which they were asked for.
fn rank(scores: &mut [ModelScore]) {
    let merit = |score: &ModelScore| score.heldout_log_likelihood.unwrap_or(-0.5 * score.bic);
    let merits: Vec<(ModelName, f64)> = scores.iter().map(|score| (score.model, merit(score))).collect();
    let of = |score: &ModelScore| {
        let model = score.same_as.unwrap_or(score.model);
        merits.iter().find(|(name, _)| *name == model).map_or(f64::NEG_INFINITY, |(_, merit)| *merit)
    };
    scores.sort_by(|a, b| of(b).partial_cmp(&of(a)).unwrap_or(Ordering::Equal));
}

#[cfg(test)]
mod tests;
